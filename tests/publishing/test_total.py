"""Whatever is on the board and whatever is asked: no view fails.

The values of a field come from the bounds in its shape, and the views come from the
routes, so a new field, event type or page takes part by itself. The application runs in
this process, without a source.
"""

import json
from collections.abc import Callable, Iterator
from itertools import chain, product
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import FieldInfo
from werkzeug.routing import Rule

from app import create_app
from feed.clock import now_ms
from feed.events.catalogue import CATALOGUE
from feed.events.event import DATA_LENGTH, MAX_DEPTH, Event, gone, keyed, unkeyed
from feed.events.instants import is_instant
from feed.feed import Feed
from feed.publishing.refusals import EARLIEST, LATEST
from feed.settings import Settings

BEARER = {"Authorization": "Bearer secret"}
REFUSED = {400, 422}
ROWS = 24  # of each event type on a board: as many as the longest list of values
YEAR_10000 = 253_402_300_800_000  # epoch ms; Python's datetime ends before it
NUMBERS = (
    *(0, -1, 2**53, 2**63, 10**25, YEAR_10000 - 1, YEAR_10000, -YEAR_10000),
    *(5e-324, 1.7e308, -1.7e308, EARLIEST - 1, EARLIEST, LATEST - 1, LATEST),
)
TEXTS = ("", "x", ".", "a/b?c#d%", "\u202e<b>\x1b[2J\x85\n\u2028", "😀" * 200)
DEEP = json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
OWN: tuple[Any, ...] = (
    *(None, True, {}, [], DEEP, {"a": DEEP[0]}, "x" * (DATA_LENGTH - 2)),
    *NUMBERS,
    *({"opened_at": it, "status": it, "": [it]} for it in (*NUMBERS, *TEXTS)),
)
QUESTIONS = (
    *("how is price/1", "high of price/2", "spread of price/3", "volume of price/4"),
    *("price/5 since 10:00", "how did price/6 move", "what happened in score/1"),
    *("who scored in score/2", "when does score/3 start", "is market/1 open"),
    *("what moved most", "any red cards", "what's the news", "which matches are on"),
)
QUERIES = {  # of the routes that have parameters; without `once` a stream has no end
    "/": ("", "sort=-volume", "filter=up&q=x", "view=activity", "by=-own:status"),
    **dict.fromkeys(("/s/<key:symbol>", "/m/<key:match>"), ("q=none+else",)),
    "/embed": ("", "view=scores", "view=own"),
    "/stream": ("once=1",),
    "/stream.ndjson": ("once=1",),
    "/stream.txt": ("once=1",),
    "/stream/matches/<key:match>": ("once=1",),
    "/api/history/<key:symbol>": ("interval=5", "interval=86400&limit=5000"),
    "/ask": tuple(f"pace=0&q={quote(it)}" for it in QUESTIONS),
}
STREAMED = ("/stream", "/ask")
FORMATS = ("text/html", "*/*", "text/event-stream", "application/x-ndjson")


class Views:
    """An application, and all the addresses that show its board."""

    def __init__(self) -> None:
        self.app: Flask = create_app(
            Settings(feed="published", publish_tokens=("secret",))
        )
        self.feed: Feed = self.app.extensions["feed"]
        self.client: FlaskClient = self.app.test_client()

    def publish(self, type: str, data: object) -> int:
        """Publish an event by HTTP; return the status."""
        body = json.dumps({"event": type, "data": data})
        return self.client.post("/api/publish", data=body, headers=BEARER).status_code

    def failures(self, keys: dict[str, list[str]]) -> list[tuple[str, str, int]]:
        """Return the addresses that fail, each with its format and its status."""
        found = []
        for path, accept in self.requests(keys):
            with self.client.get(path, headers={"Accept": accept}) as answer:
                answer.get_data()
                if answer.status_code >= 500:
                    found.append((path, accept, answer.status_code))
        return found

    def requests(self, keys: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
        """Yield each address with each key that it can show, in each format."""
        for rule in self.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and rule.endpoint != "static":
                queries = QUERIES.get(rule.rule, ("",))
                formats = FORMATS if rule.rule.startswith(STREAMED) else FORMATS[:2]
                paths = paths_of(rule, keys)
                for path, query, format in product(paths, queries, formats):
                    yield f"{path}?{query}", format


def paths_of(rule: Rule, keys: dict[str, list[str]]) -> Iterator[str]:
    types = {row.key: type for type, row in CATALOGUE.items()}
    [argument] = rule.arguments - {"type"} or {""}
    for key in keys.get(types.get(argument, "own"), []) if argument else ["x"]:
        path = rule.rule.replace("<type>", "own")
        head, _, rest = path.partition("<")
        yield head + quote(key, safe="") if rest else path


class Dealer:
    """Data of each shape: its fields have each value at their bounds, in turn.

    The order is a shuffled one, so that each value meets many others. `fits` chooses
    the values that a field may have.
    """

    def __init__(self, fits: Callable[[Any, FieldInfo], bool]) -> None:
        self._random = Random(1)
        self._fits = fits
        self._decks: dict[tuple[type, str], list[Any]] = {}

    def rows(self, type: str, first: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the data of `ROWS` events, each with a key of its own."""
        row = CATALOGUE[type]
        for number in range(first, first + ROWS):
            data = self.data(row.shape)
            yield {**data, row.key: f"{type}/{number}"} if row.key else data

    def data(self, shape: type[msgspec.Struct]) -> dict[str, Any]:
        fields = msgspec.structs.fields(shape)
        return {field.name: self._deal(shape, field) for field in fields}

    def _deal(self, shape: type, field: FieldInfo) -> Any:
        deck = self._decks.setdefault((shape, field.name), [])
        if not deck:
            deck += self._values(field)
            self._random.shuffle(deck)
        value = deck.pop()
        if isinstance(value, inspect.StructType):
            return self.data(value.cls)
        if isinstance(value, list):
            return [self.data(each.cls) for each in value]
        return value

    def _values(self, field: FieldInfo) -> Iterator[Any]:
        for value in values_at_bounds(inspect.type_info(field.type)):
            if isinstance(value, inspect.StructType | list) or self._fits(value, field):
                yield value


def values_at_bounds(type: inspect.Type) -> Iterator[Any]:
    """Yield values within the bounds of a type, at them and beyond them.

    A shape is yielded as its type, and a list as a list of the types of its items.
    """
    match type:
        case inspect.UnionType():
            for each in type.types:
                yield from values_at_bounds(each)
        case inspect.NoneType():
            yield None
        case inspect.LiteralType():
            yield from (*type.values, "another")
        case inspect.StrType():
            yield from TEXTS
            length = type.max_length or 0
            yield from ("w" * length, "w" * (length + 1))
        case inspect.IntType() | inspect.FloatType():
            yield from NUMBERS
            for bound in (type.ge or 0, type.le or 0):
                yield from (bound - 1, bound, bound + 1)
        case inspect.ListType():
            for length in (*range(ROWS - 1), type.max_length or 0):
                yield [type.item_type] * length
        case inspect.StructType():
            yield type
        case _:
            raise AssertionError(f"{type} has no values here yet")


def is_any(value: Any, field: FieldInfo) -> bool:
    return True


def is_readable(value: Any, field: FieldInfo) -> bool:
    """Return whether a value is within the bounds of a field."""
    try:
        msgspec.convert(value, field.type)
    except msgspec.ValidationError:
        return False
    return True


def is_accepted(value: Any, field: FieldInfo) -> bool:
    """Return whether a value may be published: instants are of a shorter time."""
    is_timely = not is_instant(field.type) or value is None or is_published(value)
    return is_timely and is_readable(value, field)


def is_published(at: int) -> bool:
    return EARLIEST <= at < LATEST


@pytest.fixture
def views() -> Iterator[Views]:
    views = Views()
    yield views
    views.feed.close()


@pytest.fixture(scope="module")
def empty() -> Iterator[Views]:
    """Yield a board for requests that are about nothing on it."""
    views = Views()
    yield views
    views.feed.close()


def test_no_view_fails_whatever_is_published(views: Views) -> None:
    dealer = Dealer(is_accepted)
    for type in CATALOGUE:
        for data in dealer.rows(type):
            assert views.publish(type, timely(data)) == 201, data
    assert views.failures(every_other(ROWS)) == []


def test_no_view_fails_whatever_another_version_wrote(views: Views) -> None:
    """Redis and recordings have data that is not accepted here, or not even read."""
    readable, odd = Dealer(is_readable), Dealer(is_any)
    for type in CATALOGUE:
        for data in chain(readable.rows(type), odd.rows(type, ROWS)):
            views.feed.publish([event_of(type, data)])
    assert views.failures(every_other(ROWS + 4)) == []


def every_other(count: int) -> dict[str, list[str]]:
    """Return half of the keys of each event type: each has a page, which costs time."""
    return {type: [f"{type}/{it}" for it in range(1, count, 2)] for type in CATALOGUE}


def event_of(type: str, data: dict[str, Any]) -> Event:
    key = CATALOGUE[type].key
    if key is None:
        return unkeyed(type, dump(data), "score/1")
    return keyed(type, data[key], dump(data))


def test_no_view_fails_whatever_a_type_of_ones_own_has(views: Views) -> None:
    keys = [".", "a/b?c#d%", *map(str, range(2, len(OWN)))]
    for key, data in zip(keys, OWN, strict=True):
        views.feed.publish([keyed("own", key, dump(data)), unkeyed("told", dump(data))])
    assert views.failures({"own": keys}) == []
    views.feed.publish([gone("own", key, YEAR_10000) for key in keys])
    assert views.failures({"own": keys[:2]}) == []


@pytest.mark.parametrize("type", CATALOGUE)
def test_a_value_beyond_its_bounds_is_refused(type: str, empty: Views) -> None:
    row, dealer = CATALOGUE[type], Dealer(is_accepted)
    good = {**timely(dealer.data(row.shape)), row.key or "match": "beyond"}
    assert empty.publish(type, good) == 201
    for fields in beyond(row.shape, dealer):
        assert empty.publish(type, timely(good | fields)) in REFUSED, fields


def beyond(shape: type, dealer: Dealer) -> Iterator[dict[str, Any]]:
    """Yield fields of a shape of which one has a value that isn't accepted."""
    for field in msgspec.structs.fields(shape):
        for value in values_at_bounds(inspect.type_info(field.type)):
            if isinstance(value, inspect.StructType):
                good = dealer.data(value.cls)
                for fields in beyond(value.cls, dealer):
                    yield {field.name: good | fields}
            elif isinstance(value, list):
                for item in value if len(value) == 1 else ():
                    good = dealer.data(item.cls)
                    for fields in beyond(item.cls, dealer):
                        yield {field.name: [good | fields]}
            elif not is_accepted(value, field):
                yield {field.name: value}


def timely(data: dict[str, Any]) -> dict[str, Any]:
    """Return data with its valid instants as they must be: past, or still to come."""
    now = now_ms()
    moved = dict(data)
    if "price" in data:
        moved["at"] = moved_to(min(data["at"], now), data["at"])
        if data["late"] is not None:
            moved["late"] = data["late"] | {
                "at": moved_to(EARLIEST, data["late"]["at"])
            }
    if "notice" in data and data["until"] is not None:
        moved["until"] = moved_to(max(data["until"], now + 10**6), data["until"])
    return moved


def moved_to(valid: int, at: Any) -> Any:
    return valid if is_published(at) else at


def dump(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


# --- Paths


BEGINNINGS = (
    *("", "s/", "m/", "k/", "k/own/", "static/", "static/vendor/", "ask/", "stream/"),
    *("stream/matches/", "stream/answers/", "api/", "api/history/", "api/answers/"),
    *("api/keys/", "api/keys/own/", "api/prices/", "api/scores/"),
)
METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST")


@settings(max_examples=200)
@given(
    beginning=st.sampled_from(BEGINNINGS),
    rest=st.binary(max_size=30)
    | st.text(max_size=30).map(lambda it: it.encode("utf-8", "replace")),
    method=st.sampled_from(METHODS),
)
def test_no_path_fails(beginning: str, rest: bytes, method: str, empty: Views) -> None:
    check_path(empty, method, beginning.encode() + rest)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "rest",
    [
        b"x" * 300,
        b"x" * 70_000,
        b"x/" * 3000,
        b"../" * 50 + b"etc",
        b"\0",
        b"\xff",
        b"%",
    ],
    ids=["long", "longer", "deep", "up", "NUL", "no UTF-8", "percent"],
)
def test_no_long_or_odd_path_fails(rest: bytes, method: str, empty: Views) -> None:
    for beginning in BEGINNINGS:
        check_path(empty, method, beginning.encode() + rest)


def check_path(views: Views, method: str, path: bytes) -> None:
    raw = {"PATH_INFO": f"/{path.decode('latin-1')}"}
    # The body is not read, since that of a stream has no end.
    with views.client.open(method=method, environ_overrides=raw, headers=BEARER) as it:
        assert it.status_code < 500, path[:80]
