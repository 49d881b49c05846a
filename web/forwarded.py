"""A request's client, scheme and host as trusted proxies give them (X-Forwarded-*).

Theory of operation: each proxy appends one entry. With n trusted proxies, the nth entry
from the right counts; a client may have invented those to the left of it. If the entry
isn't a valid address, scheme or host, the value of the connection stays, which is that
of the proxy.
"""

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import request
from werkzeug.exceptions import BadRequest, TooManyRequests

from feed.streams.clients import client_of, parse_address
from serving.slots import current_slot
from web import the_feed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STREAM_PATHS = ("/stream", "/ask")  # of everything that may be a stream
RETRY_AFTER = 2  # seconds
SCHEMES = frozenset({"http", "https"})
# A name or an address, and perhaps a port; `_` is in the names of containers.
HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


def check_host() -> None:
    """Refuse a request with a malformed Host (RFC 9112, section 3.2)."""
    host = request.environ.get("HTTP_HOST", "")
    if host and not HOST.fullmatch(host):
        raise BadRequest("The header Host is neither a name nor an address.")


def check_client() -> None:
    """Refuse an ordinary request of a client that has too many at once (429).

    A stream gets a `bye` instead (`feed/streams/admission.py`), because an EventSource
    gives up for good on any status but 200.
    """
    slot = current_slot.get(None)
    is_page = "text/html" in request.headers.get("Accept", "")
    if slot is None or (request.path.startswith(STREAM_PATHS) and not is_page):
        return
    if not slot.count_request(client_of(request.remote_addr), time.monotonic()):
        the_feed().streams.totals.refused_connections += 1
        raise TooManyRequests(
            "This address has too many requests at once: read the responses of some.",
            retry_after=RETRY_AFTER,
        )


class Forwarded:
    """An application behind a number of trusted proxies."""

    def __init__(self, application: "WSGIApplication", hops: int) -> None:
        self._application = application
        self._hops = hops

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request after correcting its client, scheme and host."""
        if address := parse_address(self._entry(environ, "FOR")):
            environ["REMOTE_ADDR"] = str(address)
        if (scheme := self._entry(environ, "PROTO").lower()) in SCHEMES:
            environ["wsgi.url_scheme"] = scheme
        if HOST.fullmatch(host := self._entry(environ, "HOST")):
            environ["HTTP_HOST"] = host
        return self._application(environ, start_response)

    def _entry(self, environ: "WSGIEnvironment", name: str) -> str:
        """Return the entry of the outermost trusted proxy; "" if there is none."""
        entries = environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",")
        return entries[-self._hops].strip() if len(entries) >= self._hops else ""
