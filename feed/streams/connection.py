"""The socket beneath a stream, for operations that no server's response writer has."""

import fcntl
import os
import socket
import ssl
import struct
import sys
import termios
from typing import Protocol

import msgspec

NO_LINGER = struct.pack("ii", 1, 0)  # close at once, by a reset
UNSENT = 16 << 10  # bytes a socket may hold unsent: prices grow old in a buffer


class Socket(Protocol):
    """The methods that gevent's sockets and the standard library's have in common."""

    @property
    def family(self) -> int:
        """The address family."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None:
        """Set an option."""

    def fileno(self) -> int:
        """Return the file descriptor."""

    def sendall(self, data: bytes | memoryview, /) -> None:
        """Write all of `data`."""


class Connection:
    """The connection of one stream, and the version of its protocol ("HTTP/1.1")."""

    __slots__ = ("_protocol", "_sock")

    def __init__(self, sock: Socket, protocol: str) -> None:
        self._sock = sock
        self._protocol = protocol

    @property
    def chunked(self) -> bool:
        """Whether a write is a chunk of its own (RFC 9112, section 7.1)."""
        return self._protocol == "HTTP/1.1"

    def lend(self) -> int | None:
        """Return the file descriptor, so that the fan-out can write whole frames to it.

        None if the bytes of a frame are not those on the wire (TLS, HTTP/2), or if a
        write would block the fan-out, as on the socket of a threaded worker.
        """
        plain = self._protocol in ("HTTP/1.0", "HTTP/1.1")
        if not plain or isinstance(self._sock, ssl.SSLSocket):
            return None
        fd = self._sock.fileno()
        return fd if fd >= 0 and not os.get_blocking(fd) else None

    def send(self, data: bytes | memoryview) -> None:
        """Write bytes as they are, and wait until the kernel has them.

        OSError if the connection is broken.
        """
        self._sock.sendall(data)

    def limit_unsent(self) -> None:
        """Make writes wait while the kernel has more than a few bytes to send.

        By default the kernel takes megabytes, and a slow reader would get old events
        from there. Events that are not yet written can still be compacted.
        """
        if hasattr(socket, "TCP_NOTSENT_LOWAT") and self._sock.family in (
            socket.AF_INET,
            socket.AF_INET6,
        ):
            option = socket.TCP_NOTSENT_LOWAT
            self._sock.setsockopt(socket.IPPROTO_TCP, option, UNSENT)

    def unread_bytes(self) -> int | None:
        """Return how many bytes were written that the client hasn't acknowledged.

        None if the system can't tell.
        """
        try:
            answer = fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # ValueError if the socket is closed
            return None
        return int.from_bytes(answer, sys.byteorder)

    def stop_reading(self) -> None:
        """Read no more, so that the server closes once the response is written.

        A read that waits for the rest of a request ends, as if the client had closed.
        """
        try:
            with self._duplicate() as duplicate:
                duplicate.shutdown(socket.SHUT_RD)
        except OSError:
            return  # the client has already closed the connection

    def break_off(self) -> None:
        """Break the connection, so that a write that waits ends with EPIPE.

        Once the socket is closed, the kernel discards the bytes that it has not sent,
        and resets the connection. Otherwise it would keep them for minutes.
        """
        try:
            with self._duplicate() as duplicate:
                duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                duplicate.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client has already closed the connection

    def _duplicate(self) -> socket.socket:
        """Return another handle of the socket to shut down; OSError if it is closed.

        Shutting down the original would end a wait in gevent with a different error,
        and an SSLSocket would continue in plain text.
        """
        return socket.socket(fileno=os.dup(self._sock.fileno()))


class Peer(msgspec.Struct, frozen=True):
    """The client of a stream; `connection` is None if the server gives no socket."""

    address: str = "local"
    connection: Connection | None = None
