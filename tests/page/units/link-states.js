/** Every cell of the tables of a stream's states, and the name that the badge shows. */

import {
  HAPPENINGS,
  INITIAL,
  NETWORK,
  NEWS,
  STREAM,
  nameOf,
  react,
} from "../../../static/stream/link-states.js";
import { equal, test } from "./runner.js";

/** @typedef {import("../../../static/stream/link-states.js").Standing} Standing */

const UNENDED = "connecting failing live broken slow reconnecting restarting full";

/** By happening: the states that it changes, and the new state. It keeps all others. */
const STREAM_CHANGES = {
  opened: { [UNENDED]: "connecting" },
  restarted: { slow: "broken" },
  hello: { [UNENDED]: "live" },
  event: { "slow reconnecting": "live" },
  byeRestart: { [UNENDED]: "restarting" },
  byeFull: { [UNENDED]: "full" },
  byeAge: { "restarting full": "live" },
  farewellOver: { "restarting full": "reconnecting" },
  end: { [UNENDED]: "ended" },
  error: { connecting: "failing", live: "broken" },
  silent: { "live broken": "slow" },
  mute: { "live broken slow": "reconnecting" },
  absent: { "connecting failing live broken slow": "reconnecting" },
};
const NEWS_CHANGES = {
  hello: { "delayed interrupted": "live" },
  inTime: { delayed: "live" },
  late: { live: "delayed" },
  feedAway: { "live delayed": "interrupted" },
  feedBack: { interrupted: "live" },
};
const NETWORK_CHANGES = {
  online: { offline: "online" },
  offline: { online: "offline" },
};

test("each happening takes each state of a stream to one state", () => {
  equal(STREAM, expected(`${UNENDED} ended`, STREAM_CHANGES));
});

test("each happening takes each state of the news to one state", () => {
  equal(NEWS, expected("live delayed interrupted", NEWS_CHANGES));
});

test("each happening takes each state of the network to one state", () => {
  equal(NETWORK, expected("online offline", NETWORK_CHANGES));
});

test("each happening changes a state somewhere", () => {
  const changes = { ...STREAM_CHANGES, ...NEWS_CHANGES, ...NETWORK_CHANGES };
  equal([...HAPPENINGS].sort(), Object.keys(changes).sort());
});

test("a stream is live while it is there and its news are current", () => {
  equal(after("opened"), "connecting");
  equal(after("opened", "hello"), "live");
  equal(after("opened", "hello", "late"), "delayed");
  equal(after("opened", "hello", "late", "feedAway"), "interrupted");
  equal(after("opened", "hello", "late", "feedAway", "silent"), "slow");
  equal(after("opened", "hello", "late", "feedAway", "silent", "event"), "interrupted");
});

test("an error by itself does not change the badge", () => {
  equal(after("opened", "error"), "connecting");
  for (const news of ["inTime", "late", "feedAway"]) {
    equal(after("opened", "hello", news, "error"), after("opened", "hello", news));
  }
});

test("without a network, a failing stream is offline at once and a good one is not", () => {
  equal(after("opened", "offline"), "connecting");
  equal(after("opened", "offline", "error"), "offline");
  equal(after("opened", "hello", "offline"), "live");
  equal(after("opened", "hello", "offline", "late"), "delayed");
  for (const trouble of ["error", "silent", "mute", "absent"]) {
    equal(after("opened", "hello", trouble, "offline"), "offline");
    equal(after("opened", "hello", "offline", trouble), "offline");
  }
});

test("a bye explains what follows it, with or without a network", () => {
  for (const [bye, name] of [
    ["byeRestart", "restarting"],
    ["byeFull", "full"],
  ]) {
    const explained = ["offline", "error", "silent", "mute", "absent", "event", "online"];
    equal(after("opened", "hello", bye, ...explained), name);
    equal(after("opened", bye, "farewellOver"), "reconnecting");
  }
});

test("a complete stream stays complete", () => {
  equal(after("opened", "hello", "end", ...HAPPENINGS), "ended");
});

test("a happening that changes nothing makes no new object", () => {
  const live = react(INITIAL, "hello");
  equal(react(live, "event") === live, true);
});

/**
 * Return a whole table, with the cells that keep the state.
 * @param {string} states The rows, separated by spaces.
 * @param {{[happening: string]: {[states: string]: string}}} changes
 */
function expected(states, changes) {
  /** @param {string} state @param {string} happening */
  const next = (state, happening) => {
    const found = Object.entries(changes[happening] ?? {});
    return found.find(([from]) => from.split(" ").includes(state))?.[1] ?? state;
  };
  const row = (/** @type {string} */ state) =>
    Object.fromEntries(HAPPENINGS.map((happening) => [happening, next(state, happening)]));
  return Object.fromEntries(states.split(" ").map((state) => [state, row(state)]));
}

/** @param {string[]} happenings In order. @returns {string} The name on the badge then. */
function after(...happenings) {
  const all = /** @type {import("../../../static/stream/link-states.js").Happening[]} */ (
    happenings
  );
  return nameOf(all.reduce(react, INITIAL));
}
