/**
 * The pace that a link can bear: where events come late, fewer of them come in time.
 *
 * A paced stream's events are up to its pace old by themselves. So events count as late
 * when even the youngest are, and as fresh when even the oldest are no older than the
 * pace explains. Between the two nothing changes; and a quicker pace that failed is not
 * tried again so soon.
 */

const PACES = [0, 0.25, 0.5, 1, 2, 5]; // seconds
const LATE = 2000; // ms of delay that are too much
const VERY_LATE = 4000; // ms of delay at which the pace changes by two steps
const FRESH = 500; // ms of delay that are none
const PATIENCE = 2000; // ms of lateness until the pace is slower
const TRIAL = 30_000; // ms of freshness until it is quicker; doubled where that failed
const LONGEST_TRIAL = 600_000;
const FAILED = 60_000; // ms within which lateness shows that a pace was too quick

export class Pacer {
  #step = 0;
  #trial = TRIAL;
  /** @type {number | null} */ #quickened = null; // when the pace was last made quicker
  #isAwaited = false; // the stream that has this pace
  /** @type {number | null} */ #lateSince = null;
  /** @type {number | null} */ #freshSince = null;

  /** Seconds between frames; 0 for every event at once. */
  get pace() {
    return PACES[this.#step];
  }

  /**
   * Take in how late an event was; return whether the pace is another now.
   * @param {number} delay Milliseconds.
   * @param {number} pace Seconds; that of the stream which it came by.
   * @param {number} now
   */
  note(delay, pace, now) {
    if (this.#isAwaited) return false;
    this.#lateSince = delay > LATE ? (this.#lateSince ?? now) : null;
    this.#freshSince = delay - pace * 1000 < FRESH ? (this.#freshSince ?? now) : null;
    const isLate = this.#lateSince !== null && now - this.#lateSince >= PATIENCE;
    if (isLate && this.#slow(delay, now)) return true;
    const isFresh = this.#freshSince !== null && now - this.#freshSince >= this.#trial;
    return isFresh && this.#quicken(now);
  }

  /** Forget how late events were: another stream begins. */
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
