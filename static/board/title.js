/** The title of the page's tab: what a person wants to know without looking at the page. */

import { badgeText, isStale } from "./badge.js";

/** @typedef {import("../stream/stream.js").State} State */

/**
 * @param {object} shown
 * @param {boolean} shown.isPaused
 * @param {State} shown.state The state of the stream.
 * @param {number | null} shown.asOf The instant of the values.
 * @param {string} shown.opened The key of the detail; empty if none is open.
 * @param {{up: number, down: number} | null} shown.directions How many of the shown quotes
 *   rose and fell; null on a board without quotes.
 * @param {number} shown.live How many matches are live.
 * @param {string} [shown.rows] "Ticket 12", on a board of publishers' own types.
 */
export function titleOf({ isPaused, state, asOf, opened, directions, live, rows = "" }) {
  if (isPaused) return "‖ Paused · Liveboard";
  if (isStale(state)) return `${badgeText(state, asOf)} · Liveboard`;
  const parts = [
    opened,
    directions ? `▲ ${directions.up} ▼ ${directions.down}` : "",
    live ? `${live} live` : "",
    rows,
    "Liveboard",
  ];
  return parts.filter(Boolean).join(" · ");
}
