"""Reading without a stream: the state, and a symbol's history."""

from collections import defaultdict

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from feed.events.event import Event, EventId
from feed.feed import Feed
from feed.history import BASE, MAX_INTERVAL
from feed.streams.view import View
from web import the_feed
from web.query import STATE_PARAMETERS, InvalidParameter, parse, whole

SECTIONS = {
    "price": "prices",
    "score": "scores",
    "market": "markets",
    "notice": "notices",
}
MAX_CANDLES = 5000  # in one answer

blueprint = Blueprint("api", __name__, url_prefix="/api")


class Other(msgspec.Struct, frozen=True):
    """An event with a key and of a publisher's own type, as the state shows it."""

    id: str
    event: str
    key: str | None
    data: msgspec.Raw


@blueprint.get("/state")
def state() -> Response:
    """Return the log compacted; its id is the cursor to stream on from."""
    view = parse(request.args.items(multi=True), STATE_PARAMETERS).view()
    feed = the_feed()
    response = _json(state_json(feed, view))
    response.set_etag(str(feed.log.tail))
    response.make_conditional(request)
    return response


@blueprint.get("/history/<path:symbol>")
def history(symbol: str) -> Response:
    """Return a symbol's candles, oldest first, and the id to stream on from."""
    asked, given = {"interval": "60", "limit": "500"}, set[str]()
    for name, text in request.args.items(multi=True):
        if name not in asked:
            known = ", ".join(asked)
            raise InvalidParameter(name[:80], f"no such parameter; there are {known}")
        if name in given:
            raise InvalidParameter(name, "is given twice")
        given.add(name)
        asked[name] = text
    interval = whole("interval", asked["interval"], BASE, MAX_INTERVAL)
    if interval % BASE:
        raise InvalidParameter("interval", f"{interval} is no multiple of {BASE} s")
    limit = whole("limit", asked["limit"], 1, MAX_CANDLES)
    feed = the_feed()
    candles = feed.history.candles(symbol, interval, limit)
    if candles is None:
        raise NotFound(f"There is no symbol {symbol!r}; /api/state lists the symbols.")
    body = {
        "symbol": symbol,
        "interval": interval,
        "id": str(feed.log.tail),
        "candles": candles,
    }
    return _json(msgspec.json.encode(body))


def state_json(feed: Feed, view: View) -> bytes:
    """Return what `/api/state` answers: each key's newest event, by section and key.

    `at` is the instant of the newest event, so that an answer is the same as long as
    its id is.
    """
    log = feed.log
    tail, held = log.tail, log.state(None if view.selects_all else view.selects)
    return _splice(feed.streams.source, tail, held)


def _splice(source: str, tail: EventId, held: list[Event]) -> bytes:
    sections: defaultdict[str, list[bytes]] = defaultdict(list)
    for event in sorted(held, key=lambda event: event.slot or ("", "")):
        section = SECTIONS.get(event.type, "other")
        sections[section].append(event.data if section != "other" else _other(event))
    head = msgspec.json.encode({"id": str(tail), "at": tail.ms, "source": source})
    parts = (
        b'"%b":[%b]' % (name.encode(), b",".join(sections[name]))
        for name in (*SECTIONS.values(), "other")
    )
    return head[:-1] + b"," + b",".join(parts) + b"}"


def _other(event: Event) -> bytes:
    data = msgspec.Raw(event.data)
    return msgspec.json.encode(Other(str(event.id), event.type, event.subject, data))


def _json(body: bytes) -> Response:
    response = Response(body + b"\n", content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return response
