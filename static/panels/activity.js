/** The activity: the newest events without a key, one line each, newest first. */

import { useOf } from "../board/attention.js";
import { activityText } from "./cells.js";
import { byId, fieldsOf, setHidden, setText, stamp } from "../dom.js";
import { isFound, wordsOf } from "../controls/address.js";
import { instant } from "../events.js";
import { headOf } from "../format.js";
import { setTime } from "../times.js";

/** @typedef {import("../board/own-types.js").Happening} Happening */
/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/prices.js").Choice} Choice */

export class Activity {
  #board;
  #choice;
  #panel = byId("activity");
  #list = byId("happenings");
  /** @type {Map<string, HTMLElement>} */ #lines = new Map(); // by id
  #isDue = true;
  #isUrgent = true; // whether a person's action requires it

  /** @param {Board} board @param {Choice} choice */
  constructor(board, choice) {
    this.#board = board;
    this.#choice = choice;
  }

  onChange() {
    this.#isDue = true;
  }

  onSelection() {
    this.#isDue = this.#isUrgent = true;
  }

  /** Whether there is a change to paint. */
  get isDue() {
    return this.#isDue;
  }

  /** Paint the list if it changed, but not while a person points at it. @param {boolean} isPaused */
  paint(isPaused) {
    if (!this.#isDue || (isPaused && !this.#isUrgent)) return;
    if (!this.#isUrgent && useOf(this.#list)) return;
    this.#isDue = this.#isUrgent = false;
    const { q, filter, view } = this.#choice.now;
    const isChosen = (view === "both" && filter !== "pinned") || view === "activity";
    const wanted = wordsOf(q);
    const lines = this.#board.own.activity
      .map((happening) => this.#lines.get(happening.id) ?? line(happening))
      .filter(({ textContent }) => isFound(wanted, textContent));
    this.#lines = new Map(lines.map((element) => [element.dataset.id ?? "", element]));
    this.#list.replaceChildren(...lines.toReversed());
    setHidden(this.#panel, !isChosen || lines.length === 0);
  }
}

/** @param {Happening} happening */
function line({ id, event, data }) {
  const element = stamp("happening");
  const { at, type, text } = fieldsOf(element);
  const when = instant(id);
  element.dataset.id = id;
  setTime(at, when, "clock");
  setText(type, headOf(event));
  setText(text, activityText(data, when));
  return element;
}
