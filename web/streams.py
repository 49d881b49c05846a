"""The streams over HTTP: understand what is asked, hand over the generator."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from feed.events.event import EventId
from feed.log import Unavailable
from feed.streams.connection import Connection, Peer
from feed.streams.ending import last_event, understood
from feed.streams.stream import Stream
from feed.streams.view import Subscription, View, WireFormat
from feed.streams.wire import WIRES
from web import the_feed
from web.query import MATCH_PARAMETERS, STREAM_PARAMETERS, Query, parse

MIME_TYPES: dict[str, WireFormat] = {
    "text/event-stream": "sse",
    "application/x-ndjson": "ndjson",
    "text/plain": "text",
}

# What gunicorn writes into its access log, where that is on.
ACCESS_LOG = (
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "RAW_URI",
    "PATH_INFO",
    "QUERY_STRING",
    "SERVER_PROTOCOL",
    "HTTP_REFERER",
    "HTTP_USER_AGENT",
)

blueprint = Blueprint("streams", __name__)


@blueprint.get("/stream")
def stream() -> Response:
    """Stream events in the wire format that `Accept` prefers; SSE where none."""
    return _respond(_wire())


@blueprint.get("/stream.ndjson")
def stream_ndjson() -> Response:
    """Stream events as NDJSON."""
    return _respond("ndjson")


@blueprint.get("/stream.txt")
def stream_text() -> Response:
    """Stream events as readable lines."""
    return _respond("text")


@blueprint.get("/stream/matches/<path:match>")
def stream_match(match: str) -> Response:
    """Stream one match's events and end after its last; 204 where that was read."""
    query = parse(request.args.items(multi=True), MATCH_PARAMETERS)
    log = the_feed().log
    cursor = understood(_cursor(query), log.tail)
    newest = log.newest(("score", match))
    relay = the_feed().relay
    if newest is None and relay is not None and relay.away:
        raise Unavailable(relay.away)  # it may be there, and a 404 would be believed
    if newest is None or (newest.retires and cursor is None):
        raise NotFound(f"There is no match {match!r}; /api/state lists the matches.")
    last = last_event(log, match)
    if last is not None and cursor is not None and last <= cursor <= log.tail:
        return Response(status=204)
    view = View(
        matches=frozenset({match}),
        events=frozenset({"score", "incident"}),
        pace=query.pace,
        wire=_wire(),
    )
    return _stream(Subscription(view, cursor, query.once, match, _gzip()))


def _respond(wire: WireFormat) -> Response:
    query = parse(request.args.items(multi=True), STREAM_PARAMETERS)
    view, cursor = query.view(wire), _cursor(query)
    return _stream(Subscription(view, cursor, query.once, gzip=_gzip()))


def _stream(asked: Subscription) -> Response:
    sock = request.environ.get("gunicorn.socket")
    protocol = request.environ["SERVER_PROTOCOL"]
    connection = None if sock is None else Connection(sock, protocol)
    peer = Peer(request.remote_addr or "unknown", connection)
    # For HEAD the generator is never started, and so nothing is opened.
    lighten = partial(_lighten, request.environ)
    frames = Stream(the_feed().streams, asked, peer).frames(lighten)
    content_type = WIRES[asked.view.wire].content_type
    response = Response(frames, content_type=content_type, direct_passthrough=True)
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    if asked.gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def _lighten(environ: dict[str, Any]) -> None:
    """Let go of what only asking needed: a stream may live for hours."""
    kept = {name: environ[name] for name in ACCESS_LOG if name in environ}
    environ.clear()
    environ.update(kept)


def _wire() -> WireFormat:
    accepted = request.accept_mimetypes.best_match([*MIME_TYPES], "text/event-stream")
    return MIME_TYPES[accepted]


def _gzip() -> bool:
    asked = request.accept_encodings.quality("gzip") > 0
    return asked and the_feed().settings.compress


def _cursor(query: Query) -> EventId | None:
    """Return `Last-Event-ID` where there is one, else `after`.

    A garbled header is no error, since a browser that sends one can't be told: the
    stream begins anew.
    """
    header = request.headers.get("Last-Event-ID")
    if header is None:
        return query.after
    try:
        return EventId.parse(header)
    except ValueError:
        return None
