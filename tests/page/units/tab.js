import { Tab } from "../../../static/stream/tab.js";
import { withClock } from "./clock.js";
import { equal, test } from "./runner.js";

/** @typedef {import("../../../static/events.js").Happening} Happening */

test("an event is delivered at once, and only what came after the tab's cursor", () => {
  const { tab, told } = opened();
  for (const id of ["1-0", "0-9", "1-1"]) tab.take(price(id), 0);
  equal([told, tab.cursor], [["1-1"], "1-1"]);
});

test("what the tab doesn't show moves its cursor on, and is not delivered", () => {
  const { tab, told } = opened({ selection: { symbols: ["BOLT"] } });
  tab.take(price("1-1"), 0);
  equal([told, tab.cursor, tab.isPending], [[], "1-1", false]);
});

test(
  "a slower tab gets the newest of each key, when its pace says so and in order",
  withClock((clock) => {
    const { tab, told } = opened({ pace: 5 });
    for (const it of [price("1-1"), price("1-2", "BOLT"), price("1-3")]) tab.take(it, 1);
    clock.pass(4999);
    equal(told, []);
    clock.pass(1);
    equal(told, ["1-2", "1-3"]);
  }),
);

test("a stream as slow as the tab is not slowed twice", () => {
  const { tab, told } = opened({ pace: 5 });
  tab.take(price("1-1"), 5);
  equal(told, ["1-1"]);
});

test("what is said comes after the events that came before it, an answer before", () => {
  const { tab, told } = opened({ pace: 5 });
  tab.take(price("1-1"), 0);
  tab.answer({ say: "unknown" });
  equal(told, ["unknown"]);
  tab.say({ say: "unknown" });
  equal(told, ["unknown", "1-1", "unknown"]);
});

test("a cursor never goes back, unless everything is told anew", () => {
  const { tab, told } = opened();
  tab.skipTo("3-0");
  tab.skipTo("2-0");
  equal(tab.cursor, "3-0");
  tab.beginAnew();
  tab.take(price("2-0"), 0);
  equal(told, ["2-0"]);
});

test(
  "a tab that left is told nothing more",
  withClock((clock) => {
    const { tab, told } = opened({ pace: 1 });
    tab.take(price("1-1"), 0);
    tab.leave();
    tab.say({ say: "unknown" });
    clock.pass(2000);
    equal([told, clock.waiting], [[], 0]);
  }),
);

/**
 * A tab, and what it is told: ids of events, else what is said.
 * @param {Partial<import("../../../static/stream/hub.js").Attach>} changes
 */
function opened(changes = {}) {
  /** @type {string[]} */
  const told = [];
  const tab = new Tab(
    (said) => {
      if (said.say === "events") told.push(...said.happenings.map(({ id }) => id));
      else told.push(said.say);
    },
    {
      ask: "attach",
      id: "1-0",
      heartbeat: 10,
      selection: { symbols: null },
      pace: 0,
      online: true,
      ...changes,
    },
  );
  return { tab, told };
}

/** @param {string} id @returns {Happening} */
function price(id, symbol = "ACME") {
  return { type: "price", data: { symbol }, id, live: true };
}
