"""Requests to a board that runs elsewhere: its address, its answers, and retries.

Theory of operation: the commands must survive a board that restarts. So there are three
kinds of answers. The request succeeds. Or it is rejected and would be rejected again,
so the command ends. Or the board is busy or unreachable, so the command waits and
retries.
"""

import base64
import contextlib
import http.client
import secrets
import ssl
import sys
import time
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import msgspec
from tqdm import tqdm

from feed.backoff import Backoff
from feed.streams.text import printable

FIRST_WAIT = 1.0  # seconds before the first retry
LONGEST_WAIT = 30.0  # seconds; each wait is twice the one before, up to this
MOST_RETRY_AFTER = 3600.0  # seconds that a board may ask for
BUSY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})  # after which to retry
READ_BYTES = 1 << 16  # bytes to read at once
ANSWER_TIMEOUT = 60.0  # seconds that the board may take to answer
GIVE_UP_AFTER = 600.0  # seconds of retrying one batch

# The characters that a path and a query may have; others are percent-encoded.
URL_CHARACTERS = "/?%:@!$&'()*+,;=~"

# The errors of a connection that breaks, whether before or during an answer.
CONNECTION_ERRORS = (OSError, http.client.HTTPException)


class Misuse(ValueError):
    """An argument of a command is invalid; the message says what is valid."""


class Rejected(Exception):
    """The board rejects a request, and would do so again.

    `place` names the rejected part of the request, if the answer does. `status` is None
    if no request was sent, because the board's certificate is not trusted.
    """

    def __init__(self, status: int | None, detail: str, place: str = "") -> None:
        super().__init__(f"{detail} (HTTP status {status})" if status else detail)
        self.status = status
        self.detail = detail
        self.place = place


class Busy(Exception):
    """The board can't answer now; it may say why, and when to retry (in seconds)."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        detail = _read_problem(answer).detail.rstrip(".")
        status = f"{answer.status} {answer.reason}"
        super().__init__(f"{status}: {detail}" if detail else status)
        seconds = answer.headers.get("Retry-After", "")
        self.retry_after = (
            min(float(seconds), MOST_RETRY_AFTER) if seconds.isdecimal() else None
        )


class GivenUp(Exception):
    """The board did not accept a batch for too long; the message says why."""


class ProblemFields(msgspec.Struct):
    """The members that the commands use of an error's body (RFC 9457)."""

    title: str = ""
    detail: str = ""
    place: str = ""


def parse_address(text: str) -> SplitResult:
    """Return the parts of a URL, which may omit the scheme; Misuse if it is invalid.

    Without a scheme, it is http for a host on this machine, and https for any other.
    Path and query are percent-encoded where they have to be. The URL may contain a user
    and a password, so it must not be printed: `board_name` returns what can be.
    """
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        if "://" not in text and is_loopback(url):
            url = url._replace(scheme="http")
        fine = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        fine = False
    if not fine or not text.isprintable() or " " in text:
        raise _misuse_of_address(text)
    return url._replace(
        path=quote(url.path, URL_CHARACTERS), query=quote(url.query, URL_CHARACTERS)
    )


def _misuse_of_address(text: str) -> Misuse:
    """Return the error for an invalid address, without a password that it contains."""
    _, at, shown = text.rpartition("@")
    remedy = "; in a user name or password, write / as %2F, ? as %3F, # as %23"
    return Misuse(
        f"{shown!r} is no address like http://127.0.0.1:8000{remedy if at else ''}"
    )


def is_loopback(url: SplitResult) -> bool:
    """Whether the host of a URL is this machine, so that no network is crossed."""
    host = url.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_secrecy(url: SplitResult, secret: str, insecure: bool) -> None:
    """Raise Misuse if a token or password would cross a network unencrypted.

    `insecure` says that the user allows it.
    """
    if url.scheme == "https" or is_loopback(url) or insecure:
        return
    raise Misuse(
        f"the {secret} would travel to {board_name(url)} unencrypted: use https://, "
        "or --insecure if you trust the network on the way"
    )


def board_name(url: SplitResult) -> str:
    """Return the host and port of a URL, for messages: without user and password."""
    return url.netloc.rpartition("@")[2]


def basic_authorization(url: SplitResult) -> str:
    """Return the header for the user and password of a URL, "" if it has none.

    This is the Basic scheme in UTF-8 (RFC 7617).
    """
    if url.username is None:
        return ""
    parts = (unquote_to_bytes(part or "") for part in (url.username, url.password))
    return f"Basic {base64.b64encode(b':'.join(parts)).decode()}"


def connect(url: SplitResult, timeout: float) -> http.client.HTTPConnection:
    """Return a connection to a board, which the first request opens.

    Each request carries the user and password of the URL. The first one raises Rejected
    if the board's certificate is not trusted.
    """
    kind = _VerifiedConnection if url.scheme == "https" else _Connection
    connection = kind(url.hostname or "", url.port, timeout=timeout)
    connection.authorization = basic_authorization(url)
    return connection


class _Connection(http.client.HTTPConnection):
    """A connection that authorizes each request, unless `authorization` is empty."""

    authorization = ""

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,
        skip_accept_encoding: bool = False,
    ) -> None:
        super().putrequest(method, url, skip_host, skip_accept_encoding)
        if self.authorization:
            self.putheader("Authorization", self.authorization)


class _VerifiedConnection(_Connection, http.client.HTTPSConnection):
    """A TLS connection that says how to trust an authority of one's own."""

    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise Rejected(
                None,
                f"the certificate is not trusted: {error.verify_message}. If it is of "
                "an authority of your own, name that one's file in SSL_CERT_FILE",
            ) from error


def read_rejection(answer: http.client.HTTPResponse) -> Rejected:
    """Return the error that an answer describes; a redirect is not followed."""
    if answer.status in (301, 302, 303, 307, 308):
        location = answer.headers.get("Location", "another address")
        return Rejected(answer.status, f"the board is at {location}: use that URL")
    problem = _read_problem(answer)
    detail = problem.detail or problem.title or answer.reason
    return Rejected(answer.status, detail, problem.place)


def _read_problem(answer: http.client.HTTPResponse) -> ProblemFields:
    """Return what an answer says about an error; empty fields if it says nothing."""
    try:
        return msgspec.json.decode(answer.read(READ_BYTES), type=ProblemFields)
    except (msgspec.MsgspecError, UnicodeDecodeError, *CONNECTION_ERRORS):
        return ProblemFields()


def count_in_words(number: int, noun: str) -> str:
    """Return a number with its noun: "1 event", "2 events"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_note(text: str) -> None:
    """Print a line on standard error, without damaging the progress bar.

    It can't act on the terminal, whatever a board or a file has put into it.
    """
    tqdm.write(printable(text), file=sys.stderr)


class BatchPublisher:
    """Publishes batches to one board, and retries each until the board has answered.

    A connection that breaks does not tell whether a batch was published. So a batch
    keeps its idempotency key while it is retried, and is published once.
    """

    def __init__(self, url: SplitResult, token: str) -> None:
        self._path = url.path.rstrip("/") + "/api/publish"
        self._name = board_name(url)
        self._connection = connect(url, ANSWER_TIMEOUT)
        # The board may have closed a connection that is open since an earlier request.
        self._is_reused = False
        self._headers = {"Content-Type": "application/x-ndjson"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def publish(self, body: bytes) -> None:
        """Publish NDJSON once. Raise Rejected or GivenUp if that is impossible."""
        headers = self._headers | {"Idempotency-Key": secrets.token_hex(16)}
        backoff = Backoff(FIRST_WAIT, LONGEST_WAIT)
        deadline = time.monotonic() + GIVE_UP_AFTER
        while True:
            try:
                self._send(body, headers)
                return
            except Busy as error:
                reason, retry_after = str(error), error.retry_after
            except CONNECTION_ERRORS as error:
                reason, retry_after = str(error) or type(error).__name__, None
            was_reused, self._is_reused = self._is_reused, False
            self._connection.close()
            if was_reused:
                continue  # boards close idle connections: no reason to wait
            if time.monotonic() > deadline:
                raise GivenUp(f"given up after {GIVE_UP_AFTER:.0f} s: {reason}")
            wait = backoff.next() if retry_after is None else retry_after
            print_note(f"{self._name}: {reason}; again in {wait:.1f} s")
            time.sleep(wait)

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        # If sending fails, the board may already have answered: it rejects a wrong
        # token before it has read the body. So the answer is read in any case.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        if answer.status in BUSY_STATUSES:
            raise Busy(answer)
        if answer.status != 201:
            error = read_rejection(answer)
            self._connection.close()
            raise error
        answer.read()
        self._is_reused = True
