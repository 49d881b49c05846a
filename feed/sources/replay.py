"""A source that plays a recording back: the same events, at instants of their own.

Strategy: the recording is a world whose time is read off its ids. An event is played
when that world's clock reaches it, and the instants in its data (`at`, `until`, …) are
moved as it is. A step plays a bounded number; a world with more due goes slower.
How far it has come is a `Place`, from where another process can go on.
"""

import contextlib
import hashlib
import logging
import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from feed.clock import STANDSTILL, WorldClock
from feed.events.catalogue import CATALOGUE, Shape
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
from feed.sources.recording import Damage, Reader, Record

EVENTS = 500  # of a step; a stream has fallen behind when twice as many are to come
BYTES = 256 * 1024  # read in a step
PAUSE = 1.0  # seconds of the recording between its end and its next beginning
SILENCE = 60.0  # seconds; a longer wait for the next event is worth a line in the log
BEGINNING = 64 * 1024  # bytes by which, and by its size, a recording is known again
REPORTS = 100  # damaged lines that are logged; those beyond are only counted

TOLD_ANEW = frozenset(name for name, type in CATALOGUE.items() if type.to_come)

logger = logging.getLogger("liveboard.replay")


class Unplayable(ValueError):
    """A recorded event can't be played; the message says why."""


# OverflowError: of an instant that no JSON integer can hold.
UNPLAYABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


class Hello(msgspec.Struct):
    """What counts of a recorded `hello`: whether a whole state follows, up to where."""

    resume: str
    tail: str
    at: int


class Gone(msgspec.Struct):
    """The data of a recorded `gone`."""

    event: str
    key: str
    at: int


class Reached(msgspec.Struct, frozen=True):
    """Where a script stands: before what byte and line, in which of its rounds."""

    offset: int
    line: int
    round: int = 1
    played: int = 0
    damaged: int = 0


class Timing(msgspec.Struct, frozen=True):
    """What the recording's time stands at; `_Time` says what each is."""

    due: float
    origin: float
    latest: int | None
    round: int


class Place(msgspec.Struct, frozen=True):
    """How far a recording was played: all before it was, and nothing after.

    `file` says which recording. At the instant `told` (epoch ms) nothing more is due
    before the instant `due`, at which the world is `seconds` old.
    """

    file: str
    reached: Reached
    timing: Timing
    told: int
    due: int
    seconds: float


class Held(msgspec.Struct):
    """What was played of a key: when it ends by itself, and what to tell anew."""

    until: int | None
    record: Record | None


class Replay:
    """Plays `path`: `speed` of its seconds in one, or with 0 as fast as steps come.

    With `loop` it begins again at its end, for ever. It holds at most `max_keys` keys.
    With the `place` of an earlier one, on a board that shows `held`, it goes on there
    at the instant `now`, unless that was of another recording.
    """

    name = "replay"

    def __init__(
        self,
        path: Path,
        loop: bool,
        speed: float,
        max_keys: int,
        place: bytes = b"",
        held: Sequence[Event] = (),
        now: int = 0,
    ) -> None:
        self._file = _known_by(path)
        self._script = _Script(path, loop)
        self._time = _Time(speed)
        self._max_keys = max_keys
        self._moved = False  # since what has instants yet to come was told
        self._next: Record | None = None
        self._ready: deque[Event] = deque()
        self._held: dict[Slot, Held] = {}
        self._types: set[str] = set()
        self._state: Hello | None = None  # while the state that it announced is read
        self._stale: dict[Slot, None] = {}  # held before it, and not in it so far
        if place:
            self._go_on(place, held, now)
        self._before = self._reached = self._here

    @property
    def place(self) -> bytes:
        """How far what the steps returned so far goes, for another to go on.

        In a whole state that is its beginning: it comes again.
        """
        instant, seconds = self._time.next(self._next is not None)
        place = Place(self._file, *self._reached, self._time.now, instant, seconds)
        return msgspec.json.encode(place)

    def past(self) -> Iterable[Quote]:
        """Return nothing: the charts begin with what is played."""
        return ()

    def step(self, now: int) -> list[Event]:
        """Return the events that fell due up to `now` (epoch ms), up to `EVENTS`.

        A step after a standstill tells those anew whose instants moved, and goes on.
        """
        self._moved |= self._time.advance(now)
        events: list[Event] = []
        end = self._script.consumed + BYTES
        while len(events) < EVENTS and self._script.consumed < end:
            if self._ready:
                events.append(self._ready.popleft())
            elif self._next is None and not self._script.over:
                self._read_on()
            elif self._next and self._moved:
                self._tell_anew()
            elif self._next is None or not self._time.has_come():
                break
            else:
                self._play(self._next)
                self._next = None
        else:
            self._time.fall_back()
        self._note_place()
        return events

    def close(self) -> None:
        """Close the file."""
        self._script.close()

    @property
    def _here(self) -> tuple[Reached, Timing]:
        return self._script.reached, self._time.timing

    def _note_place(self) -> None:
        """Remember where one that went on would read on: before what isn't played."""
        if self._state is None and not self._ready:
            self._reached = self._before if self._next else self._here

    def _go_on(self, text: bytes, held: Sequence[Event], now: int) -> None:
        """Go to where another has come, who showed what the board holds."""
        try:
            place = msgspec.json.decode(text, type=Place)
        except msgspec.MsgspecError:
            place = None
        if place is None or place.file != self._file:
            logger.info("another recording was played before; this one begins")
            return
        self._script.go_to(place.reached)
        self._time.go_to(place, now)
        for event in held:
            self._hold_again(event)
        logger.info("the recording goes on after line %d", place.reached.line)

    def _hold_again(self, event: Event) -> None:
        """Hold what the board shows, and know again what to tell anew of it."""
        if event.slot is None:
            return
        held = self._held[event.slot] = Held(None, None)
        if event.type not in CATALOGUE:
            self._types.add(event.type)
        shape = read_shape(event) if event.type in CATALOGUE else None
        if shape is not None:
            held.until = _expiry(event.type, shape)
            if event.type in TOLD_ANEW:
                with contextlib.suppress(*UNPLAYABLE):  # an instant beyond all numbers
                    move, at = self._time.recorded, event.id.ms
                    data = move_instants(event.data, shape, move, move(at))
                    held.record = Record(0, event.type, data, event.slot[1], None)

    def _read_on(self) -> None:
        """Read a line; where it is an event, it is the next, and given its time."""
        self._before = self._here
        self._note_place()
        record = self._script.read()
        if record is None:
            return
        if self._state and not _belongs(record, self._state):
            self._end_state()
        if record.type == "hello":
            self._greet(record)
        if record.type not in CONTROL_TYPES:
            self._expect(record)

    def _greet(self, record: Record) -> None:
        """Take note of a whole state to come, which is what `fresh` means."""
        try:
            hello = msgspec.json.decode(record.data, type=Hello)
            EventId.parse(hello.tail)
        except (msgspec.MsgspecError, ValueError) as error:
            self._script.report(record, error)
            return
        if hello.resume == "fresh":
            self._state, self._stale = hello, dict.fromkeys(sorted(self._held))
            self._reached = self._before

    def _end_state(self) -> None:
        """Retire what was held before a whole state and isn't in it."""
        for slot in self._stale:
            if self._held.pop(slot, None):
                self._ready.append(gone(*slot, self._time.now))
        self._state, self._stale = None, {}

    def _expect(self, record: Record) -> None:
        """Let an event be the next. All of a whole state was sent at one instant."""
        self._next = record
        sent = record.id.ms if record.id else None
        if self._state:
            sent = self._state.at
        wait = self._time.expect(sent, self._script.round)
        if wait > SILENCE:
            self._script.note(record, f"the next event comes in {wait:.0f} s")

    def _play(self, record: Record) -> None:
        """Make ready what a record says; report it where it says nothing playable."""
        say = self._retire if record.type == GONE else self._say
        try:
            events = say(record)
        except UNPLAYABLE as error:
            self._script.report(record, error)
            return
        self._script.played += len(events)
        self._ready += events

    def _say(self, record: Record) -> list[Event]:
        until = None
        if record.type in CATALOGUE:
            event, until = self._move(record)
        else:
            event = own(record)
            self._note_type(record.type)
        if event.slot is not None:
            self._hold(event.slot, record, until)
        return [event]

    def _move(self, record: Record) -> tuple[Event, int | None]:
        """Return a recorded event with its instants moved, and when its key expires."""
        shape = decode_shape(record.type, record.data)
        move = self._time.instant
        data = move_instants(record.data, shape, move, self._time.now)
        event = msgspec.structs.replace(shape.event(), data=checked_data(data))
        until = _expiry(record.type, shape)
        return event, None if until is None else move(until)

    def _retire(self, record: Record) -> list[Event]:
        """Return the `gone` event, unless the board has retired the key by itself."""
        it = msgspec.json.decode(record.data, type=Gone)
        held = self._held.pop((it.event, it.key), None)
        if held is None or (held.until is not None and held.until <= self._time.now):
            return []
        return [gone(it.event, it.key, self._time.instant(it.at))]

    def _hold(self, slot: Slot, record: Record, until: int | None) -> None:
        if slot not in self._held and len(self._held) >= self._max_keys:
            raise Unplayable(f"MAX_KEYS={self._max_keys} keys are held already")
        self._held[slot] = Held(until, record if record.type in TOLD_ANEW else None)
        self._stale.pop(slot, None)

    def _note_type(self, type: str) -> None:
        if type not in self._types and len(self._types) >= MAX_TYPES:
            raise Unplayable(f"more than {MAX_TYPES} types of one's own")
        self._types.add(type)

    def _tell_anew(self) -> None:
        """Say again what has instants yet to come: they are others now."""
        self._moved = False
        records = [held.record for held in self._held.values() if held.record]
        self._ready += [self._move(record)[0] for record in records]


class _Script:
    """The records of the file, one after the other, once or for ever.

    `round` counts from 1 how often it was begun; `consumed` counts the bytes read.
    """

    def __init__(self, path: Path, loop: bool) -> None:
        self.round = 1
        self.over = False
        self.played = 0
        self._path = path
        self._loop = loop
        self._file = path.open("rb")
        self._reader = Reader(self._file)
        self._reading = iter(self._reader)
        self._earlier = 0
        self._begun = 0  # the byte at which the reader began
        self._damaged = 0

    @property
    def consumed(self) -> int:
        return self._earlier + self._reader.consumed

    @property
    def reached(self) -> Reached:
        """Where another can go on reading; before an event that is half read."""
        consumed, line = self._reader.settled
        offset = self._begun + consumed
        return Reached(offset, line, self.round, self.played, self._damaged)

    def go_to(self, reached: Reached) -> None:
        """Go on where another stood."""
        self.round, self.played = reached.round, reached.played
        self._damaged = reached.damaged
        self._read_from(reached.offset, reached.line)

    def read(self) -> Record | None:
        """Return what the next line completes; None where that is nothing yet.

        The end of the file counts as the end of a stream, an `end` event.
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
        """Log that a line was skipped; once, even where it is read again."""
        if self.round > 1:
            return
        self._damaged += 1
        if self._damaged <= REPORTS:
            logger.warning("%s, line %d: skipped: %s", self._path, at.line, reason)
        if self._damaged == REPORTS:
            logger.warning("%s: lines skipped from now on are counted", self._path)

    def note(self, at: Record, what: str) -> None:
        """Log what may be asked about while nothing seems to happen."""
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
        return self._loop and self.played > 0  # else it would turn round for nothing

    def _begin_again(self) -> None:
        self.round += 1
        self._earlier = self.consumed
        self._read_from(0, 0)

    def _read_from(self, offset: int, line: int) -> None:
        self._begun = offset
        self._file.seek(offset)
        self._reader = Reader(self._file, line)
        self._reading = iter(self._reader)


class _Time:
    """The recording's time: when its events are due, and what its instants are now.

    `now` is the instant last told. At a speed of 0 time doesn't pass but jumps from
    each event to the next.
    """

    def __init__(self, speed: float) -> None:
        self.now = 0
        self._jumps = speed == 0
        self._speed = speed or 1.0
        self._clock = WorldClock(0, self._speed)  # stands still until the first step
        self._due = 0.0  # seconds of the world
        self._origin = 0.0  # the recording's instant (epoch ms) of its second 0
        self._latest: int | None = None  # instant of the recording so far
        self._round = 1

    @property
    def timing(self) -> Timing:
        """What `go_to` takes up again."""
        return Timing(self._due, self._origin, self._latest, self._round)

    def next(self, expected: bool) -> tuple[int, float]:
        """Return the instant before which nothing is due, and the world's age then."""
        seconds = self._clock.seconds
        if expected and not self._jumps:
            seconds = max(seconds, self._due)
        return self._clock.instant(seconds), seconds

    def go_to(self, place: Place, now: int) -> None:
        """Go on where another stood. While nothing was due, time went on without it."""
        timing = place.timing
        self._due, self._origin = timing.due, timing.origin
        self._latest, self._round = timing.latest, timing.round
        self._clock = WorldClock(place.due, self._speed)
        self._clock.set_age(place.seconds)
        self._clock.set_now(min(max(now, place.told), place.due))

    def advance(self, now: int) -> bool:
        """Go on to `now` (epoch ms); return whether the world stood still instead."""
        self.now = now
        return self._clock.advance(now)

    def expect(self, sent: int | None, round: int) -> float:
        """Set when an event recorded at `sent` is due; return the seconds until then.

        With the event before it, where `sent` isn't known. A recording that jumps back
        (another one appended to it, or its next round) goes on from where it was.
        """
        if round != self._round:
            self._round, self._latest = round, None
            self._due += PAUSE
        if sent is not None:
            if self._latest is None or sent < self._latest - STANDSTILL:
                self._origin = sent - self._due * 1000
                self._latest = sent
            self._latest = max(sent, self._latest)
            self._due = max(self._due, (sent - self._origin) / 1000)
        return 0 if self._jumps else (self._due - self._clock.seconds) / self._speed

    def has_come(self) -> bool:
        """Return whether the event last expected is due."""
        if self._jumps:
            self._clock.set_age(self._due)
        return self._due <= self._clock.seconds

    def fall_back(self) -> None:
        """Stay at what was played last, where a step could not play all that is due."""
        self._clock.set_age(min(self._due, self._clock.seconds))

    def instant(self, sent: int) -> int:
        """Return the epoch milliseconds that an instant of the recording is now."""
        return self._clock.instant((sent - self._origin) / 1000)

    def recorded(self, instant: int) -> int:
        """Return the instant of the recording that is this one now."""
        return round(self._origin + self._clock.age(instant) * 1000)


def _known_by(path: Path) -> str:
    """Return what tells a recording from others, on whichever machine it lies."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return f"{size} {hashlib.sha256(file.read(BEGINNING)).hexdigest()[:16]}"


def _expiry(type: str, shape: Shape) -> int | None:
    """Return the instant at which the key of an event expires; None if it doesn't."""
    field = CATALOGUE[type].expires_at
    return None if field is None else getattr(shape, field)


def own(record: Record) -> Event:
    """Return an event of a user's own type, as it was recorded."""
    check_depth(msgspec.json.decode(record.data))
    if record.key is None:
        return unkeyed(record.type, record.data)
    return keyed(record.type, record.key, record.data)


def _belongs(record: Record, state: Hello) -> bool:
    """Whether a record is of the state that this `hello` announced."""
    if record.type in CONTROL_TYPES:
        return False
    return record.id is None or record.id <= EventId.parse(state.tail)
