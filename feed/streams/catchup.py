"""The frames of a catch-up: the events that a stream sends before it is live.

Theory of operation: after a deployment a thousand readers come back at once, each with
a cursor of its own. If each catch-up were cut into frames from its own beginning, no
two readers would share a frame, and the server would encode and compress the same
events a thousand times. So frames end at milestones, which are ids whose hash is a
multiple of some number. Milestones are the same for all readers, wherever they begin,
and so all their frames but the first are the same bytes.

A slow reader gets frames of its own instead. They are small and built when they are
written, so that the rest of the catch-up can still change.

A reader that doesn't read keeps its frame in memory until its connection is broken off.
So a frame ends after a number of bytes, too, and a large event has a frame of its own,
which readers of all views share. If the frames that are being written have many bytes
in all, as when many views are caught up on and nobody reads, further ones are small.
"""

import threading
import weakref
from collections.abc import Callable

import msgspec

from feed.events.event import Event, EventId
from feed.log import Log
from feed.streams.frame import Frame
from feed.streams.framecache import weight
from feed.streams.slowness import SMALL_FRAME
from feed.streams.view import View, WireFormat
from feed.streams.wire import encoder

CATCH_UP_BYTES = 16 << 20  # memory that the frames of all catch-ups may take
FRAME_BYTES = 256 << 10  # of data, after which a frame ends
LARGE = 64 << 10  # bytes of data; such an event has a frame of its own
LARGE_FOR_SMALL = SMALL_FRAME // 2  # bytes of such an event beside small frames
MADE_BYTES = 32 << 20  # of frames that still exist, beyond which further ones are small
CUTS = 10_000  # frames whose length is remembered: to hash the ids again is slower


class Milestones(msgspec.Struct, frozen=True):
    """How many events a frame has on average: one in so many ids is a milestone.

    The first frame is short because no other reader shares it. Frames stay `near` until
    the socket's buffers are full, because a slow reader is recognized only then. It
    would be busy with a `far` frame for a long time while the events in it grow old.
    """

    first: int = 32
    near: int = 128
    far: int = 512

    def after(self, done: int) -> int:
        """Return the milestone of the frame that follows the first `done` events."""
        if not done:
            return self.first
        return self.near if done < self.near else self.far


MILESTONES = Milestones()
MOST_MILESTONES = 2  # in a frame, which bounds the memory that a stream needs


Shared = tuple[View, bool, EventId, EventId, int]
"""A view, whether it is read afresh, the first and the last id, how many events."""

Single = tuple[WireFormat, bool, EventId, EventId]
"""A wire format, whether it wraps, the id that is sent, and the id of the data."""


class _Made:
    """The bytes of frames that still exist.

    It has no reference to a CatchUp, because `weakref.finalize` holds it strongly.
    """

    def __init__(self) -> None:
        self.bytes = 0

    def forget(self, size: int) -> None:
        """Count a frame that no longer exists."""
        self.bytes -= size


class CatchUp:
    """Frames of events that were read from the log, shared where that is possible."""

    def __init__(self, log: Log, milestones: Milestones = MILESTONES) -> None:
        self._log = log
        self._milestones = milestones
        self._frames: dict[Shared | Single, tuple[Frame, int]] = {}
        self._bytes = 0  # of these frames
        # Those that somebody is still sent can be shared even if they aren't kept.
        self._made: weakref.WeakValueDictionary[Shared | Single, Frame]
        self._made = weakref.WeakValueDictionary()
        self._made_total = _Made()
        self._cuts: dict[tuple[EventId, int], tuple[int, EventId]] = {}
        self._making = threading.RLock()

    def shared(
        self,
        view: View,
        fresh: bool,
        events: list[Event],
        start: int,
        sent: int | None = None,
    ) -> Frame:
        """Return the frame that begins with the event at `start`, for many readers.

        `fresh` tells whether the events are the whole state or follow a cursor. `sent`
        is how many events were sent before, if not those up to `start`.
        """
        if self._made_total.bytes > MADE_BYTES:
            return self.small(view, True, events, start, SMALL_FRAME)
        if len(events[start].data) > LARGE:
            return self._single(view, events[start], events[start].id)
        milestone = self._milestones.after(start if sent is None else sent)
        stop = self._cut(events, start, milestone)
        return self._shared_frame(view, fresh, events[start:stop])

    def longest(self, sent: int) -> int:
        """Return how many events the frame after so many can have, for many readers."""
        return MOST_MILESTONES * self._milestones.after(sent)

    def small(
        self, view: View, exact: bool, events: list[Event], start: int, size: int
    ) -> Frame:
        """Return the next frame for a slow reader; it ends after some `size` bytes.

        Later frames are built later, from newer data. Unless the frame must be `exact`,
        an event of a key keeps its place and its id, but has the data of the key's
        newest event: what was read from the log may be superseded by now.
        """
        encode, parts = encoder(view), list[bytes]()
        stop = start
        while stop < len(events) and size > 0:
            event, of = self._current(view, exact, events[stop])
            if len(event.data) > LARGE_FOR_SMALL:
                if parts:
                    break
                return self._single(view, event, of)
            parts.append(encode(event))
            size -= len(parts[-1])
            stop += 1
        return Frame(b"".join(parts), stop - start, events[stop - 1].id)

    def _current(self, view: View, exact: bool, event: Event) -> tuple[Event, EventId]:
        """Return the event to send in the place of one, and the id of its data."""
        if exact or event.slot is None:
            return event, event.id
        newest = self._log.newest(event.slot)
        if newest is None or not view.selects(newest):
            return event, event.id
        return newest.with_id(event.id), newest.id

    def _cut(self, events: list[Event], start: int, milestone: int) -> int:
        """Return where the frame ends that begins at `start`."""
        first = events[start].id
        length, last = self._cuts.get((first, milestone), (0, first))
        stop = start + length
        if length and stop <= len(events) and events[stop - 1].id == last:
            return stop  # another reader's catch-up was cut here
        stop = start + 1
        size = len(events[start].data)
        while stop < len(events) and stop - start < MOST_MILESTONES * milestone:
            size += len(events[stop].data)
            if hash(events[stop - 1].id) % milestone == 0 or size > FRAME_BYTES:
                break
            stop += 1
        if len(self._cuts) >= CUTS:
            self._cuts.clear()
        self._cuts[first, milestone] = stop - start, events[stop - 1].id
        return stop

    def _shared_frame(self, view: View, fresh: bool, events: list[Event]) -> Frame:
        # Events between two ids only ever become fewer, as they are superseded. So two
        # reads with equal first and last ids and equal counts have the same events. A
        # fresh read selects other events (no retired keys), hence `fresh` in the key.
        key = (view, fresh, events[0].id, events[-1].id, len(events))

        def make() -> Frame:
            data = b"".join(map(encoder(view), events))
            return Frame(data, len(events), events[-1].id)

        return self._share(key, view, make)

    def _single(self, view: View, event: Event, of: EventId) -> Frame:
        """Return a frame of one event, which has the data of the event with id `of`."""
        key = (view.wire, view.wraps_some and view.wraps(event), event.id, of)
        return self._share(key, view, lambda: Frame(encoder(view)(event), 1, event.id))

    def _share(
        self, key: Shared | Single, view: View, make: Callable[[], Frame]
    ) -> Frame:
        """Return the frame of a key; make and keep it if it doesn't exist any more."""
        with self._making:
            frame = self._made.get(key)
            if frame is None:
                frame = self._made[key] = make()
                self._made_total.bytes += len(frame.data)
                weakref.finalize(frame, self._made_total.forget, len(frame.data))
                self._keep(key, frame, weight(view, frame))
            return frame

    def _keep(self, key: Shared | Single, frame: Frame, size: int) -> None:
        self._frames[key] = frame, size
        self._bytes += size
        while self._bytes > CATCH_UP_BYTES:
            _, freed = self._frames.pop(next(iter(self._frames)))
            self._bytes -= freed
