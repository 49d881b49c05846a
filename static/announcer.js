/**
 * The one place that speaks to screen readers: a polite status region with at most one
 * message each five seconds, the newest where several waited.
 */

import { byId } from "./dom.js";

const APART = 5000; // ms

export class Announcer {
  #region = byId("status");
  /** @type {string | null} */ #next = null;
  #said = "";
  #saidAt = -Infinity;
  #timer = 0;

  /** @param {string} words */
  say(words) {
    this.#next = words;
    if (this.#timer) return;
    const wait = Math.max(0, this.#saidAt + APART - performance.now());
    this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak() {
    this.#timer = 0;
    if (this.#next === null || this.#next === this.#said) return;
    this.#said = this.#region.textContent = this.#next;
    this.#saidAt = performance.now();
    this.#next = null;
  }
}
