/**
 * The columns for which a panel has room. The detail of a row shows the others.
 *
 * Widths are those of `panels.css`. They don't depend on the content of the cells, so no column
 * moves when a row changes.
 */

/** @typedef {import("./cells.js").Kind} Kind */
/** @typedef {{columns: boolean[], trend: boolean}} Fit Whether each column is shown. */

const KEY_WIDTH = 6; // rem, as are all
const TREND_WIDTH = 5.5;
/** @type {Partial<Record<Kind, number>>} */
const WIDTHS = { number: 5.25, chip: 6.75, time: 8.5, boolean: 4.5 };
const TEXT_WIDTH = 6;

/**
 * Share the width of a panel among its columns: the first chip comes first, then the trend with
 * its column, then the others.
 * @param {(Kind | null)[]} kinds Of the columns.
 * @param {number} trended The column that has a trend; -1 if there is none.
 * @param {number} width In rem; 0 if it isn't known.
 * @param {number} pin The width of the column of pins.
 * @returns {Fit}
 */
export function fitColumns(kinds, trended, width, pin) {
  let room = (width || Infinity) - pin - KEY_WIDTH;
  const take = (/** @type {number} */ wanted) => {
    if (wanted > room) return false;
    room -= wanted;
    return true;
  };
  const first = [kinds.indexOf("chip"), trended].filter((i) => i >= 0);
  /** @type {boolean[]} */
  const columns = [];
  for (const i of first) columns[i] ??= take(widthOf(kinds[i]));
  const trend = trended >= 0 && columns[trended] && take(TREND_WIDTH);
  kinds.forEach((kind, i) => (columns[i] ??= take(widthOf(kind))));
  return { columns, trend };
}

/** @param {Kind | null} kind */
function widthOf(kind) {
  return (kind && WIDTHS[kind]) ?? TEXT_WIDTH;
}
