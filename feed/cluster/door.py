"""Reading what Redis holds: each entry is checked as if it were published here.

Theory of operation: another version of Liveboard may have written an entry, and so may
anybody else who can write to Redis. An entry whose data would forge an event of a
stream, or that isn't of the form that this module expects, is left out: it is counted,
and the first one of each place is logged. All other entries count. The check is lenient
about the shape of the data, as `feed/events/reading.py` is: unknown fields travel on.
"""

import logging

import msgspec

from feed.cluster.reasons import printable_reason
from feed.events.catalogue import CATALOGUE, KNOWN
from feed.events.event import (
    GONE,
    MAX_DEPTH,
    MAX_TYPES,
    Event,
    EventId,
    InvalidEvent,
    check_depth,
    checked_data,
    checked_key,
    checked_type,
)
from feed.events.reading import read_shape

Entry = tuple[bytes, dict[bytes, bytes]]
"""An entry of a stream in Redis: its id and its fields."""

# KeyError: a field is missing. ValueError: it isn't UTF-8, or not of its form.
UNREADABLE_ENTRY = (KeyError, ValueError, RecursionError, msgspec.MsgspecError)

_skim = msgspec.json.Decoder(msgspec.Raw).decode

logger = logging.getLogger("liveboard.door")


class Door:
    """Lets in what can be read of Redis, and counts what can't."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._reported: set[str] = set()
        self._types: set[str] = set()  # of publishers' own

    def leave_out(self, place: str, error: Exception) -> None:
        """Count an entry that can't be read, and log the first one of its place."""
        self.unreadable += 1
        if place not in self._reported:
            self._reported.add(place)
            logger.warning(
                "An entry of the %s in Redis can't be read, and is left out: %s: %s. "
                "Further ones are only counted.",
                place,
                type(error).__name__,
                printable_reason(str(error)),
            )

    def read_events(self, entries: list[Entry]) -> tuple[list[Event], list[EventId]]:
        """Return the events of entries, and the ids of the entries that are left out.

        ValueError if even the id of an entry can't be read.
        """
        events, left_out = list[Event](), list[EventId]()
        for id, fields in entries:
            try:
                events.append(self._check(_read_event(id, fields)))
            except UNREADABLE_ENTRY as error:
                left_out.append(read_id(id))
                self.leave_out("events", error)
        return events, left_out

    def read_state(
        self, state: dict[bytes, bytes], expiries: dict[bytes, bytes], tail: EventId
    ) -> list[Event]:
        """Return the newest event of each slot, in id order; each is up to `tail`."""
        events = []
        for slot, text in state.items():
            try:
                event = self._check(_read_state(slot, text, expiries))
                if event.id > tail:
                    raise InvalidEvent(f"its id is after the tail of the log, {tail}")
                events.append(event)
            except UNREADABLE_ENTRY as error:
                self.leave_out("state", error)
        return sorted(events, key=lambda event: event.id)

    def read_id_or(
        self, fields: dict[bytes, bytes], name: bytes, default: EventId
    ) -> EventId:
        """Return the id in a field; `default` if it can't be read."""
        try:
            return read_id(fields[name])
        except UNREADABLE_ENTRY as error:
            self.leave_out(f"field {name.decode()}", error)
            return default

    def _check(self, event: Event) -> Event:
        """Return an event that may be sent; InvalidEvent for any other."""
        if event.type != GONE:
            self._check_type(event.type)
        if event.slot is not None:
            self._check_type(event.slot[0])
        elif event.type == GONE:
            raise InvalidEvent("it retires nothing")
        if event.subject is not None:
            checked_key(event.subject)
        check_json(event.data)
        return event

    def _check_type(self, type: str) -> None:
        if type in KNOWN or type in self._types:
            return
        checked_type(type)
        if len(self._types) >= MAX_TYPES:
            raise InvalidEvent(f"more than {MAX_TYPES} event types of publishers' own")
        self._types.add(type)


def check_json(data: bytes) -> None:
    """Raise one of `UNREADABLE_ENTRY` unless data is JSON that can be sent."""
    checked_data(data)
    data.decode()
    _skim(data)
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        check_depth(msgspec.json.decode(data))


def read_id(id: bytes) -> EventId:
    """Return an event id; ValueError if it isn't one."""
    return EventId.parse(id.decode())


def _read_event(id: bytes, fields: dict[bytes, bytes]) -> Event:
    subject = fields[b"subject"].decode() or None
    slot = fields[b"slot"].decode()
    event = Event(
        type=fields[b"event"].decode(),
        data=fields[b"data"],
        slot=(slot, subject) if slot and subject else None,
        subject=subject,
        id=read_id(id),
    )
    return _expiring(event, fields.get(b"until"))


def _read_state(slot: bytes, text: bytes, expiries: dict[bytes, bytes]) -> Event:
    """Return an event from an entry of the table of states.

    An expiry counts only for the event with its id: a version that knows no expiries
    leaves it where it is when it replaces or retires the event.
    """
    type, key = slot.decode().split("\0")
    id, name, data = text.split(b" ", 2)
    expires, _, until = expiries.get(slot, b"").partition(b" ")
    event = Event(name.decode(), data, (type, key), key, read_id(id))
    return _expiring(event, until if expires == id else None)


def _expiring(event: Event, until: bytes | None) -> Event:
    """Return an event with the instant at which its key is to be retired.

    An older version stored that instant only in the data, and only of some types.
    """
    if until:
        return msgspec.structs.replace(event, until=int(until))
    row = CATALOGUE.get(event.type)
    if row is None or row.expires_at is None:
        return event
    shape = read_shape(event)
    instant = None if shape is None else getattr(shape, row.expires_at)
    return msgspec.structs.replace(event, until=instant)
