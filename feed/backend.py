"""How events get into the log: the interface that `Alone` and `Shared` implement.

`Feed` chooses one of the two when it is made. Everything else uses this interface, and
doesn't ask whether there is a Redis.
"""

import threading
from collections.abc import Sequence
from typing import Protocol, Self

import msgspec

from feed.events.catalogue import CATALOGUE
from feed.events.event import Event, EventId
from feed.events.reading import read_shape
from feed.history import Mark, marks
from feed.publishing.idempotency import Once

TICK = 0.05  # seconds between two steps of the source; what falls due goes out together


class Publication(msgspec.Struct, frozen=True):
    """Events to publish, and what they change besides the log.

    `marks` are the changes of the history. `expiries` has, for each event, the instant
    (epoch ms) at which its key is to be retired; None for a key that stays.
    """

    events: Sequence[Event]
    marks: list[Mark]
    expiries: list[int | None]

    @classmethod
    def of(cls, events: Sequence[Event]) -> Self:
        """Return the publication of `events`."""
        return cls(events, marks(events), [expiry_of(event) for event in events])


class Backend(Protocol):
    """How one process publishes, and follows what others publish."""

    @property
    def away(self) -> str | None:
        """Why the log can't be followed now; None while it can."""

    @property
    def published(self) -> dict[str, int]:
        """How many events of each type this process published."""

    def publish(
        self, publication: Publication, once: Once | None, seen: EventId | None
    ) -> list[EventId]:
        """Publish all events or none, in order, and return their ids.

        The ids are remembered under the key of `once`. Raise Overtaken if one of the
        keys changed after `seen`, and Unavailable if the log is away.
        """

    def recall(self, once: Once) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """

    def is_ahead(self, cursor: EventId) -> bool:
        """Return whether a cursor beyond the tail belongs to this log nevertheless."""

    def run(self, ending: threading.Event) -> None:
        """Run the source, or wait to run it, until `ending` is set; then let it go."""

    def close(self) -> None:
        """Close the connections that the backend holds."""


def expiry_of(event: Event) -> int | None:
    """Return when (epoch ms) the event's key is to be retired; None if it stays."""
    row = CATALOGUE.get(event.type)
    if row is None or row.expires_at is None:
        return None
    shape = read_shape(event)
    return None if shape is None else getattr(shape, row.expires_at)
