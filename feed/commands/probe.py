"""A stream read with a watch in hand, for `python -m feed doctor`.

Strategy: it reads server-sent events, as browsers do, because some proxies pass on that
content type at once and hold back every other one.
"""

import http.client
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult

import msgspec

from feed.commands.board import CONNECTION_ERRORS, Rejected, connect, read_rejection
from feed.events.event import EventId

READ_BYTES = 1 << 16  # bytes to read at once
GZIP_WBITS = 31  # zlib's number for gzip with its header and check


class Arrival(NamedTuple):
    """An event, and when its last byte arrived, in seconds by `time.monotonic`."""

    at: float
    type: str
    id: EventId | None
    data: dict[str, Any]


class Probe:
    """One stream; a context manager that opens it on entry and cuts it on exit.

    `headers` are those of the response, and empty if none arrived within `patience`
    seconds. `end` says how the stream ended: "" while it is open, "complete" at the end
    that HTTP announces, "cut" without one, and "garbled" if its gzip can't be unpacked.
    `size` counts the bytes of the body.
    """

    def __init__(
        self,
        url: SplitResult,
        path: str,
        patience: float,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.headers: Mapping[str, str] = {}
        self.arrivals: list[Arrival] = []
        self.end = ""
        self.size = 0
        self.asked = 0.0
        self._path = path
        self._patience = patience
        self._wanted = {"Accept": "text/event-stream"} | dict(headers or {})
        self._connection = connect(url, patience)
        self._sock: socket.socket | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._readable = True
        self._unpack: Callable[[bytes], bytes] = bytes
        self._rest = b""

    def __enter__(self) -> Self:
        """Ask for the stream; OSError or HTTPException if there is no connection.

        Rejected if the response isn't a stream.
        """
        try:
            self._connection.connect()
            self._sock = self._connection.sock
            self.asked = time.monotonic()
            self._connection.request("GET", self._path, headers=self._wanted)
            self._read_head()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the stream, also while another thread reads it."""
        if self._sock is not None:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        if self._answer is not None:
            self._answer.close()
        self._connection.close()

    def read_to(self, type: str, seconds: float) -> Arrival | None:
        """Read on until an event of this type arrives; return the first one.

        None if there is none `seconds` later, or if the stream ended. After a timeout
        the stream can't be read any further.
        """
        deadline = time.monotonic() + seconds
        while (found := self.first(type)) is None and self._read_before(deadline):
            pass
        return found

    def read_ids(self, count: int, seconds: float) -> list[str]:
        """Read on until so many events of the log have arrived; return their ids.

        They are fewer if no more came within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while len(self._ids()) < count and self._read_before(deadline):
            pass
        return self._ids()[:count]

    def read_for(self, seconds: float) -> None:
        """Read on for this long, or until the stream ends."""
        deadline = time.monotonic() + seconds
        while self._read_before(deadline):
            pass

    def first(self, type: str) -> Arrival | None:
        """Return the first event of a type that has arrived."""
        return next((each for each in self.arrivals if each.type == type), None)

    def _ids(self) -> list[str]:
        events = (it for it in self.arrivals if it.id and it.type != "heartbeat")
        return [str(event.id) for event in events]

    def _read_head(self) -> None:
        try:
            self._answer = self._connection.getresponse()
        except TimeoutError:
            return
        if self._answer.status != 200:
            raise read_rejection(self._answer)
        kind = self._answer.headers.get_content_type()
        if kind != "text/event-stream":
            raise Rejected(200, f"that is {kind}, not a stream")
        self.headers = {k.lower(): v for k, v in self._answer.headers.items()}
        if self.headers.get("content-encoding") == "gzip":
            self._unpack = zlib.decompressobj(GZIP_WBITS).decompress

    def _read_before(self, deadline: float) -> bool:
        """Read once, if there is time; return whether that can be done again."""
        left = deadline - time.monotonic()
        if self._answer is None or self._sock is None:
            return False
        if not self._readable or left <= 0:
            return False
        self._sock.settimeout(left)
        try:
            piece = self._answer.read1(READ_BYTES)
            self._take(piece, time.monotonic())
        except TimeoutError:
            self._readable = False
        except CONNECTION_ERRORS:
            self.end = "cut"
        except zlib.error:
            self.end = "garbled"
        else:
            self.end = "" if piece else "complete"
        self._readable = self._readable and not self.end
        return self._readable

    def _take(self, piece: bytes, at: float) -> None:
        self.size += len(piece)
        *blocks, self._rest = (self._rest + self._unpack(piece)).split(b"\n\n")
        try:
            self.arrivals += [_event(block, at) for block in blocks]
        except (msgspec.DecodeError, ValueError) as error:
            raise Rejected(200, "that is a stream, but not Liveboard's") from error


def _event(block: bytes, at: float) -> Arrival:
    """Return the event of a block of lines, as the board writes them."""
    lines = [line.partition(":") for line in block.decode(errors="replace").split("\n")]
    fields = {name: value.removeprefix(" ") for name, _, value in lines}
    id = EventId.parse(fields["id"]) if "id" in fields else None
    data = msgspec.json.decode(fields.get("data", "null"))
    shown = data if isinstance(data, dict) else {}
    return Arrival(at, fields.get("event", ""), id, shown)
