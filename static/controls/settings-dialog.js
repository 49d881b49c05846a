/** The dialog of settings. The page loads it when it is first opened. */

import { byId, setText } from "../dom.js";
import { OWN_ZONE } from "../times.js";

/** @typedef {import("./settings.js").Settings} Settings */

export class SettingsDialog {
  #settings;
  #dialog = /** @type {HTMLDialogElement} */ (byId("settings"));
  #selects = {
    pace: /** @type {HTMLSelectElement} */ (byId("set-pace")),
    times: /** @type {HTMLSelectElement} */ (byId("set-times")),
    theme: /** @type {HTMLSelectElement} */ (byId("set-theme")),
    colours: /** @type {HTMLSelectElement} */ (byId("set-colours")),
  };
  #ticks = {
    shortcuts: /** @type {HTMLInputElement} */ (byId("set-shortcuts")),
    sound: /** @type {HTMLInputElement} */ (byId("set-sound")),
  };

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    const { pace, ...named } = this.#selects;
    pace.addEventListener("change", () => settings.set("pace", Number(pace.value)));
    for (const [name, select] of Object.entries(named)) {
      select.addEventListener("change", () =>
        settings.set(/** @type {"theme"} */ (name), /** @type {any} */ (select.value)),
      );
    }
    for (const [name, tick] of Object.entries(this.#ticks)) {
      tick.addEventListener("change", () =>
        settings.set(/** @type {"sound"} */ (name), tick.checked),
      );
    }
    if (OWN_ZONE.name) setText(byId("own-zone"), OWN_ZONE.name.replaceAll("_", " "));
    settings.watch(() => this.#paint());
    this.#paint();
  }

  open() {
    if (this.#dialog.open) return;
    this.#dialog.showModal();
    this.#selects.pace.focus();
  }

  close() {
    this.#dialog.close();
  }

  #paint() {
    for (const name of /** @type {const} */ (["pace", "times", "theme", "colours"])) {
      this.#selects[name].value = String(this.#settings.get(name));
    }
    for (const name of /** @type {const} */ (["shortcuts", "sound"])) {
      this.#ticks[name].checked = this.#settings.get(name);
    }
  }
}
