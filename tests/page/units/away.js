import { awaySentence } from "../../../static/alerts/away-sentence.js";
import { Away } from "../../../static/alerts/away.js";
import { Board } from "../../../static/board/state.js";
import { equal, test } from "./runner.js";
import { boot, quote, score } from "./samples.js";

const MINUTE = 60_000;

test("two minutes without anything are worth a sentence, less is not", async () => {
  equal(await saidAfter(2 * MINUTE - 1), null);
  equal(await saidAfter(2 * MINUTE), "While you were away (2 min): ACME +1.00%");
});

test("a symbol written from right to left turns no figure", () => {
  const named = new Map([["טבע", quote({ symbol: "טבע", price: 90 })]]);
  const past = { at: 0, quotes: new Map([["טבע", quote({ price: 100 })]]), scores: new Map() };
  const said = awaySentence(past, { quotes: named, scores: new Map() }, 5 * MINUTE);
  equal(said, "While you were away (5 min): \u2068טבע\u2069 −10.00%");
});

test("it is said once", async () => {
  const board = new Board(boot({ prices: [quote()] }));
  const away = new Away(board);
  away.rememberBoard(0, 5 * MINUTE);
  board.apply("price", quote({ price: 90 }), "1000-1", false);
  equal(await away.describeChanges(5 * MINUTE), "While you were away (5 min): ACME −10.00%");
  equal(await away.describeChanges(5 * MINUTE), null);
});

test("goals are counted, taken-back ones not, and the three that moved most are named", () => {
  const before = world(
    [score({ home: side(1) }), score({ match: "n" })],
    [100, 100, 100, 100],
  );
  const after = world(
    [score({ home: side(0) }), score({ match: "n", home: side(2) })],
    [101, 97, 100.5, 110],
  );
  equal(
    awaySentence({ at: 0, ...before }, after, 90 * MINUTE),
    "While you were away (1 h 30 min): 2 goals, D +10.00%, B −3.00%, A +1.00%",
  );
});

test("one goal is no goals, and whole hours have no minutes", () => {
  const after = world([score({ away: side(1) })], []);
  const said = awaySentence({ at: 0, ...world([score()], []) }, after, 3 * 60 * MINUTE);
  equal(said, "While you were away (3 h): 1 goal");
});

test("where nothing moved, or by less than a twentieth of a percent, nothing is said", () => {
  const past = { at: 0, ...world([score()], [100]) };
  equal(awaySentence(past, world([score()], [100.04]), 9 * MINUTE), null);
});

test("rows of own types that came and went are counted by type", async () => {
  const other = ["1", "2"].map((key) => ({ event: "ticket", key, data: null }));
  const board = new Board(boot({ other }));
  const away = new Away(board);
  away.rememberBoard(0, 5 * MINUTE);
  board.apply("gone", { event: "ticket", key: "1", at: 0 }, "1000-1", false);
  for (const key of ["3", "4"]) {
    board.apply("other", { event: "ticket", key, data: null }, `1000-${key}`, false);
  }
  board.apply("other", { event: "server", key: "a", data: 1 }, "1000-9", false);
  equal(
    await away.describeChanges(5 * MINUTE),
    "While you were away (5 min): Ticket 2 new, 1 gone, Server 1 new",
  );
});

/** @param {number} ms */
function saidAfter(ms) {
  const board = new Board(boot({ prices: [quote()] }));
  const away = new Away(board);
  away.rememberBoard(1000, 1000 + ms);
  board.apply("price", quote({ price: 101 }), "1000-1", false);
  return away.describeChanges(1000 + ms);
}

/** @param {number} goals */
function side(goals) {
  return {
    name: "Acton",
    code: null,
    score: goals,
    red_cards: 0,
    shoot_out: null,
    aggregate: null,
  };
}

/**
 * @param {import("../../../static/board/state.js").Score[]} scores
 * @param {number[]} prices Those of A, B, C and D.
 */
function world(scores, prices) {
  const quotes = prices.map((price, i) => quote({ symbol: "ABCD"[i], price }));
  return {
    scores: new Map(scores.map((it) => [it.match, it])),
    quotes: new Map(quotes.map((it) => [it.symbol, it])),
  };
}
