"""The fan-out: one loop that writes each view's next frame to all who wait for it.

Strategy: a stream that is caught up needs nothing but the next frame of its view, and
to wake it for that costs more than the write itself. So it lends its socket to this
loop, which makes the frame once and hands it to the kernel, stream after stream. What
isn't that simple (a socket that is full or broken, a gap, a drain) goes back to the
stream's own generator, which goes on at the exact byte. Only the loop gives streams
back, and only between two writes, so that a write needs no lock.
"""

import logging
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Literal

import msgspec

from feed.clock import next_instant, now_ms
from feed.events.control import Heartbeat
from feed.events.event import EventId
from feed.log import Log
from feed.streams.frame import Frame
from feed.streams.framecache import Frames
from feed.streams.group import Follower, Group, Key
from feed.streams.totals import Totals
from feed.streams.view import Route, routes_of
from feed.streams.wire import WIRES

SLICE = 128  # streams written to between two looks at the clock
TURN = 0.004  # seconds of writing after which other requests have their turn
IDLE = 1.0  # seconds after which the loop looks around, whatever it has planned

logger = logging.getLogger("liveboard.fanout")


class FanOut:
    """The loop, and the groups that it writes to."""

    def __init__(
        self, log: Log, frames: Frames, totals: Totals, heartbeat: float
    ) -> None:
        self._log = log
        self._frames = frames
        self._totals = totals
        self._heartbeat = heartbeat
        self._groups: dict[Key, Group] = {}
        self._routes: defaultdict[Route, set[Group]] = defaultdict(set)
        self._welcome: set[Group] = set()  # those with newcomers
        self._joining = threading.Lock()
        self._running = False
        self._cursor = log.tail  # no group is owed anything up to here, but paced ones
        self._look_at = 0.0  # when something is due though no event has come
        self._turn_ends = 0.0
        self.feed: Literal["away"] | msgspec.UnsetType = msgspec.UNSET

    def start(self) -> None:
        """Begin to write for others, in a thread of its own."""
        self._running = True
        threading.Thread(target=self._run, name="fan-out", daemon=True).start()

    def stop(self) -> None:
        """Give every stream back, and take no more."""
        self._running = False
        self._log.wake()

    def announce_away(self, away: bool) -> None:
        """Send every stream a heartbeat now that says if the shared log is away."""
        self.feed = "away" if away else msgspec.UNSET
        with self._joining:
            for group in self._groups.values():
                group.wrote = -math.inf
            self._look_at = 0.0
        self._log.wake()

    def join(
        self, follower: Follower, key: Key, is_over: Callable[[EventId], bool] | None
    ) -> bool:
        """Take over a caught-up stream; False where it must go on by itself.

        It is given back once `is_over` says so of its cursor.
        """
        with self._joining:
            if not self._running:
                return False
            group = self._groups.get(key)
            if group is None:
                group = self._founded(key, follower.cursor, is_over)
            self._follow_log(group)
            ahead = key.view.pace and group.cursor != follower.cursor
            if ahead and key.view.pace > self._heartbeat / 2:
                return False  # it would wait for the group's next frame in silence
            group.coming.append(follower)
            self._welcome.add(group)
            return True

    def forget(self, follower: Follower, key: Key) -> None:
        """Write no more to a follower that wasn't given back: its socket goes."""
        group = self._groups.get(key)
        if group is not None:
            group.forget(follower)

    def _founded(
        self, key: Key, cursor: EventId, is_over: Callable[[EventId], bool] | None
    ) -> Group:
        group = self._groups[key] = Group(key, cursor, is_over)
        for route in key.view.routes():
            self._routes[route].add(group)
        self._look_at = min(self._look_at, group.wrote + self._heartbeat)
        return group

    def _run(self) -> None:
        try:
            self._write_for_all()
        finally:
            with self._joining:
                self._running = False
                for group in self._groups.values():
                    group.give_back_all()

    def _write_for_all(self) -> None:
        while self._running:
            wait = self._look_at - time.monotonic()
            self._log.wait(self._cursor, min(wait, IDLE))
            self._turn_ends = time.monotonic() + TURN
            with self._joining:
                tail, groups = self._due()
            for group in groups:
                self._serve_safely(group)
            self._cursor = tail

    def _due(self) -> tuple[EventId, set[Group]]:
        """Return the log's tail and the groups that are to be served up to it."""
        groups, self._welcome = self._welcome, set()
        read = self._log.read(self._cursor)
        if read.dropped is None:  # this loop was kept waiting: each sees for itself
            return read.tail, {*self._groups.values()}
        for event in read.events:
            for route in routes_of(event):
                groups.update(self._routes.get(route, ()))
        if time.monotonic() >= self._look_at:
            groups.update(self._look())
        return read.tail, groups

    def _look(self) -> list[Group]:
        """Return the groups whose time has come, and forget those that are empty."""
        now = time.monotonic()
        for key in [key for key, group in self._groups.items() if not group]:
            group = self._groups.pop(key)
            for route in key.view.routes():
                self._routes[route].discard(group)
                if not self._routes[route]:
                    del self._routes[route]
        found = [g for g in self._groups.values() if self._time_of(g) <= now]
        self._look_at = now + IDLE
        for group in self._groups.values():
            time_of = self._time_of(group)
            if time_of > now:
                self._look_at = min(self._look_at, time_of)
        return found

    def _time_of(self, group: Group) -> float:
        """Return when a group is due though no event comes."""
        return min(group.due or math.inf, group.wrote + self._heartbeat, group.ends)

    def _follow_log(self, group: Group) -> None:
        """Move a group on to where the loop stands: nothing before that was for it."""
        if not group.due and group.cursor < self._cursor:
            group.cursor = self._cursor

    def _serve_safely(self, group: Group) -> None:
        try:
            self._serve(group)
        except Exception:  # whatever a view does: all other views are served on
            # These clients come back with their cursors.
            logger.exception("the fan-out failed for %s", group.view)
            group.tear()

    def _serve(self, group: Group) -> None:
        """Write what is owed now: the next frame, or after silence a heartbeat."""
        now = time.monotonic()
        self._follow_log(group)
        frame = self._owed(group, now)
        if frame is None:
            group.give_back_all()
            return
        # All that leads to this tail is made now, before a turn of others moves it.
        arriving = [
            (follower, self._catching_up(group, follower, frame.tail))
            for follower in group.coming
            # Who is ahead of a paced group joins it when its next frame is due.
            if not group.due or follower.cursor == group.cursor
        ]
        self._write(group, frame, now)
        for follower, own in arriving:
            self._take_in(group, follower, own)
            group.coming.remove(follower)
        if now >= group.wrote + self._heartbeat:
            self._write(group, self._heartbeat_of(group), now)
        self._give_back_done(group, now)

    def _owed(self, group: Group, now: float) -> Frame | None:
        pace = group.view.pace
        if pace and self._log.tail > group.cursor:
            group.due = group.due or next_instant(pace, now)
            self._look_at = min(self._look_at, group.due)
            if now < group.due:
                return Frame(b"", 0, group.cursor)
        group.due = 0.0
        return self._frames.due(group.view, group.cursor)

    def _catching_up(
        self, group: Group, follower: Follower, tail: EventId
    ) -> Frame | None:
        if follower.cursor == tail:
            return Frame(b"", 0, tail)
        return self._frames.due(group.view, follower.cursor)

    def _write(self, group: Group, frame: Frame, now: float) -> None:
        """Write a frame to every follower; who can't take all of it goes back."""
        if not frame.data:
            group.advance(frame)
            return
        group.wrote = now
        data, write = frame.on_wire(group.form), os.write
        size, fds = len(data), group.fds
        short: dict[int, int] = {}  # by descriptor: what was taken of the frame
        for start in range(0, len(fds), SLICE):
            for fd in fds[start : start + SLICE]:
                try:
                    written = write(fd, data)
                except OSError:  # full, or broken: its own generator will find out
                    written = 0
                if written != size:
                    short[fd] = written
            self._give_turn()
        behind = [f for f in group.followers if f.fd in short] if short else []
        refused = [follower for follower in behind if not short[follower.fd]]
        if refused:
            for follower in refused:
                follower.refused = True
            group.give_back(refused)
        group.advance(frame)
        begun = [follower for follower in behind if not follower.refused]
        if begun:
            for follower in begun:
                follower.rest = data[short[follower.fd] :]
            group.give_back(begun)
        self._totals.count(frame, group.form.gzip, len(fds) - len(refused))

    def _take_in(self, group: Group, follower: Follower, own: Frame | None) -> None:
        """Let a newcomer follow, once it was written what it lacks."""
        if own is None or own.tail != group.cursor:
            follower.come_back()
            return
        if own.data:
            data = own.on_wire(group.form)
            try:
                written = os.write(follower.fd, data)
            except OSError:
                written = 0
            if not written:
                follower.refused = True
                follower.come_back()
                return
            follower.rest = data[written:]
            follower.ledger = own.enter(follower.ledger, group.form.gzip)
            self._totals.count(own, group.form.gzip)
        follower.cursor = own.tail
        if follower.rest:
            follower.come_back()
        else:
            group.take_in(follower)

    def _heartbeat_of(self, group: Group) -> Frame:
        said = Heartbeat(now_ms(), self.feed)
        data = WIRES[group.view.wire].control(said, group.cursor)
        return Frame(data, 0, group.cursor)

    def _give_back_done(self, group: Group, now: float) -> None:
        """Return the streams that must say something of their own."""
        if group.is_over is not None and group.is_over(group.cursor):
            group.give_back_all()
        elif now >= group.ends:
            group.give_back([f for f in group.followers if f.ends <= now])
            group.ends = min((f.ends for f in group.followers), default=math.inf)

    def _give_turn(self) -> None:
        """Let others run, where this loop has had its turn."""
        if time.monotonic() >= self._turn_ends:
            time.sleep(0)
            self._turn_ends = time.monotonic() + TURN
