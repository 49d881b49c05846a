"""One subscriber's life: hello, catch-up, live, heartbeat, gap, and bye or end.

Strategy: a stream is a cursor and nothing else. It sleeps until the log has grown,
reads what fell due since its last write, and hands that over as one frame. Streams
with the same view that stand at the same cursor are handed the same bytes.
"""

import itertools
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from feed.connection import Connection
from feed.control import Bye, Control, End, Farewell, Gap, Heartbeat, Hello
from feed.event import Event, EventId
from feed.log import Log, Read, Selects
from feed.settings import Settings
from feed.shapes import FINAL
from feed.view import View
from feed.wire import WIRES

CATCH_UP = 200  # events in one frame of a catch-up; a frame is all that a stream holds
BEHIND = 1_000  # pending events at which a stream is compacted, whoever is to blame
BEHIND_SLOW = 50  # the same, where a recent write had to wait for the reader
SLOW_WRITE = 0.1  # seconds a write may wait before its reader counts as slow
WRITE_DEADLINE = 3  # heartbeats in which a write must end
DRAIN = 1.0  # seconds that open streams have to say bye
SHARED_BYTES = 16 << 20  # what the shared frames of one moment may hold
FAREWELL_RETRY: dict[Farewell, tuple[int, int]] = {
    "restart": (1_000, 5_000),
    "full": (15_000, 45_000),
    "age": (2_000, 4_000),
}
"""Milliseconds before a client comes back, at random, so that all don't at once."""
RETRY = (2_000, 4_000)  # the same, where nobody said bye

logger = logging.getLogger("liveboard.stream")


class Frame(msgspec.Struct, frozen=True):
    """The bytes of one write, and how many events of the log they hold."""

    data: bytes
    events: int
    tail: EventId


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end; `connection` is None where no socket is at hand."""

    address: str = "local"
    connection: Connection | None = None


class Subscription(msgspec.Struct, frozen=True):
    """What a subscriber asked for; `match` is set on the stream of one match."""

    view: View
    cursor: EventId | None = None
    once: bool = False
    match: str | None = None


class Totals(msgspec.Struct):
    """What all streams of this process did since its start."""

    opened: int = 0
    frames: int = 0
    bytes: int = 0
    events: int = 0
    gaps: int = 0
    dropped: int = 0
    lost: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)


class Streams:
    """The open streams of this process: admission, shared frames, deadlines, drain."""

    def __init__(self, log: Log, settings: Settings, source: str, version: str) -> None:
        self.log = log
        self.settings = settings
        self.source = source
        self.version = version
        self.totals = Totals()
        self.draining = threading.Event()
        self._open: set[Stream] = set()
        self._clients: Counter[str] = Counter()
        self._shared: dict[tuple[View, EventId], Frame] = {}
        self._shared_tail = log.tail
        self._shared_bytes = 0
        self._drain_ends = 0.0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether another stream would be refused."""
        return len(self._open) >= self.settings.max_streams

    def frames(self, subscription: Subscription, peer: Peer) -> Iterator[bytes]:
        """Yield the bytes of one stream, from hello to farewell.

        Nothing is counted or held until the first frame is asked for: a response
        that is never started (HEAD, an early abort) leaves no trace.
        """
        return Stream(self, subscription, peer).frames()

    def admit(self, stream: "Stream") -> Farewell | None:
        """Take a stream in, or return why it can't be."""
        address = stream.peer.address
        limit = self.settings.max_streams_per_client
        if self.draining.is_set():
            return self._refuse("restart", "restart")
        if self.full:
            return self._refuse("full", "limit")
        if limit and self._clients[address] >= limit:
            return self._refuse("full", "client")
        self._open.add(stream)
        self._clients[address] += 1
        self.totals.opened += 1
        return None

    def leave(self, stream: "Stream") -> None:
        """Take a stream out."""
        self._open.discard(stream)
        address = stream.peer.address
        self._clients[address] -= 1
        if not self._clients[address]:
            del self._clients[address]

    def frame(
        self, view: View, cursor: EventId, selects: Selects | None
    ) -> Frame | None:
        """Return what fell due after `cursor`, as the bytes that all like it share.

        None where the log can't tell it without a gap.
        """
        tail = self.log.tail
        if tail != self._shared_tail:
            self._shared.clear()
            self._shared_tail, self._shared_bytes = tail, 0
        frame = self._shared.get((view, cursor))
        if frame is None:
            read = self.log.read(cursor, selects, compact=view.pace > 0)
            if read.lost != 0:
                return None
            frame = encode(view, read.events, read.tail)
            if self._shared_bytes + len(frame.data) < SHARED_BYTES:
                self._shared[view, cursor] = frame
                self._shared_bytes += len(frame.data)
        return frame

    def drain(self) -> None:
        """Say `bye` to every stream, now, and take in no more."""
        if self.draining.is_set():
            return
        self._drain_ends = time.monotonic() + DRAIN
        self.draining.set()
        self.log.wake()

    def enforce_deadlines(self) -> None:
        """Break the connections whose write waits for a reader that doesn't read."""
        now = time.monotonic()
        deadline = WRITE_DEADLINE * self.settings.heartbeat
        drained = self.draining.is_set() and now > self._drain_ends
        for stream in [*self._open]:
            if drained or stream.write_waits(now) > deadline:
                stream.break_off()

    def slowest(self) -> float:
        """Return for how many seconds the slowest stream's write has been waiting."""
        now = time.monotonic()
        return max((stream.write_waits(now) for stream in [*self._open]), default=0.0)

    def _refuse(self, farewell: Farewell, reason: str) -> Farewell:
        self.totals.refused[reason] += 1
        return farewell


class Stream:
    """A cursor, a view, and the connection that they are for."""

    _numbers = itertools.count(1)

    def __init__(self, streams: Streams, asked: Subscription, peer: Peer) -> None:
        self.peer = peer
        self._streams = streams
        self._log = streams.log
        self._asked = asked
        self._view = asked.view
        self._selects = None if asked.view.selects_all else asked.view.selects
        self._wire = WIRES[asked.view.wire]
        self._number = next(self._numbers)
        self._cursor = EventId(0, 0)
        self._writing_since: float | None = None
        self._wrote = time.monotonic()
        self._waited = 0.0  # seconds for the reader, halved by each quick write since
        self._paced = 0.0  # the last multiple of the pace that a frame was sent at
        self._over = False
        self._why = "the client went away"

    def frames(self) -> Iterator[bytes]:
        """Yield the bytes of each write, from hello to farewell."""
        connection = self.peer.connection
        if connection is not None:
            connection.keep_unsent_few()
        refused = self._streams.admit(self)
        if refused:
            yield self._farewell(refused).data
        else:
            yield from self._admitted()
        if connection is not None:
            connection.expect_no_more()

    def _admitted(self) -> Iterator[bytes]:
        """Yield frames, and see how long each takes to be written."""
        began, events, size = time.monotonic(), 0, 0
        totals = self._streams.totals
        logger.info("stream %d opened: %s", self._number, self)
        try:
            for frame in self._life():
                self._writing_since = time.monotonic()
                yield frame.data
                self._wrote = time.monotonic()
                # A buffer that had room for one write doesn't make a reader fast.
                wait = self._wrote - self._writing_since
                self._waited = max(wait, self._waited / 2)
                self._writing_since = None
                events += frame.events
                size += len(frame.data)
                totals.frames += 1
                totals.events += frame.events
                totals.bytes += len(frame.data)
        finally:
            self._streams.leave(self)
            logger.info(
                "stream %d ended: %s, %.1f s, %d events, %d bytes: %s",
                self._number,
                self,
                time.monotonic() - began,
                events,
                size,
                self._why,
            )

    def write_waits(self, now: float) -> float:
        """Return for how many seconds the present write has been waiting."""
        since = self._writing_since
        return 0.0 if since is None else now - since

    def break_off(self) -> None:
        """Break the connection, so that a write that waits ends."""
        connection = self.peer.connection
        if connection is not None and self._writing_since is not None:
            self._why = "the client did not read"
            connection.break_off()

    def __str__(self) -> str:
        return f"{self._view} for {self.peer.address}"

    def _life(self) -> Iterator[Frame]:
        lifetime = self._streams.settings.max_stream_age * random.uniform(0.8, 1)
        ends = time.monotonic() + lifetime if lifetime else float("inf")
        yield from self._catch_up()
        while not (self._complete() or self._asked.once):
            if self._streams.draining.is_set():
                yield self._farewell("restart")
                return
            if time.monotonic() >= ends:
                yield self._farewell("age")
                return
            yield from self._next(ends)
            if self._over:
                return
        self._why = "once" if self._asked.once else "complete"
        yield self._say(End(self._why))

    def _catch_up(self) -> Iterator[Frame]:
        asked = self._understood()
        read = self._log.read(asked, self._selects, compact=self._view.pace > 0)
        hello = self._wire.retry(random.randint(*RETRY)) + self._wire.control(
            self._hello(read, asked), None
        )
        yield from self._batches(hello, read)

    def _next(self, ends: float) -> Iterator[Frame]:
        """Yield what falls due next: events, a gap, or after silence a heartbeat."""
        due = self._wrote + self._streams.settings.heartbeat
        wake = min(due, ends)
        self._log.wait(self._cursor, wake - time.monotonic())
        news = self._log.tail > self._cursor and not self._streams.draining.is_set()
        if news and self._keeps_pace(wake):
            frame = None if self._is_behind() else self._due()
            yield from self._behind() if frame is None else self._live(frame)
        elif time.monotonic() >= due:
            yield self._say(Heartbeat(now_ms()), self._cursor)

    def _due(self) -> Frame | None:
        return self._streams.frame(self._view, self._cursor, self._selects)

    def _live(self, frame: Frame) -> Iterator[Frame]:
        if frame.data:
            yield frame
        elif time.monotonic() >= self._wrote + self._streams.settings.heartbeat:
            yield self._say(Heartbeat(now_ms()), frame.tail)
        self._cursor = frame.tail

    def _behind(self) -> Iterator[Frame]:
        read = self._log.read(self._cursor, self._selects, compact=True)
        if read.resume == "fresh":  # the client may hold keys long forgotten here
            self._over = True
            yield self._farewell("age")
            return
        said = b""
        if (read.dropped, read.lost) != (0, 0):
            gap = Gap(str(self._cursor), str(read.tail), read.dropped, read.lost)
            said = self._wire.control(gap, None)
            self._streams.totals.gaps += 1
        yield from self._batches(said, read)

    def _is_behind(self) -> bool:
        """Whether to leave out what is superseded, which a paced stream always does."""
        pending = self._log.pending(self._cursor)
        if pending is None:
            return True
        if self._view.pace:
            return False
        slow = self._waited > SLOW_WRITE
        return pending > (BEHIND_SLOW if slow else BEHIND)

    def _batches(self, said: bytes, read: Read) -> Iterator[Frame]:
        """Yield what was read in frames of bounded size, the first after `said`."""
        totals = self._streams.totals
        totals.dropped += read.dropped or 0
        totals.lost += read.lost or 0
        for start in range(0, max(len(read.events), 1), CATCH_UP):
            batch = read.events[start : start + CATCH_UP]
            frame = encode(self._view, batch, read.tail)
            if data := said + frame.data:
                yield Frame(data, frame.events, read.tail)
            said = b""
        self._cursor = read.tail

    def _keeps_pace(self, wake: float) -> bool:
        """Wait for the next instant that is a multiple of the pace, as all like it.

        Return False where something else is due before it, at the instant `wake`.
        """
        pace, now = self._view.pace, time.monotonic()
        if not pace:
            return True
        # Timers may be early by a little: the instant just used is not used again.
        instant = max(now // pace, self._paced) + 1
        self._streams.draining.wait(min(instant * pace, wake) - now)
        if instant * pace > wake:
            return False
        self._paced = instant
        return True

    def _complete(self) -> bool:
        """Whether the match that this stream is for has had its last event."""
        match = self._asked.match
        last = None if match is None else last_event(self._log, match)
        return last is not None and last <= self._cursor

    def _understood(self) -> EventId | None:
        """Return the cursor; an instant since which nothing happened is the tail."""
        cursor, tail = self._asked.cursor, self._log.tail
        if cursor and cursor.seq < 0 and tail < cursor and cursor.ms <= now_ms():
            return tail
        return cursor

    def _hello(self, read: Read, asked: EventId | None) -> Hello:
        return Hello(
            resume=read.resume,
            after=None if asked is None else str(asked),
            tail=str(read.tail),
            dropped=read.dropped,
            lost=read.lost,
            heartbeat=self._streams.settings.heartbeat,
            pace=self._view.pace,
            source=self._streams.source,
            version=self._streams.version,
            at=now_ms(),
        )

    def _farewell(self, reason: Farewell) -> Frame:
        retry = random.randint(*FAREWELL_RETRY[reason])
        self._why = reason
        bye = self._wire.control(Bye(reason, retry), None)
        return Frame(self._wire.retry(retry) + bye, 0, self._cursor)

    def _say(self, control: Control, id: EventId | None = None) -> Frame:
        return Frame(self._wire.control(control, id), 0, self._cursor)


def encode(view: View, events: Iterable[Event], tail: EventId) -> Frame:
    """Return the frame that shows `events` to a view and reaches to `tail`."""
    encoded = [*map(WIRES[view.wire].event, events)]
    return Frame(b"".join(encoded), len(encoded), tail)


def last_event(log: Log, match: str) -> EventId | None:
    """Return the id of the event that ended or retired a match; None before it."""
    newest = log.newest(("score", match))
    if newest is None:
        return None
    over = newest.retires or _status(newest) in FINAL
    return newest.id if over else None


def now_ms() -> int:
    """Return the instant, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _status(score: Event) -> str:
    return msgspec.json.decode(score.data, type=_Status).status


class _Status(msgspec.Struct):
    status: str
