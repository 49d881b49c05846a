/**
 * The table of prices.
 *
 * A change of a quote only marks its row. Once a frame, `paint` fills the marked rows from
 * the newest quotes, so a symbol that changes a hundred times a second costs one write a
 * frame. The order of the rows changes less often, because nobody can read a list that
 * keeps moving, and not while a person points at one of them.
 */

import { arrange, byId, fieldsOf, keepFocus, motion, setAttribute } from "../dom.js";
import { setHidden, setText, stamp } from "../dom.js";
import { useOf } from "./attention.js";
import { Flashes } from "./flashes.js";
import {
  age,
  arrow,
  direction,
  isolated,
  percent,
  position,
  price,
  signed,
  spark,
} from "../format.js";
import { paintPin } from "../controls/pins.js";
import { chooseQuotes, withoutFilter, writeUrl } from "../controls/address.js";
import { pinOf } from "../controls/settings.js";

/** @typedef {import("./state.js").Board} Board */
/** @typedef {import("./state.js").Quote} Quote */
/** @typedef {import("./state.js").Change} Change */
/** @typedef {import("../controls/address.js").Selection} Selection */
/** @typedef {{now: Selection}} Choice */
/** @typedef {{isPinned: (pin: string) => boolean}} Pins */
/** @typedef {{row: HTMLElement, fields: Record<string, HTMLElement>}} Row */
/** @typedef {{from: number | null, at: number}} Pending The earlier price, or null if the
 *   row must not flash, and when the price changed last. */

/** @type {Record<string, string>} By a market's status. */
const SHUT = { closed: "Closed", halted: "Halted" };
const OLD = 60_000; // ms; the age of a newer price says nothing
const FLASH_WITHIN = 1000; // ms; hidden pages paint later, and old changes must not flash
const ORDER_INTERVAL = 2000; // ms between two changes of the order
const COLUMN_WIDTHS = [6, 8, 10, 12, 15, 19, 28]; // characters of a column; as in prices.css
const STAMPED = 60; // new rows in one frame, so that a thousand rows don't block the page

export class Prices {
  #board;
  #choice;
  #pins;
  #section = byId("prices");
  #body = byId("price-rows");
  #flashes = new Flashes();
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {Map<string, Pending>} */ #pending = new Map();
  /** @type {Quote[]} */ #chosen = [];
  /** @type {Quote[]} */ #every = []; // those that a filter of a direction selects from
  #isOrderDue = true;
  #isOrderUrgent = true; // whether a person asked for it
  #orderedAt = -Infinity;

  /** @param {Board} board @param {Choice} choice @param {Pins} pins */
  constructor(board, choice, pins) {
    this.#board = board;
    this.#choice = choice;
    this.#pins = pins;
    for (const element of this.#body.children) {
      const row = /** @type {HTMLElement} */ (element);
      const symbol = row.dataset.symbol ?? "";
      const fields = fieldsOf(row);
      this.#rows.set(symbol, { row, fields });
      // The HTML has no sparklines, because the page gets their prices as numbers anyway.
      const quote = board.quotes.get(symbol);
      if (quote) this.#drawSpark(quote, fields);
    }
    // They are counted before the first paint.
    this.#every = this.#chooseQuotes(withoutFilter(choice.now));
  }

  /** @param {Change} change */
  onChange({ key, before, now, live }) {
    if (key === null) return;
    const at = performance.now();
    const from = live && before ? before.price : null;
    const pending = this.#pending.get(key);
    if (!pending) this.#pending.set(key, { from, at });
    else pending.at = at;
    const { sort, filter } = this.#choice.now;
    this.#isOrderDue ||=
      !before || !now || sort !== "symbol" || filter === "up" || filter === "down";
  }

  /** A person changed the selection: the next paint applies it. */
  onSelection() {
    this.#isOrderDue = this.#isOrderUrgent = true;
  }

  /** Whether a change of the order waits. */
  get isOrderDue() {
    return this.#isOrderDue;
  }

  /**
   * @param {Pick<import("./painter.js").Frame, "now" | "isPaused">} frame
   * @returns {boolean} Whether the next frame has more to paint.
   */
  paint({ now, isPaused }) {
    if (!isPaused) this.#paintValues(now);
    return this.#isOrderDue && this.#order(now);
  }

  /** @param {number} now */
  #paintValues(now) {
    for (const [symbol, { from, at }] of this.#pending) {
      const quote = this.#board.quotes.get(symbol);
      const row = this.#rows.get(symbol);
      if (quote && row) this.#fill(quote, row, now - at < FLASH_WITHIN ? from : null);
      else if (!quote) this.#remove(symbol);
    }
    this.#pending.clear();
  }

  /** The symbols that the selection shows now, in order. */
  chosenSymbols() {
    return this.#chooseQuotes(this.#choice.now).map(({ symbol }) => symbol);
  }

  /** How many of the symbols rose, and how many fell, of which the filter shows some. */
  countDirections() {
    const count = { up: 0, down: 0, flat: 0 };
    for (const { symbol } of this.#every) {
      const quote = this.#board.quotes.get(symbol);
      if (quote) count[direction(quote.change, quote.decimals)] += 1;
    }
    return count;
  }

  /**
   * Paint how old each quote is, if it isn't new, or that its market is shut.
   * @param {number} serverTime
   */
  paintAges(serverTime) {
    for (const { symbol } of this.#chosen) {
      const quote = this.#board.quotes.get(symbol);
      const made = this.#rows.get(symbol);
      if (!quote || !made) continue;
      const status = this.#board.markets.get(quote.market ?? "")?.status ?? "open";
      const old = serverTime - quote.at;
      setAttribute(made.row, "data-market", status);
      setText(made.fields.age, SHUT[status] ?? (old >= OLD ? age(old) : ""));
    }
  }

  /**
   * Show the chosen rows, in their order: at once if a person asked for it, else at most
   * each `ORDER_INTERVAL`, and not while a person points at a row.
   * @param {number} now
   */
  #order(now) {
    if (!this.#isOrderUrgent && now - this.#orderedAt < ORDER_INTERVAL) return false;
    const every = this.#chooseQuotes(withoutFilter(this.#choice.now));
    const { filter } = this.#choice.now;
    const chosen = ["up", "down"].includes(filter)
      ? every.filter(({ change, decimals }) => direction(change, decimals) === filter)
      : every;
    const use = this.#isOrderUrgent ? "" : useOf(this.#body);
    this.#showWaiting(use);
    const missing = chosen.filter(({ symbol }) => !this.#rows.has(symbol));
    for (const quote of missing.slice(0, STAMPED)) this.#insert(quote);
    if (use) {
      this.#orderedAt = now;
      return false;
    }
    keepFocus(this.#body, () =>
      motion.glide(this.#body.children, () => this.#arrange(chosen)),
    );
    this.#chosen = chosen;
    this.#every = every;
    this.#orderedAt = now;
    this.#isOrderDue = this.#isOrderUrgent = missing.length > STAMPED;
    setHidden(this.#section, every.length === 0);
    return this.#isOrderDue;
  }

  /** @param {Quote[]} chosen */
  #arrange(chosen) {
    const shown = new Set(chosen.map(({ symbol }) => symbol));
    for (const [symbol, { row }] of this.#rows) setHidden(row, !shown.has(symbol));
    arrange(
      this.#body,
      chosen.flatMap(({ symbol }) => this.#rows.get(symbol)?.row ?? []),
    );
  }

  /** @param {string} use As of `useOf`: why the order waits, if it does. */
  #showWaiting(use) {
    this.#section.toggleAttribute("data-held", use !== "");
    const note = document.getElementById("order-waits"); // an embedded board has none
    if (note) setHidden(note, use === "");
    if (note && use) setText(note, `Order paused while you ${use}`);
  }

  /** @param {Selection} selection */
  #chooseQuotes(selection) {
    return chooseQuotes(this.#board.quotes.values(), selection, (pin) =>
      this.#pins.isPinned(pin),
    );
  }

  /** @param {Quote} quote @param {Row} made @param {number | null} from */
  #fill(quote, { row, fields }, from) {
    const { decimals } = quote;
    setText(fields.name, quote.name ?? "");
    setText(fields.arrow, arrow(quote.change, decimals));
    this.#write("last", fields.price, price(quote.price, decimals));
    this.#write("last", fields.low, price(quote.low, decimals));
    this.#write("last", fields.high, price(quote.high, decimals));
    this.#write("change", fields.change, signed(quote.change, decimals));
    this.#write("percent", fields.percent, percent(quote.change_percent));
    setAttribute(fields.position, "x", position(quote));
    this.#drawSpark(quote, fields);
    setAttribute(row, "data-direction", direction(quote.change, decimals));
    setAttribute(row, "data-from", quote.source ?? "");
    if (from !== null && from !== quote.price) {
      this.#flashes.light(fields.price, quote.price > from ? "up" : "down");
    }
  }

  /** @param {Quote} quote @param {Record<string, HTMLElement>} fields */
  #drawSpark({ symbol, previous_close }, fields) {
    const { points, way, close } = spark(this.#board.spark(symbol), previous_close);
    setAttribute(fields.points, "points", points);
    setAttribute(fields.points, "data-way", way);
    setAttribute(fields.close, "d", close && `M0 ${close}H100`);
  }

  /**
   * Write a figure, and widen its column in all rows if it has no room there. A column
   * doesn't narrow again: a table that moves with each digit can't be read.
   * @param {string} column @param {HTMLElement} field @param {string} figure
   */
  #write(column, field, figure) {
    setText(field, figure);
    if (figure.length <= Number(this.#section.dataset[column])) return;
    const width =
      COLUMN_WIDTHS.find((width) => width >= figure.length) ?? COLUMN_WIDTHS.at(-1);
    setAttribute(this.#section, `data-${column}`, String(width));
  }

  /** @param {Quote} quote */
  #insert(quote) {
    const { symbol } = quote;
    const row = stamp("price-row");
    row.dataset.symbol = symbol;
    const made = { row, fields: fieldsOf(row) };
    const opened = { kind: /** @type {const} */ ("quote"), key: symbol };
    setText(made.fields.symbol, symbol);
    setAttribute(made.fields.symbol, "href", writeUrl({ ...this.#choice.now, opened }));
    paintPin(made.fields.pin, isolated(symbol), this.#pins.isPinned(pinOf("quote", symbol)));
    this.#rows.set(symbol, made);
    this.#body.append(row);
    this.#fill(quote, made, null);
  }

  /** @param {string} symbol */
  #remove(symbol) {
    keepFocus(this.#body, () => this.#rows.get(symbol)?.row.remove());
    this.#rows.delete(symbol);
  }
}
