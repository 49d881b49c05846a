"""Sources of events besides publishing: the simulator, a recording, or none."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from feed.events.catalogue import CATALOGUE, News
from feed.events.event import Event
from feed.events.reading import read_shape
from feed.events.shapes import MarketState, Quote, Score
from feed.settings import Settings
from feed.sources.conditions import SIMULATOR
from feed.sources.league import League
from feed.sources.market import Market
from feed.sources.replay import Replay
from feed.world import Selected


class Source(Protocol):
    """Returns the events that fell due. The caller passes the time."""

    name: str
    steady: tuple[str, ...]
    """The names of the sources in it that are live while it runs."""
    watched: tuple[str, ...]
    """The names of those that publish their state themselves."""

    @property
    def place(self) -> bytes:
        """The position to continue from; empty if the board's state is enough."""

    def past(self) -> Iterable[Quote]:
        """Return quotes from before the start, oldest first, for the charts."""

    def start(self) -> None:
        """Begin to connect, if the source has connections; call it before `step`."""

    def step(self, now: int) -> Sequence[News]:
        """Return the events that fell due up to `now`, in their order. Never wait.

        `now` is in epoch milliseconds.
        """

    def close(self) -> None:
        """Close the source's files or connections."""


class Simulator:
    """A simulated market and a simulated league, or one of them.

    If there is a `state` of the board, both continue from its newest instant.
    """

    name = "simulator"
    steady: tuple[str, ...] = (SIMULATOR,)
    watched: tuple[str, ...] = ()
    place = b""

    def __init__(
        self,
        seed: int,
        start: int,
        speed: float,
        state: Sequence[Event] = (),
        *,
        has_market: bool = True,
        has_league: bool = True,
    ) -> None:
        shapes = [read_shape(event) for event in state if event.type in CATALOGUE]
        market = [each for each in shapes if isinstance(each, Quote | MarketState)]
        scores = [each for each in shapes if isinstance(each, Score)]
        instants = (each.at for each in (*market, *scores) if each.at <= start)
        last = max(instants, default=start)
        self._market = (
            Market(seed, last, speed, resume_from=market) if has_market else None
        )
        self._league = (
            League(seed, last, speed, resume_from=scores) if has_league else None
        )

    def past(self) -> Iterable[Quote]:
        """Return the quotes of the session's past."""
        return () if self._market is None else self._market.past()

    def start(self) -> None:
        """Do nothing: a simulator has no connections."""

    def step(self, now: int) -> Sequence[News]:
        """Return the events of the market, then those of the league."""
        news: list[News] = [] if self._market is None else [*self._market.step(now)]
        return news if self._league is None else [*news, *self._league.step(now)]

    def close(self) -> None:
        """Do nothing: a simulator has no files."""


class Published:
    """No source: the board shows only what is published."""

    name = "published"
    steady: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    place = b""

    def past(self) -> Iterable[Quote]:
        """Return nothing."""
        return ()

    def start(self) -> None:
        """Do nothing: there is no source."""

    def step(self, now: int) -> Sequence[News]:
        """Return nothing."""
        return []

    def close(self) -> None:
        """Do nothing: there is no source."""


def make_source(
    settings: Settings, start: int, state: Sequence[Event] = (), place: bytes = b""
) -> Source:
    """Return the source that the settings name, beginning at `start` (epoch ms).

    `state` is the newest event of each key of the board. The simulator continues from
    it, and a replay also from `place`, the position of an earlier replay.
    """
    if settings.feed == "published":
        return Published()
    if settings.feed == "replay":
        path, it = Path(settings.recording), settings
        return Replay(
            *(path, it.loop, it.speed, it.max_keys),
            *(place, state, start),
            max_bytes=it.max_keys_bytes,
        )
    simulator = _make_simulator(settings, start, state)
    if settings.feed == "live":
        # Only a board that shows the world loads the libraries for that.
        from feed.sources.live.arrivals import Arrivals
        from feed.sources.live.live import Live, PartMaker

        arrivals = Arrivals()
        parts = PartMaker(settings, arrivals, state).make_all()
        return Live(parts, arrivals, simulator)
    return simulator or Published()  # PRICES=none SCORES=none


def _make_simulator(
    settings: Settings, start: int, state: Sequence[Event]
) -> Simulator | None:
    has_market, has_league = (
        Selected(SIMULATOR) in selected
        for selected in (settings.prices, settings.scores)
    )
    if not has_market and not has_league:
        return None
    return Simulator(
        settings.seed,
        start,
        settings.speed,
        state,
        has_market=has_market,
        has_league=has_league,
    )
