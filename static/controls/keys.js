/**
 * Single-key shortcuts, which a person can switch off (WCAG 2.1.4). They do nothing in
 * fields, together with a modifier key, and while a dialog is open. They work on every
 * keyboard: where its letters aren't Latin, the place of a key counts.
 */

/** @typedef {import("./settings.js").Settings} Settings */

const EDITABLE = "input, select, textarea, [contenteditable]";
const ROWS = "#prices .symbol, #scores .open, .panel .symbol"; // j and k move among these
/** @type {Record<string, string>} On a row, the arrow keys stand for these. */
const ARROWS = { ArrowDown: "j", ArrowUp: "k" };
const REPEATED = "jk"; // a key that is held down repeats these alone

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
    const arrow = target.matches(ROWS) ? ARROWS[event.key] : undefined;
    if (!arrow && !settings.get("shortcuts")) return;
    const key = [arrow, ...namesOf(event)].find((it) => it && Object.hasOwn(actions, it));
    if (!key) return;
    event.preventDefault();
    if (!event.repeat || REPEATED.includes(key)) actions[key]();
  });
}

/**
 * The names of a key, the best one first: its character, without Caps Lock; else what an
 * English keyboard has in its place.
 * @param {Pick<KeyboardEvent, "key" | "code" | "shiftKey">} event
 */
export function namesOf({ key, code, shiftKey }) {
  const names = [shiftKey ? key : key.toLowerCase()];
  if (/^[^\0-\x7f]$/u.test(key)) names.push(code.replace("Key", "").toLowerCase());
  if (!shiftKey) names.push(code.replace("Digit", ""));
  return names;
}

/** Move the focus by a number of rows. @param {number} by */
export function moveFocus(by) {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  /** @type {HTMLElement | undefined} */ (rows[next])?.focus();
}
