"""A board somewhere else, as the commands ask it: addresses, answers, waits."""

import contextlib
import http.client
import random
import secrets
import ssl
import sys
import time
from urllib.parse import SplitResult, urlsplit

import msgspec
from tqdm import tqdm

FIRST_WAIT = 1.0  # seconds, before the first try anew
LONGEST_WAIT = 30.0  # seconds; each wait is twice the one before, up to this
BUSY = frozenset({408, 429, 500, 502, 503, 504})  # statuses after which to try again

# What breaks a connection, or an answer in its midst.
BROKEN = (OSError, http.client.HTTPException)


class Misuse(ValueError):
    """What a command was given can't be used; the message says what can."""


class Refused(Exception):
    """The answer is no, and would be again; `place` is of what, where it says so.

    `status` is None where nothing was asked, since who would answer isn't trusted.
    """

    def __init__(self, status: int | None, detail: str, place: str = "") -> None:
        super().__init__(f"{detail} (HTTP status {status})" if status else detail)
        self.status = status
        self.detail = detail
        self.place = place


class Busy(Exception):
    """The board can't answer now; `retry` is in how many seconds to ask, if it said."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        super().__init__(f"{answer.status} {answer.reason}")
        told = answer.headers.get("Retry-After", "")
        self.retry = min(float(told), 3600.0) if told.isdecimal() else None


class Waits:
    """How long to wait before each try anew: ever longer, and at random.

    So a board that comes back isn't asked by all its clients in the same moment.
    """

    def __init__(self) -> None:
        self._next = FIRST_WAIT

    def next(self) -> float:
        """Return the seconds to wait now: half to all of the present span."""
        wait = self._next
        self._next = min(wait * 2, LONGEST_WAIT)
        return wait * random.uniform(0.5, 1)

    def reset(self) -> None:
        """Begin with the shortest again: something went well."""
        self._next = FIRST_WAIT


class Problem(msgspec.Struct):
    """What counts of an error's body (RFC 9457)."""

    title: str = ""
    detail: str = ""
    place: str = ""


def address(text: str) -> SplitResult:
    """Return the parts of a URL; `http://` may be left out. Misuse if wrong."""
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        fine = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        fine = False
    if not fine or any(c <= " " for c in text):
        raise Misuse(f"{text!r} is no address like http://127.0.0.1:8000")
    return url


def connect(url: SplitResult, timeout: float) -> http.client.HTTPConnection:
    """Return a connection to a board, which the first request opens.

    Refused then, where the board can't show by its certificate that it is the one.
    """
    host, port = url.hostname or "", url.port
    if url.scheme == "https":
        return _Trusting(host, port, timeout=timeout)
    return http.client.HTTPConnection(host, port, timeout=timeout)


class _Trusting(http.client.HTTPSConnection):
    """A connection to whom an authority vouches for."""

    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise Refused(
                None,
                f"the certificate is not trusted: {error.verify_message}. Of an "
                "authority of your own, name its file in SSL_CERT_FILE",
            ) from error


def refused(answer: http.client.HTTPResponse) -> Refused:
    """Return what an answer says that is neither a success nor worth a second try."""
    if answer.status in (301, 302, 303, 307, 308):
        where = answer.headers.get("Location", "elsewhere")
        return Refused(answer.status, f"the board is at {where}: ask there")
    try:
        it = msgspec.json.decode(answer.read(1 << 16), type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, *BROKEN):
        it = Problem()
    detail = it.detail or it.title or answer.reason
    return Refused(answer.status, detail, it.place)


def counted(number: int, what: str) -> str:
    """Return a number of something in words: "1 event", "2 events"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


ANSWER = 60.0  # seconds that the board may take
PATIENCE = 600.0  # seconds of trying, until a batch is given up


class GivenUp(Exception):
    """The board did not take a batch in all that time; the message says why."""


class Board:
    """The board that is published to; it is asked until it has answered."""

    def __init__(self, url: SplitResult, token: str) -> None:
        self._path = url.path.rstrip("/") + "/api/publish"
        self._name = url.netloc.rpartition("@")[2]
        self._connection = connect(url, ANSWER)
        self._kept = False  # open since an earlier request, and maybe closed meanwhile
        self._headers = {"Content-Type": "application/x-ndjson"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def publish(self, body: bytes) -> None:
        """Publish NDJSON once; Refused or GivenUp where it can't be."""
        headers = self._headers | {"Idempotency-Key": secrets.token_hex(16)}
        waits, deadline = Waits(), time.monotonic() + PATIENCE
        while True:
            try:
                self._ask(body, headers)
                return
            except Busy as error:
                why, told = str(error), error.retry
            except BROKEN as error:
                why, told = str(error) or type(error).__name__, None
            was_kept, self._kept = self._kept, False
            self._connection.close()
            if was_kept:
                continue  # the board lets go of what isn't used: no reason to wait
            if time.monotonic() > deadline:
                raise GivenUp(f"given up after {PATIENCE:.0f} s: {why}")
            wait = waits.next() if told is None else told
            say(f"{self._name}: {why}; again in {wait:.1f} s")
            time.sleep(wait)

    def _ask(self, body: bytes, headers: dict[str, str]) -> None:
        # Where it breaks, the board may have answered before it had all: a wrong token.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        if answer.status in BUSY:
            raise Busy(answer)
        if answer.status != 201:
            error = refused(answer)
            self._connection.close()
            raise error
        answer.read()
        self._kept = True


def say(what: str) -> None:
    """Tell the user, beside the progress bar."""
    tqdm.write(what, file=sys.stderr)
