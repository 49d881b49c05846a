"""Parse a publishing request: either all of it becomes events, or it is refused.

Theory of operation: the data is completed into one of the shapes that the board itself
shows (`feed/events/shapes.py`), and the shape validates it. So a quote is described in
one place only. An error names the JSON path of the value that is wrong.
"""

import re
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from types import NoneType
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from feed.events.catalogue import CATALOGUE, KNOWN, News
from feed.events.event import (
    GONE,
    MAX_DEPTH,
    MAX_TYPES,
    Event,
    InvalidEvent,
    Slot,
    check_depth,
    checked_key,
    gone,
    keyed,
    unkeyed,
)
from feed.log import Log
from feed.publishing.completion import Fields, complete
from feed.publishing.lifetime import both_given, find_expiry
from feed.publishing.publication import Publication
from feed.publishing.refusals import explain, is_number

MAX_BODY = 1 << 20  # bytes of one request
MAX_EVENTS = 1000  # in one request
QUOTED_CHARACTERS = 80  # characters of a published value in an error message about it
HALF_A_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")

T = TypeVar("T")


class Refused(ValueError):
    """A request is invalid: `place` is a JSON path, the message says what is valid."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place


class Full(Refused):
    """The request is valid, but the data of all keys would exceed their budget."""


class NotJson(Refused):
    """The bytes are not JSON."""


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """One event in a publishing request."""

    event: str
    data: msgspec.Raw
    key: str | None = None
    ttl: float | None = None
    until: int | None = None


class Retirement(msgspec.Struct, forbid_unknown_fields=True):
    """The data of a published `gone` event; `at` is accepted, as recordings have it."""

    event: str
    key: str
    at: int = 0


class Places(NamedTuple):
    """Where the parts of an event are in a request, for error messages."""

    event: str
    key: str
    data: str
    expiry: str

    @classmethod
    def within(cls, place: str, envelope: Envelope) -> Self:
        """Return the JSON paths in an envelope that is at `place`."""
        expiry = "until" if envelope.ttl is None else "ttl"
        return cls(*(f"{place}.{name}" for name in ("event", "key", "data", expiry)))


BY_URL = Places("the URL", "the URL", "$", "ttl")
"""Where they are if the URL names type and key, and the body is the data."""


class Batch:
    """The events of one request, in order. Each one is completed from those before it.

    `now` is the instant of receipt (epoch ms). The log's keys may be `max_keys`, with
    `max_bytes` of data in all. A batch publishes nothing itself, so a
    refused request has no effect.
    """

    def __init__(
        self, log: Log, max_keys: int, now: int, max_bytes: int = sys.maxsize
    ) -> None:
        self.publication = Publication()
        self._log = log
        self._now = now
        self._newest: dict[Slot, Event] = {}
        figures = log.statistics()
        self._room = max_keys - figures.keys
        self._free_bytes = max_bytes - figures.keys_bytes
        self._types = {*figures.appended}

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        return self.publication.events

    def add_object(self, body: bytes) -> None:
        """Add one `{"event", "key", "data"}`; raise Refused if it is invalid."""
        self._add_envelope(body, "$")

    def add_lines(self, body: bytes) -> None:
        """Add NDJSON, one event a line; raise Refused if a line is invalid."""
        for number, line in enumerate(_lines(body)):
            place = f"$[{number}]"
            if number == MAX_EVENTS:
                raise Refused(place, f"up to {MAX_EVENTS} events at once; send less")
            self._add_envelope(line, place)
        if not self.events:
            raise NotJson("$", "the body is empty; one JSON object a line is expected")

    def add_key(
        self, type: str, key: str, body: bytes, ttl: float | None = None
    ) -> None:
        """Add the state of a key: of a publisher's own type, it is any JSON.

        Of a type of the catalogue, it is an object with fields of the shape. A price
        may be a number, too. The key is retired after `ttl` seconds.
        """
        until = _find_expiry(ttl, None, self._now, "")
        if type not in CATALOGUE:
            self._add_own(type, key, body.strip(), BY_URL, until)
            return
        if CATALOGUE[type].key is None:
            raise Refused(
                BY_URL.key, f"{type} events have no key; use POST /api/publish"
            )
        given = _json(body, BY_URL.data)
        if type == "price" and is_number(given):
            given = {"price": given}
        self._add_known(type, key, given, BY_URL, until)

    def retire(self, type: str, key: str, place: str) -> None:
        """Add the retirement of a key; raise Refused if there is no such key."""
        if self._find_newest((type, key)) is None:
            raise Refused(
                place, f"there is no {type[:QUOTED_CHARACTERS]} of the key {_cut(key)}"
            )
        self._add(gone(type, key, self._now), place)

    def _add_envelope(self, body: bytes, place: str) -> None:
        envelope = _decoded(body, Envelope, place)
        at, type, key = Places.within(place, envelope), envelope.event, envelope.key
        data = bytes(envelope.data)
        until = _find_expiry(envelope.ttl, envelope.until, self._now, place)
        if type == GONE:
            self._add_retirement(key, data, at, until)
        elif type in CATALOGUE:
            self._add_known(type, key, _json(data, at.data), at, until)
        else:
            self._add_own(type, key, data, at, until)

    def _add_retirement(
        self, key: str | None, data: bytes, at: Places, until: int | None
    ) -> None:
        if key is not None:
            raise Refused(at.key, "gone events have no key; their data names one")
        _check_has_key(key, at, until)
        asked = _decoded(data, Retirement, at.data)
        self.retire(asked.event, asked.key, f"{at.data}.key")

    def _add_known(
        self,
        type: str,
        key: str | None,
        given: object,
        at: Places,
        until: int | None,
    ) -> None:
        """Add an event of a type of the catalogue, completed into its shape."""
        if not isinstance(given, dict):
            raise Refused(at.data, f"expected an object, got {_name(given)}")
        row = CATALOGUE[type]
        if key is not None:
            _check_key(key, row.key, given, type, at)
        _check_has_key(row.key, at, until)
        if row.expires_at is not None and until is not None:
            _put_expiry(until, row.expires_at, given, at)
        name = given.get(row.key)
        newest = self._find_newest((type, name)) if isinstance(name, str) else None
        try:
            shape = complete(type, given, newest, self._now)
        except msgspec.ValidationError as error:
            raise _refused(error, at.data, row.shape) from error
        place = f"{at.data}.{row.key}" if key is None else at.key
        try:
            self._add(shape, place, until)
        except InvalidEvent as error:  # too long, now that it is complete
            raise Refused(at.data, str(error)) from error

    def _add_own(
        self, type: str, key: str | None, data: bytes, at: Places, until: int | None
    ) -> None:
        """Add an event of a publisher's own type; its data is not changed."""
        _check_has_key(key, at, until)
        _check_depth(_json(data, at.data), at.data)
        data = data.replace(b"\n", b" ").replace(b"\r", b" ")  # between its tokens
        try:
            event = unkeyed(type, data) if key is None else keyed(type, key, data)
        except InvalidEvent as error:
            place = at.event if str(error).startswith("event") else at.key
            raise Refused(place, str(error)) from error
        self._types.add(type)
        if len(self._types - KNOWN) > MAX_TYPES:
            raise Refused(at.event, f"more than {MAX_TYPES} types; reuse one")
        self._add(event, at.key, until)

    def _add(self, news: News, place: str, until: int | None = None) -> None:
        event = self.publication.add(news, until)
        if event.slot is not None:
            had = self._find_newest(event.slot) is not None
            self._room -= (not event.retires) - had
            if self._room < 0 and not had:
                raise Refused(
                    place,
                    "the board holds MAX_KEYS keys already: retire some, or raise it",
                )
            self._take_bytes(event.slot, event, place)
            self._newest[event.slot] = event

    def _take_bytes(self, slot: Slot, event: Event, place: str) -> None:
        """Take the room of an event's data, which replaces that of its key.

        Raise Full if there isn't enough. Data that shrinks is always accepted.
        """
        before = self._newest.get(slot) or self._log.newest(slot)
        growth = len(event.data) - (0 if before is None else len(before.data))
        self._free_bytes -= growth
        if self._free_bytes < 0 < growth and not event.retires:
            raise Full(
                place,
                "all keys would have more data than MAX_KEYS_BYTES: retire some, "
                "publish less data in each, or raise it",
            )

    def _find_newest(self, slot: Slot) -> Event | None:
        """Return a key's newest event; None if there is none or the key was retired."""
        event = self._newest.get(slot) or self._log.newest(slot)
        return None if event is None or event.retires else event


def _lines(body: bytes) -> Iterator[bytes]:
    return (line for line in body.split(b"\n") if line.strip())


def _json(body: bytes, place: str) -> Any:
    """Return decoded JSON; raise NotJson or Refused if it can't be decoded."""
    return _decoded(body, Any, place)


def _decoded(body: bytes, type: type[T], place: str) -> T:
    if not body.strip():
        raise NotJson(place, "nothing is there; JSON is expected")
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.ValidationError as error:
        raise _refused(error, place, type) from error
    except RecursionError as error:
        raise Refused(place, f"nested more than {MAX_DEPTH} levels deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(place, f"no JSON in UTF-8: {_reason(body, error)}") from error


def _reason(body: bytes, error: Exception) -> str:
    """Return the error in words, with better ones than the decoder's where possible."""
    if body.startswith(BOM_UTF8):
        return "it begins with a byte order mark; leave that out"
    if HALF_A_PAIR.search(body):
        return "half a surrogate pair (\\ud800 to \\udfff) is no character"
    if "trailing" in str(error):
        return f"{error}; several events are sent as application/x-ndjson"
    return str(error)


def _refused(error: msgspec.ValidationError, place: str, shape: Any) -> Refused:
    """Return the decoder's error as a refusal, with its path within the request."""
    message, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").replace("[...]", "")  # somewhere within
    return Refused(place + path[:QUOTED_CHARACTERS], explain(message, path, shape))


def _find_expiry(
    ttl: float | None, until: int | None, now: int, place: str
) -> int | None:
    """Return when (epoch ms) a key is to be retired; None if it stays."""
    try:
        return find_expiry(ttl, until, now)
    except msgspec.ValidationError as error:
        raise _refused(error, place, Envelope) from error


def _check_has_key(key: str | None, at: Places, until: int | None) -> None:
    if key is None and until is not None:
        raise Refused(at.expiry, "only a key can expire, and this event has none")


def _put_expiry(until: int, field: str, given: Fields, at: Places) -> None:
    """Put the expiry into the data; raise Refused if the data has another one."""
    if given.get(field) not in (None, until):
        raise _refused(both_given(f"$.{field}"), at.data, Envelope)
    given[field] = until


def _check_key(
    key: str, field: str | None, given: Fields, type: str, at: Places
) -> None:
    """Put the key into the data; raise Refused if it is invalid or differs there."""
    if field is None:
        raise Refused(at.key, f"{type} events have no key; leave it out")
    try:
        checked_key(key)
    except InvalidEvent as error:
        raise Refused(at.key, str(error)) from error
    if given.setdefault(field, key) != key:
        raise Refused(at.key, f"it is {_cut(key)}, but the data's {field} is another")


def _check_depth(value: object, place: str) -> None:
    try:
        check_depth(value)
    except InvalidEvent as error:
        raise Refused(place, str(error)) from error


def _cut(text: str) -> str:
    return repr(text[:QUOTED_CHARACTERS])


def _name(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", NoneType: "null"}
    return names.get(type(value), "a number")
