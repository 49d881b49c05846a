"""The page's files as they are sent: the same program, in fewer bytes."""

import gzip
import os.path
import re

from tests.harness import ROOT, Board
from web.assets import COMMENT

VENDOR = ROOT / "static/vendor"
MODULES = [
    *(p for p in (ROOT / "static").rglob("*.js") if VENDOR not in p.parents),
    ROOT / "static/board.css",
]


def test_a_file_is_sent_without_comments_compressed_and_only_once(board: Board) -> None:
    source = (ROOT / "static/page.js").read_bytes()
    status, headers, plain = board.get("/static/page.js")
    assert status == 200 and headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in headers
    assert plain.count(b"\n") == source.count(b"\n")
    assert b"/**" in source and b"/**" not in plain
    accept = {"Accept-Encoding": "gzip"}
    _, zipped_headers, zipped = board.get("/static/page.js", accept)
    assert zipped_headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in zipped_headers["vary"]
    assert gzip.decompress(zipped) == plain and len(zipped) < len(plain) / 2
    assert headers["etag"] != zipped_headers["etag"]
    known = {"If-None-Match": headers["etag"]}
    assert board.get("/static/page.js", known)[0] == 304
    assert board.get("/static/../app.py")[0] == 404
    assert board.get("/static/none.js")[0] == 404


def test_nothing_but_comments_is_taken_out() -> None:
    assert len(MODULES) > 20
    for path in MODULES:
        source = path.read_text()
        for found in COMMENT.findall(source.encode()):
            text = found.decode().strip()
            assert re.match(r"/\*|//", text), f"{path.name}: {text}"
            if text.startswith("/*"):
                assert text.index("*/") == len(text) - 2, f"{path.name}: {text}"
        # Within a template's text a line could look like a comment.
        code = COMMENT.sub(b"", source.encode()).decode()
        assert [it for it in re.findall(r"`[^`]*`", code) if "\n" in it] == []


def test_the_first_html_is_compressed_too(board: Board) -> None:
    asked = {"Accept": "text/html", "Accept-Encoding": "gzip"}
    _, headers, body = board.get("/", asked)
    assert headers["content-encoding"] == "gzip"
    assert {"Accept", "Accept-Encoding"} <= {*headers["vary"].split(", ")}
    assert b"Liveboard" in gzip.decompress(body)


def test_the_page_fetches_at_once_what_its_script_imports_and_nothing_else(
    board: Board,
) -> None:
    html = board.get("/", {"Accept": "text/html"})[2].decode()
    preloaded = re.findall(r'rel="modulepreload" href="/static/([^"]+)"', html)
    assert len(preloaded) > 20
    assert {*preloaded} == imported("page.js") - {"page.js"}


def imported(name: str) -> set[str]:
    """Return the modules that a module needs before it runs, itself among them."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        source = (ROOT / "static" / name).read_text()
        folder = os.path.dirname(name)
        paths = re.findall(r'^(?:import|\}) .*"([^"]+)";$', source, re.M)
        waiting += [os.path.normpath(os.path.join(folder, path)) for path in paths]
    return found
