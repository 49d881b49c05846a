"""How events get into the log: the interface that `Alone` and `Shared` implement.

`Feed` chooses one of the two when it is made. Everything else uses this interface, and
doesn't ask whether there is a Redis.
"""

import threading
from typing import Protocol

from feed.events.event import EventId
from feed.publishing.idempotency import Idempotency
from feed.publishing.publication import Publication

FAILURE_PAUSE = 1.0  # seconds after a step of the source that failed
TICK = 0.05  # seconds between two steps of the source, each of which is one publication


class Backend(Protocol):
    """The way in which one process publishes, and follows other publishers."""

    @property
    def away(self) -> str | None:
        """The reason why the log can't be followed now; None while it can."""

    @property
    def other_feed(self) -> str | None:
        """The FEED of the process that leads, if this one has another; else None."""

    @property
    def unreadable(self) -> int:
        """The number of entries of the shared log that can't be read."""

    @property
    def published(self) -> dict[str, int]:
        """The number of events of each type that this process published."""

    def publish(
        self,
        publication: Publication,
        idempotency: Idempotency | None,
        seen: EventId | None,
    ) -> list[EventId]:
        """Publish all events or none, in order, and return their ids.

        The ids are remembered under the idempotency key. Raise Overtaken if one of the
        keys changed after `seen`, and Unavailable if the log is away.
        """

    def recall(self, idempotency: Idempotency) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """

    def is_ahead(self, cursor: EventId) -> bool:
        """Return whether a cursor beyond the tail belongs to this log nevertheless."""

    def run(self, ending: threading.Event) -> None:
        """Run the source, or stand by to run it, until `ending` is set."""

    def close(self) -> None:
        """Close the backend's connections."""
