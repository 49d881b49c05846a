/**
 * Flashes: a cell lights up for a moment when its value changes, at most twice a second
 * (WCAG 2.3.1 allows three). The stylesheet says how it looks, and leaves it out where
 * reduced motion is asked for.
 */

const LIT = 350; // ms
// ms between two flashes of one cell; more than half a second, since a frame that is
// late brings the next one closer.
const APART = 550;

/** @typedef {import("../format.js").Direction} Direction */

export class Flashes {
  /** @type {WeakMap<HTMLElement, number>} */ #last = new WeakMap();
  /** @type {Set<HTMLElement>} */ #lit = new Set();
  #timer = 0;

  /**
   * Light a cell up, unless it was lit a moment ago.
   * @param {HTMLElement} cell
   * @param {Direction} direction
   */
  light(cell, direction) {
    const now = performance.now(); // a frame's own time may be long past
    if (now - (this.#last.get(cell) ?? -Infinity) < APART) return;
    this.#last.set(cell, now);
    this.#lit.add(cell);
    cell.dataset.flash = direction;
    if (!this.#timer) this.#timer = setTimeout(() => this.#sweep(), LIT);
  }

  /** Put out all that have been lit long enough, with one timer for all. */
  #sweep() {
    const now = performance.now();
    let oldest = Infinity;
    for (const cell of this.#lit) {
      const lit = this.#last.get(cell) ?? 0;
      if (now - lit < LIT) {
        oldest = Math.min(oldest, lit);
        continue;
      }
      delete cell.dataset.flash;
      this.#lit.delete(cell);
    }
    this.#timer = this.#lit.size ? setTimeout(() => this.#sweep(), oldest + LIT - now) : 0;
  }
}
