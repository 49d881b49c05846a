"""A connection between a process and its Redis that can fail, be moved, or be TLS."""

import contextlib
import socket
import ssl
import threading
from typing import Self

import trustme

from tests.helpers.harness import LOOPBACK


class RedisWire:
    """A relay of bytes to the port `target`, which may change; a context manager.

    With an `authority`, clients must speak TLS; the relay has a certificate of that
    authority for localhost.
    """

    def __init__(self, target: int, authority: trustme.CA | None = None) -> None:
        self.target = target
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._context: ssl.SSLContext | None = None
        if authority:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(self._context)
        self._whole = True
        self._passes = threading.Event()
        self._passes.set()
        self._open: list[socket.socket] = []

    @property
    def url(self) -> str:
        """The relay's address in the form of `REDIS_URL`, without TLS."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        self._whole = False
        self._passes.set()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """Let bytes through again, those that were blocked on the way included."""
        self._whole = True
        self._passes.set()

    def block(self) -> None:
        """Let no bytes through and close nothing, like a lost route."""
        self._passes.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(
                    target=self._serve, args=[connection], daemon=True
                ).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if not self._whole:
                return
            self._passes.wait()
            server = socket.create_connection((LOOPBACK, self.target))
            stack.enter_context(server)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                stack.enter_context(connection)
            self._open += connection, server
            if not self._whole:  # cut() was called while this one was being made
                return
            back = threading.Thread(target=self._carry, args=(server, connection))
            back.daemon = True
            back.start()
            self._carry(connection, server)
            back.join()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._passes.wait()
                target.sendall(data)
        self._passes.wait()
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
