"""Data that another version wrote: with fields more or fewer, and with new values."""

import json
import logging
from typing import Any

import msgspec
import pytest

from app import create_app
from feed.events import reading
from feed.events.catalogue import CATALOGUE, encode
from feed.events.event import Event, keyed, unkeyed
from feed.events.reading import read_shape
from feed.events.shapes import Quote
from feed.history import marks
from feed.log import Log
from feed.publishing.completion import complete, required_fields
from feed.settings import Settings
from feed.sources.source import Simulator
from feed.streams.ending import last_event
from feed.streams.wire import WIRES
from tests.helpers.samples import match, quote

NOW = 1_772_739_907_250
SAMPLES: dict[str, dict[str, Any]] = {
    "price": quote(volume=5),
    "score": match(),
    "incident": {
        **dict.fromkeys(CATALOGUE["incident"].shape.__struct_fields__),
        **{"match": "m", "incident": "1", "kind": "goal", "at": NOW},
    },
    "market": {
        **{"market": "MAIN", "status": "open", "until": NOW, "source": None},
        "at": NOW,
    },
    "source": {
        **{"source": "s", "status": "away", "since": NOW, "detail": None, "at": NOW}
    },
    "notice": {
        **{"notice": "n", "title": "t", "body": None, "level": "info"},
        **{"topic": None, "until": None, "at": NOW},
    },
}


def event(type: str, data: object) -> Event:
    encoded, key = msgspec.json.encode(data), CATALOGUE[type].key
    if key is None:
        return unkeyed(type, encoded, "m")
    return keyed(type, SAMPLES[type][key], encoded)


@pytest.mark.parametrize("type", CATALOGUE)
def test_a_field_more_changes_nothing_of_what_is_read(type: str) -> None:
    more = {"new": {"nested": [1]}, **SAMPLES[type], "newer": None}
    strict = msgspec.convert(SAMPLES[type], CATALOGUE[type].shape)
    read = read_shape(event(type, more))
    assert msgspec.to_builtins(read) == msgspec.to_builtins(strict)
    assert isinstance(read, CATALOGUE[type].shape)


@pytest.mark.parametrize(
    ("type", "name"),
    [(type, name) for type, fields in SAMPLES.items() for name in fields],
)
def test_a_field_less_is_null_or_its_default_unless_it_is_essential(
    type: str, name: str
) -> None:
    fewer = {**SAMPLES[type]}
    del fewer[name]
    read = read_shape(event(type, fewer))
    if name in required_fields(type):
        assert read is None
    else:
        default = CATALOGUE[type].defaults.get(name, 0 if name == "at" else None)
        assert getattr(read, name) == default
        assert msgspec.to_builtins(read) == {**SAMPLES[type], name: default}


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("score", "status"),
        ("incident", "kind"),
        ("market", "status"),
        ("source", "status"),
        ("notice", "level"),
    ],
)
def test_a_value_that_did_not_exist_yet_is_read_as_it_is(type: str, name: str) -> None:
    read = read_shape(event(type, {**SAMPLES[type], name: "brand new"}))
    assert getattr(read, name) == "brand new"


def test_what_is_within_a_score_is_read_leniently_too() -> None:
    home = {"name": "Acton", "new": 1}
    incident = {"incident": "1", "match": "m", "kind": "new", "at": 5, "new": 1}
    read = read_shape(event("score", match(home=home, incidents=[incident])))
    found = msgspec.to_builtins(read)
    assert found["home"] == {**dict.fromkeys(found["home"]), "name": "Acton"}
    assert found["incidents"][0]["player"] is None


def test_what_cannot_be_read_is_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_reported", set())
    unreadable: list[object] = [[], {}, {"symbol": "A", "price": "much"}]
    for data in unreadable:
        assert read_shape(event("price", data)) is None
        assert marks([event("price", data)]) == []
    assert read_shape(event("market", 5)) is None
    records = [each for each in caplog.records if each.levelno == logging.WARNING]
    price, market = (each.getMessage() for each in records)
    assert "of a price event" in price
    assert "of a market event" in market


def test_a_price_is_completed_from_one_that_another_version_wrote() -> None:
    before = {**quote(price=100, name="A", previous_close=90), "new": 1}
    del before["sector"]
    given = {"symbol": "ACME", "price": 99}
    quote_after = complete("price", given, event("price", before), 5)
    assert isinstance(quote_after, Quote)
    assert (quote_after.name, quote_after.change) == ("A", 9)
    assert (quote_after.price, quote_after.sector) == (99, None)
    first_quote = complete("price", given, event("price", []), 5)
    assert isinstance(first_quote, Quote)
    assert (first_quote.name, first_quote.price, first_quote.high) == (None, 99, 99)


def test_a_match_without_a_readable_status_is_not_over() -> None:
    log = Log(10, NOW)
    unreadable: list[object] = [{}, {"status": 5}, [], {"status": "brand new"}]
    for data in unreadable:
        log.append([event("score", data)], NOW)
        assert last_event(log, "acton-burton") is None


def test_the_simulator_goes_on_from_what_another_version_wrote() -> None:
    before = map(encode, Simulator(7, NOW, 1).step(NOW + 1000))
    state = {each.slot: each for each in before if each.slot}
    written = [keyed("price", "BOLT", b"[]")]
    for each in state.values():
        if each.slot == ("price", "BOLT"):
            continue
        fields = {**json.loads(each.data), "new": [1]}
        fields.pop("sector", None)
        data = json.dumps(fields).encode()
        written.append(msgspec.structs.replace(each, data=data))
    gone_on = Simulator(8, NOW + 2000, 1, written)
    events = [each for s in range(2, 90) for each in gone_on.step(NOW + 1000 * s)]
    slots = {encode(each).slot for each in events}
    assert slots & {slot for slot in state if slot[0] == "score"}
    assert {slot for slot in state if slot[0] == "price"} <= slots


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_board_shows_what_another_version_wrote(accept: str) -> None:
    app = create_app(Settings(feed="published"))
    fewer = {"symbol": "FEWER", "price": 5, "at": NOW}
    score = match("brand new", match="m", home={"name": "Home", "new": 1})
    app.extensions["feed"].publish(
        [
            keyed("price", "FEWER", json.dumps(fewer).encode()),
            keyed("price", "MORE", json.dumps(quote("MORE", new=[1])).encode()),
            keyed("price", "UNREADABLE", b"[]"),
            keyed("score", "m", json.dumps(score).encode()),
            keyed("market", "MAIN", b'{"market":"MAIN","status":"auction"}'),
        ]
    )
    client = app.test_client()
    for path in ("/", "/embed", "/s/FEWER", "/m/m"):
        answer = client.get(path, headers={"Accept": accept})
        assert answer.status_code == 200, path
    page = client.get("/", headers={"Accept": accept}).text
    assert all(word in page for word in ("FEWER", "MORE", "Home", "brand new"))
    state = json.loads(client.get("/api/state").text)
    assert fewer in state["prices"]
    assert [] in state["prices"]


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_what_cannot_be_read_travels_on_in_every_wire_format(wire: Any) -> None:
    for data in (b"[]", b"{}", b'{"symbol":"A","price":{}}', b'{"new":1}'):
        assert wire.event(keyed("price", "A", data))
