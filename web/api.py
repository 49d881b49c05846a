"""Reading without a stream: the state of the board, and the history of a symbol."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from feed.events.catalogue import SECTIONS
from feed.events.event import OTHER, Event, EventId
from feed.feed import Feed
from feed.history import BASE, MAX_INTERVAL
from feed.streams.view import View
from web import the_feed
from web.query import STATE_PARAMETERS, InvalidParameter, parse_query, parse_whole

MAX_LIMIT = 5000  # candles in one response
PIECE = 64 << 10  # bytes of a response that are written at once

blueprint = Blueprint("api", __name__, url_prefix="/api")


class Other(msgspec.Struct, frozen=True):
    """A keyed event of a type that a publisher chose, as `/api/state` shows it."""

    id: str
    event: str
    key: str | None
    until: int | None
    data: msgspec.Raw


@blueprint.get("/state")
def state() -> Response:
    """Return the newest event of each key, and the cursor to stream on from."""
    view = parse_query(request.args.items(multi=True), STATE_PARAMETERS).view()
    feed = the_feed()
    tail, events = feed.log.tail, _state_of(feed, view)
    parts = state_parts(feed.streams.source, tail, events)
    response = Response(_in_pieces([*parts, b"\n"]), content_type="application/json")
    response.content_length = sum(map(len, parts)) + 1
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(str(tail))
    response.make_conditional(request)
    return response


@blueprint.get("/history/<key:symbol>")
def history(symbol: str) -> Response:
    """Return a symbol's candles, oldest first, and the cursor to stream on from."""
    asked, given = {"interval": "60", "limit": "500"}, set[str]()
    for name, text in request.args.items(multi=True):
        if name not in asked:
            known = ", ".join(asked)
            raise InvalidParameter(name[:80], f"no such parameter; there are {known}")
        if name in given:
            raise InvalidParameter(name, "is given twice")
        given.add(name)
        asked[name] = text
    interval = parse_whole("interval", asked["interval"], BASE, MAX_INTERVAL)
    if interval % BASE:
        raise InvalidParameter("interval", f"{interval} is not a multiple of {BASE} s")
    limit = parse_whole("limit", asked["limit"], 1, MAX_LIMIT)
    feed = the_feed()
    tail = feed.log.tail  # before: quotes may arrive while the candles are merged
    candles = feed.history.candles(symbol, interval, limit)
    if candles is None:
        raise NotFound(f"There is no symbol {symbol!r}; /api/state lists the symbols.")
    body = {
        "symbol": symbol,
        "interval": interval,
        "id": str(tail),
        "candles": candles,
    }
    return _respond_json(msgspec.json.encode(body))


def state_json(feed: Feed, view: View) -> bytes:
    """Return the body of `/api/state`: the newest event of each key, sorted by key.

    `at` is the instant of the newest event and not the current time, so that the body
    is a function of the `id`, which is the response's ETag.
    """
    return encode_state(feed.streams.source, feed.log.tail, _state_of(feed, view))


def _state_of(feed: Feed, view: View) -> list[Event]:
    return feed.log.state(None if view.selects_all else view.selects)


def encode_state(source: str, tail: EventId, events: list[Event]) -> bytes:
    """Return the body of `/api/state` with these events, the newest of their keys."""
    return b"".join(state_parts(source, tail, events))


def state_parts(source: str, tail: EventId, events: list[Event]) -> list[bytes]:
    """Return the parts of the body of `/api/state` with these events.

    The JSON of the events is neither decoded nor encoded. It isn't copied either, so
    that a client that doesn't read its response doesn't keep a copy of the whole state.
    """
    sections: defaultdict[str, list[bytes]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.slot or ("", "")):
        section = SECTIONS.get(event.type, OTHER)
        parts = sections[section]
        if parts:
            parts.append(b",")
        if section == OTHER:
            parts += (_head_of_other(event), event.data, b"}")
        else:
            parts.append(event.data)
    head = msgspec.json.encode({"id": str(tail), "at": tail.ms, "source": source})
    found = [head[:-1]]
    for name in (*SECTIONS.values(), OTHER):
        found += (b',"%b":[' % name.encode(), *sections[name], b"]")
    return [*found, b"}"]


def _head_of_other(event: Event) -> bytes:
    """Return an `Other` as JSON, up to its data."""
    id, nothing = str(event.id), msgspec.Raw()
    it = Other(id, event.type, event.subject, event.until, nothing)
    return msgspec.json.encode(it)[:-1]


def _in_pieces(parts: list[bytes]) -> Iterator[bytes]:
    """Yield the parts, joined to pieces of some size; a large part is one by itself."""
    piece: list[bytes] = []
    size = 0
    for part in parts:
        if piece and size + len(part) > PIECE:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(part)
        size += len(part)
    yield b"".join(piece)


def _respond_json(body: bytes) -> Response:
    response = Response(body + b"\n", content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return response
