/**
 * Alerts about rows of publishers' own types: a new row, a number that passes a mark, a field
 * that becomes a word. Each is about one row or about all rows of its type.
 *
 * Such an alert stays set. After a notification, its row doesn't notify again for a while: a
 * number that hovers around its mark would notify without end.
 */

import { headOf, isolated } from "../format.js";
import { cell, fieldOf, number } from "../panels/cells.js";

/** @typedef {import("../board/state.js").Change} Change */
/** @typedef {import("../board/own-types.js").Row} Row */
/** @typedef {import("../controls/settings.js").OwnAlert} OwnAlert */

const QUIET = 60_000; // ms between two notifications about one row
const MOST_REMEMBERED = 1000; // rows

export class OwnAlerts {
  /** @type {Map<string, number>} By alert and row. */ #notified = new Map();

  /**
   * The sentence of the notification about a change; null if it needs none.
   * @param {OwnAlert} alert
   * @param {Change} change
   * @param {number} now In ms.
   * @returns {string | null}
   */
  sentence(alert, { own, key, before, now: row, live }, now) {
    if (own !== alert.type || row === null || key === null) return null;
    if (alert.key !== null && alert.key !== key) return null;
    const isReason =
      alert.test === "new"
        ? live && before === null
        : holds(alert, row) && before !== null && !holds(alert, before);
    if (!isReason) return null;
    const slot = `${alert.id} ${key}`;
    if (now - (this.#notified.get(slot) ?? -Infinity) < QUIET) return null;
    if (this.#notified.size >= MOST_REMEMBERED) this.#notified.clear();
    this.#notified.set(slot, now);
    return sentenceOf(alert, row);
  }
}

/**
 * An alert in words: "Server web-1: Load above 4", "A new Ticket".
 * @param {OwnAlert} alert
 */
export function ownAlertText({ type, key, field, test, value }) {
  const title = headOf(type);
  if (test === "new") return `A new ${title}`;
  const row = key === null ? title : `${title} ${isolated(key)}`;
  const words = typeof value === "number" ? number(value) : isolated(value);
  return `${row}: ${isolated(headOf(field))} ${test} ${words}`;
}

/** @param {OwnAlert} alert @param {Row} row */
function holds({ field, test, value }, row) {
  const found = fieldOf(row.data, field);
  if (test === "becomes") {
    const { text } = cell(field, found, 0);
    return text.toLowerCase() === String(value).toLowerCase();
  }
  if (typeof found !== "number") return false;
  return test === "above" ? found > Number(value) : found < Number(value);
}

/** @param {OwnAlert} alert @param {Row} row */
function sentenceOf({ type, field, test, value }, { key, data }) {
  const title = `${headOf(type)} ${isolated(key)}`;
  if (test === "new") return `${title} is new`;
  const text = isolated(cell(field, fieldOf(data, field), 0).text);
  const head = isolated(headOf(field));
  if (test === "becomes") return `${title}: ${head} is ${text}`;
  return `${title}: ${head} is ${test} ${number(Number(value))}: ${text}`;
}
