"""Publishing over HTTP: who may, how much at once, and the answer."""

import hashlib
import hmac
import re
import threading
from collections.abc import Callable

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    Forbidden,
    NotFound,
    Unauthorized,
    UnsupportedMediaType,
)

from feed.clock import now_ms
from feed.connection import Connection
from feed.event import EventId
from feed.once import Once
from feed.publishing import Batch, Refused
from feed.view import InvalidParameter
from web import the_feed

RECEIPT = 30.0  # seconds in which a body must have come
NDJSON = "application/x-ndjson"
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")

blueprint = Blueprint("publish", __name__, url_prefix="/api")


@blueprint.post("/publish")
def publish() -> Response:
    """Publish one event, or as NDJSON up to 1000, all or none."""
    if request.mimetype == NDJSON:
        return _published(201, Batch.add_lines)
    return _published(201, Batch.add_object)


@blueprint.put("/prices/<path:symbol>")
def put_price(symbol: str) -> Response:
    """Publish a symbol's price: a number, or an object with fields of a quote."""
    return _published(201, lambda batch, body: batch.add_price(symbol, body))


@blueprint.put("/scores/<path:match>")
def put_score(match: str) -> Response:
    """Publish a match."""
    return _published(201, lambda batch, body: batch.add_score(match, body))


@blueprint.delete("/prices/<path:key>", defaults={"type": "price"})
@blueprint.delete("/scores/<path:key>", defaults={"type": "score"})
@blueprint.delete("/keys/<type>/<path:key>")
def retire(type: str, key: str) -> Response:
    """Retire a key; 404 where there is none."""

    def add(batch: Batch, body: bytes) -> None:
        try:
            batch.retire(type, key, "the URL")
        except Refused as error:
            raise NotFound(
                f"There is no {type} of the key {key!r}; /api/state lists the keys."
            ) from error

    return _published(200, add)


def _published(status: int, add: Callable[[Batch, bytes], None]) -> Response:
    """Publish what `add` puts into a batch, and answer with the ids.

    A request that was answered before, by its idempotency key, is answered again.
    """
    _authorize()
    for name in request.args:
        raise InvalidParameter(name[:80], "publishing takes no parameters")
    body = _body()
    feed, once = the_feed(), _once(body)
    with feed.publishing:
        ids = None if once is None else feed.recall(once)
        if ids is None:
            batch = Batch(feed.log, feed.settings.max_keys, now_ms())
            add(batch, body)
            ids = feed.publish(batch.events, once)
    return _answer(status, ids)


def _authorize() -> None:
    """Return where the request has one of the tokens; 403 or 401 where it hasn't."""
    tokens = the_feed().settings.publish_tokens
    if not tokens:
        raise Forbidden("Publishing is off: set PUBLISH_TOKEN to switch it on.")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # All are compared, and each in constant time: how long it takes tells nothing.
    right = [hmac.compare_digest(given.strip().encode(), t.encode()) for t in tokens]
    if scheme.lower() != "bearer" or not any(right):
        raise Unauthorized(
            "The header `Authorization: Bearer <PUBLISH_TOKEN>` is missing or wrong.",
            www_authenticate=WWWAuthenticate("bearer"),
        )


def _body() -> bytes:
    """Return the whole body, in time; 413 and 415 where it can't be taken."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    sock = request.environ.get("gunicorn.socket")
    if sock is None:
        return request.get_data()
    connection = Connection(sock, request.environ["SERVER_PROTOCOL"])
    late = threading.Timer(RECEIPT, connection.break_off)
    late.daemon = True
    late.start()
    try:
        return request.get_data()
    finally:
        late.cancel()


def _once(body: bytes) -> Once | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused("Idempotency-Key", "1 to 200 visible ASCII characters")
    said = f"{request.method} {request.path} {request.mimetype}\n".encode() + body
    return Once(key, hashlib.sha256(said).hexdigest())


def _answer(status: int, ids: list[EventId]) -> Response:
    body = {"published": len(ids), "ids": [*map(str, ids)]}
    response = Response(msgspec.json.encode(body) + b"\n", status)
    response.content_type = "application/json"
    response.headers["Cache-Control"] = "no-store"
    return response
