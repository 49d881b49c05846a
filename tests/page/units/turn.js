import { Turn, newState } from "../../../static/ask/turn.js";
import { FakeSource } from "./fake-source.js";
import { assert, equal, test } from "./runner.js";

/** @typedef {import("../../../static/ask/turn.js").State} State */

const QUESTION = { text: "How is ACME?", about: "", follow: null, symbols: [], key: "first" };
const ANSWER = { answer: "abc", at: 1000, by: "rules" };
const RealSource = globalThis.EventSource;
const realFetch = globalThis.fetch;

/**
 * A test of a turn. Each request is noted, and gets the next response: an object is the
 * body of a 200, a text one that isn't JSON, a number a status, and null no connection.
 * @param {(it: {turn: Turn, requests: any[], responses: any[]}) => unknown} act
 * @param {Partial<State>} changes
 */
function withTurn(act, changes = {}) {
  return async () => {
    /** @type {any[]} */ const requests = [];
    /** @type {any[]} */ const responses = [];
    /** @param {string} url @param {RequestInit} options */
    const fetch = async (url, options) => {
      requests.push({
        path: new URL(url, location.href).pathname,
        key: new Headers(options.headers).get("Idempotency-Key"),
      });
      const next = responses.shift();
      if (next === null) throw new TypeError("no connection");
      if (typeof next === "string") return new Response(next);
      const status = typeof next === "number" ? next : 200;
      return new Response(JSON.stringify(next), { status });
    };
    FakeSource.all = [];
    Object.assign(globalThis, { EventSource: FakeSource, fetch });
    const turn = new Turn({ ...newState(QUESTION), ...changes }, () => undefined);
    try {
      await act({ turn, requests, responses });
    } finally {
      turn.finish();
      Object.assign(globalThis, { EventSource: RealSource, fetch: realFetch });
    }
  };
}

test(
  "a question is sent once, and its answer read to the end",
  withTurn(async ({ turn, requests, responses }) => {
    responses.push(ANSWER);
    await turn.open();
    equal([turn.state.phase, turn.state.answer, turn.isRunning], ["answering", "abc", true]);
    await turn.open();
    FakeSource.all[0].say("Up.", "1-1");
    FakeSource.all[0].end("complete");
    equal([turn.state.phase, turn.state.cursor, turn.isRunning], ["ended", "1-1", false]);
    equal([requests.length, FakeSource.all.length], [1, 1]);
  }),
);

test(
  "a question whose fate is unknown is sent again with its key, a refused one with another",
  withTurn(async ({ turn, requests, responses }) => {
    responses.push(null, "<html>", 429, ANSWER);
    await turn.open();
    equal(turn.state.phase, "refused");
    await turn.askAgain();
    equal(turn.state.phase, "refused");
    await turn.askAgain();
    equal([turn.state.phase, turn.state.problem?.status], ["refused", 429]);
    await turn.askAgain();
    equal(turn.state.phase, "answering");
    const keys = requests.map(({ key }) => key);
    equal(keys.slice(0, 3), ["first", "first", "first"]);
    assert(keys[3].length === 32);
  }),
);

test(
  "a question that a reload interrupted is sent again with its key",
  withTurn(async ({ turn, requests, responses }) => {
    responses.push(ANSWER);
    await turn.open();
    equal(requests, [{ path: "/api/answers", key: "first" }]);
  }),
);

test(
  "a turn that is over stays as it is",
  withTurn(
    async ({ turn, requests }) => {
      await turn.open();
      equal([requests.length, FakeSource.all.length], [0, 0]);
    },
    { phase: "ended", answer: "abc", end: { reason: "stopped", detail: null } },
  ),
);

test(
  "if the rules answer for a model, the turn says so at its end",
  withTurn(async ({ turn, responses }) => {
    responses.push({ ...ANSWER, by: "llama" }, { ...ANSWER, id: "1-1", end: {} });
    await turn.open();
    equal(turn.state.by, "llama");
    const named = new Promise((resolve) => {
      Object.defineProperty(turn.state, "by", { set: resolve, get: () => "llama" });
    });
    FakeSource.all[0].end("complete");
    equal(await named, "rules");
  }),
);
