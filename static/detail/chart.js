/**
 * The chart of one symbol: its past, then each new quote. It is drawn by a library if the
 * server has one, else as a line of our own. A sentence and a table give the same facts to
 * people who do not see the chart.
 *
 * Quotes that arrive while the past is fetched wait in `#waiting`, and are added after it.
 */

import { Candles } from "./candles.js";
import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { fitsPath } from "../controls/address.js";
import { line, price } from "../format.js";
import { setTime } from "../times.js";
import { fetchOwn } from "../own-fetch.js";
import { chartSentence } from "./sentences.js";

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("./candles.js").Candle} Candle */
/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("./chart-library.js").LibraryChart} LibraryChart */

/** The time spans: seconds of a bar, and the number of bars. The HTML has that at USUAL. */
const SPANS = [
  [5, 180],
  [15, 240],
  [60, 240],
  [300, 288],
];
const USUAL = 2;
const DRAW_INTERVAL = 250; // ms between two drawings
const TABLE_ROWS = 60; // the newest

export class Chart {
  #settings;
  #root = byId("chart");
  #line = byId("chart-line");
  #table = /** @type {HTMLDetailsElement} */ (byId("chart-table"));
  #candles = new Candles(SPANS[USUAL][0], SPANS[USUAL][1]);
  /** @type {LibraryChart | null} */ #library = null;
  /** @type {string | null} */ #symbol = null;
  /** @type {Quote[] | null} */ #waiting = null; // quotes while the past is fetched
  #span = USUAL;
  #places = 2;
  #asked = 0;
  #drawnAt = -Infinity;
  #isDue = false;

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    for (const element of byId("chart-spans").children) {
      const button = /** @type {HTMLButtonElement} */ (element);
      button.addEventListener("click", () => this.#chooseSpan(Number(button.dataset.span)));
    }
    this.#table.addEventListener("toggle", () => this.#paintTable());
    settings.watch((name) => {
      if (name === "theme" || name === "colours") this.#library?.paintColours();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.#library?.paintColours(),
    );
  }

  /** Show a symbol: fetch its past, then add its quotes. @param {string} symbol */
  async open(symbol) {
    if (symbol !== this.#symbol) this.#candles.fill([], []);
    this.#symbol = symbol;
    this.#waiting = [];
    const [interval, limit] = SPANS[this.#span];
    const asked = (this.#asked += 1);
    const [past] = await Promise.all([fetchPast(symbol, interval, limit), this.#load()]);
    if (asked !== this.#asked) return; // another chart was opened meanwhile
    this.#candles = new Candles(interval, limit);
    this.#candles.fill(past, this.#waiting ?? []);
    this.#waiting = null;
    this.#draw(true);
  }

  /** Show no chart. */
  close() {
    this.#asked += 1;
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
    this.#places = places;
    if (!this.isDue) return;
    if (performance.now() - this.#drawnAt >= DRAW_INTERVAL) this.#draw(false);
  }

  /** @param {number} span */
  #chooseSpan(span) {
    this.#span = span;
    for (const button of byId("chart-spans").children) {
      const isChosen = Number(/** @type {HTMLElement} */ (button).dataset.span) === span;
      setAttribute(button, "aria-pressed", String(isChosen));
    }
    if (this.#symbol !== null) this.open(this.#symbol);
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

  /** @param {boolean} isAnew */
  #draw(isAnew) {
    this.#drawnAt = performance.now();
    this.#isDue = false;
    const { bars } = this.#candles;
    if (this.#library) this.#library.paint(bars, this.#places, isAnew);
    else this.#drawLine(bars);
    setText(byId("chart-sentence"), chartSentence(this.#symbol ?? "", bars, this.#places));
    this.#paintTable();
  }

  /** @param {Candle[]} bars */
  #drawLine(bars) {
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

  #paintTable() {
    if (!this.#table.open) return;
    byId("chart-rows").replaceChildren(
      ...this.#candles.bars
        .slice(-TABLE_ROWS)
        .reverse()
        .map((bar) => {
          const row = stamp("candle");
          const fields = fieldsOf(row);
          setTime(fields.at, bar[0], "hours");
          ["open", "high", "low", "close"].forEach((name, i) =>
            setText(fields[name], price(bar[i + 1], this.#places)),
          );
          return row;
        }),
    );
  }
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
 * @param {number} interval
 * @param {number} limit
 * @returns {Promise<Candle[]>} Empty if the server doesn't answer: the chart begins now.
 */
async function fetchPast(symbol, interval, limit) {
  if (!fitsPath(symbol)) return [];
  const path = `/api/history/${encodeURIComponent(symbol)}`;
  try {
    const answer = await fetchOwn(`${path}?interval=${interval}&limit=${limit}`);
    return answer.ok ? (await answer.json()).candles : [];
  } catch {
    return [];
  }
}
