/**
 * A turn of the conversation: one question and its answer.
 *
 * Strategy: a turn's state is plain data, which the memory stores. After a reload, a turn that
 * is made from it continues: it sends a question without a response again, with the same
 * idempotency key, and reads an answer on from its cursor.
 */

import { unguessable } from "../unguessable.js";
import { BY_RULES, OFFLINE, Refusal, findAnswer, postQuestion, stopAnswer } from "./asking.js";
import { Reader } from "./reader.js";

/**
 * @typedef {import("./reader.js").Piece} Piece
 * @typedef {import("./reader.js").End} End
 * @typedef {import("./asking.js").Question} Question
 *
 * @typedef {"asking" | "answering" | "ended" | "refused" | "lost"} Phase
 *   "refused": the question got no answer. "lost": the server no longer has the answer.
 *
 * @typedef {object} Problem Why a question was refused.
 * @property {number} status The HTTP status, or OFFLINE.
 * @property {string} detail The server's sentence; may be empty.
 * @property {number} retryAt When it is worth asking again, in epoch ms.
 *
 * @typedef {object} State
 * @property {Question} question
 * @property {Phase} phase
 * @property {string | null} answer The id of the answer.
 * @property {string | null} cursor The last event of the answer that was read.
 * @property {Piece[]} pieces
 * @property {number | null} at When the question was asked, in epoch ms.
 * @property {string} by "rules", or the name of a model; empty until it is known.
 * @property {End | null} end
 * @property {Problem | null} problem
 */

export class Turn {
  /** @type {State} */ state;
  /** Whether the stream is interrupted. */
  isWaiting = false;
  /** Whether the words arrive in lumps, as behind a proxy that buffers. */
  isLumpy = false;
  #onChange;
  /** @type {Reader | null} */ #reader = null;
  #request = new AbortController(); // ends the request that asks

  /** @param {State} state @param {(turn: Turn) => void} onChange */
  constructor(state, onChange) {
    this.state = state;
    this.#onChange = onChange;
  }

  get isRunning() {
    return this.state.phase === "asking" || this.state.phase === "answering";
  }

  /** Ask, or read on. A turn that is over doesn't change. */
  async open() {
    if (this.state.phase === "asking") await this.#ask();
    if (this.state.phase === "answering") this.#read();
  }

  /** Stop reading; `open` continues. */
  close() {
    this.#reader?.close();
  }

  /** Stop reading for good: this turn is no longer shown. */
  finish() {
    this.#reader?.finish();
  }

  /** Ask a question again that got no answer, or an incomplete one. */
  askAgain() {
    // Without a response, the server may have the question: the same key can't ask it twice.
    const isUnknown = this.state.problem?.status === OFFLINE;
    const { text, about, follow, symbols, key } = this.state.question;
    const again = { text, about, follow, symbols, key: isUnknown ? key : unguessable() };
    this.#reader = null; // it is over, or was never made
    this.#request = new AbortController();
    this.state = newState(again);
    this.isLumpy = this.isWaiting = false;
    this.#onChange(this);
    return this.open();
  }

  /** Stop the answer; its stream then ends. Before there is one, cancel the question. */
  async stop() {
    if (this.state.answer === null) return this.#request.abort();
    // If the server can't be reached, the answer continues, and can be stopped later.
    await stopAnswer(this.state.answer).catch(() => undefined);
  }

  /** The page was hidden, and is seen again. */
  onReturn() {
    this.#reader?.onReturn();
  }

  async #ask() {
    const { state } = this;
    try {
      const { answer, at, by } = await postQuestion(state.question, this.#request.signal);
      if (state !== this.state) return;
      this.#change({ answer, at, by, phase: "answering" });
    } catch (error) {
      if (state === this.state) this.#onRefusal(error);
    }
  }

  /** @param {unknown} error */
  #onRefusal(error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, detail, retryAfter } = error;
    const retryAt = Date.now() + retryAfter * 1000;
    this.#change({ phase: "refused", problem: { status, detail, retryAt } });
  }

  #read() {
    const { answer, cursor } = this.state;
    if (answer === null) return;
    this.#reader ??= new Reader(answer, cursor, {
      piece: (piece, id) => {
        this.state.pieces.push(piece);
        this.#change({ cursor: id });
      },
      end: (end) => this.#onEnd(answer, end),
      lost: () => this.#change({ phase: "lost" }),
      waiting: (isWaiting) => {
        if (this.isWaiting === isWaiting) return;
        this.isWaiting = isWaiting;
        this.#onChange(this);
      },
      lump: () => {
        this.isLumpy = true;
        this.#onChange(this);
      },
    });
    this.#reader.open();
  }

  /**
   * The answer ended. If a model failed before its first word, the rules have answered.
   * @param {string} answer
   * @param {End} end
   */
  async #onEnd(answer, end) {
    const { state } = this;
    this.#change({ end, phase: "ended" });
    if (state.by === BY_RULES) return;
    const found = await findAnswer(answer).catch(() => null);
    if (found && state === this.state) this.#change({ by: found.by });
  }

  /** @param {Partial<State>} changes */
  #change(changes) {
    Object.assign(this.state, changes);
    this.#onChange(this);
  }
}

/** The state of a turn whose question was not sent yet. @param {Question} question */
export function newState(question) {
  /** @type {State} */
  const state = {
    question,
    phase: "asking",
    answer: null,
    cursor: null,
    pieces: [],
    at: null,
    by: "",
    end: null,
    problem: null,
  };
  return state;
}
