"""The page's files as they are sent: the same program, in fewer bytes."""

import gzip
import re

from tests.harness import ROOT, Board
from web.assets import COMMENT

MODULES = [*(ROOT / "static").glob("*.js"), ROOT / "static/board.css"]


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
