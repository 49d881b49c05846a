/**
 * A page that outlives the server's version: one that nobody attends loads itself anew,
 * one that somebody attends offers to.
 */

import { byId, setHidden } from "./dom.js";

const UNATTENDED_HIDDEN = 5 * 60_000; // ms without input, where nobody can see the page
const UNATTENDED = 30 * 60_000; // the same where it can be seen
const SPREAD = 30_000; // ms; so that a thousand pages don't load in the same second
const AGAIN = 60 * 60_000; // ms; where loading anew brought no other version
const MARK = "liveboard-renewal"; // in sessionStorage: the version loaded for, and when
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class Renewal {
  /** Whether this is a screen on a wall, which nobody ever attends. */
  isWall = false;
  #version;
  #newest;
  #button = byId("reload");
  #touched = Date.now();
  #timer = 0;

  /** @param {string} version The version that this page is of. */
  constructor(version) {
    this.#version = this.#newest = version;
    this.#button.addEventListener("click", () => location.reload());
    const touch = () => (this.#touched = Date.now());
    for (const input of INPUTS) addEventListener(input, touch, { passive: true });
  }

  /** @param {string} version The version that the server says it has. */
  note(version) {
    this.#newest = version;
    setHidden(this.#button, !this.#isDue);
  }

  /** Load anew where it is due and nobody would notice; call it now and then. */
  check() {
    if (this.#timer || !this.#mayReload) return;
    this.#timer = setTimeout(() => this.#reload(), Math.random() * SPREAD);
  }

  /** Load anew, but not into an error page: a screen on a wall would keep that. */
  async #reload() {
    if (this.#mayReload && (await isServed())) {
      sessionStorage.setItem(MARK, JSON.stringify([this.#newest, Date.now()]));
      location.reload();
    }
    this.#timer = 0;
  }

  get #isDue() {
    return this.#newest !== this.#version;
  }

  get #mayReload() {
    return this.#isDue && !this.#isAttended && !this.#wasInVain;
  }

  get #isAttended() {
    if (this.isWall) return false;
    return Date.now() - this.#touched < (document.hidden ? UNATTENDED_HIDDEN : UNATTENDED);
  }

  /** Whether the page was loaded anew for that version, and yet is of another. */
  get #wasInVain() {
    const [version, at] = JSON.parse(sessionStorage.getItem(MARK) ?? "[null, 0]");
    return version === this.#newest && Date.now() - at < AGAIN;
  }
}

async function isServed() {
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      cache: "no-store",
    });
    return answer.ok;
  } catch {
    return false;
  }
}
