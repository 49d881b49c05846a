/** The server's clock, as far as one can tell from what comes and when. */

const DRIFT = 0.0001; // how fast two clocks may drift apart, at most

/**
 * Compares two clocks: what left the server at `at` arrives now. The smallest difference
 * ever seen is that of the clocks; what exceeds it is delay.
 */
export class ServerTime {
  #elapsed;
  /** @type {number | null} */ #offset = null; // our running clock less the server's
  #offsetAt = 0;
  #delay = 0;

  /** @param {() => number} elapsed Milliseconds that nobody sets. */
  constructor(elapsed) {
    this.#elapsed = elapsed;
  }

  /** The server's time, in epoch ms; null before it was ever heard. */
  get now() {
    return this.#offset === null ? null : this.#elapsed() - this.#offset;
  }

  /** How late that was which came last, in ms. */
  get delay() {
    return this.#delay;
  }

  /** Begin anew: it may be another server, or the computer slept. */
  reset() {
    this.#offset = null;
  }

  /** @param {number} at When that which arrives now left, in epoch ms. */
  note(at) {
    const now = this.#elapsed();
    const drifted = (this.#offset ?? Infinity) + (now - this.#offsetAt) * DRIFT;
    this.#offset = Math.min(now - at, drifted);
    this.#offsetAt = now;
    this.#delay = now - at - this.#offset;
  }
}
