/** What the board says if the selection shows nothing. The rules are those of `web/format.py`. */

import { byId, setAttribute, setText } from "../dom.js";
import { writeUrl } from "../controls/address.js";

/** @typedef {import("../controls/address.js").Selection} Selection */

/** @type {Record<string, string>} By filter. */
const NONE_THERE = {
  up: "Nothing has risen.",
  down: "Nothing has fallen.",
  live: "No match is live at the moment.",
  finished: "No match is over yet.",
  upcoming: "No match is coming up.",
};

/**
 * Paint the words, and the link that shows something again.
 * @param {Selection} selection
 * @param {boolean} hasPins
 */
export function paintNothing(selection, hasPins) {
  const link = byId("show-all");
  setText(byId("nothing-words"), nothingWords(selection, hasPins));
  setText(link, selection.q ? "Clear search" : "Show all");
  setAttribute(link, "href", selection.q ? writeUrl({ ...selection, q: "" }) : "/");
}

/** @param {Selection} selection @param {boolean} hasPins */
export function nothingWords({ q, filter, symbols }, hasPins) {
  if (q) return `No results for “${q}”.`;
  if (filter === "pinned") {
    return hasPins
      ? "None of your pins is here."
      : "No pins yet. Tap ☆ beside a symbol or match.";
  }
  if (Object.hasOwn(NONE_THERE, filter)) return NONE_THERE[filter];
  return symbols.length ? "None of these symbols is on the board." : "Nothing here yet.";
}
