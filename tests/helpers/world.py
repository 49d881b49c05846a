"""The real sources of a board without the board: what they would publish, and when."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import msgspec

from feed.clock import now_ms
from feed.events.event import Event
from feed.events.shapes import Incident, MarketState, Notice, Quote, Score, SourceState
from feed.settings import Settings
from feed.sources.live.arrivals import Arrivals
from feed.sources.live.health import SourceTiming
from feed.sources.live.live import Live, PartMaker

QUICK = SourceTiming(
    silence=30,
    request=30,
    first_wait=0.01,
    longest_wait=0.05,
    lively=0.02,
    idle=0.05,
    patience=10,
)
"""Waits of a test, with deadlines that no loaded machine runs into."""


class World:
    """The parts that settings select, stepped by `until` as by a board.

    `quotes`, `scores`, `markets`, `notices` and `sources` have the newest of each key,
    `incidents` all that were published, and `states` all states of sources.
    """

    def __init__(
        self,
        timing: SourceTiming = QUICK,
        state: Sequence[Event] = (),
        clock: Callable[[], int] = now_ms,
        **settings: str,
    ) -> None:
        arrivals = Arrivals()
        chosen = {"FEED": "live", "PRICES": "none", "SCORES": "none"} | settings
        parts = PartMaker(Settings.from_env(chosen), arrivals, state, timing, clock)
        self.live = Live(parts.make_all(), arrivals)
        self.quotes: dict[str, Quote] = {}
        self.scores: dict[str, Score] = {}
        self.markets: dict[str, MarketState] = {}
        self.notices: dict[str, Notice] = {}
        self.sources: dict[str, SourceState] = {}
        self.states: list[tuple[str, str]] = []
        self.incidents: list[Incident] = []
        self.gone: list[Any] = []

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.close()

    def step(self) -> None:
        """Take what has arrived."""
        for news in self.live.step(now_ms()):
            match news:
                case Quote():
                    self.quotes[news.symbol] = news
                case Score():
                    self.scores[news.match] = news
                case MarketState():
                    self.markets[news.market] = news
                case Notice():
                    self.notices[news.notice] = news
                case SourceState():
                    self.sources[news.source] = news
                    self.states.append((news.source, news.status))
                case Incident():
                    self.incidents.append(news)
                case Event():
                    self.gone.append(msgspec.json.decode(news.data)["key"])

    def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Step until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.sources, self.quotes)
            time.sleep(0.005)
            self.step()

    def state_of(self, source: str) -> tuple[str, str | None]:
        """Return the status of a source and its detail; empty if it is unknown."""
        state = self.sources.get(source)
        return ("", None) if state is None else (state.status, state.detail)
