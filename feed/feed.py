"""The feed of one process: log, history, streams and source, and the loop that drives.

Everything that happens passes `publish`; nothing else appends to the log.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from feed.clock import now_ms
from feed.event import Event, EventId, Slot, gone
from feed.history import History, marks
from feed.log import Log
from feed.once import Answers, Once
from feed.settings import Settings
from feed.shapes import Notice
from feed.source import Source, source
from feed.stream import Streams

TICK = 0.05  # seconds; what falls due within one goes out together
REPORT = 60.0  # seconds between two lines with the totals

logger = logging.getLogger("liveboard.feed")


class Feed:
    """One log and all that stands around it."""

    def __init__(self, settings: Settings, version: str) -> None:
        start = now_ms()
        self.settings = settings
        self.log = Log(settings.backlog, start)
        self.history = History()
        self.source: Source = source(settings, start)
        self.streams = Streams(self.log, settings, self.source.name, version)
        self.publishing = threading.Lock()  # held from understanding to the log
        self._answers = Answers()
        self._until: dict[Slot, int] = {}
        self._starting = threading.Lock()
        self._running = False
        self._leaving: Callable[[], bool] = lambda: False

    @property
    def leaving(self) -> bool:
        """Whether the process was told to end."""
        return self._leaving() or self.streams.draining.is_set()

    def publish(
        self, events: Sequence[Event], once: Once | None = None
    ) -> list[EventId]:
        """Append events to the log, in order, and return their ids.

        All or none: ValidationError where a price or a notice has not its shape. The
        ids are remembered under `once`, for `recall` to give to a retry.
        """
        if not events:
            return []
        changes, untils = marks(events), [_until(event) for event in events]
        ids = self.log.append(events, now_ms())
        self.history.add(changes)
        for event, until in zip(events, untils, strict=True):
            self._note_until(event, until)
        if once is not None:
            self._answers.keep(once, ids)
        return ids

    def recall(self, once: Once) -> list[EventId] | None:
        """Return the ids that this request was answered before; None for a new one.

        KeyReused where its key was given with another request.
        """
        return self._answers.recall(once)

    def start(self, leaving: Callable[[], bool] = lambda: False) -> None:
        """Begin to run, once; `leaving` is asked whether the process is to end."""
        with self._starting:
            if self._running:
                return
            self._running = True
        self._leaving = leaving
        for quote in self.source.past():
            self.history.add_quote(quote)
        with self.publishing:
            self.publish(self.source.step(now_ms()))
        self.streams.fanout.start()
        threading.Thread(target=self._run, name="feed", daemon=True).start()

    def step(self, now: int) -> None:
        """Publish what fell due, retire what is past its time (`now` in epoch ms)."""
        with self.publishing:  # none may be prolonged between the look and the act
            overdue = [slot for slot, until in self._until.items() if until <= now]
            retired = [gone(type, key, now) for type, key in overdue]
            self.publish(self.source.step(now) + retired)

    def _run(self) -> None:
        """Drive everything that happens by itself: the only loop that sleeps."""
        report_due = time.monotonic() + REPORT
        while not self.streams.draining.is_set():
            time.sleep(TICK)
            if self._leaving():
                self.streams.drain()
            try:
                self.step(now_ms())
            except Exception:
                # One bad step must not stop the board; what is wrong stands in the log.
                logger.exception("the source failed; going on")
            self.streams.enforce_deadlines()
            if time.monotonic() >= report_due:
                report_due += REPORT
                self._report()
        while self.streams:
            time.sleep(TICK)
            self.streams.enforce_deadlines()

    def _note_until(self, event: Event, until: int | None) -> None:
        if event.slot is None:
            return
        self._until.pop(event.slot, None)
        if until is not None:
            self._until[event.slot] = until

    def _report(self) -> None:
        totals, figures = self.streams.totals, self.log.statistics()
        logger.info(
            "totals: %d streams open, %d opened, %d events in, %d events out, "
            "%d bytes out, %d gaps, %d keys",
            len(self.streams),
            totals.opened,
            sum(figures.appended.values()),
            totals.events,
            totals.bytes,
            totals.gaps,
            figures.keys,
        )


def _until(event: Event) -> int | None:
    if event.type != "notice":
        return None
    return msgspec.json.decode(event.data, type=Notice).until
