/**
 * The sentences of the detail: a chart in words, and the incidents of a match. The rules
 * are those of `web/format.py`. The page loads this module with the first detail.
 */

import { GOALS, atMinute, direction, isolated, price } from "../format.js";
import { hours } from "../times.js";

/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {import("../board/state.js").Incident} Incident */

const SCORING = new Set([...GOALS, "var_cancelled"]);
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

/**
 * A chart in words, for people who do not see it.
 * @param {string} symbol
 * @param {number[][]} candles
 * @param {number} places
 */
export function chartSentence(symbol, candles, places) {
  const name = isolated(symbol);
  const last = candles.at(-1);
  if (!last || candles.length < 2) return `No past prices of ${name} yet.`;
  const [at, first] = candles[0];
  const low = Math.min(...candles.map((candle) => candle[3]));
  const high = Math.max(...candles.map((candle) => candle[2]));
  const way = direction(last[4] - first, places);
  const went = { up: "rose", down: "fell", flat: "stands" }[way];
  const moved =
    way === "flat" ? "where it began" : `by ${price(Math.abs(last[4] - first), places)}`;
  return (
    `${name} ${went} ${moved} between ${hours(at)} and ${hours(last[0])}, ` +
    `to ${price(last[4], places)}; low ${price(low, places)}, high ${price(high, places)}.`
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
 * An incident in words: "Goal 1–0 · A. Ames (Acton)".
 * @param {Incident} incident
 * @param {Score} score
 */
export function incidentText({ kind, team, player, home_score, away_score }, score) {
  let what = Object.hasOwn(INCIDENTS, kind) ? INCIDENTS[kind] : kind.replaceAll("_", " ");
  if (SCORING.has(kind) && home_score != null && away_score != null) {
    what += ` ${home_score}–${away_score}`;
  }
  const side = team === "home" || team === "away" ? isolated(score[team].name) : "";
  const by = isolated(player ?? "");
  const who = by && side ? `${by} (${side})` : by || side;
  return who ? `${what} · ${who}` : what;
}
