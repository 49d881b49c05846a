"""Requests with a password, for the examples that read another service."""

import base64
import re
import sys
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import Request


def read_request(text: str, accept: str = "*/*") -> Request:
    """Return a request for a URL, which may have a user and a password; or exit."""
    url = urlsplit(text if "://" in text else f"http://{text}")
    name = url.netloc.rpartition("@")[2]
    if not re.fullmatch(r"(\[[^]]+\]|[^:]+)(:[0-9]+)?", name):
        sys.exit("That isn't a URL. In a password, write / as %2F, ? as %3F, # as %23.")
    request = Request(url._replace(netloc=name).geturl(), headers={"Accept": accept})
    if url.username is not None:
        parts = (unquote_to_bytes(part or "") for part in (url.username, url.password))
        credentials = base64.b64encode(b":".join(parts)).decode()
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    return request
