import { Tab } from "../../../static/stream/tab.js";
import { withClock } from "./clock.js";
import { equal, test } from "./runner.js";

/** @typedef {import("../../../static/events.js").LogEvent} LogEvent */

test("an event is delivered at once, and only what came after the tab's cursor", () => {
  const { tab, sent } = opened();
  for (const id of ["1-0", "0-9", "1-1"]) tab.addEvent(price(id), 0);
  equal([sent, tab.cursor], [["1-1"], "1-1"]);
});

test("an event that the tab doesn't show moves its cursor on, and is not delivered", () => {
  const { tab, sent } = opened({ selection: { symbols: ["BOLT"] } });
  tab.addEvent(price("1-1"), 0);
  equal([sent, tab.cursor, tab.isPending], [[], "1-1", false]);
});

test(
  "a slower tab gets the newest of each key, when its pace says so and in order",
  withClock((clock) => {
    const { tab, sent } = opened({ pace: 5 });
    for (const it of [price("1-1"), price("1-2", "BOLT"), price("1-3")]) tab.addEvent(it, 1);
    clock.pass(4999);
    equal(sent, []);
    clock.pass(1);
    equal(sent, ["1-2", "1-3"]);
  }),
);

test("a stream as slow as the tab is not slowed twice", () => {
  const { tab, sent } = opened({ pace: 5 });
  tab.addEvent(price("1-1"), 5);
  equal(sent, ["1-1"]);
});

test("a message comes after the events before it, unless it is sent now", () => {
  const { tab, sent } = opened({ pace: 5 });
  tab.addEvent(price("1-1"), 0);
  tab.sendNow({ type: "unknown" });
  equal(sent, ["unknown"]);
  tab.send({ type: "unknown" });
  equal(sent, ["unknown", "1-1", "unknown"]);
});

test("a cursor never goes back, unless the tab starts afresh", () => {
  const { tab, sent } = opened();
  tab.skipTo("3-0");
  tab.skipTo("2-0");
  equal(tab.cursor, "3-0");
  tab.startAfresh();
  tab.addEvent(price("2-0"), 0);
  equal(sent, ["2-0"]);
});

test(
  "a tab that is detached gets nothing more",
  withClock((clock) => {
    const { tab, sent } = opened({ pace: 1 });
    tab.addEvent(price("1-1"), 0);
    tab.detach();
    tab.send({ type: "unknown" });
    clock.pass(2000);
    equal([sent, clock.waiting], [[], 0]);
  }),
);

/**
 * Return a tab and the list of what it is sent: ids of events, types of other messages.
 * @param {Partial<import("../../../static/stream/hub.js").AttachRequest>} changes
 */
function opened(changes = {}) {
  /** @type {string[]} */
  const sent = [];
  const tab = new Tab(
    (message) => {
      if (message.type === "events") sent.push(...message.events.map(({ id }) => id));
      else sent.push(message.type);
    },
    {
      type: "attach",
      id: "1-0",
      heartbeat: 10,
      selection: { symbols: null },
      pace: 0,
      online: true,
      ...changes,
    },
  );
  return { tab, sent };
}

/** @param {string} id @returns {LogEvent} */
function price(id, symbol = "ACME") {
  return { type: "price", data: { symbol }, id, live: true };
}
