"""A match told in sentences, as its incidents happen, until it is over.

Theory of operation: a sentence's id is made of its incident, by the instant and the
place among the incidents of the match. So every process tells a match under the same
ids, and a client resumes in any of them. The log of a telling has all sentences since
the kick-off, whenever the telling began.

One loop tells all matches that anybody reads. A telling is forgotten with the last of
its readers.
"""

import threading
from weakref import WeakValueDictionary

import msgspec

from feed.answers.answer import AnswerLog, id_after
from feed.answers.commentary import describe_end, describe_fixture, describe_incident
from feed.answers.piece import Piece, Ref
from feed.events.control import Cited, End
from feed.events.event import MESSAGE, Event, EventId
from feed.events.reading import read_shape
from feed.events.shapes import FINAL, Score
from feed.log import Log
from feed.streams.catchup import CatchUp
from feed.streams.ending import last_event
from feed.streams.framecache import FrameCache

TELLING_IDLE = 1.0  # seconds between two looks if nobody reads a telling


class Telling:
    """An `Outlet` with one match in sentences."""

    fanout = None
    ends_soon = False  # another process tells the match on, under the same ids

    def __init__(self, board: Log, match: str, start: int) -> None:
        """Begin a telling; `start` is the first instant (epoch ms) of the match."""
        self.log: Log = AnswerLog(start)
        self.frame_cache = FrameCache(self.log)
        self.catch_up = CatchUp(self.log)
        self._board = board
        self._match = match
        self._told: Event | None = None  # the newest event of the match that was told
        self._end: End | None = None

    def tell_on(self) -> None:
        """Append the sentences about what has happened since."""
        newest = self._board.newest(("score", self._match))
        if newest is None or newest is self._told:
            return
        self._told = newest
        score = None if newest.retires else read_shape(newest)
        if isinstance(score, Score):
            sentences = sentences_of(score, newest.id)
            self.log.extend(it for it in sentences if it.id > self.log.tail)
        if last_event(self._board, self._match) is not None:
            cited = Cited("score", self._match, str(newest.id))
            at = newest.id.ms if score is None else score.at
            self._end = End("complete", None, [cited], at)
            self.log.wake()

    @property
    def end_id(self) -> EventId | None:
        """The id that follows the last sentence, once the match is over."""
        return None if self._end is None else id_after(self.log.tail)

    def is_ahead(self, cursor: EventId) -> bool:
        """Return False: each process tells all sentences."""
        return False

    def end_at(self, cursor: EventId, match: str | None) -> End | None:
        """Return the end to a reader that has all sentences of a match that is over."""
        return self._end if cursor >= self.log.tail else None


class Tellings:
    """The matches that are being told; `run` is the loop that tells them."""

    def __init__(self, board: Log) -> None:
        self._board = board
        self._told: WeakValueDictionary[str, Telling] = WeakValueDictionary()
        self._work = threading.Event()
        self._telling = threading.Lock()

    def find(self, match: str) -> Telling | None:
        """Return the telling of a match up to now; None if there is no such match."""
        with self._telling:
            telling = self._told.get(match) or self._begin(match)
            if telling is not None:
                telling.tell_on()
                self._work.set()
            return telling

    def run(self, ending: threading.Event) -> None:
        """Tell all matches that anybody reads, until `ending` is set."""
        while not ending.is_set():
            if not self._told:
                self._work.wait(TELLING_IDLE)
                self._work.clear()
                continue
            tail = self._board.tail
            with self._telling:
                for telling in [*self._told.values()]:
                    telling.tell_on()
            self._board.wait(tail, TELLING_IDLE)
        for telling in [*self._told.values()]:
            telling.log.wake()  # so that its streams say `bye`

    def _begin(self, match: str) -> Telling | None:
        newest = self._board.newest(("score", match))
        score = None if newest is None or newest.retires else read_shape(newest)
        if newest is None or not isinstance(score, Score):
            return None
        telling = Telling(self._board, match, _start_of(score))
        self._told[match] = telling
        return telling


def sentences_of(score: Score, id: EventId) -> list[Event]:
    """Return a match up to now, as events; `id` is that of its newest event."""
    ref = Ref("score", score.match, None, str(id))
    at = EventId(_start_of(score), 1)
    events = [_event(describe_fixture(score), at, ref)]
    for number, incident in enumerate(score.incidents, 2):
        at = EventId(max(incident.at, at.ms), number)
        events.append(_event("\n" + describe_incident(score, incident), at, ref))
    told_end = any(incident.kind == "full_time" for incident in score.incidents)
    if score.status in FINAL and not told_end:
        at = EventId(at.ms, len(score.incidents) + 2)
        events.append(_event("\n" + describe_end(score), at, ref))
    return events


def _start_of(score: Score) -> int:
    """Return an instant that isn't after the first incident, the same at any time."""
    first = score.incidents[0].at if score.incidents else None
    known = [at for at in (score.kick_off, first) if at is not None]
    return min(known, default=0)


def _event(text: str, id: EventId, ref: Ref) -> Event:
    return Event(MESSAGE, msgspec.json.encode(Piece(text, ref)), id=id)
