"""The log of a board of several processes: Redis orders the events of all of them.

Theory of operation: two loops run beside the requests. The reader (`Relay.follow_log`)
appends to this process's log what any process published. The leader (`Leader.run`)
runs the source in exactly one of the processes. This module loads the Redis client
library, so only a board with a `REDIS_URL` imports it.
"""

import threading
from typing import Protocol

from feed.backend import TICK
from feed.cluster.door import Door
from feed.cluster.keeper import KeptInRedis
from feed.cluster.leader import Leader, SourceRunner
from feed.cluster.relay import LogFollower, Relay
from feed.events.event import EventId
from feed.log import Log
from feed.publishing.idempotency import Idempotency
from feed.publishing.publication import Publication
from feed.settings import Settings


class Member(LogFollower, SourceRunner, Protocol):
    """The part of a process that reacts to the log, and the source it can run."""


class Shared:
    """A `Backend` for a log in Redis; `relay` is this process's connection to it."""

    def __init__(self, settings: Settings, log: Log, process: Member) -> None:
        self._door = Door()
        self.relay = Relay(
            settings.redis_url,
            settings.redis_prefix,
            settings.max_keys,
            log,
            process,
            self._door,
        )
        url, prefix = settings.redis_url, settings.redis_prefix
        self.keeper = KeptInRedis(url, prefix, self._door)
        self._leader = Leader(self.relay, process, settings.feed, TICK)

    @property
    def away(self) -> str | None:
        """The reason why Redis can't be followed now; None while it can."""
        away = self.relay.away
        return None if away is None else away.public

    @property
    def unreadable(self) -> int:
        """The number of entries in Redis that were left out."""
        return self._door.unreadable

    @property
    def other_feed(self) -> str | None:
        """The FEED of the process that leads, if this one has another; else None."""
        return self._leader.other_feed

    @property
    def published(self) -> dict[str, int]:
        """The number of events of each type that this process published."""
        return self.relay.published

    def publish(
        self,
        publication: Publication,
        idempotency: Idempotency | None = None,
        seen: EventId | None = None,
    ) -> list[EventId]:
        """Publish in Redis, and wait until the events are in this process's log."""
        return self.relay.publish(publication.events, seen, idempotency)

    def recall(self, idempotency: Idempotency) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """
        return self.relay.recall(idempotency)

    def is_ahead(self, cursor: EventId) -> bool:
        """Return whether Redis has this cursor, and this process will reach it."""
        return self.relay.is_ahead(cursor)

    def run(self, ending: threading.Event) -> None:
        """Lead or stand by until `ending` is set, then give the leader's lock back.

        The reader runs until `close`: requests that are still being answered, and the
        leader's last batch, wait for their events to come back.
        """
        follow = self.relay.follow_log
        threading.Thread(target=follow, name="reader", daemon=True).start()
        self._leader.run(ending)

    def close(self) -> None:
        """Stop the reader, and close the connections to Redis."""
        self.relay.close()
