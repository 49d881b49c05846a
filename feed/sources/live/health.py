"""The state of one source, which becomes a `source` event whenever it changes."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from feed.events.event import KEY_LENGTH
from feed.events.shapes import Notice, SourceState
from feed.sources.live.arrivals import Arrivals
from feed.sources.live.faults import Fault, Trouble

logger = logging.getLogger("liveboard.live")

Condition = Literal["live", Trouble]

NOTICE_TIME = 24 * 3600 * 1000  # ms for which the notice about unknown names stays
FAULTS_UNTIL_AWAY = 2  # in a row; one alone is a connection that is made anew at once


class SourceTiming(msgspec.Struct, frozen=True):
    """The deadlines and waits of all sources, in seconds."""

    silence: float = 10.0  # without a message, after which a connection is dead
    request: float = 20.0  # for a whole answer
    first_wait: float = 1.0  # before the first retry
    longest_wait: float = 60.0
    lively: float = 10.0  # between two polls of a league with a match in play
    idle: float = 300.0  # between two polls of any other league
    patience: float = 1.0  # a factor of the time that a symbol's first price may take


class Health:
    """The state of one source: live, or the fault and since when.

    `clock` returns the instant in epoch milliseconds. `last` is the state that is on
    the board. A source that isn't live has been so since its last data.
    """

    def __init__(
        self,
        name: str,
        arrivals: Arrivals,
        clock: Callable[[], int],
        last: SourceState | None,
    ) -> None:
        self._name = name
        self._arrivals = arrivals
        self._clock = clock
        self._lock = threading.Lock()
        self._last = last
        self._heard_at = clock()
        self._faults = 0 if last and last.status == "live" else FAULTS_UNTIL_AWAY

    def report_data(self, detail: str | None = None) -> None:
        """Report data. `detail` says what is missing although the source is live."""
        self._faults = 0
        self._heard_at = self._clock()
        self._change("live", detail)

    def report_late(self, detail: str) -> None:
        """Report data that is older than it should be."""
        self._faults = 0
        self._change("late", detail)

    def report_fault(self, fault: Fault) -> None:
        """Report why the source can't be read now.

        A first fault alone isn't shown, except silence: the data on the board is a
        moment old, and the next try follows at once.
        """
        self._faults += 1
        if fault.status == "mute" or self._faults >= FAULTS_UNTIL_AWAY:
            self._change(fault.status, fault.detail)

    def report_unknown(self, names: Iterable[str], setting: str) -> None:
        """Publish a notice about names of a setting that the source doesn't know."""
        listed, now = ", ".join(sorted(names)), self._clock()
        notice = Notice(
            f"{self._name} names",
            f"{self._name} doesn't know {listed}"[:KEY_LENGTH],
            f"All others go on. Correct or remove it in {setting}.",
            "warning",
            None,
            now + NOTICE_TIME,
            now,
        )
        self._arrivals.put([notice])

    def _change(self, status: Condition, detail: str | None) -> None:
        with self._lock:
            last, now = self._last, self._clock()
            if last and (last.status, last.detail) == (status, detail):
                return
            since = now if status == "live" else self._heard_at
            if last and (last.status == "live") == (status == "live"):
                since = last.since
            words = f"{self._name} is {status}. {detail or ''}".rstrip()
            logger.log(logging.INFO if status == "live" else logging.WARNING, words)
            self._last = SourceState(self._name, status, min(since, now), detail, now)
            self._arrivals.put([self._last])
