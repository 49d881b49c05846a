"""One subscriber's life: hello, catch-up, live, heartbeat, gap, and bye or end.

Theory of operation: a stream is a cursor into the log and nothing else. It has no queue
of its own, so its memory does not grow while its reader is slow, and there is no gap
between what was missed and what is live: both are the log after the cursor. A stream
sleeps until the log has grown, reads what fell due since its last write, and sends that
as one frame. Streams with the same view at the same cursor send the same bytes.

A stream has two ways to write. While it has something of its own to send (a catch-up, a
gap, a farewell), its generator yields frames to the server's response writer, which may
wait for the reader. Once it is caught up it lends its socket to the fan-out, which
writes each frame to thousands of streams without waking their generators.
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
from feed.events.control import Bye, Control, End, Farewell, Gap, Hello
from feed.events.event import EventId
from feed.log import Read
from feed.streams.admission import Outlet, Streams
from feed.streams.catchup import FRAME_BYTES
from feed.streams.connection import Peer
from feed.streams.ending import has_had_last_event
from feed.streams.frame import Form, Frame
from feed.streams.group import Follower, GroupKey
from feed.streams.ledger import GZIP_HEADER, Ledger, gzip_trailer
from feed.streams.slowness import Slowness
from feed.streams.text import printable
from feed.streams.view import Subscription, resolve_cursor
from feed.streams.wire import WIRES

FAREWELL_RETRY: dict[Farewell, tuple[int, int]] = {
    "restart": (1_000, 5_000),
    "full": (15_000, 45_000),
    "age": (2_000, 4_000),
}
"""Milliseconds before a client comes back, at random, so that not all come at once."""
DEFAULT_RETRY = (2_000, 4_000)  # milliseconds, for a client that got no `bye`

NOTHING_DUE = (None,)
FIRST_READ = 512  # events that a stream reads at first
MOST_READ = 2048  # events that it reads at once later; twice as many as a frame has
MOST_JOINED = 32 << 10  # bytes of a frame that is copied to go out with the opening

logger = logging.getLogger("liveboard.stream")


class Stream:
    """A cursor, a view, and the connection that they are for."""

    __slots__ = (
        "_began_at",
        "_cursor",
        "_cursor_is_unknown",
        "_due_at",
        "_end_reason",
        "_ends_at",
        "_has_begun",
        "_knows_away",
        "_lacks_newer",
        "_ledger",
        "_log",
        "_number",
        "_outlet",
        "_selects",
        "_slowness",
        "_streams",
        "_subscription",
        "_wire",
        "_writing_since",
        "_wrote_at",
        "peer",
        "view",
    )
    _numbers = itertools.count(1)

    def __init__(
        self,
        streams: Streams,
        subscription: Subscription,
        peer: Peer,
        outlet: Outlet | None = None,
    ) -> None:
        """Begin at the subscription's cursor; without an `outlet`, in the board's log.

        `streams` admits the stream, whatever log it reads.
        """
        self.peer = peer
        self._streams = streams
        self._outlet: Outlet = outlet or streams
        self._log = self._outlet.log
        self._subscription = subscription
        self.view = subscription.view
        self._selects = None if self.view.selects_all else self.view.selects
        self._wire = WIRES[self.view.wire]
        self._number = next(self._numbers)
        self._cursor = EventId(0, 0)
        self._writing_since: float | None = None
        self._began_at = self._wrote_at = time.monotonic()
        lifetime = streams.settings.max_stream_age * random.uniform(0.8, 1)
        self._ends_at = self._began_at + lifetime if lifetime else math.inf
        self._slowness: Slowness = streams.quick
        self._cursor_is_unknown = False  # whether the log can't account for it any more
        self._lacks_newer = False  # whether it was read on, without superseded events
        self._due_at = 0.0  # when a paced stream's next frame is due; 0 if none is
        self._has_begun = False  # whether the server has written the first frame
        self._knows_away = False  # whether the client knows the log to be away
        self._ledger = Ledger()
        self._end_reason = "the client went away"

    def frames(
        self, on_begin: Callable[[], None] | None = None
    ) -> Generator[bytes, None, None]:
        """Yield the bytes of each write, from hello to farewell.

        The stream is counted once the first frame is asked for, so a response that is
        never started (HEAD, an early abort) leaves no trace. `on_begin` is called at
        that moment, to release what only the request needed.

        This generator alone waits, and none of those below it: while a stream waits,
        every generator on its stack costs memory, once per stream.
        """
        if on_begin is not None:
            on_begin()
            del on_begin  # and all that the function refers to
        connection, form = self.peer.connection, self._form()
        refused = self._streams.admit(self)
        due = iter([self._farewell(refused)]) if refused else self._due_frames()
        opening = GZIP_HEADER if self._subscription.gzip else b""
        try:
            for frame in due:
                if frame is None:
                    self._wait()
                    continue
                self._begin_write()
                if connection is None or form is None or not self._has_begun:
                    yield opening + frame.body(self._subscription.gzip)
                    opening, self._has_begun = b"", True
                elif frame.data:
                    connection.send(frame.on_wire(form))
                self._end_write(frame)
            if self._subscription.gzip:
                self._begin_write()
                yield gzip_trailer(self._ledger)
                self._end_write(None)
            if connection is not None and self._streams.draining.is_set():
                # An idle connection would delay the exit of the worker. At any other
                # end, the connection is kept, as the response promised.
                connection.stop_reading()
        finally:
            self._streams.writing.discard(self)
            if not refused:
                self._leave()

    def _form(self) -> Form | None:
        """Return the form in which this stream can write to its socket; None if none.

        The server's writer copies what it writes, and a client that doesn't read would
        keep the copy. Here, all streams that send a frame write the same bytes. The
        frames of an answer are changed on the way.
        """
        connection = self.peer.connection
        if connection is None or self._outlet.fanout is None:
            return None
        if connection.lend() is None:
            return None
        return Form(self._subscription.gzip, connection.chunked)

    def _begin_write(self) -> None:
        self._writing_since = time.monotonic()
        self._streams.writing.add(self)

    def _end_write(self, frame: Frame | None) -> None:
        self._wrote_at = time.monotonic()
        waited = self._wrote_at - (self._writing_since or self._wrote_at)
        self._slowness = self._slowness.after_write(waited)
        self._writing_since = None
        self._streams.writing.discard(self)
        if frame is not None:
            self._ledger = frame.added_to(self._ledger, self._subscription.gzip)
            self._streams.totals.count_frame(frame, self._subscription.gzip)

    def _leave(self) -> None:
        self._streams.leave(self)
        logger.info(
            "stream %d ended: %s, %.1f s, %d events, %d bytes: %s",
            self._number,
            self,
            time.monotonic() - self._began_at,
            self._ledger.events,
            self._ledger.sent,
            self._end_reason,
        )

    def write_waits(self, now: float) -> float:
        """Return for how many seconds the present write has been waiting."""
        since = self._writing_since
        return 0.0 if since is None else now - since

    def break_off(self) -> None:
        """Break the connection, so that a write that waits ends."""
        connection = self.peer.connection
        if connection is not None and self._writing_since is not None:
            self._end_reason = "the client did not read"
            connection.break_off()

    def hang_up(self) -> None:
        """Close the connection; the stream ends with its next write."""
        if self.peer.connection is not None:
            self._end_reason = "the client closed it by its name"
            self.peer.connection.break_off()

    @property
    def name(self) -> str | None:
        """The name by which the client may close it, or None."""
        return self._subscription.name

    def __str__(self) -> str:
        return printable(f"{self.view}")[:200] + f" for {self.peer.address}"

    def _due_frames(self) -> Iterator[Frame | None]:
        """Yield each frame when it is due, and None when the stream has to wait."""
        logger.info("stream %d opened: %s", self._number, self)
        catch_up = self._catch_up()
        yield from itertools.islice(catch_up, 1)  # in bare words there may be none
        if self.peer.connection is not None:
            # The limit is set only now, so that the first write never waits for it.
            self.peer.connection.limit_unsent()
        yield from catch_up
        while not (end := self._end()):
            farewell = self._farewell_reason()
            if farewell:
                yield self._farewell(farewell)
                return
            yield from self._next_due()
        self._end_reason = end.reason
        yield self._control_frame(end, self._outlet.end_id)

    def _farewell_reason(self) -> Farewell | None:
        ends_soon = self._outlet.ends_soon and not self._streams.has_drained
        if self._streams.draining.is_set() and not ends_soon:
            return "restart"
        if self._cursor_is_unknown or time.monotonic() >= self._ends_at:
            return "age"
        return None

    def _catch_up(self) -> Iterator[Frame]:
        cursor = resolve_cursor(self._subscription.cursor, self._log.tail)
        if cursor and cursor > self._log.tail and self._outlet.is_ahead(cursor):
            read = Read("replayed", [], cursor, 0, 0)
        else:
            read = self._read(cursor, compact=self._is_paced)
        opening = self._wire.retry(random.randint(*DEFAULT_RETRY)) + self._wire.control(
            self._hello(read, cursor), None
        )
        yield from self._frames_of(read, opening)

    def _next_due(self) -> Iterable[Frame | None]:
        """Return what is due: events, a gap, after silence a heartbeat; else None."""
        now = time.monotonic()
        if self._has_news and self._is_due(now):
            return self._owed_frames()
        if self._cursor > self._log.tail and not self._outlet.is_ahead(self._cursor):
            # `is_ahead` may ask Redis. The event may have arrived in the meantime.
            self._cursor_is_unknown = self._cursor > self._log.tail
            return ()
        fanout = self._streams.fanout
        if now >= self._heartbeat_at or fanout.is_away != self._knows_away:
            self._knows_away = fanout.is_away
            return (self._control_frame(fanout.heartbeat(), self._cursor),)
        return NOTHING_DUE

    @property
    def _heartbeat_at(self) -> float:
        """The instant at which a heartbeat is due, unless something else is sent."""
        return self._wrote_at + self._streams.settings.heartbeat

    def _wait(self) -> None:
        """Wait until something may be due."""
        self._slowness = self._slowness.after_everything()
        if self._due_at:
            until = min(self._due_at, self._heartbeat_at, self._ends_at)
            self._streams.draining.wait(until - time.monotonic())
        elif self._must_write_itself() or not self._follow():
            until = min(self._heartbeat_at, self._ends_at)
            self._log.wait(self._cursor, until - time.monotonic())

    def _must_write_itself(self) -> bool:
        """Whether the fan-out can't serve this stream.

        Its log has no frames for a cursor beyond the tail. And it writes frames of any
        size without measuring how long a write waits, so it can't serve a slow reader.
        """
        return self._cursor > self._log.tail or self._slowness.is_slow

    def _is_due(self, now: float) -> bool:
        pace = self.view.pace
        if pace and not self._due_at:
            self._due_at = next_instant(pace, now)
        return now >= self._due_at

    def _owed_frames(self) -> Iterator[Frame]:
        self._due_at, self._lacks_newer = 0.0, False
        frame = None
        if not self._is_behind():
            if self._log.pending_bytes(self._cursor) > self._frame_bytes:
                yield from self._split_frames()
                return
            frame = self._outlet.frame_cache.due(self.view, self._cursor)
        if frame is None:
            yield from self._compacted_frames()
            return
        if frame.data:
            yield frame
        self._cursor = frame.tail

    def _follow(self) -> bool:
        """Let the fan-out write for this stream until it needs something of its own."""
        connection, fanout = self.peer.connection, self._outlet.fanout
        fd = None if connection is None else connection.lend()
        if connection is None or fanout is None or fd is None:
            return False
        follower = Follower(fd, self._cursor, self._ends_at, self._knows_away)
        form = Form(self._subscription.gzip, connection.chunked)
        key = GroupKey(self.view, form, self._subscription.match)
        is_over = (
            None
            if key.match is None
            else partial(has_had_last_event, self._log, key.match)
        )
        if not fanout.join(follower, key, is_over):
            return False
        try:
            follower.wait()
        except BaseException:
            fanout.forget_follower(follower, key)
            raise
        if follower.torn:
            raise ConnectionAbortedError("the fan-out failed in the middle of a write")
        self._cursor = follower.cursor
        self._knows_away = follower.knows_away
        # A socket that took nothing is either full or broken. Only a write that waits
        # can find out which, so a heartbeat is due at once.
        self._wrote_at = -math.inf if follower.took_nothing else time.monotonic()
        self._ledger = self._ledger.plus(follower.ledger).followed(
            follower.joined, follower.left
        )
        if follower.rest:
            self._begin_write()
            connection.send(follower.rest)
            self._end_write(None)
        return True

    def _compacted_frames(self) -> Iterator[Frame]:
        """Yield what is due without superseded events, which a `gap` counts."""
        read = self._read(self._cursor, compact=True)
        if read.resume == "fresh":
            # The client may have keys that were retired long ago, and this log no
            # longer knows which. Only `fresh` on a new stream removes them.
            self._cursor_is_unknown = True
            return
        if self._is_paced and read.dropped:
            # The reader asked for this by its pace, so it needs no `gap`.
            read = msgspec.structs.replace(read, dropped=0)
        opening = b""
        if (read.dropped, read.lost) != (0, 0):
            opening = self._gap(read)
        yield from self._frames_of(read, opening)

    def _read(self, cursor: EventId | None, compact: bool) -> Read:
        """Return the first events after a cursor; `_frames_of` reads on from there.

        A stream whose reader doesn't read keeps them in memory.
        """
        return self._log.read(cursor, self._selects, compact, FIRST_READ)

    def _gap(self, read: Read) -> bytes:
        gap = Gap(str(self._cursor), str(read.tail), read.dropped, read.lost)
        self._streams.totals.gaps += 1
        return self._wire.control(gap, None)

    def _split_frames(self) -> Iterator[Frame]:
        """Yield what is due in several frames, since it is much for one."""
        read = self._read(self._cursor, compact=self._is_paced)
        if read.dropped is None:  # some events have just been evicted
            yield from self._compacted_frames()
        else:
            # The reader asked by its pace for what was dropped, so it isn't counted.
            read = msgspec.structs.replace(read, dropped=0)
            yield from self._frames_of(read, b"")

    @property
    def _frame_bytes(self) -> int:
        """The bytes of data that are sent in one frame while the stream is live."""
        bounds = self._slowness.bounds
        return bounds.small_frame if self._slowness.is_slow else FRAME_BYTES

    def _is_behind(self) -> bool:
        """Whether to skip superseded events, and to send frames of bounded size."""
        pending = self._log.pending(self._cursor)
        return pending is None or self._slowness.is_behind(pending, self._is_paced)

    def _frames_of(self, read: Read, opening: bytes) -> Iterator[Frame]:
        """Yield frames of what was read. The first begins with the control events."""
        totals = self._streams.totals
        totals.dropped += read.dropped or 0
        totals.lost += read.lost or 0
        done = sent = 0
        read_at = time.monotonic()
        while done < len(read.events) or read.is_cut:
            if read.is_cut and done and self._ends_early(read, done, sent):
                rest = self._log.read_on(read, self._cursor, self._selects, MOST_READ)
                if rest is None:
                    self._lacks_newer = True  # so that a poll goes on, too
                    break  # it is read compacted, and a gap says so
                read, done = rest, 0  # as old as what was read at first
                self._lacks_newer = read.resume != "replayed"
                if read.lost != 0:
                    totals.lost += read.lost or 0
                    opening += self._gap(read)
                continue
            is_outdated = self._slowness.is_outdated(time.monotonic() - read_at)
            if is_outdated and self._should_read_again(read, done):
                break
            frame = self._frame_of(read, done, sent, is_outdated)
            if opening and len(frame.data) > MOST_JOINED:
                yield Frame(opening, 0, self._cursor)
                opening = b""
            yield frame.preceded_by(opening, self._subscription.gzip)
            opening = b""
            done, sent = done + frame.events, sent + frame.events
            self._cursor = frame.tail
        if opening:
            yield Frame(opening, 0, self._cursor)
        if done == len(read.events) and not read.is_cut:
            self._cursor = read.tail

    def _ends_early(self, read: Read, done: int, sent: int) -> bool:
        """Whether the next frame may end where the read was cut, and not where others'.

        It couldn't be shared with streams whose reads were cut elsewhere.
        """
        return len(read.events) - done < self._outlet.catch_up.longest(sent)

    def _frame_of(self, read: Read, done: int, sent: int, is_outdated: bool) -> Frame:
        catch_up = self._outlet.catch_up
        if self._slowness.is_slow:
            exact = read.resume == "replayed" or not is_outdated
            size = self._slowness.bounds.small_frame
            return catch_up.small(self.view, exact, read.events, done, size)
        fresh = read.resume == "fresh"
        return catch_up.shared(self.view, fresh, read.events, done, sent)

    def _should_read_again(self, read: Read, done: int) -> bool:
        """Whether to leave the rest of an outdated replay, and to read it compacted.

        A poll (`once`) is replayed to the end: it asked for what happened.
        """
        if read.resume != "replayed" or not done or self._subscription.once:
            return False
        pending = len(read.events) - done
        return read.is_cut or self._slowness.is_behind(pending, self._is_paced)

    @property
    def _is_paced(self) -> bool:
        return self.view.pace > 0

    def _end(self) -> End | None:
        """Return the event that ends this stream now, or None while it goes on."""
        end = self._outlet.end_at(self._cursor, self._subscription.match)
        if end is not None or not self._subscription.once:
            return end
        # What superseded an event of the catch-up belongs to it, too.
        return None if self._lacks_newer and self._has_news else End("once")

    @property
    def _has_news(self) -> bool:
        return self._log.tail > self._cursor

    def _hello(self, read: Read, cursor: EventId | None) -> Hello:
        return Hello(
            resume=read.resume,
            after=None if cursor is None else str(cursor),
            tail=str(read.tail),
            dropped=read.dropped,
            # 0 would promise that nothing is missing; it is unknown if `dropped` is.
            lost=None if read.dropped is None else read.lost,
            heartbeat=self._streams.settings.heartbeat,
            pace=self.view.pace,
            source=self._streams.source,
            version=self._streams.version,
            at=now_ms(),
        )

    def _farewell(self, reason: Farewell) -> Frame:
        retry = random.randint(*FAREWELL_RETRY[reason])
        self._end_reason = reason
        bye = self._wire.control(Bye(reason, retry), None)
        return Frame(self._wire.retry(retry) + bye, 0, self._cursor)

    def _control_frame(self, control: Control, id: EventId | None = None) -> Frame:
        return Frame(self._wire.control(control, id), 0, self._cursor)
