"""A source that plays a recording: the same events, with their instants moved.

Theory of operation: the ids of the recording are the time of a simulated world. An
event is played when the clock of that world reaches its id, and the instants in its
data (`at`, `until`, …) are moved by as much as the event itself. A step plays a limited
number of events, and a world in which more are due runs slower. Another process can
continue from a `Position`.
"""

import contextlib
import hashlib
import logging
import os
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from feed.clock import STANDSTILL, WorldClock
from feed.events.catalogue import CATALOGUE
from feed.events.event import (
    CONTROL_TYPES,
    GONE,
    MAX_TYPES,
    Event,
    EventId,
    Slot,
    check_depth,
    checked_data,
    gone,
    keyed,
    unkeyed,
)
from feed.events.instants import move_instants
from feed.events.reading import decode_shape, read_shape
from feed.events.shapes import Quote
from feed.sources.conditions import REPLAY
from feed.sources.recording import Damage, Record, RecordingReader

EVENTS = 500  # per step; a stream with twice as many events to come is compacted
BYTES = 256 * 1024  # read per step
LOOP_PAUSE = 1.0  # seconds of the recording between two rounds of a loop
SILENCE = 60.0  # seconds; a longer wait for the next event is logged
BEGINNING = 64 * 1024  # bytes that, with its size, identify a recording
REPORTS = 100  # damaged lines that are logged; further ones are only counted

# Event types with instants in the future, which a standstill moves.
REPUBLISHED = frozenset(name for name, row in CATALOGUE.items() if row.to_come)

logger = logging.getLogger("liveboard.replay")


class Unplayable(ValueError):
    """A recorded event can't be played; the message says why."""


# OverflowError: an instant is too large for a JSON integer.
UNPLAYABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


class RecordedHello(msgspec.Struct):
    """The fields of a recorded `hello` that say whether a whole state follows."""

    resume: str
    tail: str
    at: int


class Gone(msgspec.Struct):
    """The data of a recorded `gone`."""

    event: str
    key: str
    at: int


class Reached(msgspec.Struct, frozen=True):
    """The byte and the line at which a script continues, and its round."""

    offset: int
    line: int
    round: int = 1
    played: int = 0
    damaged: int = 0


class Timing(msgspec.Struct, frozen=True):
    """The time of the recording; `_Time` explains each field."""

    due: float
    origin: float
    latest: int | None
    round: int


class Position(msgspec.Struct, frozen=True):
    """A position in a recording: everything before it was played, nothing after it.

    `file` identifies the recording. At the instant `told` (epoch ms), nothing more is
    due before the instant `due`, at which the world is `seconds` old. It is stored in
    Redis as JSON, so the names of the fields must stay.
    """

    file: str
    reached: Reached
    timing: Timing
    told: int
    due: int
    seconds: float


class PlayedKey(msgspec.Struct):
    """A key that was played: when it expires, and the record to publish again.

    `size` is how many bytes of data its newest event has.
    """

    until: int | None
    record: Record | None
    size: int


class Replay:
    """Plays the recording `path`, `speed` times as fast; 0 means as fast as possible.

    With `loop` it begins again whenever it ends. It plays at most `max_keys` keys,
    whose newest events have at most `max_bytes` of data. If `place` is the position of
    an earlier replay of the same recording, whose keys the board shows (`board_state`),
    this replay continues from there at the instant `now`.
    """

    name = "replay"
    steady: tuple[str, ...] = (REPLAY,)
    watched: tuple[str, ...] = ()

    def __init__(
        self,
        path: Path,
        loop: bool,
        speed: float,
        max_keys: int,
        place: bytes = b"",
        board_state: Sequence[Event] = (),
        now: int = 0,
        *,
        max_bytes: int = sys.maxsize,
    ) -> None:
        self._file = _fingerprint(path)
        self._script = _Script(path, loop)
        self._time = _Time(speed)
        self._max_keys = max_keys
        self._max_bytes = max_bytes
        self._has_jumped = False  # since instants in the future were published
        self._next: Record | None = None
        self._ready: deque[Event] = deque()
        self._keys: dict[Slot, PlayedKey] = {}
        self._keys_bytes = 0
        self._types: set[str] = set()
        # The `hello` of a whole state, while that state is read.
        self._state: RecordedHello | None = None
        self._stale: dict[Slot, None] = {}  # earlier keys not in that state so far
        if place:
            self._resume(place, board_state, now)
        self._before = self._reached = self._here

    @property
    def place(self) -> bytes:
        """The position after the events that were returned, as JSON.

        Within a whole state it is the state's beginning, so that all of it comes again.
        """
        instant, seconds = self._time.next(self._next is not None)
        place = Position(self._file, *self._reached, self._time.now, instant, seconds)
        return msgspec.json.encode(place)

    def past(self) -> Iterable[Quote]:
        """Return nothing: the charts begin with the first event."""
        return ()

    def start(self) -> None:
        """Do nothing: the file is opened already."""

    def step(self, now: int) -> list[Event]:
        """Return the events that fell due up to `now` (epoch ms), up to `EVENTS`.

        After a standstill, events whose instants have moved are published again first.
        """
        self._has_jumped |= self._time.advance(now)
        events: list[Event] = []
        end = self._script.consumed + BYTES
        while len(events) < EVENTS and self._script.consumed < end:
            if self._ready:
                events.append(self._ready.popleft())
            elif self._next is None and not self._script.over:
                self._read_next()
            elif self._next and self._has_jumped:
                self._republish()
            elif self._next is None or not self._time.is_due():
                break
            else:
                self._play(self._next)
                self._next = None
        else:
            self._time.slow_down()
        self._note_position()
        return events

    def close(self) -> None:
        """Close the file."""
        self._script.close()

    @property
    def _here(self) -> tuple[Reached, Timing]:
        return self._script.reached, self._time.timing

    def _note_position(self) -> None:
        """Note the position before the first event that was not returned yet."""
        if self._state is None and not self._ready:
            self._reached = self._before if self._next else self._here

    def _resume(self, text: bytes, board_state: Sequence[Event], now: int) -> None:
        """Continue from the position of an earlier replay of the same recording."""
        try:
            place = msgspec.json.decode(text, type=Position)
        except msgspec.MsgspecError:
            place = None
        if place is None or place.file != self._file:
            logger.info("Another recording was played before; this one begins")
            return
        self._script.go_to(place.reached)
        self._time.go_to(place, now)
        for event in board_state:
            self._resume_key(event)
        logger.info("The recording continues after line %d", place.reached.line)

    def _resume_key(self, event: Event) -> None:
        """Add a key that the board has, and the record to publish again."""
        if event.slot is None:
            return
        played = PlayedKey(event.until, None, len(event.data))
        self._set_key(event.slot, played)
        if event.type not in CATALOGUE:
            self._types.add(event.type)
        if event.until is not None or event.type in REPUBLISHED:
            with contextlib.suppress(*UNPLAYABLE):  # an instant out of range
                played.record = self._recorded(event)

    def _recorded(self, event: Event) -> Record | None:
        """Return an event of the board as it would stand in the recording."""
        move, data, until = self._time.recorded, event.data, event.until
        if event.type in CATALOGUE:
            shape = read_shape(event)
            if shape is None:
                return None
            data = move_instants(data, shape, move, move(event.id.ms))
        until = None if until is None else move(until)
        key = None if event.slot is None else event.slot[1]
        return Record(0, event.type, data, key, None, until=until)

    def _read_next(self) -> None:
        """Read a line. If it completes an event, that is the next one."""
        self._before = self._here
        self._note_position()
        record = self._script.read()
        if record is None:
            return
        if self._state and not _is_of_state(record, self._state):
            self._end_state()
        if record.type == "hello":
            self._begin_state(record)
        if record.type not in CONTROL_TYPES:
            self._expect(record)

    def _begin_state(self, record: Record) -> None:
        """Begin a whole state if the `hello` says `fresh`."""
        try:
            hello = msgspec.json.decode(record.data, type=RecordedHello)
            EventId.parse(hello.tail)
        except (msgspec.MsgspecError, ValueError) as error:
            self._script.report(record, error)
            return
        if hello.resume == "fresh":
            self._state, self._stale = hello, dict.fromkeys(sorted(self._keys))
            self._reached = self._before

    def _end_state(self) -> None:
        """Retire the keys from before a whole state that are not in it."""
        for slot in self._stale:
            if self._pop_key(slot):
                self._ready.append(gone(*slot, self._time.now))
        self._state, self._stale = None, {}

    def _expect(self, record: Record) -> None:
        """Make an event the next one. All events of a whole state have one instant."""
        self._next = record
        sent = record.id.ms if record.id else None
        if self._state:
            sent = self._state.at
        wait = self._time.expect(sent, self._script.round)
        if wait > SILENCE:
            self._script.note(record, f"the next event comes in {wait:.0f} s")

    def _play(self, record: Record) -> None:
        """Make the events of a record ready; report a record that can't be played."""
        play = self._play_gone if record.type == GONE else self._play_event
        try:
            events = play(record)
        except UNPLAYABLE as error:
            self._script.report(record, error)
            return
        self._script.played += len(events)
        self._ready += events

    def _play_event(self, record: Record) -> list[Event]:
        if record.ttl is not None:
            until = self._time.recorded(self._time.now) + round(record.ttl * 1000)
            record = msgspec.structs.replace(record, ttl=None, until=until)
        event = self._move_event(record)
        if record.type not in CATALOGUE:
            self._count_type(record.type)
        if event.slot is not None:
            self._add_key(event.slot, record, event)
        return [event]

    def _move_event(self, record: Record) -> Event:
        """Return a recorded event with its instants moved."""
        move, until = self._time.instant, record.until
        if record.type in CATALOGUE:
            shape = decode_shape(record.type, record.data)
            data = move_instants(record.data, shape, move, self._time.now)
            event = msgspec.structs.replace(shape.event(), data=checked_data(data))
            until = until if event.until is None else event.until
        else:
            event = own(record)
        if until is None or event.slot is None:
            return event
        return msgspec.structs.replace(event, until=move(until))

    def _play_gone(self, record: Record) -> list[Event]:
        """Return the `gone` event, unless the board has retired the key already."""
        it = msgspec.json.decode(record.data, type=Gone)
        key = self._pop_key((it.event, it.key))
        if key is None or (key.until is not None and key.until <= self._time.now):
            return []
        return [gone(it.event, it.key, self._time.instant(it.at))]

    def _add_key(self, slot: Slot, record: Record, event: Event) -> None:
        known, size = self._keys.get(slot), len(event.data)
        if known is None and len(self._keys) >= self._max_keys:
            raise Unplayable(f"MAX_KEYS={self._max_keys} keys exist already")
        growth = size - (0 if known is None else known.size)
        if growth > 0 and self._keys_bytes + growth > self._max_bytes:
            raise Unplayable(
                f"the data of all keys would exceed MAX_KEYS_BYTES={self._max_bytes}"
            )
        is_to_come = event.until is not None or record.type in REPUBLISHED
        self._set_key(
            slot, PlayedKey(event.until, record if is_to_come else None, size)
        )
        self._stale.pop(slot, None)

    def _set_key(self, slot: Slot, key: PlayedKey) -> None:
        before = self._keys.get(slot)
        self._keys[slot] = key
        self._keys_bytes += key.size - (0 if before is None else before.size)

    def _pop_key(self, slot: Slot) -> PlayedKey | None:
        key = self._keys.pop(slot, None)
        self._keys_bytes -= 0 if key is None else key.size
        return key

    def _count_type(self, type: str) -> None:
        if type not in self._types and len(self._types) >= MAX_TYPES:
            raise Unplayable(f"more than {MAX_TYPES} event types of publishers' own")
        self._types.add(type)

    def _republish(self) -> None:
        """Publish events with instants in the future again: their instants moved."""
        self._has_jumped = False
        for key in self._keys.values():
            if key.record:
                event = self._move_event(key.record)
                key.until = event.until
                self._ready.append(event)


class _Script:
    """The records of the file in order, once or in a loop.

    `round` is the number of the current round, from 1. `consumed` is the number of
    bytes read in all rounds.
    """

    def __init__(self, path: Path, loop: bool) -> None:
        self.round = 1
        self.over = False
        self.played = 0
        self._path = path
        self._loop = loop
        self._file = path.open("rb")
        self._reader = RecordingReader(self._file)
        self._reading = iter(self._reader)
        self._earlier = 0
        self._begun = 0  # the byte at which the reader began
        self._damaged = 0

    @property
    def consumed(self) -> int:
        return self._earlier + self._reader.consumed

    @property
    def reached(self) -> Reached:
        """The place where another process can continue: before a partly read event."""
        consumed, line = self._reader.settled
        offset = self._begun + consumed
        return Reached(offset, line, self.round, self.played, self._damaged)

    def go_to(self, reached: Reached) -> None:
        """Continue at the place of another script."""
        self.round, self.played = reached.round, reached.played
        self._damaged = reached.damaged
        self._read_from(reached.offset, reached.line)

    def read(self) -> Record | None:
        """Return the record that the next line completes; None if it completes none.

        The end of the file is returned as an `end` event.
        """
        try:
            found = next(self._reading)
        except StopIteration:
            return self._end()
        except OSError as error:
            logger.error("%s: %s; the board stays as it is", self._path, error)
            self.over = True
            return None
        if isinstance(found, Damage):
            self.report(found, found.reason)
            return None
        return found

    def report(self, at: Record | Damage, reason: object) -> None:
        """Log that a line was skipped; only in the first round."""
        if self.round > 1:
            return
        self._damaged += 1
        if self._damaged <= REPORTS:
            logger.warning("%s, line %d: skipped: %s", self._path, at.line, reason)
        if self._damaged == REPORTS:
            logger.warning("%s: lines skipped from now on are counted", self._path)

    def note(self, at: Record, what: str) -> None:
        """Log why nothing happens for a while."""
        logger.info("%s, line %d: %s", self._path, at.line, what)

    def _end(self) -> Record:
        if self.round == 1:
            logger.info(
                "%s was played: %d events, %d lines skipped; %s",
                self._path,
                self.played,
                self._damaged,
                "again from its beginning" if self._loops else "the board stays",
            )
        if self._loops:
            self._begin_again()
        else:
            self.over = True
            self.close()
        return Record(0, "end", b"", None, None)

    def close(self) -> None:
        self._file.close()

    @property
    def _loops(self) -> bool:
        # A recording without a playable event would loop forever without any effect.
        return self._loop and self.played > 0

    def _begin_again(self) -> None:
        self.round += 1
        self._earlier = self.consumed
        self._read_from(0, 0)

    def _read_from(self, offset: int, line: int) -> None:
        self._begun = offset
        self._file.seek(offset)
        self._reader = RecordingReader(self._file, line)
        self._reading = iter(self._reader)


class _Time:
    """The time of the recording: when events are due, and how instants are moved.

    `now` is the instant of the last step. At a speed of 0, time does not pass but jumps
    from one event to the next.
    """

    def __init__(self, speed: float) -> None:
        self.now = 0
        self._jumps = speed == 0
        self._speed = speed or 1.0
        self._clock = WorldClock(0, self._speed)  # stands still until the first step
        self._due = 0.0  # seconds of the world
        self._origin = 0.0  # the recording's instant (epoch ms) of its second 0
        self._latest: int | None = None  # newest instant of the recording so far
        self._round = 1

    @property
    def timing(self) -> Timing:
        """The values from which `go_to` continues."""
        return Timing(self._due, self._origin, self._latest, self._round)

    def next(self, expected: bool) -> tuple[int, float]:
        """Return the instant until which nothing is due, and the world's age then."""
        seconds = self._clock.seconds
        if expected and not self._jumps:
            seconds = max(seconds, self._due)
        return self._clock.instant(seconds), seconds

    def go_to(self, place: Position, now: int) -> None:
        """Continue from a position. Until the next event was due, time has passed."""
        timing = place.timing
        self._due, self._origin = timing.due, timing.origin
        self._latest, self._round = timing.latest, timing.round
        self._clock = WorldClock(place.due, self._speed)
        self._clock.set_age(place.seconds)
        self._clock.set_now(min(max(now, place.told), place.due))

    def advance(self, now: int) -> bool:
        """Advance to `now` (epoch ms); return whether the world stood still instead."""
        self.now = now
        return self._clock.advance(now)

    def expect(self, sent: int | None, round: int) -> float:
        """Set when an event recorded at `sent` is due; return the seconds until then.

        If `sent` is None, it is due with the event before it. If the ids jump back
        (another recording was appended, or the next round began), time continues.
        """
        if round != self._round:
            self._round, self._latest = round, None
            self._due += LOOP_PAUSE
        if sent is not None:
            if self._latest is None or sent < self._latest - STANDSTILL:
                self._origin = sent - self._due * 1000
                self._latest = sent
            self._latest = max(sent, self._latest)
            self._due = max(self._due, (sent - self._origin) / 1000)
        return 0 if self._jumps else (self._due - self._clock.seconds) / self._speed

    def is_due(self) -> bool:
        """Return whether the expected event is due."""
        if self._jumps:
            self._clock.set_age(self._due)
        return self._due <= self._clock.seconds

    def slow_down(self) -> None:
        """Stay at the last event that was played, as one step could not play all."""
        self._clock.set_age(min(self._due, self._clock.seconds))

    def instant(self, sent: int) -> int:
        """Return the instant (epoch ms) that an instant of the recording becomes."""
        return self._clock.instant((sent - self._origin) / 1000)

    def recorded(self, instant: int) -> int:
        """Return the instant of the recording that became this one."""
        return round(self._origin + self._clock.age(instant) * 1000)


def _fingerprint(path: Path) -> str:
    """Return what identifies a recording on every machine."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return f"{size} {hashlib.sha256(file.read(BEGINNING)).hexdigest()[:16]}"


def own(record: Record) -> Event:
    """Return an event of a publisher's own type, as it was recorded."""
    check_depth(msgspec.json.decode(record.data))
    if record.key is None:
        return unkeyed(record.type, record.data)
    return keyed(record.type, record.key, record.data)


def _is_of_state(record: Record, state: RecordedHello) -> bool:
    """Return whether a record is part of the state that this `hello` announced."""
    if record.type in CONTROL_TYPES:
        return False
    return record.id is None or record.id <= EventId.parse(state.tail)
