"""The socket beneath a stream: what a server's own response writer can't do with it."""

import socket
from typing import Protocol

UNSENT = 16 << 10  # bytes a socket may hold unsent; more would only be older prices


class Socket(Protocol):
    """What is used of a socket; gevent's and the standard library's have it alike."""

    @property
    def family(self) -> int:
        """The address family."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None:
        """Set an option."""

    def shutdown(self, how: int, /) -> None:
        """Close one direction or both."""


class Connection:
    """The connection that a stream is written to."""

    def __init__(self, sock: Socket) -> None:
        self._sock = sock

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
        """Take no further request: the server closes once the response is written."""
        self._shut(socket.SHUT_RD)

    def break_off(self) -> None:
        """Break the connection, so that a write that waits ends."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        try:
            self._sock.shutdown(how)
        except OSError:
            return  # the client was faster
