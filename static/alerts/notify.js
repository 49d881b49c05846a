/**
 * Notifies a person of an alert: by a line on the page and in the status region, by a
 * sound if the person wants one, and by the system if it is allowed and the page is hidden.
 */

import { useOf } from "../board/attention.js";
import { byId, fieldsOf, setText, stamp } from "../dom.js";

/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("./announcer.js").Announcer} Announcer */

const TOAST_SHOWN = 20_000; // ms for which a line is shown; the list of alerts keeps the fact
const MOST_TOASTS = 4; // lines at once
const ICON = "/static/icon.svg";

export class Notifier {
  #settings;
  #announcer;
  #place = byId("toasts");
  /** @type {AudioContext | null} */ #audio = null;

  /** @param {Settings} settings @param {Announcer} announcer */
  constructor(settings, announcer) {
    this.#settings = settings;
    this.#announcer = announcer;
  }

  /** Whether the system may be used; "default" if nobody was asked. */
  get permission() {
    return "Notification" in globalThis ? Notification.permission : "denied";
  }

  /** Ask the person for the permission, if nobody did; call it within a person's action. */
  async askPermission() {
    if (this.permission !== "default") return;
    await Notification.requestPermission();
  }

  /**
   * @param {string} words
   * @param {string} tag The system shows one notification of a tag, even from two tabs.
   */
  notify(words, tag) {
    this.#announcer.announce(words, true);
    this.showToast(words);
    if (this.#settings.get("sound")) this.beep();
    if (document.hidden && this.permission === "granted") this.#notifyBySystem(words, tag);
  }

  /** Show a line on the page for a while. @param {string} words */
  showToast(words) {
    const toast = stamp("toast");
    const { text, close } = fieldsOf(toast);
    setText(text, words);
    close.addEventListener("click", () => toast.remove());
    this.#place.append(toast);
    while (this.#place.children.length > MOST_TOASTS) this.#place.firstElementChild?.remove();
    const leave = () => {
      // A person who points at the line reads it, or is about to close it.
      if (useOf(toast)) setTimeout(leave, TOAST_SHOWN);
      else toast.remove();
    };
    setTimeout(leave, TOAST_SHOWN);
  }

  /** Play two short tones; a browser allows this after the first click or key. */
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
  #notifyBySystem(words, tag) {
    try {
      const notification = new Notification(words, { tag, icon: ICON });
      notification.addEventListener("click", () => focus());
    } catch {
      // Chromium on Android allows no page to do this. The line on the page must do.
    }
  }
}
