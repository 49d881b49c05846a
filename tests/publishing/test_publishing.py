"""Publishing: all or none, completed and in order, once, and at once."""

import hmac
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import create_app
from feed.clock import now_ms
from feed.events.event import MAX_DEPTH, MAX_TYPES, EventId
from feed.events.shapes import MAX_AMOUNT, Status
from feed.feed import Feed
from feed.publishing.batch import MAX_EVENTS, Batch, Full, NotJson, Refused
from feed.publishing.decimals import needed_decimals
from feed.publishing.idempotency import (
    HASHED,
    REMEMBERED,
    Idempotency,
    KeyReused,
    identify,
)
from feed.settings import Settings
from feed.streams import written
from tests.helpers.client_state import id_of, of_the_log
from tests.helpers.harness import LOOPBACK, Board, Stream, until
from web import access

NOW = now_ms()
BEARER = {"Authorization": "Bearer secret"}
Fields = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def published() -> Iterator[Board]:
    """Yield an empty board that takes two tokens."""
    with Board(FEED="published", PUBLISH_TOKEN="secret,older", HEARTBEAT="1") as board:
        yield board


def feed(**changed: Any) -> Feed:
    return Feed(Settings(**{"feed": "published", **changed}), "1")


def send(
    it: Feed, *lines: object, max_keys: int = 5000, max_bytes: int = 1 << 20
) -> list[EventId]:
    """Publish NDJSON of these values; Refused if that is impossible."""
    batch = Batch(it.log, max_keys, NOW, max_bytes)
    batch.add_lines(b"\n".join(json.dumps(line).encode() for line in lines))
    return it.publish(batch.events)


def put(it: Feed, symbol: str, given: object) -> Fields:
    """Publish a price; return the quote that is then in the log."""
    batch = Batch(it.log, 5000, NOW)
    batch.add_key("price", symbol, json.dumps(given).encode())
    it.publish(batch.events)
    return newest(it, "price", symbol)


def newest(it: Feed, type: str, key: str) -> Fields:
    event = it.log.newest((type, key))
    assert event is not None
    fields: Fields = json.loads(event.data)
    return fields


def ask(
    board: Board, method: str, path: str, body: object = None, **more: str
) -> Answer:
    """Return status, headers and JSON of a request with the token; bytes go as is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = BEARER | {name.replace("_", "-"): value for name, value in more.items()}
    status, received, answer = board.request(method, path, headers, raw)
    return status, received, json.loads(answer)


# --- All or none, in order


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=200
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(["note", "a.b-c_9", "x" * 64])
prices = st.floats(-MAX_AMOUNT, MAX_AMOUNT)
fine = st.one_of(
    st.builds(
        lambda key, price: {"event": "price", "key": key, "data": {"price": price}},
        texts,
        prices,
    ),
    st.builds(lambda name, data: {"event": name, "data": data}, names, json_values),
    st.builds(
        lambda name, key, data: {"event": name, "key": key, "data": data},
        names,
        texts,
        json_values,
    ),
    st.builds(
        lambda key, title: {"event": "notice", "data": {"notice": key, "title": title}},
        texts,
        texts,
    ),
)
wrong = st.sampled_from(
    [
        5,
        [],
        {},
        {"event": "x"},
        {"event": "X", "data": 1},
        {"event": "hello", "data": 1},
        {"event": "error", "data": 1},
        {"event": "message", "data": 1},
        {"event": "other", "data": {"event": "x", "key": None, "data": 1}},
        {"event": "price", "data": {"price": 1}},
        {"event": "price", "key": "A", "data": {"price": "1"}},
        {"event": "price", "key": "A", "data": {"price": 1, "symbol": "B"}},
        {"event": "notice", "key": "a\nb", "data": {"title": "t"}},
        {"event": "notice", "key": "n", "data": {"title": "a\nb"}},
        {"event": "gone", "data": {"event": "price", "key": "nobody has this"}},
        {"event": "score", "key": "m", "data": {}},
        {"event": "x", "key": "k" * 201, "data": 1},
        {"event": "x", "data": 1, "more": 1},
    ]
)


@given(st.lists(fine, min_size=1, max_size=8), wrong, st.integers(0, 8))
def test_all_of_a_batch_is_published_or_nothing_of_it(
    lines: list[Fields], bad: object, at: int
) -> None:
    it = feed()
    send(it, {"event": "note", "key": "before", "data": 0})
    tail, state = it.log.tail, it.log.state()
    at = min(at, len(lines))
    with pytest.raises(Refused) as refusal:
        send(it, *lines[:at], bad, *lines[at:])
    assert refusal.value.place.startswith(f"$[{at}]")
    assert (it.log.tail, it.log.state()) == (tail, state)
    ids = send(it, *lines)
    read = it.log.read(tail).events
    assert [event.id for event in read] == ids
    assert [event.type for event in read] == [line["event"] for line in lines]


@given(st.lists(st.lists(fine, min_size=1, max_size=4), min_size=1, max_size=5))
def test_the_ids_increase_and_those_of_a_batch_follow_each_other(
    batches: list[list[Fields]],
) -> None:
    it = feed()
    newest = it.log.tail
    for lines in batches:
        ids = send(it, *lines)
        assert ids[0] > newest
        assert ids == [EventId(ids[0].ms, ids[0].seq + i) for i in range(len(lines))]
        newest = ids[-1]
        assert it.log.tail == newest


@given(texts, json_values)
def test_an_event_of_ones_own_is_carried_as_it_is(key: str, data: object) -> None:
    it = feed()
    send(it, {"event": "own", "key": key, "data": data})
    (event,) = it.log.state()
    assert json.loads(event.data) == data
    assert event.slot == ("own", key)


def test_a_body_of_several_lines_may_end_and_pause_in_empty_ones() -> None:
    it = feed()
    batch = Batch(it.log, 10, NOW)
    batch.add_lines(
        b'\n\r\n{"event":"x",\r"data":[1,\t2]}\r\n\n{"event":"y","data":3}\n'
    )
    assert [event.data for event in batch.events] == [b"[1,\t2]", b"3"]


@pytest.mark.parametrize("count", [MAX_EVENTS, MAX_EVENTS + 1])
def test_a_thousand_events_go_at_once_and_not_one_more(count: int) -> None:
    it = feed()
    lines = [{"event": "x", "data": number} for number in range(count)]
    if count == MAX_EVENTS:
        assert len(send(it, *lines)) == count
        return
    with pytest.raises(Refused, match="send less") as refusal:
        send(it, *lines)
    assert refusal.value.place == f"$[{MAX_EVENTS}]"


def test_an_event_is_understood_after_those_before_it_in_its_batch() -> None:
    it = feed()
    send(
        it,
        {"event": "price", "key": "A", "data": {"price": 5, "name": "Anvil"}},
        {"event": "price", "key": "A", "data": {"price": 7}},
        {"event": "gone", "data": {"event": "price", "key": "A"}},
        {"event": "price", "key": "A", "data": {"price": 3}},
    )
    quote = newest(it, "price", "A")
    assert (quote["name"], quote["high"], quote["low"]) == (None, 3, 3)
    with pytest.raises(Refused, match="there is no price of the key 'A'"):
        send(it, *[{"event": "gone", "data": {"event": "price", "key": "A"}}] * 2)
    assert newest(it, "price", "A")["price"] == 3


# --- A price is completed


optional = st.fixed_dictionaries(
    {"price": prices},
    optional={
        "name": st.none() | texts,
        "currency": st.none() | texts,
        "market": st.none() | texts,
        "sector": st.none() | texts,
        "decimals": st.integers(0, 20),
        "previous_close": st.none() | prices,
        "open": st.none() | prices,
        "bid": st.none() | prices,
        "ask": st.none() | prices,
        "volume": st.none() | st.floats(0, 1e18),
    },
)


@given(st.lists(optional, min_size=1, max_size=5))
def test_what_a_price_leaves_out_is_as_in_its_last_quote(given: list[Fields]) -> None:
    it, expected = feed(), Fields(symbol="A", at=NOW)
    quote: Fields = {}
    for fields in given:
        quote = put(it, "A", fields)
        grown = max(expected.get("decimals", 2), needed_decimals(fields["price"]))
        if expected.get("decimals", 20) < needed_decimals(expected.get("price", 0)):
            grown = expected["decimals"]
        expected |= {"decimals": grown} | fields
        assert {name: quote[name] for name in expected} == expected
    assert quote["high"] == max(fields["price"] for fields in given)
    assert quote["low"] == min(fields["price"] for fields in given)
    unknown = {"name", "currency", "market", "sector", "open", "bid", "ask", "volume"}
    assert all(quote[name] is None for name in unknown - expected.keys())


@given(prices, prices, st.integers(0, 8))
def test_the_change_is_worked_out_to_the_decimals(
    price: float, close: float, decimals: int
) -> None:
    quote = put(
        feed(), "A", {"price": price, "previous_close": close, "decimals": decimals}
    )
    if abs(price - close) > MAX_AMOUNT:
        assert quote["change"] is None
        return
    assert quote["change"] == round(price - close, decimals)
    assert str(quote["change"]) != "-0.0"
    if close and quote["change_percent"] is not None:
        percent = (price - close) / abs(close) * 100
        assert quote["change_percent"] == pytest.approx(percent, rel=1e-9, abs=0.006)


def test_a_change_is_unknown_where_the_last_close_is() -> None:
    quote = put(feed(), "A", 5)
    assert (quote["change"], quote["change_percent"]) == (None, None)
    quote = put(feed(), "A", {"price": 5, "previous_close": 0})
    assert (quote["change"], quote["change_percent"]) == (5, None)


def test_a_price_from_the_future_is_refused_and_one_of_a_fast_clock_is_not() -> None:
    it = feed()
    assert put(it, "A", {"price": 5, "at": NOW + 30_000})["at"] == NOW + 30_000
    with pytest.raises(Refused, match=r"^\$\.at: "):
        put(it, "A", {"price": 5, "at": now_ms() + 120_000})


def test_given_highs_and_lows_take_in_the_price() -> None:
    it = feed()
    quote = put(it, "A", {"price": 5, "high": 4, "low": 3})
    assert (quote["high"], quote["low"]) == (5, 3)
    quote = put(it, "A", {"price": 1})
    assert (quote["high"], quote["low"]) == (5, 1)
    quote = put(it, "A", {"price": 2, "high": 3, "low": 2})
    assert (quote["high"], quote["low"]) == (3, 2)


@pytest.mark.parametrize(
    "written, decimals",
    [
        ("101.24", 2),
        ("101", 2),
        ("1.5", 2),
        ("1.2345", 4),
        ("0.00001", 5),
        ("0.00000123", 8),
        ("9.8e-9", 10),
        ("1e-7", 7),
        ("1e-12", 12),
        ("-1.08345", 5),
        ("1e15", 2),
        ("999999999999999.9", 2),
        # An eighth of a 32nd, as bonds are quoted.
        ("99.00390625", 8),
        # Noise of sums, of products, of thirds, and of 32-bit floats.
        ("0.30000000000000004", 2),
        ("9.99999999999998", 2),
        ("3.3000000000000003", 2),
        ("33.333333333333336", 8),
        ("101.2300033569336", 2),
        ("0.30000001192092896", 2),
        ("123456.7890625", 2),
    ],
)
def test_the_decimals_are_at_first_those_of_the_price(
    written: str, decimals: int
) -> None:
    it = feed()
    batch = Batch(it.log, 1, NOW)
    batch.add_key("price", "A", written.encode())
    it.publish(batch.events)
    assert newest(it, "price", "A")["decimals"] == decimals


def test_decimals_grow_with_the_prices_and_never_shrink() -> None:
    it = feed()
    grown = [put(it, "A", price)["decimals"] for price in (1.1, 1.08345, 1.2, 1e-7)]
    assert grown == [2, 5, 5, 7]
    quote = put(it, "B", 1.1)
    quote = put(it, "B", {"price": 1.08345, "previous_close": 1.0834})
    assert (quote["decimals"], quote["change"]) == (5, 0.00005)


def test_decimals_that_a_publisher_gave_stay_where_a_price_has_more() -> None:
    it = feed()
    assert put(it, "A", {"price": 1.08345, "decimals": 2})["decimals"] == 2
    assert put(it, "A", 1.083456)["decimals"] == 2
    assert put(it, "A", {"price": 1.1, "decimals": 0})["decimals"] == 0
    assert put(it, "A", {"price": 1.1, "decimals": 4})["decimals"] == 4
    assert put(it, "A", 1.12345)["decimals"] == 5


@given(
    st.floats(1e-12, MAX_AMOUNT).map(lambda price: float(f"{price:.8g}")),
    st.sampled_from([1, -1]),
)
def test_a_price_can_be_read_whatever_its_size(size: float, sign: int) -> None:
    quote = put(feed(), "A", size * sign)
    text = written.price(quote["price"], quote["decimals"])
    read = float(text.replace(",", "").replace(written.MINUS, "-"))
    assert read == pytest.approx(size * sign, rel=1e-7, abs=1e-20)
    assert read != 0


@pytest.mark.parametrize("zero", [b"-0.0", b"-0", b"-0e0", b"0"])
def test_no_value_of_a_quote_is_a_negative_zero(zero: bytes) -> None:
    it = feed()
    names = ("price", "previous_close", "open", "high", "low", "bid", "ask", "volume")
    batch = Batch(it.log, 5, NOW)
    zeros = b",".join(b'"%b":%b' % (name.encode(), zero) for name in names)
    batch.add_key("price", "A", b"{%b}" % zeros)
    batch.add_key(
        "price", "A", b'{"price":%b,"previous_close":0.001,"decimals":2}' % zero
    )
    it.publish(batch.events)
    assert all(b"-0" not in event.data for event in it.log.read(None).events)
    assert {
        newest(it, "price", "A")[name] for name in names if "close" not in name
    } == {0}
    assert b"-0" not in b"".join(event.data for event in batch.events)


# --- A trade that arrives late


def test_a_late_price_does_not_replace_the_newest_one() -> None:
    it = feed()
    first = put(it, "A", {"price": 5, "at": NOW - 60_000, "volume": 100, "name": "A"})
    assert first["late"] is None
    late = {"price": 9.125, "at": NOW - 90_000, "name": "Old", "volume": 130, "bid": 4}
    quote = put(it, "A", late)
    assert quote == first | {
        **{"high": 9.125, "decimals": 3, "volume": 130},
        "late": {"price": 9.125, "at": NOW - 90_000},
    }
    quote = put(it, "A", {"price": 6, "at": NOW - 60_000})
    assert (quote["price"], quote["late"], quote["name"]) == (6, None, "A")
    lower = put(it, "A", {"price": 5, "at": NOW - 60_001, "volume": 90})
    assert (lower["price"], lower["volume"], lower["low"]) == (6, 130, 5)
    candles = it.history.candles("A", 5, 10)
    assert candles is not None
    assert [candle[1:5] for candle in candles] == [
        (9.125, 9.125, 9.125, 9.125),
        (5, 6, 5, 6),
    ]


@given(st.lists(st.tuples(st.integers(0, 60), prices), min_size=1, max_size=20))
def test_trades_may_arrive_in_any_order(trades: list[tuple[int, float]]) -> None:
    """The newest one is shown, and each one counts for the candle of its own time."""
    it, candles = feed(), dict[int, list[float]]()
    newest_at, newest_price = 0, 0.0
    for ago, price in trades:
        at = NOW - ago * 1000
        quote = put(it, "A", {"price": price, "at": at})
        if at >= newest_at:
            newest_at, newest_price = at, price
        candles.setdefault(at // 5000 * 5000, []).append(price)
        assert (quote["price"], quote["at"]) == (newest_price, newest_at)
    paid = [price for _, price in trades]
    assert (quote["high"], quote["low"]) == (max(paid), min(paid))
    found = it.history.candles("A", 5, 100) or []
    assert [(at, high, low) for at, _, high, low, *_ in found] == [
        (at, max(paid), min(paid)) for at, paid in sorted(candles.items())
    ]


def test_a_price_without_an_instant_is_never_late() -> None:
    it = feed()
    put(it, "A", {"price": 5, "at": NOW + 30_000})
    quote = put(it, "A", 6)
    assert (quote["price"], quote["at"], quote["late"]) == (6, NOW + 30_000, None)


def test_the_clock_of_the_board_may_be_set_back_by_an_hour() -> None:
    it = feed()
    ahead = Batch(it.log, 5, NOW + 3_600_000)
    ahead.add_key("price", "A", b"5")
    it.publish(ahead.events)
    quote = put(it, "A", 6)
    assert (quote["price"], quote["at"], quote["late"]) == (6, NOW, None)
    quote = put(it, "A", 7)
    assert (quote["price"], quote["at"], quote["late"]) == (7, NOW, None)


def test_a_late_trade_is_older_than_its_quote() -> None:
    it = feed()
    late = {"price": 9, "at": NOW - 1000}
    quote = put(it, "A", {"price": 5, "late": late})
    assert (quote["price"], quote["high"], quote["late"]) == (5, 9, late)
    with pytest.raises(Refused, match=r"^\$\.late\.at: .*older"):
        put(it, "A", {"price": 5, "late": late | {"at": NOW + 1000}})


# --- Instants are in milliseconds


LEAST_SCORE: Fields = {"home": {"name": "A"}, "away": {"name": "B"}, "status": "NS"}
INSTANTS: list[tuple[str, Fields]] = [
    ("price", {"price": 1, "at": ...}),
    ("price", {"price": 1, "late": {"price": 1, "at": ...}}),
    ("score", LEAST_SCORE | {"kick_off": ...}),
    ("score", LEAST_SCORE | {"period_started": ...}),
    ("score", LEAST_SCORE | {"at": ...}),
    (
        "score",
        LEAST_SCORE | {"incidents": [{"incident": "1", "kind": "goal", "at": ...}]},
    ),
    ("incident", {"match": "m", "incident": "1", "kind": "goal", "at": ...}),
    ("market", {"status": "open", "until": ...}),
    ("market", {"status": "open", "at": ...}),
    ("notice", {"title": "t", "until": ...}),
    ("notice", {"title": "t", "at": ...}),
]


@pytest.mark.parametrize(("type", "data"), INSTANTS)
@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.001, "looks like seconds; an instant is in epoch milliseconds: "),
        (1000, "looks like microseconds; an instant is in epoch milliseconds: "),
        (1_000_000, "looks like nanoseconds; an instant is in epoch milliseconds: "),
        (0, "an instant is in epoch milliseconds, from 100000000000 to"),
        (1e-9, "an instant is in epoch milliseconds, from 100000000000 to"),
    ],
)
def test_an_instant_of_another_unit_is_refused_with_what_was_meant(
    type: str, data: Fields, factor: float, words: str
) -> None:
    it, soon = feed(), NOW // 1000 * 1000 + 30_000
    if words.endswith(": "):
        words += str(soon)
    with pytest.raises(Refused, match=re.escape(words)) as refusal:
        send(it, line_of(type, filled_in(data, round(soon * factor))))
    assert refusal.value.place.endswith(("at", "until", "kick_off", "period_started"))
    if "late" not in data:
        assert send(it, line_of(type, filled_in(data, soon)))


@pytest.mark.parametrize("given", [NOW / 1000, time.time()], ids=["ms", "finer"])
def test_seconds_with_a_fraction_are_known_for_what_they_are(given: float) -> None:
    with pytest.raises(Refused, match=f"looks like seconds.*: {round(given * 1000)}"):
        put(feed(), "A", {"price": 1, "at": given})


def line_of(type: str, data: Fields) -> Fields:
    """Return an event of a type, with a key if the type has them."""
    key = {} if type == "incident" else {"key": "k"}
    return {"event": type, "data": data} | key


def filled_in(data: Any, instant: int) -> Any:
    """Return data with an instant in place of `...`."""
    if isinstance(data, dict):
        return {name: filled_in(value, instant) for name, value in data.items()}
    if isinstance(data, list):
        return [filled_in(value, instant) for value in data]
    return instant if data is ... else data


def test_a_notice_that_is_over_already_is_refused_and_a_market_is_not() -> None:
    it = feed()
    with pytest.raises(Refused, match="it was over 60 s ago") as refusal:
        send(it, line_of("notice", {"title": "t", "until": NOW - 60_000}))
    assert refusal.value.place == "$[0].data.until"
    assert send(it, line_of("market", {"status": "open", "until": NOW - 60_000}))


# --- A refusal lists what is valid


@pytest.mark.parametrize(
    ("type", "data", "words"),
    [
        ("score", {"status": "WON"}, "'WON'; it can be TBD, NS, PST, 1H, HT, 2H, BT, "),
        ("score", {"status": 5}, "it can be TBD, NS, PST"),
        ("score", {"incidents": [{"incident": "1", "kind": "riot"}]}, "kick_off, goal"),
        ("incident", {"team": "third"}, "'third'; it can be home, away"),
        ("market", {"status": "ajar"}, "'ajar'; it can be open, halted, closed"),
        ("notice", {"level": "panic"}, "it can be info, success, warning, critical"),
        ("price", {"prize": 1}, "`prize`; there are symbol, name, currency, market"),
        ("score", {"home": {"name": "A", "goals": 1}}, "there are name, code, score"),
        ("score", {"incidents": [{"own": 1}]}, "there are match, incident, kind"),
    ],
)
def test_a_refusal_lists_the_values_and_the_fields_that_there_are(
    type: str, data: Fields, words: str
) -> None:
    least: dict[str, Fields] = {
        "price": {"price": 1},
        "score": LEAST_SCORE,
        "incident": {"match": "m", "incident": "1", "kind": "goal"},
        "market": {"status": "open"},
        "notice": {"title": "t"},
    }
    with pytest.raises(Refused, match=re.escape(words)):
        send(feed(), line_of(type, least[type] | data))


def test_a_refusal_lists_the_members_of_an_event() -> None:
    with pytest.raises(Refused, match="there are event, data, key"):
        send(feed(), {"event": "x", "data": 1, "topic": 1})


def test_a_match_may_have_every_status_of_a_match() -> None:
    it = feed()
    for status in get_args(Status):
        teams = {"home": {"name": "A", "shoot_out": 4}, "away": {"name": "B"}}
        send(it, line_of("score", {**teams, "status": status}))
        assert newest(it, "score", "k")["status"] == status
    home = newest(it, "score", "k")["home"]
    assert (home["shoot_out"], home["aggregate"]) == (4, None)


# --- Keys, and how many


@pytest.mark.parametrize(
    "envelope, data, place",
    [
        ({"key": "A"}, {"symbol": "A"}, None),
        ({}, {"symbol": "A"}, None),
        ({"key": "A"}, {}, None),
        ({"key": None}, {"symbol": "A"}, None),
        ({"key": "A"}, {"symbol": "B"}, "$[0].key"),
        ({"key": "A"}, {"symbol": None}, "$[0].key"),
        ({"key": "A\n"}, {"symbol": "A\n"}, "$[0].key"),
        ({"key": "A" * 201}, {}, "$[0].key"),
        ({}, {"symbol": "A\n"}, "$[0].data.symbol"),
        ({}, {"symbol": 5}, "$[0].data.symbol"),
        ({}, {}, "$[0].data"),
    ],
)
def test_a_key_stands_beside_the_data_or_in_it_or_both_alike(
    envelope: Fields, data: Fields, place: str | None
) -> None:
    it, line = feed(), {"event": "price", "data": {"price": 1, **data}} | envelope
    if place is None:
        send(it, line)
        assert newest(it, "price", "A")["symbol"] == "A"
        return
    with pytest.raises(Refused) as refusal:
        send(it, line)
    assert refusal.value.place == place


@pytest.mark.parametrize("type", ["incident", "gone"])
def test_a_type_without_keys_refuses_one(type: str) -> None:
    data = {"match": "m", "incident": "1", "kind": "goal"}
    retired = {"event": "price", "key": "A"}
    it = feed()
    put(it, "A", 1)
    with pytest.raises(Refused, match="have no key") as refusal:
        given = data if type == "incident" else retired
        send(it, {"event": type, "key": "A", "data": given})
    assert refusal.value.place == "$[0].key"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ABCDEF")), max_size=30))
def test_the_keys_are_never_more_than_max_keys(acts: list[tuple[bool, str]]) -> None:
    it, kept = feed(), set[str]()
    for retires, key in acts:
        line: Fields = {"event": "own", "key": key, "data": 1}
        if retires:
            line = {"event": "gone", "data": {"event": "own", "key": key}}
        possible = key in kept if retires else key in kept or len(kept) < 3
        if possible:
            send(it, line, max_keys=3)
            kept ^= {key} if retires or key not in kept else set()
        else:
            with pytest.raises(Refused) as refusal:
                send(it, line, max_keys=3)
            assert ("MAX_KEYS" in str(refusal.value)) is not retires
        assert it.log.statistics().keys == len(kept) <= 3


def test_a_batch_may_retire_to_make_room_but_not_the_other_way_round() -> None:
    it = feed()
    a, b = ({"event": "own", "key": key, "data": 1} for key in "ab")
    gone = {"event": "gone", "data": {"event": "own", "key": "a"}}
    send(it, a, max_keys=1)
    with pytest.raises(Refused) as refusal:
        send(it, b, gone, max_keys=1)
    assert refusal.value.place == "$[0].key"
    assert len(send(it, gone, b, max_keys=1)) == 2


def test_a_board_with_more_keys_than_it_may_still_takes_news_of_them() -> None:
    it = feed()
    send(it, *({"event": "own", "key": key, "data": 1} for key in "abc"))
    assert send(it, {"event": "own", "key": "a", "data": 2}, max_keys=1)
    with pytest.raises(Refused):
        send(it, {"event": "own", "key": "d", "data": 2}, max_keys=1)


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 60)), max_size=30),
)
def test_the_data_of_all_keys_never_has_more_than_max_keys_bytes(
    acts: list[tuple[str, int]],
) -> None:
    it, most = feed(), 100
    for key, size in acts:
        before = it.log.statistics().keys_bytes
        line: Fields = {"event": "own", "key": key, "data": "x" * size}
        try:
            send(it, line, max_bytes=most)
        except Full as refusal:
            assert "MAX_KEYS_BYTES" in str(refusal)
            assert refusal.place == "$[0].key"
            assert it.log.statistics().keys_bytes == before
        assert it.log.statistics().keys_bytes <= most


def test_a_full_board_takes_smaller_data_and_retirements() -> None:
    it = feed()
    large = {"event": "own", "key": "a", "data": "x" * 90}
    send(it, large, max_bytes=100)
    with pytest.raises(Full):
        send(it, {"event": "own", "key": "b", "data": "x" * 20}, max_bytes=100)
    assert send(it, {**large, "data": "x" * 80}, max_bytes=50)
    assert send(
        it, {"event": "gone", "data": {"event": "own", "key": "a"}}, max_bytes=0
    )


def test_types_of_ones_own_are_limited_and_the_boards_are_none_of_them() -> None:
    it = feed()
    put(it, "A", 1)
    send(it, *({"event": f"own{i}", "data": 1} for i in range(MAX_TYPES)))
    market = {"event": "market", "key": "M", "data": {"status": "open"}}
    with pytest.raises(Refused, match="reuse one") as refusal:
        send(it, market, {"event": "one.too.many", "data": 1})
    assert refusal.value.place == "$[1].event"
    send(it, {"event": "own7", "data": 1}, market)


@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_data_is_nested_no_deeper_than_readers_of_json_go(levels: int) -> None:
    batch = Batch(feed().log, 10, NOW)
    body = b'{"event":"x","data":%b}' % (b"[" * levels + b"]" * levels)
    if levels == MAX_DEPTH:
        batch.add_object(body)
        return
    with pytest.raises(Refused, match="nested more than 64"):
        batch.add_object(body)


def test_a_match_that_is_too_long_once_it_is_complete_is_refused() -> None:
    """Each of its incidents is given the match's key."""
    long = "😀" * 200
    incident = {"incident": long, "kind": "goal", "player": long}
    match = {"match": long, "status": "FT", "incidents": [incident] * 500}
    teams = {"home": {"name": "A"}, "away": {"name": "B"}}
    body = json.dumps({"event": "score", "data": match | teams}, ensure_ascii=False)
    assert len(body.encode()) < 1 << 20
    with pytest.raises(Refused, match="bytes, more than") as refusal:
        Batch(feed().log, 10, NOW).add_object(body.encode())
    assert refusal.value.place == "$.data"


# --- Words


@pytest.mark.parametrize(
    "body, words",
    [
        (b'{"event":"x","data":"\\ud83d"}', "half a surrogate pair"),
        (b'{"event":"x","data":"\\udc00"}', "surrogate pair"),
        (b'{"event":"x","data":"\xff"}', "can't decode byte 0xff"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"event":"x","data":1}\n{"event":"y","data":2}', "application/x-ndjson"),
        (b'{"event":"x",', "truncated"),
        (b"  ", "nothing is there"),
    ],
)
def test_what_is_no_json_is_told_why(body: bytes, words: str) -> None:
    with pytest.raises(NotJson, match=words):
        Batch(feed().log, 10, NOW).add_object(body)


def test_a_message_shows_little_of_what_was_sent() -> None:
    it, large = feed(), "y" * 100_000
    put(it, "A", 1)
    for line in (
        {"event": large, "data": 1},
        {"event": "x", "data": 1, large: 1},
        {"event": "price", "key": "A", "data": {"price": 1, large: 1}},
        {"event": "price", "key": "A", "data": {"symbol": large, "price": 1}},
        {"event": "gone", "data": {"event": large, "key": large}},
    ):
        with pytest.raises(Refused) as refusal:
            send(it, line)
        assert len(str(refusal.value)) < 500


def test_a_name_with_a_line_break_or_control_character_is_refused_by_its_place() -> (
    None
):
    breaks = ("a\nb", "a\n", "\r", "a\x85b", "a\u2028b", "\u2029")
    for bad in (*breaks, "\0", "\x7f", "a\x1b[31m", "a\x9b31m"):
        for name in ("name", "currency", "market", "sector"):
            with pytest.raises(Refused, match="no control characters") as refusal:
                put(feed(), "A", {"price": 1, name: bad})
            assert refusal.value.place == f"$.{name}"


# --- Retries


def test_a_retry_is_known_until_ten_thousand_others_came() -> None:
    it = feed()
    event = Batch(it.log, 10, NOW)
    event.add_object(b'{"event":"x","data":1}')
    first = it.publish(event.events, Idempotency("first", "f"))
    for number in range(REMEMBERED - 1):
        it.publish(event.events, Idempotency(str(number), "f"))
    assert it.recall(Idempotency("first", "f")) == first
    it.publish(event.events, Idempotency("the last", "f"))
    assert it.recall(Idempotency("first", "f")) is None
    assert it.recall(Idempotency("0", "f")) is not None


def test_a_key_that_comes_with_another_request_is_refused() -> None:
    it = feed()
    send(it, {"event": "x", "data": 1})
    batch = Batch(it.log, 10, NOW)
    batch.add_object(b'{"event":"x","data":1}')
    it.publish(batch.events, Idempotency("k", "one"))
    with pytest.raises(KeyReused):
        it.recall(Idempotency("k", "another"))


def test_a_retry_is_answered_the_same_and_publishes_nothing(published: Board) -> None:
    one = {"event": "once", "data": [1]}
    first = ask(published, "POST", "/api/publish", one, Idempotency_Key="retry-1")
    tail = state_id(published)
    again = ask(published, "POST", "/api/publish", one, Idempotency_Key="retry-1")
    assert (first[0], first[2]) == (again[0], again[2])
    assert first[0] == 201
    assert state_id(published) == tail
    status, _, answer = ask(
        published, "POST", "/api/publish", {**one, "data": 2}, Idempotency_Key="retry-1"
    )
    assert (status, answer["place"]) == (422, "Idempotency-Key")
    status, _, answer = ask(published, "PUT", "/api/prices/R", 1, Idempotency_Key="r2")
    assert status == 201
    status, _, answer = ask(published, "PUT", "/api/prices/S", 1, Idempotency_Key="r2")
    assert (status, answer["title"]) == (422, "Key reused")
    assert ask(published, "DELETE", "/api/prices/R", Idempotency_Key="r3")[0] == 200
    assert ask(published, "DELETE", "/api/prices/R", Idempotency_Key="r3")[0] == 200
    assert ask(published, "DELETE", "/api/prices/R", Idempotency_Key="r4")[0] == 404


def test_each_token_has_idempotency_keys_of_its_own(published: Board) -> None:
    one = {"event": "once", "data": [1]}
    path, key = "/api/publish", {"Idempotency_Key": "shared"}
    first = ask(published, "POST", path, one, **key)
    older = ask(published, "POST", path, one, Authorization="Bearer older", **key)
    assert (first[0], older[0]) == (201, 201)
    assert first[2]["ids"] != older[2]["ids"]
    stored = identify("k", "secret", b"").key
    assert (len(stored), identify("k", "", b"").key) == (HASHED, "k")
    assert stored not in (identify("k", "older", b"").key, "k")


def test_a_request_that_was_refused_keeps_no_key(published: Board) -> None:
    bad = ask(published, "PUT", "/api/prices/T", "x", Idempotency_Key="mended")
    good = ask(published, "PUT", "/api/prices/T", 5, Idempotency_Key="mended")
    assert (bad[0], good[0]) == (422, 201)


def test_retries_at_the_same_time_publish_once(published: Board) -> None:
    lines = b"\n".join(b'{"event":"burst","data":%d}' % i for i in range(200))
    before = state_id(published)

    def retry(_: int) -> Answer:
        once = ndjson() | {"Idempotency_Key": "at-once"}
        return ask(published, "POST", "/api/publish", lines, **once)

    with ThreadPoolExecutor(12) as pool:
        answers = [*pool.map(retry, range(24))]
    assert {status for status, *_ in answers} == {201}
    assert len({tuple(answer["ids"]) for *_, answer in answers}) == 1
    with published.stream(f"/stream?once=1&events=burst&after={before}") as stream:
        assert len(of_the_log(stream.read_all())) == 200


def test_retries_in_real_threads_publish_once() -> None:
    """Threads may switch between check and publication, unlike gevent's greenlets."""
    app = create_app(Settings(feed="published", publish_tokens=("secret",)))
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def retry(number: int) -> object:
        key = {"Idempotency-Key": f"k{number // 8}"}
        body = b'{"event":"x","data":1}'
        answer = app.test_client().post("/api/publish", data=body, headers=BEARER | key)
        return answer.json["ids"] if answer.json else None

    try:
        with ThreadPoolExecutor(8) as pool:
            replies = [*pool.map(retry, range(320))]
    finally:
        sys.setswitchinterval(switch)
        app.extensions["feed"].streams.drain()
    assert len({str(ids) for ids in replies}) == 40
    assert app.extensions["feed"].log.statistics().appended["x"] == 40


# --- The answer has the ids that subscribers get


@settings(max_examples=15)
@given(batch=st.lists(fine, min_size=1, max_size=5))
def test_what_is_answered_is_what_a_subscriber_gets(
    published: Board, batch: list[Fields]
) -> None:
    with published.stream("/stream.ndjson") as stream:
        tail = state_id(published)
        body = b"\n".join(json.dumps(line).encode() for line in batch)
        status, _, answer = ask(published, "POST", "/api/publish", body, **ndjson())
        assert (status, answer["published"]) == (201, len(batch))
        wanted = answer["ids"][-1].encode()
        until(lambda: stream.read_for(0.05) or wanted in whole(stream), why="the last")
    lines = [json.loads(line) for line in whole(stream).splitlines()]
    news = [line for line in lines if line["id"] and id_of(line["id"]) > id_of(tail)]
    news = [line for line in news if line["event"] != "heartbeat"]
    assert [line["id"] for line in news] == answer["ids"]
    assert [line["event"] for line in news] == [line["event"] for line in batch]
    for line, sent in zip(news, batch, strict=True):
        if isinstance(sent["data"], dict) and sent["event"] in ("price", "notice"):
            assert sent["data"].items() <= line["data"].items()
        else:
            assert line["data"] == sent["data"]
            assert line.get("key") == sent.get("key")


def test_two_publishers_at_once_each_keep_their_order(published: Board) -> None:
    def publish(who: str) -> list[list[str]]:
        ids = []
        for turn in range(25):
            lines = (
                b'{"event":"two.%b","data":%d}' % (who.encode(), turn * 4 + part)
                for part in range(4)
            )
            events = ask(
                published, "POST", "/api/publish", b"\n".join(lines), **ndjson()
            )
            ids.append(events[2]["ids"])
        return ids

    with published.stream("/stream?events=two.a,two.b") as stream:
        stream.events(1)
        with ThreadPoolExecutor(2) as pool:
            answered = dict(zip("ab", pool.map(publish, "ab"), strict=True))
        read = stream.read_until(at_the_end(200))
    events = of_the_log(read)
    assert [id_of(event.id) for event in events] == sorted(id_of(e.id) for e in events)
    for who, batches in answered.items():
        mine = [event for event in events if event.event == f"two.{who}"]
        assert [event.data for event in mine] == [str(i) for i in range(100)]
        assert [event.id for event in mine] == [id for ids in batches for id in ids]
        for ids in batches:
            first, *rest = map(id_of, ids)
            assert rest == [(first[0], first[1] + i + 1) for i in range(3)]


def test_from_receipt_to_a_subscriber_nothing_waits_for_a_timer() -> None:
    """The board's loops don't turn by themselves: see `timeless_app.py`."""
    with (
        Board("tests.publishing.timeless_app:app", HEARTBEAT="3600") as board,
        board.stream() as stream,
        board.stream("/stream", gzip()) as zipped,
    ):
        for opened in (stream, zipped):
            opened.events(1)
        for price in range(1, 21):
            assert ask(board, "PUT", "/api/prices/ACME", price)[0] == 201
            for opened in (stream, zipped):
                (event,) = opened.events(1, 20)
                assert json.loads(event.data)["price"] == price


# --- Retirement


def test_a_key_is_retired_by_delete_and_then_there_is_none(published: Board) -> None:
    paths = {
        "/api/prices/gone-1": 5,
        "/api/scores/gone-2": {
            "home": {"name": "A"},
            "away": {"name": "B"},
            "status": "NS",
        },
    }
    for path, body in paths.items():
        assert ask(published, "PUT", path, body)[0] == 201
        status, _, answer = ask(published, "DELETE", path)
        assert (status, answer["published"]) == (200, 1)
        status, headers, answer = ask(published, "DELETE", path)
        assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert "there is no score of the key 'gone-2'" in answer["detail"]
    one = {"event": "own", "key": "a/b//c", "data": 1}
    assert ask(published, "POST", "/api/publish", one)[0] == 201
    assert ask(published, "DELETE", "/api/keys/own/a/b/c")[0] == 404
    assert ask(published, "DELETE", "/api/keys/own/a/b//c")[0] == 200


def test_a_notice_leaves_at_its_time(published: Board) -> None:
    ends = now_ms() + 400
    data = {"title": "Soon", "until": ends}
    body = {"event": "notice", "key": "leaves", "data": data}
    with published.stream("/stream?events=notice") as stream:
        stream.events(1)
        assert ask(published, "POST", "/api/publish", body)[0] == 201
        read = stream.read_until(lambda event: event.event == "gone")
    read = [event for event in of_the_log(read) if '"leaves"' in event.data]
    assert [event.event for event in read] == ["notice", "gone"]
    assert json.loads(read[1].data)["at"] >= ends
    assert id_of(read[1].id)[0] >= ends
    assert ask(published, "DELETE", "/api/keys/notice/leaves")[0] == 404


def test_a_notice_is_never_retired_while_it_is_prolonged() -> None:
    """A publisher's check and publication are one step for the loop, and vice versa."""
    it = feed()
    soon = NOW + 1
    send(it, {"event": "notice", "key": "n", "data": {"title": "t", "until": soon}})
    looked = threading.Thread(target=it.step, args=(soon,))
    with it.publishing:
        looked.start()
        looked.join(0.3)  # it waits for its turn
        send(it, {"event": "notice", "key": "n", "data": {"title": "t"}})
    looked.join(10)
    assert "gone" not in it.log.statistics().appended


# --- Tokens


def test_without_a_token_publishing_is_off_and_says_what_to_set() -> None:
    client = create_app(Settings(feed="published")).test_client()
    answer = client.put("/api/prices/A", data="1", headers=BEARER)
    assert answer.status_code == 403
    assert answer.json and "set PUBLISH_TOKEN" in answer.json["detail"]
    client.application.extensions["feed"].streams.drain()


@pytest.mark.parametrize("token", ["secret", "older"])
@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER   {} "])
def test_two_tokens_are_valid_at_once(published: Board, token: str, form: str) -> None:
    headers = {"Authorization": form.format(token)}
    assert published.request("PUT", "/api/prices/A", headers, b"1")[0] == 201


@pytest.mark.parametrize(
    "given", ["secret", "older", "wrong", "secre", "secretx", "s\xe9cret"]
)
def test_every_token_is_compared_whole_whatever_is_given(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Each token is compared, so that the time of an answer reveals nothing."""
    compared: list[tuple[bytes, bytes]] = []

    def counting(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return hmac.compare_digest(a, b)

    tokens = ("secret", "older")
    app = create_app(Settings(feed="published", publish_tokens=tokens))
    fake = type("hmac", (), {"compare_digest": staticmethod(counting)})
    monkeypatch.setattr(access, "hmac", fake)
    headers = {"Authorization": f"Bearer {given}"}
    answer = app.test_client().put("/api/prices/A", data="1", headers=headers)
    assert answer.status_code == (201 if given in tokens else 401)
    assert [right for _, right in compared] == [b"secret", b"older"]
    app.extensions["feed"].streams.drain()


def test_no_log_line_holds_a_token() -> None:
    """Not even gunicorn's own log, with an access log and at the level debug."""
    token = "t0ken-that-nobody-may-see"
    with Board(
        FEED="published",
        PUBLISH_TOKEN=f"{token},second-{token}",
        GUNICORN_CMD_ARGS="--access-logfile - --log-level debug",
    ) as board:
        right = {"Authorization": f"Bearer {token}"}
        asked: list[tuple[str, dict[str, str], int]] = [
            ("/api/prices/A", right, 201),
            (f"/api/prices/A?token={token}", right, 400),
            (f"/api/prices/A?{token}", right, 400),
            (f"/api/prices/A?token={token}", {}, 401),
            ("/api/prices/A", {"Authorization": f"Basic {token}"}, 401),
            ("/api/prices/A", {"Authorization": f"Bearer {token}{token}"}, 401),
            ("/api/prices/A", right | {"Content-Encoding": "gzip"}, 415),
            ("/api/prices/A", right | {"Referer": f"http://x/?{token}"}, 201),
            ("/api/prices/A", right | {"Idempotency-Key": "\xff"}, 422),
        ]
        for path, headers, expected in asked:
            status, received, body = board.request("PUT", path, headers, b"1")
            assert status == expected, path
            assert token not in body.decode() + str(received)
        for malformed in (f"Authorization Bearer {token}", f"X: a\r\n {token}"):
            with socket.create_connection((LOOPBACK, board.port), 10) as client:
                client.sendall(f"GET / HTTP/1.1\r\n{malformed}\r\n\r\n".encode())
                assert b" 400 " in client.recv(1000)
        with socket.create_connection((LOOPBACK, board.port), 10) as client:
            client.sendall(f"GET /?{token} HTTP/one\r\n\r\n".encode())
            assert b" 400 " in client.recv(1000)
        until(lambda: board.log().count("Invalid request from") == 3)
        until(lambda: board.log().count("/api/prices/A") >= len(asked))
        assert token not in board.log()


# --- The forms of a refusal


@pytest.mark.parametrize(
    "method, path, headers, body, status, words",
    [
        ("PUT", "/api/prices/A", {"Authorization": ""}, b"1", 401, "Bearer"),
        ("PUT", "/api/prices/A", {}, b"1" * ((1 << 20) + 1), 413, ""),
        ("PUT", "/api/prices/A", {"Content-Encoding": "gzip"}, b"1", 415, "as it is"),
        ("PUT", "/api/prices/A", {}, b"", 400, "nothing is there"),
        ("PUT", "/api/prices/A?x=1", {}, b"1", 400, "only `ttl`"),
        ("PUT", "/api/prices/A", {}, b'"1"', 422, "expected an object"),
        ("PUT", "/api/prices/%FF", {}, b"1", 400, "UTF-8"),
        ("PUT", "/api/prices/A", {"Idempotency-Key": "a b"}, b"1", 422, "visible"),
        ("DELETE", "/api/keys/nothing/here", {}, None, 404, "/api/state lists"),
        ("GET", "/api/publish", {}, None, 405, ""),
        ("HEAD", "/api/publish", {}, None, 405, ""),
        ("PATCH", "/api/prices/A", {}, b"1", 405, ""),
        ("PUT", "/api/prices/", {}, b"1", 404, ""),
    ],
)
def test_a_refusal_is_a_problem_that_says_what_to_do(
    published: Board,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
    words: str,
) -> None:
    tail = state_id(published)
    got, received, answer = published.request(method, path, BEARER | headers, body)
    assert got == status
    assert received["content-type"] == "application/problem+json"
    assert ("www-authenticate" in received) is (status == 401)
    assert ("allow" in received) is (status == 405)
    if method != "HEAD":
        problem = json.loads(answer)
        assert problem["status"] == status
        assert problem["title"]
        assert words in problem["detail"]
        assert ("place" in problem) is (status == 422 or words == "nothing is there")
    assert state_id(published) == tail


def test_pages_of_allowed_origins_may_publish() -> None:
    """A browser asks first (Fetch standard, CORS-preflight fetch)."""
    with Board(
        FEED="published", PUBLISH_TOKEN="secret", ALLOWED_ORIGINS="https://a.example"
    ) as board:
        asked = {
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization,idempotency-key",
        }
        status, headers, _ = board.request("OPTIONS", "/api/prices/A", asked)
        assert status == 200
        assert headers["access-control-allow-origin"] == "https://a.example"
        allowed = headers["access-control-allow-headers"].lower()
        assert {"authorization", "idempotency-key"} <= {*allowed.split(", ")}
        assert "PUT" in headers["access-control-allow-methods"]
        other = asked | {"Origin": "https://b.example"}
        _, headers, _ = board.request("OPTIONS", "/api/prices/A", other)
        assert "access-control-allow-origin" not in headers
        sent = BEARER | {"Origin": "https://a.example"}
        status, headers, _ = board.request("PUT", "/api/prices/A", sent, b"1")
        assert (status, headers["access-control-allow-origin"]) == (
            201,
            asked["Origin"],
        )


def whole(stream: Stream) -> bytes:
    """Return the complete lines."""
    return stream.raw.rpartition(b"\n")[0]


def state_id(board: Board) -> str:
    return str(json.loads(board.get("/api/state")[2])["id"])


def ndjson() -> dict[str, str]:
    return {"Content_Type": "application/x-ndjson"}


def gzip() -> dict[str, str]:
    return {"Accept-Encoding": "gzip"}


def at_the_end(count: int) -> Callable[[Any], bool]:
    """Return a predicate that is true of the `count`th event of the log."""
    seen = iter(range(1, count + 1))

    def is_last(event: Any) -> bool:
        return bool(of_the_log([event])) and next(seen) == count

    return is_last
