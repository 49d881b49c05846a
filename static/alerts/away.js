/**
 * "While you were away": the changes of the minutes in which no event arrived, because the
 * computer slept, the network was gone, or the page was hidden.
 */

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {Map<string, Set<string>>} Keys The keys of publishers' own types, by type. */
/** @typedef {{at: number, quotes: Map<string, Quote>, scores: Map<string, Score>,
 *   keys?: Keys}} Past */

const AWAY = 120_000; // ms without an event from which an absence is mentioned

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
   * events have arrived. The first time this loads the sentence's script.
   * @param {number} now By the server's clock.
   * @returns {Promise<string | null>} A sentence; null if there is nothing to mention.
   */
  async describeChanges(now) {
    const past = this.#past;
    this.#past = null;
    if (past === null) return null;
    const { awaySentence } = await import("./away-sentence.js");
    const { quotes, scores } = this.#board;
    return awaySentence(past, { quotes, scores, keys: keysOf(this.#board) }, now);
  }
}

/** @param {Board} board @returns {Keys} */
function keysOf({ own }) {
  return new Map([...own.types].map(([type, rows]) => [type, new Set(rows.keys())]));
}
