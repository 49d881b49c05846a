/**
 * The chart of one symbol: its past, then live, drawn by a library where the server has
 * one and by a line of our own where not; with a sentence and a table that say the same.
 */

import { Candles } from "./candles.js";
import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { hours, line, price } from "../format.js";
import { chartSentence } from "./sentences.js";

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("./candles.js").Candle} Candle */
/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("./chart-library.js").LibraryChart} LibraryChart */

/** How far back, in seconds of a bar and bars. The server draws the one at USUAL. */
const SPANS = [
  [5, 180],
  [15, 240],
  [60, 240],
  [300, 288],
];
const USUAL = 2;
const DRAWN_EACH = 250; // ms; a line of 240 points needs no more
const TABLE = 60; // rows, the newest

export class Chart {
  #settings;
  #root = byId("chart");
  #line = byId("chart-line");
  #table = /** @type {HTMLDetailsElement} */ (byId("chart-table"));
  #candles = new Candles(SPANS[USUAL][0], SPANS[USUAL][1]);
  /** @type {LibraryChart | null} */ #library = null;
  /** @type {string | null} */ #symbol = null;
  /** @type {Quote[] | null} */ #waiting = null; // what comes while the past is fetched
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
      button.addEventListener("click", () => this.#choose(Number(button.dataset.span)));
    }
    this.#table.addEventListener("toggle", () => this.#paintTable());
    settings.watch((name) => {
      if (name === "theme" || name === "colours") this.#library?.paintColours();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.#library?.paintColours(),
    );
  }

  /** Show a symbol: fetch its past, and go on with what comes. @param {string} symbol */
  async open(symbol) {
    if (symbol !== this.#symbol) this.#candles.fill([], []);
    this.#symbol = symbol;
    this.#waiting = [];
    const [interval, limit] = SPANS[this.#span];
    const asked = (this.#asked += 1);
    const [past] = await Promise.all([fetchPast(symbol, interval, limit), this.#load()]);
    if (asked !== this.#asked) return; // something else was opened meanwhile
    this.#candles = new Candles(interval, limit);
    this.#candles.fill(past, this.#waiting ?? []);
    this.#waiting = null;
    this.#draw(true);
  }

  /** Show nothing any more. */
  close() {
    this.#asked += 1;
    this.#symbol = this.#waiting = null;
    this.#library?.remove();
    this.#library = null;
    this.#showLibrary(false);
  }

  /** @param {Quote} quote */
  note(quote) {
    this.#isDue = true;
    if (this.#waiting) this.#waiting.push(quote);
    else this.#candles.add(quote);
  }

  /** Whether something came that isn't drawn yet. */
  get isDue() {
    return this.#isDue && this.#symbol !== null && !this.#waiting;
  }

  /** Draw what came since, if it is time. @param {number} places Decimals. */
  paint(places) {
    this.#places = places;
    if (!this.isDue) return;
    if (performance.now() - this.#drawnAt >= DRAWN_EACH) this.#draw(false);
  }

  /** @param {number} span */
  #choose(span) {
    this.#span = span;
    for (const button of byId("chart-spans").children) {
      const isChosen = Number(/** @type {HTMLElement} */ (button).dataset.span) === span;
      setAttribute(button, "aria-pressed", String(isChosen));
    }
    if (this.#symbol !== null) this.open(this.#symbol);
  }

  /** Get the library, where the server has one; without it our own line does. */
  async #load() {
    const url = this.#root.dataset.drawnBy;
    if (this.#library || !url) return;
    const make = await loadLibrary(url);
    if (!make || this.#library || this.#symbol === null) return;
    this.#showLibrary(true); // before it is made, since it measures its place
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
    setText(byId("chart-from"), isThere ? hours(bars[0][0]) : "");
    setText(byId("chart-to"), isThere ? hours(bars[bars.length - 1][0]) : "");
  }

  #paintTable() {
    if (!this.#table.open) return;
    byId("chart-rows").replaceChildren(
      ...this.#candles.bars
        .slice(-TABLE)
        .reverse()
        .map((bar) => {
          const row = stamp("candle");
          const fields = fieldsOf(row);
          setText(fields.at, hours(bar[0]));
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
 * @returns {Promise<((place: HTMLElement) => LibraryChart) | null>} How to make a chart;
 *   nothing where the library can't be had.
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
 * @returns {Promise<Candle[]>} Nothing where it can't be had: the chart begins now.
 */
async function fetchPast(symbol, interval, limit) {
  const path = `/api/history/${encodeURIComponent(symbol)}`;
  try {
    const answer = await fetch(`${path}?interval=${interval}&limit=${limit}`);
    return answer.ok ? (await answer.json()).candles : [];
  } catch {
    return [];
  }
}
