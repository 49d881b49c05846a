"""The log of a board that is one process: publishing appends, and runs the source."""

import logging
import threading
from typing import Protocol

from feed.backend import FAILURE_PAUSE, TICK
from feed.clock import now_ms
from feed.events.event import EventId
from feed.log import Log
from feed.publishing.idempotency import Idempotency, RememberedIds
from feed.publishing.publication import Publication

logger = logging.getLogger("liveboard.feed")


class Process(Protocol):
    """The part of a process that reacts to the log and steps the source."""

    def apply_changes(self, publication: Publication) -> None:
        """Apply events that were appended to the log."""

    def step(self, now: int) -> None:
        """Publish the events that fell due up to `now` (epoch ms)."""


class Alone:
    """A `Backend` for a log that no other process shares, so it is never away."""

    away: str | None = None
    other_feed: str | None = None
    unreadable = 0

    def __init__(self, log: Log, process: Process) -> None:
        self._log = log
        self._process = process
        self._remembered = RememberedIds()

    @property
    def published(self) -> dict[str, int]:
        """The number of published events of each type: all events of the log."""
        return self._log.statistics().appended

    def publish(
        self,
        publication: Publication,
        idempotency: Idempotency | None = None,
        seen: EventId | None = None,
    ) -> list[EventId]:
        """Append the events to the log, and return their ids.

        `Feed` lets one publisher in at a time, so nothing can have changed since
        `seen`.
        """
        ids = self._log.append(publication.events, now_ms())
        self._process.apply_changes(publication)
        if idempotency is not None:
            self._remembered.remember(idempotency, ids)
        return ids

    def recall(self, idempotency: Idempotency) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """
        return self._remembered.recall(idempotency)

    def is_ahead(self, cursor: EventId) -> bool:
        """Return False: no other process has events that this log lacks."""
        return False

    def run(self, ending: threading.Event) -> None:
        """Step the source until `ending` is set."""
        while not ending.wait(TICK):
            try:
                self._process.step(now_ms())
            except Exception:  # a faulty step must not stop the board; it is logged
                logger.exception("A step of the source failed; the source continues")
                ending.wait(FAILURE_PAUSE)

    def close(self) -> None:
        """Do nothing: this backend has no connections."""
