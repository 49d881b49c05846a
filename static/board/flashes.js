/**
 * Flashes: a cell lights up for a moment when its value changes, at most twice a second
 * (WCAG 2.3.1 allows three times). The stylesheet has the looks, and shows no flash to
 * people who asked for reduced motion.
 */

const LIT = 350; // ms
// ms between two flashes of one cell. This is more than half a second, because a frame that
// is late shortens the time until the next flash.
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
    const now = performance.now(); // the time of a frame may be long past
    if (now - (this.#last.get(cell) ?? -Infinity) < APART) return;
    this.#last.set(cell, now);
    this.#lit.add(cell);
    cell.dataset.flash = direction;
    if (!this.#timer) this.#timer = setTimeout(() => this.#sweep(), LIT);
  }

  /** Put out the cells that have been lit for long enough. One timer serves all cells. */
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
