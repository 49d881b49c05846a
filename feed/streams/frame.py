"""A frame: the bytes of one write, in each form in which streams need them."""

import zlib
from typing import NamedTuple

from feed.events.event import EventId
from feed.streams.ledger import Ledger

LEVEL, MEMORY = 6, 9  # zlib: smaller tables take longer here, not shorter


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

    def after(self, said: bytes, gzip: bool) -> "Frame":
        """Return this frame with what only one stream is told before it.

        So both go out in one write; what is shared is not compressed again.
        """
        if not said:
            return self
        joined = Frame(said + self.data, self.events, self.tail)
        if gzip:
            joined._zipped = deflate(said) + self.body(gzip)
        return joined

    def enter(self, ledger: Ledger, gzip: bool) -> Ledger:
        """Return a stream's ledger after it was written this frame."""
        zipped = self.data if gzip else b""
        return ledger.wrote(self.events, len(self.body(gzip)), zipped)


def deflate(data: bytes) -> bytes:
    """Return compressed bytes that can stand anywhere in a stream (RFC 1951).

    They look back at nothing before them and end on a byte's boundary, so that every
    stream can be given the same, whatever it was given before.
    """
    if not data:
        return b""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
