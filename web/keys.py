"""Keys in URLs: every key that can be published has a URL, and no URL is rewritten.

A key may hold slashes at any place, dots and spaces. By default Werkzeug redirects
`/api/prices/%2FES` to `/api/prices/ES`, and a client that follows the redirect writes
to another key. Here the rest of the path is the key, character by character.
"""

from flask import Flask, request
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter


class KeyConverter(BaseConverter):
    """The rest of a path as a key, unchanged."""

    regex = r"(?s:.+)"
    part_isolating = False
    weight = 200  # as Werkzeug's `path`: a rule with a fixed path comes first


def register(app: Flask) -> None:
    """Let routes have a `<key:…>`, and refuse the paths that can't name one exactly."""
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False  # /api/keys/price/ES stays where it is
    app.url_map.converters["key"] = KeyConverter
    app.before_request(_check_path)


def _check_path() -> None:
    """Refuse a path that would be decoded to another key than the one it names."""
    if "#" in request.environ.get("RAW_URI", ""):  # gunicorn cuts it off
        raise BadRequest("A `#` in a URL begins a fragment; in a key it is `%23`.")
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise BadRequest("The path isn't UTF-8, percent-encoded.") from error
