/** Which rows of a publisher's own type a selection shows, and in which order. */

import { orderOf } from "../controls/address.js";
import { pinOf } from "../controls/settings.js";
import { byNumber, byText } from "../format.js";
import { cell, entriesOf, fieldOf } from "../board/cells.js";

/** @typedef {import("../board/own-types.js").OwnType} OwnType */
/** @typedef {import("../board/own-types.js").Row} Row */
/** @typedef {{group: number, value: any}} Rank A value's place: first by group. */

const SEARCHED = 10_000; // code points of a field that are searched
const LAST = 2; // the group of values that have no place

/**
 * The keys of the rows that a selection shows, in its order; pinned ones come first.
 * @param {OwnType} own
 * @param {Pick<import("../controls/address.js").Selection, "q" | "filter" | "by">} selection
 * @param {(pin: string) => boolean} isPinned
 */
export function chooseRows({ type, rows }, { q, filter, by }, isPinned) {
  const wanted = q.trim().toLowerCase();
  const pins = new Set(
    [...rows.keys()].filter((key) => isPinned(pinOf("own", ownPin(type, key)))),
  );
  let keys = [...rows.keys()];
  if (filter === "pinned") keys = keys.filter((key) => pins.has(key));
  if (wanted) keys = keys.filter((key) => isFound(/** @type {Row} */ (rows.get(key)), wanted));
  const order = orderOf(by, type);
  if (!order && !pins.size) return keys;
  const ranked = keys.map((key, place) => ({
    key,
    place,
    isPinned: Number(pins.has(key)),
    rank: order ? rankOf(/** @type {Row} */ (rows.get(key)), order.field) : NO_RANK,
  }));
  const sign = order?.descends ? -1 : 1;
  ranked.sort(
    (a, b) =>
      b.isPinned - a.isPinned || byRank(a.rank, b.rank, sign) || byNumber(a.place, b.place),
  );
  return ranked.map(({ key }) => key);
}

/**
 * Whether a search finds a row: in its key, or in a field that isn't nested.
 * @param {Row} row
 * @param {string} wanted In lower case.
 */
export function isFound({ key, data }, wanted) {
  if (key.toLowerCase().includes(wanted)) return true;
  return entriesOf(data).some(([name, value]) =>
    searchedText(name, value).toLowerCase().includes(wanted),
  );
}

/** The part of a pin that names a row. @param {string} type @param {string} key */
export function ownPin(type, key) {
  return `${type} ${key}`; // a type has no space
}

/** @type {Rank} */
const NO_RANK = { group: 0, value: 0 };

/** @param {Row} row @param {string} field Empty for the key. @returns {Rank} */
function rankOf({ key, data }, field) {
  if (field === "") return { group: 1, value: key };
  const value = fieldOf(data, field);
  const { kind, text, at } = cell(field, value, 0);
  if (kind === "number") return { group: 0, value };
  if (kind === "time") return { group: 0, value: at };
  if (kind === "missing" || kind === "null" || kind === "nested") {
    return { group: LAST, value: 0 };
  }
  return { group: 1, value: kind === "boolean" ? text : value };
}

/** @param {Rank} a @param {Rank} b @param {number} sign */
function byRank(a, b, sign) {
  if (a.group !== b.group) {
    const isLast = a.group === LAST || b.group === LAST;
    return (a.group - b.group) * (isLast ? 1 : sign);
  }
  const isText = typeof a.value === "string";
  return sign * (isText ? byText(a.value, b.value) : byNumber(a.value, b.value));
}

/** @param {string} name @param {any} value */
function searchedText(name, value) {
  if (typeof value === "string") return value.slice(0, 2 * SEARCHED); // in UTF-16 units
  const { kind, text } = cell(name, value, 0);
  return kind === "nested" ? "" : text;
}
