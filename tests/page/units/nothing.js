import { nothingWords } from "../../../static/board/nothing.js";
import { equal, test } from "./runner.js";

/** @type {import("../../../static/board/nothing.js").Selection} */
const ALL = {
  view: "both",
  q: "",
  filter: "all",
  sort: "symbol",
  by: "",
  symbols: [],
  opened: null,
  asked: null,
};

test("a selection that shows nothing says what to do", () => {
  equal(nothingWords({ ...ALL, q: "zzzz" }, false), "No results for “zzzz”.");
  const pinned = { ...ALL, filter: "pinned" };
  equal(nothingWords(pinned, false), "No pins yet. Tap ☆ beside a symbol or match.");
  equal(nothingWords(pinned, true), "None of your pins is here.");
  equal(nothingWords({ ...ALL, filter: "live" }, false), "No match is live at the moment.");
  const named = { ...ALL, symbols: ["ACME"] };
  equal(nothingWords(named, false), "None of these symbols is on the board.");
  equal(nothingWords({ ...ALL, view: "scores" }, false), "Nothing here yet.");
  equal(nothingWords({ ...ALL, filter: "constructor" }, false), "Nothing here yet.");
});
