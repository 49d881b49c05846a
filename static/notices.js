/** The lines above the board: what the markets do, and what there is to tell people. */

import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "./dom.js";
import { marketStatus } from "./format.js";

/** @typedef {import("./board.js").Board} Board */

const SHOWN = 3; // notices; the newest

export class Notices {
  #board;
  #notices = byId("notices");
  #markets = byId("markets");

  /** @param {Board} board */
  constructor(board) {
    this.#board = board;
  }

  /** Paint both lists anew: they are short, and change seldom. */
  paint() {
    const newest = [...this.#board.notices.values()].sort((a, b) => b.at - a.at);
    this.#notices.replaceChildren(
      ...newest.slice(0, SHOWN).map(({ title, body, level }) => {
        const line = stamp("notice");
        const fields = fieldsOf(line);
        setAttribute(line, "data-level", level);
        setText(fields.title, title);
        setText(fields.body, body ?? "");
        return line;
      }),
    );
    setHidden(this.#notices, newest.length === 0);
    this.#markets.replaceChildren(
      ...[...this.#board.markets.values()].map((market) => {
        const item = stamp("market");
        const fields = fieldsOf(item);
        setAttribute(item, "data-status", market.status);
        setText(fields.market, market.market);
        setText(fields.status, marketStatus(market));
        return item;
      }),
    );
  }
}
