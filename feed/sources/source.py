"""Sources of events besides publishing: the simulator, a recording, or none."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from feed.events.catalogue import CATALOGUE, News
from feed.events.event import Event
from feed.events.reading import read_shape
from feed.events.shapes import MarketState, Quote, Score
from feed.settings import Settings
from feed.sources.league import League
from feed.sources.market import Market
from feed.sources.replay import Replay


class Source(Protocol):
    """Returns the events that fell due. The caller passes the time."""

    name: str

    @property
    def place(self) -> bytes:
        """The position to continue from; empty if the board's state is enough."""

    def past(self) -> Iterable[Quote]:
        """Return quotes from before the start, oldest first, for the charts."""

    def step(self, now: int) -> Sequence[News]:
        """Return the events that fell due up to `now` (epoch ms), in their order."""

    def close(self) -> None:
        """Close the source's files or connections."""


class Simulator:
    """A simulated market and a simulated league.

    If there is a `state` of the board, both continue from its newest instant.
    """

    name = "simulator"
    place = b""

    def __init__(
        self, seed: int, start: int, speed: float, state: Sequence[Event] = ()
    ) -> None:
        shapes = [read_shape(event) for event in state if event.type in CATALOGUE]
        market = [each for each in shapes if isinstance(each, Quote | MarketState)]
        scores = [each for each in shapes if isinstance(each, Score)]
        instants = (each.at for each in (*market, *scores) if each.at <= start)
        last = max(instants, default=start)
        self._market = Market(seed, last, speed, resume_from=market)
        self._league = League(seed, last, speed, resume_from=scores)

    def past(self) -> Iterable[Quote]:
        """Return the quotes of the session's past."""
        return self._market.past()

    def step(self, now: int) -> Sequence[News]:
        """Return the events of the market, then those of the league."""
        return [*self._market.step(now), *self._league.step(now)]

    def close(self) -> None:
        """Do nothing: a simulator has no files."""


class Published:
    """No source: the board shows only what is published."""

    name = "published"
    place = b""

    def past(self) -> Iterable[Quote]:
        """Return nothing."""
        return ()

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
        return Replay(path, it.loop, it.speed, it.max_keys, place, state, start)
    return Simulator(settings.seed, start, settings.speed, state)
