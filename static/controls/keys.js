/**
 * Single-key shortcuts, which a person can switch off (WCAG 2.1.4). They do nothing in
 * fields, together with a modifier key, and while a dialog is open.
 */

/** @typedef {import("./settings.js").Settings} Settings */

const EDITABLE = "input, select, textarea, [contenteditable]";
const ROWS = "#prices .symbol, #scores .open, .panel .symbol"; // j and k move among these
/** @type {Record<string, string>} On a row, the arrow keys stand for these. */
const ARROWS = { ArrowDown: "j", ArrowUp: "k" };

/**
 * @param {Settings} settings
 * @param {Record<string, () => void>} actions By key.
 */
export function listenToKeys(settings, actions) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (target.matches(EDITABLE)) /** @type {HTMLElement} */ (target).blur();
      else actions.Escape();
      return;
    }
    if (target.closest(EDITABLE)) return;
    const key = target.matches(ROWS) ? (ARROWS[event.key] ?? event.key) : event.key;
    const isArrow = key !== event.key;
    if (!isArrow && !settings.get("shortcuts")) return;
    if (!Object.hasOwn(actions, key)) return;
    event.preventDefault();
    actions[key]();
  });
}

/** Move the focus by a number of rows. @param {number} by */
export function moveFocus(by) {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  /** @type {HTMLElement | undefined} */ (rows[next])?.focus();
}
