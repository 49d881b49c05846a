"""An event, its id and its key.

Strategy: an event that can't be sent is refused here, where events enter, so that no
other code has to check it again. The JSON is written once and travels as bytes.
"""

import re
from typing import NamedTuple

import msgspec

from feed.events.control import CONTROLS

CONTROL_TYPES = frozenset(CONTROLS)
GONE = "gone"  # retires a key
OTHER = "other"  # wraps an event of a publisher's own type
MESSAGE = "message"  # a part of an answer; EventSource calls an event without a name so
# The names that EventSource gives to its own events (WHATWG HTML standard, sections
# 9.2.2 and 9.2.6). A published event of such a name would look like an error of the
# connection, or like an event without a name.
BROWSER_TYPES = frozenset({"open", "error", MESSAGE})
TYPE_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
KEY_LENGTH = 200  # characters; a key goes into ids, URLs and log lines
DATA_LENGTH = 1 << 20  # bytes; what one publish may weigh (1 MiB)
MAX_DEPTH = 64  # levels of arrays and objects; readers of JSON give up at a few hundred
MAX_TYPES = 100  # event types of publishers' own; each is counted by its name
FORBIDDEN_IN_KEY = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Slot = tuple[str, str]
"""An event type and a key. A newer event replaces the older one of its slot."""


class InvalidEvent(ValueError):
    """The event can't be sent; the message says which part is invalid, and why."""


class EventId(NamedTuple):
    """`<ms>-<seq>`: epoch milliseconds and a count within them, as in Redis Streams.

    It orders as two numbers. A sequence of -1 is the instant itself, before every
    event of that millisecond, and is written as a bare `<ms>`.
    """

    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> "EventId":
        """Read `<ms>-<seq>` or a bare `<ms>`; ValueError if the text is neither."""
        found = re.fullmatch(r"([0-9]{1,15})(?:-([0-9]{1,20}))?", text, re.ASCII)
        if not found:
            raise ValueError(f"not an event id (<ms>-<seq> or <ms>): {text[:80]!r}")
        ms, seq = found.groups()
        return cls(int(ms), -1 if seq is None else int(seq))

    def __str__(self) -> str:
        return str(self.ms) if self.seq < 0 else f"{self.ms}-{self.seq}"


UNPUBLISHED = EventId(0, 0)


class Event(msgspec.Struct, frozen=True):
    """One thing that happened.

    `data` is its JSON, UTF-8 on one line. `slot` is None for an un-keyed event; a
    `gone` event stands in the slot of the key that it retires. `subject` is the
    symbol or match that the event is about, which is what a view filters by.
    `id` is given by the log. `until` is the instant (epoch ms) at which the server
    retires the key, unless a newer event of the key comes; None means never.
    """

    type: str
    data: bytes
    slot: Slot | None = None
    subject: str | None = None
    id: EventId = UNPUBLISHED
    until: int | None = None

    def with_id(self, id: EventId) -> "Event":
        """Return this event under the id that the log gave it."""
        return Event(self.type, self.data, self.slot, self.subject, id, self.until)

    @property
    def retires(self) -> bool:
        """Whether this is a `gone` event."""
        return self.type == GONE


def keyed(type: str, key: str, data: bytes, until: int | None = None) -> Event:
    """Return an event that is the whole state of a key; InvalidEvent if invalid.

    At `until` (epoch ms) the server retires the key; None means never.
    """
    slot = checked_type(type), checked_key(key)
    return Event(type, checked_data(data), slot, key, until=until)


def unkeyed(type: str, data: bytes, subject: str | None = None) -> Event:
    """Return an event that has no key; InvalidEvent if it is invalid."""
    if subject is not None:
        checked_key(subject)
    return Event(checked_type(type), checked_data(data), None, subject)


def gone(type: str, key: str, at: int) -> Event:
    """Return the event that retires `key` at the instant `at` (epoch milliseconds)."""
    slot = checked_type(type), checked_key(key)
    data = msgspec.json.encode({"event": type, "key": key, "at": at})
    return Event(GONE, data, slot, key)


def checked_type(type: str) -> str:
    """Return an event type that may be published; InvalidEvent for any other."""
    if not TYPE_NAME.fullmatch(type):
        raise InvalidEvent(
            f"event type {type[:80]!r}: a letter a-z, then up to 63 of a-z 0-9 _ . -"
        )
    if type in CONTROL_TYPES or type in (GONE, OTHER):
        raise InvalidEvent(f"event type {type!r} is the server's own; take another")
    if type in BROWSER_TYPES:
        raise InvalidEvent(f"event type {type!r} is EventSource's own; take another")
    return type


def checked_key(key: str) -> str:
    """Return a key that may be sent; InvalidEvent for any other."""
    if not 0 < len(key) <= KEY_LENGTH:
        raise InvalidEvent(f"a key has 1 to {KEY_LENGTH} characters, not {len(key)}")
    if FORBIDDEN_IN_KEY.search(key):
        raise InvalidEvent(f"key {key[:80]!r}: no control characters or line breaks")
    return key


def checked_data(data: bytes) -> bytes:
    """Return JSON that fits on one line; InvalidEvent if it doesn't."""
    if len(data) > DATA_LENGTH:
        raise InvalidEvent(f"data is {len(data)} bytes, more than {DATA_LENGTH}")
    if b"\n" in data or b"\r" in data or b"\0" in data:
        raise InvalidEvent("data holds a raw line break or NUL; write \\n, \\u0000")
    return data


def check_depth(value: object) -> None:
    """Raise InvalidEvent if JSON is nested deeper than its readers manage."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise InvalidEvent(f"nested more than {MAX_DEPTH} levels deep")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.values()]
    return value if isinstance(value, list) else []
