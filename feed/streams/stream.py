"""One subscriber's life: hello, catch-up, live, heartbeat, gap, and bye or end.

Strategy: a stream is a cursor and nothing else. It sleeps until the log has grown,
reads what fell due since its last write, and hands that over as one frame. Streams
with the same view that stand at the same cursor are handed the same bytes.
"""

import itertools
import logging
import math
import random
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial

import msgspec

from feed.clock import next_instant, now_ms
from feed.events.control import Bye, Control, End, Farewell, Gap, Heartbeat, Hello
from feed.events.event import EventId
from feed.log import Read
from feed.streams.admission import Streams
from feed.streams.connection import Peer
from feed.streams.ending import is_past_last, understood
from feed.streams.frame import Form, Frame
from feed.streams.group import Follower, Key
from feed.streams.ledger import GZIP_HEADER, Ledger, gzip_trailer
from feed.streams.text import printable
from feed.streams.view import Subscription
from feed.streams.wire import WIRES

FAREWELL_RETRY: dict[Farewell, tuple[int, int]] = {
    "restart": (1_000, 5_000),
    "full": (15_000, 45_000),
    "age": (2_000, 4_000),
}
"""Milliseconds before a client comes back, at random, so that all don't at once."""
RETRY = (2_000, 4_000)  # the same, where nobody said bye

NOTHING_DUE = (None,)

logger = logging.getLogger("liveboard.stream")


class Stream:
    """A cursor, a view, and the connection that they are for."""

    __slots__ = (
        "_asked",
        "_began",
        "_cursor",
        "_due",
        "_ends",
        "_is_lost",
        "_ledger",
        "_log",
        "_number",
        "_selects",
        "_slowness",
        "_streams",
        "_view",
        "_why",
        "_wire",
        "_writing_since",
        "_wrote",
        "peer",
    )
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
        self._began = self._wrote = time.monotonic()
        lifetime = streams.settings.max_stream_age * random.uniform(0.8, 1)
        self._ends = self._began + lifetime if lifetime else math.inf
        self._slowness = streams.quick
        self._is_lost = False  # the log can't account for the cursor any more
        self._due = 0.0  # when a paced stream's next frame is due; 0 where none is owed
        self._ledger = Ledger()
        self._why = "the client went away"

    def frames(
        self, begun: Callable[[], None] | None = None
    ) -> Generator[bytes, None, None]:
        """Yield the bytes of each write, from hello to farewell.

        Nothing is counted or held until the first frame is asked for: a response
        that is never started (HEAD, an early abort) leaves no trace. `begun` is called
        then, when what only the asking needed may go.

        It waits here, and in no generator below: what stands on the stack while a
        stream waits is what a stream weighs.
        """
        if begun is not None:
            begun()
            del begun  # and with it what it holds
        connection = self.peer.connection
        refused = self._streams.admit(self)
        life = iter([self._farewell(refused)]) if refused else self._life()
        opening = GZIP_HEADER if self._asked.gzip else b""
        try:
            for frame in life:
                if frame is None:
                    self._wait()
                    continue
                self._begin_write()
                yield opening + frame.body(self._asked.gzip)
                self._end_write(frame)
                opening = b""
            if self._asked.gzip:
                self._begin_write()
                yield gzip_trailer(self._ledger)
                self._end_write(None)
            if connection is not None:
                connection.expect_no_more()
        finally:
            self._streams.writing.discard(self)
            if not refused:
                self._leave()

    def _begin_write(self) -> None:
        self._writing_since = time.monotonic()
        self._streams.writing.add(self)

    def _end_write(self, frame: Frame | None) -> None:
        self._wrote = time.monotonic()
        waited = self._wrote - (self._writing_since or self._wrote)
        self._slowness = self._slowness.after_write(waited)
        self._writing_since = None
        self._streams.writing.discard(self)
        if frame is not None:
            self._ledger = frame.enter(self._ledger, self._asked.gzip)
            self._streams.totals.count(frame, self._asked.gzip)

    def _leave(self) -> None:
        self._streams.leave(self)
        logger.info(
            "stream %d ended: %s, %.1f s, %d events, %d bytes: %s",
            self._number,
            self,
            time.monotonic() - self._began,
            self._ledger.events,
            self._ledger.sent,
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
        return printable(f"{self._view}")[:200] + f" for {self.peer.address}"

    def _life(self) -> Iterator[Frame | None]:
        """Yield what is to be written; None where nothing is due, to wait."""
        logger.info("stream %d opened: %s", self._number, self)
        catch_up = self._catch_up()
        yield next(catch_up)
        if self.peer.connection is not None:
            self.peer.connection.keep_unsent_few()
        yield from catch_up
        while not (self._complete() or self._asked.once):
            farewell = self._leaves_for()
            if farewell:
                yield self._farewell(farewell)
                return
            yield from self._next()
        self._why = "once" if self._asked.once else "complete"
        yield self._say(End(self._why))

    def _leaves_for(self) -> Farewell | None:
        if self._streams.draining.is_set():
            return "restart"
        if self._is_lost or time.monotonic() >= self._ends:
            return "age"
        return None

    def _catch_up(self) -> Iterator[Frame]:
        asked = understood(self._asked.cursor, self._log.tail)
        if asked and asked > self._log.tail and self._streams.is_ahead(asked):
            read = Read("replayed", [], asked, 0, 0)
        else:
            read = self._log.read(asked, self._selects, compact=self._view.pace > 0)
        hello = self._wire.retry(random.randint(*RETRY)) + self._wire.control(
            self._hello(read, asked), None
        )
        yield from self._past(hello, read)

    def _next(self) -> Iterable[Frame | None]:
        """Return what is due: events, a gap, after silence a heartbeat; else None."""
        now = time.monotonic()
        if self._log.tail > self._cursor and self._is_due(now):
            return self._owed()
        if self._cursor > self._log.tail and not self._streams.is_ahead(self._cursor):
            # What it asked about may have come while it asked.
            self._is_lost = self._cursor > self._log.tail
            return ()
        if now >= self._silent:
            heartbeat = Heartbeat(now_ms(), self._streams.fanout.feed)
            return (self._say(heartbeat, self._cursor),)
        return NOTHING_DUE

    @property
    def _silent(self) -> float:
        """The instant until which silence needs no heartbeat."""
        return self._wrote + self._streams.settings.heartbeat

    def _wait(self) -> None:
        """Wait until something may be due."""
        self._slowness = self._slowness.after_everything()
        if self._due:
            until = min(self._due, self._silent, self._ends)
            self._streams.draining.wait(until - time.monotonic())
        elif self._cursor > self._log.tail or not self._follow():
            until = min(self._silent, self._ends)
            self._log.wait(self._cursor, until - time.monotonic())

    def _is_due(self, now: float) -> bool:
        pace = self._view.pace
        if pace and not self._due:
            self._due = next_instant(pace, now)
        return now >= self._due

    def _owed(self) -> Iterator[Frame]:
        self._due = 0.0
        frame = None
        if not self._is_behind():
            frame = self._streams.frames.due(self._view, self._cursor)
        if frame is None:
            yield from self._behind()
            return
        if frame.data:
            yield frame
        self._cursor = frame.tail

    def _follow(self) -> bool:
        """Let the fan-out write for this stream until it needs something of its own."""
        connection = self.peer.connection
        fd = None if connection is None else connection.lend()
        if connection is None or fd is None:
            return False
        follower = Follower(fd, self._cursor, self._ends)
        form = Form(self._asked.gzip, connection.chunked)
        key = Key(self._view, form, self._asked.match)
        is_over = (
            None if key.match is None else partial(is_past_last, self._log, key.match)
        )
        if not self._streams.fanout.join(follower, key, is_over):
            return False
        try:
            follower.wait()
        except BaseException:
            self._streams.fanout.forget(follower, key)
            raise
        if follower.torn:
            raise ConnectionAbortedError("the fan-out failed in the midst of a write")
        self._cursor = follower.cursor
        # A socket that took nothing is written to at once, if only a heartbeat: it
        # takes a write that waits to tell a full one from a broken one.
        self._wrote = -math.inf if follower.refused else time.monotonic()
        self._ledger = self._ledger.plus(follower.ledger).followed(
            follower.joined, follower.left
        )
        if follower.rest:
            self._begin_write()
            connection.send(follower.rest)
            self._end_write(None)
        return True

    def _behind(self) -> Iterator[Frame]:
        read = self._log.read(self._cursor, self._selects, compact=True)
        if read.resume == "fresh":  # the client may hold keys long forgotten here
            self._is_lost = True
            return
        if self._view.pace and read.dropped:
            read = msgspec.structs.replace(read, dropped=0)  # as it was asked for
        said = b""
        if (read.dropped, read.lost) != (0, 0):
            gap = Gap(str(self._cursor), str(read.tail), read.dropped, read.lost)
            said = self._wire.control(gap, None)
            self._streams.totals.gaps += 1
        yield from self._past(said, read)

    def _is_behind(self) -> bool:
        """Whether to skip superseded events, and to send frames of bounded size."""
        pending = self._log.pending(self._cursor)
        return pending is None or self._slowness.is_behind(pending, self._is_paced)

    def _past(self, said: bytes, read: Read) -> Iterator[Frame]:
        """Yield what was read, after what is to be said of it."""
        totals = self._streams.totals
        totals.dropped += read.dropped or 0
        totals.lost += read.lost or 0
        done, began = 0, time.monotonic()
        while done < len(read.events):
            is_outdated = self._slowness.is_outdated(time.monotonic() - began)
            if is_outdated and self._should_read_again(read, done):
                break
            frame = self._part(read, done, is_outdated)
            yield frame.after(said, self._asked.gzip)
            said = b""
            done += frame.events
            self._cursor = frame.tail
        if said:
            yield Frame(said, 0, self._cursor)
        if done == len(read.events):
            self._cursor = read.tail

    def _part(self, read: Read, done: int, is_outdated: bool) -> Frame:
        catch_up = self._streams.catch_up
        if self._slowness.is_slow:
            exact = read.resume == "replayed" or not is_outdated
            size = self._slowness.bounds.small_frame
            return catch_up.small(self._view, exact, read.events, done, size)
        fresh = read.resume == "fresh"
        return catch_up.shared(self._view, fresh, read.events, done)

    def _should_read_again(self, read: Read, done: int) -> bool:
        """Whether to leave the rest of an outdated replay, and to read it compacted.

        A poll (`once`) is replayed to the end: it asked for what happened.
        """
        if read.resume != "replayed" or not done or self._asked.once:
            return False
        return self._slowness.is_behind(len(read.events) - done, self._is_paced)

    @property
    def _is_paced(self) -> bool:
        return self._view.pace > 0

    def _complete(self) -> bool:
        """Whether the match that this stream is for has had its last event."""
        match = self._asked.match
        return match is not None and is_past_last(self._log, match, self._cursor)

    def _hello(self, read: Read, asked: EventId | None) -> Hello:
        return Hello(
            resume=read.resume,
            after=None if asked is None else str(asked),
            tail=str(read.tail),
            dropped=read.dropped,
            # A promise that nothing was left out needs more than a count of the lost.
            lost=None if read.dropped is None else read.lost,
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
