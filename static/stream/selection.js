/**
 * Which prices a tab shows, and which of them one stream must carry for several tabs.
 *
 * Tabs share a stream, because a browser opens at most six connections to one server over
 * HTTP/1.1: with a stream each, the seventh embedded board on a page would stay dead. So
 * the stream carries the prices of all tabs, and the hub gives each tab its own.
 */

import { ASKED, subjectOf, traitsOf } from "../events.js";

/**
 * @typedef {object} Selection
 * @property {string[] | null} symbols Of prices, only these; null for all.
 */

const MOST_NAMES = 200; // that the server accepts in one filter

/** @type {Selection} */
export const NO_SYMBOLS = { symbols: [] };

/**
 * The selection of a stream that carries everything that the given selections show.
 * @param {Selection[]} selections
 * @returns {Selection}
 */
export function union(selections) {
  const symbols = new Set();
  for (const selection of selections) {
    if (selection.symbols === null) return { symbols: null };
    for (const symbol of selection.symbols) symbols.add(symbol);
  }
  return { symbols: [...symbols].sort() };
}

/**
 * Whether the first selection shows everything that the second one shows.
 * @param {Selection} wide
 * @param {Selection} narrow
 */
export function covers({ symbols: many }, { symbols: few }) {
  return many === null || (few?.every((symbol) => many.includes(symbol)) ?? false);
}

/**
 * Whether a selection shows an event; it shows the `gone` of each key that it shows.
 * @param {Selection} selection
 * @param {string} type
 * @param {any} data
 */
export function selects({ symbols }, type, data) {
  const { type: subject, key } = subjectOf(type, data);
  if (symbols === null || traitsOf(subject).selectedBy !== "symbols") return true;
  return key !== null && symbols.includes(key);
}

/**
 * The parameters of `/stream` for a selection (docs/feed.md, section 3). A stream for more
 * symbols than a filter may name carries all of them.
 * @param {Selection} selection
 * @returns {Record<string, string>}
 */
export function parameters({ symbols }) {
  const events = ASKED.join(",");
  if (symbols === null || symbols.length > MOST_NAMES) return { events };
  return { events, symbols: symbols.join(",") };
}
