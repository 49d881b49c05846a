"""Leadership: of several processes, exactly one runs the source.

Theory of operation: the process that holds a lock in Redis leads. It renews the lock
while it works, and gives it back when it ends. A leader that dies, hangs or loses its
connection loses the lock within seconds, and the next leader continues from the state
that was published last. Each leadership has a number, and the script that publishes
accepts only the latest number. So a former leader that wakes up late changes nothing.
"""

import contextlib
import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Protocol

import redis
from redis.exceptions import LockError

from feed.backend import FAILURE_PAUSE
from feed.clock import now_ms
from feed.cluster.reasons import Trouble, explain
from feed.cluster.relay import Mandate, Relay, Superseded, trouble_of
from feed.events.catalogue import News, encode
from feed.events.event import Event
from feed.log import Expired, Unavailable

LOCK_TIME = 5.0  # seconds without renewal after which another process may lead
RENEWAL = 1.0  # seconds between two renewals
STAND_BY = 0.5  # seconds between two attempts to lead
LONGEST_FEED = 20  # characters that a FEED of another process may have

logger = logging.getLogger("liveboard.leader")


class SourceRunner(Protocol):
    """Runs the source of this process while the process leads."""

    def begin_source(self, now: int, place: bytes) -> None:
        """Continue the source at `now` (epoch ms), from the log's state and `place`.

        If the log has no state, the source starts from its beginning.
        """

    def end_source(self) -> None:
        """Close the source: this process no longer leads."""

    def events_due(self, now: int) -> Sequence[News]:
        """Return the events that fell due up to `now` (epoch ms)."""

    def expired(self, now: int) -> list[Expired]:
        """Return keys that have expired at `now` (epoch ms): a limited number."""

    def source_place(self) -> bytes:
        """Return the source's position; empty if the log's state is enough."""


class Leader:
    """One process's part in the leadership: it leads, or stands by."""

    def __init__(
        self, relay: Relay, runner: SourceRunner, feed: str, tick: float
    ) -> None:
        self.other_feed: str | None = None  # the FEED of a leader that has another
        self._relay = relay
        self._runner = runner
        self._feed = feed
        self._tick = tick
        self._lock = relay.leader_lock(LOCK_TIME)
        self._mandate: Mandate | None = None
        self._pending: list[Event] = []  # due events that may not be published yet
        self._renewed = 0.0
        self._failed_at = math.inf  # the first of the present failures

    def run(self, ending: threading.Event) -> None:
        """Lead or stand by until `ending` is set, then give the lock back at once."""
        while not ending.is_set():
            try:
                self._lead_or_stand_by()
            except Exception:  # a faulty step must not stop the board; it is logged
                logger.exception("A step of the source failed; the source continues")
                ending.wait(FAILURE_PAUSE)
            works = self._mandate and not self._relay.away
            ending.wait(self._tick if works else STAND_BY)
        self._step_down("the process ends")

    def _lead_or_stand_by(self) -> None:
        """Try to lead, or publish as the leader, if the reader has no trouble."""
        if self._relay.trouble:
            self._failed_at = math.inf
            return
        trouble = None
        try:
            if self._mandate is None:
                self._try_to_lead()
            else:
                self._publish_due(self._mandate)
        except (Superseded, LockError) as error:
            self._step_down(str(error))
        except redis.RedisError as error:
            trouble = explain(error)
        except Unavailable as error:
            trouble = trouble_of(error)
        self._report(trouble)

    def _report(self, trouble: Trouble | None) -> None:
        """Report a failure that the reader doesn't find at its next comparison.

        The reader is given that time because it can name the reason more precisely.
        """
        now = time.monotonic()
        self._failed_at = min(self._failed_at, now) if trouble else math.inf
        lasts = self._relay.compared_at > self._failed_at
        self._relay.report_leader(trouble if lasts else None)

    def _try_to_lead(self) -> None:
        name = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
        token = f"{name} {self._feed}".encode()
        if not self._lock.acquire(blocking=False, token=token.decode()):
            self._compare_feeds()
            return
        self.other_feed = None
        self._renewed = time.monotonic()
        try:
            self._begin_to_lead(token)
        finally:
            if self._mandate is None:  # another process may succeed
                self._release_lock()

    def _compare_feeds(self) -> None:
        """Find out if the leader has another FEED, and log it when that changes.

        A leader of an older version does not write its FEED into its lock.
        """
        words = self._relay.read_leader().split()
        named = words[3][:LONGEST_FEED] if len(words) > 3 else self._feed
        other = named if named != self._feed else None
        if other and other != self.other_feed:
            logger.warning(
                "The process that leads has FEED=%s and this one FEED=%s: set the same "
                "FEED for all, or another REDIS_PREFIX for each board",
                other,
                self._feed,
            )
        self.other_feed = other

    def _begin_to_lead(self, token: bytes) -> None:
        fence = self._relay.begin_leadership(token)
        if fence is None:
            logger.info("This process doesn't lead yet: its log isn't up to date")
            return
        self._runner.begin_source(now_ms(), self._relay.place)
        self._mandate, self._pending = Mandate(fence, 0, b""), []
        logger.info("This process leads (leadership %s)", fence)

    def _publish_due(self, mandate: Mandate) -> None:
        """Renew the lock, publish the events that are due, and retire expired keys.

        If Redis didn't reply to a batch, the batch is published again with the same
        number. The script takes it once. A retirement needs no number, because the
        script retires a key only if its newest event is the one that expired.
        """
        if time.monotonic() >= self._renewed + RENEWAL:
            self._lock.reacquire()
            self._renewed = time.monotonic()
        if not self._pending:
            self._pending = [*map(encode, self._runner.events_due(now_ms()))]
            self._mandate = mandate = mandate._replace(
                place=self._runner.source_place()
            )
        if self._pending:
            self._relay.publish(self._pending, mandate=mandate)
            self._pending = []
            self._mandate = mandate._replace(batch=mandate.batch + 1)
        now = now_ms()
        if expired := self._runner.expired(now):
            self._relay.retire(expired, mandate.fence, now)

    def _step_down(self, reason: str) -> None:
        if self._mandate is not None:
            logger.info("This process no longer leads: %s", reason)
            self._runner.end_source()
        self._mandate = None
        self._release_lock()

    def _release_lock(self) -> None:
        """Give the lock back. If Redis can't be reached, the lock expires by itself."""
        with contextlib.suppress(LockError, redis.RedisError):
            self._lock.release()
