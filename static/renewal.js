/**
 * A page that outlives the server's version: one that nobody attends loads itself anew,
 * one that somebody attends offers to.
 */

import { byId, setHidden } from "./dom.js";

const UNATTENDED_HIDDEN = 5 * 60_000; // ms without input, where nobody can see the page
const UNATTENDED = 30 * 60_000; // the same where it can be seen
const SPREAD = 30_000; // ms; so that a thousand pages don't load in the same second
const AGAIN = 60 * 60_000; // ms; where loading anew brought no other version
const ASKED_EACH = 30 * 60_000; // ms; by a hidden page, which has no stream that says it
const MARK = "liveboard-renewal"; // in sessionStorage: the version loaded for, and when
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class Renewal {
  #version;
  #newest;
  #button = byId("reload");
  #touched = Date.now();
  #heardAt = Date.now(); // when the version was last heard of
  #timer = 0;

  /** @param {string} version The version that this page is of. */
  constructor(version) {
    this.#version = this.#newest = version;
    this.#button.addEventListener("click", () => location.reload());
    for (const input of INPUTS) {
      addEventListener(input, () => this.touch(), { passive: true });
    }
  }

  /** Somebody is there. */
  touch() {
    this.#touched = Date.now();
  }

  /** @param {string} version The version that the server says it has. */
  note(version) {
    this.#newest = version;
    this.#heardAt = Date.now();
    setHidden(this.#button, !this.#isDue);
  }

  /** Load anew where it is due and nobody would notice; call it now and then. */
  check() {
    if (document.hidden && Date.now() - this.#heardAt >= ASKED_EACH) this.#ask();
    if (this.#timer || !this.#mayReload) return;
    this.#timer = setTimeout(() => this.#reload(), Math.random() * SPREAD);
  }

  /** Ask the server for its version. */
  async #ask() {
    this.#heardAt = Date.now();
    const hello = await answerOf("/stream.ndjson?once=1&events=notice");
    if (hello) this.note(JSON.parse((await hello.text()).split("\n")[0]).data.version);
  }

  /** Load anew, but not into an error page: a screen on a wall would keep that. */
  async #reload() {
    if (this.#mayReload && (await answerOf(location.href))) {
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
    return Date.now() - this.#touched < (document.hidden ? UNATTENDED_HIDDEN : UNATTENDED);
  }

  /** Whether the page was loaded anew for that version, and yet is of another. */
  get #wasInVain() {
    const [version, at] = JSON.parse(sessionStorage.getItem(MARK) ?? "[null, 0]");
    return version === this.#newest && Date.now() - at < AGAIN;
  }
}

/** @param {string} url @returns {Promise<Response | null>} Nothing where it isn't served. */
async function answerOf(url) {
  try {
    const answer = await fetch(url, {
      headers: { Accept: "text/html, */*" },
      cache: "no-store",
    });
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}
