/** The detail of a quote: its price and change in one sentence, its chart, its figures. */

import { byId, fieldsOf, setAttribute, setHidden, setText } from "../dom.js";
import { arrow, direction, percent, price, signed } from "../format.js";
import { BY_DAY } from "../board/sources.js";
import { setTime } from "../times.js";
import { trading } from "./sentences.js";

/** @typedef {import("../board/state.js").MarketState} MarketState */
/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../controls/settings.js").Settings} Settings */

const WIDEST = 12; // characters of a price in the largest type

export class QuoteDetail {
  #settings;
  #price = byId("detail-price");
  #priceFields = fieldsOf(byId("detail-price"));
  #market = fieldsOf(byId("detail-market"));
  #figures = fieldsOf(byId("detail-figures"));
  /** @type {import("./chart.js").Chart | null} */ #chart = null;
  /** @type {string | null} */ #symbol = null;

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  /** Whether something that had to wait is now to be painted. */
  get isDue() {
    return this.#chart?.isDue ?? false;
  }

  /**
   * Show the chart of a symbol; the first time this loads the chart's script.
   * @param {string} symbol
   * @param {number} [places] Decimals, if they are known.
   */
  async open(symbol, places) {
    this.#symbol = symbol;
    const loaded = await import("./chart.js").catch(() => null);
    if (!loaded) return; // the figures stand without it, and the next opening tries again
    this.#chart ??= new loaded.Chart(this.#settings);
    if (this.#symbol === symbol) this.#chart.open(symbol, places);
  }

  close() {
    this.#symbol = null;
    this.#chart?.close();
  }

  /** @param {Quote} quote */
  onQuote(quote) {
    this.#chart?.onQuote(quote);
  }

  /** @param {Quote} quote @param {MarketState} [market] */
  paint(quote, market) {
    this.#paintPrice(quote);
    this.#paintMarket(quote, market);
    this.#paintFigures(quote);
    this.#chart?.paint(quote.decimals);
  }

  /** @param {Quote} quote */
  #paintPrice({ price: value, currency, change, change_percent, decimals, source, at }) {
    const fields = this.#priceFields;
    const text = price(value, decimals);
    setText(fields.price, text);
    this.#price.toggleAttribute("data-long", text.length > WIDEST);
    setText(fields.currency, currency ?? "");
    setText(fields.arrow, arrow(change, decimals));
    setText(fields.change, signed(change, decimals));
    setText(fields.percent, percent(change_percent));
    setTime(fields.day, at, "day");
    const isByDay = BY_DAY.has(source ?? "");
    setHidden(fields.today, isByDay);
    setHidden(fields["by-day"], !isByDay);
    setText(this.#figures.close, isByDay ? "24 h ago" : "Previous close");
    setAttribute(byId("quote-detail"), "data-from", source ?? "");
    setHidden(fields.moved, change == null);
    setAttribute(this.#price, "data-direction", direction(change, decimals));
  }

  /** @param {Quote} quote @param {MarketState} [state] */
  #paintMarket({ market, sector, at }, state) {
    const fields = this.#market;
    setText(fields.market, market ?? "");
    setText(fields.sector, sector ?? "");
    setAttribute(fields.trading, "data-status", state?.status ?? "");
    setText(fields.status, state ? trading(state.status) : "");
    setTime(fields.until, state?.until ?? null, "until");
    setHidden(fields.standing, !state || state.status === "open");
    setTime(fields.at, at, "hours");
  }

  /** @param {Quote} quote */
  #paintFigures(quote) {
    const { decimals } = quote;
    const figures = this.#figures;
    setText(figures.open, price(quote.open, decimals));
    setText(figures.previous, price(quote.previous_close, decimals));
    setText(figures.low, price(quote.low, decimals));
    setText(figures.high, price(quote.high, decimals));
    setText(figures.bid, price(quote.bid, decimals));
    setText(figures.ask, price(quote.ask, decimals));
    setText(figures.volume, price(quote.volume, 0));
    setTime(figures.at, quote.at, "clock");
  }
}
