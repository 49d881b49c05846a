"""gunicorn's gevent worker, with a bound for everything that a client can delay.

gunicorn's own worker bounds only the time between two requests, and its response waits
for the client for as long as the kernel does: for ever, if the client reads nothing.
"""

import contextlib
import errno
import socket
import time
from collections.abc import Iterator
from typing import Any

import gevent  # type: ignore[import-untyped]  # gevent ships no types
from gunicorn.workers.ggevent import (  # type: ignore[import-untyped]  # no types
    GeventWorker,
)

from feed.streams.clients import ClientLimit, client_of
from feed.streams.connection import Connection
from feed.streams.totals import Totals
from serving.slots import Slot, SlotBounds, Slots, current_slot

WATCH = 0.1  # seconds between two looks at the bounds
SHORT = 0.005  # seconds; a client that reads has read something by then
# Heartbeats in which the kernel must get an acknowledgement, or the connection ends. At
# worst, a client vanishes just after a heartbeat. Then the next one is the first that
# nobody acknowledges, the connection ends 2.5 heartbeats later, and the stream notices
# that with the fourth heartbeat.
UNACKNOWLEDGED = 2.5
SHORTEST = 2.0  # seconds; a lost packet is sent again after one, and must not end it
LINGER = 2.0  # seconds that the rest of a body is read after a refusal
# The errors of a connection whose client has vanished.
VANISHED = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


class BoundedWorker(GeventWorker):  # type: ignore[misc]  # its base has no types
    """A gevent worker whose clients must read, ask and acknowledge in time."""

    slots: Slots
    totals: Totals

    def run(self) -> None:
        """Serve until gunicorn stops the worker."""
        feed = self.wsgi.extensions["feed"]
        settings = feed.settings
        self.slots = Slots(
            self.worker_connections,
            SlotBounds(),
            ClientLimit(
                settings.max_connections_per_client, settings.limits_private
            ).of,
            counts_requests=settings.trusted_proxies > 0,
        )
        self.totals = feed.streams.totals
        for listener in self.sockets:
            limit_unacknowledged(listener, settings.heartbeat)
        gevent.spawn(self._watch)
        super().run()

    def _watch(self) -> None:
        while True:
            gevent.sleep(WATCH)
            self.slots.enforce_bounds(time.monotonic(), leaving=not self.alive)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it closes; close it if its client has too many."""
        slot = self.slots.take(Connection(client, ""))
        current_slot.set(slot)
        try:
            if self._counts(slot, addr):
                super().handle(listener, client, addr)
            else:
                self.totals.refused_connections += 1
        finally:
            slot.free()

    def _counts(self, slot: Slot, addr: Any) -> bool:
        """Count a connection for its client; False if the client has too many.

        The address of a Unix socket isn't a pair, and has no client.
        """
        if self.slots.counts_requests or not isinstance(addr, tuple):
            return True
        return self.slots.count(slot, client_of(addr[0]), time.monotonic())

    @contextlib.contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Wait for the next request; gunicorn closes the connection if none comes."""
        slot = current_slot.get()
        bounds = self.slots.bounds
        seconds = self.cfg.keepalive if slot.has_served else bounds.first_request
        slot.await_request(time.monotonic())
        try:
            with gevent.Timeout(seconds, False):
                yield
        except OSError as error:
            _raise_reset_if_vanished(error)
            raise

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer a request."""
        slot = current_slot.get()
        if slot.begin_request(req, time.monotonic()):
            _give_turn_to_others(slot)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except OSError as error:
            _raise_reset_if_vanished(error)
            raise
        except StopIteration:  # the connection closes
            if slot.lingers:
                _linger(sock)
            raise
        finally:
            slot.end_request()


def _give_turn_to_others(slot: Slot) -> None:
    """Let other connections be served before a pipelined request."""
    pause = 0.0
    gevent.sleep(pause)
    while slot.must_wait_for_reader():
        pause = min(pause + SHORT, WATCH)
        gevent.sleep(pause)


def limit_unacknowledged(listener: Any, heartbeat: float) -> None:
    """End the connections that a listener accepts if their clients vanish.

    Without this option, the kernel repeats what nobody acknowledges for 15 minutes. The
    accepted sockets inherit it. It exists on Linux only.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT") and listener.family in (
        socket.AF_INET,
        socket.AF_INET6,
    ):
        seconds = max(UNACKNOWLEDGED * heartbeat, SHORTEST)
        option = socket.TCP_USER_TIMEOUT
        listener.setsockopt(socket.IPPROTO_TCP, option, round(seconds * 1000))


def _linger(sock: Any) -> None:
    """Read what the client still sends, so that it gets the response (RFC 9112, 9.6).

    If a socket is closed with bytes unread, the kernel resets the connection, and the
    client may lose what it has not read yet.
    """
    with gevent.Timeout(LINGER, False):
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass


def _raise_reset_if_vanished(error: OSError) -> None:
    """Raise the error of a reset if the client has vanished.

    gunicorn logs an error with a traceback, but not that of a reset.
    """
    if error.errno in VANISHED:
        raise ConnectionResetError(errno.ECONNRESET, "the client vanished") from error
