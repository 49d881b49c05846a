"""A connection to a source's server, which another thread can cut at any time.

Strategy: a timeout of a socket begins anew with each byte, so a server that sends a
byte now and then would never run into one. So no deadline depends on it: a thread reads
and may wait, and the step of the board, which never waits, cuts the connection. It has
a second handle of the socket for that, because TLS takes the first one over.
"""

import contextlib
import socket
import ssl
import threading
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import urllib3
import websocket

from feed.sources.live.faults import Fault, fault_of, fault_of_status

CONNECT_TIME = 10.0  # seconds for each step: the name, the connection, the handshake
MOST_RECEIVED = 8 << 20  # of one answer or frame

# Errors of sockets, of TLS and of the two libraries.
LINE_ERRORS = (
    OSError,
    ValueError,
    HTTPException,
    urllib3.exceptions.HTTPError,
    websocket.WebSocketException,
)


@cache  # reading the system's certificates takes long, which would delay the streams
def trusted() -> ssl.SSLContext:
    """Return the context that trusts the system's authorities."""
    return ssl.create_default_context()


class SourceLine:
    """The socket of one source at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._closed = False

    def hold(self, sock: socket.socket) -> None:
        """Remember a socket, instead of the one before; Fault after `close`."""
        with self._lock:
            self._release()
            if self._closed:
                raise Fault("away", "The board is closing.")
            self._handle = sock.dup()

    def cut(self) -> None:
        """Wake the thread that waits at the socket: its connection is over."""
        with self._lock:
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)
            self._release()

    def close(self) -> None:
        """Cut the connection, and refuse further ones."""
        with self._lock:
            self._closed = True
        self.cut()

    def _release(self) -> None:
        if self._handle is not None:
            self._handle.close()
        self._handle = None


class Frames:
    """A WebSocket, whose messages have a limited size."""

    def __init__(self, timeout: float) -> None:
        """Make it; `timeout` is in seconds without a byte."""
        self._timeout = timeout
        self._received = 0
        self._socket: Any = websocket.WebSocket()
        self._socket.settimeout(timeout)
        self._receive = self._socket.frame_buffer.recv
        self._socket.frame_buffer.recv = self._receive_limited

    def connect(self, url: str, line: SourceLine, agent: str) -> None:
        """Connect to a URL on a line; Fault if the server doesn't accept it.

        `agent` is the `User-Agent`.
        """
        try:
            sock = _connect(url, line, self._timeout)
        except LINE_ERRORS as error:
            raise fault_of(error) from error
        try:
            self._socket.connect(
                url,
                socket=sock,
                header=[f"User-Agent: {agent}"],
                suppress_origin=True,
                redirect_limit=0,
            )
        except LINE_ERRORS as error:
            sock.close()
            raise fault_of(error) from error

    def send(self, text: str) -> None:
        """Send a message."""
        self._socket.send(text)

    def next_message(self) -> bytes | None:
        """Wait for a message and return it; None if the server closes."""
        self._received = 0
        opcode, data = self._socket.recv_data()
        return None if opcode == websocket.ABNF.OPCODE_CLOSE else bytes(data)

    def close(self) -> None:
        """Close the connection at once."""
        self._socket.shutdown()

    def _receive_limited(self, count: int) -> bytes:
        received: bytes = self._receive(count)
        self._received += len(received)
        if self._received > MOST_RECEIVED:
            raise websocket.WebSocketPayloadException("a message is too long")
        return received


def _connect(url: str, line: SourceLine, timeout: float) -> socket.socket:
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    address = parts.hostname or "", parts.port or (443 if secure else 80)
    sock = socket.create_connection(address, CONNECT_TIME)
    try:
        line.hold(sock)
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            return trusted().wrap_socket(sock, server_hostname=address[0])
    except BaseException:
        sock.close()
        raise
    return sock


class Pool:
    """Requests to one server over kept connections, whose sockets a line can cut."""

    def __init__(self, base: str, line: SourceLine, agent: str) -> None:
        self._base = base
        headers = {"User-Agent": agent, "Accept": "application/json"}
        options: dict[str, Any] = {
            "headers": headers,
            "maxsize": 1,
            "retries": False,
            "timeout": urllib3.Timeout(connect=CONNECT_TIME, read=CONNECT_TIME),
        }
        if base.startswith("https:"):
            options["ssl_context"] = trusted()
        self._pool = urllib3.connection_from_url(base, **options)
        self._pool.ConnectionCls = _held_by(line, self._pool.ConnectionCls)

    def get(self, target: str) -> bytes:
        """Return the body at a path, which begins with a slash; Fault if it isn't 200.

        The path of the pool's URL stands before it.
        """
        path = urlsplit(self._base).path.rstrip("/") + target
        try:
            response = self._pool.request(
                "GET", path, preload_content=False, redirect=False
            )
            with contextlib.closing(response):
                if response.status != 200:
                    after = response.headers.get("Retry-After")
                    raise fault_of_status(response.status, after)
                body: bytes = response.read(MOST_RECEIVED)
                return body
        except LINE_ERRORS as error:
            raise fault_of(error) from error

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.close()


def _held_by(line: SourceLine, kind: Any) -> Any:
    """Return a class of connections whose sockets a line holds."""

    class Held(kind):  # type: ignore[misc]  # `kind` is urllib3's class for HTTP or for HTTPS
        def _new_conn(self) -> socket.socket:
            sock: socket.socket = super()._new_conn()
            try:
                line.hold(sock)
            except Fault:
                sock.close()
                raise
            return sock

    return Held
