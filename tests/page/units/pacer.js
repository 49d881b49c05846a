import { Pacer } from "../../../static/stream/pacer.js";
import { equal, test } from "./runner.js";

const TENTH = 100; // ms between two events

test("what comes in time changes no pace, and neither does a hiccup", () => {
  equal(pacesOf([60, 100], [1, 3000], [1, 100]), [0, 0, 0]);
});

test("two seconds of lateness slow the pace by a step, great lateness by two", () => {
  equal(pacesOf([2.2, 3000], [2.2, 3000], [2.2, 5000]), [0.3, 0.5, 2]);
});

test("there is nothing slower than five seconds", () => {
  equal(pacesOf([20, 9000], [60, 9000]), [5, 5]);
});

test("half a minute of freshness quickens it, what is neither late nor fresh does not", () => {
  equal(pacesOf([2.2, 3000], [60, 1500], [29, 100], [2, 100]), [0.3, 0.3, 0.3, 0]);
});

test("a paced event as old as its pace explains is fresh", () => {
  equal(pacesOf([20, 9000], [30.5, 5400]), [5, 2]);
});

test("a quicker pace that failed is tried again after twice the time", () => {
  const failed = [
    [2.2, 3000],
    [31, 100],
    [2.2, 3000],
  ];
  equal(pacesOf(...failed, [31, 100], [30, 100]), [0.3, 0, 0.3, 0.3, 0]);
});

test("until a stream has the new pace, what comes counts for nothing", () => {
  const pacer = new Pacer();
  for (let now = 0; now <= 60_000; now += TENTH) pacer.observe(9000, 0, now);
  equal(pacer.pace, 0.5);
});

/**
 * The pace after each stretch of events.
 * @param {number[][]} stretches Seconds, and how late the events are, in ms.
 */
function pacesOf(...stretches) {
  const pacer = new Pacer();
  let now = 0;
  return stretches.map(([seconds, delay]) => {
    for (const end = now + seconds * 1000; now < end;) {
      now += TENTH;
      if (pacer.observe(delay, pacer.pace, now)) pacer.begin();
    }
    return pacer.pace;
  });
}
