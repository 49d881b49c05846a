import { Candles } from "../../../static/detail/candles.js";
import { equal, test } from "./runner.js";
import { quote } from "./samples.js";

test("candles are made of quotes, and late ones count to the last", () => {
  const candles = new Candles(60, 600);
  candles.fill([[0, 1, 2, 1, 2, 9]], [quote({ price: 5, at: 30_000 })]);
  const came = [
    [4, 61_000],
    [6, 62_000],
    [3, 119_000],
    [9, 59_000],
    [7, 120_000],
  ];
  for (const [price, at] of came) candles.add({ price, at });
  equal(candles.bars, [
    [0, 1, 5, 1, 5],
    [60_000, 4, 9, 3, 9],
    [120_000, 7, 7, 7, 7],
  ]);
});

test("a span is one of time, however many bars there are in it", () => {
  const candles = new Candles(60, 600);
  const friday = 0;
  const monday = 259_200_000;
  candles.fill([bar(friday), bar(monday - 600_000), bar(monday - 540_000), bar(monday)], []);
  equal(startsOf(candles), [monday - 540_000, monday]);
  candles.add({ price: 1, at: monday + 90_000 });
  equal(startsOf(candles), [monday, monday + 60_000]);
  candles.add({ price: 1, at: monday + 86_400_000 });
  equal(startsOf(candles), [monday + 86_400_000]);
});

test("with one price a bar they are sparse, and no longer once most have several", () => {
  const candles = new Candles(60, 3600);
  const minutes = Array.from({ length: 12 }, (_, i) => i * 60_000);
  candles.fill(
    minutes.map((at) => [at, 5, 5, 5, 5]),
    [],
  );
  equal(candles.isSparse, true);
  for (const [n, at] of minutes.entries()) {
    if (n < 7) candles.bars.splice(n, 1, bar(at));
  }
  equal(candles.isSparse, true); // 5 of 12 bars have one price: between the two shares
  for (const at of minutes) candles.bars.splice(at / 60_000, 1, bar(at));
  equal(candles.isSparse, false);
});

/** @param {number} at */
function bar(at) {
  return [at, 2, 3, 1, 2];
}

/** @param {Candles} candles */
function startsOf({ bars }) {
  return bars.map(([at]) => at);
}
