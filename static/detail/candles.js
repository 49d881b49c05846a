/**
 * The candles of a chart: the past from `/api/history`, then each new quote, in bars of one
 * width, and at most as many bars as a chart shows. This module knows no DOM.
 */

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {number[]} Candle At (epoch ms), open, high, low, close. */

export class Candles {
  #width;
  #limit;
  /** @type {Candle[]} */ #bars = [];

  /**
   * @param {number} interval Seconds of a bar.
   * @param {number} limit The most bars that are kept, the newest.
   */
  constructor(interval, limit) {
    this.#width = interval * 1000;
    this.#limit = limit;
  }

  /** Oldest first. */
  get bars() {
    return this.#bars;
  }

  /**
   * Start with the past, then add the quotes that arrived while it was fetched.
   * @param {Candle[]} past
   * @param {Quote[]} since
   */
  fill(past, since) {
    this.#bars = past.map((candle) => candle.slice(0, 5)).slice(-this.#limit);
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
    if (this.#bars.length > this.#limit) this.#bars.shift();
  }
}
