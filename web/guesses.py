"""Wrong tokens by client address, so that guessing a token is slow.

Theory of operation: only different wrong tokens count. A client that repeats an
outdated token isn't guessing, and doesn't lock out the others at its address. After too
many wrong tokens from an address, no token from there is compared for the rest of the
minute, not even a right one: a guesser could go on, and would see when it succeeds. The
exception is a token that was right from this address before, so a guesser behind a
shared address doesn't stop those who read already.

Tokens are stored as hashes, for which Python chooses another salt in each process.
"""

import math
import threading
from collections import OrderedDict
from typing import NamedTuple, TypeVar

MOST = 10  # different wrong tokens of an address in a window
WINDOW = 60.0  # seconds from the first wrong token
MOST_CLIENTS = 4096  # addresses that are remembered; the least recent are forgotten

K = TypeVar("K")
V = TypeVar("V")


class Tries(NamedTuple):
    """The different wrong tokens of one address, since an instant in seconds."""

    since: float
    wrong: frozenset[int]


class Guesses:
    """The wrong and right tokens by address; methods may be called from any thread.

    Instants are in seconds, by a clock that can't be set.
    """

    def __init__(self, most_clients: int = MOST_CLIENTS) -> None:
        self._most_clients = most_clients
        self._tries: OrderedDict[str, Tries] = OrderedDict()
        self._right: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str, token: str, now: float) -> int:
        """Return for how many seconds this token won't be compared; 0 if it may be."""
        with self._lock:
            tries = self._current(client, now)
            if len(tries.wrong) <= MOST or (client, hash(token)) in self._right:
                return 0
            return max(1, math.ceil(tries.since + WINDOW - now))

    def add_right(self, client: str, token: str) -> None:
        """Remember that a token was right from an address."""
        with self._lock:
            self._remember(self._right, (client, hash(token)), None)

    def add_wrong(self, client: str, token: str, now: float) -> int:
        """Count a wrong token; then return the seconds to wait, as `wait` does."""
        with self._lock:
            since, wrong = self._current(client, now)
            self._remember(self._tries, client, Tries(since, wrong | {hash(token)}))
        return self.wait(client, token, now)

    def _current(self, client: str, now: float) -> Tries:
        """Return the wrong tokens of an address within its present window."""
        tries = self._tries.get(client)
        if tries is None or now >= tries.since + WINDOW:
            return Tries(now, frozenset())
        return tries

    def _remember(self, table: OrderedDict[K, V], key: K, value: V) -> None:
        table[key] = value
        table.move_to_end(key)
        while len(table) > self._most_clients:
            table.popitem(last=False)
