/**
 * The one place that speaks to screen readers: a polite status region with at most one
 * message each five seconds; where several waited, the newest of those that matter most.
 */

import { byId } from "../dom.js";

const APART = 5000; // ms

export class Announcer {
  #region = byId("status");
  /** @type {string | null} */ #next = null;
  #matters = false; // what waits
  #said = "";
  #saidAt = -Infinity;
  #timer = 0;

  /** @param {string} words @param {boolean} matters More than how the stream stands. */
  say(words, matters = false) {
    if (this.#next !== null && this.#matters && !matters) return;
    this.#next = words;
    this.#matters = matters;
    if (this.#timer) return;
    const wait = Math.max(0, this.#saidAt + APART - performance.now());
    this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak() {
    this.#timer = 0;
    const words = this.#next;
    this.#next = null;
    if (words === null || words === this.#said) return;
    this.#said = this.#region.textContent = words;
    this.#saidAt = performance.now();
  }
}
