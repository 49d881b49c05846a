/**
 * "While you were away": what changed while nothing came for minutes, because the
 * computer slept, the network was gone, or nobody looked at the page.
 */

import { percent } from "../format.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {{at: number, quotes: Map<string, Quote>, scores: Map<string, Score>}} Past */

const AWAY = 120_000; // ms without anything that are worth a word
const MOVERS = 3; // symbols that are named; those that moved most
const MOVED = 0.05; // percent; less is no move

export class Away {
  #board;
  /** @type {Past | null} */ #past = null; // as the board was before it caught up

  /** @param {Board} board */
  constructor(board) {
    this.#board = board;
  }

  /**
   * A stream begins: remember the board as it is, where that is of long ago.
   * @param {number} asOf The instant that the board is of.
   * @param {number} now By the same clock, the server's.
   */
  begin(asOf, now) {
    if (this.#past || now - asOf < AWAY) return;
    const { quotes, scores } = this.#board;
    this.#past = { at: asOf, quotes: new Map(quotes), scores: new Map(scores) };
  }

  /**
   * All that was missed has come: say what it was, once; null where there is nothing.
   * @param {number} now
   */
  end(now) {
    const past = this.#past;
    this.#past = null;
    return past && sentence(past, this.#board, now);
  }
}

/**
 * What lies between a past and the present, in a sentence; null where nothing does.
 * @param {Past} past
 * @param {{quotes: Map<string, Quote>, scores: Map<string, Score>}} present
 * @param {number} now
 */
export function sentence(past, present, now) {
  const goals = goalsBetween(past.scores, present.scores);
  const said = goals ? [goals === 1 ? "1 goal" : `${goals} goals`] : [];
  for (const { symbol, change } of movers(past.quotes, present.quotes)) {
    said.push(`${symbol} ${percent(change)}`);
  }
  return said.length
    ? `While you were away (${span(now - past.at)}): ${said.join(", ")}`
    : null;
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
