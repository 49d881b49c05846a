"""The one log: every event is appended here, and every stream is a cursor that reads.

Strategy: beside the retained events the log keeps, for each key, its newest event, in
id order. Snapshot, catch-up and conflation are then one read from a cursor. A `gone`
event takes the place of the key it retires, so a reader that was away learns of it.

The retained events are bounded by number and by the bytes of their data, since one
event may be as small as a number and as large as a megabyte.
"""

import sys
import threading
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, takewhile
from typing import NamedTuple

import msgspec

from feed.events.control import Resume
from feed.events.event import UNPUBLISHED, Event, EventId, Slot
from feed.expiries import Expiries

RETIREMENTS = 10_000  # how many retired keys the log can still account for
LEFT_OUT = 1000  # ids of events that can't be read which the log remembers
EVICTIONS = 10_000  # how many evicted un-keyed events it can still count

EVICTED = Event("", b"")  # in the place of an event that is no longer retained

Selects = Callable[[Event], bool]


class Unavailable(ConnectionError):
    """The shared log can't be reached; the message says why.

    It is unknown whether anything was published. Retry with an idempotency key.
    """


class Overtaken(Exception):
    """A key has changed since the events to publish were made from it."""


class Read(msgspec.Struct, frozen=True):
    """The events for a reader at a cursor, and how they continue the reader's state.

    With `fresh` the reader drops its state, otherwise it keeps it. `events` are in id
    order and reach to `tail`. `dropped` counts the superseded events that were left
    out, `lost` the un-keyed ones that are no longer retained; None if that is unknown.
    `dropped` is known for cursors from the floor on, `lost` for `EVICTIONS` more.
    With `is_cut`, more events follow up to `tail`, which `Log.read_on` returns. `floor`
    was the log's floor then.
    """

    resume: Resume
    events: list[Event]
    tail: EventId
    dropped: int | None
    lost: int | None
    floor: EventId = UNPUBLISHED
    is_cut: bool = False

    def cut(self, most: int | None, floor: EventId) -> "Read":
        """Return this with at most so many events; None leaves all of them."""
        if most is None or len(self.events) <= most:
            return self
        events = self.events[:most]
        return msgspec.structs.replace(self, events=events, is_cut=True, floor=floor)


class Statistics(msgspec.Struct, frozen=True):
    """The figures of the log. All figures about it are taken from here.

    The bytes are those of the data: of the retained events, and of each key's newest
    event, which is its `gone` event if it was retired.
    """

    appended: dict[str, int]
    retained: int
    retained_bytes: int
    keys: int
    keys_bytes: int
    retired: int
    floor: EventId
    tail: EventId


class LogSnapshot(msgspec.Struct, frozen=True):
    """The content of a log, from which another log can continue.

    `newest` is the newest event of each key, including retired keys. `retained` is the
    newest events of all. Both are in id order and end at `tail`. `floor` is the id of
    the last evicted event. The log doesn't know what was retired before `accountable`.
    `left_out` are the ids of retained events that can't be read.
    """

    newest: list[Event]
    retained: list[Event]
    floor: EventId
    accountable: EventId
    tail: EventId
    left_out: list[EventId] = []


class Expired(NamedTuple):
    """A key that has expired, and the id of its newest event."""

    slot: Slot
    id: EventId


class Log:
    """Events in id order: the newest `backlog` of them, and the newest of each key.

    Of the newest events, fewer are retained if their data has more than `most_bytes`.
    The last one is retained, whatever its size.
    """

    def __init__(self, backlog: int, start: int, most_bytes: int = sys.maxsize) -> None:
        """Begin an empty log at the instant `start` (epoch ms), which is its floor."""
        self._backlog = backlog
        self._most_bytes = most_bytes
        self._lock = threading.RLock()
        self._appended = threading.Event()
        self._retained: list[Event] = []
        self._first = 0  # index of the first retained event; see `_evict`
        self._retained_bytes = self._keys_bytes = 0
        self._unkeyed: deque[Event] = deque()
        self._evicted: deque[Event] = deque()  # the un-keyed ones, without their data
        self._uncounted = EventId(start, 0)  # `_evicted` lacks events up to this id
        self._left_out: deque[EventId] = deque(maxlen=LEFT_OUT)
        self._newest: dict[Slot, Event] = {}
        self._retired: dict[Slot, EventId] = {}
        self._expiries = Expiries()
        self._counts: Counter[str] = Counter()
        self._floor = self._tail = self._accountable = EventId(start, 0)

    @property
    def tail(self) -> EventId:
        """The id of the newest event; the id of the log's start if there is none."""
        return self._tail

    def append(self, events: Iterable[Event], now: int) -> list[EventId]:
        """Append `events` at the instant `now` (epoch ms) and return their ids.

        Ids increase strictly, even if the clock is set back. Readers that wait are
        woken once, after the last event.
        """
        with self._lock:
            ids = [self._append_one(event, now) for event in events]
        self.wake()
        return ids

    def extend(self, events: Iterable[Event], left_out: Iterable[EventId] = ()) -> None:
        """Append events under the ids that they have, each above the tail.

        `left_out` are ids among them of events that can't be read. A cursor of such an
        id belongs to this log.
        """
        with self._lock:
            for event in events:
                if event.id <= self._tail:
                    raise ValueError(f"{event.id} isn't above the tail, {self._tail}")
                self._take(event)
            for id in left_out:
                self._left_out.append(id)
                self._tail = max(self._tail, id)
        self.wake()

    def load_snapshot(self, snapshot: LogSnapshot) -> None:
        """Forget all events, and continue from the snapshot of another log."""
        with self._lock:
            self._retained, self._first = snapshot.retained.copy(), 0
            self._retained_bytes = sum(len(event.data) for event in self._retained)
            self._keys_bytes = 0
            self._unkeyed = deque(
                event for event in snapshot.retained if not event.slot
            )
            self._evicted.clear()
            self._newest, self._retired = {}, {}
            self._expiries = Expiries()
            self._floor = self._uncounted = snapshot.floor
            self._accountable, self._tail = snapshot.accountable, snapshot.tail
            self._left_out = deque(snapshot.left_out, LEFT_OUT)
            for event in snapshot.newest:
                if event.slot:
                    self._replace(event.slot, event)
            self._evict()
        self.wake()

    def take_snapshot(self, most: int) -> LogSnapshot:
        """Return a snapshot with at most `most` of the retained events."""
        with self._lock:
            first = max(self._first, len(self._retained) - most)
            floor = self._retained[first - 1].id if first > self._first else self._floor
            return LogSnapshot(
                newest=[*self._newest.values()],
                retained=self._retained[first:],
                floor=floor,
                accountable=self._accountable,
                tail=self._tail,
                left_out=[*self._left_out],
            )

    def read(
        self,
        cursor: EventId | None,
        selects: Selects | None = None,
        compact: bool = False,
        most: int | None = None,
    ) -> Read:
        """Return the events after `cursor` that `selects` admits, and at most `most`.

        If they are retained, all of them are returned. Otherwise, or with `compact`,
        these are the newest event of each key and the un-keyed events that are still
        retained. Without a cursor, or with one that this log can't account for, the
        result is the whole state, as `fresh`.
        """
        with self._lock:
            return self._read(cursor, selects, compact).cut(most, self._floor)

    def read_on(
        self, read: Read, after: EventId, selects: Selects | None, most: int
    ) -> Read | None:
        """Return the rest of a read that was cut; `after` is the last id of the reader.

        It is what the whole read would have returned, without the events that were
        superseded since. These follow after its tail. `lost` counts the un-keyed events
        that were evicted since. None if events that were to be replayed are evicted.
        """
        with self._lock:
            lost: int | None = 0
            if read.resume == "replayed":
                if after < self._floor:
                    return None
                events = self._replayed(after, read.tail, selects, most)
            else:
                events = self._compacted(after, selects)
                events = [event for event in events if event.id <= read.tail]
            if read.resume == "fresh":
                events = [it for it in events if it.slot and not it.retires]
            elif read.resume == "compacted":
                lost = self._lost(max(after, read.floor), selects, read.tail)
            return Read(read.resume, events, read.tail, 0, lost).cut(most, self._floor)

    def state(self, selects: Selects | None = None) -> list[Event]:
        """Return the log compacted: the newest event of each key, in id order."""
        with self._lock:
            held = (event for event in self._newest.values() if not event.retires)
            return [event for event in held if selects is None or selects(event)]

    def newest(self, slot: Slot) -> Event | None:
        """Return the newest event of a key; its `gone` event if it was retired."""
        return self._newest.get(slot)

    def newest_unkeyed(self, most: int, searched: int, selects: Selects) -> list[Event]:
        """Return up to `most` retained un-keyed events, the newest one first.

        Only the newest `searched` un-keyed events are looked at, so that a call costs
        little, whatever the log retains.
        """
        with self._lock:
            recent = islice(reversed(self._unkeyed), searched)
            return [*islice(filter(selects, recent), most)]

    def expired(self, now: int, most: int) -> list[Expired]:
        """Return up to `most` keys that have expired at `now` (epoch ms).

        Those that expired first come first.
        """
        with self._lock:
            due = self._expiries.due(now, most)
            return [Expired(slot, self._newest[slot].id) for slot in due]

    def pending(self, cursor: EventId) -> int | None:
        """Return how many events follow `cursor`; None if some of them are evicted."""
        with self._lock:
            if cursor < self._floor:
                return None
            return len(self._retained) - self._after(cursor)

    def pending_bytes(self, cursor: EventId) -> int:
        """Return how many bytes of data the retained events after `cursor` have."""
        with self._lock:
            return sum(len(it.data) for it in self._retained[self._after(cursor) :])

    def room_for(self, events: Iterable[Event]) -> int:
        """Return how many events, counted back from the last of these, would remain.

        It is the backlog unless the bytes of their data are more than may be retained.
        """
        with self._lock:
            news = [len(event.data) for event in events]
            excess = self._retained_bytes + sum(news) - self._most_bytes
            if excess <= 0:
                return self._backlog
            kept = len(self._retained) - self._first + len(news)
            oldest = (len(event.data) for event in self._retained[self._first :])
            for size in chain(oldest, news):
                if excess <= 0 or kept == 1:
                    break
                kept, excess = kept - 1, excess - size
            return min(kept, self._backlog)

    def wait(self, cursor: EventId, timeout: float) -> bool:
        """Wait up to `timeout` seconds for an event after `cursor`, or a `wake`."""
        appended = self._appended
        return self._tail > cursor or appended.wait(max(timeout, 0))

    def wake(self) -> None:
        """Let every waiting reader look again."""
        appended, self._appended = self._appended, threading.Event()
        appended.set()

    def statistics(self) -> Statistics:
        """Return the log's current figures."""
        with self._lock:
            return Statistics(
                appended=dict(self._counts),
                retained=len(self._retained) - self._first,
                retained_bytes=self._retained_bytes,
                keys=len(self._newest) - len(self._retired),
                keys_bytes=self._keys_bytes,
                retired=len(self._retired),
                floor=self._floor,
                tail=self._tail,
            )

    def _read(
        self, cursor: EventId | None, selects: Selects | None, compact: bool
    ) -> Read:
        if cursor is None or not self._accounts_for(cursor):
            return Read("fresh", self.state(selects), self._tail, None, None)
        if cursor < self._floor:
            events = self._compacted(cursor, selects)
            lost = self._lost(cursor, selects)
            return Read("compacted", events, self._tail, None, lost)
        pending = self._retained[self._after(cursor) :]
        if selects is not None:
            pending = list(filter(selects, pending))
        if not compact or cursor < self._accountable:
            return Read("replayed", pending, self._tail, 0, 0)
        events = self._compacted(cursor, selects)
        dropped = len(pending) - len(events)
        return Read("compacted", events, self._tail, dropped, 0)

    def _append_one(self, event: Event, now: int) -> EventId:
        tail = self._tail
        same = now <= tail.ms
        id = EventId(tail.ms, tail.seq + 1) if same else EventId(now, 0)
        self._take(event.with_id(id))
        return id

    def _take(self, event: Event) -> None:
        self._retained.append(event)
        self._retained_bytes += len(event.data)
        if event.slot is None:
            self._unkeyed.append(event)
        else:
            self._replace(event.slot, event)
        self._evict()
        self._counts[event.type] += 1
        self._tail = event.id

    def _replace(self, slot: Slot, event: Event) -> None:
        before = self._newest.pop(slot, None)  # so that the dict stays in id order
        self._retired.pop(slot, None)
        self._newest[slot] = event
        self._keys_bytes += len(event.data) - (
            0 if before is None else len(before.data)
        )
        self._expiries.set(slot, event.until)
        if not event.retires:
            return
        self._retired[slot] = event.id
        if len(self._retired) > RETIREMENTS:
            oldest = next(iter(self._retired))
            self._accountable = self._retired.pop(oldest)
            self._keys_bytes -= len(self._newest.pop(oldest).data)

    def _evict(self) -> None:
        while (kept := len(self._retained) - self._first) > self._backlog or (
            self._retained_bytes > self._most_bytes and kept > 1
        ):
            self._evict_oldest()

    def _evict_oldest(self) -> None:
        oldest = self._retained[self._first]
        self._retained[self._first] = EVICTED  # its memory is freed now, not in bulk
        self._floor = oldest.id
        self._first += 1
        self._retained_bytes -= len(oldest.data)
        if self._unkeyed and self._unkeyed[0].id <= self._floor:
            self._remember_evicted(self._unkeyed.popleft())
        if self._first > self._backlog // 4 + 64:  # in bulk: `del` is slow
            del self._retained[: self._first]
            self._first = 0

    def _remember_evicted(self, event: Event) -> None:
        self._evicted.append(msgspec.structs.replace(event, data=b""))
        if len(self._evicted) > EVICTIONS:
            self._uncounted = self._evicted.popleft().id

    def _accounts_for(self, cursor: EventId) -> bool:
        if cursor > self._tail:
            return False
        if cursor > self._floor and cursor.seq >= 0:
            # Every id between floor and tail is retained. Any other id is of another
            # log, such as the log of the process before this one.
            at = self._after(cursor)
            known = at > self._first and self._retained[at - 1].id == cursor
            if not known and cursor not in self._left_out:
                return False
        return cursor >= self._floor or cursor >= self._accountable

    def _after(self, cursor: EventId) -> int:
        return bisect_right(self._retained, cursor, self._first, key=_id)

    def _replayed(
        self, after: EventId, tail: EventId, selects: Selects | None, most: int
    ) -> list[Event]:
        """Return retained events up to `tail`: one more than `most`, if there are."""
        begin, end = self._after(after), self._after(tail)
        if selects is None:
            return self._retained[begin : min(end, begin + most + 1)]
        events = islice(self._retained, begin, end)
        return [*islice(filter(selects, events), most + 1)]

    def _lost(
        self, cursor: EventId, selects: Selects | None, tail: EventId | None = None
    ) -> int | None:
        """Return how many un-keyed events after a cursor, up to `tail`, are evicted."""
        if cursor < self._uncounted:
            return None
        evicted = takewhile(lambda event: event.id > cursor, reversed(self._evicted))
        lost = (event for event in evicted if tail is None or event.id <= tail)
        return sum(1 for event in lost if selects is None or selects(event))

    def _compacted(self, cursor: EventId, selects: Selects | None) -> list[Event]:
        def after(events: Iterator[Event]) -> Iterator[Event]:
            recent = takewhile(lambda event: event.id > cursor, events)
            return recent if selects is None else filter(selects, recent)

        events = [*after(reversed(self._newest.values()))]
        events += after(reversed(self._unkeyed))
        return sorted(events, key=_id)


def _id(event: Event) -> EventId:
    return event.id
