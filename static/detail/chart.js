/**
 * The chart of one symbol: its past, then each new quote. It is drawn by a library if the
 * server has one, else as a line of our own. A sentence and a table give the same facts to
 * people who do not see the chart.
 *
 * Quotes that arrive while the past is fetched wait in `#waiting`, and are added after it.
 */

import { Candles } from "./candles.js";
import { arrange, byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { fitsPath } from "../controls/address.js";
import { line, price } from "../format.js";
import { fetchOwn } from "../own-fetch.js";
import { setTime } from "../times.js";
import { chartSentence } from "./sentences.js";

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("./candles.js").Candle} Candle */
/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("./chart-library.js").LibraryChart} LibraryChart */

/** @type {[interval: number, span: number][]} Seconds of a bar, and in all; as in `web/charts.py`. */
const SPANS = [
  [15, 900],
  [60, 3600],
  [240, 14_400],
  [1200, 86_400],
];
const USUAL = 2;
const DRAW_INTERVAL = 250; // ms between two drawings
const TABLE_ROWS = 60; // the newest
const WHOLE_MINUTE = 60; // seconds; narrower bars need the seconds of their times
/** The attributes of the page that change colours. */
const COLOURING = ["data-theme", "data-colours", "data-stale"];
const COLOURING_MEDIA = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

export class Chart {
  #root = byId("chart");
  #line = byId("chart-line");
  #table = /** @type {HTMLDetailsElement} */ (byId("chart-table"));
  #body = byId("chart-rows");
  #spans = /** @type {HTMLButtonElement[]} */ ([...byId("chart-spans").children]);
  #candles = new Candles(...SPANS[USUAL]);
  /** @type {Map<number, {row: HTMLElement, fields: Record<string, HTMLElement>}>} */
  #rows = new Map(); // by the start of their bar
  /** @type {LibraryChart | null} */ #library = null;
  /** @type {string | null} */ #symbol = null;
  /** @type {Quote[] | null} */ #waiting = null; // quotes while the past is fetched
  #wanted = USUAL; // the span that a person chose
  #span = USUAL; // the span that is shown: a narrower one, if that has all the past
  #oldest = Infinity; // the start of the oldest bar that is known of the symbol
  #places = 2;
  #asked = 0;
  #drawnAt = -Infinity;
  #isDue = false;

  /** @param {Settings} settings */
  constructor(settings) {
    this.#spans.forEach((button, span) =>
      button.addEventListener("click", () => this.#chooseSpan(span)),
    );
    this.#table.addEventListener("toggle", () => this.#paintTable());
    settings.watch((name) => {
      if (name === "times" && this.#symbol !== null) this.#draw(true);
    });
    this.#watchColours();
    // On paper stands our own line: what a canvas shows has the colours of the screen.
    const drawOnPaper = () => this.#waiting ?? this.#drawLine();
    addEventListener("beforeprint", drawOnPaper);
    matchMedia("print").addEventListener("change", drawOnPaper);
  }

  /**
   * Show a symbol: fetch its past, then add its quotes.
   * @param {string} symbol
   * @param {number} [places] Decimals; if they aren't known, those of before.
   */
  async open(symbol, places = this.#places) {
    const isOther = symbol !== this.#symbol;
    if (isOther) this.#oldest = Infinity;
    if (isOther && this.#symbol !== null) this.#clear();
    this.#symbol = symbol;
    this.#places = places;
    this.#waiting = [];
    const asked = (this.#asked += 1);
    const [{ past, span, oldest }] = await Promise.all([
      this.#fetchSpan(symbol),
      this.#load(),
    ]);
    if (asked !== this.#asked) return; // another chart was opened meanwhile
    this.#span = span;
    this.#oldest = oldest;
    this.#candles = new Candles(...SPANS[span]);
    this.#candles.fill(past, this.#waiting ?? []);
    this.#waiting = null;
    this.#draw(true);
  }

  /** Show no chart. */
  close() {
    this.#asked += 1;
    if (this.#symbol !== null) this.#clear();
    this.#symbol = this.#waiting = null;
    this.#library?.remove();
    this.#library = null;
    this.#showLibrary(false);
  }

  /** @param {Quote} quote */
  onQuote(quote) {
    this.#isDue = true;
    if (this.#waiting) this.#waiting.push(quote);
    else this.#candles.add(quote);
  }

  /** Whether a quote has not been drawn yet. */
  get isDue() {
    return this.#isDue && this.#symbol !== null && !this.#waiting;
  }

  /** Draw the quotes since the last drawing, if it is time. @param {number} places Decimals. */
  paint(places) {
    if (places !== this.#places) this.#isDue = true;
    this.#places = places;
    if (!this.isDue) return;
    if (performance.now() - this.#drawnAt >= DRAW_INTERVAL) this.#draw(false);
  }

  #watchColours() {
    const repaint = () => this.#library?.paintColours();
    const observer = new MutationObserver(repaint);
    observer.observe(document.documentElement, { attributeFilter: COLOURING });
    observer.observe(byId("quote-detail"), { attributeFilter: ["data-old"] });
    for (const media of COLOURING_MEDIA) {
      matchMedia(media).addEventListener("change", repaint);
    }
  }

  /** @param {number} span */
  #chooseSpan(span) {
    this.#wanted = span;
    this.#paintSpans(span);
    if (this.#symbol !== null) this.open(this.#symbol);
  }

  /**
   * Fetch the past for the span that is wanted, or for the narrowest one that has it all.
   * @param {string} symbol
   */
  async #fetchSpan(symbol) {
    const wanted = this.#wanted;
    // How far the past reaches is known from that of the usual span.
    const isKnown = this.#oldest !== Infinity || wanted === USUAL;
    const [past, usual] = await Promise.all([
      fetchPast(symbol, wanted),
      isKnown ? [] : fetchPast(symbol, USUAL),
    ]);
    const oldest = Math.min(
      this.#oldest,
      ...[past, usual].map((bars) => bars[0]?.[0] ?? Infinity),
    );
    const reach = (past.at(-1)?.[0] ?? 0) - oldest;
    let span = wanted;
    while (!isOffered(span, reach)) span -= 1;
    return { past: span === wanted ? past : await fetchPast(symbol, span), span, oldest };
  }

  /** Load the library, if the server has one; our own line does without. */
  async #load() {
    const url = this.#root.dataset.drawnBy;
    if (this.#library || !url) return;
    const make = await loadLibrary(url);
    if (!make || this.#library || this.#symbol === null) return;
    this.#showLibrary(true); // first, because the library measures its place
    try {
      this.#library = make(byId("chart-library"));
    } catch {
      this.#showLibrary(false);
    }
  }

  /** @param {boolean} isThere */
  #showLibrary(isThere) {
    setHidden(byId("own-line"), isThere);
    setHidden(byId("chart-library"), !isThere);
    setHidden(byId("chart-credit"), !isThere);
  }

  /** Show nothing of a symbol that was open. */
  #clear() {
    this.#candles.fill([], []);
    this.#oldest = Infinity;
    this.#library?.paint([], this.#places, true);
    this.#drawLine();
    setText(byId("chart-sentence"), "");
    this.#paintTable();
  }

  /** @param {boolean} isAnew */
  #draw(isAnew) {
    this.#drawnAt = performance.now();
    this.#isDue = false;
    const { bars, isSparse } = this.#candles;
    this.#oldest = Math.min(this.#oldest, bars[0]?.[0] ?? Infinity);
    if (this.#library) this.#library.paint(bars, this.#places, isAnew, isSparse);
    else this.#drawLine();
    setText(byId("chart-sentence"), chartSentence(this.#symbol ?? "", bars, this.#places));
    this.#paintSpans(this.#span);
    this.#paintTable();
  }

  #drawLine() {
    const { bars } = this.#candles;
    const closes = bars.map((bar) => bar[4]);
    const low = Math.min(...closes);
    const high = Math.max(...closes);
    const isThere = bars.length > 1;
    setAttribute(this.#line, "points", line(closes, 1000, 400));
    setText(byId("chart-high"), isThere ? price(high, this.#places) : "");
    setText(byId("chart-middle"), isThere ? price((high + low) / 2, this.#places) : "");
    setText(byId("chart-low"), isThere ? price(low, this.#places) : "");
    setTime(byId("chart-from"), isThere ? bars[0][0] : null, "hours");
    setTime(byId("chart-to"), isThere ? bars[bars.length - 1][0] : null, "hours");
  }

  /** Show which span is chosen, and which would show no more than a narrower one. */
  #paintSpans(/** @type {number} */ chosen) {
    const reach = (this.#candles.bars.at(-1)?.[0] ?? 0) - this.#oldest;
    this.#spans.forEach((button, span) => {
      setAttribute(button, "aria-pressed", String(span === chosen));
      button.disabled = span > chosen && !isOffered(span, reach);
    });
  }

  #paintTable() {
    if (!this.#table.open) return;
    const bars = this.#candles.bars.slice(-TABLE_ROWS).reverse();
    const starts = new Set(bars.map(([at]) => at));
    for (const [at, { row }] of this.#rows) {
      if (starts.has(at)) continue;
      row.remove();
      this.#rows.delete(at);
    }
    // A row that stands keeps what a person has selected in it.
    arrange(
      this.#body,
      bars.map((bar) => this.#paintRow(bar)),
    );
  }

  /** @param {Candle} bar */
  #paintRow([at, ...prices]) {
    const { row, fields } = this.#rows.get(at) ?? this.#addRow(at);
    setTime(fields.at, at, SPANS[this.#span][0] < WHOLE_MINUTE ? "clock" : "hours");
    ["open", "high", "low", "close"].forEach((name, i) =>
      setText(fields[name], price(prices[i], this.#places)),
    );
    return row;
  }

  /** @param {number} at */
  #addRow(at) {
    if (this.#rows.size === 0) this.#body.replaceChildren(); // those of the server
    const row = stamp("candle");
    const added = { row, fields: fieldsOf(row) };
    this.#rows.set(at, added);
    return added;
  }
}

/**
 * Whether a span shows more than the next narrower one.
 * @param {number} span
 * @param {number} reach The time from the oldest bar to the newest, in ms.
 */
function isOffered(span, reach) {
  return span === 0 || reach >= SPANS[span - 1][1] * 1000;
}

/**
 * @param {string} url
 * @returns {Promise<((place: HTMLElement) => LibraryChart) | null>} A function that makes a
 *   chart; null if the library can't be loaded.
 */
async function loadLibrary(url) {
  try {
    const [library, { LibraryChart }] = await Promise.all([
      import(url),
      import("./chart-library.js"),
    ]);
    return (place) => new LibraryChart(library, place);
  } catch {
    return null;
  }
}

/**
 * @param {string} symbol
 * @param {number} span
 * @returns {Promise<Candle[]>} Empty if the server doesn't answer: the chart begins now.
 */
async function fetchPast(symbol, span) {
  if (!fitsPath(symbol)) return [];
  const [interval, whole] = SPANS[span];
  const path = `/api/history/${encodeURIComponent(symbol)}`;
  try {
    // One bar more, to see whether the past reaches further.
    const limit = whole / interval + 1;
    const answer = await fetchOwn(`${path}?interval=${interval}&limit=${limit}`);
    return answer.ok ? (await answer.json()).candles : [];
  } catch {
    return [];
  }
}
