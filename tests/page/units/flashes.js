import { Flashes } from "../../../static/board/flashes.js";
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
  "a cell is lit at most twice in any second, however often it changes",
  withClock((clock) => {
    const [cell] = cells(1);
    const flashes = new Flashes();
    /** @type {number[]} */
    const begun = [];
    for (let frame = 0; frame < 300; frame++) {
      const before = cell.dataset.flash;
      flashes.light(cell, "down");
      if (!before && cell.dataset.flash) begun.push(clock.now);
      clock.pass(16);
    }
    assert(begun.length > 7, `${begun.length} flashes in 4.8 s`);
    for (const start of begun) {
      const within = begun.filter((at) => start <= at && at < start + 1000);
      assert(within.length <= 2, `${within.length} flashes from ${start} on`);
    }
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
