"""A match reported in sentences, as its incidents happen, until it is over.

Theory of operation: the id of a sentence consists of the instant of its incident and of
the incident's place in the match. So all processes report a match under the same ids,
and a client can resume in any of them. The log of a report has all sentences since the
kick-off, even if the report began later.

One loop extends the reports of all matches that have readers. A report is forgotten
together with its last reader.
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

REPORT_IDLE = 1.0  # seconds between two checks if there is no news or no reader


class MatchReport:
    """An `Outlet` with one match in sentences."""

    fanout = None
    ends_soon = False  # another process continues the report, under the same ids

    def __init__(self, board: Log, match: str, start: int) -> None:
        """Begin a report; `start` is the first instant (epoch ms) of the match."""
        self.log: Log = AnswerLog(start)
        self.frame_cache = FrameCache(self.log)
        self.catch_up = CatchUp(self.log)
        self._board = board
        self._match = match
        self._newest: Event | None = None  # the last event that was reported
        self._end: End | None = None

    def append_news(self) -> None:
        """Append the sentences about incidents since the last call."""
        newest = self._board.newest(("score", self._match))
        if newest is None or newest is self._newest:
            return
        self._newest = newest
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
        """Return False: the report of each process has all sentences."""
        return False

    def end_at(self, cursor: EventId, match: str | None) -> End | None:
        """Return the end to a reader that has all sentences of a match that is over."""
        return self._end if cursor >= self.log.tail else None


class MatchReports:
    """The reports of matches that have readers; `run` is the loop that extends them."""

    def __init__(self, board: Log) -> None:
        self._board = board
        self._reports: WeakValueDictionary[str, MatchReport] = WeakValueDictionary()
        self._work = threading.Event()
        self._extending = threading.Lock()

    def find(self, match: str) -> MatchReport | None:
        """Return the report of a match up to now; None if there is no such match."""
        with self._extending:
            report = self._reports.get(match) or self._begin(match)
            if report is not None:
                report.append_news()
                self._work.set()
            return report

    def run(self, ending: threading.Event) -> None:
        """Extend the reports until `ending` is set."""
        while not ending.is_set():
            if not self._reports:
                self._work.wait(REPORT_IDLE)
                self._work.clear()
                continue
            tail = self._board.tail
            with self._extending:
                for report in [*self._reports.values()]:
                    report.append_news()
            self._board.wait(tail, REPORT_IDLE)
        for report in [*self._reports.values()]:
            report.log.wake()  # so that its streams say `bye`

    def _begin(self, match: str) -> MatchReport | None:
        newest = self._board.newest(("score", match))
        score = None if newest is None or newest.retires else read_shape(newest)
        if newest is None or not isinstance(score, Score):
            return None
        report = MatchReport(self._board, match, _start_of(score))
        self._reports[match] = report
        return report


def sentences_of(score: Score, id: EventId) -> list[Event]:
    """Return a match up to now, as events; `id` is that of its newest event."""
    ref = Ref("score", score.match, None, str(id))
    at = EventId(_start_of(score), 1)
    events = [_event(describe_fixture(score), at, ref)]
    for number, incident in enumerate(score.incidents, 2):
        at = EventId(max(incident.at, at.ms), number)
        events.append(_event("\n" + describe_incident(score, incident), at, ref))
    has_end = any(incident.kind == "full_time" for incident in score.incidents)
    if score.status in FINAL and not has_end:
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
