"""The last pages as they are sent. Each is made once for all who ask at the same time.

Theory of operation: a page of a large board takes a third of a second to make, and
anybody may ask for it in a loop. So one page is made at a time, and whoever asks
meanwhile waits. A page is a function of its address, of the log and of the second,
since it shows ages. Whoever waited takes the page that was made for another, if that
began after this request arrived: it lacks no event that the log had by then. After a
deployment, when a thousand browsers load the same page at once, it is made a few times.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from feed.events.event import EventId

KEPT_BYTES = 16 << 20  # of the pages that are kept
ENTRY_BYTES = 512  # that a page takes beside its body


class Page(msgspec.Struct, frozen=True):
    """A page as it is sent: its body, compressed or not, and its status."""

    body: bytes
    status: int = 200


class _Kept(msgspec.Struct, frozen=True):
    """A page, and the end of the log and the second (monotonic) before it was made."""

    page: Page
    tail: EventId
    second: int


class PageCache:
    """Pages by their addresses. `tail` returns the id of the log's newest event."""

    def __init__(
        self, tail: Callable[[], EventId], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tail = tail
        self._clock = clock
        self._making = threading.Lock()
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._bytes = 0

    def get(self, address: bytes, make: Callable[[], Page]) -> Page:
        """Return the page of an address, from now or later; `make` it if need be.

        An `address` is a digest, because a client chooses how long its URL is.
        """
        tail, second = self._tail(), int(self._clock())
        kept = self._find(address, tail, second)
        if kept is not None:
            return kept
        with self._making:
            kept = self._find(address, tail, second)
            if kept is not None:
                return kept
            tail, second = self._tail(), int(self._clock())
            page = make()
            self._keep(address, _Kept(page, tail, second))
            return page

    def alone(self, make: Callable[[], Page]) -> Page:
        """Return a page that isn't kept; it is made while no other one is."""
        with self._making:
            return make()

    def _find(self, address: bytes, tail: EventId, second: int) -> Page | None:
        kept = self._kept.get(address)
        if kept is None or kept.tail < tail or kept.second < second:
            return None
        return kept.page

    def _keep(self, address: bytes, kept: _Kept) -> None:
        """Keep a page; forget those of earlier seconds, and more if it is too much."""
        if address in self._kept:
            self._forget(address)
        self._kept[address] = kept
        self._bytes += len(kept.page.body) + ENTRY_BYTES
        while self._kept:
            oldest, other = next(iter(self._kept.items()))
            if other.second == kept.second and self._bytes <= KEPT_BYTES:
                break
            self._forget(oldest)

    def _forget(self, address: bytes) -> None:
        forgotten = self._kept.pop(address)
        self._bytes -= len(forgotten.page.body) + ENTRY_BYTES
