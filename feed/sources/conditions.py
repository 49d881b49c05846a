"""The names of the sources, and what the board says of each when a source begins."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from feed.events.catalogue import News
from feed.events.event import Event, gone
from feed.events.reading import read_shape
from feed.events.shapes import SourceState

# The key of a `source` event is the name that people know the source by.
SIMULATOR = "simulator"
REPLAY = "replay"
KRAKEN = "Kraken"
COINBASE = "Coinbase"
ESPN = "ESPN"
OPENLIGADB = "OpenLigaDB"
BUILT_IN = frozenset({SIMULATOR, REPLAY, KRAKEN, COINBASE, ESPN, OPENLIGADB})


# The event types that name their source.
SOURCED = frozenset({"price", "score", "market", "source"})


class Begun(Protocol):
    """A source as it begins: the names of the sources in it."""

    name: str
    steady: tuple[str, ...]
    watched: tuple[str, ...]


def opening_events(source: Begun, state: Sequence[Event], now: int) -> list[News]:
    """Return the events with which a source begins at `now` (epoch ms).

    The sources that are live while it runs say so. A board that shows the world or the
    simulator retires what another source left in its `state`, as nothing would renew it
    any more. What a replay or a publisher shows may name any source.
    """
    known, own = states_of(state), {*source.steady, *source.watched}
    begun = [
        SourceState(name, "live", now, None, now)
        for name in source.steady
        if name not in known or known[name].status != "live"
    ]
    if source.name not in ("live", "simulator"):
        return [*begun]
    others = BUILT_IN - own
    left = [event.slot for event in state if _source_of(event) in others]
    return [*(gone(*slot, now) for slot in left if slot is not None), *begun]


def states_of(state: Iterable[Event]) -> dict[str, SourceState]:
    """Return the newest `source` event of each source, by its name."""
    shapes = (read_shape(event) for event in state if event.type == "source")
    return {each.source: each for each in shapes if isinstance(each, SourceState)}


def _source_of(event: Event) -> str | None:
    """Return the source that keyed data is of; that of a `source` event is itself."""
    shape = read_shape(event) if event.type in SOURCED else None
    return getattr(shape, "source", None)
