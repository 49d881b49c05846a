"""The page's files as a browser gets them: without comments, compressed, from memory.

Half of a module is comments. They help people who read the source, and delay people
who wait for the page, so they are left out of what is sent, with the lines
that they leave empty. An error names a line of what was sent, as a browser shows it.
"""

import gzip
import re
from functools import lru_cache
from hashlib import sha256
from mimetypes import guess_type
from os.path import isfile
from pathlib import Path

import msgspec
from flask import Response, current_app, request
from jinja2.ext import Extension
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from web import the_feed

# Comments that begin a line, types within one, and comments that end a line of code. No
# string in our modules looks like one; a test compares the rest with the sources.
COMMENT = re.compile(
    rb"^[ \t]*/\*(?:[^*]|\*(?!/))*\*/[ \t]*|^[ \t]*//[^\n]*$|/\*\* @[^*\n]*\*/ ?"
    rb"|(?<=[;,({]) // [^\n]*$",
    re.MULTILINE,
)
EMPTY_LINES = re.compile(rb"\n+")
INDENT = re.compile(rb"^[ \t]+", re.MULTILINE)
CSS_SPACE = re.compile(rb"\s*([{};,>])\s*")
CSS_SPACES = re.compile(rb"\s+")
TEMPLATE_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
COMMENTED = {".js", ".css"}
STYLESHEET = "board.css"
# Its parts below `styles/`, in the order of the cascade: one request fetches them all.
STYLES = (
    *("tokens", "base", "bar", "controls", "notices", "toolbar", "board", "prices"),
    *("scores", "footer", "layout", "print"),
)
FOREIGN = "vendor"  # a library's own notice stays in it
TEXT = ("text/", "application/javascript", "image/svg+xml")


class Unindented(Extension):
    """Takes the indents out of templates when they are compiled, not out of values."""

    def preprocess(
        self, source: str, name: str | None, filename: str | None = None
    ) -> str:
        """Return the source of a template without indents; lines keep their numbers."""
        return TEMPLATE_INDENT.sub("", source)


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent."""

    content_type: str
    body: bytes
    gzipped: bytes | None
    tag: str


def serve(filename: str) -> Response:
    """Return a file of the static folder; NotFound if it does not exist."""
    folder = current_app.static_folder or ""
    paths = [safe_join(folder, name) for name in _parts(filename)]
    # Unlike `Path.is_file`, `isfile` is false for a name that is too long for a file.
    files = tuple(Path(path) for path in paths if path and isfile(path))
    if len(files) < len(paths):
        raise NotFound(f"There is no file {filename!r} here.")
    asset = _asset(files, tuple(file.stat().st_mtime_ns for file in files))
    response = compressible(asset.body, asset.content_type, asset.gzipped)
    response.set_etag(asset.tag + (".gz" if response.content_encoding else ""))
    response.make_conditional(request)
    return response


def compressible(body: bytes, content_type: str, gzipped: bytes | None) -> Response:
    """Return an answer with the body, compressed if the client accepts that."""
    if gzipped is None or not wants_gzip():
        response = Response(body, content_type=content_type)
    else:
        response = Response(gzipped, content_type=content_type)
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def wants_gzip() -> bool:
    """Return whether the answer to the request is to be compressed."""
    accepts: bool = request.accept_encodings.quality("gzip") > 0
    return accepts and the_feed().settings.compress


def _parts(filename: str) -> list[str]:
    """Return the names of the files that are sent as one file."""
    if filename == STYLESHEET:
        return [f"styles/{name}.css" for name in STYLES]
    return [filename]


def _squeezed(css: bytes) -> bytes:
    """Return CSS without the spaces that mean nothing; no error names a line of it."""
    css = CSS_SPACE.sub(rb"\1", css).replace(b": ", b":").replace(b";}", b"}")
    return CSS_SPACES.sub(b" ", css)


@lru_cache(maxsize=256)
def _asset(files: tuple[Path, ...], _changed: tuple[int, ...]) -> Asset:
    """Return the files as one asset. It is made again if a file has `_changed`."""
    file = files[0]
    content_type = guess_type(file.name)[0] or "application/octet-stream"
    body = b"\n".join(part.read_bytes() for part in files)
    if file.suffix in COMMENTED and FOREIGN not in file.parts:
        body = INDENT.sub(b"", COMMENT.sub(b"", body))
        body = EMPTY_LINES.sub(b"\n", body)
    if file.suffix == ".css":
        body = _squeezed(body)
    is_text = content_type.startswith(TEXT)
    if is_text:
        content_type += "; charset=utf-8"
    gzipped = gzip.compress(body, mtime=0) if is_text else None
    return Asset(content_type, body, gzipped, sha256(body).hexdigest()[:16])
