"""Frames of Kraken and Coinbase become quotes; no frame raises, however broken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.events.event import Event
from feed.events.shapes import MarketState, Quote
from feed.sources.live.coinbase import Coinbase
from feed.sources.live.kraken import Kraken
from feed.sources.live.reading import instant, number, text, whole

NOW = 1_795_004_801_000
PAIRS = ("BTC/USD", "ETH/EUR", "AAPLx/USD")


def ticker(symbol: str = "BTC/USD", **changes: Any) -> dict[str, Any]:
    """Return a frame with one ticker."""
    row = {
        "symbol": symbol,
        "bid": 91250.1,
        "bid_qty": 0.5,
        "ask": 91250.2,
        "ask_qty": 1.5,
        "last": 91250.2,
        "volume": 812.5,
        "vwap": 91010.3,
        "low": 90100.0,
        "high": 92400.5,
        "change": -249.8,
        "change_pct": -0.27,
        "timestamp": "2026-11-18T12:26:40.250000Z",
    }
    return {"channel": "ticker", "type": "update", "data": [{**row, **changes}]}


def acknowledgement(symbol: str, success: bool = True) -> dict[str, Any]:
    result = {"channel": "ticker", "symbol": symbol, "snapshot": True}
    if success:
        return {"method": "subscribe", "result": result, "success": True, "req_id": 1}
    return {
        "method": "subscribe",
        "success": False,
        "error": f"Currency pair not supported {symbol}",
        "symbol": symbol,
        "req_id": 1,
    }


def kraken(state: list[Event] | None = None) -> Kraken:
    reader = Kraken(PAIRS, state or ())
    reader.begin()
    return reader


def read(reader: Kraken | Coinbase, frame: object, now: int = NOW) -> list[Any]:
    return reader.read(json.dumps(frame), now)


def test_a_ticker_of_kraken_is_a_quote_whose_change_is_that_of_a_day() -> None:
    [quote] = read(kraken(), ticker())
    assert quote == Quote(
        symbol="BTC/USD",
        name="Bitcoin",
        currency="USD",
        market="KRAKEN",
        sector=None,
        source="Kraken",
        price=91250.2,
        decimals=2,
        change=-249.8,
        change_percent=-0.27,
        previous_close=91500.0,
        open=None,
        high=92400.5,
        low=90100.0,
        bid=91250.1,
        ask=91250.2,
        volume=812.5,
        late=None,
        at=1795004800250,
    )


def test_kraken_is_asked_for_all_pairs_and_later_without_those_that_it_refused() -> (
    None
):
    reader = kraken()
    [request] = map(json.loads, reader.begin())
    assert request["method"] == "subscribe"
    assert request["params"]["symbol"] == [*PAIRS]
    assert read(reader, acknowledgement("ETH/EUR", success=False)) == []
    assert reader.refused == {"ETH/EUR"}
    [request] = map(json.loads, reader.begin())
    assert request["params"]["symbol"] == ["BTC/USD", "AAPLx/USD"]


def test_the_decimals_of_a_pair_are_those_of_kraken() -> None:
    reader = kraken()
    pairs = {
        "AAPLxUSD": {"wsname": "AAPLx/USD", "pair_decimals": 3},
        "XXBTZUSD": {"wsname": "XBT/USD", "pair_decimals": 1},
        "odd": 7,
    }
    reader.read_pairs(json.dumps({"error": [], "result": pairs}).encode())
    reader.read_pairs(b"<html>")
    [quote] = read(reader, ticker("AAPLx/USD", last=231.5, change=1.25))
    assert (quote.decimals, quote.previous_close) == (3, 230.25)
    [quote] = read(reader, ticker("BTC/USD", last=91250.5))
    assert quote.decimals == 1


def test_what_says_nothing_new_makes_no_event() -> None:
    reader = kraken()
    assert len(read(reader, ticker())) == 1
    assert read(reader, ticker(timestamp="2026-11-18T12:26:41Z")) == []
    [moved] = read(reader, ticker(last=91250.3))
    assert moved.price == 91250.3


def test_a_clock_that_is_ahead_makes_no_price_of_a_time_to_come() -> None:
    [quote] = read(kraken(), ticker(timestamp="2026-11-18T15:00:00Z"))
    assert quote.at == NOW


def test_what_is_out_of_bounds_is_missing_and_the_rest_is_shown() -> None:
    [quote] = read(kraken(), ticker(volume=-1, bid="x", high=None, change=None))
    assert (quote.price, quote.volume, quote.bid) == (91250.2, None, None)
    assert (quote.high, quote.previous_close, quote.change) == (91250.2, None, None)
    assert read(kraken(), ticker(last=1e300)) == []


def test_a_reader_continues_from_the_board() -> None:
    [quote] = read(kraken(), ticker())
    assert read(kraken([quote.event()]), ticker()) == []


def test_a_ticker_that_is_older_than_the_quote_is_a_late_trade() -> None:
    reader = kraken()
    read(reader, ticker())
    [quote] = read(reader, ticker(last=90000, timestamp="2026-11-18T12:26:39Z"))
    assert (quote.price, quote.late.price, quote.low) == (91250.2, 90000, 90000)


@pytest.mark.parametrize(
    "system", ["maintenance", "cancel_only", "post_only", "limit_only"]
)
def test_the_market_is_halted_while_kraken_is_not_online(system: str) -> None:
    reader = kraken()

    def status(name: str) -> list[Any]:
        return read(reader, {"channel": "status", "data": [{"system": name}]})

    assert status("online") == [MarketState("KRAKEN", "open", None, "Kraken", NOW)]
    assert status("online") == []
    assert status(system) == [MarketState("KRAKEN", "halted", None, "Kraken", NOW)]
    assert status("online") == [MarketState("KRAKEN", "open", None, "Kraken", NOW)]


def test_a_symbol_is_unpriced_until_its_first_ticker_on_each_connection() -> None:
    reader = kraken()
    assert reader.unpriced == {*PAIRS}
    read(reader, acknowledgement("ETH/EUR", success=False))
    read(reader, acknowledgement("BTC/USD"))
    assert reader.unpriced == {"BTC/USD", "AAPLx/USD"}
    read(reader, ticker("BTC/USD"))
    assert (reader.unpriced, reader.tickers) == ({"AAPLx/USD"}, 1)
    reader.begin()
    assert reader.unpriced == {"BTC/USD", "AAPLx/USD"}


def test_another_error_than_an_unknown_pair_may_be_over_next_time() -> None:
    reader = kraken()
    limit = {"method": "subscribe", "success": False, "symbol": "BTC/USD"}
    read(reader, {**limit, "error": "Exceeded msg rate"})
    assert reader.refused == set()
    assert "BTC/USD" in reader.unpriced


def test_the_age_of_a_price_counts_from_the_second_of_a_connection() -> None:
    reader = kraken()
    read(reader, ticker(timestamp="2026-11-17T00:00:00Z"))
    assert reader.lag is None
    read(reader, ticker(timestamp="2026-11-18T12:20:41Z"))
    assert reader.lag == 360_000


def test_a_clock_that_was_set_back_makes_no_late_trades() -> None:
    reader = kraken()
    [first] = read(reader, ticker())
    [second] = read(reader, ticker(last=90000, timestamp="2026-11-18T11:26:40Z"))
    assert (second.price, second.late, second.at) == (90000, None, first.at)


def test_a_symbol_that_is_no_longer_asked_for_is_deselected() -> None:
    [quote] = read(kraken(), ticker("ETH/EUR"))
    reader = Kraken(["BTC/USD"], [quote.event()])
    assert reader.deselected == {"ETH/EUR"}


def coinbase_ticker(**changes: Any) -> dict[str, Any]:
    row = {
        "type": "ticker",
        "sequence": 7,
        "product_id": "BTC-USD",
        "price": "91250.25",
        "open_24h": "91000.25",
        "volume_24h": "1234.5",
        "low_24h": "90500",
        "high_24h": "91900.75",
        "best_bid": "91250.24",
        "best_ask": "91250.26",
        "time": "2026-11-18T12:26:40.250001Z",
    }
    return {**row, **changes}


def coinbase() -> Coinbase:
    reader = Coinbase(("BTC-USD", "NOPE-USD"))
    reader.begin()
    return reader


def test_a_ticker_of_coinbase_is_a_quote_though_its_numbers_are_texts() -> None:
    market, quote = read(coinbase(), coinbase_ticker())
    assert market == MarketState("COINBASE", "open", None, "Coinbase", NOW)
    assert (quote.symbol, quote.currency, quote.market) == (
        "BTC-USD",
        "USD",
        "COINBASE",
    )
    assert (quote.price, quote.change, quote.change_percent) == (91250.25, 250, 0.27)
    assert (quote.high, quote.low, quote.volume) == (91900.75, 90500, 1234.5)
    assert quote.at == 1795004800250


def test_coinbase_is_asked_for_each_product_alone_and_not_again_for_a_refused_one() -> (
    None
):
    reader = coinbase()
    requests = [json.loads(each) for each in reader.begin()]
    assert [it["product_ids"] for it in requests] == [["BTC-USD"], ["NOPE-USD"]]
    reason = "NOPE-USD is not a valid product"
    read(reader, {"type": "error", "message": "Failed to subscribe", "reason": reason})
    assert reader.refused == {"NOPE-USD"}
    assert len(reader.begin()) == 1
    reason = "WBTC-USD is not a valid product"
    read(reader, {"type": "error", "message": "Failed to subscribe", "reason": reason})
    assert reader.refused == {"NOPE-USD"}


FIELDS = "channel data symbol last change method result type product_id price time"
NAMES = [*FIELDS.split(), "timestamp", "reason", "system", "volume", "bid"]
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(
        ["1e-8", "-0", "1e999", "BTC/USD", "BTC-USD", "online", "ticker"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(frames=st.lists(odd, max_size=6), cut=st.integers(0, 40))
def test_no_frame_however_broken_raises(frames: list[Any], cut: int) -> None:
    for reader in (kraken(), coinbase()):
        good = ticker() if isinstance(reader, Kraken) else coinbase_ticker()
        for frame in frames:
            read(reader, frame)
            read(reader, {**good, **(frame if isinstance(frame, dict) else {})})
            read(reader, {**ticker(), "data": [frame, ticker()["data"][0]]})
            reader.read(json.dumps(good)[:cut], NOW)
            reader.read(b"\xff" + json.dumps(good).encode(), NOW)


@given(
    order=st.permutations(range(8)),
    lost=st.sets(st.integers(0, 7), max_size=6),
    repeated=st.integers(0, 7),
)
def test_whatever_is_lost_or_comes_again_the_board_agrees_with_the_last_snapshot(
    order: list[int], lost: set[int], repeated: int
) -> None:
    reader = kraken()
    shown = {}
    frames = [ticker(last=90_000 + number, high=99_999, low=80_000) for number in order]
    kept = [frame for number, frame in enumerate(frames) if number not in lost]
    last = ticker(last=95_000.5, high=99_999, low=80_000, timestamp="2026-11-19T00:00Z")
    for frame in [*kept, frames[repeated], last, last]:
        for quote in read(reader, frame):
            shown[quote.symbol] = quote
    assert (shown["BTC/USD"].price, shown["BTC/USD"].late) == (95_000.5, None)


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("1.5", 1.5),
        (2, 2.0),
        ("1e-8", 1e-8),
        ("-3", -3.0),
        ("", None),
        ("x", None),
        (None, None),
        (True, None),
        ("nan", None),
        (float("inf"), None),
        (1e16, None),
        ("9" * 400, None),
        (10**400, None),
        ([1], None),
    ],
)
def test_a_number_may_be_a_text_and_anything_else_is_missing(
    value: object, read_as: float | None
) -> None:
    assert number(value) == read_as


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("2026-11-18T12:26:40.250000Z", 1795004800250),
        ("2026-11-18T12:26:40.250999Z", 1795004800250),
        ("2026-11-18T12:26Z", 1795004760000),
        ("2026-11-18T12:26:40", 1795004800000),
        ("2026-11-18T13:26:40+01:00", 1795004800000),
        ("2026-11-18T13:26:40+0100", 1795004800000),
        ("1969-01-01T00:00:00Z", None),
        ("0000-00-00T00:00:00Z", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("today", None),
        (1795004800, None),
    ],
)
def test_an_instant_is_read_to_the_millisecond(
    value: object, read_as: int | None
) -> None:
    assert instant(value) == read_as


def test_a_text_is_one_line_and_a_whole_number_has_bounds() -> None:
    assert text(" a\x1b[31m\nb\u2028c ") == "a [31m b c"
    assert (text("\n"), text(7)) == (None, None)
    assert len(text("x" * 999) or "") == 200
    assert [whole(value, 0, 9) for value in ("7", 7.0, 7.5, 10, -1, None)] == [
        *(7, 7, None, None, None, None)
    ]
