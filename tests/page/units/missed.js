import { Record } from "../../../static/stream/missed.js";
import { equal, test } from "./runner.js";

/** @typedef {import("../../../static/events.js").Happening} Happening */

test("a tab is given the newest of each key since its cursor, in order and as catch-up", () => {
  const record = new Record("1-0");
  for (const it of [price("2-0", "BOLT"), price("3-0"), price("4-0"), goal("3-5")]) {
    record.note(it);
  }
  equal(given(record, "1-0"), [false, "2-0", "3-5", "4-0"]);
  equal(given(record, "3-0"), [false, "3-5", "4-0"]);
  equal(
    record.after("1-0")?.happenings.map(({ live }) => live),
    [false, false, false],
  );
});

test("what lies before the stream's beginning is not known", () => {
  const record = new Record("5-0");
  record.note(price("6-0"));
  equal(record.after("4-0"), null);
  equal(record.after(null), null);
});

test("after a fresh beginning a tab of before is given all that there is", () => {
  const record = new Record("5-0");
  record.note(price("5-1", "BOLT"));
  record.begin("9-0");
  record.note(price("8-0"));
  equal(given(record, "4-0"), [true, "8-0"]);
  equal(given(record, "9-0"), [false]);
});

test("of a publisher's own events the newest of each key is kept, and each without one", () => {
  const record = new Record("1-0");
  for (const it of [own("2-0", "4711"), own("2-1", null), own("2-2", "4711")]) record.note(it);
  equal(given(record, "1-0"), [false, "2-1", "2-2"]);
  record.note({ ...gone("3-0"), data: { event: "ticket", key: "4711" } });
  equal(given(record, "1-0"), [false, "2-1", "3-0"]);
});

test("who has an older price is told that the symbol is retired", () => {
  const record = new Record("1-0");
  record.note(price("2-0"));
  record.note(gone("3-0"));
  equal(given(record, "2-0"), [false, "3-0"]);
});

test("a thousand passing events are kept, and the floor rises with the others", () => {
  const record = new Record("1-0");
  for (let n = 1; n <= 1001; n++) record.note(goal(`2-${n}`));
  equal(record.after("1-0"), null);
  equal(record.after("2-1")?.happenings.length, 1000);
});

test("a stream that goes back knows no more than what came since", () => {
  const record = new Record("5-0");
  record.begin("5-0");
  record.restart("3-0");
  equal(record.after("2-0"), null);
  equal(given(record, "3-0"), [false]);
});

/** @param {Record} record @param {string} cursor */
function given(record, cursor) {
  const found = record.after(cursor);
  return found && [found.isFresh, ...found.happenings.map(({ id }) => id)];
}

/** @param {string} id @returns {Happening} */
function price(id, symbol = "ACME") {
  return { type: "price", data: { symbol }, id, live: true };
}

/** @param {string} id @param {string | null} key @returns {Happening} */
function own(id, key) {
  return { type: "other", data: { event: "ticket", key, data: {} }, id, live: true };
}

/** @param {string} id @returns {Happening} */
function gone(id) {
  return { type: "gone", data: { event: "price", key: "ACME" }, id, live: true };
}

/** @param {string} id @returns {Happening} */
function goal(id) {
  return { type: "incident", data: { match: "m" }, id, live: true };
}
