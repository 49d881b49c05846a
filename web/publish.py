"""Publishing over HTTP: who may, how much at once, and the answer."""

import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    NotFound,
    RequestEntityTooLarge,
    RequestTimeout,
    Unauthorized,
    UnsupportedMediaType,
)

from feed.clock import now_ms
from feed.events.event import Event, EventId
from feed.publishing.batch import MAX_BODY, Batch, Refused
from feed.publishing.idempotency import Once
from feed.streams.connection import Connection
from web import the_feed

RECEIPT = 30.0  # seconds in which a body must have come
NDJSON = "application/x-ndjson"
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")

blueprint = Blueprint("publish", __name__, url_prefix="/api")


class Answer(msgspec.Struct, frozen=True):
    """How many events were published, and under which ids, in their order."""

    published: int
    ids: list[str]


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
            raise NotFound(f"{error}; /api/state lists the keys.") from error

    return _published(200, add)


def _published(status: int, add: Callable[[Batch, bytes], None]) -> Response:
    """Publish what `add` puts into a batch, and answer with the ids.

    A request that was answered before, by its idempotency key, is answered again.
    """
    _authorize()
    if request.args:  # not named: it may be a token
        raise BadRequest(
            "Publishing takes no parameters; a token goes into Authorization."
        )
    _check_path()
    body = _body()
    feed, once = the_feed(), _once(body)

    def understood() -> list[Event]:
        batch = Batch(feed.log, feed.settings.max_keys, now_ms())
        add(batch, body)
        return batch.events

    return _answer(status, feed.submit(understood, once))


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


def _check_path() -> None:
    """Refuse a path that is no UTF-8: its key would be another than was meant."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise Refused("the URL", "a key is UTF-8, percent-encoded") from error


def _body() -> bytes:
    """Return the whole body; 400, 408, 413 and 415 where it can't be had."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    request.max_content_length = MAX_BODY + 1  # to tell one too long from a whole one
    late = threading.Event()
    timer = threading.Timer(RECEIPT, _give_up, (request.environ, late))
    timer.daemon = True
    timer.start()
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise
    except Exception as error:  # each server raises its own where it is no HTTP
        if not late.is_set():
            raise BadRequest("The body broke off, or is no HTTP.") from error
        body = b""
    finally:
        timer.cancel()
    return _whole(body, late.is_set())


def _give_up(environ: dict[str, Any], late: threading.Event) -> None:
    """Let the wait for a body end."""
    late.set()
    sock = environ.get("gunicorn.socket")
    if sock is not None:
        Connection(sock, environ["SERVER_PROTOCOL"]).expect_no_more()


def _whole(body: bytes, late: bool) -> bytes:
    """Return a body that is all that was announced: half of one is never published."""
    if late:
        raise RequestTimeout(f"The body didn't arrive within {RECEIPT:g} seconds.")
    if len(body) > MAX_BODY:
        raise RequestEntityTooLarge
    expected = request.content_length or 0
    if len(body) < expected:
        raise BadRequest(f"The body broke off after {len(body)} of {expected} bytes.")
    return body


def _once(body: bytes) -> Once | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused("Idempotency-Key", "1 to 200 visible ASCII characters")
    said = f"{request.method} {request.path} {request.mimetype}\n".encode() + body
    return Once(key, hashlib.sha256(said).hexdigest())


def _answer(status: int, ids: list[EventId]) -> Response:
    body = Answer(len(ids), [*map(str, ids)])
    response = Response(msgspec.json.encode(body) + b"\n", status)
    response.content_type = "application/json"
    response.headers["Cache-Control"] = "no-store"
    return response
