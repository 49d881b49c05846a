"""The streams that are owed the same bytes, and each one's socket meanwhile."""

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from feed.events.event import EventId
from feed.streams.frame import Form, Frame
from feed.streams.ledger import Ledger
from feed.streams.view import View

NOBODY = -1  # no socket's descriptor


class Follower:
    """A caught-up stream's socket, while the loop writes to it.

    `fd` is a non-blocking socket, at the cursor `cursor`, until `ends` (monotonic
    seconds). After `wait`, `ledger` says what was written to bring it in, `joined` and
    `left` are the group's pages between which it followed, and `rest` is what is still
    to be written of a frame that was begun. `refused` says that the socket took
    nothing of a frame: it is full or broken. One that is `torn` may lack the rest of a
    frame that nobody knows.
    """

    __slots__ = (
        "_away",
        "cursor",
        "ends",
        "fd",
        "joined",
        "ledger",
        "left",
        "refused",
        "rest",
        "torn",
    )

    def __init__(self, fd: int, cursor: EventId, ends: float) -> None:
        self.fd = fd
        self.cursor = cursor
        self.ends = ends
        self.joined = self.left = self.ledger = Ledger()
        self.rest = b""
        self.refused = self.torn = False
        self._away = threading.Lock()  # an Event weighs five times as much
        self._away.acquire()

    def wait(self) -> None:
        """Wait until the loop gives this stream back."""
        self._away.acquire()

    def come_back(self) -> None:
        """End the wait."""
        self._away.release()


class Key(NamedTuple):
    """What streams must have in common to be owed the same bytes."""

    view: View
    form: Form
    match: str | None


class Group:
    """The followers that are owed the same frames, and those about to be."""

    def __init__(
        self, key: Key, cursor: EventId, is_over: Callable[[EventId], bool] | None
    ) -> None:
        self.view = key.view
        self.form = key.form
        self.cursor = cursor
        self.followers: list[Follower] = []
        self.fds: list[int] = []  # theirs, side by side: to look at each costs 5 %
        self.coming: list[Follower] = []
        self.is_over = is_over
        self.ledger = Ledger()  # of one who follows since the beginning
        self.wrote = time.monotonic()
        self.due = 0.0  # when a paced view's next frame is due; 0 where none is owed
        self.ends = math.inf  # when the first follower's time is over

    def __bool__(self) -> bool:
        return bool(self.followers or self.coming)

    def advance(self, frame: Frame) -> None:
        """Note that all followers were written a frame."""
        self.cursor = frame.tail
        if frame.data:
            self.ledger = frame.enter(self.ledger, self.form.gzip)

    def take_in(self, follower: Follower) -> None:
        """Let a newcomer that stands at the group's cursor follow."""
        follower.joined = self.ledger
        self.followers.append(follower)
        self.fds.append(follower.fd)
        self.ends = min(self.ends, follower.ends)

    def give_back(self, followers: list[Follower]) -> None:
        """Return followers, who stand at the group's cursor, to their streams."""
        leaving = {*followers}
        self.followers = [f for f in self.followers if f not in leaving]
        self.fds = [f.fd for f in self.followers]
        for follower in followers:
            follower.left = self.ledger
            follower.cursor = self.cursor
            follower.come_back()

    def forget(self, follower: Follower) -> None:
        """Write no more to one whose stream ends while it follows."""
        follower.fd = NOBODY
        if follower in self.followers:  # and stays: a write may be in their midst
            self.fds[self.followers.index(follower)] = NOBODY

    def give_back_all(self) -> None:
        """Return everyone; newcomers stand where they stood."""
        self.give_back(self.followers)
        for follower in self.coming:
            follower.come_back()
        self.coming = []

    def tear(self) -> None:
        """Return everyone after a failure, when nobody knows who was written what."""
        everyone = {*self.followers, *self.coming}
        self.followers, self.fds, self.coming = [], [], []
        for follower in everyone:
            follower.torn = True
            follower.come_back()
