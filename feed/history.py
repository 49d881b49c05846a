"""The past prices of each symbol as candles, for charts. The log is too short for them.

Theory of operation: each symbol has a row of base candles of equal width, as plain
doubles. They are merged into wider candles on request, some thousand at a time, so that
a long answer doesn't keep the streams waiting. The result is kept and continued by the
next request of its kind. All symbols share one bound, so a thousand symbols need no
more memory than thirty, but each reaches less far back.

A trade counts for the candle of its own time, even if it arrives late. The volume of a
candle comes from the day's volume, which quotes report and sometimes correct. So a row
knows what its candles of the day add up to, and counts the difference.
"""

import math
import threading
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from feed.events.event import Event
from feed.events.reading import UNREADABLE, report_unreadable
from feed.events.shapes import Amount, Instant, Late, Name, Quote, Volume

BASE = 5  # seconds of a base candle; every interval is a multiple of it
BASE_MS = BASE * 1000
MAX_INTERVAL = 86_400  # seconds
MAX_CANDLES = 250_000  # base candles of all symbols; at 48 bytes each, 12 MB
MERGE_SLICE = 2000  # base candles to merge at once
MERGED_CANDLES = 20_000  # wide candles that are kept; at 250 bytes each, 5 MB
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
        self._merged: OrderedDict[tuple[str, int, int], _Merged] = OrderedDict()

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
        wanted = (limit + 1) * (interval // BASE)
        with self._lock:
            row = self._rows.get(symbol)
            if row is None:
                return None
            if wanted <= MERGE_SLICE:
                begin = row.begin_of_newest(wanted)
                return row.merge(begin, interval * 1000)[0][-limit:]
        with self._merging:
            return self._merge_in_slices(row, symbol, interval, limit)

    def closes(self, symbol: str, interval: int, limit: int) -> list[float]:
        """Return the closes of the newest candles, oldest first, for a sparkline."""
        with self._lock:
            row = self._rows.get(symbol)
            if row is None:
                return []
            begin = row.begin_of_newest((limit + 1) * (interval // BASE))
            return row.closes(begin, interval * 1000)[-limit:]

    def _merge_in_slices(
        self, row: "_Row", symbol: str, interval: int, limit: int
    ) -> list[Candle]:
        """Return the newest candles; begin with those that were merged before."""
        width = interval * 1000
        merged = self._merged.pop((symbol, interval, limit), None)
        with self._lock:
            if merged is None or not merged.holds_for(row):
                begin = row.begin_of_newest((limit + 1) * (interval // BASE))
                merged = _Merged(row, begin, width)
        goes_on = True
        while goes_on:
            with self._lock:
                goes_on = merged.add_slice()
            time.sleep(0)  # let other threads run
        with self._lock:
            candles = merged.with_newest()[-limit:]
        del merged.candles[: -limit - 1]
        self._merged[symbol, interval, limit] = merged
        while sum(len(it.candles) for it in self._merged.values()) > MERGED_CANDLES:
            self._merged.popitem(last=False)
        return candles

    def _forget(self, symbol: str) -> None:
        with self._lock:
            self._rows.pop(symbol, None)
            for key in [key for key in self._merged if key[0] == symbol]:
                self._merged.pop(key, None)


class _Merged:
    """The wide candles of a row, up to the base candle before the newest one.

    A new quote changes only the newest base candle. So this holds until a late trade
    changes an older one, and is continued when the next base candle has begun.
    """

    def __init__(self, row: "_Row", begin: float, width: int) -> None:
        self.candles: list[Candle] = []
        self._row = row
        self._changes = row.changes
        self._following = begin
        self._width = width

    def holds_for(self, row: "_Row") -> bool:
        """Return whether nothing has changed that was merged."""
        return row is self._row and row.changes == self._changes

    def add_slice(self) -> bool:
        """Merge the next base candles; return whether there are more of them."""
        row = self._row
        is_last = row.count_from(self._following) - 1 <= MERGE_SLICE
        merged, following = row.merge(self._following, self._width, row.newest)
        _extend(self.candles, merged)
        self._following = row.newest if following is None else following
        return not is_last

    def with_newest(self) -> list[Candle]:
        """Return the candles with what has happened since; it remains to be merged."""
        candles = self.candles[-1:]
        _extend(candles, self._row.merge(self._following, self._width)[0])
        return self.candles[:-1] + candles


def _extend(candles: list[Candle], merged: list[Candle]) -> None:
    """Add candles to others. The first one may be the rest of the last one."""
    if candles and merged and candles[-1][0] == merged[0][0]:
        begun, opened, high, low, _, volume = candles.pop()
        _, _, other_high, other_low, close, more = merged[0]
        highest, lowest = max(high, other_high), min(low, other_low)
        candles.append((begun, opened, highest, lowest, close, volume + more))
        merged = merged[1:]
    candles += merged


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
        self.changes = 0  # of the candles before the newest one
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
        self.changes += index < len(self._at) - 1
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
            self.changes += 1
            for field in self._fields:
                del field[:-bound]

    def begin_of_newest(self, count: int) -> float:
        """Return the begin (epoch ms) of the oldest of the newest `count` candles."""
        return self._at[max(len(self._at) - count, 0)]

    def count_from(self, begin: float) -> int:
        """Return the number of candles from `begin` on."""
        return len(self._at) - bisect_left(self._at, begin)

    @property
    def newest(self) -> float:
        """The begin (epoch ms) of the newest candle."""
        return self._at[-1]

    def merge(
        self, begin: float, width: int, end: float = math.inf
    ) -> tuple[list[Candle], float | None]:
        """Merge the candles from `begin` to before `end` into candles of `width` ms.

        These begin at the multiples of `width`. Stop after `MERGE_SLICE` base candles,
        maybe within a wide one. Return them, and the begin (epoch ms) of the base
        candle that follows; None if there is none.
        """
        at, merged = self._at, []
        index = bisect_left(at, begin)
        last = min(bisect_left(at, end, index), index + MERGE_SLICE)
        while index < last:
            begun = int(at[index]) // width * width
            following = bisect_left(at, begun + width, index, last)
            merged.append(self._merge_range(begun, index, following))
            index = following
        return merged, at[index] if index < len(at) else None

    def closes(self, begin: float, width: int) -> list[float]:
        """Return the closes of all candles of `width` ms from `begin` on."""
        at, closes = self._at, []
        index = bisect_left(at, begin)
        while index < len(at):
            index = bisect_left(at, int(at[index]) // width * width + width, index)
            closes.append(self._close[index - 1])
        return closes

    def _merge_range(self, begun: int, first: int, end: int) -> Candle:
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
