/**
 * Shows a turn: the question, and under it the answer as it comes.
 *
 * The text of an answer is only ever appended, as text nodes and links, once a frame. So
 * what was read stays where it is, can be selected, and is never parsed again. No element
 * is a live region: a screen reader would read every word as it comes.
 */

import { fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { isolated } from "../format.js";
import { setTime } from "../times.js";
import { writeUrl } from "../controls/address.js";
import { presentOf, presentResult, rowOf } from "./figures.js";
import { countDue } from "./typing.js";
import { HELD_BACK, origin, statusOf } from "./words.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../controls/choice.js").Choice} Choice */
/**
 * @typedef {object} Figure
 * @property {number} index The place of its piece in the answer.
 * @property {import("./reader.js").Ref} ref
 * @property {string} text
 * @property {typeof presentOf} presentOf Returns its present value.
 * @property {HTMLElement} present Shows its present value.
 */

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const NUMERIC = /^[+\u2212-]?\d/;

export class TurnView {
  /** @type {HTMLElement} */ element = stamp("ask-turn");
  #fields = fieldsOf(this.element);
  #turn;
  #choice;
  #count = 0; // pieces that are shown
  /** @type {Figure[]} */ #figures = [];

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
    setHidden(fields.origin, state.at === null);
    setTime(fields.at, state.at, "clock");
    setText(fields.by, origin(state.by));
    setHidden(fields.again, isRunning || state.end?.reason === "complete");
    setHidden(fields.foot, fields.again.hidden && (state.at === null || isRunning));
  }

  /** Show its present value beside each figure. @param {Board} board */
  paintPresent(board) {
    if (this.#turn.isRunning) return; // nothing moves within the text while it comes
    for (const { ref, text, present, presentOf } of this.#figures) {
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
    const nodes = [];
    for (; this.#count < count; this.#count += 1) nodes.push(...this.#nodesOf(this.#count));
    this.#fields.answer.append(...nodes);
  }

  /** @param {number} index @returns {(string | HTMLElement)[]} */
  #nodesOf(index) {
    const { text, ref, unchecked } = this.#turn.state.pieces[index];
    if (!ref && !unchecked) return [text];
    const core = text.trim();
    const shown = isolated(core);
    const start = text.indexOf(core);
    const [before, after] = [text.slice(0, start), text.slice(start + core.length)];
    if (unchecked) {
      const mark = element("small", "unchecked-mark", " (not from the board)");
      return [before, element("span", "unchecked", shown), mark, after];
    }
    const row = rowOf(ref, core);
    const inside = row ? this.#linkTo(row, shown) : shown;
    if (!ref?.field) return [before, inside, after];
    return [before, inside, this.#presentAfter({ ref, text: core, index }), after];
  }

  /**
   * The place for what a figure is now. The two figures of a result have one together.
   * @param {Pick<Figure, "ref" | "text" | "index">} figure
   */
  #presentAfter(figure) {
    const present = element("span", "present", "");
    const home = this.#figures.at(-1);
    if (home && this.#isResult(home, figure)) {
      this.#figures.pop();
      const text = `${home.text}–${figure.text}`;
      this.#figures.push({ ...figure, text, present, presentOf: presentResult });
    } else this.#figures.push({ ...figure, present, presentOf });
    return present;
  }

  /**
   * Whether two figures are a result, "2–1".
   * @param {Figure} home
   * @param {Pick<Figure, "ref" | "index">} away
   */
  #isResult(home, away) {
    return (
      home.ref.field === "home.score" &&
      away.ref.field === "away.score" &&
      home.ref.key === away.ref.key &&
      home.index === away.index - 2 &&
      this.#turn.state.pieces[away.index - 1].text === "–"
    );
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
