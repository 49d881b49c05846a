/**
 * The columns for which a panel has room. The detail of a row shows the others.
 *
 * Widths are those of `styles/panels.css`. They don't depend on what stands in the cells, so
 * that no column moves when a row changes.
 */

/** @typedef {import("../board/cells.js").Kind} Kind */
/** @typedef {{columns: boolean[], trend: boolean}} Fit Whether each is shown. */

const KEY = 96; // px, as are all
const TREND = 104;
/** @type {Partial<Record<Kind, number>>} */
const WIDTHS = { number: 84, chip: 108, time: 136, boolean: 72 };
const TEXT = 96;
const FIRST = 3; // columns that come before the trend when room is given away

/**
 * Give away the room of a panel: to the first chip, to the first columns, to the trend, and
 * to further columns.
 * @param {(Kind | null)[]} kinds Of the columns.
 * @param {boolean} hasTrend
 * @param {number} width In px; 0 if it isn't known.
 * @param {number} pin The width of the column of pins.
 * @returns {Fit}
 */
export function fitColumns(kinds, hasTrend, width, pin) {
  let room = (width || Infinity) - pin - KEY;
  const take = (/** @type {number} */ wanted) => {
    if (wanted > room) return false;
    room -= wanted;
    return true;
  };
  const chip = kinds.indexOf("chip");
  const hasChip = chip >= 0 && take(widthOf("chip"));
  const fits = (/** @type {Kind | null} */ kind, /** @type {number} */ i) =>
    i === chip ? hasChip : take(widthOf(kind));
  const first = kinds.slice(0, FIRST).map(fits);
  const trend = hasTrend && take(TREND);
  const further = kinds.slice(FIRST).map((kind, i) => fits(kind, i + FIRST));
  return { columns: [...first, ...further], trend };
}

/** @param {Kind | null} kind */
function widthOf(kind) {
  return (kind && WIDTHS[kind]) ?? TEXT;
}
