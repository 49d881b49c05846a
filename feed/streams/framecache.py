"""The frames of the present moment, which streams with equal views share.

Theory of operation: streams with the same view at the same cursor need the same bytes.
The frame is built when the first of them asks for it. It is kept until the log grows,
because from then on only streams that lag still need it.
"""

import threading

from feed.events.event import Event, EventId
from feed.events.wrapping import wrap
from feed.log import Log, Read
from feed.streams.frame import Frame
from feed.streams.view import View, WireFormat
from feed.streams.wire import WIRES

MOMENT_BYTES = 16 << 20  # memory that the frames of one moment may take
MOMENT_READS = 64  # cursors for which the events of one moment are kept


class FrameCache:
    """The frames of the present moment."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._moment = log.tail
        self._frames: dict[tuple[View, EventId], Frame] = {}
        self._pending: dict[EventId, list[Event]] = {}
        self._encoded: dict[tuple[WireFormat, bool, EventId], bytes] = {}
        self._bytes = 0
        self._making = threading.RLock()

    def due(self, view: View, cursor: EventId) -> Frame | None:
        """Return the frame that a view needs after `cursor`; it may be empty.

        None if some of those events are no longer retained: only a `gap` can follow.
        """
        with self._making:
            if self._log.tail != self._moment:
                self._begin_moment()
            frame = self._frames.get((view, cursor))
            if frame is None:
                events = self._read(view, cursor)
                if events is None:
                    return None
                frame = self._encode(view, events)
                size = self._bytes + weight(view, frame)
                if size < MOMENT_BYTES:
                    self._bytes = size
                    self._frames[view, cursor] = frame
            return frame

    def _begin_moment(self) -> None:
        self._moment = self._log.tail
        self._frames.clear()
        self._pending.clear()
        self._encoded.clear()
        self._bytes = 0

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
            if len(self._pending) < MOMENT_READS:
                self._pending[cursor] = pending
        return pending if view.selects_all else [*filter(view.selects, pending)]

    def _of_the_moment(self, read: Read) -> list[Event]:
        """Return the events that were read, without those that came after the moment.

        Another thread may have appended some since. They belong to the next frame, and
        a reader must not get them twice.
        """
        if read.tail == self._moment:
            return read.events
        return [event for event in read.events if event.id <= self._moment]

    def _encode(self, view: View, events: list[Event]) -> Frame:
        """Return a frame of events, each of which is encoded once for all views.

        An event that some views wrap has two encodings.
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


def weight(view: View, frame: Frame) -> int:
    """Return about how many bytes of memory a cached frame takes, with its view."""
    chosen = (view.symbols, view.matches, view.events)
    names = sum(len(names) for names in chosen if names is not None)
    return 2 * len(frame.data) + 100 * names + 1000
