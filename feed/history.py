"""The past prices of each symbol as candles, for charts. The log is too short for them.

Theory of operation: each symbol has a row of base candles of equal width, as plain
doubles. They are merged into wider candles on request, some thousand at a time, so that
a long answer doesn't keep the streams waiting. All symbols share one bound, so a
thousand symbols need no more memory than thirty, but each reaches less far back.

A trade counts for the candle of its own time, even if it arrives late. The volume of a
candle comes from the day's volume, which quotes report and sometimes correct. So a row
knows what its candles of the day add up to, and counts the difference.
"""

import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from feed.events.event import Event
from feed.events.reading import UNREADABLE, report_unreadable
from feed.events.shapes import Amount, Instant, Late, Name, Quote, Volume

BASE = 5  # seconds of a base candle; every interval is a multiple of it
BASE_MS = BASE * 1000
MAX_INTERVAL = 86_400  # seconds
MAX_CANDLES = 250_000  # base candles of all symbols; at 48 bytes each, 12 MB
MERGE_SLICE = 2000  # base candles to merge at once; a wide candle may add a day of them
NEW_DAY = 0.5  # of the volume; what falls below it begins anew, less is a correction

Candle = tuple[int, float, float, float, float, float]
"""Its begin (epoch ms); open, high, low and close; the volume traded within it."""


class Trade(msgspec.Struct, frozen=True):
    """The fields of a quote that change a history."""

    symbol: Name
    price: Amount
    volume: Volume | None = None
    late: Late | None = None
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
        self._rows: dict[str, _Row] = {}
        self._merging = threading.Lock()  # of more candles than a slice: one at a time

    def add(self, marks: Iterable[Mark]) -> None:
        """Add new quotes, and forget symbols that were retired."""
        for mark in marks:
            if isinstance(mark, str):
                self._forget(mark)
            else:
                self.add_quote(mark)

    def add_quote(self, quote: Quote | Trade) -> None:
        """Add the trade that a quote reports to the candle of its own time."""
        with self._lock:
            row = self._rows.get(quote.symbol)
            if row is None:
                row = self._rows[quote.symbol] = _Row()
            row.add(quote)
            row.trim(max(MAX_CANDLES // len(self._rows), 1))

    def candles(self, symbol: str, interval: int, limit: int) -> list[Candle] | None:
        """Return the newest `limit` candles of `interval` seconds, oldest first.

        Return None for a symbol without a quote. If there is much to merge, other
        threads run meanwhile, and quotes that they add may be in the answer.
        """
        with self._lock:
            row = self._rows.get(symbol)
            if row is None:
                return None
            wanted = (limit + 1) * (interval // BASE)
            begin = row.begin_of_newest(wanted)
        if wanted <= MERGE_SLICE:
            candles = row.merge(begin, interval * 1000)[0]
        else:
            with self._merging:
                candles = self._merge_slices(row, begin, interval * 1000)
        return candles[-limit:]

    def closes(self, symbol: str, interval: int, limit: int) -> list[float]:
        """Return the closes of the newest candles, oldest first, for a sparkline."""
        with self._lock:
            row = self._rows.get(symbol)
            if row is None:
                return []
            begin = row.begin_of_newest((limit + 1) * (interval // BASE))
            return row.closes(begin, interval * 1000)[-limit:]

    def _merge_slices(self, row: "_Row", begin: float, width: int) -> list[Candle]:
        candles: list[Candle] = []
        following: float | None = begin
        while following is not None:
            with self._lock:
                merged, following = row.merge(following, width)
            candles += merged
            time.sleep(0)  # let other threads run
        return candles

    def _forget(self, symbol: str) -> None:
        with self._lock:
            self._rows.pop(symbol, None)


class _Row:
    """The base candles of one symbol, by field, oldest first."""

    def __init__(self) -> None:
        self._at = array("d")
        self._open = array("d")
        self._high = array("d")
        self._low = array("d")
        self._close = array("d")
        self._volume = array("d")
        self._fields = (
            *(self._at, self._open, self._high, self._low, self._close),
            self._volume,
        )
        self._newest = 0  # the instant of the last quote that wasn't late
        self._counted: float | None = None  # the part of the day's volume seen so far

    def add(self, quote: Quote | Trade) -> None:
        """Add the trade that a quote reports."""
        late = quote.late
        if late is None:
            at, price = quote.at or 0, quote.price
            closes = at >= self._newest
            self._newest = at
        else:
            at, price, closes = late.at, late.price, False
        index = self._candle_at(at - at % BASE_MS, price)
        if price > self._high[index]:
            self._high[index] = price
        elif price < self._low[index]:
            self._low[index] = price
        if closes:
            self._close[index] = price
        if quote.volume is not None:
            self._count_volume(index, quote.volume)

    def trim(self, bound: int) -> None:
        """Drop the oldest candles if there are many more than `bound`."""
        if len(self._at) > bound + bound // 8:
            for field in self._fields:
                del field[:-bound]

    def begin_of_newest(self, count: int) -> float:
        """Return the begin (epoch ms) of the oldest of the newest `count` candles."""
        return self._at[max(len(self._at) - count, 0)]

    def merge(self, begin: float, width: int) -> tuple[list[Candle], float | None]:
        """Merge the candles from `begin` on into candles of `width` ms.

        These begin at the multiples of `width`. Stop after the first one that makes
        `MERGE_SLICE` base candles. Return them, and the begin (epoch ms) of the base
        candle that follows; None if there is none.
        """
        at, merged = self._at, []
        first = index = bisect_left(at, begin)
        while index < len(at) and index - first < MERGE_SLICE:
            begun = int(at[index]) // width * width
            end = bisect_left(at, begun + width, index)
            merged.append(self._merged(begun, index, end))
            index = end
        return merged, at[index] if index < len(at) else None

    def closes(self, begin: float, width: int) -> list[float]:
        """Return the closes of all candles of `width` ms from `begin` on."""
        at, closes = self._at, []
        index = bisect_left(at, begin)
        while index < len(at):
            index = bisect_left(at, int(at[index]) // width * width + width, index)
            closes.append(self._close[index - 1])
        return closes

    def _merged(self, begun: int, first: int, end: int) -> Candle:
        return (
            begun,
            self._open[first],
            max(self._high[first:end]),
            min(self._low[first:end]),
            self._close[end - 1],
            sum(self._volume[first:end]),
        )

    def _candle_at(self, begin: int, price: float) -> int:
        """Return the index of the candle that begins then; add it if there is none."""
        at = self._at
        if at and at[-1] == begin:  # nearly always
            return len(at) - 1
        index = bisect_left(at, begin)
        if index == len(at) or at[index] != begin:
            values = (begin, price, price, price, price, 0.0)
            for field, value in zip(self._fields, values, strict=True):
                field.insert(index, value)
        return index

    def _count_volume(self, index: int, volume: float) -> None:
        """Add to a candle what the day's volume has gained, or take back what it lost.

        A candle's volume is never negative. What can't be taken back is not counted
        again until the day's volume has passed it. The first volume of a symbol says
        nothing about what was traded when.
        """
        counted = volume if self._counted is None else self._counted
        if volume < counted * NEW_DAY:
            counted = 0.0
        change = volume - counted
        if change < -self._volume[index]:
            change = -self._volume[index]
        self._volume[index] += change
        self._counted = counted + change
