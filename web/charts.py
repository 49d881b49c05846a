"""The chart of a symbol in the first HTML; `static/detail/chart.js` continues it.

A span that shows no more than the next narrower one isn't offered. So a young board
shows the narrowest span that has its whole past.
"""

import msgspec

from feed.history import Candle, History

# The spans: seconds of a bar, and in all; as in `static/detail/chart.js`.
CHART_SPANS = ((15, 900), (60, 3600), (240, 14_400), (1200, 86_400))
USUAL_SPAN = 2  # of a page that has just been opened


class Chart(msgspec.Struct, frozen=True):
    """The bars of a chart, oldest first; its span and all offered ones, as indexes."""

    bars: list[Candle]
    span: int
    offered: list[int]


def chart_of(history: History, symbol: str) -> Chart:
    """Return the chart of a symbol; without bars if the symbol isn't known."""
    bars = _bars(history, symbol, USUAL_SPAN)
    reach = bars[-1][0] - bars[0][0] if bars else -1
    offered = [
        span
        for span in range(len(CHART_SPANS))
        if span == 0 or reach >= CHART_SPANS[span - 1][1] * 1000
    ]
    span = min(USUAL_SPAN, offered[-1])
    shown = bars if span == USUAL_SPAN else _bars(history, symbol, span)
    return Chart(_within(shown, CHART_SPANS[span][1]), span, offered)


def _bars(history: History, symbol: str, span: int) -> list[Candle]:
    """Return the bars of a span and one more, to see if the past reaches further."""
    interval, whole = CHART_SPANS[span]
    return history.candles(symbol, interval, whole // interval + 1) or []


def _within(bars: list[Candle], seconds: int) -> list[Candle]:
    """Return the bars that are less than so many seconds older than the newest one."""
    begin = bars[-1][0] - seconds * 1000 if bars else 0
    return [bar for bar in bars if bar[0] > begin]
