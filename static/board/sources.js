/**
 * The page's lines about the sources: which are out of date, since when and why; which rows
 * are simulated; and which changes are over a day. `web/sources.py` has the same rules.
 */

import { byId, setHidden, setText } from "../dom.js";
import { clock } from "../times.js";

/** @typedef {import("./state.js").SourceState} SourceState */

/** @type {Record<string, string>} By the status of a source that isn't live. */
const FAULTS = {
  late: "late data",
  mute: "no data",
  away: "no answer",
  refused: "no access",
};
/** The sources whose changes are over 24 hours, because their markets never close. */
export const BY_DAY = new Set(["Kraken", "Coinbase"]);
const SIMULATOR = "simulator";

/** Paint it all; call it once a second. @param {import("./state.js").Board} board */
export function paint(board) {
  const faults = [...board.sources.values()].filter((source) => board.isOld(source));
  show("sources", faults.map(sentence).join(" "));
  for (const row of document.querySelectorAll("[data-from]")) {
    row.toggleAttribute("data-old", board.isOld({ source: from(row) }));
  }
  const [prices, scores] = ["prices", "scores"].map(shownFrom);
  const words = simulatedWords(prices, scores);
  show("simulated", words);
  const other = document.getElementById("unsimulated"); // an embedded board has none
  if (other) setHidden(other, Boolean(words));
  const byDay = [...prices].filter((source) => BY_DAY.has(source)).sort();
  show("day-change", byDay.length ? `${byDay.join(", ")}: change over 24 h` : "");
}

/**
 * The tag for what is shown; empty if nothing of it is simulated.
 * @param {Set<string>} prices The sources of the prices.
 * @param {Set<string>} scores
 */
export function simulatedWords(prices, scores) {
  const [inPrices, inScores] = [prices.has(SIMULATOR), scores.has(SIMULATOR)];
  if (inPrices && !inScores && scores.size) return "Simulated prices";
  if (inScores && !inPrices && prices.size) return "Simulated scores";
  return inPrices || inScores ? "Simulated data" : "";
}

/** "Kraken: no answer since 14:03." @param {SourceState} state */
export function sentence({ source, status, since, detail }) {
  return `${source}: ${FAULTS[status] ?? status} since ${clock(since)}. ${detail ?? ""}`;
}

/** The sources of the rows that a part of the board shows. @param {string} part */
function shownFrom(part) {
  const element = byId(part);
  const rows = element.offsetParent
    ? element.querySelectorAll(":is(tr, .match)[data-from]:not([hidden])")
    : [];
  return new Set([...rows].map(from));
}

/** @param {Element} row */
function from(row) {
  return row.getAttribute("data-from") ?? "";
}

/** @param {string} id @param {string} text Hidden if it is empty. */
function show(id, text) {
  const element = byId(id);
  setText(element, text);
  setHidden(element, !text);
}
