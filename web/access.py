"""Access to reading and publishing: one check of the token before every request.

Theory of operation: the check comes before the routes, so a route can't forget it, and
an unknown URL reveals nothing. A token is compared with every valid token, each in
constant time, so the time of a response reveals nothing about them.

Reading takes a token as a bearer token (RFC 6750), or as the password of HTTP Basic
(RFC 7617), for which browsers ask by themselves. Publishing takes only bearer tokens,
because a browser also sends the password of Basic with a form of another site.
"""

import base64
import hmac
import logging
import threading
import time
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from feed.feed import Feed
from feed.settings import Settings
from feed.streams.clients import client_of
from feed.streams.totals import Totals
from web.guesses import Guesses

HEALTH = frozenset({"ops.healthz", "ops.readyz"})  # endpoints that are always public
METRICS = "ops.metrics"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOG_INTERVAL = 60.0  # seconds from one log line about wrong tokens to the next
# A literal, because Werkzeug omits the quotes that RFC 7617 requires.
BASIC = 'Basic realm="Liveboard", charset="UTF-8"'
BEARER = WWWAuthenticate("bearer")

logger = logging.getLogger("liveboard.access")


class Credentials(NamedTuple):
    """The token of a request, and the scheme of `Authorization` in lower case."""

    scheme: str
    token: str


class NeedsToken(Unauthorized):
    """401 for reading, which makes a browser ask for the token."""

    description = (
        "This needs a token: send `Authorization: Bearer <token>`, or the token as the "
        "password of HTTP Basic, with any name."
    )

    def get_headers(self, *args: Any, **options: Any) -> list[tuple[str, str]]:
        """Return the headers of the response."""
        challenge = "WWW-Authenticate", BASIC
        return [*super().get_headers(*args, **options), challenge]


def register(app: Flask, feed: Feed) -> None:
    """Check the token of every request to this application."""
    access = Access(feed.settings, feed.streams.totals)
    app.extensions["access"] = access
    app.before_request(access.check_reading)


def authorize_publishing() -> None:
    """Check the token of a request that publishes; HTTPException if it may not."""
    access: Access = current_app.extensions["access"]
    access.check_publishing()


class Access:
    """The tokens of a board, and the wrong ones that clients have tried."""

    def __init__(self, settings: Settings, totals: Totals) -> None:
        self._settings = settings
        self._readers = (*settings.view_tokens, *settings.publish_tokens)
        self._totals = totals
        self.clock = time.monotonic
        self._guesses = Guesses()
        self._unlogged = Unlogged()

    def check_reading(self) -> Response | None:
        """Let the request pass, or answer it; HTTPException if its token is wrong."""
        accepted = self._accepted()
        if accepted is None or request.endpoint in HEALTH:
            return None
        if self._is_preflight():
            return Response(status=204)
        given = read_credentials()
        if given is None:
            raise NeedsToken
        self._compare(given.token, accepted, NeedsToken())
        if given.scheme == "basic" and _is_from_another_site():
            raise Forbidden("A page of another site may not act with your password.")
        return None

    def check_publishing(self) -> None:
        """Let the request publish; 401 if its token is wrong, 403 if publishing is off.

        A request with a token that was wrong too often gets 429.
        """
        accepted = self._settings.publish_tokens
        if not accepted:
            raise Forbidden("Publishing is off: set PUBLISH_TOKEN to switch it on.")
        refusal = Unauthorized(
            "The header `Authorization: Bearer <PUBLISH_TOKEN>` is missing or wrong.",
            www_authenticate=BEARER,
        )
        given = read_credentials()
        if given is None or given.scheme != "bearer":
            raise refusal
        self._compare(given.token, accepted, refusal)

    def _accepted(self) -> tuple[str, ...] | None:
        """Return the tokens that open the URL of the request; None if it is public.

        If only METRICS_TOKEN is set, the figures need a token, and nothing else.
        """
        settings = self._settings
        if request.endpoint == METRICS and settings.metrics_tokens:
            return (*self._readers, *settings.metrics_tokens)
        return self._readers if settings.view_tokens else None

    def _is_preflight(self) -> bool:
        """Whether this is a CORS preflight, by which a browser asks for permission.

        It never has a token (Fetch standard, CORS-preflight fetch). Every URL has the
        same answer, whether it exists or not.
        """
        headers = request.headers
        return (
            request.method == "OPTIONS"
            and "Access-Control-Request-Method" in headers
            and bool({"*", headers.get("Origin")} & {*self._settings.allowed_origins})
        )

    def _compare(
        self, token: str, accepted: tuple[str, ...], refusal: Unauthorized
    ) -> None:
        """Raise `refusal` if the token isn't accepted, 429 if too many were wrong."""
        client, now = client_of(request.remote_addr), self.clock()
        wait = self._guesses.wait(client, token, now)
        if not wait:
            if is_one_of(token, accepted):
                self._guesses.add_right(client, token)
                return
            wait = self._guesses.add_wrong(client, token, now)
        self._totals.refused_requests["guesses" if wait else "token"] += 1
        self._unlogged.add(client, now)
        if wait:
            raise TooManyRequests(
                f"Too many wrong tokens from this address; try again in {wait} s.",
                retry_after=wait,
            )
        raise refusal


class Unlogged:
    """Counts the requests with a wrong token, and logs them at most once a minute."""

    def __init__(self) -> None:
        self._count = 0
        self._next = 0.0
        self._lock = threading.Lock()

    def add(self, client: str, now: float) -> None:
        """Count a request, and log how many there were since the last line."""
        with self._lock:
            self._count += 1
            if now < self._next:
                return
            count, self._count = self._count, 0
            self._next = now + LOG_INTERVAL
        logger.warning(
            "refused for a wrong token since the last such line: %d; the last one is "
            "from %s",
            count,
            client,
        )


def read_credentials() -> Credentials | None:
    """Return the token of the request; None if it has none that can be read."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    scheme, token = scheme.lower(), given.strip()
    if scheme == "basic":
        token = _read_password(token)
    known = scheme in ("basic", "bearer")
    return Credentials(scheme, token) if known and token else None


def is_one_of(token: str, accepted: tuple[str, ...]) -> bool:
    """Whether the token is accepted; it is compared with each, in constant time."""
    matches = [hmac.compare_digest(token.encode(), it.encode()) for it in accepted]
    return any(matches)


def _read_password(text: str) -> str:
    """Return the password of HTTP Basic, "" if there is none (RFC 7617, section 2)."""
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""
    return pair.partition(":")[2]


def _is_from_another_site() -> bool:
    """Whether a page of another site makes the browser change something here.

    Browsers say so by Sec-Fetch-Site (Fetch metadata). Other clients don't act for a
    page.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    return request.method not in SAFE and site not in ("same-origin", "none")
