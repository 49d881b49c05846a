/** The title of the page's tab: what a person wants to know without looking at the page. */

import { badgeText, isStale } from "./badge.js";

/** @typedef {import("../stream/stream.js").State} State */

/**
 * @param {object} shown
 * @param {boolean} shown.isPaused
 * @param {State} shown.state The state of the stream.
 * @param {number | null} shown.asOf The instant of the values.
 * @param {{name: string, line: string} | null} shown.opened What is open beside the board:
 *   its name, and the line with its values.
 * @param {{up: number, down: number} | null} shown.directions How many of the shown quotes
 *   rose and fell; null on a board without quotes.
 * @param {number} shown.live How many matches are live.
 * @param {string} [shown.rows] "Ticket 12", on a board of publishers' own types.
 */
export function titleOf({ isPaused, state, asOf, opened, directions, live, rows = "" }) {
  const counts = [
    directions ? `▲ ${directions.up} ▼ ${directions.down}` : "",
    live ? `${live} live` : "",
    rows,
  ];
  const parts = [
    isPaused ? "‖ Paused" : "",
    isStale(state) ? badgeText(state, asOf) : "",
    ...(isPaused || isStale(state) ? [opened?.name] : opened ? [opened.line] : counts),
    "Liveboard",
  ];
  return parts.filter(Boolean).join(" · ");
}
