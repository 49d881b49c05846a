/**
 * The table of prices: reads the board and paints the rows whose quotes changed, from
 * the newest of each, at most once a frame; puts them in order now and then.
 */

import { arrange, byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { Flashes } from "./flashes.js";
import { age, arrow, direction, percent, points, position, price, signed } from "../format.js";
import { paintPin } from "../controls/pins.js";
import { chooseQuotes, write } from "../controls/address.js";
import { pinOf } from "../controls/settings.js";

/** @typedef {import("./state.js").Board} Board */
/** @typedef {import("./state.js").Quote} Quote */
/** @typedef {import("./state.js").Change} Change */
/** @typedef {import("../controls/address.js").Selection} Selection */
/** @typedef {{now: Selection}} Choice */
/** @typedef {{isPinned: (pin: string) => boolean}} Pins */
/** @typedef {{row: HTMLElement, fields: Record<string, HTMLElement>}} Row */
/** @typedef {{from: number | null, at: number}} Pending The price before, if it is to
 *   flash, and when that changed. */

const FRESH = 1000; // ms; a change that was painted later, in a hidden page, never flashes
const ORDERED_EACH = 2000; // ms between two orders; a list that boils can't be read
const STAMPED = 60; // new rows in one frame, so that a thousand don't make it a long one

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
  #isOrderDue = true;
  #isOrderUrgent = true; // since a person asked for it
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
      // The page's HTML has none of these: what they show is sent once, as numbers.
      setAttribute(fields.points, "points", points(board.spark(symbol)));
    }
  }

  /** @param {Change} change */
  note({ key, before, now, live }) {
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

  /** Choose and order anew with the next paint: a person changed what is selected. */
  choose() {
    this.#isOrderDue = this.#isOrderUrgent = true;
  }

  /** Whether the order is overdue, and only waits for its time. */
  get isOrderDue() {
    return this.#isOrderDue;
  }

  /**
   * @param {number} now The frame's time.
   * @param {boolean} isPaused Whether no value may change, but what is shown may.
   * @returns {boolean} Whether there is more to paint in the next frame.
   */
  paint(now, isPaused = false) {
    if (!isPaused) this.#paintValues(now);
    return this.#isOrderDue && this.#order(now);
  }

  /** @param {number} now */
  #paintValues(now) {
    for (const [symbol, { from, at }] of this.#pending) {
      const quote = this.#board.quotes.get(symbol);
      const row = this.#rows.get(symbol);
      if (quote && row) this.#fill(quote, row, now - at < FRESH ? from : null);
      else if (!quote) this.#remove(symbol);
    }
    this.#pending.clear();
  }

  /** The symbols that the selection shows now, in order. */
  chosenNow() {
    return this.#choose().map(({ symbol }) => symbol);
  }

  /** How many of the symbols that are shown rose and fell today. */
  count() {
    const count = { up: 0, down: 0, flat: 0 };
    for (const { symbol } of this.#chosen) {
      const quote = this.#board.quotes.get(symbol);
      if (quote) count[direction(quote.change, quote.decimals)] += 1;
    }
    return count;
  }

  /** Say how old each quote is. @param {number} serverTime */
  paintAges(serverTime) {
    for (const { symbol } of this.#chosen) {
      const quote = this.#board.quotes.get(symbol);
      const row = this.#rows.get(symbol);
      if (quote && row) setText(row.fields.age, age(serverTime - quote.at));
    }
  }

  /**
   * Show the chosen rows, in their order: at once where a person asked for it, else now
   * and then, and never under the pointer or the focus.
   * @param {number} now
   */
  #order(now) {
    if (!this.#isOrderUrgent && now - this.#orderedAt < ORDERED_EACH) return false;
    const chosen = this.#choose();
    const isHeld = !this.#isOrderUrgent && this.#body.matches(":hover, :focus-within");
    this.#sayHeld(isHeld);
    const missing = chosen.filter(({ symbol }) => !this.#rows.has(symbol));
    for (const quote of missing.slice(0, STAMPED)) this.#insert(quote);
    if (isHeld) {
      this.#orderedAt = now;
      return false;
    }
    const shown = new Set(chosen.map(({ symbol }) => symbol));
    for (const [symbol, { row }] of this.#rows) setHidden(row, !shown.has(symbol));
    arrange(
      this.#body,
      chosen.flatMap(({ symbol }) => this.#rows.get(symbol)?.row ?? []),
    );
    this.#chosen = chosen;
    this.#orderedAt = now;
    this.#isOrderDue = this.#isOrderUrgent = missing.length > STAMPED;
    setHidden(this.#section, chosen.length === 0);
    return this.#isOrderDue;
  }

  /** @param {boolean} isHeld */
  #sayHeld(isHeld) {
    const note = document.getElementById("held"); // an embedded board has none
    if (note) setHidden(note, !isHeld);
  }

  #choose() {
    return chooseQuotes(this.#board.quotes.values(), this.#choice.now, (pin) =>
      this.#pins.isPinned(pin),
    );
  }

  /** @param {Quote} quote @param {Row} made @param {number | null} from */
  #fill(quote, { row, fields }, from) {
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
      this.#flashes.light(fields.price, quote.price > from ? "up" : "down");
    }
  }

  /** @param {Quote} quote */
  #insert(quote) {
    const { symbol } = quote;
    const row = stamp("price-row");
    row.dataset.symbol = symbol;
    const made = { row, fields: fieldsOf(row) };
    const opened = { kind: /** @type {const} */ ("quote"), key: symbol };
    setText(made.fields.symbol, symbol);
    setAttribute(made.fields.symbol, "href", write({ ...this.#choice.now, opened }));
    paintPin(made.fields.pin, symbol, this.#pins.isPinned(pinOf("quote", symbol)));
    this.#rows.set(symbol, made);
    this.#body.append(row);
    this.#fill(quote, made, null);
  }

  /** @param {string} symbol */
  #remove(symbol) {
    this.#rows.get(symbol)?.row.remove();
    this.#rows.delete(symbol);
  }
}
