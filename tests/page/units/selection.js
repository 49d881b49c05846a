import {
  covers,
  NO_SYMBOLS,
  parameters,
  selects,
  union,
} from "../../../static/stream/selection.js";
import { equal, test } from "./runner.js";

const ALL = { symbols: null };
const EVENTS = "price,score,market,notice,source,other";

test("a union has what each shows, and all where one shows all", () => {
  const one = { symbols: ["BOLT", "ACME"] };
  const other = { symbols: ["ACME", "COIL"] };
  equal(union([one, other]), { symbols: ["ACME", "BOLT", "COIL"] });
  equal(union([one, ALL, other]), ALL);
  equal(union([]), NO_SYMBOLS);
});

test("all covers everything, and only all covers all", () => {
  const some = { symbols: ["ACME", "BOLT"] };
  equal([covers(ALL, some), covers(some, ALL), covers(ALL, ALL)], [true, false, true]);
  equal(
    [covers(some, { symbols: ["BOLT"] }), covers(some, { symbols: ["COIL"] })],
    [true, false],
  );
  equal([covers(some, NO_SYMBOLS), covers(NO_SYMBOLS, some)], [true, false]);
});

test("prices go by their symbol, a retired one too", () => {
  const selection = { symbols: ["ACME"] };
  const shown = [
    selects(selection, "price", { symbol: "ACME" }),
    selects(selection, "price", { symbol: "BOLT" }),
    selects(selection, "gone", { event: "price", key: "BOLT" }),
    selects(selection, "gone", { event: "score", key: "m" }),
  ];
  equal(shown, [true, false, false, true]);
});

test("what belongs to no symbol is shown to all", () => {
  const shown = [
    selects(NO_SYMBOLS, "notice", { notice: "n" }),
    selects(NO_SYMBOLS, "score", { match: "m" }),
    selects(NO_SYMBOLS, "other", { event: "ticket", key: "ACME", data: {} }),
  ];
  equal(shown, [true, true, true]);
});

test("a stream is asked for the events that a page shows, of its symbols", () => {
  equal(parameters(ALL), { events: EVENTS });
  equal(parameters({ symbols: ["ACME", "BOLT"] }), { events: EVENTS, symbols: "ACME,BOLT" });
  const many = Array.from({ length: 201 }, (_, number) => `S${number}`);
  equal(parameters({ symbols: many }), { events: EVENTS });
  equal(parameters({ symbols: many.slice(1) }).symbols.split(",").length, 200);
});
