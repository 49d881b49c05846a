"""Candles, from which charts are drawn."""

import math
from collections import OrderedDict
from copy import copy
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed import history as history_module
from feed.events.event import EventId, gone, keyed
from feed.events.shapes import Late, Quote
from feed.history import BASE, MAX_INTERVAL, MERGE_SLICE, History, _Row, marks
from tests.helpers.samples import quote_at

START = 1_700_000_000_000  # a multiple of 100 s


def test_a_candle_holds_what_happened_within_it() -> None:
    history = History()
    for at, price, volume in [(0, 5, 10), (1, 9, 30), (2, 3, 60), (59, 4, 70)]:
        history.add_quote(quote_at(START + at * 1000, price, volume))
    history.add_quote(quote_at(START + 60_000, 7, 75))
    assert history.candles("A", 20, 10) == [
        (START, 5, 9, 3, 3, 50),
        (START + 40_000, 4, 4, 4, 4, 10),
        (START + 60_000, 7, 7, 7, 7, 5),
    ]


def test_volume_begins_anew_with_the_day() -> None:
    history = History()
    for at, volume in [(0, 100), (1, 150), (2, 20), (3, 25)]:
        history.add_quote(quote_at(START + at * 1000, 1, volume))
    assert history.candles("A", BASE, 1) == [(START, 1, 1, 1, 1, 75)]


def test_an_unknown_volume_counts_as_none() -> None:
    history = History()
    history.add_quote(quote_at(START, 1, None))
    assert history.candles("A", BASE, 1) == [(START, 1, 1, 1, 1, 0)]


@pytest.mark.parametrize(
    ("volumes", "traded"),
    [
        ([1_000_000, 1_000_100, 1_000_050], 50),  # corrected
        ([1_000_000, 1_000_100, 1_000_050, 1_000_150], 150),
        ([3_116_369, 3_099_786, 3_116_400], 31),  # nothing was counted to take back
        ([1000, None, 1100], 100),  # missing for a moment
        ([None, 1_000_000, 1_000_010], 10),
        ([1000, 1100, None, 1050, 1200], 200),
        ([1000, 1100, 400, 500], 600),  # a new day
        ([1000, 1100, 0, None, 30], 130),
    ],
)
def test_a_volume_is_counted_once_whatever_becomes_of_it(
    volumes: list[float | None], traded: float
) -> None:
    history = History()
    for n, volume in enumerate(volumes):
        history.add_quote(quote_at(START + n, 1, volume))
    assert history.candles("A", BASE, 1) == [(START, 1, 1, 1, 1, traded)]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.none() | st.integers(501, 1000)), max_size=60
    )
)
def test_candles_never_add_up_to_more_than_the_volume_of_the_day(
    reports: list[tuple[int, int | None]],
) -> None:
    history, at = History(), START
    for passed, volume in [(0, 501), *reports]:
        at += passed * 1000
        history.add_quote(quote_at(at, 1, volume))
    traded = [candle[5] for candle in history.candles("A", BASE, 200) or ()]
    known = [volume for _, volume in reports if volume is not None]
    assert all(volume >= 0 for volume in traded)
    assert sum(traded) <= max(known, default=501) - 501
    if known and known[-1] == max(known):
        assert sum(traded) == known[-1] - 501


def late_quote(quote: Quote, at: int, price: float) -> Quote:
    return msgspec.structs.replace(quote, late=Late(price, at))


def test_a_late_trade_is_of_the_candle_of_its_own_time() -> None:
    history = History()
    quotes = [quote_at(START + at * 1000, at, volume=100) for at in (1, 2, 11)]
    for quote in quotes:
        history.add_quote(quote)
    for at, price in ((3, 9), (4, 0), (6, 5), (7, 6)):
        late = msgspec.structs.replace(quotes[-1], volume=100 + at)
        history.add_quote(late_quote(late, START + at * 1000, price))
    assert history.candles("A", BASE, 9) == [
        (START, 1, 9, 0, 2, 4),
        (START + 5000, 5, 6, 5, 5, 3),
        (START + 10_000, 11, 11, 11, 11, 0),
    ]


def test_a_late_trade_travels_in_its_event() -> None:
    history = History()
    newest = quote_at(START + 60_000, 5)
    history.add(marks([newest.event(), late_quote(newest, START, 7).event()]))
    assert history.candles("A", 60, 9) == [
        (START - START % 60_000, 7, 7, 7, 7, 0),
        (START - START % 60_000 + 60_000, 5, 5, 5, 5, 0),
    ]


def test_a_clock_that_is_set_on_and_back_leaves_each_candle_its_quotes() -> None:
    history, hour = History(), 3_600_000
    for at, price in ((0, 1), (hour, 2), (hour + 1000, 3), (5000, 4), (6000, 5)):
        history.add_quote(quote_at(START + at, price))
    assert history.candles("A", BASE, 9) == [
        (START, 1, 1, 1, 1, 0),
        (START + 5000, 4, 5, 4, 5, 0),
        (START + hour, 2, 3, 2, 3, 0),
    ]


def test_nobodys_symbol_has_no_history_and_a_retired_one_loses_it() -> None:
    history = History()
    assert history.candles("A", 60, 1) is None
    history.add(marks([quote_at(START, 1).event()]))
    assert history.candles("A", 60, 1) is not None
    history.add(marks([gone("price", "A", START)]))
    assert history.candles("A", 60, 1) is None


def test_a_price_of_another_version_counts_as_far_as_it_can_be_read() -> None:
    history = History()
    more = b'{"symbol":"A","price":5,"volume":1,"at":%d,"new":[1]}' % START
    without_at = b'{"symbol":"A","price":7,"volume":4}'
    unreadable = b'{"symbol":"A","price":"much"}'
    events = [
        keyed("price", "A", data).with_id(EventId(START + 1000 * n, 0))
        for n, data in enumerate((more, without_at, unreadable))
    ]
    history.add(marks(events))
    assert history.candles("A", BASE, 1) == [(START, 5, 7, 5, 7, 3)]


@given(
    ticks=st.lists(
        st.tuples(st.integers(0, 40_000), st.integers(1, 99)), min_size=1, max_size=60
    ),
    interval=st.sampled_from([5, 10, 60, 300]),
    limit=st.integers(1, 8),
)
def test_candles_say_what_the_quotes_said(
    ticks: list[tuple[int, int]], interval: int, limit: int
) -> None:
    history, at, quotes = History(), START, []
    for passed, price in ticks:
        at += passed
        quotes.append(quote_at(at, price))
        history.add_quote(quotes[-1])
    candles = history.candles("A", interval, limit)
    assert candles
    assert all(a[0] < b[0] for a, b in pairwise(candles))
    width = interval * 1000
    for begun, opened, high, low, close, _ in candles:
        within = [q.price for q in quotes if begun <= q.at < begun + width]
        assert (opened, high, low, close) == (
            within[0],
            max(within),
            min(within),
            within[-1],
        )
    begins = sorted({q.at // width * width for q in quotes})
    assert [candle[0] for candle in candles] == begins[-limit:]


def test_a_long_history_is_merged_in_slices_between_which_others_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each base candle has a volume of 1, so volumes count the candles merged."""
    history, merged, slices = History(), _Row.merge, list[float]()
    for n in range(40_001):
        history.add_quote(quote_at(START + n * BASE * 1000, n, n))

    def merge(*args: Any) -> Any:
        found = merged(*args)
        slices.append(sum(candle[5] for candle in found[0]))
        return found

    def run_others(seconds: float) -> None:
        assert seconds == 0
        assert not history._lock.locked()
        slices.append(math.inf)

    monkeypatch.setattr(_Row, "merge", merge)
    monkeypatch.setattr("feed.history.time.sleep", run_others)
    for interval in (5, 250, 3600, MAX_INTERVAL):
        slices.clear()
        candles = history.candles("A", interval, 5000)
        assert candles is not None
        assert sum(candle[5] for candle in candles) == min(40_000, 5000 * interval / 5)
        assert slices.pop() == 1  # the newest one
        counts, pauses = slices[::2], slices[1::2]
        assert max(counts) <= MERGE_SLICE
        assert len(counts) == len(pauses) > 1
        assert {*pauses} == {math.inf}
    slices.clear()
    assert len(history.candles("A", 60, 60) or ()) == 60
    assert len(slices) == 1


def test_a_long_history_is_merged_once_and_continued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history, merged, counts = History(), _Row.merge, list[float]()
    for n in range(10_000):
        history.add_quote(quote_at(START + n * BASE * 1000, n, n))

    def merge(*args: Any) -> Any:
        found = merged(*args)
        counts.append(sum(candle[5] for candle in found[0]))
        return found

    monkeypatch.setattr(_Row, "merge", merge)
    for n in range(10_000, 10_003):
        history.candles("A", MAX_INTERVAL, 10)
        history.add_quote(quote_at(START + n * BASE * 1000, n, n))
        counts.clear()
        candles = history.candles("A", MAX_INTERVAL, 10)
        assert candles is not None
        assert candles[-1][4] == n
        assert sum(counts) == 2
    history.add_quote(late_quote(quote_at(START, 0, n), START + 5, 1_000_000))
    assert max(candle[2] for candle in history.candles("A", 3600, 300) or ()) == 1e6
    assert (
        max(candle[2] for candle in history.candles("A", MAX_INTERVAL, 10) or ()) == 1e6
    )


@settings(max_examples=40)
@given(
    ticks=st.lists(
        st.tuples(st.integers(0, 12_000), st.integers(1, 99), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_candles_that_were_kept_are_those_that_are_merged_anew(
    ticks: list[tuple[int, int, bool]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_module, "MERGE_SLICE", 3)
        patch.setattr(history_module, "MERGED_CANDLES", 40)
        history, at = History(), START
        for passed, price, is_late in ticks:
            at += passed
            made = quote_at(at, price)
            past = late_quote(made, at - 5 * passed, price)
            history.add_quote(past if is_late else made)
            for interval, limit in ((5, 7), (15, 3), (60, 9)):
                kept = history.candles("A", interval, limit)
                anew = copy(history)
                anew._merged = OrderedDict()
                assert kept == anew.candles("A", interval, limit)
        assert sum(len(it.candles) for it in history._merged.values()) <= 40


def test_quotes_that_arrive_during_a_merge_are_in_their_candles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history, arrivals = History(), iter(range(100))
    quotes = [quote_at(START + n * BASE * 1000, n) for n in range(10_000)]
    for quote in quotes:
        history.add_quote(quote)

    def run_others(_: float) -> None:
        n = next(arrivals)
        history.add_quote(quote_at(START + (10_000 + n) * BASE * 1000, 10_000 + n))
        history.add_quote(late_quote(quotes[-1], START - n * BASE * 1000, 5))

    monkeypatch.setattr("feed.history.time.sleep", run_others)
    candles = history.candles("A", BASE, 20_000) or []
    closes = [candle[4] for candle in candles]
    assert closes == [*range(len(closes))]
    assert len(closes) > 10_000


def test_all_symbols_share_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_CANDLES", 100)
    history = History()
    for n in range(400):
        for symbol in "ABCD":
            history.add_quote(quote_at(START + n * BASE * 1000, n, symbol=symbol))
    kept = [len(history.candles(symbol, BASE, 400) or ()) for symbol in "ABCD"]
    assert all(25 <= count <= 29 for count in kept)
