/** The stars: rows that a person pinned in this browser come first. */

import { isolated } from "../format.js";
import { setAttribute, setText } from "../dom.js";
import { pinOfOpened } from "./settings.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./address.js").Opened} Opened */

/**
 * Paint whether the row of a star is pinned.
 * @param {HTMLElement} star
 * @param {string} name
 * @param {boolean} isPinned
 */
export function paintPin(star, name, isPinned) {
  setText(star, isPinned ? "★" : "☆");
  setAttribute(star, "aria-pressed", String(isPinned));
  setAttribute(star, "aria-label", `Pin ${name}`);
}

/**
 * The quote, match or own row that an element is in.
 * @param {Element | null} element
 * @returns {Opened | null}
 */
export function rowOf(element) {
  const row = /** @type {HTMLElement | null} */ (
    element?.closest("[data-symbol], [data-match], [data-key]") ?? null
  );
  if (row?.dataset.symbol !== undefined) return { kind: "quote", key: row.dataset.symbol };
  if (row?.dataset.match !== undefined) return { kind: "match", key: row.dataset.match };
  if (row?.dataset.key !== undefined) {
    return { kind: "own", key: row.dataset.key, type: row.dataset.type };
  }
  return null;
}

/** Paint all stars of the board. @param {Settings} pins */
export function paintPins(pins) {
  for (const element of document.querySelectorAll("main .star")) {
    const star = /** @type {HTMLElement} */ (element);
    const row = rowOf(star);
    if (!row) continue;
    const teams = star.parentElement?.querySelectorAll(".team-name") ?? [];
    const names =
      row.kind === "match" ? [...teams].map((it) => it.textContent ?? "") : [row.key];
    paintPin(star, names.map(isolated).join(" v "), pins.isPinned(pinOfOpened(row)));
  }
}
