/**
 * Writes a field of a publisher's own event type: as a number, a time, a chip, a link, or a
 * text. The rules are those of `web/cells.py`; `tests/page/own_types.json` has the cases that
 * both must pass.
 *
 * Names and values can be any published text. Nothing here turns them into markup, and only an
 * http(s) address becomes a link.
 */

import { age, cut, headOf, isolated, price } from "../format.js";
import { clock } from "../times.js";

/**
 * @typedef {"missing" | "null" | "boolean" | "number" | "time" | "chip" | "link" | "text"
 *   | "nested"} Kind
 * @typedef {"amber" | "red" | "green" | "plain"} Tone
 * @typedef {object} Cell
 * @property {Kind} kind
 * @property {string} text
 * @property {Tone} [tone] Of a chip.
 * @property {number} [at] Of a time, in epoch ms.
 */

export const VALUE = "value"; // the only field of data that isn't an object
const LONGEST_TEXT = 120; // code points of a text in a table
const LONGEST_CHIP = 40; // code points
const LONGEST_LINK = 2000;
const MOST_FIELDS = 8; // in a line of the activity
const DECIMALS = 6;
const UNGROUPED = "9,999".length; // longest whole part that is written without separators
const TIME_NAME = /^at$|_at$/;
const FIRST_MS = 1e11; // numbers from here to LAST_MS are epoch ms, as in docs/feed.md
const LAST_MS = 1e14;
const FIRST_INSTANT = -62135596800000; // the beginning of the year 1
const LAST_INSTANT = 253402300799999; // the end of the year 9999
const ISO =
  /^(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?$/;
// The characters are those of RFC 3986.
const ADDRESS = /^https?:\/\/[A-Za-z0-9[][\w.~:/?#[\]@!$&'()*+,;=%-]*$/;
const CHIP_NAMES = new Set(["status", "state", "level", "severity", "priority"]);
/** @type {[Tone, string][]} */
const TONE_WORDS = [
  ["amber", "open pending warning warn degraded high"],
  ["red", "down error critical failed breached fatal urgent"],
  ["green", "ok up healthy online closed solved resolved done"],
];
/** @type {Map<string, Tone>} */
const TONES = new Map(
  TONE_WORDS.flatMap(([tone, words]) => words.split(" ").map((word) => [word, tone])),
);

/**
 * Write a field.
 * @param {string} name
 * @param {any} value Undefined if the row has no such field.
 * @param {number} now Epoch ms; times of another day are written with their date.
 * @param {number} [decimals] Of the numbers in the same column.
 * @returns {Cell}
 */
export function cell(name, value, now, decimals = 0) {
  if (value === undefined) return { kind: "missing", text: "" };
  if (value === null) return { kind: "null", text: "none" };
  if (typeof value === "boolean") return { kind: "boolean", text: value ? "yes" : "no" };
  if (typeof value === "object") return { kind: "nested", text: nestedText(value) };
  const at = instantOf(name, value);
  if (at !== null) return { kind: "time", text: clock(at, now), at };
  if (typeof value === "number") return { kind: "number", text: number(value, decimals) };
  return textCell(name, value);
}

/**
 * A number without zeros at its end, but with at least `decimals` decimals.
 * @param {number} value
 * @param {number} [decimals]
 */
export function number(value, decimals = 0) {
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const rounded = price(value, DECIMALS);
  if (rounded.includes("e")) return rounded;
  const [whole, rest = ""] = rounded.replace(/\.?0+$/, "").split(".");
  if (whole === "0" && !rest && value !== 0) return "≈ 0";
  const isShort = whole.replace("−", "").length <= UNGROUPED;
  const digits = rest.padEnd(decimals, "0");
  return (isShort ? whole.replace(",", "") : whole) + (digits && `.${digits}`);
}

/** How many decimals a number is written with. @param {number} value */
export function decimalsOf(value) {
  return Number.isInteger(value) ? 0 : (number(value).split(".")[1]?.length ?? 0);
}

/**
 * The time since an instant, or until it: "12 s", "in 2 h".
 * @param {number} at
 * @param {number} now
 */
export function ageText(at, now) {
  return at - now >= 1000 ? `in ${age(at - now)}` : age(now - at);
}

/**
 * The line of an event without a key.
 * @param {any} data
 * @param {number} at The instant of the event.
 */
export function activityText(data, at) {
  for (const name of ["text", "title", "message"]) {
    const value = fieldOf(data, name);
    if (typeof value === "string" && value.trim()) return isolated(cut(value, LONGEST_TEXT));
  }
  if (!isObject(data)) return cell(VALUE, data, at).text;
  const written = Object.entries(data)
    .map(([name, value]) => ({ name, ...cell(name, value, at) }))
    .filter(({ kind }) => kind !== "nested")
    .slice(0, MOST_FIELDS)
    .map(({ name, text }) => `${isolated(headOf(name))}: ${isolated(text)}`);
  return written.length ? cut(written.join(" · "), LONGEST_TEXT) : nestedText(data);
}

/**
 * The fields of an event's data, in their order; data that isn't an object is one field.
 * @param {any} data
 * @returns {[string, any][]}
 */
export function entriesOf(data) {
  return isObject(data) ? Object.entries(data) : [[VALUE, data]];
}

/**
 * The value of a field; undefined if there is none.
 * @param {any} data
 * @param {string} name
 */
export function fieldOf(data, name) {
  if (!isObject(data)) return name === VALUE ? data : undefined;
  return Object.hasOwn(data, name) ? data[name] : undefined;
}

/** Whether data has fields; null and arrays have none. @param {any} data */
function isObject(data) {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

/** @param {string} name @param {string} value @returns {Cell} */
function textCell(name, value) {
  if (value.length <= LONGEST_LINK && ADDRESS.test(value)) {
    return { kind: "link", text: value };
  }
  const isChip = CHIP_NAMES.has(name) && value !== "" && cut(value, LONGEST_CHIP) === value;
  if (!isChip) return { kind: "text", text: cut(value, LONGEST_TEXT) };
  return { kind: "chip", text: value, tone: TONES.get(value.toLowerCase()) ?? "plain" };
}

/** @param {object} value */
function nestedText(value) {
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return open + (Object.keys(value).length ? "…" : "") + close;
}

/**
 * The instant that a field has, in epoch ms; null if it has none.
 * @param {string} name
 * @param {any} value
 */
function instantOf(name, value) {
  if (!TIME_NAME.test(name)) return null;
  if (typeof value === "number") {
    return value >= FIRST_MS && value <= LAST_MS ? Math.floor(value) : null;
  }
  return typeof value === "string" ? isoInstant(value) : null;
}

/** The instant of ISO 8601, by UTC if it has no zone. @param {string} text */
function isoInstant(text) {
  const [, day, hour, minute, second = "0", part = "", sign = "+", ...zone] =
    ISO.exec(text) ?? [];
  if (day === undefined || day.startsWith("0000")) return null;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // V8 reads the 30th of February as the 2nd of March.
  if (Number.isNaN(midnight) || new Date(midnight).getUTCDate() !== Number(day.slice(8))) {
    return null;
  }
  const [hours = "0", minutes = "0"] = zone;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -60 : 60);
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second) - offset;
  const at = midnight + seconds * 1000 + Number(part.slice(0, 3).padEnd(3, "0"));
  return at < FIRST_INSTANT || at > LAST_INSTANT ? null : at;
}
