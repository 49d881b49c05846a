"""The events that have arrived from a source, until the board's next step takes them.

Strategy: a newer event of a key replaces the one that waits. So however long nobody
takes them, there are no more events than keys and incidents.
"""

import threading
from collections.abc import Iterable

from feed.events.catalogue import CATALOGUE, News
from feed.events.event import Event
from feed.events.shapes import Incident

MOST_WAITING = 20_000  # events; beyond it the oldest are dropped
KEY_FIELDS = {row.shape: (name, row.key) for name, row in CATALOGUE.items() if row.key}


class Arrivals:
    """A queue between the threads of sources and the step of the board."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[object, News] = {}

    def put(self, news: Iterable[News]) -> None:
        """Add events, in their order."""
        with self._lock:
            for each in news:
                slot = _slot_of(each)
                self._waiting.pop(slot, None)  # so that the newer one is the last
                self._waiting[slot] = each
            while len(self._waiting) > MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]

    def take(self) -> list[News]:
        """Return the events that have arrived since the last call, in their order."""
        if not self._waiting:
            return []
        with self._lock:
            taken, self._waiting = self._waiting, {}
        return [*taken.values()]


def _slot_of(news: News) -> object:
    """Return what a newer event replaces: a key, or one incident of a match."""
    if isinstance(news, Incident):
        return news.match, news.incident
    if isinstance(news, Event):
        return news.slot
    type, field = KEY_FIELDS[news.__class__]
    return type, getattr(news, field)
