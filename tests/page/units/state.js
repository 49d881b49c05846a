import { Board } from "../../../static/board/state.js";
import { equal, test } from "./runner.js";
import { boot, incident, quote, score } from "./samples.js";

/** @typedef {import("../../../static/board/state.js").Change} Change */

const MINUTE = 60_000;

test("a board begins with what its page was made with", () => {
  const board = new Board(boot({ prices: [quote()], sparks: { ACME: [9800, 200] } }));
  equal([board.id, board.quotes.get("ACME")?.price], ["1000-0", 100]);
  equal(board.spark("ACME"), [98, 100]);
});

test("an event replaces its key's state, and its watchers are told of both", () => {
  const { board, changes } = watched({ prices: [quote()] });
  board.apply("price", quote({ price: 101 }), "1000-1", true);
  equal(board.quotes.get("ACME")?.price, 101);
  const [{ type, key, before, now, live }] = changes;
  equal([type, key, before.price, now.price, live], ["price", "ACME", 100, 101, true]);
});

test("an event that the board has seen changes nothing", () => {
  const { board, changes } = watched({ id: "1000-9", prices: [quote()] });
  for (const id of ["1000-9", "1000-8", "999-10"]) board.apply("price", quote(), id, true);
  equal([changes.length, board.id], [0, "1000-9"]);
});

test("an event without a key is told of and not kept", () => {
  const { board, changes } = watched();
  board.apply("incident", incident(), "1000-1", true);
  equal([changes[0].key, changes[0].now.player, board.id], [null, "Ames", "1000-1"]);
});

test("a retired key is gone, and told of once", () => {
  const { board, changes } = watched({ scores: [score()] });
  const gone = { event: "score", key: "acton-burton", at: 0 };
  board.apply("gone", gone, "1000-1", true);
  board.apply("gone", gone, "1000-2", true);
  equal([board.scores.size, changes.length, changes[0].now], [0, 1, null]);
});

test("what is named like an object's own is a key like any other", () => {
  const { board, changes } = watched();
  board.apply("price", quote({ symbol: "__proto__" }), "1000-1", true);
  board.apply("constructor", { any: 1 }, "1000-2", true);
  board.apply("gone", { event: "toString", key: "x", at: 0 }, "1000-3", true);
  equal([board.quotes.get("__proto__")?.price, changes.length], [100, 2]);
});

test("a rebuild keeps what is told again and drops the rest when it settles", () => {
  const { board, changes } = watched({ prices: [quote(), quote({ symbol: "BOLT" })] });
  board.rebuild();
  board.apply("price", quote({ price: 7 }), "5-1", false);
  equal(board.quotes.size, 2);
  board.settle();
  equal([...board.quotes.keys()], ["ACME"]);
  equal(
    changes.map(({ key, live }) => [key, live]),
    [
      ["ACME", false],
      ["BOLT", false],
    ],
  );
});

test("a sparkline's end is the newest price, and a new point comes each 45 s", () => {
  const { board } = watched({ prices: [quote()], sparks: { ACME: [10000] } });
  board.apply("price", quote({ price: 101, at: 1 }), "1000-1", true);
  equal(board.spark("ACME"), [101]);
  board.apply("price", quote({ price: 102, at: 0.75 * MINUTE }), "1000-2", true);
  equal(board.spark("ACME"), [101, 102]);
});

test("a sparkline has 40 points at most", () => {
  const { board } = watched();
  for (let minute = 0; minute < 100; minute++) {
    const next = quote({ price: minute, at: minute * MINUTE });
    board.apply("price", next, `1000-${minute + 1}`, true);
  }
  const spark = board.spark("ACME");
  equal([spark.length, spark[0], spark.at(-1)], [40, 60, 99]);
});

test("a symbol that comes back begins a new sparkline", () => {
  const { board } = watched({ prices: [quote()], sparks: { ACME: [100, 100, 100] } });
  board.apply("gone", { event: "price", key: "ACME", at: 0 }, "1000-1", true);
  board.apply("price", quote({ price: 9 }), "1000-2", true);
  equal(board.spark("ACME"), [9]);
});

test("after fresh a trend doesn't go on from the prices of before", () => {
  const { board } = watched({ prices: [quote()], sparks: { ACME: [10000, 100] } });
  board.rebuild();
  board.apply("price", quote({ price: 9 }), "1000-1", false);
  board.settle();
  equal(board.spark("ACME"), [9]);
});

/** @param {Parameters<typeof boot>[0]} changes */
function watched(changes = {}) {
  const board = new Board(boot(changes));
  /** @type {Change[]} */
  const seen = [];
  board.watch((change) => seen.push(change));
  return { board, changes: seen };
}
