"""The faults of a source's server, each with what the board says about it.

The sentences are the board's own. They never repeat text of the server.
"""

import socket
import ssl
from typing import Literal

import urllib3.exceptions
import websocket

NOT_UNDERSTOOD = "Its answer can't be understood."
NO_PROTOCOL = "It doesn't speak the protocol."
MOST_RETRY_AFTER = 3600.0  # seconds that a server may ask for

Trouble = Literal["late", "mute", "away", "refused"]


class Fault(Exception):
    """A source can't be read now. `retry_after` is in seconds, if the server says so.

    `status` and `detail` are those of the `source` event. `unknown` says that the
    server doesn't know what it was asked for.
    """

    def __init__(
        self,
        status: Trouble,
        detail: str,
        retry_after: float | None = None,
        *,
        unknown: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.unknown = unknown


def fault_of(error: Exception) -> Fault:
    """Return the fault for an error of a connection or a request."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, websocket.WebSocketBadStatusException):
        headers = error.resp_headers or {}
        return fault_of_status(error.status_code, headers.get("retry-after"))
    for cause in _causes(error):
        for kinds, status, detail in KNOWN_ERRORS:
            if isinstance(cause, kinds):
                return Fault(status, detail)
    return Fault("away", "It can't be reached.")


def fault_of_status(status: int, retry_after: str | None) -> Fault:
    """Return the fault for the HTTP status of an answer (RFC 9110, section 15)."""
    seconds = None
    if retry_after is not None and retry_after.strip().isdecimal():
        seconds = min(float(retry_after), MOST_RETRY_AFTER)
    if status < 300:
        return Fault("refused", NO_PROTOCOL)
    if status == 429:
        return Fault("refused", "It asks for fewer requests (status 429).", seconds)
    if 300 <= status < 400:
        detail = f"It points to another address (status {status})."
        return Fault("refused", detail, seconds)
    if status >= 500:
        return Fault("away", f"It can't answer now (status {status}).", seconds)
    detail = f"It refuses the request (status {status})."
    return Fault("refused", detail, seconds, unknown=status in (400, 404))


Kinds = type[BaseException] | tuple[type[BaseException], ...]
KNOWN_ERRORS: tuple[tuple[Kinds, Trouble, str], ...] = (
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        *("away", "Its name can't be found."),
    ),
    (ssl.SSLCertVerificationError, "refused", "Its certificate isn't trusted."),
    (ssl.SSLError, "away", "It doesn't speak TLS as it should."),
    (ConnectionRefusedError, "away", "It doesn't accept connections."),
    (
        (TimeoutError, websocket.WebSocketTimeoutException),
        *("mute", "It doesn't answer in time."),
    ),
    (
        (websocket.WebSocketConnectionClosedException, ConnectionError),
        *("away", "It closed the connection."),
    ),
    (
        (websocket.WebSocketException, UnicodeDecodeError, ValueError),
        *("refused", NO_PROTOCOL),
    ),
    (
        urllib3.exceptions.ProtocolError,
        *("away", "It broke off its answer."),
    ),
)
"""The errors of the libraries: the first row that fits an error or a cause of it."""


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return the errors behind an error, the innermost first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found[::-1]
