import { ServerTime } from "../../../static/stream/servertime.js";
import { equal, test } from "./runner.js";

test("before anything is heard the server's time is not known", () => {
  equal(new ServerTime(() => 5).now, null);
});

test("what came quickest tells the time, and what exceeds it is delay", () => {
  const { time, pass } = begun();
  time.observe(1000);
  pass(500);
  time.observe(1300); // 200 ms late
  equal(rounded(time), [1500, 200]);
  time.observe(1600); // quicker than all before
  equal(rounded(time), [1600, 0]);
});

test("the clocks may drift apart by a ten-thousandth, and no delay grows of that", () => {
  const { time, pass } = begun();
  time.observe(0);
  pass(1_000_000);
  time.observe(1_000_000 - 60); // within the drift that is allowed
  equal(rounded(time), [999_940, 0]);
  pass(1_000_000);
  time.observe(2_000_000 - 360); // 200 ms more than that
  equal(rounded(time)[1], 200);
});

test("after a reset another server's clock is believed", () => {
  const { time } = begun();
  time.observe(9000);
  time.reset();
  equal(time.now, null);
  time.observe(10);
  equal(rounded(time), [10, 0]);
});

/** The server's time and the delay, in whole ms. @param {ServerTime} time */
function rounded({ now, delay }) {
  return [Math.round(now ?? NaN), Math.round(delay)];
}

function begun() {
  let elapsed = 0;
  const time = new ServerTime(() => elapsed);
  return { time, pass: (/** @type {number} */ ms) => (elapsed += ms) };
}
