"""Candles, from which charts are drawn."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed import history as history_module
from feed.events.event import EventId, gone, keyed
from feed.history import BASE, History, marks
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


def test_nobodys_symbol_has_no_history_and_a_retired_one_loses_it() -> None:
    history = History()
    assert history.candles("A", 60, 1) is None
    history.add(marks([quote_at(START, 1).event()]))
    assert history.candles("A", 60, 1) is not None
    history.add(marks([gone("price", "A", START)]))
    assert history.candles("A", 60, 1) is None


def test_a_price_of_another_version_counts_as_far_as_it_can_be_read() -> None:
    history = History()
    more = b'{"symbol":"A","price":5,"at":%d,"new":[1]}' % START
    without_at = b'{"symbol":"A","price":7,"volume":3}'
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


def test_all_symbols_share_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_CANDLES", 100)
    history = History()
    for n in range(400):
        for symbol in "ABCD":
            history.add_quote(quote_at(START + n * BASE * 1000, n, symbol=symbol))
    kept = [len(history.candles(symbol, BASE, 400) or ()) for symbol in "ABCD"]
    assert all(25 <= count <= 29 for count in kept)
