/**
 * Shows a turn: the question, and under it the answer as it comes.
 *
 * The text of an answer is only ever appended, as text nodes and links, once a frame. So
 * what was read stays where it is, can be selected, and is never parsed again. No element
 * is a live region: a screen reader would read every word as it comes.
 */

import { fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { clock } from "../format.js";
import { writeUrl } from "../controls/address.js";
import { presentOf, rowOf } from "./figures.js";
import { countDue } from "./typing.js";
import { HELD_BACK, origin, statusOf } from "./words.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./reader.js").Piece} Piece */
/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../controls/choice.js").Choice} Choice */

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const NUMERIC = /^[+\u2212-]?\d/;

export class TurnView {
  /** @type {HTMLElement} */ element = stamp("ask-turn");
  #fields = fieldsOf(this.element);
  #turn;
  #choice;
  #count = 0; // pieces that are shown
  /** @type {{ref: import("./reader.js").Ref, text: string, present: HTMLElement}[]} */
  #figures = [];

  /** @param {Turn} turn @param {Choice} choice */
  constructor(turn, choice) {
    this.#turn = turn;
    this.#choice = choice;
    setText(this.#fields.question, turn.state.question.text);
    this.#fields.again.addEventListener("click", () => turn.askAgain());
  }

  /** Whether it has to be painted again in a second, because it counts down. */
  get isCounting() {
    return (this.#turn.state.problem?.retryAt ?? 0) > Date.now();
  }

  /** Show what is new. */
  paint() {
    const { state, isRunning, isWaiting, isLumpy } = this.#turn;
    const fields = this.#fields;
    if (state.pieces.length < this.#count) this.#begin();
    this.#write(
      countDue(state.pieces, this.#count, { isOver: !isRunning, isWhole: STILL.matches }),
    );
    const phase = isWaiting && isRunning ? "waiting" : state.phase;
    setAttribute(this.element, "data-phase", phase);
    setAttribute(this.element, "data-reason", state.end?.reason ?? "");
    const status = statusOf(state, isWaiting, Date.now());
    setText(fields.status, status);
    setHidden(fields.status, status === "");
    setText(fields.lump, isLumpy ? HELD_BACK : "");
    setHidden(fields.lump, !isLumpy);
    setText(
      fields.origin,
      state.at === null ? "" : `As of ${clock(state.at)} UTC, ${origin(state.by)}`,
    );
    setHidden(fields.again, isRunning || state.end?.reason === "complete");
    setHidden(fields.foot, fields.again.hidden && (state.at === null || isRunning));
  }

  /** Show beside each figure what it is now. @param {Board} board */
  paintPresent(board) {
    if (this.#turn.isRunning) return; // nothing moves within the text while it comes
    for (const { ref, text, present } of this.#figures) {
      const now = presentOf(ref, text, board);
      setText(present, now === null ? "" : `, now ${now}`);
    }
  }

  /** The question was asked again. */
  #begin() {
    this.#fields.answer.replaceChildren();
    this.#figures = [];
    this.#count = 0;
  }

  /** @param {number} count */
  #write(count) {
    if (count === this.#count) return;
    const pieces = this.#turn.state.pieces.slice(this.#count, count);
    this.#fields.answer.append(...pieces.flatMap((piece) => this.#nodesOf(piece)));
    this.#count = count;
  }

  /** @param {Piece} piece @returns {(string | HTMLElement)[]} */
  #nodesOf({ text, ref, unchecked }) {
    const row = rowOf(ref);
    if (!ref && !unchecked) return [text];
    const core = text.trim();
    const start = text.indexOf(core);
    const inside = row ? this.#linkTo(row, core) : core;
    const rest = text.slice(start + core.length);
    if (unchecked) {
      const mark = element("small", "unchecked-mark", " (not from the board)");
      return [text.slice(0, start), element("span", "unchecked", core), mark, rest];
    }
    if (!ref?.field) return [text.slice(0, start), inside, rest];
    const present = element("span", "present", "");
    this.#figures.push({ ref, text: core, present });
    return [text.slice(0, start), inside, present, rest];
  }

  /** @param {import("../controls/address.js").Opened} row @param {string} text */
  #linkTo(row, text) {
    const link = element("a", NUMERIC.test(text) ? "figure" : "subject", text);
    setAttribute(link, "href", writeUrl({ ...this.#choice.now, asked: null, opened: row }));
    return link;
  }
}

/** @param {string} tag @param {string} className @param {string} text */
function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
