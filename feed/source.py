"""Where events come from when nobody publishes: simulator, recording, or nowhere."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from feed.event import Event
from feed.market import Market
from feed.match import League
from feed.replay import Replay
from feed.settings import Settings
from feed.shapes import Quote


class Source(Protocol):
    """Gives the events that fell due; knows no clock."""

    name: str

    def past(self) -> Iterable[Quote]:
        """Return quotes from before the start, oldest first, for the charts."""

    def step(self, now: int) -> list[Event]:
        """Return the events that fell due up to `now` (epoch ms), in their order."""


class Simulator:
    """An invented market and an invented league."""

    name = "simulator"

    def __init__(self, seed: int, start: int, speed: float) -> None:
        self._market = Market(seed, start, speed)
        self._league = League(seed, start, speed)

    def past(self) -> Iterable[Quote]:
        """Return the quotes of the session's past."""
        return self._market.past()

    def step(self, now: int) -> list[Event]:
        """Return what happened on the market and in the league."""
        return self._market.step(now) + self._league.step(now)


class Published:
    """Nothing of its own: the board shows what is published."""

    name = "published"

    def past(self) -> Iterable[Quote]:
        """Return nothing."""
        return ()

    def step(self, now: int) -> list[Event]:
        """Return nothing."""
        return []


def source(settings: Settings, start: int) -> Source:
    """Return the source that the settings name, begun at `start` (epoch ms)."""
    if settings.feed == "published":
        return Published()
    if settings.feed == "replay":
        path = Path(settings.recording)
        return Replay(path, settings.loop, settings.speed, settings.max_keys)
    return Simulator(settings.seed, start, settings.speed)
