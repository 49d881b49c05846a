"""The feed of one process: its log, history, source and streams, and how they connect.

Theory of operation: how an event gets into the log depends on the backend. In a process
that is `Alone`, the events of the source and of requests go through `publish`, which
appends them at once. With a `Shared` log, requests go through `publish` and the events
of the source through the leader (`feed/cluster/leader.py`). Both send them to Redis,
and `append_events` gets them back with those of all other processes, in one order.

When the process ends, `drain` tells every loop to end and returns at once. `close`
waits for them and does, in order, what is left to do. Both may be called repeatedly.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from feed.alone import Alone
from feed.answers.answers import Answers
from feed.answers.keeping import Keeper, KeptAlone
from feed.answers.match_reports import MatchReports
from feed.answers.piece import Board
from feed.answers.upstream import Upstream
from feed.backend import TICK, Backend
from feed.clock import now_ms
from feed.events.catalogue import News
from feed.events.event import Event, EventId, gone
from feed.history import History, marks
from feed.log import Expired, Log, LogSnapshot, Overtaken, Unavailable
from feed.publishing.idempotency import Idempotency
from feed.publishing.publication import Publication
from feed.settings import Settings
from feed.sources.conditions import opening_events
from feed.sources.source import Published, Source, make_source
from feed.streams.admission import Streams

PERSISTENCE = 5.0  # seconds in which `submit` tries again while others change the keys
RETIRED = 250  # keys retired in one step: a fast reader is compacted from 1000 on
REPORT = 60.0  # seconds between two log lines with the totals
CLOSING = 3.5  # seconds from `drain` in which `close` returns; gunicorn kills after 4

logger = logging.getLogger("liveboard.feed")


class Feed:
    """One log, what fills it, and the streams that read it.

    `backend` is `Shared` if `settings` have a `redis_url`, and `Alone` otherwise.
    """

    def __init__(self, settings: Settings, version: str) -> None:
        start = now_ms()
        self.settings = settings
        self._running = False
        self.log: Log
        self.source: Source = Published()  # while this process doesn't lead
        self._opening: Sequence[News] = []  # with which the source begins
        self.backend: Backend
        if settings.redis_url:
            from feed.cluster.shared import Shared  # it loads the large Redis client

            # Its reader loads the shared log.
            self.log = Log(settings.backlog, 0, settings.backlog_bytes)
            self.backend = Shared(settings, self.log, self)
            keeper: Keeper = self.backend.keeper
        else:
            self.log = Log(settings.backlog, start, settings.backlog_bytes)
            self.begin_source(start, b"")
            self.backend = Alone(self.log, self)
            keeper = KeptAlone()
        self.history = History()
        self.streams = Streams(self.log, settings, settings.feed, version)
        self.streams.is_ahead = self.backend.is_ahead
        upstream = Upstream(settings) if settings.ask_url else None
        self.match_reports = MatchReports(self.log)
        self.answers = Answers(self.board, settings.max_answers, keeper, upstream)
        if self.backend.away:
            self.announce_away(True)
        self.publishing = threading.Lock()  # for making a change and publishing it
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._last_calls: list[Callable[[], None]] = []
        self._closing = threading.Lock()
        self._closed = False
        self._closes_by = math.inf  # the instant (monotonic) at which `close` gives up
        self._tail_seen = self.log.tail
        self._tail_since = 0.0  # the instant (monotonic) at which that tail arrived
        self._date_tail()

    @property
    def leaving(self) -> bool:
        """Whether the process is about to end."""
        return self.streams.draining.is_set()

    @property
    def away(self) -> str | None:
        """The reason why the log can't be followed now; None while it can."""
        return self.backend.away

    @property
    def unready(self) -> str | None:
        """The reason why requests should go to another process, or None."""
        if self.leaving:
            return "The server is restarting."
        away = self.away
        if away:
            return f"{away}."
        if self.settings.feed == "simulator" and not self.log.statistics().keys:
            return _describe_idle(self.backend.other_feed)
        return None

    @property
    def published(self) -> dict[str, int]:
        """The number of events of each type that this process published."""
        return self.backend.published

    @property
    def newest_event_age(self) -> float:
        """The seconds since the newest event arrived in this process.

        They are measured by a clock that can't be set, so that neither an hour's jump
        of the clock nor the different clock of Redis makes a dead feed look alive.
        """
        self._watch_tail()
        return time.monotonic() - self._tail_since

    def board(self) -> Board:
        """Return the board as it is, for an answer."""
        read = self.log.read(None)
        return Board(
            as_of=read.tail,
            newest={event.slot: event for event in read.events if event.slot},
            history=self.history,
            now=now_ms(),
            feed=self.settings.feed,
            away=self.away,
            newest_event_age=self.newest_event_age,
        )

    def submit(
        self,
        make: Callable[[], Publication | Sequence[News]],
        idempotency: Idempotency | None = None,
    ) -> list[EventId]:
        """Publish the events that `make` makes from the log, and return their ids.

        If another process changes one of their keys meanwhile, `make` is called again.
        If a request with the same idempotency key was answered before, return the
        earlier ids and publish nothing.
        """
        with self.publishing:
            ends = time.monotonic() + PERSISTENCE
            while time.monotonic() < ends:
                ids = None if idempotency is None else self.recall(idempotency)
                if ids is not None:
                    return ids
                seen = self.log.tail
                try:
                    return self.publish(make(), idempotency, seen)
                except Overtaken:
                    self.log.wait(seen, TICK)
        raise Unavailable("Other processes keep changing the same key")

    def publish(
        self,
        news: Publication | Sequence[News],
        idempotency: Idempotency | None = None,
        seen: EventId | None = None,
    ) -> list[EventId]:
        """Publish all events or none, in order, and return their ids.

        Shapes are encoded here, once, and nothing decodes them again in this process.
        The ids are remembered under the idempotency key, so that `recall` can give them
        to a retry. With a shared log, raise Unavailable if Redis can't be reached, and
        Overtaken if one of the keys changed after `seen`.
        """
        publication = news if isinstance(news, Publication) else Publication.of(news)
        if not publication.events:
            return []
        return self.backend.publish(publication, idempotency, seen)

    def recall(self, idempotency: Idempotency) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """
        return self.backend.recall(idempotency)

    @property
    def unreadable(self) -> int:
        """The number of entries of the shared log that can't be read."""
        return self.backend.unreadable

    def append_events(
        self, events: Sequence[Event], left_out: Sequence[EventId] = ()
    ) -> None:
        """Append events that were published, here or elsewhere, under their ids.

        `left_out` are the ids of events that can't be read.
        """
        self.log.extend(events, left_out)
        self.apply_changes(Publication.of(events))

    def apply_changes(self, publication: Publication) -> None:
        """Apply appended events to the history."""
        self.history.add(publication.marks)

    def load_snapshot(self, snapshot: LogSnapshot) -> None:
        """Replace the log by a snapshot of the shared one."""
        missed = [event for event in snapshot.retained if event.id > self.log.tail]
        self.log.load_snapshot(snapshot)
        self.history.add(marks(missed))
        self._date_tail()

    def announce_away(self, away: bool) -> None:
        """Tell every stream whether the shared log is away."""
        self.streams.fanout.announce_away(away)

    def begin_source(self, now: int, place: bytes) -> None:
        """Continue the source at `now` (epoch ms), from the log's state and `place`.

        `place` is the position that `source_place` returned to the previous leader.
        """
        self.end_source()
        state = self.log.state()
        self.source = source = make_source(self.settings, now, state, place)
        self._opening = opening_events(source, state, now)
        if self._running:
            source.start()

    def end_source(self) -> None:
        """Close the source: this process no longer leads, or begins with another."""
        self.source.close()
        self.source, self._opening = Published(), []

    def source_place(self) -> bytes:
        """Return the source's position; empty if the log's state is enough."""
        return self.source.place

    def start(self) -> None:
        """Start the loops, once."""
        with self._starting:
            if self._running:
                return
            self._running = True
        self.source.start()
        for quote in self.source.past():
            self.history.add_quote(quote)
        self.step(now_ms())
        self.streams.fanout.start()
        self._run_thread("streams", self._watch_streams)
        self._run_thread("answers", partial(self.answers.run, self.streams.draining))
        self._run_thread("shelf", partial(self.answers.follow, self.streams.draining))
        self._run_thread(
            "match reports", partial(self.match_reports.run, self.streams.draining)
        )
        self._run_thread("source", partial(self.backend.run, self.streams.draining))

    def drain(self) -> None:
        """Begin to end, without waiting: streams say `bye`, and the source stops.

        It takes no lock and logs nothing, so a signal handler can call it.
        """
        if not self.leaving:
            self._closes_by = time.monotonic() + CLOSING
        self.streams.drain()

    def call_at_close(self, call: Callable[[], None]) -> None:
        """Let `close` call a function once the streams have ended."""
        self._last_calls.append(call)

    def close(self) -> None:
        """End in order, within `CLOSING` seconds of `drain`, which it calls.

        First every stream has said `bye` or was broken off, and the source has stopped;
        a leader has given its lock back. Then come the calls of `call_at_close`, the
        source's files, the connections to Redis, and the last log line.
        """
        self.drain()
        with self._closing:  # a second caller waits until the first has finished
            if self._running and not self._closed:
                self._closed = True
                self._join_threads()
                for call in self._last_calls:
                    call()
                self.source.close()
                self.answers.close()
                self.backend.close()
                self._log_totals("totals at the end")

    def step(self, now: int) -> None:
        """Publish the source's events up to `now` (epoch ms), then retire expired keys.

        The source may renew a key that has expired, so its events come first.
        """
        with self.publishing:  # so that no publisher renews a key that is being retired
            self.publish(self.events_due(now))
            self.publish([gone(*slot, now) for slot, _ in self.expired(now)])

    def events_due(self, now: int) -> Sequence[News]:
        """Return the source's events that fell due up to `now` (epoch ms)."""
        opening, self._opening = self._opening, ()
        events = self.source.step(now)
        return [*opening, *events] if opening else events

    def expired(self, now: int) -> list[Expired]:
        """Return keys that have expired at `now` (epoch ms), the earliest first.

        These are at most `RETIRED`, so that no step delays other events for long.
        """
        return self.log.expired(now, RETIRED)

    def _watch_streams(self) -> None:
        report_due = time.monotonic() + REPORT
        while not self.streams.draining.wait(TICK):
            self.streams.enforce_deadlines()
            self._watch_tail()
            if time.monotonic() >= report_due:
                report_due += REPORT
                self._log_totals("totals")
        while self.streams:
            time.sleep(TICK)
            self.streams.enforce_deadlines()

    def _watch_tail(self) -> None:
        """Remember since when the log has had its newest event."""
        if self.log.tail != self._tail_seen:
            self._tail_seen, self._tail_since = self.log.tail, time.monotonic()

    def _date_tail(self) -> None:
        """Take the age of a log that was loaded, or is new, from the id of its tail.

        Until a shared log is loaded there is no such id, and the process begins at 0.
        """
        self._tail_seen = self.log.tail
        known = self._tail_seen.ms > 0
        age = max(now_ms() - self._tail_seen.ms, 0) / 1000 if known else 0.0
        self._tail_since = time.monotonic() - age

    def _join_threads(self) -> None:
        for thread in self._threads:
            thread.join(max(self._closes_by - time.monotonic(), 0))
            if thread.is_alive():
                logger.warning("The thread %r didn't end in time", thread.name)

    def _run_thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _log_totals(self, heading: str) -> None:
        totals, figures = self.streams.totals, self.log.statistics()
        logger.info(
            "%s: %d streams open, %d opened, %d events in, %d events out, "
            "%d bytes out, %d gaps, %d keys",
            heading,
            len(self.streams),
            totals.opened,
            sum(figures.appended.values()),
            totals.events,
            totals.bytes,
            totals.gaps,
            figures.keys,
        )


def _describe_idle(other_feed: str | None) -> str:
    """Return why a board with a simulator has nothing to show."""
    if other_feed is None:
        return "No process leads yet, so nothing was published."
    return (
        f"The process that leads has FEED={other_feed}, and this one FEED=simulator. "
        "Set the same FEED for all processes, or give each board its own REDIS_PREFIX."
    )
