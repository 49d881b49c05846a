/**
 * A clock that only a test moves, for modules that look at the time by themselves. While
 * it is set, timers, `Date.now` and `performance.now` are its own.
 */

export class Clock {
  #now = 0;
  #made = 0;
  /** @type {Map<number, {at: number, every: number | null, act: () => void}>} */
  #timers = new Map();
  #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    dateNow: Date.now,
    performanceNow: performance.now,
  };

  /** Milliseconds since the clock was made. */
  get now() {
    return this.#now;
  }

  /** How many timers wait. */
  get waiting() {
    return this.#timers.size;
  }

  /** Take the place of the real clock; `unset` gives it back. */
  set() {
    /** @param {() => void} act @param {number} [wait] */
    const setTimeout = (act, wait = 0) => this.#add(act, wait, null);
    /** @param {() => void} act @param {number} [wait] */
    const setInterval = (act, wait = 0) => this.#add(act, wait, Math.max(wait, 1));
    /** @param {number} timer */
    const clear = (timer) => void this.#timers.delete(timer);
    Object.assign(globalThis, { setTimeout, setInterval });
    Object.assign(globalThis, { clearTimeout: clear, clearInterval: clear });
    Date.now = () => this.#now;
    performance.now = () => this.#now;
    return this;
  }

  unset() {
    const { dateNow, performanceNow, ...timers } = this.#real;
    Object.assign(globalThis, timers);
    Date.now = dateNow;
    performance.now = performanceNow;
  }

  /**
   * Let time pass, and do what falls due in it, in order.
   * @param {number} milliseconds
   */
  pass(milliseconds) {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next !== null; next = this.#next(end)) {
      const timer = this.#timers.get(next);
      if (!timer) break;
      this.#now = Math.max(this.#now, timer.at);
      if (timer.every === null) this.#timers.delete(next);
      else timer.at += timer.every;
      timer.act();
    }
    this.#now = end;
  }

  /** @param {() => void} act @param {number} wait @param {number | null} every */
  #add(act, wait, every) {
    this.#made += 1;
    this.#timers.set(this.#made, { at: this.#now + Math.max(wait, 0), every, act });
    return this.#made;
  }

  /** @param {number} end @returns {number | null} The timer that is due first until then. */
  #next(end) {
    const due = [...this.#timers].filter(([, { at }]) => at <= end);
    due.sort(([a, { at }], [b, { at: other }]) => at - other || a - b);
    return due[0]?.[0] ?? null;
  }
}

/**
 * A test with a clock of its own, which is taken away after it.
 * @param {(clock: Clock) => unknown} act
 */
export function withClock(act) {
  return async () => {
    const clock = new Clock().set();
    try {
      await act(clock);
    } finally {
      clock.unset();
    }
  };
}
