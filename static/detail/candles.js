/**
 * The candles of a chart: the past from `/api/history`, then each new quote, in bars of one
 * width, for a span of time before the newest bar. This module knows no DOM.
 */

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {number[]} Candle At (epoch ms), open, high, low, close. */

// Of the bars, those with one price: from the first share on, a line shows more than candles,
// which would be loose dashes; below the second one, candles do. Between them nothing changes.
const SPARSE = 1 / 2;
const DENSE = 1 / 3;

export class Candles {
  #width;
  #span;
  #isSparse = false;
  /** @type {Candle[]} */ #bars = [];

  /**
   * @param {number} interval Seconds of a bar.
   * @param {number} span Seconds from the oldest to the newest bar.
   */
  constructor(interval, span) {
    this.#width = interval * 1000;
    this.#span = span * 1000;
  }

  /** Oldest first. */
  get bars() {
    return this.#bars;
  }

  /** Whether the prices are so rare that most bars have one price. */
  get isSparse() {
    const flat = this.#bars.filter(([_, __, high, low]) => high === low).length;
    const share = flat / this.#bars.length;
    this.#isSparse = this.#isSparse ? share >= DENSE : share >= SPARSE;
    return this.#isSparse;
  }

  /**
   * Start with the past, then add the quotes that arrived while it was fetched.
   * @param {Candle[]} past
   * @param {Quote[]} since
   */
  fill(past, since) {
    this.#bars = past.map((candle) => candle.slice(0, 5));
    this.#isSparse = false;
    this.#trim();
    for (const quote of since) this.add(quote);
  }

  /** @param {{price: number, at: number}} quote If it is late, it counts to the last bar. */
  add({ price, at }) {
    const begun = at - (at % this.#width);
    const last = this.#bars.at(-1);
    if (last && begun <= last[0]) {
      last[2] = Math.max(last[2], price);
      last[3] = Math.min(last[3], price);
      last[4] = price;
      return;
    }
    this.#bars.push([begun, price, price, price, price]);
    this.#trim();
  }

  #trim() {
    const begin = (this.#bars.at(-1)?.[0] ?? 0) - this.#span;
    const kept = this.#bars.findIndex(([at]) => at > begin);
    if (kept > 0) this.#bars.splice(0, kept);
  }
}
