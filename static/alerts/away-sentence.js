/** "While you were away", in words: goals, prices that moved, rows that came and went. */

import { headOf, isolated, percent } from "../format.js";

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {import("./away.js").Keys} Keys */
/** @typedef {import("./away.js").Past} Past */

const MOVERS = 3; // symbols that are named; they moved most
const TYPES = 3; // own types that are mentioned
const MOVED = 0.05; // percent from which a change is a move

/**
 * The changes between a past and the present in a sentence; null if there are none.
 * @param {Past} past
 * @param {Omit<Past, "at">} present
 * @param {number} now
 */
export function awaySentence(past, present, now) {
  const goals = goalsBetween(past.scores, present.scores);
  const parts = goals ? [goals === 1 ? "1 goal" : `${goals} goals`] : [];
  for (const { symbol, change } of movers(past.quotes, present.quotes)) {
    parts.push(`${isolated(symbol)} ${percent(change)}`);
  }
  parts.push(...rowsBetween(past.keys ?? new Map(), present.keys ?? new Map()));
  return parts.length
    ? `While you were away (${span(now - past.at)}): ${parts.join(", ")}`
    : null;
}

/** The rows that came and went: "Ticket 2 new, 1 gone". @param {Keys} before @param {Keys} after */
function rowsBetween(before, after) {
  const parts = [];
  for (const [type, keys] of after) {
    const old = before.get(type) ?? new Set();
    const come = [...keys].filter((key) => !old.has(key)).length;
    const gone = [...old].filter((key) => !keys.has(key)).length;
    const words = [come && `${come} new`, gone && `${gone} gone`].filter(Boolean);
    if (words.length) parts.push(`${headOf(type)} ${words.join(", ")}`);
  }
  return parts.slice(0, TYPES);
}

/** @param {Map<string, Score>} before @param {Map<string, Score>} after */
function goalsBetween(before, after) {
  let goals = 0;
  for (const [match, score] of after) {
    goals += Math.max(0, total(score) - total(before.get(match)));
  }
  return goals;
}

/** @param {Score | undefined} score */
function total(score) {
  return (score?.home.score ?? 0) + (score?.away.score ?? 0);
}

/** @param {Map<string, Quote>} before @param {Map<string, Quote>} after */
function movers(before, after) {
  const found = [];
  for (const [symbol, { price }] of after) {
    const old = before.get(symbol)?.price;
    if (!old) continue;
    const change = (100 * (price - old)) / old;
    if (Math.abs(change) >= MOVED) found.push({ symbol, change });
  }
  return found.sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, MOVERS);
}

/** @param {number} ms */
function span(ms) {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}
