/**
 * How a person is told of an alert: by the system where that is allowed and the page isn't
 * in front, always by a line on the page and in the status region, by a sound if wanted.
 */

import { byId, fieldsOf, setText, stamp } from "../dom.js";

/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("./announcer.js").Announcer} Announcer */

const SHOWN = 20_000; // ms; the list of alerts keeps what was reached
const MOST = 4; // lines at once
const ICON = "/static/icon.svg";

export class Told {
  #settings;
  #announcer;
  #place = byId("toasts");
  /** @type {AudioContext | null} */ #audio = null;

  /** @param {Settings} settings @param {Announcer} announcer */
  constructor(settings, announcer) {
    this.#settings = settings;
    this.#announcer = announcer;
  }

  /** Whether the system may be used, as far as it was asked. */
  get permission() {
    return "Notification" in globalThis ? Notification.permission : "denied";
  }

  /** Ask to use the system, where it was never asked; within a person's action. */
  async ask() {
    if (this.permission !== "default") return;
    await Notification.requestPermission();
  }

  /** @param {string} words @param {string} tag Two tabs tell the same tag once. */
  tell(words, tag) {
    this.#announcer.say(words, true);
    this.show(words);
    if (this.#settings.get("sound")) this.beep();
    if (document.hidden && this.permission === "granted") this.#notify(words, tag);
  }

  /** Show a line on the page for a while. @param {string} words */
  show(words) {
    const toast = stamp("toast");
    const { text, close } = fieldsOf(toast);
    setText(text, words);
    close.addEventListener("click", () => toast.remove());
    this.#place.append(toast);
    while (this.#place.children.length > MOST) this.#place.firstElementChild?.remove();
    const leave = () => {
      // Not while it is read, or about to be closed.
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, SHOWN);
      else toast.remove();
    };
    setTimeout(leave, SHOWN);
  }

  /** Two short tones, made here; a browser allows it after the first click or key. */
  beep() {
    this.#audio ??= new AudioContext();
    this.#audio.resume().catch(() => {});
    const gain = this.#audio.createGain();
    gain.connect(this.#audio.destination);
    const start = this.#audio.currentTime;
    gain.gain.setValueAtTime(0.15, start);
    gain.gain.exponentialRampToValueAtTime(0.001, start + 0.4);
    for (const [pitch, after] of [
      [660, 0],
      [880, 0.15],
    ]) {
      const tone = this.#audio.createOscillator();
      tone.frequency.value = pitch;
      tone.connect(gain);
      tone.start(start + after);
      tone.stop(start + after + 0.15);
    }
  }

  /** @param {string} words @param {string} tag */
  #notify(words, tag) {
    try {
      const notification = new Notification(words, { tag, icon: ICON });
      notification.addEventListener("click", () => focus());
    } catch {
      // Chromium on Android allows none from a page: the line on the page is there.
    }
  }
}
