/**
 * The chart as drawn by TradingView's Lightweight Charts, if it is installed. The page
 * loads this module with the first chart. The library's logo is off, because it injects a
 * style, which the page's content security policy forbids; its licence asks for a link
 * instead, which is below the chart.
 *
 * The library writes UTC only. So it gets all times shifted by the distance of the reader's
 * zone at the newest bar, and its days begin when the reader's do.
 */

import { price } from "../format.js";
import { day, hours, shifted } from "../times.js";

/** @typedef {import("./candles.js").Candle} Candle */

const MOST_UPDATES = 10_000; // until all bars are set again: each update costs more
const FINEST = 15; // decimals; the library loses its way with smaller steps
const ZOOM = 0.15; // of the width, by one step of the wheel
const LEAST_BARS = 5; // in view
const HALF_LABEL = 20; // pixels of a time below the chart
const TICK_OF_DAY = 2; // the library's `TickMarkType.DayOfMonth`; month and year are below it
const TOKENS = ["text", "muted", "line", "up", "down", "accent"];
// With forced colours, all tokens have the colour of text.
const FORCED = [
  "CanvasText",
  "CanvasText",
  "GrayText",
  "CanvasText",
  "CanvasText",
  "CanvasText",
];

export class LibraryChart {
  #library;
  #place;
  #chart;
  /** @type {any} */ #series = null;
  #isLine = false;
  #places = -1;
  #offset = 0; // ms between UTC and the times that the library has
  #drawn = 0;
  #drawnTo = 0; // the start of the newest bar

  /** @param {any} library @param {HTMLElement} place */
  constructor(library, place) {
    this.#library = library;
    this.#place = place;
    const { fontFamily } = getComputedStyle(place);
    this.#chart = library.createChart(place, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 12, fontFamily },
      timeScale: {
        timeVisible: true,
        secondsVisible: false,
        lockVisibleTimeRangeOnResize: true,
        maxBarSpacing: 24,
        tickMarkFormatter: (/** @type {number} */ time, /** @type {number} */ type) =>
          this.#tick(time, type),
      },
      rightPriceScale: { borderVisible: false, entireTextOnly: true },
      // The wheel scrolls the panel; with Ctrl or ⌘ it zooms the chart: see `#onWheel`.
      handleScroll: { vertTouchDrag: false, mouseWheel: false },
      handleScale: { mouseWheel: false },
      localization: {
        // By default the library takes the browser's language, which gives the page other
        // digits or another calendar, and an error in each frame if it is no BCP 47 tag ("C").
        locale: "en-GB",
        timeFormatter: (/** @type {number} */ time) => hours(this.#instant(time)),
      },
    });
    place.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.#draw();
  }

  /** Paint with the colours of the theme. */
  paintColours() {
    const isForced = matchMedia("(forced-colors: active)").matches;
    const [text, muted, grid, up, down, accent] = isForced
      ? coloursOf(this.#place, FORCED)
      : coloursOf(
          this.#place,
          TOKENS.map((token) => `var(--${token})`),
        );
    this.#chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: muted },
      grid: { vertLines: { visible: false }, horzLines: { color: grid } },
      timeScale: { borderColor: grid },
      crosshair: {
        vertLine: { color: muted, labelBackgroundColor: muted },
        horzLine: { color: muted, labelBackgroundColor: muted },
      },
    });
    if (this.#isLine) {
      this.#series.applyOptions({ color: accent, lineWidth: 2, priceLineColor: text });
      return;
    }
    this.#series.applyOptions({
      // Where colours don't tell them apart, a rising candle is hollow and a falling one solid.
      upColor: isForced ? "transparent" : up,
      downColor: down,
      wickUpColor: up,
      wickDownColor: down,
      borderVisible: isForced,
      borderUpColor: up,
      borderDownColor: down,
      priceLineColor: text,
    });
  }

  /**
   * @param {Candle[]} bars
   * @param {number} places Decimals.
   * @param {boolean} isAnew Whether the earlier bars differ from those that were drawn.
   * @param {boolean} isSparse Whether to draw a line instead of candles.
   */
  paint(bars, places, isAnew, isSparse = false) {
    const newest = bars.at(-1)?.[0] ?? 0;
    const isOther = isSparse !== this.#isLine;
    if (isOther) this.#draw(isSparse);
    if (isOther || places !== this.#places) this.#setPlaces(places);
    if (isAnew) this.#offset = shifted(newest) - newest;
    const news = bars.filter(([at]) => at >= this.#drawnTo);
    this.#drawn += news.length;
    const scale = this.#chart.timeScale();
    // Whether the first bar is in view. If a person looks at a part, the view stays there.
    const isWhole = (scale.getVisibleLogicalRange()?.from ?? 0) < 1;
    if (isAnew || isOther || this.#drawn > MOST_UPDATES) {
      this.#series.setData(bars.map((bar) => this.#shape(bar)));
      this.#drawn = bars.length;
    } else for (const bar of news) this.#series.update(this.#shape(bar));
    if (isAnew || (isWhole && newest > this.#drawnTo)) this.#fit(bars.length);
    this.#drawnTo = newest;
  }

  remove() {
    this.#chart.remove();
  }

  /**
   * Show all bars, with room for half a label on both sides: the library centres the label
   * of the first bar below it, and would cut it off.
   * @param {number} count How many bars there are.
   */
  #fit(count) {
    if (count === 0) return;
    const scale = this.#chart.timeScale();
    const room = (HALF_LABEL * count) / Math.max(scale.width() - 2 * HALF_LABEL, 1);
    scale.setVisibleLogicalRange({ from: -room, to: count - 1 + room });
  }

  /** Draw candles from now on, or a line. */
  #draw(isLine = false) {
    if (this.#series) this.#chart.removeSeries(this.#series);
    this.#isLine = isLine;
    const { CandlestickSeries, LineSeries } = this.#library;
    this.#series = this.#chart.addSeries(isLine ? LineSeries : CandlestickSeries);
    this.paintColours();
  }

  /** @param {number} places */
  #setPlaces(places) {
    const minMove = 10 ** -Math.min(places, FINEST);
    const formatter = (/** @type {number} */ value) => price(value, places);
    this.#series.applyOptions({ priceFormat: { type: "custom", minMove, formatter } });
    this.#places = places;
  }

  /** @param {Candle} bar */
  #shape([at, open, high, low, close]) {
    const time = (at + this.#offset) / 1000;
    return this.#isLine ? { time, value: close } : { time, open, high, low, close };
  }

  /** @param {number} time One of the library's. */
  #instant(time) {
    return time * 1000 - this.#offset;
  }

  /** The text below the chart at a time. @param {number} time @param {number} type */
  #tick(time, type) {
    const at = this.#instant(time);
    return type <= TICK_OF_DAY ? day(at) : hours(at, at);
  }

  /** Zoom with the wheel, around the pointer. @param {WheelEvent} event */
  #onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault(); // or the whole page zooms
    const scale = this.#chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range) return;
    const width = range.to - range.from;
    const wider = Math.max(width * ZOOM * Math.sign(event.deltaY), LEAST_BARS - width);
    const { left } = this.#place.getBoundingClientRect();
    const share = Math.min((event.clientX - left) / scale.width(), 1);
    scale.setVisibleLogicalRange({
      from: range.from - wider * share,
      to: range.to + wider * (1 - share),
    });
  }
}

/**
 * Colours as they are within an element: only an element that uses a token resolves its
 * `light-dark()`, and in some places tokens have other values.
 * @param {HTMLElement} place
 * @param {string[]} colours As CSS writes them.
 */
function coloursOf(place, colours) {
  const probe = document.createElement("span");
  place.append(probe);
  const found = colours.map((colour) => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return found;
}
