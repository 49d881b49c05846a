/**
 * A clock for deadlines: it continues during sleep, and it never goes back.
 *
 * Neither clock of a browser is enough. `Date.now` jumps when somebody sets the computer's
 * clock, and a deadline that was set before a jump back may be hours away. `performance.now`
 * never jumps, but in some engines it stands still while the computer sleeps.
 *
 * So this clock follows `performance.now`, and watches how far `Date.now` is ahead of it.
 * If that difference grows at once, the computer slept, or its clock was set forward; the
 * two can't be told apart. Both count as time that has passed: a deadline that passes too
 * early costs one new connection, one that never passes leaves a page with old values. If
 * the difference shrinks, the clock was set back, and no time is taken away.
 */

const JUMP = 1000; // ms; a smaller change is the drift of two clocks

export class SteadyClock {
  #wall;
  #elapsed;
  #ahead; // ms by which the wall clock is ahead of the other one
  #slept = 0; // ms that the other clock missed

  /**
   * @param {() => number} [wall] Epoch milliseconds.
   * @param {() => number} [elapsed] Milliseconds that never jump.
   */
  constructor(wall = () => Date.now(), elapsed = () => performance.now()) {
    this.#wall = wall;
    this.#elapsed = elapsed;
    this.#ahead = wall() - elapsed();
  }

  /** Milliseconds since some instant: only differences have a meaning. */
  get now() {
    const elapsed = this.#elapsed();
    const ahead = this.#wall() - elapsed;
    if (Math.abs(ahead - this.#ahead) > JUMP) {
      this.#slept += Math.max(ahead - this.#ahead, 0);
      this.#ahead = ahead;
    }
    return elapsed + this.#slept;
  }
}
