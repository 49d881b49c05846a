/** The links to the views: prices, scores, and each type that publishers chose. */

import { headOf } from "../format.js";
import { byId, setText, stamp } from "../dom.js";
import { viewOf } from "../controls/address.js";

/** @typedef {import("../board/state.js").Board} Board */

export class Views {
  #board;
  #links = byId("view-links");
  #sign = "";

  /** @param {Board} board */
  constructor(board) {
    this.#board = board;
  }

  /**
   * Paint the links to the views of the board.
   * @returns {boolean} Whether they changed; their URLs then lack the rest of the selection.
   */
  paint() {
    const { own } = this.#board;
    const views = [...own.types.keys()].map((type) => [viewOf(type), headOf(type)]);
    if (own.activity.length) views.push(["activity", "Activity"]);
    const sign = String(views);
    if (sign === this.#sign) return false;
    this.#sign = sign;
    for (const [view, title] of views) this.#add(view, title);
    const both = this.#link("both")?.querySelector("[data-field=title]");
    if (both) setText(both, views.length ? "All" : "Both");
    return true;
  }

  /** @param {string} view @param {string} title */
  #add(view, title) {
    if (this.#link(view)) return;
    const link = stamp("view");
    link.dataset.view = view;
    setText(/** @type {Element} */ (link.firstElementChild), title);
    const next = view === "activity" ? null : this.#link("activity");
    this.#links.insertBefore(link, next ?? null);
  }

  /** @param {string} view */
  #link(view) {
    return [...this.#links.querySelectorAll("a")].find(({ dataset }) => dataset.view === view);
  }
}
