/** Estimates the server's clock from the times at which messages leave and arrive. */

const DRIFT = 0.0001; // how fast two clocks may drift apart, at most

/**
 * Compares two clocks: each message says when it left the server, and arrives now. The
 * smallest difference ever seen is that of the clocks; the rest of a difference is delay.
 */
export class ServerTime {
  #elapsed;
  /** @type {number | null} */ #offset = null; // our running clock less the server's
  #offsetAt = 0;
  #delay = 0;

  /** @param {() => number} elapsed Milliseconds that never jump. */
  constructor(elapsed) {
    this.#elapsed = elapsed;
  }

  /** The server's time, in epoch ms; null before the first message. */
  get now() {
    return this.#offset === null ? null : this.#elapsed() - this.#offset;
  }

  /** The delay of the last message, in ms. */
  get delay() {
    return this.#delay;
  }

  /** Start again: this may be another server, or the computer slept. */
  reset() {
    this.#offset = null;
  }

  /** @param {number} at When the message that arrives now left, in epoch ms. */
  observe(at) {
    const now = this.#elapsed();
    const drifted = (this.#offset ?? Infinity) + (now - this.#offsetAt) * DRIFT;
    this.#offset = Math.min(now - at, drifted);
    this.#offsetAt = now;
    this.#delay = now - at - this.#offset;
  }
}
