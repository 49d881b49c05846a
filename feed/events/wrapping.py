"""Events of publishers' own types, wrapped under the one name `other`.

An EventSource reports only the event names that it listens to, so it misses the events
of a type that did not exist when the page was written. With `events=other` it listens
to one name and gets every such event, wrapped in an object that names type and key.
"""

import msgspec

from feed.events.event import OTHER, Event


class Wrapped(msgspec.Struct, frozen=True):
    """The data of an `other` event: the event that it wraps."""

    event: str
    key: str | None
    data: msgspec.Raw


def wrap(event: Event) -> Event:
    """Return an `other` event that wraps `event`, under the same id.

    The data of `event` is copied as bytes and not parsed again.
    """
    key = None if event.slot is None else event.slot[1]
    data = msgspec.json.encode(Wrapped(event.type, key, msgspec.Raw(event.data)))
    return msgspec.structs.replace(event, type=OTHER, data=data)
