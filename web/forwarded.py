"""What trusted proxies say of a request: its client, scheme and host (X-Forwarded-*).

Theory of operation: each proxy appends what it has seen. So the entry that counts is as
many from the right as there are trusted proxies, and a client may have invented what is
left of it. An entry that isn't an address, a scheme or a host isn't believed either:
then the request keeps what its connection says, which is the proxy's.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import request
from werkzeug.exceptions import BadRequest

from web.clients import parse_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SCHEMES = frozenset({"http", "https"})
# A name or an address, and perhaps a port; `_` is in the names of containers.
HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


def check_host() -> None:
    """Refuse a request whose Host has not the form of one (RFC 9112, section 3.2)."""
    host = request.environ.get("HTTP_HOST", "")
    if host and not HOST.fullmatch(host):
        raise BadRequest("The header Host is neither a name nor an address.")


class Forwarded:
    """An application behind so many trusted proxies."""

    def __init__(self, application: "WSGIApplication", hops: int) -> None:
        self._application = application
        self._hops = hops

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request after correcting what it says of itself."""
        if address := parse_address(self._entry(environ, "FOR")):
            environ["REMOTE_ADDR"] = str(address)
        if (scheme := self._entry(environ, "PROTO").lower()) in SCHEMES:
            environ["wsgi.url_scheme"] = scheme
        if HOST.fullmatch(host := self._entry(environ, "HOST")):
            environ["HTTP_HOST"] = host
        return self._application(environ, start_response)

    def _entry(self, environ: "WSGIEnvironment", name: str) -> str:
        """Return what the outermost trusted proxy says; "" if it says nothing."""
        entries = environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",")
        return entries[-self._hops].strip() if len(entries) >= self._hops else ""
