import { Flashes } from "../../static/flashes.js";
import { withClock } from "./clock.js";
import { assert, equal, test } from "./runner.js";

test(
  "a cell is lit for a moment and then put out",
  withClock((clock) => {
    const [cell] = cells(1);
    new Flashes().light(cell, "up");
    equal(cell.dataset.flash, "up");
    clock.pass(300);
    equal(cell.dataset.flash, "up");
    clock.pass(100);
    equal(cell.dataset.flash, undefined);
  }),
);

test(
  "a cell is lit at most twice a second, however often it changes",
  withClock((clock) => {
    const [cell] = cells(1);
    const flashes = new Flashes();
    let lit = 0;
    for (let tick = 0; tick < 100; tick++) {
      const before = cell.dataset.flash;
      flashes.light(cell, "down");
      if (!before && cell.dataset.flash) lit++;
      clock.pass(100);
    }
    assert(lit >= 10 && lit <= 20, `${lit} flashes in 10 s`);
  }),
);

test(
  "one cell's flash does not keep another from its own",
  withClock((clock) => {
    const [cell, other] = cells(2);
    const flashes = new Flashes();
    flashes.light(cell, "up");
    clock.pass(200);
    flashes.light(other, "down");
    clock.pass(200);
    equal([cell.dataset.flash, other.dataset.flash], [undefined, "down"]);
    clock.pass(200);
    equal(other.dataset.flash, undefined);
  }),
);

test(
  "all cells share one timer, and none waits when none is lit",
  withClock((clock) => {
    const flashes = new Flashes();
    for (const cell of cells(50)) flashes.light(cell, "up");
    equal(clock.waiting, 1);
    clock.pass(1000);
    equal(clock.waiting, 0);
  }),
);

/** @param {number} count */
function cells(count) {
  return Array.from({ length: count }, () => document.createElement("td"));
}
