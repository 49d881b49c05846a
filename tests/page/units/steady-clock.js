import { SteadyClock } from "../../../static/stream/steady-clock.js";
import { equal, test } from "./runner.js";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 2, 5, 12);

test("time passes as it does", () => {
  const { wall, elapsed, passed } = begun();
  wall.now += 2500;
  elapsed.now += 2500;
  equal(passed(), 2500);
});

test("a clock that is set back takes no time away, then time goes on", () => {
  const { wall, elapsed, passed } = begun();
  wall.now -= HOUR;
  equal(passed(), 0);
  wall.now += 4000;
  elapsed.now += 4000;
  equal(passed(), 4000);
});

test("sleep counts, whether or not the browser's own clock stood still in it", () => {
  for (const ticked of [0, HOUR]) {
    const { wall, elapsed, passed } = begun();
    wall.now += HOUR;
    elapsed.now += ticked;
    equal(passed(), HOUR);
  }
});

test("a clock that is set forward and corrected counts once", () => {
  const { wall, passed } = begun();
  wall.now += HOUR;
  equal(passed(), HOUR);
  wall.now -= HOUR;
  equal(passed(), HOUR);
});

test("a clock that is set a little at a time shifts the time by no more", () => {
  const { wall, elapsed, passed } = begun();
  for (let second = 0; second < 5000; second++) {
    wall.now += 1000.5;
    elapsed.now += 1000;
    passed();
  }
  const extra = passed() - 5_000_000;
  equal(extra > 0 && extra <= 2500, true);
});

function begun() {
  const wall = { now: NOON };
  const elapsed = { now: 17 };
  const clock = new SteadyClock(
    () => wall.now,
    () => elapsed.now,
  );
  const start = clock.now;
  return { wall, elapsed, passed: () => clock.now - start };
}
