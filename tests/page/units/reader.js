import { Reader } from "../../../static/ask/reader.js";
import { withClock } from "./clock.js";
import { FakeSource, HEARTBEAT } from "./fake-source.js";
import { assert, equal, test } from "./runner.js";

const RealSource = globalThis.EventSource;
const realFetch = globalThis.fetch;

/**
 * A test of a reader, all of whose streams are fake.
 * @param {(it: {reader: Reader, seen: any[], clock: import("./clock.js").Clock}) => any} act
 * @param {string | null} cursor
 */
function withReader(act, cursor = null) {
  return withClock(async (clock) => {
    FakeSource.all = [];
    Object.assign(globalThis, { EventSource: FakeSource });
    /** @type {any[]} */
    const seen = [];
    const reader = new Reader("abc", cursor, {
      piece: ({ text }) => seen.push(text),
      end: ({ reason }) => seen.push({ reason }),
      lost: () => seen.push("lost"),
      waiting: (isWaiting) => isWaiting && seen.push("waiting"),
      lump: () => seen.push("lump"),
    });
    reader.open();
    try {
      await act({ reader, seen, clock });
    } finally {
      reader.finish();
      Object.assign(globalThis, { EventSource: RealSource, fetch: realFetch });
    }
  });
}

/** @param {number} status @param {object} body @param {HeadersInit} headers */
function respond(status, body, headers = {}) {
  const ok = status === 200;
  const response = { ok, status, headers: new Headers(headers), json: async () => body };
  Object.assign(globalThis, { fetch: async () => response });
}

/** Let what waits for a response go on. */
function settle() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}

test(
  "every piece comes once and the end once, and then the stream is closed",
  withReader(({ seen }) => {
    const [source] = FakeSource.all;
    equal(source.url, "/stream/answers/abc");
    source.hello("1-0");
    source.say("One", "1-1");
    source.say("One", "1-1");
    source.say(" two", "2-1");
    source.end("complete");
    equal(seen, ["One", " two", { reason: "complete" }]);
    equal(source.readyState, 2);
  }),
);

test(
  "a reader goes on from its cursor, and a closed one from where it was",
  withReader(({ reader, seen }) => {
    equal(FakeSource.all[0].url, "/stream/answers/abc?after=1-1");
    FakeSource.all[0].say("One", "1-1");
    FakeSource.all[0].say(" two", "2-1");
    reader.close();
    reader.open();
    equal(FakeSource.all[1].url, "/stream/answers/abc?after=2-1");
    equal(seen, [" two"]);
  }, "1-1"),
);

test(
  "an answer that the server no longer has is lost",
  withReader(async ({ seen, clock }) => {
    respond(404, {});
    FakeSource.all[0].fail(true);
    await settle();
    equal(seen, ["waiting", "lost"]);
    clock.pass(100_000);
    equal(FakeSource.all.length, 1);
  }),
);

test(
  "an answer whose last word was read is over",
  withReader(async ({ seen }) => {
    respond(200, { id: "1-1", end: { reason: "stopped", detail: null } });
    FakeSource.all[0].fail(true);
    await settle();
    equal(seen, ["waiting", { reason: "stopped" }]);
  }, "1-1"),
);

test(
  "a refused stream is tried again, not before the server says and ever more rarely",
  withReader(async ({ clock }) => {
    respond(503, {}, { "Retry-After": "7" });
    FakeSource.all[0].fail(true);
    await settle();
    clock.pass(6999);
    equal(FakeSource.all.length, 1);
    clock.pass(1);
    equal(FakeSource.all.length, 2);
    respond(502, {});
    for (const least of [1000, 2000, 4000]) {
      FakeSource.all.at(-1)?.fail(true);
      await settle();
      const count = FakeSource.all.length;
      clock.pass(least - 1);
      equal(FakeSource.all.length, count);
      clock.pass(least + 1);
      equal(FakeSource.all.length, count + 1);
    }
  }),
);

test(
  "the browser reconnects after a cut, and a silent stream is replaced",
  withReader(({ seen, clock }) => {
    FakeSource.all[0].hello("1-0");
    FakeSource.all[0].fail(false);
    equal([FakeSource.all.length, seen], [1, ["waiting"]]);
    clock.pass(HEARTBEAT * 2500 - 1);
    equal(FakeSource.all.length, 1);
    clock.pass(1);
    equal([FakeSource.all.length, FakeSource.all[0].readyState], [2, 2]);
  }),
);

test(
  "words that were written apart and arrive together are reported once",
  withReader(({ seen }) => {
    const [source] = FakeSource.all;
    source.hello("1000-0");
    for (let ms = 1000; ms <= 4000; ms += 500) source.say(".", `${ms}-1`);
    equal(seen.filter((it) => it === "lump").length, 1);
  }),
);

test(
  "words that were there before are no lump",
  withReader(({ seen }) => {
    const [source] = FakeSource.all;
    source.hello("4000-1");
    for (let ms = 1000; ms <= 4000; ms += 500) source.say(".", `${ms}-1`);
    assert(!seen.includes("lump"));
  }),
);
