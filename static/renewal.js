/**
 * A page that is older than the server's version: it reloads by itself if nobody uses it,
 * as on a wall screen, and offers a button if somebody does.
 */

import { byId, setHidden } from "./dom.js";
import { SteadyClock } from "./stream/steady-clock.js";
import { fetchOwn } from "./own-fetch.js";

const UNATTENDED_HIDDEN = 5 * 60_000; // ms without input until a hidden page is unattended
const UNATTENDED = 30 * 60_000; // ms without input until a visible page is unattended
const SPREAD = 30_000; // ms; a thousand pages must not load in the same second
const AGAIN = 60 * 60_000; // ms until the next attempt if a reload brought no other version
const ASK_INTERVAL = 30 * 60_000; // ms; a hidden page has no stream that tells the version
const MARK = "liveboard-renewal"; // in sessionStorage: the version of the last reload, when
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class Renewal {
  #version;
  #newest;
  #button = byId("reload");
  #clock = new SteadyClock();
  #usedAt = this.#clock.now;
  #heardAt = this.#clock.now; // when the server last sent its version
  #timer = 0;

  /** @param {string} version The version of this page. */
  constructor(version) {
    this.#version = this.#newest = version;
    this.#button.addEventListener("click", () => location.reload());
    for (const input of INPUTS) {
      addEventListener(input, () => this.onInput(), { passive: true });
    }
  }

  /** Somebody uses the page. */
  onInput() {
    this.#usedAt = this.#clock.now;
  }

  /** @param {string} version The version of the server. */
  onVersion(version) {
    this.#newest = version;
    this.#heardAt = this.#clock.now;
    setHidden(this.#button, !this.#isDue);
  }

  /** Reload if it is due and nobody uses the page; call this each second or so. */
  check() {
    const unheard = this.#clock.now - this.#heardAt;
    if (document.hidden && unheard >= ASK_INTERVAL) this.#askVersion();
    if (this.#timer || !this.#mayReload) return;
    this.#timer = setTimeout(() => this.#reload(), Math.random() * SPREAD);
  }

  /** Ask the server for its version. */
  async #askVersion() {
    this.#heardAt = this.#clock.now;
    const hello = await answerOf("/stream.ndjson?once=1&events=notice");
    if (hello) this.onVersion(JSON.parse((await hello.text()).split("\n")[0]).data.version);
  }

  /** Reload, but not into an error page: nobody would reload a wall screen from there. */
  async #reload() {
    if (this.#mayReload && (await answerOf(location.pathname + location.search))) {
      rememberReload(this.#newest);
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
    return this.#clock.now - this.#usedAt < (document.hidden ? UNATTENDED_HIDDEN : UNATTENDED);
  }

  /** Whether the page was reloaded for that version, and still has another one. */
  get #wasInVain() {
    const [version, at] = lastReload();
    return version === this.#newest && Math.abs(Date.now() - at) < AGAIN;
  }
}

/** @param {string} version The one to load. */
function rememberReload(version) {
  try {
    sessionStorage.setItem(MARK, JSON.stringify([version, Date.now()]));
  } catch {
    // Without storage, the page is reloaded each time that it is due.
  }
}

/** The version of the last reload, and when it was. @returns {[string | null, number]} */
function lastReload() {
  try {
    return JSON.parse(sessionStorage.getItem(MARK) ?? "[null, 0]");
  } catch {
    return [null, 0]; // storage is switched off
  }
}

/** @param {string} path @returns {Promise<Response | null>} Null if it isn't served. */
async function answerOf(path) {
  try {
    const answer = await fetchOwn(path, {
      headers: { Accept: "text/html, */*" },
      cache: "no-store",
    });
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}
