"""Publishing over HTTP: check the token and the body, publish, respond with the ids."""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import (
    BadRequest,
    NotFound,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

from feed.clock import now_ms
from feed.events.event import EventId
from feed.publishing.batch import MAX_BODY, Batch, Refused
from feed.publishing.idempotency import Idempotency, identify
from feed.publishing.lifetime import MAX_TTL, MIN_TTL
from feed.publishing.publication import Publication
from feed.streams.connection import Connection
from serving.slots import current_slot
from web import the_feed
from web.access import authorize_publishing, read_credentials
from web.query import InvalidParameter, parse_seconds

RECEIPT = 30.0  # seconds within which a whole body must arrive
NDJSON = "application/x-ndjson"
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")

blueprint = Blueprint("publish", __name__, url_prefix="/api")


class PublishedIds(msgspec.Struct, frozen=True):
    """The response: how many events were published, and their ids in order."""

    published: int
    ids: list[str]


@blueprint.post("/publish")
def publish() -> Response:
    """Publish one event, or up to 1000 as NDJSON: all of them or none."""
    if request.mimetype == NDJSON:
        return _publish(201, Batch.add_lines)
    return _publish(201, Batch.add_object)


@blueprint.put("/prices/<key:key>", defaults={"type": "price"})
@blueprint.put("/scores/<key:key>", defaults={"type": "score"})
@blueprint.put("/keys/<type>/<key:key>")
def put(type: str, key: str) -> Response:
    """Publish the state of a key, which stays for `ttl` seconds if that is given."""

    def add(batch: Batch, body: bytes) -> None:
        batch.add_key(type, key, body, _read_ttl())

    return _publish(201, add, takes_ttl=True)


@blueprint.delete("/prices/<key:key>", defaults={"type": "price"})
@blueprint.delete("/scores/<key:key>", defaults={"type": "score"})
@blueprint.delete("/keys/<type>/<key:key>")
def retire(type: str, key: str) -> Response:
    """Retire a key; 404 if there is no such key."""

    def add(batch: Batch, body: bytes) -> None:
        try:
            batch.retire(type, key, "the URL")
        except Refused as error:
            raise NotFound(f"{error}; /api/state lists the keys.") from error

    return _publish(200, add)


def _publish(
    status: int, add: Callable[[Batch, bytes], None], *, takes_ttl: bool = False
) -> Response:
    """Publish the events that `add` parses from the body, and respond with their ids.

    A retry, recognized by its idempotency key, gets the first response again.
    """
    authorize_publishing()
    _check_parameters(takes_ttl)
    body = read_body()
    feed, idempotency = the_feed(), read_idempotency(body)

    def parse() -> Publication:
        bounds = feed.settings
        batch = Batch(feed.log, bounds.max_keys, now_ms(), bounds.max_keys_bytes)
        add(batch, body)
        return batch.publication

    return _respond(status, feed.submit(parse, idempotency))


def _check_parameters(takes_ttl: bool) -> None:
    """Refuse unknown parameters. The message has none of them: one may be a token."""
    if takes_ttl and {*request.args} - {"ttl"}:
        raise BadRequest("PUT takes only `ttl`; a token goes into Authorization.")
    if request.args and not takes_ttl:
        raise BadRequest(
            "This takes no parameters; a token goes into Authorization, and the `ttl` "
            "of an event stands beside its data."
        )


def _read_ttl() -> float | None:
    """Return the seconds for which the key stays; None if that isn't limited."""
    given = request.args.getlist("ttl")
    if len(given) > 1:
        raise InvalidParameter("ttl", "is given twice")
    return float(parse_seconds("ttl", given[0], MIN_TTL, MAX_TTL)) if given else None


def read_body() -> bytes:
    """Return the whole body; 400, 408, 413 or 415 if that is impossible."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    slot = current_slot.get(None)
    if slot is None:
        return _receive_body()
    slot.exempt()  # a body has a deadline of its own
    try:
        body = _receive_body()
        slot.has_read_body = True
    except (BadRequest, RequestTimeout, RequestEntityTooLarge):
        slot.close_after_response()
        raise
    finally:
        slot.begin_answer(time.monotonic())
    return body


def _receive_body() -> bytes:
    """Return the whole body; 400, 408 or 413 if that is impossible."""
    # One byte more than is allowed, so that `_check_complete` can tell a larger body.
    request.max_content_length = MAX_BODY + 1
    late = threading.Event()
    timer = threading.Timer(RECEIPT, _give_up, (request.environ, late))
    timer.daemon = True
    timer.start()
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise
    except Exception as error:  # each server has its own errors for invalid HTTP
        if not late.is_set():
            raise BadRequest("The body broke off, or isn't valid HTTP.") from error
        body = b""
    finally:
        timer.cancel()
    return _check_complete(body, late.is_set())


def _give_up(environ: dict[str, Any], late: threading.Event) -> None:
    """Stop waiting for a body: the read that is waiting for it returns."""
    late.set()
    sock = environ.get("gunicorn.socket")
    if sock is not None:
        Connection(sock, environ["SERVER_PROTOCOL"]).stop_reading()


def _check_complete(body: bytes, late: bool) -> bytes:
    """Return the body if it is complete: a part of one must never be published."""
    if late:
        raise RequestTimeout(f"The body didn't arrive within {RECEIPT:g} seconds.")
    if len(body) > MAX_BODY:
        raise RequestEntityTooLarge
    expected = request.content_length or 0
    if len(body) < expected:
        raise BadRequest(f"The body broke off after {len(body)} of {expected} bytes.")
    return body


def read_idempotency(body: bytes) -> Idempotency | None:
    """Return the idempotency key with the request's fingerprint; None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused("Idempotency-Key", "1 to 200 visible ASCII characters")
    target = request.full_path if request.args else request.path
    content = f"{request.method} {target} {request.mimetype}\n".encode() + body
    given = read_credentials()
    return identify(key, given.token if given else "", content)


def _respond(status: int, ids: list[EventId]) -> Response:
    body = PublishedIds(len(ids), [*map(str, ids)])
    response = Response(msgspec.json.encode(body) + b"\n", status)
    response.content_type = "application/json"
    response.headers["Cache-Control"] = "no-store"
    return response
