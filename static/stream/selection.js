/** Which symbols and matches a tab shows, and what one stream must carry for several. */

/**
 * @typedef {object} Selection null is all of them, an empty list none.
 * @property {string[] | null} symbols Of prices.
 * @property {string[] | null} matches Of scores and incidents.
 */

/**
 * What carries all that the selections show.
 * @param {Selection[]} selections
 * @returns {Selection}
 */
export function union(selections) {
  return {
    symbols: merged(selections.map(({ symbols }) => symbols)),
    matches: merged(selections.map(({ matches }) => matches)),
  };
}

/**
 * Whether all that the second shows is in the first.
 * @param {Selection} wide
 * @param {Selection} narrow
 */
export function covers(wide, narrow) {
  return isWithin(narrow.symbols, wide.symbols) && isWithin(narrow.matches, wide.matches);
}

/**
 * Whether a selection shows an event; a `gone` event where it showed the key.
 * @param {Selection} selection
 * @param {string} type
 * @param {any} data
 */
export function selects({ symbols, matches }, type, data) {
  const kind = type === "gone" ? data.event : type;
  const key = type === "gone" ? data.key : kind === "price" ? data.symbol : data.match;
  if (kind === "price") return symbols?.includes(key) ?? true;
  if (kind === "score" || kind === "incident") return matches?.includes(key) ?? true;
  return true;
}

/**
 * The parameters of `/stream` for a selection (docs/feed.md, section 3).
 * @param {Selection} selection
 * @param {string[]} types All event types that may come.
 * @returns {[string, string][]}
 */
export function parameters({ symbols, matches }, types) {
  /** @type {[string, string][]} */
  const found = [];
  if (symbols?.length) found.push(["symbols", symbols.join(",")]);
  if (matches?.length) found.push(["matches", matches.join(",")]);
  const isShown = (/** @type {string} */ type) =>
    type === "price"
      ? symbols?.length !== 0
      : !(type === "score" || type === "incident") || matches?.length !== 0;
  // `gone` is left out, since it would ask for those of all types.
  const shown = types.filter((type) => isShown(type) && type !== "gone");
  if (!types.every(isShown)) found.push(["events", shown.join(",")]);
  return found;
}

/** @param {(string[] | null)[]} lists */
function merged(lists) {
  const names = new Set();
  for (const list of lists) {
    if (list === null) return null;
    for (const name of list) names.add(name);
  }
  return [...names].sort();
}

/** @param {string[] | null} few @param {string[] | null} many */
function isWithin(few, many) {
  return many === null || (few?.every((name) => many.includes(name)) ?? false);
}
