"""Leadership: of several processes, exactly one runs the source.

Strategy: who holds a lock in Redis leads, and renews it while it works. One that dies,
hangs or is cut off loses it within seconds, and the next goes on from the state that
was published last. Each leadership has a number, and the script that publishes turns
away every number but the last: one that wakes up late changes nothing any more.
"""

import contextlib
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from typing import Protocol

import redis
from redis.exceptions import LockError

from feed.clock import now_ms
from feed.cluster.relay import Mandate, Relay, Superseded
from feed.events.event import Event
from feed.log import Unavailable

LOCK = (
    5.0  # seconds without renewal after which another may lead; half of what's promised
)
RENEW = 1.0  # seconds between two renewals
STAND_BY = 0.5  # seconds between two attempts to lead

logger = logging.getLogger("liveboard.leader")


class World(Protocol):
    """The source that a leader runs."""

    def begin_source(self, now: int, place: bytes) -> None:
        """Let the source go on from the log's state at `now` (epoch ms), and `place`.

        If the log has no state, the source begins anew.
        """

    def events_due(self, now: int) -> list[Event]:
        """Return the events that fell due up to `now` (epoch ms)."""

    def source_place(self) -> bytes:
        """Return how far the source has come, as far as the log's state lacks it."""


class Leader:
    """The part of one process: it leads, or stands by."""

    def __init__(self, relay: Relay, world: World, tick: float) -> None:
        self._relay = relay
        self._world = world
        self._tick = tick
        self._lock = relay.lock(LOCK)
        self._mandate: Mandate | None = None
        self._pending: list[Event] = []  # not known to be published
        self._renewed = 0.0

    @property
    def leads(self) -> bool:
        """Whether this process leads, as far as it knows."""
        return self._mandate is not None

    def run(self, leaving: Callable[[], bool]) -> None:
        """Lead or stand by until the process is to end; then hand over at once."""
        while not leaving():
            try:
                self.turn()
            except Exception:  # one bad step must not stop the board; the log has it
                logger.exception("the source failed; going on")
            time.sleep(self._tick if self._mandate else STAND_BY)
        if self._mandate:
            self._step_down("the process ends")

    def turn(self) -> None:
        """Do what is to be done now, where Redis can be reached."""
        if self._relay.away:
            return
        try:
            if self._mandate is None:
                self._stand_for_it()
            else:
                self._lead(self._mandate)
        except (Superseded, LockError) as error:
            self._step_down(str(error))
        except (redis.RedisError, Unavailable):
            return  # the reader finds out why, and says it

    def _stand_for_it(self) -> None:
        token = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}".encode()
        if not self._lock.acquire(blocking=False, token=token.decode()):
            return
        self._renewed = time.monotonic()
        fence = self._relay.lead(token)
        if fence is None:
            self._step_down("the log is not up to date")
            return
        self._world.begin_source(now_ms(), self._relay.place)
        self._mandate, self._pending = Mandate(fence, 0, b""), []
        logger.info("this process leads (leadership %s)", fence)

    def _lead(self, mandate: Mandate) -> None:
        """Renew the lock, and publish what is due.

        What Redis gave no answer to is published again under the same number, and is
        taken once.
        """
        if time.monotonic() >= self._renewed + RENEW:
            self._lock.reacquire()
            self._renewed = time.monotonic()
        if not self._pending:
            self._pending = self._world.events_due(now_ms())
            self._mandate = mandate = mandate._replace(place=self._world.source_place())
        if self._pending:
            self._relay.publish(self._pending, mandate=mandate)
            self._pending = []
            self._mandate = mandate._replace(batch=mandate.batch + 1)

    def _step_down(self, why: str) -> None:
        logger.info("this process leads no more: %s", why)
        self._mandate = None
        with contextlib.suppress(LockError, redis.RedisError):
            self._lock.release()
