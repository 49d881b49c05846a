/**
 * The states of a Link and the words that the badge shows for them. Each state is reached
 * by what a server, a network or a clock does.
 */

import { Badge } from "../../../static/board/badge.js";
import { byId } from "../../../static/dom.js";
import { Link } from "../../../static/stream/link.js";
import { Pause } from "../../../static/controls/pause.js";
import { passTime } from "../../../static/times.js";
import { withClock } from "./clock.js";
import { assert, equal, test } from "./runner.js";

const NOON = Date.UTC(2026, 2, 5, 14, 3, 7); // 14:03:07
const ALL = { symbols: null };
const HELLO = { resume: "replayed", heartbeat: 10, pace: 0, at: NOON, tail: `${NOON}-0` };

passTime(NOON);

/** Replaces the browser's EventSource: a test decides what arrives. */
class Source extends EventTarget {
  static CLOSED = 2;
  /** @type {Source[]} */ static made = [];
  readyState = 0;

  constructor() {
    super();
    Source.made.push(this);
  }

  close() {
    this.readyState = Source.CLOSED;
  }

  /** @param {string} type @param {object} data */
  say(type, data, lastEventId = "") {
    const it = { data: JSON.stringify(data), lastEventId };
    this.dispatchEvent(new MessageEvent(type, it));
  }

  /** Fail; the browser reconnects by itself unless `readyState` is `CLOSED`. */
  fail(readyState = Source.CLOSED) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
}

Object.assign(globalThis, { EventSource: Source });
document.body.innerHTML = `
  <p id="badge"><span id="badge-sign"></span> <span id="badge-words"></span></p>
  <p id="paused" hidden>‖ <span id="paused-words"></span></p>
  <button id="retry" hidden>Retry now</button>
  <button id="pause"><span>‖</span><span>Pause</span></button>`;

test(
  "for three seconds it is connecting, then it is reconnecting",
  withClock((clock) => {
    const { says } = begun(clock);
    clock.pass(2999);
    equal(says(), "○ Connecting…");
    clock.pass(1001);
    equal(says(), "↻ Reconnecting… · Retry now");
  }),
);

test(
  "an error does not start the three seconds again, nor turn the badge back",
  withClock((clock) => {
    const { says, source } = begun(clock);
    clock.pass(2500);
    source().fail(0);
    equal(says(), "○ Connecting…");
    clock.pass(1500);
    equal(says(), "↻ Reconnecting… · Retry now");
    source().fail(0);
    equal(says(), "↻ Reconnecting… · Retry now");
  }),
);

test(
  "after one and a half heartbeats of silence, the badge counts the seconds",
  withClock((clock) => {
    const { says } = live(clock);
    clock.pass(15_000);
    equal(says(), "● Live");
    clock.pass(3000);
    equal(says(), "◐ No update for 18 s");
    clock.pass(7000);
    equal(says(), "◐ No update for 25 s");
    clock.pass(1000);
    equal(says(), "↻ Reconnecting in 1 s · Retry now");
  }),
);

test(
  "an event that is older than three seconds by the server's clock is late",
  withClock((clock) => {
    const { says, source } = live(clock);
    clock.pass(9000);
    source().say("price", {}, `${NOON + 6000}-1`); // three seconds old
    equal(says(), "● Live");
    source().say("price", {}, `${NOON + 3000}-2`);
    equal(says(), "◐ Delayed 6 s");
  }),
);

test(
  "an error shows after three seconds; then the badge counts down to the next attempt",
  withClock((clock) => {
    const { says, source } = live(clock);
    source().fail(0);
    clock.pass(2000);
    equal(says(), "● Live");
    for (const wait of [1000, 2000, 0]) {
      source().fail();
      clock.pass(wait);
    }
    equal(says(), "↻ Reconnecting in 4 s · Retry now");
    clock.pass(1000);
    equal(says(), "↻ Reconnecting in 3 s · Retry now");
    byId("retry").click();
    equal(says(), "↻ Reconnecting… · Retry now");
    source().say("hello", HELLO);
    equal(says(), "● Live");
  }),
);

test(
  "offline, the badge shows the time of the values",
  withClock((clock) => {
    const { says, source, link } = live(clock);
    link.online = false;
    equal(says(), "● Live"); // as long as anything comes
    source().fail(0);
    equal(says(), "✕ Offline. Showing 14:03:07");
  }),
);

test(
  "the badge explains an absence by the reason of the bye",
  withClock((clock) => {
    const { says, source } = live(clock);
    source().say("bye", { reason: "restart", retry_ms: 2000 });
    equal(says(), "↻ Server restarting");
    source().say("bye", { reason: "full", retry_ms: 20_000 });
    equal(says(), "✕ Server is full. Trying again in 20 s");
    source().say("bye", { reason: "age", retry_ms: 2000 });
    equal(says(), "● Live");
  }),
);

test(
  "a feed that is away and a stream that is complete have names of their own",
  withClock((clock) => {
    const { says, source } = live(clock);
    source().say("heartbeat", { at: NOON + 1, feed: "away" });
    equal(says(), "◐ Feed interrupted. Showing 14:03:07");
    source().say("end", { reason: "complete" });
    equal(says(), "■ The stream is complete");
  }),
);

test("paused, the page shows since when, and how many rows have changed", () => {
  const pause = new Pause();
  pause.toggle(NOON);
  for (let n = 1; n <= 24; n++) {
    const key = `S${n % 12}`;
    pause.onChange({ type: "price", key, before: null, now: null, live: true });
  }
  pause.paint();
  const [, word] = byId("pause").children;
  const said = `${text("paused")} · ${word.textContent}`;
  equal(said, "‖ Paused at 14:03:07 · 12 rows changed · Resume");
  assert(document.documentElement.hasAttribute("data-paused"), "the badge isn't hidden");
  pause.toggle(NOON);
});

test(
  "waits double up to half a minute, and start again after a good minute",
  withClock((clock) => {
    const { source } = live(clock);
    equal(waitsOf(source, clock, 7), [1, 2, 4, 8, 16, 30, 30]);
    source().say("hello", { ...HELLO, heartbeat: 3600 });
    clock.pass(61_000);
    equal(waitsOf(source, clock, 1), [1]);
  }),
);

test(
  "a wait is shortened at random, by up to a half, to spread the clients",
  withClock((clock) => {
    const { source } = begun(clock, () => 1);
    source().say("hello", HELLO);
    equal(waitsOf(source, clock, 3), [0.5, 1, 2]);
  }),
);

test(
  "a new subscription waits for as long as a full server asked",
  withClock((clock) => {
    const { says, source, link } = live(clock);
    source().say("bye", { reason: "full", retry_ms: 20_000 });
    source().fail(0);
    const made = Source.made.length;
    link.subscribe({ selection: ALL, pace: 1 });
    clock.pass(19_000);
    equal([Source.made.length, says()], [made, "✕ Server is full. Trying again in 1 s"]);
    clock.pass(1000);
    equal(Source.made.length, made + 1);
  }),
);

test(
  "a server has ten seconds for its hello, even if heartbeats are short",
  withClock((clock) => {
    const { says, source } = begun(clock, () => 0, 1);
    const slow = source();
    clock.pass(10_000);
    assert(source() === slow, "it was given up");
    slow.say("hello", { ...HELLO, heartbeat: 1 });
    equal(says(), "● Live");
    clock.pass(5000);
    assert(source() !== slow, "a mute server was not given up after its hello");
  }),
);

test(
  "a clock that is set back does not blind the watchdog, nor stop the retries",
  withClock((clock) => {
    let setBack = 0;
    const { says, source } = begun(
      clock,
      () => 0,
      10,
      () => NOON + clock.now - setBack,
    );
    source().say("hello", HELLO);
    setBack = 3_600_000;
    clock.pass(18_000);
    equal(says(), "◐ No update for 18 s");
    clock.pass(8000);
    equal(says(), "↻ Reconnecting in 1 s · Retry now");
    setBack *= 2;
    clock.pass(1000);
    source().say("hello", HELLO);
    equal(says(), "● Live");
  }),
);

test(
  "a clock that is set forward costs at most one new connection",
  withClock((clock) => {
    let setForward = 0;
    const { says, source } = begun(
      clock,
      () => 0,
      10,
      () => NOON + clock.now + setForward,
    );
    source().say("hello", HELLO);
    const made = Source.made.length;
    setForward = 3_600_000;
    clock.pass(3000);
    equal(Source.made.length, made + 1);
    source().say("hello", HELLO);
    clock.pass(9000);
    equal([Source.made.length, says()], [made + 1, "● Live"]);
  }),
);

/**
 * Return the seconds from each of several failures to the next EventSource.
 * @param {() => Source} source
 * @param {import("./clock.js").Clock} clock
 * @param {number} times
 */
function waitsOf(source, clock, times) {
  return Array.from({ length: times }, () => {
    const began = clock.now;
    const failed = source();
    failed.fail();
    while (source() === failed) clock.pass(100);
    return (clock.now - began) / 1000;
  });
}

/** @param {import("./clock.js").Clock} clock */
function begun(clock, random = () => 0, heartbeat = 10, now = () => NOON + clock.now) {
  const nothing = () => {};
  const link = new Link(
    {
      event: nothing,
      hello: nothing,
      heartbeat: nothing,
      caughtUp: nothing,
      control: nothing,
      state: nothing,
    },
    {
      id: `${NOON}-0`,
      heartbeat,
      subscription: { selection: ALL, pace: 0 },
      name: "0123456789abcdef0123456789abcdef",
      now,
      elapsed: () => clock.now,
      random,
    },
  );
  const badge = new Badge(() => link.retry());
  link.open();
  return {
    link,
    says: () => said(badge, link),
    source: () => Source.made[Source.made.length - 1],
  };
}

/** @param {import("./clock.js").Clock} clock */
function live(clock) {
  const made = begun(clock);
  made.source().say("hello", HELLO);
  return made;
}

/** @param {Badge} badge @param {Link} link */
function said(badge, link) {
  badge.paint(link.state, link.asOf);
  const retry = byId("retry");
  return text("badge") + (retry.hidden ? "" : ` · ${retry.textContent}`);
}

/** @param {string} id */
function text(id) {
  return byId(id).textContent ?? "";
}
