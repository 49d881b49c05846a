import { MissedEvents } from "../../../static/stream/missed.js";
import { equal, test } from "./runner.js";

/** @typedef {import("../../../static/events.js").LogEvent} LogEvent */

test("a tab is given the newest of each key since its cursor, in order and as catch-up", () => {
  const missed = new MissedEvents("1-0");
  for (const it of [price("2-0", "BOLT"), price("3-0"), price("4-0"), goal("3-5")]) {
    missed.remember(it);
  }
  equal(given(missed, "1-0"), [false, "2-0", "3-5", "4-0"]);
  equal(given(missed, "3-0"), [false, "3-5", "4-0"]);
  equal(
    missed.after("1-0")?.events.map(({ live }) => live),
    [false, false, false],
  );
});

test("events before the stream's beginning are not known", () => {
  const missed = new MissedEvents("5-0");
  missed.remember(price("6-0"));
  equal(missed.after("4-0"), null);
  equal(missed.after(null), null);
});

test("after a fresh hello, a tab with an older cursor gets the newest event of each key", () => {
  const missed = new MissedEvents("5-0");
  missed.remember(price("5-1", "BOLT"));
  missed.startAfresh("9-0");
  missed.remember(price("8-0"));
  equal(given(missed, "4-0"), [true, "8-0"]);
  equal(given(missed, "9-0"), [false]);
});

test("of a publisher's own events the newest of each key is kept, and each without one", () => {
  const missed = new MissedEvents("1-0");
  for (const it of [own("2-0", "4711"), own("2-1", null), own("2-2", "4711")])
    missed.remember(it);
  equal(given(missed, "1-0"), [false, "2-1", "2-2"]);
  missed.remember({ ...gone("3-0"), data: { event: "ticket", key: "4711" } });
  equal(given(missed, "1-0"), [false, "2-1", "3-0"]);
});

test("a tab with an older price gets the retirement of its symbol", () => {
  const missed = new MissedEvents("1-0");
  missed.remember(price("2-0"));
  missed.remember(gone("3-0"));
  equal(given(missed, "2-0"), [false, "3-0"]);
});

test("a thousand passing events are kept, and the floor rises with the others", () => {
  const missed = new MissedEvents("1-0");
  for (let n = 1; n <= 1001; n++) missed.remember(goal(`2-${n}`));
  equal(missed.after("1-0"), null);
  equal(missed.after("2-1")?.events.length, 1000);
});

test("after a restart only the events since then are known", () => {
  const missed = new MissedEvents("5-0");
  missed.startAfresh("5-0");
  missed.restartFrom("3-0");
  equal(missed.after("2-0"), null);
  equal(given(missed, "3-0"), [false]);
});

/** @param {MissedEvents} missed @param {string} cursor */
function given(missed, cursor) {
  const found = missed.after(cursor);
  return found && [found.isFresh, ...found.events.map(({ id }) => id)];
}

/** @param {string} id @returns {LogEvent} */
function price(id, symbol = "ACME") {
  return { type: "price", data: { symbol }, id, live: true };
}

/** @param {string} id @param {string | null} key @returns {LogEvent} */
function own(id, key) {
  return { type: "other", data: { event: "ticket", key, data: {} }, id, live: true };
}

/** @param {string} id @returns {LogEvent} */
function gone(id) {
  return { type: "gone", data: { event: "price", key: "ACME" }, id, live: true };
}

/** @param {string} id @returns {LogEvent} */
function goal(id) {
  return { type: "incident", data: { match: "m" }, id, live: true };
}
