"""The open streams of this process: which are admitted, and how they are ended.

A stream is never refused by an HTTP status, because an EventSource gives up for good on
any status but 200. It gets a `bye` with the time at which to come back.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from feed.events.control import End, Farewell
from feed.events.event import EventId
from feed.log import Log
from feed.settings import Settings
from feed.streams.catchup import MILESTONES, CatchUp, Milestones
from feed.streams.clients import ClientLimit
from feed.streams.connection import Peer
from feed.streams.ending import has_had_last_event
from feed.streams.fanout import FanOut
from feed.streams.framecache import FrameCache
from feed.streams.slowness import BOUNDS, Bounds, Slowness
from feed.streams.totals import Totals
from feed.streams.view import View

WRITE_DEADLINE = 3  # heartbeats in which a write must end
VIEWS_PER_STREAM = 10  # weight of distinct views (`View.weight`) per stream allowed
DRAIN = 1.0  # seconds that open streams have to send their `bye`


class Subscriber(Protocol):
    """The part of a stream that its admission needs."""

    peer: Peer
    view: View

    @property
    def name(self) -> str | None:
        """The name by which the client may close it, or None."""

    def write_waits(self, now: float) -> float:
        """Return for how many seconds the present write has been waiting."""

    def break_off(self) -> None:
        """Break the connection, so that a write that waits ends."""

    def hang_up(self) -> None:
        """Close the connection, as if the client had done so."""


class Outlet(Protocol):
    """A log to stream, and the frames that its streams share.

    Streams of the board's log lend their sockets to the `fanout`. An answer has none,
    since it has few readers: its streams write for themselves.
    """

    log: Log
    frame_cache: FrameCache
    catch_up: CatchUp

    @property
    def fanout(self) -> FanOut | None:
        """The loop that writes for streams that are caught up."""

    @property
    def ends_soon(self) -> bool:
        """Whether the log ends before the process does, so that no `bye` is needed."""

    @property
    def end_id(self) -> EventId | None:
        """The id of the event that ends the log, once it has one; None until then.

        A client that was cut before that event gets it when it comes back.
        """

    def is_ahead(self, cursor: EventId) -> bool:
        """Return whether a cursor beyond the tail belongs to this log nevertheless."""

    def end_at(self, cursor: EventId, match: str | None) -> End | None:
        """Return the event that ends the stream of a reader at `cursor`, or None."""


class Streams:
    """The open streams of this process, and the outlet of the board's log."""

    ends_soon = False
    end_id = None  # the end of a match is no event of its log

    def __init__(
        self,
        log: Log,
        settings: Settings,
        source: str,
        version: str,
        bounds: Bounds = BOUNDS,
        milestones: Milestones = MILESTONES,
    ) -> None:
        self.log = log
        self.settings = settings
        self.source = source
        self.version = version
        self.quick = Slowness(bounds)  # until a reader turns out to be slow
        self.totals = Totals()
        self.draining = threading.Event()
        self._open: set[Subscriber] = set()
        self._named: dict[str, Subscriber] = {}
        self._clients: Counter[str] = Counter()
        self._connections = ClientLimit(
            settings.max_connections_per_client, settings.limits_private
        )
        self._views: Counter[View] = Counter()
        self._weight = 0  # of the distinct views of open streams
        self.frame_cache = FrameCache(log)
        self.catch_up = CatchUp(log, milestones)
        self.fanout = FanOut(log, self.frame_cache, self.totals, settings.heartbeat)
        self.writing: set[Subscriber] = set()
        # Whether a cursor beyond the tail is valid: another process that shares the
        # log may have sent an event that has not arrived here yet.
        self.is_ahead: Callable[[EventId], bool] = lambda cursor: False
        self._drain_ends = 0.0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether another stream would be refused."""
        return len(self._open) >= self.settings.max_streams

    def end_at(self, cursor: EventId, match: str | None) -> End | None:
        """Return the end of the stream of a match, which is over with the match."""
        if match is None or not has_had_last_event(self.log, match, cursor):
            return None
        return End("complete")

    def admit(self, stream: Subscriber) -> Farewell | None:
        """Count a stream as open, or return the reason why it is refused."""
        address = stream.peer.address
        limit = self._limit_of(address)
        if self.draining.is_set():
            return self._refuse("restart", "restart")
        if self.full:
            return self._refuse("full", "limit")
        if limit and self._clients[address] >= limit:
            return self._refuse("full", "client")
        if not self._add_view(stream.view):
            return self._refuse("full", "views")
        self._open.add(stream)
        if stream.name is not None:
            self._named[stream.name] = stream
        self._clients[address] += 1
        self.totals.opened += 1
        return None

    def _limit_of(self, address: str) -> int:
        """Return how many streams an address may have; 0 means any number.

        Each stream takes a connection. Behind a proxy, that is the only count of them.
        """
        settings = self.settings
        limits = settings.max_streams_per_client, self._connections.of(address)
        return min(filter(None, limits), default=0)

    def leave(self, stream: Subscriber) -> None:
        """Count a stream as closed."""
        self._open.discard(stream)
        self.writing.discard(stream)
        if stream.name is not None and self._named.get(stream.name) is stream:
            del self._named[stream.name]
        address = stream.peer.address
        self._clients[address] -= 1
        if not self._clients[address]:
            del self._clients[address]
        self._remove_view(stream.view)

    def hang_up(self, name: str) -> None:
        """Close the newest stream of this name, if one is open."""
        stream = self._named.get(name)
        if stream is not None:
            stream.hang_up()

    def drain(self) -> None:
        """Let every stream send `bye` now, and admit no more."""
        if self.draining.is_set():
            return
        self._drain_ends = time.monotonic() + DRAIN
        self.draining.set()
        self.fanout.stop()

    @property
    def has_drained(self) -> bool:
        """Whether the time in which streams say `bye` is over."""
        return self.draining.is_set() and time.monotonic() > self._drain_ends

    def enforce_deadlines(self) -> None:
        """Break the connections of readers for which a write has waited too long."""
        now = time.monotonic()
        deadline = WRITE_DEADLINE * self.settings.heartbeat
        drained = self.has_drained
        if self.draining.is_set():
            self.log.wake()  # a stream may have begun to wait just after `drain`
        for stream in [*self.writing]:
            if drained or stream.write_waits(now) > deadline:
                stream.break_off()

    def slowest(self) -> float:
        """Return for how many seconds the write that waits longest has been waiting."""
        now = time.monotonic()
        return max((stream.write_waits(now) for stream in [*self.writing]), default=0.0)

    def _add_view(self, view: View) -> bool:
        """Count a stream's view, unless it is new and there is no room for its names.

        Streams of one view share what it costs, so only the first one adds its weight.
        Without a bound, a client could make a stream cost 25 times its usual memory.
        """
        weight = 0 if view in self._views else view.weight
        if self._weight + weight > self.settings.max_streams * VIEWS_PER_STREAM:
            return False
        self._weight += weight
        self._views[view] += 1
        return True

    def _remove_view(self, view: View) -> None:
        self._views[view] -= 1
        if not self._views[view]:
            del self._views[view]
            self._weight -= view.weight

    def _refuse(self, farewell: Farewell, reason: str) -> Farewell:
        self.totals.refused[reason] += 1
        return farewell
