"""A frame: the bytes of one write, in each form in which streams need them.

Theory of operation: a frame is compressed once for all streams that send it, whatever
each of them has sent before. This needs two things. A frame's compressed bytes must not
refer to earlier ones, so each frame starts with an empty dictionary and ends on a byte
boundary. And the checksum at the end of a gzip stream must cover all frames that this
one stream has sent, so it is put together from their checksums (`ledger.py`).
"""

import zlib
from typing import NamedTuple

from feed.events.event import EventId
from feed.streams.ledger import Ledger

LEVEL, MEMORY = 6, 9  # of zlib; with less memory it was slower, not faster


class Form(NamedTuple):
    """How frames are written to a socket: compressed or not, in chunks or not."""

    gzip: bool = False
    chunked: bool = False


class Frame:
    """The bytes of one write, and how many events of the log they contain.

    `tail` is the cursor of a reader that has received the frame. Each form is made when
    the first stream needs it, and then kept for all others.
    """

    __slots__ = ("__weakref__", "_forms", "_zipped", "data", "events", "tail")

    def __init__(self, data: bytes, events: int, tail: EventId) -> None:
        self.data = data
        self.events = events
        self.tail = tail
        self._zipped: bytes | None = None
        self._forms: dict[Form, bytes] = {}

    def body(self, gzip: bool) -> bytes:
        """Return the bytes as they stand in the response's body."""
        if not gzip:
            return self.data
        if self._zipped is None:
            self._zipped = deflate(self.data)
        return self._zipped

    def on_wire(self, form: Form) -> bytes:
        """Return the bytes as they are written to a socket (RFC 9112, section 7.1)."""
        written = self._forms.get(form)
        if written is None:
            written = self.body(form.gzip)
            if form.chunked:
                written = b"%X\r\n%b\r\n" % (len(written), written)
            self._forms[form] = written
        return written

    def preceded_by(self, opening: bytes, gzip: bool) -> "Frame":
        """Return this frame with the bytes of one stream alone in front of it.

        So both go out in one write, and the shared part is not compressed again.
        """
        if not opening:
            return self
        joined = Frame(opening + self.data, self.events, self.tail)
        if gzip:
            joined._zipped = deflate(opening) + self.body(gzip)
        return joined

    def added_to(self, ledger: Ledger, gzip: bool) -> Ledger:
        """Return the ledger of a stream after it has sent this frame too."""
        zipped = self.data if gzip else b""
        return ledger.wrote(self.events, len(self.body(gzip)), zipped)


def deflate(data: bytes) -> bytes:
    """Return compressed bytes that can stand anywhere in a gzip stream (RFC 1951).

    They refer to nothing before them. Z_SYNC_FLUSH ends them on a byte boundary without
    marking the last block, so that more can follow.
    """
    if not data:
        return b""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
