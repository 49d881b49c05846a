/**
 * The pace that a network can carry: if events arrive late, a slower pace brings fewer
 * events, and these arrive in time.
 *
 * The events of a paced stream may be as old as its pace when they are sent. So events
 * count as late if even the youngest are late, and as fresh if even the oldest are no older
 * than the pace explains. In between, the pace stays. After a quicker pace failed, the next
 * trial waits longer.
 */

const PACES = [0, 0.3, 0.5, 1, 2, 5]; // seconds
const TOO_LATE = 2000; // ms of delay from which an event is late
const VERY_LATE = 4000; // ms of delay at which the pace changes by two steps
const FRESH = 500; // ms of delay below which an event is fresh
const PATIENCE = 2000; // ms of late events until the pace slows down
const TRIAL = 30_000; // ms of fresh events until a quicker pace is tried; doubled by failure
const LONGEST_TRIAL = 600_000;
const FAILED = 60_000; // ms in which late events show that the quicker pace failed

export class Pacer {
  #step = 0;
  #trial = TRIAL;
  /** @type {number | null} */ #quickened = null; // when the pace was last made quicker
  #isAwaited = false; // whether a stream with the new pace has yet to begin
  /** @type {number | null} */ #lateSince = null;
  /** @type {number | null} */ #freshSince = null;

  /** Seconds between frames; 0 for every event at once. */
  get pace() {
    return PACES[this.#step];
  }

  /**
   * Observe the delay of an event.
   * @param {number} delay Milliseconds.
   * @param {number} pace Seconds; the pace of the stream that carried the event.
   * @param {number} now
   * @returns {boolean} Whether the pace changed.
   */
  observe(delay, pace, now) {
    if (this.#isAwaited) return false;
    this.#lateSince = delay > TOO_LATE ? (this.#lateSince ?? now) : null;
    this.#freshSince = delay - pace * 1000 < FRESH ? (this.#freshSince ?? now) : null;
    const isLate = this.#lateSince !== null && now - this.#lateSince >= PATIENCE;
    if (isLate && this.#slow(delay, now)) return true;
    const isFresh = this.#freshSince !== null && now - this.#freshSince >= this.#trial;
    return isFresh && this.#quicken(now);
  }

  /** Forget the delays so far: another stream begins. */
  begin() {
    this.#isAwaited = false;
    this.#lateSince = this.#freshSince = null;
  }

  /** @param {number} delay @param {number} now */
  #slow(delay, now) {
    const last = PACES.length - 1;
    if (this.#step === last) return false;
    if (this.#quickened !== null) {
      const failed = now - this.#quickened < FAILED;
      this.#trial = failed ? Math.min(2 * this.#trial, LONGEST_TRIAL) : TRIAL;
    }
    this.#quickened = null;
    this.#step = Math.min(this.#step + (delay > VERY_LATE ? 2 : 1), last);
    this.#isAwaited = true;
    return true;
  }

  /** @param {number} now */
  #quicken(now) {
    if (this.#step === 0) return false;
    this.#quickened = now;
    this.#step -= 1;
    this.#isAwaited = true;
    return true;
  }
}
