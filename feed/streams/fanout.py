"""The fan-out: one loop that writes each view's next frame to all streams that wait.

Theory of operation: a stream that is caught up needs nothing but the next frame of its
view, and waking its generator for that costs more than the write itself. So the stream
lends its socket to this loop. The loop builds the frame once and hands it to the
kernel, socket after socket, with nothing else per stream than one system call.

Whatever is not that simple (a socket that is full or broken, a gap, a drain) is left to
the stream's own generator: the loop returns the socket with the bytes that are still to
be written, and the generator continues at that byte. Only the loop returns sockets, and
only between two writes, so that a write needs no lock.

An event must not cost time for views that don't show it. So the loop does not ask every
view: events and views have routes, and an event reaches the groups on its own routes.
"""

import logging
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import msgspec

from feed.clock import next_instant, now_ms
from feed.events.control import Heartbeat
from feed.events.event import EventId
from feed.log import Log
from feed.streams.catchup import FRAME_BYTES, LARGE
from feed.streams.frame import Frame
from feed.streams.framecache import FrameCache
from feed.streams.group import Follower, Group, GroupKey
from feed.streams.totals import Totals
from feed.streams.view import Route, routes_of
from feed.streams.wire import WIRES

SLICE = 128  # writes between two looks at the clock
TURN = 0.004  # seconds of writing after which other requests get a turn
IDLE = 1.0  # seconds after which the loop looks at all groups, even if none is due

logger = logging.getLogger("liveboard.fanout")


class FanOut:
    """The loop, and the groups that it writes to."""

    def __init__(
        self, log: Log, frames: FrameCache, totals: Totals, heartbeat: float
    ) -> None:
        self._log = log
        self._frames = frames
        self._totals = totals
        self._heartbeat = heartbeat
        self._groups: dict[GroupKey, Group] = {}
        self._routes: defaultdict[Route, set[Group]] = defaultdict(set)
        self._joined: set[Group] = set()  # groups with newcomers
        self._joining = threading.Lock()
        self._running = False
        # All groups have been served up to this cursor, except those that are paced.
        self._cursor = log.tail
        self._look_at = 0.0  # when something is due even if no event comes
        self._turn_ends_at = 0.0
        self.is_away = False  # whether the shared log is

    def start(self) -> None:
        """Start the loop, in a thread of its own."""
        self._running = True
        threading.Thread(target=self._run, name="fan-out", daemon=True).start()

    def stop(self) -> None:
        """Return all sockets, and accept no more."""
        self._running = False
        self._log.wake()

    def announce_away(self, away: bool) -> None:
        """Send every stream a heartbeat now that says if the shared log is away."""
        self.is_away = away
        with self._joining:
            self._look_at = 0.0
        self._log.wake()

    def heartbeat(self) -> Heartbeat:
        """Return a heartbeat of this moment."""
        return Heartbeat(now_ms(), "away" if self.is_away else msgspec.UNSET)

    def join(
        self,
        follower: Follower,
        key: GroupKey,
        is_over: Callable[[EventId], bool] | None,
    ) -> bool:
        """Accept the socket of a caught-up stream; False if it must write for itself.

        The socket is returned once `is_over` is true of the cursor.
        """
        with self._joining:
            if not self._running:
                return False
            group = self._groups.get(key)
            if group is None:
                group = self._new_group(key, follower.cursor, is_over)
            self._follow_log(group)
            ahead = key.view.pace and group.cursor != follower.cursor
            if ahead and key.view.pace > self._heartbeat / 2:
                # It would get no heartbeat until the group's next frame is due.
                return False
            group.newcomers.append(follower)
            self._joined.add(group)
            return True

    def forget_follower(self, follower: Follower, key: GroupKey) -> None:
        """Write no more to a follower whose socket is closed before it is returned."""
        group = self._groups.get(key)
        if group is not None:
            group.forget_follower(follower)

    def _new_group(
        self, key: GroupKey, cursor: EventId, is_over: Callable[[EventId], bool] | None
    ) -> Group:
        group = self._groups[key] = Group(key, cursor, is_over)
        group.knows_away = self.is_away
        for route in key.view.routes():
            self._routes[route].add(group)
        self._look_at = min(self._look_at, group.wrote_at + self._heartbeat)
        return group

    def _run(self) -> None:
        try:
            self._write_for_all()
        finally:
            with self._joining:
                self._running = False
                for group in self._groups.values():
                    group.return_all()

    def _write_for_all(self) -> None:
        while self._running:
            wait = self._look_at - time.monotonic()
            self._log.wait(self._cursor, min(wait, IDLE))
            self._turn_ends_at = time.monotonic() + TURN
            with self._joining:
                tail, groups = self._due()
            for group in groups:
                self._serve_safely(group)
            self._cursor = tail

    def _due(self) -> tuple[EventId, set[Group]]:
        """Return the log's tail, and the groups to serve up to it."""
        groups, self._joined = self._joined, set()
        read = self._log.read(self._cursor)
        if read.dropped is None:
            # This loop is so late that events are no longer retained. Each group reads
            # by itself and finds out whether it has missed any.
            return read.tail, {*self._groups.values()}
        for event in read.events:
            for route in routes_of(event):
                groups.update(self._routes.get(route, ()))
        if time.monotonic() >= self._look_at:
            groups.update(self._groups_by_time())
        return read.tail, groups

    def _groups_by_time(self) -> list[Group]:
        """Return the groups that are due even without an event; forget empty ones."""
        now = time.monotonic()
        for key in [key for key, group in self._groups.items() if not group]:
            group = self._groups.pop(key)
            for route in key.view.routes():
                self._routes[route].discard(group)
                if not self._routes[route]:
                    del self._routes[route]
        found = [g for g in self._groups.values() if self._due_at(g) <= now]
        self._look_at = now + IDLE
        for group in self._groups.values():
            due_at = self._due_at(group)
            if due_at > now:
                self._look_at = min(self._look_at, due_at)
        return found

    def _due_at(self, group: Group) -> float:
        """Return when a group is due even if no event comes."""
        if group.knows_away != self.is_away:
            return -math.inf
        heartbeat_at = group.wrote_at + self._heartbeat
        return min(group.due_at or math.inf, heartbeat_at, group.ends_at)

    def _follow_log(self, group: Group) -> None:
        """Move a group to the loop's cursor: no event before that was on its routes."""
        if not group.due_at and group.cursor < self._cursor:
            group.cursor = self._cursor

    def _serve_safely(self, group: Group) -> None:
        try:
            self._serve(group)
        except Exception:  # an error in one view must not end the others; it is logged
            # Clients of this view lose their connections and resume from their cursors.
            logger.exception("the fan-out failed for %s", group.view)
            group.return_torn()

    def _serve(self, group: Group) -> None:
        """Write what is due now: the next frame, or after silence a heartbeat."""
        now = time.monotonic()
        self._follow_log(group)
        frame = self._next_frame(group, now)
        if frame is None or _is_of_large_events(frame):
            group.return_all()
            return
        # These frames end at the same tail, so they are built before `_write` gives a
        # turn to other requests, which may append events.
        arriving = [
            (follower, self._frame_up_to(group, follower, frame.tail))
            for follower in group.newcomers
            # A newcomer that is ahead of a paced group joins it with its next frame.
            if not group.due_at or follower.cursor == group.cursor
        ]
        self._write(group, frame, now)
        for follower, own in arriving:
            self._let_follow(group, follower, own)
            group.newcomers.remove(follower)
        is_news = group.knows_away != self.is_away
        if is_news or now >= group.wrote_at + self._heartbeat:
            self._write(group, self._heartbeat_of(group), now)
        self._return_finished(group, now)

    def _next_frame(self, group: Group, now: float) -> Frame | None:
        pace = group.view.pace
        if pace and self._log.tail > group.cursor:
            group.due_at = group.due_at or next_instant(pace, now)
            self._look_at = min(self._look_at, group.due_at)
            if now < group.due_at:
                return Frame(b"", 0, group.cursor)
        group.due_at = 0.0
        return self._frames.due(group.view, group.cursor)

    def _frame_up_to(
        self, group: Group, follower: Follower, tail: EventId
    ) -> Frame | None:
        if follower.cursor == tail:
            return Frame(b"", 0, tail)
        return self._frames.due(group.view, follower.cursor)

    def _write(self, group: Group, frame: Frame, now: float) -> None:
        """Write a frame to all followers; return those that can't take all of it."""
        if not frame.data:
            group.advance(frame)
            return
        group.wrote_at = now
        data, write = frame.on_wire(group.form), os.write
        size, fds = len(data), group.fds
        short: dict[int, int] = {}  # bytes that a descriptor took, if not all
        for start in range(0, len(fds), SLICE):
            for fd in fds[start : start + SLICE]:
                try:
                    written = write(fd, data)
                except OSError:  # full or broken, which its generator will find out
                    written = 0
                if written != size:
                    short[fd] = written
            self._give_turn_to_others()
        behind = [f for f in group.followers if f.fd in short] if short else []
        untouched = [follower for follower in behind if not short[follower.fd]]
        if untouched:
            for follower in untouched:
                follower.took_nothing = True
            group.return_followers(untouched)
        group.advance(frame)
        begun = [follower for follower in behind if not follower.took_nothing]
        if begun:
            for follower in begun:
                follower.rest = memoryview(data)[short[follower.fd] :]
            group.return_followers(begun)
        self._totals.count_frame(frame, group.form.gzip, len(fds) - len(untouched))

    def _let_follow(self, group: Group, follower: Follower, own: Frame | None) -> None:
        """Write to a newcomer what it lacks, and make it a follower."""
        if own is None or own.tail != group.cursor:
            follower.end_wait()
            return
        if own.data:
            data = own.on_wire(group.form)
            try:
                written = os.write(follower.fd, data)
            except OSError:
                written = 0
            if not written:
                follower.took_nothing = True
                follower.end_wait()
                return
            follower.rest = memoryview(data)[written:]
            follower.ledger = own.added_to(follower.ledger, group.form.gzip)
            self._totals.count_frame(own, group.form.gzip)
        follower.cursor = own.tail
        if follower.rest:
            follower.end_wait()
        else:
            if follower.knows_away != self.is_away:
                group.knows_away = follower.knows_away
            group.add_follower(follower)

    def _heartbeat_of(self, group: Group) -> Frame:
        group.knows_away = self.is_away
        data = WIRES[group.view.wire].control(self.heartbeat(), group.cursor)
        return Frame(data, 0, group.cursor)

    def _return_finished(self, group: Group, now: float) -> None:
        """Return the sockets of streams that must send an `end` or a `bye`."""
        if group.is_over is not None and group.is_over(group.cursor):
            group.return_all()
        elif now >= group.ends_at:
            group.return_followers([f for f in group.followers if f.ends_at <= now])
            group.ends_at = min((f.ends_at for f in group.followers), default=math.inf)

    def _give_turn_to_others(self) -> None:
        """Let other requests run if this loop has been running for a turn."""
        if time.monotonic() >= self._turn_ends_at:
            time.sleep(0)
            self._turn_ends_at = time.monotonic() + TURN


def _is_of_large_events(frame: Frame) -> bool:
    """Whether streams must write a frame by themselves, event by event.

    Each view would have a copy, and a client that doesn't read would keep it.
    """
    return len(frame.data) > max(FRAME_BYTES, LARGE * frame.events)
