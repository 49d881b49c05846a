/**
 * "While you were away": the changes of the minutes in which no event arrived, because the
 * computer slept, the network was gone, or the page was hidden.
 */

import { headOf } from "../format.js";
import { percent } from "../format.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {Map<string, Set<string>>} Keys The keys of publishers' own types, by type. */
/** @typedef {{at: number, quotes: Map<string, Quote>, scores: Map<string, Score>,
 *   keys?: Keys}} Past */

const AWAY = 120_000; // ms without an event from which an absence is mentioned
const MOVERS = 3; // symbols that are named: those that moved most
const TYPES = 3; // own types that are mentioned
const MOVED = 0.05; // percent from which a change is a move

export class Away {
  #board;
  /** @type {Past | null} */ #past = null; // the board before it catches up

  /** @param {Board} board */
  constructor(board) {
    this.#board = board;
  }

  /**
   * Remember the board, if its values are old. Call it when a stream begins.
   * @param {number} asOf The instant of the board's values, by the server's clock.
   * @param {number} now By the server's clock.
   */
  rememberBoard(asOf, now) {
    if (this.#past || now - asOf < AWAY) return;
    const { quotes, scores } = this.#board;
    const keys = keysOf(this.#board);
    this.#past = { at: asOf, quotes: new Map(quotes), scores: new Map(scores), keys };
  }

  /**
   * Describe, once, what changed since the board was remembered. Call it when the missed
   * events have arrived.
   * @param {number} now By the server's clock.
   * @returns {string | null} A sentence; null if there is nothing to mention.
   */
  describeChanges(now) {
    const past = this.#past;
    this.#past = null;
    if (past === null) return null;
    const { quotes, scores } = this.#board;
    return sentence(past, { quotes, scores, keys: keysOf(this.#board) }, now);
  }
}

/**
 * The changes between a past and the present in a sentence; null if there are none.
 * @param {Past} past
 * @param {Omit<Past, "at">} present
 * @param {number} now
 */
export function sentence(past, present, now) {
  const goals = goalsBetween(past.scores, present.scores);
  const parts = goals ? [goals === 1 ? "1 goal" : `${goals} goals`] : [];
  for (const { symbol, change } of movers(past.quotes, present.quotes)) {
    parts.push(`${symbol} ${percent(change)}`);
  }
  parts.push(...rowsBetween(past.keys ?? new Map(), present.keys ?? new Map()));
  return parts.length
    ? `While you were away (${span(now - past.at)}): ${parts.join(", ")}`
    : null;
}

/** @param {Board} board @returns {Keys} */
function keysOf({ own }) {
  return new Map([...own.types].map(([type, rows]) => [type, new Set(rows.keys())]));
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
