"""The past prices of each symbol as candles, for charts. The log is too short for them.

Theory of operation: each symbol has a row of base candles of equal width, as plain
doubles. They are merged into wider candles on request. All symbols share one bound, so
a thousand symbols need no more memory than thirty, but each reaches less far back.
"""

import threading
from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from feed.events.event import Event
from feed.events.reading import UNREADABLE, report_unreadable
from feed.events.shapes import Amount, Instant, Name, Quote, Volume

BASE = 5  # seconds of a base candle; every interval is a multiple of it
MAX_INTERVAL = 86_400  # seconds
MAX_CANDLES = 250_000  # base candles of all symbols; at 48 bytes each, 12 MB
CANDLE_FIELDS = 6  # at, open, high, low, close, volume

Candle = tuple[int, float, float, float, float, float]
"""Its begin (epoch ms); open, high, low and close; the volume traded within it."""


class Trade(msgspec.Struct, frozen=True):
    """The fields of a quote that change a history."""

    symbol: Name
    price: Amount
    volume: Volume | None = None
    at: Instant | None = None


Mark = Quote | Trade | str
"""A change of the history: a new quote, or the symbol that is retired."""

_decode_trade = msgspec.json.Decoder(Trade).decode


def marks(events: Iterable[Event]) -> list[Mark]:
    """Return the changes that `events` make.

    A price that this version cannot read changes nothing.
    """
    return [mark for event in events if (mark := mark_of(event)) is not None]


def mark_of(event: Event) -> Mark | None:
    """Return the change that an event makes; None if it makes none."""
    if event.type == "price":
        return _read_trade(event)
    if event.retires and event.slot and event.slot[0] == "price":
        return event.slot[1]
    return None


def _read_trade(event: Event) -> Trade | None:
    try:
        trade = _decode_trade(event.data)
    except UNREADABLE as error:
        report_unreadable(event.type, error)
        return None
    if trade.at is None:
        return msgspec.structs.replace(trade, at=event.id.ms)
    return trade


class History:
    """Candles by symbol, added to by each `price` event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._candles: dict[str, array[float]] = {}
        self._volumes: dict[str, float] = {}

    def add(self, marks: Iterable[Mark]) -> None:
        """Add new quotes, and forget symbols that were retired."""
        for mark in marks:
            if isinstance(mark, str):
                self._forget(mark)
            else:
                self.add_quote(mark)

    def add_quote(self, quote: Quote | Trade) -> None:
        """Add one quote. If it is older than the newest candle, it changes that one."""
        with self._lock:
            traded = self._traded(quote)
            row = self._candles.setdefault(quote.symbol, array("d"))
            instant = quote.at or 0
            at = instant - instant % (BASE * 1000)
            if row and at <= row[-CANDLE_FIELDS]:
                row[-4] = max(row[-4], quote.price)
                row[-3] = min(row[-3], quote.price)
                row[-2] = quote.price
                row[-1] += traded
                return
            row.extend((at, *(quote.price,) * 4, traded))
            bound = max(MAX_CANDLES // len(self._candles), 1) * CANDLE_FIELDS
            if len(row) > bound + bound // 8:
                del row[:-bound]

    def candles(self, symbol: str, interval: int, limit: int) -> list[Candle] | None:
        """Return the newest `limit` candles of `interval` seconds, oldest first.

        Return None for a symbol without a quote.
        """
        with self._lock:
            row = self._candles.get(symbol)
            if row is None:
                return None
            wanted = (limit + 1) * (interval // BASE) * CANDLE_FIELDS
            base = _rows(row[-wanted:])
        return [*_merged(base, interval * 1000)][-limit:]

    def closes(self, symbol: str, interval: int, limit: int) -> list[float]:
        """Return the closes of the newest candles, oldest first, for a sparkline."""
        return [candle[4] for candle in self.candles(symbol, interval, limit) or ()]

    def _traded(self, quote: Quote | Trade) -> float:
        """Return the volume since the last quote; a lower one begins a new day."""
        volume = quote.volume or 0.0
        before = self._volumes.get(quote.symbol)
        self._volumes[quote.symbol] = volume
        if before is None:
            return 0.0
        return volume - before if volume >= before else volume

    def _forget(self, symbol: str) -> None:
        with self._lock:
            self._candles.pop(symbol, None)
            self._volumes.pop(symbol, None)


def _rows(row: "array[float]") -> list[Candle]:
    fields = [row[field::CANDLE_FIELDS] for field in range(CANDLE_FIELDS)]
    return [(int(at), *rest) for at, *rest in zip(*fields, strict=True)]


def _merged(base: list[Candle], width: int) -> Iterator[Candle]:
    """Merge base candles into candles that begin at the multiples of `width` ms."""
    for begin, group in groupby(base, key=lambda candle: candle[0] // width * width):
        _, opens, highs, lows, closes, volumes = zip(*group, strict=True)
        yield begin, opens[0], max(highs), min(lows), closes[-1], sum(volumes)
