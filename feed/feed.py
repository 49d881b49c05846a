"""The feed of one process: log, history, streams and source, and the loop that drives.

Everything that happens passes `publish`; nothing else appends to the log. Where several
processes share one log, it goes by Redis, and `take` appends what comes from there.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from feed.clock import now_ms
from feed.events.event import Event, EventId, Slot, gone
from feed.events.shapes import Notice
from feed.history import History, Mark, marks
from feed.log import Held, Log, Overtaken, Unavailable
from feed.publishing.idempotency import Answers, Once
from feed.settings import Settings
from feed.sources.source import Published, Source, source
from feed.streams.admission import Streams

TICK = 0.05  # seconds; what falls due within one goes out together
PERSISTENCE = 5.0  # seconds of trying to publish what others change at the same time
REPORT = 60.0  # seconds between two lines with the totals

if TYPE_CHECKING:
    from feed.cluster.relay import Relay

logger = logging.getLogger("liveboard.feed")


class Feed:
    """One log and all that stands around it."""

    def __init__(self, settings: Settings, version: str) -> None:
        start = now_ms()
        self.settings = settings
        shared = bool(settings.redis_url)
        self.log = Log(settings.backlog, 0 if shared else start)
        self.history = History()
        self.source: Source = Published() if shared else source(settings, start)
        self.streams = Streams(self.log, settings, settings.feed, version)
        self.relay: Relay | None = None
        if shared:
            self.relay = self._shared_log()
            self.streams.is_ahead = self.relay.is_ahead
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

    @property
    def unready(self) -> str | None:
        """Why new requests had better go elsewhere; None where they are welcome."""
        if self.leaving:
            return "The server is restarting."
        if self.relay is None:
            return None
        if self.relay.away:
            return f"{self.relay.away}."
        if self.settings.feed == "simulator" and not self.log.statistics().keys:
            return "No process leads yet, so nothing was published."
        return None

    @property
    def published(self) -> dict[str, int]:
        """How many events of each type were published by this process."""
        if self.relay is None:
            return self.log.statistics().appended
        return self.relay.published

    def submit(
        self, make: Callable[[], Sequence[Event]], once: Once | None = None
    ) -> list[EventId]:
        """Publish what `make` makes of the log as it stands, and return the ids.

        It is made anew where a key has changed meanwhile, in another process. What was
        submitted under `once` before is answered again, and made and published never.
        """
        with self.publishing:
            ends = time.monotonic() + PERSISTENCE
            while time.monotonic() < ends:
                ids = None if once is None else self.recall(once)
                if ids is not None:
                    return ids
                seen = self.log.tail
                try:
                    return self.publish(make(), once, seen)
                except Overtaken:
                    self.log.wait(seen, TICK)
        raise Unavailable("others publish under the same key all the time")

    def publish(
        self,
        events: Sequence[Event],
        once: Once | None = None,
        seen: EventId | None = None,
    ) -> list[EventId]:
        """Append events to the log, in order, and return their ids.

        All or none: ValidationError where a price or a notice has not its shape. The
        ids are remembered under `once`, for `recall` to give to a retry. With a shared
        log: Unavailable where that is away, Overtaken where a key changed since `seen`.
        """
        if not events:
            return []
        changes, untils = marks(events), [_until(event) for event in events]
        if self.relay is not None:
            return self.relay.publish(events, seen, once)
        ids = self.log.append(events, now_ms())
        self._take_in(events, changes, untils)
        if once is not None:
            self._answers.keep(once, ids)
        return ids

    def recall(self, once: Once) -> list[EventId] | None:
        """Return the ids that this request was answered before; None for a new one.

        KeyReused where its key was given with another request.
        """
        if self.relay is not None:
            return self.relay.recall(once)
        return self._answers.recall(once)

    def take(self, events: Sequence[Event]) -> None:
        """Append what was published, here or elsewhere, under the ids it was given."""
        self.log.extend(events)
        self._take_in(events, marks(events), [_until(event) for event in events])

    def hold(self, held: Held) -> None:
        """Go on from what the shared log holds, in the place of one's own."""
        missed = [event for event in held.retained if event.id > self.log.tail]
        self.log.hold(held)
        self.history.add(marks(missed))
        self._until = {
            event.slot: until
            for event in held.newest
            if event.slot and (until := _until(event)) is not None
        }

    def tell(self) -> None:
        """Let readers know that the shared log is away, or is back."""
        self.streams.fanout.tell(self.relay is not None and self.relay.away is not None)

    def begin(self, now: int) -> None:
        """Go on with the source from the state of the log (`now` in epoch ms)."""
        place = b"" if self.relay is None else self.relay.place
        self.source = source(self.settings, now, self.log.state(), place)

    def place(self) -> bytes:
        """Return how far the source has come, where that isn't in the log's state."""
        return self.source.place

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
        _run("feed", self._run)
        if self.relay is not None:
            from feed.cluster.leader import Leader

            leader = Leader(self.relay, self, TICK)
            _run("reader", partial(self.relay.run, self._is_over))
            _run("leader", partial(leader.run, self._is_over))

    def step(self, now: int) -> None:
        """Publish what fell due, retire what is past its time (`now` in epoch ms)."""
        with self.publishing:  # none may be prolonged between the look and the act
            self.publish(self.due(now))

    def due(self, now: int) -> list[Event]:
        """Return what fell due up to `now` (epoch ms), retirements too."""
        overdue = [slot for slot, until in self._until.items() if until <= now]
        retired = [gone(type, key, now) for type, key in overdue]
        return self.source.step(now) + retired

    def _run(self) -> None:
        """Drive everything that happens by itself: the only loop that sleeps."""
        report_due = time.monotonic() + REPORT
        while not self.streams.draining.is_set():
            time.sleep(TICK)
            if self._leaving():
                self.streams.drain()
            if self.relay is None:
                self._step_safely()
            self.streams.enforce_deadlines()
            if time.monotonic() >= report_due:
                report_due += REPORT
                self._report()
        while self.streams:
            time.sleep(TICK)
            self.streams.enforce_deadlines()

    def _shared_log(self) -> "Relay":
        from feed.cluster.relay import Relay  # loads the client library, which weighs

        it = self.settings
        bounds = it.backlog, it.max_keys
        return Relay(it.redis_url, it.redis_prefix, *bounds, self.log, self)

    def _step_safely(self) -> None:
        try:
            self.step(now_ms())
        except Exception:  # one bad step must not stop the board; the log has it
            logger.exception("the source failed; going on")

    def _is_over(self) -> bool:
        return self.leaving

    def _take_in(
        self,
        events: Sequence[Event],
        changes: list[Mark],
        untils: Sequence[int | None],
    ) -> None:
        self.history.add(changes)
        for event, until in zip(events, untils, strict=True):
            self._note_until(event, until)

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


def _run(name: str, target: Callable[[], None]) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()


def _until(event: Event) -> int | None:
    if event.type != "notice":
        return None
    return msgspec.json.decode(event.data, type=Notice).until
