"""Frames: the bytes of one write, made once for all streams that stand alike.

Strategy: streams with the same view at the same cursor are owed the same bytes. They
are made when the first of them asks and kept until the log grows, which is when
nobody is owed them any more, but for those that lag.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from feed.event import Event, EventId
from feed.ledger import Ledger, entry
from feed.log import Log
from feed.view import View, WireFormat
from feed.wire import WIRES

SHARED_BYTES = 16 << 20  # what the shared frames of one moment may hold
LEVEL, MEMORY = 6, 9  # zlib: smaller tables take longer here, not shorter
GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952, section 2.3
SHARED_READS = 64  # the cursors of one moment whose pending events are kept


class Form(NamedTuple):
    """How frames go onto a socket: compressed, and as chunks of HTTP/1.1."""

    gzip: bool = False
    chunked: bool = False


class Frame:
    """The bytes of one write, how many events of the log they hold, where they end.

    Each form of it is made when the first stream needs it, for all.
    """

    __slots__ = ("_forms", "_zipped", "data", "events", "tail")

    def __init__(self, data: bytes, events: int, tail: EventId) -> None:
        self.data = data
        self.events = events
        self.tail = tail
        self._zipped: bytes | None = None
        self._forms: dict[Form, bytes] = {}

    def body(self, gzip: bool) -> bytes:
        """Return the bytes as the response's body holds them."""
        if not gzip:
            return self.data
        if self._zipped is None:
            self._zipped = deflate(self.data)
        return self._zipped

    def on_wire(self, form: Form) -> bytes:
        """Return the bytes as they go onto a socket (chunks: RFC 9112, section 7.1)."""
        written = self._forms.get(form)
        if written is None:
            written = self.body(form.gzip)
            if form.chunked:
                written = b"%X\r\n%b\r\n" % (len(written), written)
            self._forms[form] = written
        return written

    def entry(self, gzip: bool) -> Ledger:
        """Return what this frame adds to the ledger of a stream."""
        body = self.body(gzip)
        return entry(self.events, len(body), self.data if gzip else b"")


class Frames:
    """The frames of the present moment: all that reach to the log's tail."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._moment = log.tail
        self._frames: dict[tuple[View, EventId], Frame] = {}
        self._pending: dict[EventId, list[Event]] = {}
        self._encoded: dict[tuple[WireFormat, EventId], bytes] = {}
        self._held = 0  # bytes

    def due(self, view: View, cursor: EventId) -> Frame | None:
        """Return what a view is owed after `cursor`; it may be empty.

        None where the log can't tell it without a gap.
        """
        if self._log.tail != self._moment:
            self._begin()
        frame = self._frames.get((view, cursor))
        if frame is None:
            events = self._read(view, cursor)
            if events is None:
                return None
            frame = self._encode(view.wire, events)
            if self._held + len(frame.data) < SHARED_BYTES:
                self._held += len(frame.data)
                self._frames[view, cursor] = frame
        return frame

    def _begin(self) -> None:
        self._moment = self._log.tail
        self._frames.clear()
        self._pending.clear()
        self._encoded.clear()
        self._held = 0

    def _read(self, view: View, cursor: EventId) -> list[Event] | None:
        if view.pace:
            read = self._log.read(cursor, view.selects, compact=True)
            return None if read.dropped is None else read.events
        pending = self._pending.get(cursor)
        if pending is None:
            read = self._log.read(cursor)
            if read.dropped is None:
                return None
            pending = read.events
            if len(self._pending) < SHARED_READS:
                self._pending[cursor] = pending
        return pending if view.selects_all else [*filter(view.selects, pending)]

    def _encode(self, wire: WireFormat, events: list[Event]) -> Frame:
        encode, encoded, parts = WIRES[wire].event, self._encoded, []
        for event in events:
            part = encoded.get((wire, event.id))
            if part is None:
                part = encoded[wire, event.id] = encode(event)
            parts.append(part)
        return Frame(b"".join(parts), len(parts), self._moment)


def encode(view: View, events: Iterable[Event], tail: EventId) -> Frame:
    """Return a frame of its own that shows `events` to a view and reaches to `tail`."""
    parts = [*map(WIRES[view.wire].event, events)]
    return Frame(b"".join(parts), len(parts), tail)


def deflate(data: bytes) -> bytes:
    """Return compressed bytes that can stand anywhere in a stream (RFC 1951).

    They look back at nothing before them and end on a byte's boundary, so that every
    stream can be given the same, whatever it was given before.
    """
    if not data:
        return b""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def gzip_trailer(ledger: Ledger) -> bytes:
    """Return what ends a gzip stream: a last block, checksum, length (RFC 1952)."""
    return b"\x03\0" + struct.pack("<II", ledger.crc, ledger.length & 0xFFFFFFFF)
