"""Reading a recording: a saved stream, as NDJSON or server-sent events.

Theory of operation: the first byte of a line shows which of the two formats it has, so
a file may mix them. Only one line at a time has to fit into memory. Files of other
formats are recognized by their first bytes, and the error says how to convert them.
"""

import re
from collections.abc import Iterator
from typing import Protocol

import msgspec

from feed.events.event import DATA_LENGTH, OTHER, EventId
from feed.events.shapes import Instant
from feed.events.wrapping import Wrapped

LONGEST = DATA_LENGTH + 4096  # bytes of a line: the data and its envelope
BOM = b"\xef\xbb\xbf"
OVERHEAD = 64  # bytes of memory for each line, beside its text
SSE_FIELDS = frozenset({b"id", b"event", b"data", b"retry"})
UNKNOWN_FIELD = re.compile(rb"[A-Za-z][\w-]*:")  # of server-sent events

UTF_16 = "the file is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8 FILE"
OTHER_FORMATS = {  # the first bytes of a file that is no recording, and the remedy
    b"\x1f\x8b": "the file is compressed; unpack it first: gzip -dc FILE",
    b"PK\x03\x04": "the file is compressed; unpack it first: unzip -p FILE",
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
    b"[": "a JSON array; one event a line is expected: jq -c '.[]' FILE",
}
NEITHER = (
    'neither NDJSON, such as {"event":"note","data":1}, nor a field of server-sent '
    "events, such as data: 1"
)
UNENDED = "the file ends within the event; a blank line ends an event"
BARE_CR = "a carriage return ends no line; convert it first: tr '\\r' '\\n' < FILE"


class Record(msgspec.Struct, frozen=True):
    """A recorded event; `line` is the line at which it begins, from 1.

    `id` is None if the event had none or one of another format. `data` is JSON on one
    line. The key expires `ttl` seconds after the event, or at the instant `until`
    (epoch ms) of the recording.
    """

    line: int
    type: str
    data: bytes
    key: str | None
    id: EventId | None
    ttl: float | None = None
    until: int | None = None


class Damage(msgspec.Struct, frozen=True):
    """A line that can't be read.

    `cut` means that the recording ends within it, as when a connection broke. A file
    without any event before that line is not a recording that was cut.
    """

    line: int
    reason: str
    cut: bool = False


class Object(msgspec.Struct):
    """One line of NDJSON."""

    event: str
    data: msgspec.Raw
    key: str | None = None
    id: str | None = None
    ttl: float | None = None
    until: Instant | None = None


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
        self._has_events = line > 0
        self._block = _Block(line + 1)

    def __iter__(self) -> Iterator[Record | Damage | None]:
        """Yield what each line completes; None if it completes nothing.

        A file of another format is read no further.
        """
        while text := self._read().removeprefix(BOM):
            self._line += 1
            if not self._has_events and (other := _find_other_format(text)):
                yield Damage(self._line, other)
                return
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
        self._block.damaged = True  # this may have been a part of it
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
        except msgspec.ValidationError as error:  # a whole object, so it was not cut
            return Damage(self._line, f"no event: {error}")
        except NO_JSON as error:
            if cut and self._has_events:
                return self._cut_off()
            reason = BARE_CR if b"\r" in text else f"no event: {error}"
            return Damage(self._line, reason)
        id, expiry = _id(it.id), (it.ttl, it.until)
        return self._found(Record(self._line, it.event, data, it.key, id, *expiry))

    def _field(self, text: bytes, cut: bool) -> Damage | None:
        """Parse a line of a server-sent event (HTML standard, section 9.2.6).

        An unknown field is ignored, but only if it looks like one. Otherwise the line
        is damaged, and the event with it.
        """
        if cut and self._has_events:
            return self._cut_off()
        name, _, value = text.partition(b":")
        if b"\r" in text:
            return self._damaged(BARE_CR)
        if name and name not in SSE_FIELDS:
            return self._unknown_field(text)
        if not self._block.add(name, value.removeprefix(b" ")):
            return Damage(self._line, f"the event is longer than {LONGEST} bytes")
        return None

    def _unknown_field(self, text: bytes) -> Damage | None:
        if not UNKNOWN_FIELD.match(text):
            return self._damaged(NEITHER)
        self._block.has_unknown = True
        return None

    def _damaged(self, reason: str) -> Damage:
        """Report the present line; its event is not read."""
        self._block.damaged = True
        return Damage(self._line, reason)

    def _cut_off(self) -> Damage:
        """Report the last line, within which the recording ends."""
        self._block = _Block(self._line + 1)
        return Damage(self._line, "cut off", cut=True)

    def _dispatch(self) -> Record | Damage | None:
        block, self._block = self._block, _Block(self._line + 1)
        if block.is_foreign:
            return Damage(block.line, NEITHER)
        if block.damaged or not block.data:
            return None
        try:
            return self._found(block.record())
        except NO_JSON as error:
            return Damage(block.line, f"no event: {error}")

    def _close(self) -> Iterator[Damage]:
        """Report an event without a blank line at its end: the standard discards it."""
        block, self._block = self._block, _Block(self._line + 1)
        if block.is_foreign:
            yield Damage(block.line, NEITHER)
        elif block.data and not block.damaged:
            cut = self._has_events
            yield Damage(block.line, "the event is cut off" if cut else UNENDED, cut)

    def _found(self, record: Record) -> Record:
        """Return an event of the file, unwrapped."""
        self._has_events = True
        return _unwrapped(record)


class _Block:
    """The lines of a server-sent event that begins at `line`, so far."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.data: list[bytes] = []
        self.damaged = False
        self.has_unknown = False
        self._has_known = False
        self._size = 0
        self._id = b""
        self._event = b"message"

    @property
    def is_foreign(self) -> bool:
        """Whether these are lines of another format, such as `name: value` of a log."""
        return self.has_unknown and not (self._has_known or self.damaged)

    def add(self, name: bytes, value: bytes) -> bool:
        """Add one field; return False if the event is too long now."""
        self._has_known = self._has_known or bool(name)
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
        return Record(self.line, event, data, None, _id(id))


def one_line(data: bytes) -> bytes:
    """Return JSON without line breaks; raise one of `NO_JSON` if it is not JSON."""
    msgspec.json.decode(data)
    return msgspec.json.format(data, indent=-1) if b"\n" in data else data


def _find_other_format(text: bytes) -> str:
    """Return how to convert a file that begins so, "" if it can be a recording."""
    begun = text.lstrip()
    found = (how for magic, how in OTHER_FORMATS.items() if begun.startswith(magic))
    return next(found, "")


def _unwrapped(record: Record) -> Record:
    """Return the event that a recorded `other` event wraps; all others unchanged."""
    if record.type != OTHER:
        return record
    try:
        it = _decode_wrapped(record.data)
    except msgspec.ValidationError:  # a publisher's own type in an older recording
        return record
    return msgspec.structs.replace(
        record, type=it.event, data=bytes(it.data), key=it.key
    )


def _id(text: str | None) -> EventId | None:
    try:
        return EventId.parse(text or "")
    except ValueError:
        return None
