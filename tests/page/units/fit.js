import { fitColumns } from "../../../static/panels/fit.js";
import { equal, test } from "./runner.js";

/** @typedef {import("../../../static/panels/cells.js").Kind} Kind */
/** @type {Kind[]} */
const SERVER = ["number", "number", "chip", "link", "boolean"];

test("a wide panel has room for every column, and so has one whose width isn't known", () => {
  for (const width of [125, 0]) {
    const { columns, trend } = fitColumns(SERVER, 0, width, 2.25);
    equal([columns, trend], [[true, true, true, true, true], true]);
  }
});

test("a narrow panel shows the chip, then the number with its trend, then the rest", () => {
  equal(fitColumns(SERVER, 0, 25.75, 2.25), {
    columns: [true, false, true, false, false],
    trend: true,
  });
  equal(fitColumns(SERVER, 0, 20, 2.25), {
    columns: [false, false, true, false, true],
    trend: false,
  });
});

test("a column that has no room leaves it to a narrower one", () => {
  equal(fitColumns(["text", "boolean"], -1, 2.25 + 6 + 5, 2.25), {
    columns: [false, true],
    trend: false,
  });
});
