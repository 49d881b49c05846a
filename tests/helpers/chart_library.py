"""A chart library that a page can load in place of the real one, and that records."""

import re

from playwright.sync_api import Page, Route

URL = "/static/vendor/lightweight-charts.js"
LIBRARY = """
export class CandlestickSeries {}
export class LineSeries {}
export function createChart(place, options) {
  const drawn = {
    options, width: place.clientWidth, data: [], updates: [], removed: false, fitted: 0,
    kind: null, series: {}, chart: {}, risen: [],
  };
  window.drawn = drawn;
  return {
    applyOptions(options) { Object.assign(drawn.chart, options); },
    addSeries(kind) {
      drawn.kind = kind.name;
      return {
        applyOptions(options) {
          Object.assign(drawn.series, options);
          if (options.upColor) drawn.risen.push(options.upColor);
        },
        setData(data) { drawn.data = data; },
        update(bar) { drawn.updates.push(bar); },
      };
    },
    removeSeries() {},
    remove() { drawn.removed = true; },
    timeScale: () => ({
      width: () => place.clientWidth,
      setVisibleLogicalRange() { drawn.fitted += 1; },
      getVisibleLogicalRange: () => drawn.seen ?? null,
    }),
  };
}
"""
"""What `chart-library.js` uses of the library; `window.drawn` has its calls."""


def install_library(page: Page) -> None:
    """Let `LIBRARY` draw the charts of a page, whether one is installed or not."""
    page.route(
        f"**{URL}",
        lambda route: route.fulfill(body=LIBRARY, content_type="text/javascript"),
    )
    page.route("**/detail/panel", name_library)
    page.route("**/s/*", name_library)


def name_library(route: Route) -> None:
    """Answer with a page or a panel that names the library."""
    answer = route.fetch()
    body = re.sub('data-drawn-by="[^"]*"', f'data-drawn-by="{URL}"', answer.text())
    route.fulfill(response=answer, body=body)
