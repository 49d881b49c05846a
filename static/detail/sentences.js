/**
 * The sentences of the detail: a chart in words, and the incidents of a match. The rules
 * are those of `web/format.py`. The page loads this module with the first detail.
 */

import { GOALS, atMinute, direction, isolated, price, result } from "../format.js";
import { hours } from "../times.js";

/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {import("../board/state.js").Incident} Incident */

const SCORING = new Set([...GOALS, "var_cancelled", "half_time", "full_time"]);
/** @type {Record<string, string>} */
const INCIDENTS = {
  kick_off: "Kick-off",
  goal: "Goal",
  own_goal: "Own goal",
  penalty: "Penalty scored",
  penalty_missed: "Penalty missed",
  yellow_card: "Yellow card",
  red_card: "Red card",
  substitution: "Substitution",
  var_cancelled: "Goal cancelled (VAR)",
  half_time: "Half-time",
  second_half: "Second half",
  full_time: "Full time",
};
/** @type {Record<string, string>} */
const TRADING = { open: "Market open", halted: "Trading halted", closed: "Market closed" };

/**
 * The status of a quote's market in words: "Market closed".
 * @param {string} status
 */
export function trading(status) {
  return Object.hasOwn(TRADING, status) ? TRADING[status] : status;
}

/**
 * A chart in words, for people who do not see it.
 * @param {string} symbol
 * @param {number[][]} bars
 * @param {number} places
 */
export function chartSentence(symbol, bars, places) {
  const name = isolated(symbol);
  const last = bars.at(-1);
  if (!last) return `No past prices of ${name} yet.`;
  const [at, first] = bars[0];
  const close = price(last[4], places);
  if (bars.length === 1) {
    return `In this chart: ${name} was ${close} at ${hours(at)}, and has no other price.`;
  }
  const low = Math.min(...bars.map((bar) => bar[3]));
  const high = Math.max(...bars.map((bar) => bar[2]));
  const way = direction(last[4] - first, places);
  const went = { up: "rose", down: "fell", flat: "stands" }[way];
  const moved =
    way === "flat" ? "where it began" : `by ${price(Math.abs(last[4] - first), places)}`;
  return (
    `In this chart: ${name} ${went} ${moved} between ${hours(at)} and ${hours(last[0])}, ` +
    `to ${close}; low ${price(low, places)}, high ${price(high, places)}.`
  );
}

/**
 * The minute of an incident, "45+2′"; empty if it is unknown.
 * @param {Incident} incident
 */
export function moment(incident) {
  return incident.minute == null ? "" : atMinute(incident);
}

/**
 * An incident in words: what happened, the result after a goal or a period, by whom, on which
 * side. They are empty if they aren't known.
 * @param {Incident} incident
 * @param {Score} score
 */
export function incidentWords({ kind, team, player, home_score, away_score }, score) {
  return {
    what: Object.hasOwn(INCIDENTS, kind) ? INCIDENTS[kind] : kind.replaceAll("_", " "),
    result: SCORING.has(kind) ? result(home_score, away_score) : "",
    by: player ?? "",
    side: team === "home" || team === "away" ? `(${score[team].name})` : "",
  };
}
