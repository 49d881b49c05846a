"""One request to a model's server and its response, which another thread can stop.

The key goes to the host of ASK_URL only: a redirect is never followed. No message has a
part of the request or of the response, both of which are others' text.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from feed.answers.deltas import (
    CUT,
    NO_STREAM,
    BrokenAnswer,
    Delta,
    read_stream,
    read_whole,
)
from feed.askurl import Address

if TYPE_CHECKING:  # only a board with a model loads urllib3, which takes megabytes
    from urllib3.connection import HTTPConnection
    from urllib3.response import BaseHTTPResponse

PART = 16 << 10  # bytes that are read at once

UNKNOWN_NAME = "The name of the model's server is unknown."
REFUSED = "The model's server doesn't accept connections."
UNTRUSTED = "The certificate of the model's server isn't trusted."
NO_TLS = "The model's server doesn't speak TLS as it should."
UNREACHABLE = "The model's server can't be reached."
REDIRECTS = "The model's server points to another address, which isn't followed."
STATUS_FAULTS = {
    401: "The model's server doesn't accept the board's key.",
    403: "The model's server doesn't accept the board's key.",
    404: "The model's server doesn't know the model or its address.",
    429: "The model's server has too much to do at the moment.",
}


class ModelRequest:
    """A request: `connect`, then `deltas`, then `finish`; `close` stops it.

    `context` is for TLS. `connect_timeout` is in seconds, for each address of the
    server. Whatever fails raises BrokenAnswer, whose message is a sentence for people.
    """

    def __init__(
        self,
        address: Address,
        headers: dict[str, str],
        body: bytes,
        context: ssl.SSLContext | None,
        connect_timeout: float,
    ) -> None:
        self._target = address.target
        self._headers = headers
        self._body = body
        self._connection = _make_connection(address, context, connect_timeout)
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._response: BaseHTTPResponse | None = None
        self._closed = False

    def connect(self) -> None:
        """Connect to the server, with TLS if the address says so."""
        import urllib3.exceptions as faults

        try:
            self._connection.connect()
            self._keep_open()
        except faults.NameResolutionError as error:
            raise BrokenAnswer(UNKNOWN_NAME) from error
        except ssl.SSLCertVerificationError as error:
            raise BrokenAnswer(UNTRUSTED) from error
        except ssl.SSLError as error:
            raise BrokenAnswer(NO_TLS) from error
        except (OSError, faults.HTTPError) as error:
            refused = isinstance(error.__cause__, ConnectionRefusedError)
            raise BrokenAnswer(REFUSED if refused else UNREACHABLE) from error

    def deltas(self) -> Iterator[Delta]:
        """Send the request and yield the model's text, without a limit of time."""
        import urllib3.exceptions as faults

        try:
            response = self._response = self._request()
            _check_status(response.status)
            kind = response.headers.get("Content-Type", "").partition(";")[0].lower()
            if kind == "text/html":
                raise BrokenAnswer(NO_STREAM)
            read = read_whole if kind == "application/json" else read_stream
            yield from read(self._read_parts(response))
        except (OSError, ValueError, faults.HTTPError, http.client.HTTPException) as it:
            raise BrokenAnswer(CUT) from it

    def finish(self) -> None:
        """Close the connection, in the thread that used it."""
        self._connection.close()
        if self._response is not None:  # it has the socket if the server will close it
            self._response.close()

    def close(self) -> None:
        """Stop the request: wake the thread that connects, sends or reads."""
        with self._lock:
            self._closed = True
            sock = self._sock or self._connection.sock
        if sock is not None:
            # A thread that waits in `recv` isn't woken by `close`, but by `shutdown`.
            # That of an SSLSocket would also take its state from under that thread.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _keep_open(self) -> None:
        """Remove the socket's timeout; raise BrokenAnswer if `close` was called."""
        with self._lock:
            self._sock = self._connection.sock
            if self._closed or self._sock is None:
                raise BrokenAnswer(CUT)
            self._sock.settimeout(None)

    def _request(self) -> "BaseHTTPResponse":
        # A server may refuse a request before it has read the whole of it.
        with contextlib.suppress(BrokenPipeError):
            self._connection.request(
                "POST",
                self._target,
                body=self._body,
                headers=self._headers,
                preload_content=False,
            )
        return self._connection.getresponse()

    def _read_parts(self, response: "BaseHTTPResponse") -> Iterator[bytes]:
        """Yield bytes as they come; `read` and `stream` would wait for more of them.

        What has arrived before a stop can still be read after it: it is left unread.
        """
        while not self._closed and (part := response.read1(PART, decode_content=False)):
            yield part
            time.sleep(0)  # gevent switches only where a read waits: let others run


def _make_connection(
    address: Address, context: ssl.SSLContext | None, timeout: float
) -> "HTTPConnection":
    from urllib3.connection import HTTPConnection, HTTPSConnection

    if address.tls:
        return HTTPSConnection(
            address.host, address.port, timeout=timeout, ssl_context=context
        )
    return HTTPConnection(address.host, address.port, timeout=timeout)


def _check_status(status: int) -> None:
    """Raise BrokenAnswer for any status but 200 (RFC 9110, section 15)."""
    if status == 200:
        return
    if 300 <= status < 400:
        raise BrokenAnswer(REDIRECTS)
    if status in STATUS_FAULTS:
        raise BrokenAnswer(STATUS_FAULTS[status])
    fault = "failed" if status >= 500 else "refused the question"
    raise BrokenAnswer(f"The model's server {fault} (status {status}).")
