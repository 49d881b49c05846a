/** The dialog of settings; it also applies the theme and the colours to the page. */

import { byId } from "../dom.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./settings.js").Values} Values */

/** @type {Values["theme"][]} */
const THEMES = ["system", "light", "dark"];

export class SettingsDialog {
  #settings;
  #dialog = /** @type {HTMLDialogElement} */ (byId("settings"));
  #selects = {
    times: /** @type {HTMLSelectElement} */ (byId("set-times")),
    pace: /** @type {HTMLSelectElement} */ (byId("set-pace")),
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
    settings.watch(() => this.#apply());
    this.#apply();
  }

  open() {
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }

  /** Select the next theme; return its name. */
  selectNextTheme() {
    const now = THEMES.indexOf(this.#settings.get("theme"));
    const next = THEMES[(now + 1) % THEMES.length];
    this.#settings.set("theme", next);
    return next;
  }

  /** Apply the settings to the page, and show them in the dialog. */
  #apply() {
    const { dataset } = document.documentElement;
    const theme = this.#settings.get("theme");
    const colours = this.#settings.get("colours");
    if (theme === "system") delete dataset.theme;
    else dataset.theme = theme;
    if (colours === "green") delete dataset.colours;
    else dataset.colours = colours;
    for (const scheme of /** @type {const} */ (["light", "dark"])) {
      const isChosen = theme === scheme ? "all" : "not all";
      const meta = /** @type {HTMLMetaElement} */ (byId(`${scheme}-bar`));
      meta.media = theme === "system" ? `(prefers-color-scheme: ${scheme})` : isChosen;
    }
    this.#selects.pace.value = String(this.#settings.get("pace"));
    this.#selects.times.value = this.#settings.get("times");
    this.#selects.theme.value = theme;
    this.#selects.colours.value = colours;
    this.#ticks.shortcuts.checked = this.#settings.get("shortcuts");
    this.#ticks.sound.checked = this.#settings.get("sound");
  }
}
