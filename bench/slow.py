"""The age of the quotes that a reader with a tenth of the feed's bandwidth receives.

A witness reads everything, and so knows when each quote was superseded. The age of a
quote is the time since a newer one was published, at the moment when it is read. The
newest quote of a symbol has the age 0, whenever it was published.
"""

import contextlib
import http.client
import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

SHARE = 0.1  # of the feed's bandwidth
LOOK = 1.0  # seconds in which the bandwidth is measured
RECEIVE_BUFFER = 8192  # bytes; small, because quotes grow old in it unread
PIECES = 20  # reads a second
TRIES = 200  # to read the stream and `/api/state` up to the same id

Quotes = dict[str, Any]


def figures(port: int, seconds: float) -> dict[str, Any]:
    """Return the ages of quotes over `seconds`, and the errors in the last state.

    RuntimeError if the server publishes nothing.
    """
    with _witness(port) as witness:
        time.sleep(LOOK)
        before = witness.received
        time.sleep(LOOK)
        rate = (witness.received - before) / LOOK * SHARE
        if not rate:
            raise RuntimeError("the server publishes nothing: see its log")
        with _Stream(port, RECEIVE_BUFFER) as slow:
            began = time.monotonic()
            ages, unseen = _read_slowly(slow, witness, rate, seconds)
            window = time.monotonic() - began
            wrong = _wrong_in_the_end(port, slow)
    return {
        "connected": 1,
        "window": window,
        "received": len(ages),
        "bandwidth": rate,
        "old_median": statistics.median(ages),
        "old_p99": sorted(ages)[int(len(ages) * 0.99)],
        "old_max": max(ages),
        "unseen_max": max(unseen),
        "wrong": wrong,
    }


class _Stream:
    """A stream that is read piece by piece, over HTTP/1.0, which has no chunks."""

    def __init__(self, port: int, buffer: int = 0, query: str = "") -> None:
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(30)
        self._socket.sendall(b"GET /stream%b HTTP/1.0\r\n\r\n" % query.encode())
        self._begun = b""
        self._headers = True
        self.received = 0
        self.last_id = ""
        self.quotes: Quotes = {}

    def read(self, most: int = 1 << 16) -> list[dict[str, Any]]:
        """Return the quotes that the next read completes; ConnectionError at end."""
        got = self._socket.recv(most)
        if not got:
            raise ConnectionError("the server ended the stream")
        self.received += len(got)
        self._begun += got
        if self._headers and b"\r\n\r\n" in self._begun:
            self._begun = self._begun.partition(b"\r\n\r\n")[2]
            self._headers = False
        *whole, self._begun = self._begun.split(b"\n\n")
        return [quote for event in whole if (quote := self._taken(event))]

    def read_all(self) -> None:
        """Read to the end."""
        with contextlib.suppress(ConnectionError):
            while True:
                self.read()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _taken(self, event: bytes) -> dict[str, Any] | None:
        fields = dict(line.split(b": ", 1) for line in event.split(b"\n"))
        self.last_id = fields.get(b"id", self.last_id.encode()).decode()
        if fields.get(b"event") != b"price":
            return None
        quote: dict[str, Any] = json.loads(fields[b"data"])
        self.quotes[quote["symbol"]] = quote
        return quote


class _Witness(_Stream):
    """A stream that is read completely, and knows when each quote was superseded."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._over: dict[tuple[str, int], int] = {}
        self.changed: dict[str, int] = {}

    def run(self) -> None:
        """Read until this is closed."""
        newest: dict[str, int] = {}
        with contextlib.suppress(OSError):
            while True:
                for quote in self.read():
                    symbol, number = quote["symbol"], quote["n"]
                    if symbol in newest:
                        self._over[symbol, newest[symbol]] = quote["us"]
                    newest[symbol] = number

    def age(self, quote: dict[str, Any], now_us: int) -> float:
        """Return the seconds since a newer quote was published; 0 if there is none."""
        over = self._over.get((quote["symbol"], quote["n"]))
        return 0.0 if over is None else (now_us - over) / 1e6


@contextlib.contextmanager
def _witness(port: int) -> Iterator[_Witness]:
    witness = _Witness(port)
    thread = threading.Thread(target=witness.run)
    thread.start()
    try:
        yield witness
    finally:
        witness._socket.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        witness.close()


def _read_slowly(
    slow: _Stream, witness: _Witness, rate: float, seconds: float
) -> tuple[list[float], list[float]]:
    """Return the age of each quote, and the time between two quotes of a symbol."""
    ages: list[float] = []
    seen: dict[str, float] = {}
    unseen: list[float] = []
    piece = max(int(rate / PIECES), 1)
    began = time.monotonic()
    free = began  # when the link is free for the next piece
    while (now := time.monotonic()) - began < seconds:
        time.sleep(max(free - now, 0))
        before = slow.received
        quotes = slow.read(piece)
        now = time.monotonic()
        free = max(free, now - 1 / PIECES) + (slow.received - before) / rate
        for quote in quotes:
            ages.append(witness.age(quote, time.time_ns() // 1000))
            unseen.append(now - seen.get(quote["symbol"], began))
            seen[quote["symbol"]] = now
    unseen += [time.monotonic() - last for last in seen.values()]
    missing = len(witness.quotes) - len(seen)
    return ages, unseen + [seconds] * bool(missing)


def _wrong_in_the_end(port: int, slow: _Stream) -> int:
    """Return the number of symbols in which the reader and `/api/state` differ."""
    quotes, cursor = slow.quotes, slow.last_id
    for _ in range(TRIES):
        with _Stream(port, query=f"?once=1&after={cursor}") as poll:
            poll.quotes = quotes
            poll.read_all()
            cursor = poll.last_id
        state = _state(port)
        if state["id"] == cursor:
            expected = {quote["symbol"]: quote for quote in state["prices"]}
            names = {*expected, *quotes}
            return sum(expected.get(name) != quotes.get(name) for name in names)
    raise RuntimeError("no poll met /api/state at the same id")


def _state(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/state")
    state: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return state
