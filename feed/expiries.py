"""The instants at which keys are to be retired, soonest first.

Theory of operation: a heap has an entry for each instant that was set, and a table has
the valid instant of each key. An entry whose key has another instant by now, or none,
is outdated and is dropped when it reaches the top. So the cost of setting an instant
hardly depends on the number of keys, and a check costs nothing while nothing is due.
"""

from heapq import heapify, heappop, heappush

from feed.events.event import Slot

OUTDATED = 64  # outdated entries that the heap may always have


class Expiries:
    """For each key that is to be retired, the instant (epoch ms) at which it is due."""

    def __init__(self) -> None:
        self._by_slot: dict[Slot, int] = {}
        self._heap: list[tuple[int, Slot]] = []

    def set(self, slot: Slot, until: int | None) -> None:
        """Set the instant at which a key is to be retired; None means never."""
        if until is None:
            self._by_slot.pop(slot, None)
            return
        self._by_slot[slot] = until
        heappush(self._heap, (until, slot))
        if len(self._heap) > 2 * len(self._by_slot) + OUTDATED:
            self._heap = [(until, slot) for slot, until in self._by_slot.items()]
            heapify(self._heap)

    def due(self, now: int, most: int) -> list[Slot]:
        """Return up to `most` keys that are due at `now` (epoch ms), soonest first.

        They stay due until they are set to another instant, or to none.
        """
        heap, found = self._heap, dict[tuple[int, Slot], None]()
        while heap and heap[0][0] <= now and len(found) < most:
            entry = heappop(heap)
            if self._by_slot.get(entry[1]) == entry[0]:
                found[entry] = None  # the same instant may have been set twice
        for entry in found:
            heappush(heap, entry)
        return [slot for _, slot in found]
