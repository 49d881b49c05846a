/**
 * The chart as drawn by TradingView's Lightweight Charts, if it is installed. The page
 * loads this module with the first chart. The library's logo is off, because it injects a
 * style, which the page's content security policy forbids; its licence asks for a link
 * instead, which is below the chart.
 */

/** @typedef {import("./candles.js").Candle} Candle */

const MOST_UPDATES = 10_000; // until all bars are set again: each update costs more

export class LibraryChart {
  #chart;
  #series;
  #places = -1;
  #drawn = 0;
  #drawnTo = 0; // the start of the newest bar

  /** @param {any} library @param {HTMLElement} place */
  constructor(library, place) {
    const { fontFamily } = getComputedStyle(place);
    this.#chart = library.createChart(place, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 12, fontFamily },
      timeScale: {
        timeVisible: true,
        secondsVisible: false,
        rightOffset: 2,
        lockVisibleTimeRangeOnResize: true,
      },
      rightPriceScale: { borderVisible: false, entireTextOnly: true },
      handleScroll: { vertTouchDrag: false },
      // By default the library takes the browser's language, which gives the page other
      // digits or another calendar, and an error in each frame if it is no BCP 47 tag ("C").
      localization: { locale: "en-GB" },
    });
    this.#series = this.#chart.addSeries(library.CandlestickSeries);
    this.paintColours();
  }

  /** Paint with the colours of the theme. */
  paintColours() {
    const [text, muted, grid, up, down] = ["text", "muted", "line", "up", "down"].map(colour);
    this.#chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: muted },
      grid: { vertLines: { visible: false }, horzLines: { color: grid } },
      timeScale: { borderColor: grid },
      crosshair: { vertLine: { color: muted }, horzLine: { color: muted } },
    });
    this.#series.applyOptions({
      upColor: up,
      downColor: down,
      wickUpColor: up,
      wickDownColor: down,
      borderVisible: false,
      priceLineColor: text,
    });
  }

  /**
   * @param {Candle[]} bars
   * @param {number} places Decimals.
   * @param {boolean} isAnew Whether the earlier bars differ from those that were drawn.
   */
  paint(bars, places, isAnew) {
    if (places !== this.#places) {
      const priceFormat = { type: "price", precision: places, minMove: 10 ** -places };
      this.#series.applyOptions({ priceFormat });
      this.#places = places;
    }
    const news = bars.filter(([at]) => at >= this.#drawnTo);
    this.#drawn += news.length;
    const scale = this.#chart.timeScale();
    // Whether the first bar is in view. If a person looks at a part, the view stays there.
    const isWhole = (scale.getVisibleLogicalRange()?.from ?? 0) < 1;
    const newest = bars.at(-1)?.[0] ?? 0;
    if (isAnew || this.#drawn > MOST_UPDATES) {
      this.#series.setData(bars.map(shaped));
      this.#drawn = bars.length;
    } else for (const bar of news) this.#series.update(shaped(bar));
    if (isAnew || (isWhole && newest > this.#drawnTo)) scale.fitContent();
    this.#drawnTo = newest;
  }

  remove() {
    this.#chart.remove();
  }
}

/** @param {Candle} bar */
function shaped([at, open, high, low, close]) {
  return { time: at / 1000, open, high, low, close };
}

/**
 * The present colour of a token. Only an element that uses it resolves its `light-dark()`.
 * @param {string} token
 */
function colour(token) {
  const probe = document.createElement("span");
  probe.className = `probe-${token}`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
