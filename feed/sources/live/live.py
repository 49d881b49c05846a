"""Real prices and real scores, as one source that is made of several.

Strategy: each part has threads of its own, and `step` only takes what has arrived. So
it never waits for a network, and a slow part delays no other.
"""

import platform
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from feed.clock import now_ms
from feed.events.catalogue import News
from feed.events.event import Event, gone
from feed.events.shapes import Quote
from feed.settings import Settings
from feed.sources.conditions import (
    COINBASE,
    ESPN,
    KRAKEN,
    OPENLIGADB,
    SIMULATOR,
    states_of,
)
from feed.sources.live.arrivals import Arrivals
from feed.sources.live.coinbase import Coinbase
from feed.sources.live.espn import Espn
from feed.sources.live.faults import Fault
from feed.sources.live.health import Health, SourceTiming
from feed.sources.live.kraken import Kraken
from feed.sources.live.line import Pool, SourceLine
from feed.sources.live.openligadb import OpenLigaDb
from feed.sources.live.poller import Poller, ScoreReader
from feed.sources.live.ticker import Ticker, TickerReader
from feed.world import Selected

AGENT = f"Liveboard (Python {platform.python_version()})"
PAIRS = "/0/public/AssetPairs"
PAIRS_HOST = {"wss://ws.kraken.com/v2": "https://api.kraken.com"}


class Part(Protocol):
    """One source with threads of its own."""

    def start(self) -> None:
        """Start its threads."""

    def check(self) -> None:
        """Cut a connection that has been silent for too long. Never waits."""

    def close(self) -> None:
        """End its threads. Never waits."""


class Simulation(Protocol):
    """A simulated market, a simulated league, or both."""

    def past(self) -> Iterable[Quote]:
        """Return quotes from before the start, oldest first, for the charts."""

    def step(self, now: int) -> Sequence[News]:
        """Return the events that fell due up to `now` (epoch ms)."""


class Live:
    """The sources that PRICES and SCORES select, and perhaps a simulation beside them.

    `parts` are the sources by their names.
    """

    name = "live"
    place = b""

    def __init__(
        self,
        parts: dict[str, Part],
        arrivals: Arrivals,
        simulation: Simulation | None = None,
    ) -> None:
        self.steady: tuple[str, ...] = () if simulation is None else (SIMULATOR,)
        self.watched: tuple[str, ...] = (*parts,)
        self._parts = [*parts.values()]
        self._arrivals = arrivals
        self._simulation = simulation

    def past(self) -> Iterable[Quote]:
        """Return the past of a simulated market; the world's is unknown."""
        return () if self._simulation is None else self._simulation.past()

    def start(self) -> None:
        """Begin to connect."""
        for part in self._parts:
            part.start()

    def step(self, now: int) -> Sequence[News]:
        """Return what has arrived, then the simulated events up to `now` (epoch ms)."""
        for part in self._parts:
            part.check()
        news = self._arrivals.take()
        if self._simulation is not None:
            news += self._simulation.step(now)
        return news

    def close(self) -> None:
        """Close the connections."""
        for part in self._parts:
            part.close()


class PartMaker:
    """Makes the sources that settings select, which continue from the board's `state`.

    `clock` returns the instant in epoch milliseconds.
    """

    def __init__(
        self,
        settings: Settings,
        arrivals: Arrivals,
        state: Sequence[Event] = (),
        timing: SourceTiming | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._settings = settings
        self._arrivals = arrivals
        self._state = state
        self._known = states_of(state)
        self._timing = timing or SourceTiming()
        self._clock = clock

    def make_all(self) -> dict[str, Part]:
        """Return the sources of PRICES and SCORES by their names."""
        selected = (*self._settings.prices, *self._settings.scores)
        made = (self._make(each) for each in selected if each.source != SIMULATOR)
        return dict(made)

    def _make(self, selected: Selected) -> tuple[str, Part]:
        names, state, settings = selected.names, self._state, self._settings
        if selected.source == "kraken":
            kraken, url = Kraken(names, state), settings.kraken_url
            return KRAKEN, self._ticker(kraken, url, PairsOf(kraken, url))
        if selected.source == "coinbase":
            coinbase = Coinbase(names, state)
            return COINBASE, self._ticker(coinbase, settings.coinbase_url)
        if selected.source == "espn":
            return ESPN, self._poller(Espn(names, state), settings.espn_url)
        openligadb = OpenLigaDb(names, state)
        return OPENLIGADB, self._poller(openligadb, settings.openligadb_url)

    def _ticker(
        self,
        reader: TickerReader,
        url: str,
        prepare: Callable[[SourceLine], None] | None = None,
    ) -> Ticker:
        health, now = self._health(reader.name), self._clock()
        arrivals, clock, timing = self._arrivals, self._clock, self._timing
        arrivals.put(gone("price", symbol, now) for symbol in reader.deselected)
        return Ticker(reader, url, AGENT, arrivals, health, clock, timing, prepare)

    def _poller(self, reader: ScoreReader, url: str) -> Poller:
        health = self._health(reader.name)
        arrivals, clock, timing = self._arrivals, self._clock, self._timing
        return Poller(reader, url, AGENT, arrivals, health, clock, timing)

    def _health(self, name: str) -> Health:
        return Health(name, self._arrivals, self._clock, self._known.get(name))


class PairsOf:
    """Reads the decimals of Kraken's pairs, which a WebSocket doesn't tell.

    They are asked for at the host of `url`, the URL of the WebSocket. A board whose
    KRAKEN_URL isn't Kraken's own may have no such answer, and does without.
    """

    def __init__(self, kraken: Kraken, url: str) -> None:
        self._kraken = kraken
        parts = urlsplit(url)
        scheme = "https" if parts.scheme == "wss" else "http"
        self._base = PAIRS_HOST.get(url, f"{scheme}://{parts.netloc}")

    def __call__(self, line: SourceLine) -> None:
        """Ask, if decimals are unknown. Prices come without them, too."""
        for question in (PAIRS, f"{PAIRS}?asset_class=tokenized_asset"):
            if self._kraken.needs_pairs:
                self._ask(question, line)

    def _ask(self, question: str, line: SourceLine) -> None:
        pool = Pool(self._base, line, AGENT)
        try:
            self._kraken.read_pairs(pool.get(question))
        except Fault:
            return
        finally:
            pool.close()
