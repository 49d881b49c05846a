"""Reading a recording: a saved stream, as NDJSON or server-sent events.

Theory of operation: the first byte of a line shows which of the two formats it has, so
a file may mix them. Only one line at a time has to fit into memory.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from feed.events.event import DATA_LENGTH, OTHER, EventId
from feed.events.wrapping import Wrapped

LONGEST = DATA_LENGTH + 4096  # bytes of a line: the data and its envelope
BOM = b"\xef\xbb\xbf"
OVERHEAD = 64  # bytes of memory for each line, beside its text
SSE_FIELDS = frozenset({b"id", b"event", b"data", b"retry"})


class Record(msgspec.Struct, frozen=True):
    """A recorded event; `line` is the line at which it begins, from 1.

    `id` is None if the event had none or one of another format. `data` is JSON on one
    line.
    """

    line: int
    type: str
    data: bytes
    key: str | None
    id: EventId | None


class Damage(msgspec.Struct, frozen=True):
    """A line that can't be read. `cut` means that the file ends within it."""

    line: int
    reason: str
    cut: bool = False


class Object(msgspec.Struct):
    """One line of NDJSON."""

    event: str
    data: msgspec.Raw
    key: str | None = None
    id: str | None = None


NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode = msgspec.json.Decoder(Object).decode
_decode_wrapped = msgspec.json.Decoder(Wrapped).decode


class Readable(Protocol):
    """A file that can be read line by line."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, its first `limit` bytes, or nothing at the end."""


class RecordingReader:
    """Reads a recording line by line; `consumed` is the number of bytes so far.

    It begins after `line` lines. `settled` is the number of bytes and lines after which
    another reader can continue: no event is partly read there.
    """

    def __init__(self, file: Readable, line: int = 0) -> None:
        self.consumed = 0
        self.settled = (0, line)
        self._file = file
        self._line = line
        self._block = _Block(line + 1)

    def __iter__(self) -> Iterator[Record | Damage | None]:
        """Yield what each line completes; None if it completes nothing."""
        while text := self._read():
            self._line += 1
            if self._line == 1:
                text = text.removeprefix(BOM)
            if len(text) > LONGEST:
                yield from self._skip(text)
            else:
                yield from self._take(text)
        yield from self._close()

    def _read(self) -> bytes:
        text = self._file.readline(LONGEST + 1)
        self.consumed += len(text)
        return text

    def _skip(self, text: bytes) -> Iterator[Damage | None]:
        """Skip a line that is too long, a piece at a time."""
        yield Damage(self._line, f"longer than {LONGEST} bytes")
        while text and not text.endswith(b"\n"):
            text = self._read()
            yield None

    def _take(self, text: bytes) -> Iterator[Record | Damage | None]:
        cut = not text.endswith(b"\n")
        text = text.strip()
        if text.startswith(b"{"):
            yield from self._close()
            self.settled = (self.consumed, self._line)
            yield self._object(text, cut)
        elif text:
            yield self._field(text, cut)
        else:
            self.settled = (self.consumed, self._line)
            yield self._dispatch()

    def _object(self, text: bytes, cut: bool) -> Record | Damage:
        try:
            it = _decode(text)
            data = one_line(bytes(it.data))
        except NO_JSON as error:
            return self._damage(f"no event: {error}", cut)
        return _unwrapped(Record(self._line, it.event, data, it.key, _id(it.id)))

    def _field(self, text: bytes, cut: bool) -> Damage | None:
        """Parse a line of a server-sent event (HTML standard, section 9.2.6)."""
        name, _, value = text.partition(b":")
        if cut:
            self._block = _Block(self._line + 1)
            return self._damage("no event", cut)
        if name and name not in SSE_FIELDS:
            self._block.damaged = True
            return self._damage("neither NDJSON nor a field of server-sent events", cut)
        if not self._block.add(name, value.removeprefix(b" ")):
            return self._damage(f"the event is longer than {LONGEST} bytes", cut)
        return None

    def _dispatch(self) -> Record | Damage | None:
        block, self._block = self._block, _Block(self._line + 1)
        if block.damaged or not block.data:
            return None
        try:
            return block.record()
        except NO_JSON as error:
            return Damage(block.line, f"no event: {error}")

    def _close(self) -> Iterator[Damage]:
        """Report an event without a blank line at its end: the standard discards it."""
        block, self._block = self._block, _Block(self._line)
        if block.data and not block.damaged:
            yield Damage(block.line, "the event is cut off", cut=True)

    def _damage(self, reason: str, cut: bool) -> Damage:
        return Damage(self._line, "cut off" if cut else reason, cut)


class _Block:
    """The lines of a server-sent event that begins at `line`, so far."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.data: list[bytes] = []
        self.damaged = False
        self._size = 0
        self._id = b""
        self._event = b"message"

    def add(self, name: bytes, value: bytes) -> bool:
        """Add one field; return False if the event is too long now."""
        self._size += len(name) + len(value) + OVERHEAD
        if self.damaged:
            return True
        if name == b"data":
            self.data.append(value)
        elif name == b"id":
            self._id = value
        elif name == b"event":
            self._event = value
        self.damaged = self._size > LONGEST
        return not self.damaged

    def record(self) -> Record:
        """Return the event; raise one of `NO_JSON` if its data is not JSON."""
        id, event = self._id.decode(), self._event.decode()
        data = one_line(b"\n".join(self.data))
        return _unwrapped(Record(self.line, event, data, None, _id(id)))


def one_line(data: bytes) -> bytes:
    """Return JSON without line breaks; raise one of `NO_JSON` if it is not JSON."""
    msgspec.json.decode(data)
    return msgspec.json.format(data, indent=-1) if b"\n" in data else data


def _unwrapped(record: Record) -> Record:
    """Return the event that a recorded `other` event wraps; all others unchanged."""
    if record.type != OTHER:
        return record
    try:
        it = _decode_wrapped(record.data)
    except msgspec.ValidationError:  # a publisher's own type in an older recording
        return record
    return Record(record.line, it.event, bytes(it.data), it.key, record.id)


def _id(text: str | None) -> EventId | None:
    try:
        return EventId.parse(text or "")
    except ValueError:
        return None
