/**
 * Pause (WCAG 2.2.2): the page receives events but changes no value. It shows when it was
 * paused, and how many rows have changed since.
 */

import { byId, setAttribute, setHidden, setText } from "../dom.js";
import { traitsOf } from "../events.js";
import { clock } from "../times.js";

/** @typedef {import("../board/state.js").Change} Change */

export class Pause {
  #button = byId("pause");
  #line = byId("paused");
  #words = byId("paused-words");
  #changed = new Set();
  #at = 0; // epoch ms
  #isOn = false;

  get isOn() {
    return this.#isOn;
  }

  /** @param {Change} change */
  onChange({ type, own = type, key }) {
    if (!this.#isOn || key === null || !traitsOf(type).detail) return;
    this.#changed.add(`${own} ${key}`);
  }

  /** Pause or resume. @param {number} serverTime */
  toggle(serverTime) {
    this.#isOn = !this.#isOn;
    this.#at = serverTime;
    this.#changed.clear();
    document.documentElement.toggleAttribute("data-paused", this.#isOn);
    setAttribute(this.#button, "aria-pressed", String(this.#isOn));
    const word = /** @type {Element} */ (this.#button.lastElementChild);
    setText(word, this.#isOn ? "Resume" : "Pause");
    setHidden(this.#line, !this.#isOn);
    this.paint();
  }

  /** Paint how many rows have changed. */
  paint() {
    if (!this.#isOn) return;
    const { size } = this.#changed;
    const rows = size === 1 ? "1 row" : `${size} rows`;
    setText(this.#words, `Paused at ${clock(this.#at)} · ${rows} changed`);
  }
}
