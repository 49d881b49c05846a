"""The worker's slots: which connections wait for their clients, and for how long.

Theory of operation: each connection takes a slot until it closes, and a worker without
a free slot answers nobody, not even `/healthz`. So a client must not keep a slot by
doing nothing. A connection that waits for its client does so in one of three ways:

- A new connection must bring a request soon.
- Between two requests it is idle. A client that keeps connections in a pool must be the
  one that closes them: if the server does, a request that is on its way is lost. So an
  idle connection is kept for longer than pools and load balancers keep theirs. But only
  the newest ones are kept, since the idle connections of browsers take slots, too.
- An ordinary response must have been read in time, whether this process waits for that
  or the kernel has taken all of it. A stream has deadlines of its own
  (`feed/streams/admission.py`): it leaves the tables here when it begins.

If all slots are taken, the connections that have waited longest lose theirs. The
tables are in the order in which the waits began, so nothing here looks at all
connections. Nothing here reads a clock: callers pass the instants (seconds, monotonic).

A client that has all the slots that one client may have loses its own longest wait to
its next connection. If none of its connections waits for it, the next one is refused.
Behind trusted proxies the connections are those of the proxies, so there the requests
that are being answered count, and not the connections.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import chain, islice, takewhile
from typing import Protocol

import msgspec

from feed.streams.connection import Connection

AT_ONCE = 0.0005  # seconds in which no request comes from the network after a response
UNREAD_LIMIT = 64 << 10  # bytes that a client that pipelines may leave unread
WARNING_PERIOD = 60.0  # seconds between two warnings of one kind

logger = logging.getLogger("liveboard.slots")


class SlotBounds(msgspec.Struct, frozen=True):
    """How long a connection may wait for its client, and how many may do so.

    `idle` is how many idle connections are kept. `first_request` is the number of
    seconds in which a new connection must bring a request, and `answer` that in which
    an ordinary response must have been read. `grace` is for how many seconds a
    connection keeps its slot even if there is no other. `farewell` is for how many
    seconds a worker that is about to end waits for requests on idle connections: it
    can announce the close only in a response.
    """

    idle: int = 500
    first_request: float = 10.0
    answer: float = 30.0
    grace: float = 0.25
    farewell: float = 1.0


class ServedRequest(Protocol):
    """The part of gunicorn's request that a slot needs."""

    def force_close(self) -> None:
        """Close the connection after the response, and announce that in its headers."""


class Slot:
    """The slot of one connection, and the request that is being served there."""

    __slots__ = (
        "_request",
        "_slots",
        "busy_since",
        "client",
        "closes",
        "connection",
        "has_read_body",
        "has_served",
        "lingers",
    )

    def __init__(self, slots: "Slots", connection: Connection) -> None:
        self._slots = slots
        self.connection = connection
        self._request: ServedRequest | None = None
        self.busy_since = -math.inf  # when the first of its pipelined requests began
        self.has_served = False  # whether there was a request
        self.has_read_body = False  # whether nothing is left of the request's body
        self.closes = False  # whether the next request is the last
        self.lingers = False  # whether bytes come that are read before it closes
        self.client = ""  # the client that it counts for; empty if it doesn't count

    def begin_request(self, request: ServedRequest, now: float) -> bool:
        """Serve a request from now on; return whether it was pipelined.

        Such a request was there before the response to the one before it.
        """
        self._request, self.has_served, self.has_read_body = request, True, False
        if self.closes:
            request.force_close()
        pipelined = now - self._slots.idle.get(self, -math.inf) < AT_ONCE
        if not pipelined:
            self.busy_since = now
        self.begin_answer(now)
        return pipelined

    def must_wait_for_reader(self) -> bool:
        """Whether a pipelined request must wait, since much is still unread.

        Otherwise a client that doesn't read could have answers made without end.
        """
        if self not in self._slots.answering:
            return False  # the connection was broken off
        return (self.connection.unread_bytes() or 0) > UNREAD_LIMIT

    def count_request(self, client: str, now: float) -> bool:
        """Count the present request as one of a client's; False if it has too many.

        Behind trusted proxies, a request names its client, and a connection doesn't.
        """
        slots = self._slots
        return not slots.counts_requests or slots.count(self, client, now)

    def end_request(self) -> None:
        """Forget the request."""
        self._request = None
        if self._slots.counts_requests:
            self._slots.uncount(self)

    def await_request(self, now: float) -> None:
        """Wait for a request from now on."""
        slots = self._slots
        if self.has_served:
            slots.idle[self] = now
            slots.answering.setdefault(self, now)  # its client may not have read it yet
        else:
            slots.new[self] = now

    def begin_answer(self, now: float) -> None:
        """Let the answer to the present request be read in time."""
        self._slots.leave(self)
        self._slots.answering[self] = now

    def exempt(self) -> None:
        """Set no bound, since the present request has a deadline of its own."""
        self._slots.leave(self)

    def becomes_stream(self) -> None:
        """Leave the deadline and the count of ordinary requests, for those of streams.

        A connection still counts for its client, if connections are counted.
        """
        self.exempt()
        if self._slots.counts_requests:
            self._slots.uncount(self)

    def close_after_response(self) -> None:
        """Close the connection after the present response, which announces that.

        For a request whose body is not read to its end: nobody knows where the next
        request would begin.
        """
        if self._request is not None:
            self._request.force_close()
            self.lingers = True

    def free(self) -> None:
        """Free the slot, since the connection is closed."""
        self._slots.free(self)


Waiting = dict[Slot, float]


def no_limit(client: str) -> int:
    """Return 0: each client may have any number of connections."""
    return 0


class Slots:
    """All slots of a worker, of which `size` can be taken.

    `limit` returns how many of them a client may have, 0 if any number. With
    `counts_requests`, these are its requests that are being answered, and otherwise its
    connections.
    """

    def __init__(
        self,
        size: int,
        bounds: SlotBounds,
        limit: Callable[[str], int] = no_limit,
        *,
        counts_requests: bool = False,
    ) -> None:
        self.bounds = bounds
        self.counts_requests = counts_requests
        self._limit = limit
        self._size = size
        self._kept = min(bounds.idle, size // 2)
        self._taken = 0
        # When each wait began, and the slots in that order.
        self.new: Waiting = {}  # for the first request
        self.idle: Waiting = {}  # for another request
        self.answering: Waiting = {}  # until the response has been read
        self._clients: dict[str, set[Slot]] = {}  # those that have a limit
        self._closes_idle_at = math.inf
        self._warns_at = -math.inf
        self._warns_of_client_at = -math.inf

    def take(self, connection: Connection) -> Slot:
        """Return the slot of a new connection."""
        self._taken += 1
        return Slot(self, connection)

    def free(self, slot: Slot) -> None:
        """Free the slot of a connection that is closed."""
        self._taken -= 1
        self.leave(slot)
        self.uncount(slot)

    def count(self, slot: Slot, client: str, now: float) -> bool:
        """Count a slot as one of a client's; False if the client has too many."""
        most = self._limit(client)
        if not most:
            return True
        if len(self._clients.get(client, ())) >= most:
            self._make_room_of(client, now)
        own = self._clients.setdefault(client, set())
        if len(own) >= most:
            self._warn_of(client, most, now)
            return False
        own.add(slot)
        slot.client = client
        return True

    def uncount(self, slot: Slot) -> None:
        """Count a slot for its client no more."""
        own = self._clients.get(slot.client, set())
        own.discard(slot)
        if not own:
            self._clients.pop(slot.client, None)
        slot.client = ""

    def leave(self, slot: Slot) -> None:
        """Remove a connection from all tables."""
        for table in (self.new, self.idle, self.answering):
            table.pop(slot, None)

    def enforce_bounds(self, now: float, leaving: bool) -> None:
        """Close the connections that have waited too long for their clients.

        `leaving` is whether the worker is about to end.
        """
        for slot in [*_waiting_since(self.answering, now - self.bounds.answer)]:
            if slot not in self.idle or slot.connection.unread_bytes() != 0:
                self._break_off(slot)
            else:
                del self.answering[slot]  # everything was read
        surplus = max(len(self.idle) - self._kept, 0)
        for slot in [*islice(self.idle, surplus)]:
            self._close_idle(slot)
        if leaving:
            self._close_all_idle(now)
        if self._taken >= self._size:
            self._make_room(now)

    def _close_all_idle(self, now: float) -> None:
        self._closes_idle_at = min(self._closes_idle_at, now + self.bounds.farewell)
        if now >= self._closes_idle_at:
            for slot in [*self.idle, *self.new]:
                self._close_idle(slot)

    def _make_room(self, now: float) -> None:
        """Free up to a quarter of the slots: those that waited longer than `grace`."""
        wanted, since = max(self._size // 4, 1), now - self.bounds.grace
        silent = chain(
            _waiting_since(self.idle, since), _waiting_since(self.new, since)
        )
        idle = [*islice(silent, wanted)]
        busy = sorted(self.answering, key=lambda slot: slot.busy_since)
        waited = takewhile(lambda slot: slot.busy_since <= since, busy)
        slow = [*islice(filter(self._waits, waited), wanted - len(idle))]
        for slot in idle:
            self._close_idle(slot)
        for slot in slow:
            self._break_off(slot)
        if (idle or slow) and now >= self._warns_at:
            self._warns_at = now + WARNING_PERIOD
            logger.warning(
                "all %d connections are taken: closed %d idle ones, and %d whose "
                "clients don't read",
                self._size,
                len(idle),
                len(slow),
            )

    def _make_room_of(self, client: str, now: float) -> None:
        """Free the slot of a client that has waited longest for it, beyond `grace`."""
        since, own = now - self.bounds.grace, self._clients[client]
        waits = {
            slot: begun
            for slot in own
            if (begun := self.idle.get(slot, self.new.get(slot, math.inf))) <= since
        }
        if waits:
            idle = min(waits, key=lambda slot: waits[slot])
            self.uncount(idle)
            self._close_idle(idle)
            return
        unread = [
            slot for slot in own if slot.busy_since <= since and self._waits(slot)
        ]
        if unread:
            slow = min(unread, key=lambda slot: slot.busy_since)
            self.uncount(slow)
            self._break_off(slow)

    def _waits(self, slot: Slot) -> bool:
        """Whether an ordinary response waits for its reader.

        A connection that has read everything waits for this process.
        """
        begun = slot in self.answering and slot not in self.idle
        return begun and slot.connection.unread_bytes() != 0

    def _warn_of(self, client: str, most: int, now: float) -> None:
        if now >= self._warns_of_client_at:
            self._warns_of_client_at = now + WARNING_PERIOD
            logger.warning(
                "%s has %d connections, as many as a client may have, so more of them "
                "are closed: set TRUSTED_PROXIES if that is a proxy, or raise "
                "MAX_CONNECTIONS_PER_CLIENT",
                client,
                most,
            )

    def _close_idle(self, slot: Slot) -> None:
        """Close a connection after the request that may have arrived by now."""
        self.leave(slot)
        slot.closes = True
        slot.connection.stop_reading()

    def _break_off(self, slot: Slot) -> None:
        self.leave(slot)
        slot.connection.break_off()


current_slot: ContextVar[Slot] = ContextVar("current_slot")
"""The slot of the request that is being served; unset under servers but gunicorn."""


def _waiting_since(table: Waiting, since: float) -> Iterator[Slot]:
    """Yield the slots that have waited since `since` or longer, the longest first."""
    return takewhile(lambda slot: table[slot] <= since, table)
