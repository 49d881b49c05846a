"""The socket beneath a stream: what a server's own response writer can't do with it."""

import os
import socket
import ssl
import struct
from typing import Protocol

import msgspec

NO_LINGER = struct.pack("ii", 1, 0)  # close at once, by a reset
UNSENT = 16 << 10  # bytes a socket may hold unsent; more would only be older prices


class Socket(Protocol):
    """What is used of a socket; gevent's and the standard library's have it alike."""

    @property
    def family(self) -> int:
        """The address family."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None:
        """Set an option."""

    def fileno(self) -> int:
        """Return the file descriptor."""

    def sendall(self, data: bytes, /) -> None:
        """Write all of `data`."""


class Connection:
    """The connection that a stream is written to, under a protocol such as HTTP/1.1."""

    __slots__ = ("_protocol", "_sock")

    def __init__(self, sock: Socket, protocol: str) -> None:
        self._sock = sock
        self._protocol = protocol

    @property
    def chunked(self) -> bool:
        """Whether a write is a chunk of its own (RFC 9112, section 7.1)."""
        return self._protocol == "HTTP/1.1"

    def lend(self) -> int | None:
        """Return the file descriptor for others to write whole frames to.

        None where a frame isn't written as it is (TLS, HTTP/2), or where a write
        would wait: the socket of a threaded worker.
        """
        plain = self._protocol in ("HTTP/1.0", "HTTP/1.1")
        if not plain or isinstance(self._sock, ssl.SSLSocket):
            return None
        fd = self._sock.fileno()
        return fd if fd >= 0 and not os.get_blocking(fd) else None

    def send(self, data: bytes) -> None:
        """Write bytes as they are, and wait until the kernel has them; OSError."""
        self._sock.sendall(data)

    def keep_unsent_few(self) -> None:
        """Let a write wait while the kernel holds bytes that the reader isn't taking.

        So what a slow reader misses is not yet written, and can still be compacted.
        """
        if hasattr(socket, "TCP_NOTSENT_LOWAT") and self._sock.family in (
            socket.AF_INET,
            socket.AF_INET6,
        ):
            option = socket.TCP_NOTSENT_LOWAT
            self._sock.setsockopt(socket.IPPROTO_TCP, option, UNSENT)

    def expect_no_more(self) -> None:
        """Read no more: the server closes once the response is written.

        A read that waits for the rest of a request ends, as if the client had closed.
        """
        try:
            with self._twin() as twin:
                twin.shutdown(socket.SHUT_RD)
        except OSError:
            return  # the client was faster

    def break_off(self) -> None:
        """Break the connection, so that a write that waits ends with EPIPE.

        What the kernel still holds for the client is thrown away once the socket is
        closed, and the client is told by a reset.
        """
        try:
            with self._twin() as twin:
                twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                twin.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client was faster

    def _twin(self) -> socket.socket:
        """Return another handle of the socket, to shut down; OSError where it's closed.

        Shutting down the socket itself, gevent would end the wait with another error,
        and TLS would go on in plain text.
        """
        return socket.socket(fileno=os.dup(self._sock.fileno()))


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end; `connection` is None where no socket is at hand."""

    address: str = "local"
    connection: Connection | None = None
