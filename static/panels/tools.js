/** The toolbar's parts for publishers' own types: links to their views, a list of sorts. */

import { OwnSort } from "./own-sort.js";
import { Views } from "./views.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../controls/choice.js").Choice} Choice */

export class OwnTools {
  #views;
  #sort;

  /** @param {Board} board @param {import("./tables.js").Tables} tables @param {Choice} choice */
  constructor(board, tables, choice) {
    this.#views = new Views(board);
    this.#sort = new OwnSort(board, tables, choice);
  }

  /** Whether the list of sorts belongs to an own type. */
  get isSorting() {
    return this.#sort.isShown;
  }

  /** Select the next sort of that list; return its name. */
  selectNextSort() {
    return this.#sort.selectNext();
  }

  /** Paint both. @returns {boolean} As of `Views.paint`. */
  paint() {
    this.#sort.paint();
    return this.#views.paint();
  }
}
