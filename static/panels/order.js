/** Which rows of a publisher's own type a selection shows, and in which order. */

import { cell, entriesOf, fieldOf } from "./cells.js";
import { isFound as areFound, orderOf, wordsOf } from "../controls/address.js";
import { ownPinOf } from "../controls/settings.js";
import { byNumber, byText } from "../format.js";

/** @typedef {import("./tables.js").Table} Table */
/** @typedef {import("../board/own-types.js").Row} Row */
/** @typedef {Pick<import("../controls/address.js").Selection, "q" | "filter" | "by">} Selected */
/** @typedef {{group: number, value: any}} Rank A value's place: first by group. */

const SEARCHED_FIELDS = 100; // of a row; as in web/panels.py
const SEARCHED = 10_000; // code points of a field that are searched
const LAST = 2; // the group of values that have no place
/** @type {Rank} */
const NO_RANK = { group: 0, value: 0 };

/**
 * The keys of the rows that a selection shows, in its order; pinned ones come first.
 * @param {Table} own
 * @param {Selected} selection
 * @param {(pin: string) => boolean} isPinned
 */
export function chooseRows({ type, rows }, selection, isPinned) {
  const shows = rowTest(selection, isPinned);
  const shown = [...rows.values()].filter(shows);
  const order = orderOf(selection.by, type);
  const ranked = shown.map((row, place) => ({
    key: row.key,
    place,
    isPinned: Number(isPinned(ownPinOf(type, row.key))),
    rank: order ? rankOf(row, order.field) : NO_RANK,
  }));
  if (order || ranked.some((row) => row.isPinned)) {
    const sign = order?.descends ? -1 : 1;
    ranked.sort(
      (a, b) =>
        b.isPinned - a.isPinned || byRank(a.rank, b.rank, sign) || byNumber(a.place, b.place),
    );
  }
  return ranked.map(({ key }) => key);
}

/**
 * The test whether a selection shows a row.
 * @param {Pick<Selected, "q" | "filter">} selection
 * @param {(pin: string) => boolean} isPinned
 * @returns {(row: Row) => boolean}
 */
export function rowTest({ q, filter }, isPinned) {
  const wanted = wordsOf(q);
  return (row) =>
    (filter !== "pinned" || isPinned(ownPinOf(row.type, row.key))) &&
    (wanted.length === 0 || isFound(row, wanted));
}

/**
 * Whether a search finds a row: in its key and its first fields that aren't nested.
 * @param {Pick<Row, "key" | "data">} row
 * @param {string[]} words
 */
export function isFound({ key, data }, words) {
  const fields = entriesOf(data).slice(0, SEARCHED_FIELDS);
  return areFound(words, key, ...fields.map(([name, value]) => searchedText(name, value)));
}

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
  if (typeof value === "string") return beginning(value);
  const { kind, text } = cell(name, value, 0);
  return kind === "nested" ? "" : text;
}

/** @param {string} text */
function beginning(text) {
  if (text.length <= SEARCHED) return text;
  return [...text.slice(0, 2 * SEARCHED)].slice(0, SEARCHED).join("");
}
