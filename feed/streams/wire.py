"""Events as bytes: Server-Sent Events, NDJSON, lines or words that a person reads.

An event's JSON is never looked into again for SSE and NDJSON: it is spliced in. The
format of SSE is that of the WHATWG HTML standard, section 9.2.5.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from feed.events.catalogue import CATALOGUE, KNOWN
from feed.events.control import Control, End
from feed.events.event import MESSAGE, OTHER, Event, EventId
from feed.streams import text
from feed.streams.view import View, WireFormat

NAMES_ITS_KEY = KNOWN | {OTHER}  # the event types whose data has the event's key
NAMES_ITS_EXPIRY = frozenset(name for name, row in CATALOGUE.items() if row.expires_at)

_json = msgspec.json.Encoder().encode


class Wire(NamedTuple):
    """A wire format; `content_type` is its name in HTTP.

    `event` writes an event of the log, and `control` a control event (with an id it
    moves the client's cursor). `retry` writes the line that sets the client's waiting
    time in milliseconds, before a control event.
    """

    content_type: str
    event: Callable[[Event], bytes]
    control: Callable[[Control, EventId | None], bytes]
    retry: Callable[[int], bytes]


def name_of(control: Control) -> str:
    """Return the event type of a control event."""
    return type(control).__name__.lower()


def _sse_event(event: Event) -> bytes:
    ms, seq = event.id
    if event.type == MESSAGE:
        return b"id: %d-%d\ndata: %b\n\n" % (ms, seq, event.data)
    type = event.type.encode()
    return b"id: %d-%d\nevent: %b\ndata: %b\n\n" % (ms, seq, type, event.data)


def _sse_control(control: Control, id: EventId | None) -> bytes:
    cursor = b"" if id is None else b"id: %b\n" % str(id).encode()
    name = name_of(control).encode()
    return b"%bevent: %b\ndata: %b\n\n" % (cursor, name, _json(control))


def _sse_retry(milliseconds: int) -> bytes:
    # No blank line: some clients would take a block of its own for an event.
    return b"retry: %d\n" % milliseconds


def _ndjson_event(event: Event) -> bytes:
    if event.until is not None and event.type not in NAMES_ITS_EXPIRY:
        return _ndjson_expiring(event, event.until)
    if event.slot is None or event.type in NAMES_ITS_KEY:
        return _ndjson(str(event.id), event.type, event.data)
    id, name, key = _json(str(event.id)), _json(event.type), _json(event.slot[1])
    return b'{"id":%b,"event":%b,"key":%b,"data":%b}\n' % (id, name, key, event.data)


def _ndjson_expiring(event: Event, until: int) -> bytes:
    is_named = event.slot is None or event.type in NAMES_ITS_KEY
    key = b"" if is_named else b'"key":%b,' % _json(event.subject)
    parts = _json(str(event.id)), _json(event.type), key, until, event.data
    return b'{"id":%b,"event":%b,%b"until":%d,"data":%b}\n' % parts


def _ndjson_control(control: Control, id: EventId | None) -> bytes:
    return _ndjson(None if id is None else str(id), name_of(control), _json(control))


def _ndjson(id: str | None, name: str, data: bytes) -> bytes:
    return b'{"id":%b,"event":%b,"data":%b}\n' % (_json(id), _json(name), data)


def _text_event(event: Event) -> bytes:
    return text.line(event.type, text.describe(event.type, event.data), str(event.id))


def _text_control(control: Control, id: EventId | None) -> bytes:
    words = text.describe_fields(msgspec.to_builtins(control))
    return text.line(name_of(control), words, None if id is None else str(id))


def _words_event(event: Event) -> bytes:
    if event.type != MESSAGE:
        return _text_event(event)
    return text.words_of(event.data).encode("utf-8", "replace")


def _words_control(control: Control, id: EventId | None) -> bytes:
    """End the line; below it, say why the answer isn't complete."""
    if not isinstance(control, End):
        return b""
    return f"\n{text.printable(control.detail)}\n".encode() if control.detail else b"\n"


def _no_retry(milliseconds: int) -> bytes:
    return b""  # only SSE has `retry:`; `bye` has `retry_ms` in all formats


WIRES: dict[WireFormat, Wire] = {
    "sse": Wire(
        "text/event-stream; charset=utf-8", _sse_event, _sse_control, _sse_retry
    ),
    "ndjson": Wire("application/x-ndjson", _ndjson_event, _ndjson_control, _no_retry),
    "text": Wire("text/plain; charset=utf-8", _text_event, _text_control, _no_retry),
    "words": Wire("text/plain; charset=utf-8", _words_event, _words_control, _no_retry),
}


def encoder(view: View) -> Callable[[Event], bytes]:
    """Return the function that writes the events which `view` selects."""
    encode = WIRES[view.wire].event
    if not view.wraps_some:
        return encode
    return lambda event: encode(view.shown(event))
