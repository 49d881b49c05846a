/** The conversation: its turns in order. It asks the next question and stores the turns. */

import { unguessable } from "../unguessable.js";
import { readTurns, storeTurns } from "./memory.js";
import { Turn, newState } from "./turn.js";

const STORE_INTERVAL = 1000; // ms; an answer changes with each word

export class Conversation {
  /** @type {Turn[]} Oldest first. */ turns;
  #onChange;
  #storeTimer = 0;

  /** @param {(turn: Turn) => void} onChange Called with each turn that changed. */
  constructor(onChange) {
    this.#onChange = onChange;
    this.turns = readTurns().map((state) => this.#turnOf(state));
    for (const turn of this.turns) turn.open();
    addEventListener("pagehide", () => this.#leave());
    // Only a page from the back/forward cache is shown after it was hidden.
    addEventListener("pageshow", ({ persisted }) => persisted && this.#return());
    document.addEventListener("visibilitychange", () => {
      for (const turn of this.turns) turn.onReturn();
    });
  }

  /** The turn that is being answered, at most one; null if there is none. */
  get running() {
    return this.turns.findLast((turn) => turn.isRunning) ?? null;
  }

  /**
   * The turn with a question, the newest if there are several; else null.
   * @param {string} text
   * @param {string} about
   */
  find(text, about) {
    const found = this.turns.findLast(({ state: { question } }) => {
      return question.text === text && question.about === about;
    });
    return found ?? null;
  }

  /**
   * Ask a question.
   * @param {string} text
   * @param {string} about
   * @param {string[]} symbols The pinned symbols.
   */
  ask(text, about, symbols) {
    const follow = this.turns.findLast(({ state }) => state.phase === "ended");
    const question = {
      text,
      about,
      follow: follow?.state.answer ?? null,
      symbols,
      key: unguessable(),
    };
    const turn = this.#turnOf(newState(question));
    this.turns.push(turn);
    this.#onTurn(turn);
    turn.open();
    return turn;
  }

  /** Forget all turns, and stop an answer that is running. */
  clear() {
    for (const turn of this.turns) {
      if (turn.isRunning) turn.stop();
      turn.finish();
    }
    this.turns = [];
    this.#store();
  }

  /** @param {import("./turn.js").State} state */
  #turnOf(state) {
    return new Turn(state, (turn) => this.#onTurn(turn));
  }

  /** @param {Turn} turn */
  #onTurn(turn) {
    this.#onChange(turn);
    if (turn.isRunning && turn.state.answer !== null) {
      this.#storeTimer ||= setTimeout(() => this.#store(), STORE_INTERVAL);
    } else this.#store();
  }

  #store() {
    clearTimeout(this.#storeTimer);
    this.#storeTimer = 0;
    storeTurns(this.turns.map(({ state }) => state));
  }

  /** Close the streams, which would keep the page out of the back/forward cache. */
  #leave() {
    this.#store();
    for (const turn of this.turns) turn.close();
  }

  #return() {
    for (const turn of this.turns) turn.open();
  }
}
