/**
 * The detail, beside the board or over it on a phone: a quote with its chart, a match with
 * its timeline, or all fields of a row. The URL selects it, and may name a key that does not exist yet.
 */

import { traitsOf } from "../events.js";
import { arrow, direction, isolated, minute, percent } from "../format.js";
import { price, scoreLine, signed } from "../format.js";
import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { askAbout, panelOf, writeUrl } from "../controls/address.js";
import { pinOfOpened } from "../controls/settings.js";
import { headOf } from "../format.js";
import { setChip, setTime } from "../times.js";
import { OwnDetail } from "./own-detail.js";
import { incidentText, moment } from "./sentences.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Change} Change */
/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {import("../controls/choice.js").Choice} Choice */
/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("../controls/address.js").Opened} Opened */

export class Detail {
  #board;
  #choice;
  #settings;
  #panel = byId("detail");
  #title = byId("detail-title");
  #subtitle = byId("detail-subtitle");
  #waiting = byId("detail-waiting");
  #tools = byId("detail-tools");
  #pin = byId("detail-pin");
  #close = byId("detail-close");
  #ask = byId("detail-ask");
  #quote = byId("quote-detail");
  #match = byId("match-detail");
  #ownPart = byId("own-detail");
  /** @type {OwnDetail | null} */ #own = null;
  #price = byId("detail-price");
  #priceFields = fieldsOf(byId("detail-price"));
  #figures = fieldsOf(byId("detail-figures"));
  /** @type {import("./chart.js").Chart | null} */ #chart = null;
  /** @type {Opened | null} */ #opened = null;
  #isDue = false;
  #serverTime = Date.now(); // until the first frame has the server's
  /** @type {HTMLElement | null} */ #openedFrom = null;

  /**
   * @param {Board} board @param {Choice} choice @param {Settings} settings
   * @param {(about: Opened | null) => void} openAlerts
   */
  constructor(board, choice, settings, openAlerts) {
    this.#board = board;
    this.#choice = choice;
    this.#settings = settings;
    this.#pin.addEventListener("click", () => {
      if (this.#opened) settings.togglePin(pinOfOpened(this.#opened));
    });
    byId("detail-alert").addEventListener("click", () => openAlerts(this.#opened));
    this.#close.addEventListener("click", (event) => {
      event.preventDefault();
      choice.close();
    });
    settings.watch(() => (this.#isDue = true));
    setHidden(this.#panel, choice.now.opened === null); // a person may have closed it by now
  }

  /** @param {Change} change */
  onChange({ type, own, key, now }) {
    const { detail } = traitsOf(type);
    if (key !== this.#opened?.key || detail !== this.#opened?.kind) return;
    if (own !== this.#opened?.type) return;
    if (detail === "quote" && now) this.#chart?.onQuote(now);
    this.#isDue = true;
  }

  /** Fetch the chart's past again, because the stream may have left events out. */
  reload() {
    if (this.#opened?.kind === "quote") this.#chart?.open(this.#opened.key);
  }

  /** Show what the selection opens. @param {boolean} isFirst Whether the page has just loaded. */
  onSelection(isFirst = false) {
    const { opened } = this.#choice.now;
    const before = this.#opened;
    if (opened?.kind === before?.kind && opened?.key === before?.key) {
      if (opened?.type === before?.type) return;
    }
    // Ask leads back to a detail, which then still belongs to the row that opened it.
    if (opened && !this.#opened && !focused()?.closest("#ask")) this.#openedFrom = focused();
    this.#opened = opened;
    this.#isDue = true;
    setAttribute(document.documentElement, "data-detail", panelOf(this.#choice.now));
    setHidden(this.#panel, opened === null);
    if (opened?.kind === "quote") this.#openChart();
    else this.#chart?.close();
    this.paint();
    if (opened && !isFirst) this.#panel.focus({ preventScroll: true });
    if (opened) this.#panel.scrollTop = 0;
    else if (!this.#choice.now.asked) this.#openedFrom?.focus({ preventScroll: true });
  }

  /** Whether something that had to wait is now to be painted. */
  get isDue() {
    return this.#chart?.isDue ?? false;
  }

  /** Paint the detail if it changed. @param {number} [serverTime] */
  paint(serverTime = this.#serverTime) {
    this.#serverTime = serverTime;
    if (!(this.#isDue || this.isDue) || !this.#opened) return;
    this.#isDue = false;
    const { kind, key, type = "" } = this.#opened;
    const quote = kind === "quote" ? this.#board.quotes.get(key) : undefined;
    const score = kind === "match" ? this.#board.scores.get(key) : undefined;
    const row = kind === "own" ? this.#board.own.row(type, key) : undefined;
    setText(this.#title, score ? scoreLine(score) : isolated(key));
    const ownSubtitle = kind === "own" ? headOf(type) : "";
    setText(
      this.#subtitle,
      isolated((quote ? quote.name : score?.competition) ?? ownSubtitle),
    );
    setHidden(this.#waiting, Boolean(quote ?? score ?? row));
    setHidden(this.#tools, !(quote ?? score ?? row));
    setHidden(this.#quote, !quote);
    setHidden(this.#match, !score);
    setHidden(this.#ownPart, !row);
    const isPinned = this.#settings.isPinned(pinOfOpened(this.#opened));
    setText(this.#pin, isPinned ? "★ Pinned" : "☆ Pin");
    setAttribute(this.#pin, "aria-pressed", String(isPinned));
    setAttribute(this.#close, "href", writeUrl({ ...this.#choice.now, opened: null }));
    setAttribute(
      this.#ask,
      "href",
      writeUrl({ ...this.#choice.now, opened: null, asked: askAbout(this.#choice.now) }),
    );
    if (quote) this.#paintQuote(quote);
    if (score) this.#paintMatch(score);
    if (!row) return;
    this.#own ??= new OwnDetail();
    this.#own.paint(row, serverTime);
  }

  /** Show the chart of the opened quote; the first time this loads the chart's script. */
  async #openChart() {
    const { Chart } = await import("./chart.js");
    this.#chart ??= new Chart(this.#settings);
    if (this.#opened?.kind === "quote") this.#chart.open(this.#opened.key);
  }

  /** @param {Quote} quote */
  #paintQuote(quote) {
    const { decimals } = quote;
    const fields = this.#priceFields;
    setText(fields.price, price(quote.price, decimals));
    setText(fields.currency, isolated(quote.currency ?? ""));
    setText(fields.arrow, arrow(quote.change, decimals));
    setText(fields.change, signed(quote.change, decimals));
    setText(fields.percent, percent(quote.change_percent));
    setAttribute(this.#price, "data-direction", direction(quote.change, decimals));
    const figures = this.#figures;
    setText(figures.open, price(quote.open, decimals));
    setText(figures.previous, price(quote.previous_close, decimals));
    setText(figures.low, price(quote.low, decimals));
    setText(figures.high, price(quote.high, decimals));
    setText(figures.bid, price(quote.bid, decimals));
    setText(figures.ask, price(quote.ask, decimals));
    setText(figures.volume, price(quote.volume, 0));
    setTime(figures.at, quote.at, "clock");
    this.#chart?.paint(decimals);
  }

  /** @param {Score} score */
  #paintMatch(score) {
    setChip(byId("detail-minute"), score, minute(score));
    setHidden(byId("detail-kick-off"), score.kick_off == null);
    setTime(byId("kick-off"), score.kick_off, "date");
    setHidden(byId("no-incidents"), score.incidents.length > 0);
    byId("timeline").replaceChildren(
      ...score.incidents.toReversed().map((incident) => {
        const line = stamp("incident");
        const fields = fieldsOf(line);
        setAttribute(line, "data-kind", incident.kind);
        setAttribute(line, "data-side", incident.team ?? "");
        setText(fields.moment, moment(incident));
        setText(fields.text, incidentText(incident, score));
        return line;
      }),
    );
  }
}

/** The element that has the focus by keyboard, to which the focus returns; else null. */
function focused() {
  const element = /** @type {HTMLElement | null} */ (document.activeElement);
  return element?.matches(":focus-visible") ? element : null;
}
