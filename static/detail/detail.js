/**
 * The detail, beside the board or over it on a phone: a quote with its chart, a match with
 * its timeline, or all fields of a row. The URL selects it, and may name a key that does not exist yet.
 */

import { traitsOf } from "../events.js";
import { headOf, isolated, scoreLine } from "../format.js";
import { byId, setAttribute, setHidden, setText } from "../dom.js";
import { askAbout, panelOf, writeUrl } from "../controls/address.js";
import { pinOfOpened } from "../controls/settings.js";
import { MatchDetail } from "./match-detail.js";
import { OwnDetail } from "./own-detail.js";
import { QuoteDetail } from "./quote-detail.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Change} Change */
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
  #quotePart = byId("quote-detail");
  #matchPart = byId("match-detail");
  #ownPart = byId("own-detail");
  #quoteDetail;
  #matchDetail = new MatchDetail();
  /** @type {OwnDetail | null} */ #ownDetail = null;
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
    this.#quoteDetail = new QuoteDetail(settings);
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
    if (type === "market") this.#isDue = true;
    if (key !== this.#opened?.key || detail !== this.#opened?.kind) return;
    if (own !== this.#opened?.type) return;
    if (detail === "quote" && now) this.#quoteDetail.onQuote(now);
    this.#isDue = true;
  }

  /** Fetch the chart's past again, because the stream may have left events out. */
  reload() {
    if (this.#opened?.kind === "quote") this.#openQuote(this.#opened.key);
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
    if (opened?.kind === "quote") this.#openQuote(opened.key);
    else this.#quoteDetail.close();
    this.paint();
    if (opened && !isFirst) this.#panel.focus({ preventScroll: true });
    if (opened) this.#panel.scrollTop = 0;
    else if (!this.#choice.now.asked) this.#openedFrom?.focus({ preventScroll: true });
  }

  /** Whether something that had to wait is now to be painted. */
  get isDue() {
    return this.#quoteDetail.isDue;
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
    setHidden(this.#quotePart, !quote);
    setHidden(this.#matchPart, !score);
    setHidden(this.#ownPart, !row);
    const isPinned = this.#settings.isPinned(pinOfOpened(this.#opened));
    setText(this.#pin, isPinned ? "★" : "☆");
    setAttribute(this.#pin, "aria-pressed", String(isPinned));
    setAttribute(this.#close, "href", writeUrl({ ...this.#choice.now, opened: null }));
    setAttribute(
      this.#ask,
      "href",
      writeUrl({ ...this.#choice.now, opened: null, asked: askAbout(this.#choice.now) }),
    );
    if (quote) this.#quoteDetail.paint(quote, this.#board.markets.get(quote.market ?? ""));
    if (score) this.#matchDetail.paint(score);
    if (!row) return;
    this.#ownDetail ??= new OwnDetail();
    this.#ownDetail.paint(row, serverTime);
  }

  /** @param {string} symbol */
  #openQuote(symbol) {
    this.#quoteDetail.open(symbol, this.#board.quotes.get(symbol)?.decimals);
  }
}

/** The element that has the focus by keyboard, to which the focus returns; else null. */
function focused() {
  const element = /** @type {HTMLElement | null} */ (document.activeElement);
  return element?.matches(":focus-visible") ? element : null;
}
