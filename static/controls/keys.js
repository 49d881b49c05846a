/**
 * Single-key shortcuts, for who has them on (WCAG 2.1.4): not in fields, not with
 * modifiers, not under an open dialog.
 */

/** @typedef {import("./settings.js").Settings} Settings */

const FIELDS = "input, select, textarea, [contenteditable]";
const ROWS = "#prices .symbol, #scores .open"; // what j and k go through
/** @type {Record<string, string>} In the rows the arrows do the same. */
const ARROWS = { ArrowDown: "j", ArrowUp: "k" };

/**
 * @param {Settings} settings
 * @param {Record<string, () => void>} actions By key.
 */
export function listen(settings, actions) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (target.matches(FIELDS)) /** @type {HTMLElement} */ (target).blur();
      else actions.Escape();
      return;
    }
    if (target.closest(FIELDS)) return;
    const key = target.matches(ROWS) ? (ARROWS[event.key] ?? event.key) : event.key;
    const isArrow = key !== event.key;
    if (!isArrow && !settings.get("shortcuts")) return;
    if (!Object.hasOwn(actions, key)) return;
    event.preventDefault();
    actions[key]();
  });
}

/** Go to the row that is so many further on. @param {number} by */
export function step(by) {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  /** @type {HTMLElement | undefined} */ (rows[next])?.focus();
}
