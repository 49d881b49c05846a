import { covers, parameters, selects, union } from "../../../static/stream/selection.js";
import { equal, test } from "./runner.js";

const ALL = { symbols: null, matches: null };
const NONE = { symbols: [], matches: [] };
const TYPES = ["price", "score", "incident", "notice", "gone"];

test("a union has what each shows, and all where one shows all", () => {
  const one = { symbols: ["BOLT", "ACME"], matches: [] };
  const other = { symbols: ["ACME", "COIL"], matches: null };
  equal(union([one, other]), { symbols: ["ACME", "BOLT", "COIL"], matches: null });
  equal(union([]), NONE);
});

test("all covers everything, and only all covers all", () => {
  const some = { symbols: ["ACME", "BOLT"], matches: ["m"] };
  equal([covers(ALL, some), covers(some, ALL), covers(some, NONE)], [true, false, true]);
  equal(covers(some, { symbols: ["COIL"], matches: [] }), false);
});

test("prices go by their symbol, scores and incidents by their match", () => {
  const selection = { symbols: ["ACME"], matches: ["m"] };
  const shown = [
    selects(selection, "price", { symbol: "ACME" }),
    selects(selection, "price", { symbol: "BOLT" }),
    selects(selection, "score", { match: "m" }),
    selects(selection, "incident", { match: "n" }),
    selects(selection, "gone", { event: "price", key: "BOLT" }),
    selects(selection, "gone", { event: "score", key: "m" }),
  ];
  equal(shown, [true, false, true, false, false, true]);
});

test("what belongs to no symbol and no match is shown to all", () => {
  equal([selects(NONE, "notice", {}), selects(NONE, "own", { symbol: "X" })], [true, true]);
});

test("a stream of everything needs no parameters", () => {
  equal(parameters(ALL, TYPES), []);
});

test("where no price or match is shown, the events are named that are", () => {
  const prices = { symbols: ["ACME", "BOLT"], matches: [] };
  equal(parameters(prices, TYPES), [
    ["symbols", "ACME,BOLT"],
    ["events", "price,notice"],
  ]);
  const match = { symbols: [], matches: ["m"] };
  equal(parameters(match, TYPES), [
    ["matches", "m"],
    ["events", "score,incident,notice"],
  ]);
});
