/**
 * Applies the theme and the colours when they change. As the page loads, `theme.js` does that.
 */

import { byId } from "../dom.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./settings.js").Values} Values */

/** @type {Values["theme"][]} */
const THEMES = ["system", "light", "dark"];

/** @param {Settings} settings */
export function applyAppearance(settings) {
  const { dataset } = document.documentElement;
  const theme = settings.get("theme");
  const colours = settings.get("colours");
  if (theme === "system") delete dataset.theme;
  else dataset.theme = theme;
  if (colours === "green") delete dataset.colours;
  else dataset.colours = colours;
  for (const scheme of /** @type {const} */ (["light", "dark"])) {
    const isChosen = theme === scheme ? "all" : "not all";
    const meta = /** @type {HTMLMetaElement} */ (byId(`${scheme}-bar`));
    meta.media = theme === "system" ? `(prefers-color-scheme: ${scheme})` : isChosen;
  }
}

/** Select the next theme; return its name. @param {Settings} settings */
export function selectNextTheme(settings) {
  const now = THEMES.indexOf(settings.get("theme"));
  const next = THEMES[(now + 1) % THEMES.length];
  settings.set("theme", next);
  return next;
}
