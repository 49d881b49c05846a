/**
 * Announcements for screen readers, by one polite status region. It gets at most one
 * message each five seconds. If several wait, it gets the newest of the important ones,
 * else the newest.
 */

import { byId } from "../dom.js";

const INTERVAL = 5000; // ms between two messages

export class Announcer {
  #region = byId("status");
  /** @type {string | null} */ #next = null;
  #isImportant = false; // whether the message that waits is
  #spoken = "";
  #spokenAt = -Infinity;
  #timer = 0;

  /**
   * @param {string} words
   * @param {boolean} isImportant More important than the state of the stream.
   */
  announce(words, isImportant = false) {
    if (this.#next !== null && this.#isImportant && !isImportant) return;
    this.#next = words;
    this.#isImportant = isImportant;
    if (this.#timer) return;
    const wait = Math.max(0, this.#spokenAt + INTERVAL - performance.now());
    this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak() {
    this.#timer = 0;
    const words = this.#next;
    this.#next = null;
    if (words === null || words === this.#spoken) return;
    this.#spoken = this.#region.textContent = words;
    this.#spokenAt = performance.now();
  }
}
