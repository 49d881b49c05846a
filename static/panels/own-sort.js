/** The list of sorts of a publisher's own type: each column in both orders. */

import { headOf, isolated } from "../format.js";
import { byId, setHidden } from "../dom.js";
import { typeOf } from "../controls/address.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../controls/choice.js").Choice} Choice */

const AS_THEY_CAME = "As they came";

export class OwnSort {
  #board;
  #tables;
  #choice;
  #place = byId("own-sorter");
  #select = /** @type {HTMLSelectElement} */ (byId("own-sort"));
  #sign = "";

  /**
   * @param {Board} board
   * @param {import("./tables.js").Tables} tables
   * @param {Choice} choice
   */
  constructor(board, tables, choice) {
    this.#board = board;
    this.#tables = tables;
    this.#choice = choice;
    this.#select.addEventListener("change", () => choice.change({ by: this.#select.value }));
  }

  /** Whether the view has such a list. */
  get isShown() {
    return !this.#place.hidden;
  }

  /** Paint the list of the type that is shown alone, if there is one. */
  paint() {
    const own = this.#shownType();
    setHidden(this.#place, !own);
    if (!own) return;
    const columns = [...own.columns.values()];
    const sign = `${own.type} ${columns.map(({ name, kind }) => [name, kind])}`;
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#select.replaceChildren(
        new Option(AS_THEY_CAME, ""),
        ...optionsOf(`${own.type}:`, headOf(own.type), false),
        ...columns.flatMap(({ name, kind }) => {
          const isNumeric = kind === "number" || kind === "time";
          return optionsOf(`${own.type}:${name}`, headOf(name), isNumeric);
        }),
      );
    }
    const { by } = this.#choice.now;
    if (this.#select.value !== by) this.#select.value = by;
    if (this.#select.selectedIndex < 0) this.#select.value = "";
  }

  /** Select the next sort; return its name. */
  selectNext() {
    const { selectedIndex, options } = this.#select;
    const next = options[(selectedIndex + 1) % options.length];
    this.#choice.change({ by: next.value });
    return next.text;
  }

  /** The type that the view names, or the only one on a board without anything else. */
  #shownType() {
    const { quotes, scores } = this.#board;
    const named = typeOf(this.#choice.now.view);
    if (named !== null) return this.#tables.of(named);
    const [only, ...others] = this.#tables.all;
    return quotes.size + scores.size + others.length ? undefined : only;
  }
}

/** @param {string} by @param {string} head @param {boolean} isNumeric */
function optionsOf(by, head, isNumeric) {
  const rising = new Option(`${isolated(head)} ↑`, by);
  const falling = new Option(`${isolated(head)} ↓`, `-${by}`);
  return isNumeric ? [falling, rising] : [rising, falling];
}
