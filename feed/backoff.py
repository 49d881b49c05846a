"""How long to wait before a retry: longer each time, and at random."""

import random


class Backoff:
    """The waits of a client whose server is busy or away.

    Each wait is half to all of a span, at random, so that clients don't all retry in
    the same moment. The span begins at `first` seconds and doubles up to `longest`.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait = self._next
        self._next = min(wait * 2, self._longest)
        return wait * random.uniform(0.5, 1)

    def reset(self) -> None:
        """Begin with the shortest wait again, after a success."""
        self._next = self._first
