"""The change of a symbol's price in a span of time, from its history.

The width of the candles grows with the span, so that a long span costs no more than a
short one. A span begins with the first candle that lies wholly in it.
"""

from bisect import bisect_right
from operator import itemgetter

import msgspec

from feed.answers.piece import Board
from feed.history import BASE, MAX_INTERVAL, Candle

WIDTHS = (BASE, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 10_800, MAX_INTERVAL)
CANDLES_READ = 150  # of one symbol
INSTANT_CANDLES = 1900  # of one symbol, so narrow that a time of day is met closely
FEW_CANDLES = 8  # of one of many symbols, whose first and last prices are enough


class Span(msgspec.Struct, frozen=True):
    """The first, last, highest and lowest price of a symbol in a span, and its volume.

    `begin` (epoch ms) is where its first candle begins. A span is `complete` if the
    history reaches back to its beginning. Without a trade in it (`traded`), the prices
    are the one before it.
    """

    begin: int
    first: float
    last: float
    high: float
    low: float
    volume: float
    complete: bool
    traded: bool = True


def read_span(
    board: Board, symbol: str, since: int, candles_read: int = CANDLES_READ
) -> Span | None:
    """Return the change of a price since an instant (ms); None without a history."""
    candles = _candles(board, symbol, since, candles_read)
    if not candles:
        return None
    within = [candle for candle in candles if candle[0] >= since]
    complete = len(within) < len(candles)
    if not within:
        last = candles[-1]
        return Span(last[0], last[4], last[4], last[4], last[4], 0, complete, False)
    return Span(
        begin=within[0][0],
        first=within[0][1],
        last=within[-1][4],
        high=max(candle[2] for candle in within),
        low=min(candle[3] for candle in within),
        volume=sum(candle[5] for candle in within),
        complete=complete,
    )


def price_at(board: Board, symbol: str, at: int) -> float | None:
    """Return the price of the last trade before an instant; None if it isn't known.

    A trade just before the instant may not count: it is known which trade was the last
    of a candle, but not when within the candle it was made.
    """
    width = _width(board, at, INSTANT_CANDLES)
    candles = _candles(board, symbol, at, INSTANT_CANDLES)
    index = bisect_right(candles, at - width * 1000, key=itemgetter(0))
    return candles[index - 1][4] if index else None


def _candles(board: Board, symbol: str, since: int, most: int) -> list[Candle]:
    """Return the candles of a symbol from about an instant on, and one before it."""
    width = _width(board, since, most)
    seconds = max(board.now - since, 0) // 1000
    limit = min(seconds // width + 3, most)
    return board.history.candles(symbol, width, limit) or []


def _width(board: Board, since: int, most: int) -> int:
    seconds = max(board.now - since, 0) // 1000
    return next((it for it in WIDTHS if seconds <= it * (most - 3)), MAX_INTERVAL)
