"""The streams that need the same bytes, and the sockets that they have lent.

Theory of operation: a group has one cursor, and one ledger of what all its followers
were sent. A stream that joins and leaves in between was sent the difference between two
pages of that ledger, so that nothing is counted per stream and frame.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from feed.events.event import EventId
from feed.streams.frame import Form, Frame
from feed.streams.ledger import Ledger
from feed.streams.view import View

NO_SOCKET = -1  # a descriptor to which every write fails


class Follower:
    """The socket of a caught-up stream, while the fan-out writes to it.

    `fd` is a non-blocking socket whose reader stands at `cursor`; the stream's time is
    over at `ends_at` (monotonic seconds). `knows_away` is whether its client knows the
    log to be away. After `wait`:

    - `ledger` has what was written for the follower to reach the group's cursor, and
      `joined` and `left` are the pages of the group's ledger between which it followed.
    - `rest` is what must still be written of a frame that was begun.
    - `took_nothing`: the socket took nothing of a frame, so it is full or broken.
    - `torn`: the loop failed mid-frame. How much was sent is unknown, so the connection
      must be closed.
    """

    __slots__ = (
        "_returned",
        "cursor",
        "ends_at",
        "fd",
        "joined",
        "knows_away",
        "ledger",
        "left",
        "rest",
        "took_nothing",
        "torn",
    )

    def __init__(
        self, fd: int, cursor: EventId, ends_at: float, knows_away: bool = False
    ) -> None:
        self.fd = fd
        self.cursor = cursor
        self.ends_at = ends_at
        self.knows_away = knows_away
        self.joined = self.left = self.ledger = Ledger()
        self.rest: bytes | memoryview = b""  # a view, since many may share the frame
        self.took_nothing = self.torn = False
        # A lock that is released once; an Event would take five times the memory.
        self._returned = threading.Lock()
        self._returned.acquire()

    def wait(self) -> None:
        """Wait until the fan-out returns the socket."""
        self._returned.acquire()

    def end_wait(self) -> None:
        """Let the stream continue by itself."""
        self._returned.release()


class GroupKey(NamedTuple):
    """The properties that streams must have in common to be sent the same bytes."""

    view: View
    form: Form
    match: str | None


class Group:
    """The followers that are sent the same frames, and newcomers."""

    def __init__(
        self, key: GroupKey, cursor: EventId, is_over: Callable[[EventId], bool] | None
    ) -> None:
        self.view = key.view
        self.form = key.form
        self.cursor = cursor
        self.followers: list[Follower] = []
        # The followers' descriptors: reading each one from its follower costs 5 %.
        self.fds: list[int] = []
        self.newcomers: list[Follower] = []
        self.is_over = is_over
        self.ledger = Ledger()  # of a follower since the beginning
        self.wrote_at = time.monotonic()
        self.knows_away = False  # whether the last heartbeat said that the log is away
        self.due_at = 0.0  # when a paced view's next frame is due; 0 if none is
        self.ends_at = math.inf  # when the time of the first follower is over

    def __bool__(self) -> bool:
        return bool(self.followers or self.newcomers)

    def advance(self, frame: Frame) -> None:
        """Move on to the end of a frame that was written to all followers."""
        self.cursor = frame.tail
        if frame.data:
            self.ledger = frame.added_to(self.ledger, self.form.gzip)

    def add_follower(self, follower: Follower) -> None:
        """Make a newcomer at the group's cursor a follower."""
        follower.joined = self.ledger
        self.followers.append(follower)
        self.fds.append(follower.fd)
        self.ends_at = min(self.ends_at, follower.ends_at)

    def return_followers(self, followers: list[Follower]) -> None:
        """Return followers to their streams, at the group's cursor."""
        leaving = {*followers}
        self.followers = [f for f in self.followers if f not in leaving]
        self.fds = [f.fd for f in self.followers]
        for follower in followers:
            follower.left = self.ledger
            follower.knows_away = self.knows_away
            follower.cursor = self.cursor
            follower.end_wait()

    def forget_follower(self, follower: Follower) -> None:
        """Write no more to a follower whose stream ends while it follows.

        It stays in the lists, since the fan-out may be walking over them.
        """
        follower.fd = NO_SOCKET
        if follower in self.followers:
            self.fds[self.followers.index(follower)] = NO_SOCKET

    def return_all(self) -> None:
        """Return all followers, and the newcomers at the cursors that they had."""
        self.return_followers(self.followers)
        for follower in self.newcomers:
            follower.end_wait()
        self.newcomers = []

    def return_torn(self) -> None:
        """Return all after a failure: what was sent to each of them is unknown."""
        everyone = {*self.followers, *self.newcomers}
        self.followers, self.fds, self.newcomers = [], [], []
        for follower in everyone:
            follower.torn = True
            follower.end_wait()
