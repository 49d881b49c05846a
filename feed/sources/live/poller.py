"""A source of scores by HTTP: asks politely, and again after a fault.

Theory of operation: one thread asks one question after another, each when it is due:
often while one of its matches is played, seldom otherwise. The board's step calls
`check`, which keeps the time: it cuts a request whose answer takes too long.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from feed.backoff import Backoff
from feed.events.catalogue import News
from feed.sources.live.arrivals import Arrivals
from feed.sources.live.faults import NOT_UNDERSTOOD, Fault
from feed.sources.live.health import Health, SourceTiming
from feed.sources.live.line import Pool, SourceLine
from feed.sources.live.matches import Matches
from feed.sources.live.reading import Unreadable

logger = logging.getLogger("liveboard.live")

BEFORE_KICK_OFF = 120.0  # seconds before a kick-off from which a match counts as played
PROBED_FOR = 600.0  # seconds after which a probe no longer saves the question


class ScoreReader(Protocol):
    """Reads the answers to its questions; see `Espn`."""

    name: str
    matches: Matches

    def questions(self, now: int) -> list[str]:
        """Return the paths to ask for at `now` (epoch ms)."""

    def subject_of(self, question: str) -> str:
        """Return the league that a question is about."""

    def probe_of(self, question: str) -> str | None:
        """Return a cheaper path whose answer changes with that of a question."""

    def read(self, question: str, body: bytes, now: int) -> list[News]:
        """Return the events that an answer makes; Unreadable if it is none."""


class Poll(msgspec.Struct):
    """A question: when it is due (monotonic), and its last answer or fault."""

    due: float
    backoff: Backoff
    fault: Fault | None = None
    body: bytes = b""
    probe: bytes = b""
    whole_at: float = 0.0


class Poller:
    """The requests of one reader to the server at `base`."""

    def __init__(
        self,
        reader: ScoreReader,
        base: str,
        agent: str,
        arrivals: Arrivals,
        health: Health,
        clock: Callable[[], int],
        timing: SourceTiming,
    ) -> None:
        self._reader = reader
        self._arrivals = arrivals
        self._health = health
        self._clock = clock
        self._timing = timing
        self._line = SourceLine()
        self._pool = Pool(base, self._line, agent)
        self._closing = threading.Event()
        self._schedule = Schedule(timing)
        self._asked_at: float | None = None  # monotonic; None between two requests
        self._slow = False
        self._unknown: set[str] = set()  # questions that the server doesn't know

    def start(self) -> None:
        """Begin to ask, in a thread."""
        name = f"{self._reader.name} scores"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def check(self) -> None:
        """Cut a request that takes too long. Never waits."""
        asked_at = self._asked_at
        if asked_at is None:
            return
        if time.monotonic() - asked_at > self._timing.request:
            self._slow = True
            self._line.cut()

    def close(self) -> None:
        """End the thread, and close the connections."""
        self._closing.set()
        self._line.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            questions = self._reader.questions(self._clock())
            question, due = self._schedule.next(questions, time.monotonic())
            if due > 0:
                self._closing.wait(due)
                continue
            try:
                self._ask(question)
            except Fault as fault:
                if not self._closing.is_set():
                    self._note_fault(question, fault)
            except Exception:  # an odd answer must not end the thread; it is logged
                logger.exception("an answer of %s can't be read", self._reader.name)
                self._note_fault(question, Fault("refused", NOT_UNDERSTOOD))
            else:
                self._schedule.asked[question].fault = None
                self._report()
        self._pool.close()

    def _note_fault(self, question: str, fault: Fault) -> None:
        """Postpone a question that failed; all of them if the server asks for that."""
        if fault.unknown and question not in self._unknown:
            self._unknown.add(question)
            names = {*map(self._reader.subject_of, self._unknown)}
            self._health.report_unknown(names, "SCORES")
        self._schedule.postpone(question, time.monotonic(), fault)
        if any(it.body and it.fault is None for it in self._schedule.asked.values()):
            self._report()
        else:
            self._health.report_fault(fault)

    def _ask(self, question: str) -> None:
        """Ask a question, and publish what its answer says; Fault if there is none."""
        asked = self._schedule.asked[question]
        asked.body = self._answer(question, asked)
        now = self._clock()
        try:
            self._arrivals.put(self._reader.read(question, asked.body, now))
        except Unreadable as error:
            asked.body = b""
            raise Fault("refused", str(error)) from error
        kick_off = self._reader.matches.next_kick_off(question, now)
        until = None if kick_off is None else (kick_off - now) / 1000
        self._schedule.plan(question, time.monotonic(), until)

    def _answer(self, question: str, asked: Poll) -> bytes:
        """Return the answer to a question: the last one if nothing has changed."""
        path, now = self._reader.probe_of(question), time.monotonic()
        probe = b"" if path is None else self._get(path)
        is_same = probe and probe == asked.probe and asked.body
        if is_same and now - asked.whole_at < PROBED_FOR:
            return asked.body
        asked.probe, asked.whole_at = probe, now
        return self._get(question)

    def _get(self, path: str) -> bytes:
        self._slow = False
        self._asked_at = time.monotonic()
        try:
            return self._pool.get(path)
        except Fault as fault:
            if self._slow:
                detail = f"Its answer takes longer than {self._timing.request:g} s."
                raise Fault("mute", detail) from fault
            raise
        finally:
            self._asked_at = None

    def _report(self) -> None:
        """Report data, and what is missing although others are answered."""
        matches = self._reader.matches
        missing = matches.missing(self._clock())
        faults = {
            question: it.fault
            for question, it in self._schedule.asked.items()
            if it.fault is not None
        }
        detail = None
        if missing:
            what = "A match is" if missing == 1 else f"{missing} matches are"
            detail = f"{what} missing from its answers."
        elif faults:
            names = ", ".join(sorted({*map(self._reader.subject_of, faults)}))
            reason = next(iter(faults.values())).detail
            detail = f"No answer about {names}. {reason}"
        if detail and (missing or any(map(matches.shows, faults))):
            self._health.report_late(detail)
        else:
            self._health.report_data(detail)


class Schedule:
    """When each question is due. Instants are monotonic, in seconds."""

    def __init__(self, timing: SourceTiming) -> None:
        self.asked: dict[str, Poll] = {}
        self._timing = timing

    def next(self, questions: list[str], now: float) -> tuple[str, float]:
        """Return the question that is due next, and in how many seconds.

        Questions that are new are spread over the interval in which the others come.
        """
        for number, question in enumerate(questions):
            spread = number * self._timing.lively / len(questions)
            if question not in self.asked:
                backoff = Backoff(self._timing.first_wait, self._timing.longest_wait)
                self.asked[question] = Poll(now + spread, backoff)
        for question in self.asked.keys() - {*questions}:
            del self.asked[question]
        if not questions:
            return "", self._timing.idle
        question = min(questions, key=lambda it: self.asked[it].due)
        return question, self.asked[question].due - now

    def postpone(self, question: str, now: float, fault: Fault) -> None:
        """Ask a question that failed again later; all if the server says when."""
        asked = self.asked[question]
        asked.fault = fault
        asked.due = now + asked.backoff.next()
        if fault.retry_after is not None:
            for each in self.asked.values():
                each.due = max(each.due, now + fault.retry_after)

    def plan(self, question: str, now: float, until: float | None) -> None:
        """Plan when to ask a question again.

        The next kick-off of its answer is in `until` seconds. That is 0 while one of
        its matches is played, and None if there is none to come.
        """
        timing, asked = self._timing, self.asked[question]
        wait = timing.idle
        if until is not None:
            wait = min(wait, max(timing.lively, until - BEFORE_KICK_OFF))
        asked.due = now + wait
        asked.backoff.reset()
