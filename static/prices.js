/**
 * The table of prices: reads the board and paints the rows whose quotes changed, from
 * the newest of each, at most once a frame.
 */

import { arrange, byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "./dom.js";
import { Flashes } from "./flashes.js";
import {
  age,
  arrow,
  bySymbol,
  direction,
  percent,
  points,
  position,
  price,
  signed,
} from "./format.js";

/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./board.js").Quote} Quote */
/** @typedef {import("./board.js").Change} Change */
/** @typedef {import("./format.js").Direction} Direction */
/** @typedef {{row: HTMLElement, fields: Record<string, HTMLElement>}} Row */
/** @typedef {{from: number | null, at: number}} Pending The price before, if it is to
 *   flash, and when that changed. */

const FRESH = 1000; // ms; a change that was painted later, in a hidden page, never flashes

export class Prices {
  #board;
  #section = byId("prices");
  #body = byId("price-rows");
  #flashes = new Flashes();
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {Map<string, Pending>} */ #pending = new Map();

  /** @param {Board} board */
  constructor(board) {
    this.#board = board;
    for (const element of this.#body.children) {
      const row = /** @type {HTMLElement} */ (element);
      this.#rows.set(row.dataset.symbol ?? "", { row, fields: fieldsOf(row) });
    }
  }

  /** @param {Change} change */
  note({ key, before, live }) {
    if (key === null) return;
    const now = performance.now();
    const from = live && before ? before.price : null;
    const pending = this.#pending.get(key);
    if (!pending) this.#pending.set(key, { from, at: now });
    else pending.at = now;
  }

  /** @param {number} now The frame's time. */
  paint(now) {
    if (this.#pending.size === 0) return;
    const before = this.#rows.size;
    let isNew = false;
    for (const [symbol, { from, at }] of this.#pending) {
      const quote = this.#board.quotes.get(symbol);
      if (quote) {
        isNew ||= !this.#rows.has(symbol);
        this.#fill(quote, now - at < FRESH ? from : null, now);
      } else this.#remove(symbol);
    }
    this.#pending.clear();
    if (isNew) this.#arrange();
    if (this.#rows.size !== before) setHidden(this.#section, this.#rows.size === 0);
  }

  /** How many symbols rose and fell today. */
  count() {
    const count = { up: 0, down: 0, flat: 0 };
    for (const { row } of this.#rows.values()) {
      count[/** @type {Direction} */ (row.dataset.direction)] += 1;
    }
    return count;
  }

  /** Say how many rose and fell. */
  paintSummary() {
    const { up, down } = this.count();
    setText(byId("rising"), `▲ ${up} up`);
    setText(byId("falling"), `▼ ${down} down`);
  }

  /**
   * Say how old each quote is.
   * @param {number} serverTime
   */
  paintAges(serverTime) {
    for (const [symbol, { fields }] of this.#rows) {
      const quote = this.#board.quotes.get(symbol);
      if (quote) setText(fields.age, age(serverTime - quote.at));
    }
  }

  /** @param {Quote} quote @param {number | null} from @param {number} now */
  #fill(quote, from, now) {
    const { row, fields } = this.#rows.get(quote.symbol) ?? this.#insert(quote);
    const { decimals } = quote;
    setText(fields.name, quote.name ?? "");
    setText(fields.price, price(quote.price, decimals));
    setText(fields.arrow, arrow(quote.change, decimals));
    setText(fields.change, signed(quote.change, decimals));
    setText(fields.percent, percent(quote.change_percent));
    setText(fields.low, price(quote.low, decimals));
    setText(fields.high, price(quote.high, decimals));
    setAttribute(fields.position, "x", position(quote));
    setAttribute(fields.points, "points", points(this.#board.spark(quote.symbol)));
    setAttribute(row, "data-direction", direction(quote.change, decimals));
    if (from !== null && from !== quote.price) {
      this.#flashes.light(fields.price, quote.price > from ? "up" : "down", now);
    }
  }

  /** @param {Quote} quote @returns {Row} */
  #insert(quote) {
    const row = stamp("price-row");
    row.dataset.symbol = quote.symbol;
    const made = { row, fields: fieldsOf(row) };
    setText(made.fields.symbol, quote.symbol);
    this.#rows.set(quote.symbol, made);
    return made;
  }

  /** @param {string} symbol */
  #remove(symbol) {
    this.#rows.get(symbol)?.row.remove();
    this.#rows.delete(symbol);
  }

  #arrange() {
    const sorted = [...this.#board.quotes.values()].sort(bySymbol);
    const rows = sorted.flatMap(({ symbol }) => this.#rows.get(symbol)?.row ?? []);
    arrange(this.#body, rows);
  }
}
