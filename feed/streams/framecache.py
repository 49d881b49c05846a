"""The frames that streams share, each made when the first stream asks for it.

Strategy: streams with the same view at the same cursor are owed the same bytes. They
are made when the first of them asks and kept until the log grows, which is when
nobody is owed them any more, but for those that lag.
"""

import threading

import msgspec

from feed.events.event import Event, EventId
from feed.events.wrapping import wrap
from feed.log import Log, Read
from feed.streams.frame import Frame
from feed.streams.view import View, WireFormat
from feed.streams.wire import WIRES, encoder

SHARED_BYTES = 16 << 20  # what shared frames may hold, of one moment and of the past
CUTS = 10_000  # how many are remembered, to find them faster than by counting
SHARED_READS = 64  # the cursors of one moment whose pending events are kept


class Milestones(msgspec.Struct, frozen=True):
    """Where a catch-up is cut into frames: at one of so many ids, on average.

    Every reader's catch-up is cut at the same ids, wherever it begins, so that readers
    share all frames but the first. The first frame is short because each reader has
    its own, and the next ones because it is not yet known whether the reader is slow:
    a long frame would keep a slow reader busy with events that grow old meanwhile.
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
LONGEST = 2  # milestones in a frame at most, which bounds what a stream holds in memory


class Frames:
    """The frames that streams share: of the present moment, and of catching up."""

    def __init__(self, log: Log, milestones: Milestones = MILESTONES) -> None:
        self._log = log
        self._milestones = milestones
        self._moment = log.tail
        self._frames: dict[tuple[View, EventId], Frame] = {}
        self._pending: dict[EventId, list[Event]] = {}
        self._encoded: dict[tuple[WireFormat, bool, EventId], bytes] = {}
        self._held = 0  # bytes
        self._past: dict[tuple[View, bool, EventId, EventId, int], Frame] = {}
        self._past_held = 0  # bytes
        self._cuts: dict[tuple[EventId, int], tuple[int, EventId]] = {}
        self._making = threading.RLock()

    def due(self, view: View, cursor: EventId) -> Frame | None:
        """Return what a view is owed after `cursor`; it may be empty.

        None where the log can't tell it without a gap.
        """
        with self._making:
            if self._log.tail != self._moment:
                self._begin()
            frame = self._frames.get((view, cursor))
            if frame is None:
                events = self._read(view, cursor)
                if events is None:
                    return None
                frame = self._encode(view, events)
                held = self._held + _weight(view, frame)
                if held < SHARED_BYTES:
                    self._held = held
                    self._frames[view, cursor] = frame
            return frame

    def past(self, view: View, fresh: bool, events: list[Event], start: int) -> Frame:
        """Return the frame of what a stream catches up on that begins at `start`.

        It is of bounded size, and cut at certain ids, wherever a reader begins, so
        that a thousand that come back after a deploy share all but their first.
        """
        stop = self._cut(events, start, self._milestones.after(start))
        return self._part(view, fresh, events[start:stop])

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
            event = events[stop] if exact else self._newest(view, events[stop])
            parts.append(encode(event))
            size -= len(parts[-1])
            stop += 1
        return Frame(b"".join(parts), stop - start, events[stop - 1].id)

    def _newest(self, view: View, event: Event) -> Event:
        if event.slot is None:
            return event
        newest = self._log.newest(event.slot)
        if newest is None or not view.selects(newest):
            return event
        return newest.with_id(event.id)

    def _cut(self, events: list[Event], start: int, milestone: int) -> int:
        """Return where the frame ends that begins at `start`."""
        first = events[start].id
        length, last = self._cuts.get((first, milestone), (0, first))
        stop = start + length
        if length and stop <= len(events) and events[stop - 1].id == last:
            return stop  # as it was cut for another reader
        stop = start + 1
        while stop < len(events) and stop - start < LONGEST * milestone:
            if hash(events[stop - 1].id) % milestone == 0:
                break
            stop += 1
        if len(self._cuts) >= CUTS:
            self._cuts.clear()
        self._cuts[first, milestone] = stop - start, events[stop - 1].id
        return stop

    def _part(self, view: View, fresh: bool, events: list[Event]) -> Frame:
        # Between two ids a read only ever shrinks, as events are superseded, and one
        # begun afresh has its own selection: as many events are the same events.
        key = (view, fresh, events[0].id, events[-1].id, len(events))
        with self._making:
            frame = self._past.get(key)
            if frame is None:
                data = b"".join(map(encoder(view), events))
                frame = self._past[key] = Frame(data, len(events), events[-1].id)
                self._past_held += _weight(view, frame)
                while self._past_held > SHARED_BYTES:
                    oldest = next(iter(self._past))
                    self._past_held -= _weight(oldest[0], self._past.pop(oldest))
            return frame

    def _begin(self) -> None:
        self._moment = self._log.tail
        self._frames.clear()
        self._pending.clear()
        self._encoded.clear()
        self._held = 0

    def _read(self, view: View, cursor: EventId) -> list[Event] | None:
        if view.pace:
            read = self._log.read(cursor, view.selects, compact=True)
            return None if read.dropped is None else self._of_the_moment(read)
        pending = self._pending.get(cursor)
        if pending is None:
            read = self._log.read(cursor)
            if read.dropped is None:
                return None
            pending = self._of_the_moment(read)
            if len(self._pending) < SHARED_READS:
                self._pending[cursor] = pending
        return pending if view.selects_all else [*filter(view.selects, pending)]

    def _of_the_moment(self, read: Read) -> list[Event]:
        """Return what was read, but for what another thread has appended meanwhile.

        A frame ends with its moment: what came after would be in the next one too.
        """
        if read.tail == self._moment:
            return read.events
        return [event for event in read.events if event.id <= self._moment]

    def _encode(self, view: View, events: list[Event]) -> Frame:
        """Return a frame of events, each of which is encoded once for all views.

        An event has a second encoding where it is wrapped.
        """
        encode, encoded, parts = WIRES[view.wire].event, self._encoded, []
        wraps_some = view.wraps_some
        for event in events:
            wraps = wraps_some and view.wraps(event)
            key = (view.wire, wraps, event.id)
            part = encoded.get(key)
            if part is None:
                part = encode(wrap(event) if wraps else event)
                encoded[key] = part
            parts.append(part)
        return Frame(b"".join(parts), len(parts), self._moment)


def _weight(view: View, frame: Frame) -> int:
    """Return about how many bytes of memory it takes to keep a view's frame."""
    chosen = (view.symbols, view.matches, view.events)
    names = sum(len(names) for names in chosen if names is not None)
    return 2 * len(frame.data) + 100 * names + 1000
