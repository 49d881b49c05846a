/**
 * A page that outlives the server's version: one that nobody attends loads itself anew,
 * one that somebody attends offers to.
 */

import { byId, setHidden } from "./dom.js";

const UNATTENDED_HIDDEN = 5 * 60_000; // ms without input, where nobody can see the page
const UNATTENDED = 30 * 60_000; // the same where it can be seen: a screen on a wall
const SPREAD = 30_000; // ms; so that a thousand pages don't load in the same second
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class Renewal {
  #version;
  #button = byId("reload");
  #isDue = false;
  #touched = Date.now();
  #timer = 0;

  /** @param {string} version The version that this page is of. */
  constructor(version) {
    this.#version = version;
    this.#button.addEventListener("click", () => location.reload());
    const touch = () => (this.#touched = Date.now());
    for (const input of INPUTS) addEventListener(input, touch, { passive: true });
  }

  /** @param {string} version The version that the server says it has. */
  note(version) {
    this.#isDue = version !== this.#version;
    setHidden(this.#button, !this.#isDue);
  }

  /** Load anew where it is due and nobody would notice; call it now and then. */
  check() {
    if (!this.#isDue || this.#timer || this.#isAttended()) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#isDue && !this.#isAttended()) location.reload();
    }, Math.random() * SPREAD);
  }

  #isAttended() {
    return Date.now() - this.#touched < (document.hidden ? UNATTENDED_HIDDEN : UNATTENDED);
  }
}
