"""The streams over HTTP: parse the request and respond with a generator of frames."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from feed.events.event import EventId
from feed.log import Unavailable
from feed.streams.admission import Outlet
from feed.streams.clients import client_of
from feed.streams.connection import Connection, Peer
from feed.streams.ending import last_event
from feed.streams.stream import Stream
from feed.streams.view import Subscription, View, WireFormat, resolve_cursor
from feed.streams.wire import WIRES
from serving.slots import current_slot
from web import the_feed
from web.query import (
    MATCH_PARAMETERS,
    STREAM_PARAMETERS,
    Query,
    parse_query,
    read_last_event_id,
)

MIME_TYPES: dict[str, WireFormat] = {
    "text/event-stream": "sse",
    "application/x-ndjson": "ndjson",
    "text/plain": "text",
}

# The variables that gunicorn's access log is made of.
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
    """Stream events in the format that `Accept` prefers; server-sent events if none."""
    return _stream_board(preferred_format())


@blueprint.get("/stream.ndjson")
def stream_ndjson() -> Response:
    """Stream events as NDJSON."""
    return _stream_board("ndjson")


@blueprint.get("/stream.txt")
def stream_text() -> Response:
    """Stream events as readable lines."""
    return _stream_board("text")


@blueprint.delete("/stream/names/<stream>")
def hang_up(stream: str) -> Response:
    """Close a stream by its name. The answer doesn't say whether there was one.

    A page does this as it leaves, if it can't be sure to close the stream itself.
    """
    the_feed().streams.hang_up(stream)
    return Response(status=204)


@blueprint.get("/stream/matches/<key:match>")
def stream_match(match: str) -> Response:
    """Stream the events of one match; 204 if the client has the last of them."""
    query = parse_query(request.args.items(multi=True), MATCH_PARAMETERS)
    feed = the_feed()
    log = feed.log
    cursor = resolve_cursor(read_cursor(query), log.tail)
    newest = log.newest(("score", match))
    if newest is None and feed.away:
        raise Unavailable(feed.away)  # a 404 would say that there is no such match
    if newest is None or (newest.retires and cursor is None):
        raise NotFound(f"There is no match {match!r}; /api/state lists the matches.")
    last = last_event(log, match)
    if last is not None and cursor is not None and last <= cursor <= log.tail:
        return Response(status=204)
    view = View(
        matches=frozenset({match}),
        events=frozenset({"score", "incident"}),
        pace=query.pace,
        wire=preferred_format(),
    )
    return respond(Subscription(view, cursor, query.once, match, _wants_gzip()))


def _stream_board(wire: WireFormat) -> Response:
    query = parse_query(request.args.items(multi=True), STREAM_PARAMETERS)
    view, cursor = query.view(wire), read_cursor(query)
    gzip = _wants_gzip()
    subscription = Subscription(view, cursor, query.once, gzip=gzip, name=query.name)
    return respond(subscription)


def respond(subscription: Subscription, outlet: Outlet | None = None) -> Response:
    """Respond with a stream of an outlet; without one, of the board."""
    sock = request.environ.get("gunicorn.socket")
    protocol = request.environ["SERVER_PROTOCOL"]
    connection = None if sock is None else Connection(sock, protocol)
    peer = Peer(client_of(request.remote_addr), connection)
    # A HEAD request never starts the generator, so it doesn't count as a stream.
    begin = partial(_begin, request.environ)
    frames = Stream(the_feed().streams, subscription, peer, outlet).frames(begin)
    content_type = WIRES[subscription.view.wire].content_type
    response = Response(frames, content_type=content_type, direct_passthrough=True)
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    if subscription.gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def _begin(environ: dict[str, Any]) -> None:
    """Leave the bounds of an ordinary response, and shrink the environment.

    A stream has bounds of its own. It may last for hours, so only the access log's
    variables are kept.
    """
    slot = current_slot.get(None)
    if slot is not None:
        slot.becomes_stream()
    kept = {name: environ[name] for name in ACCESS_LOG if name in environ}
    environ.clear()
    environ.update(kept)


def preferred_format() -> WireFormat:
    """Return the wire format that `Accept` prefers; server-sent events if none."""
    accepted = request.accept_mimetypes.best_match([*MIME_TYPES], "text/event-stream")
    return MIME_TYPES[accepted]


def _wants_gzip() -> bool:
    accepted = request.accept_encodings.quality("gzip") > 0
    return accepted and the_feed().settings.compress


def read_cursor(query: Query) -> EventId | None:
    """Return the cursor in the header `Last-Event-ID`, or else that in the query."""
    header = request.headers.get("Last-Event-ID")
    return query.cursor if header is None else read_last_event_id(header)
