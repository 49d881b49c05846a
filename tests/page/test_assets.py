"""The page's files as they are sent: the same program, in fewer bytes."""

import gzip
import os.path
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from werkzeug.exceptions import NotFound

from app import create_app
from feed.settings import Settings
from tests.helpers.harness import ROOT, Board
from web import assets
from web.assets import COMMENT, STYLES

VENDOR = ROOT / "static/vendor"
MODULES = [
    *(p for p in (ROOT / "static").rglob("*.js") if VENDOR not in p.parents),
    *(ROOT / "static/styles").glob("*.css"),
]


def test_a_file_is_sent_without_comments_compressed_and_only_once(board: Board) -> None:
    source = (ROOT / "static/page.js").read_bytes()
    status, headers, plain = board.get("/static/page.js")
    assert status == 200 and headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in headers
    assert b"\n\n" not in plain
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


def test_the_stylesheet_is_all_parts_in_their_order(page: Page, board: Board) -> None:
    folder = ROOT / "static/styles"
    assert sorted(STYLES) == sorted(path.stem for path in folder.glob("*.css"))
    status, headers, body = board.get("/static/board.css")
    assert status == 200 and headers["content-type"] == "text/css; charset=utf-8"
    sources = [(folder / f"{name}.css").read_bytes() for name in STYLES]
    read = """(css) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      const rules = [...sheet.cssRules].map((rule) => rule.cssText);
      return rules.map((it) => it.replace(/\\s+/g, " ").replaceAll(", ", ","));
    }"""
    whole = page.evaluate(read, b"\n".join(sources).decode())
    assert page.evaluate(read, body.decode()) == whole
    known = {"If-None-Match": headers["etag"]}
    assert board.get("/static/board.css", known)[0] == 304


def test_an_edit_of_a_part_is_in_the_next_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings())
    app.static_folder = str(tmp_path)
    for name in STYLES:
        part = tmp_path / f"styles/{name}.css"
        part.parent.mkdir(exist_ok=True)
        part.write_text(f".{name} {{}}\n")
    with app.test_request_context("/static/board.css"):
        before = assets.serve("board.css")
        (tmp_path / "styles/bar.css").write_text(".bar-edited {}\n")
        after = assets.serve("board.css")
        assert b".bar{}" in before.data and b".bar-edited{}" in after.data
        assert before.headers["ETag"] != after.headers["ETag"]
        (tmp_path / "styles/bar.css").unlink()
        with pytest.raises(NotFound):
            assets.serve("board.css")


def test_nothing_but_comments_is_taken_out() -> None:
    assert len(MODULES) > 20
    for path in MODULES:
        source = path.read_text()
        for found in COMMENT.findall(source.encode()):
            text = found.decode().strip()
            assert re.match(r"/\*|//", text), f"{path.name}: {text}"
            if text.startswith("/*"):
                assert text.index("*/") == len(text) - 2, f"{path.name}: {text}"
        # A comment that ends a line must not be the end of a string.
        for line in source.splitlines():
            code = line.partition(" // ")[0]
            assert all(code.count(quote) % 2 == 0 for quote in "\"'`") or code == line
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


@pytest.mark.parametrize(
    ("path", "opened"),
    [
        ("/m/none", ["detail/panel.js", "detail/detail.js"]),
        ("/s/ACME", ["detail/panel.js", "detail/detail.js", "detail/chart.js"]),
    ],
)
def test_the_page_of_a_detail_fetches_at_once_what_the_detail_imports(
    board: Board, path: str, opened: list[str]
) -> None:
    html = board.get(path, {"Accept": "text/html"})[2].decode()
    preloaded = re.findall(r'rel="modulepreload" href="/static/([^"]+)"', html)
    assert len(preloaded) == len({*preloaded})
    needed = set[str]().union(*map(imported, ["page.js", *opened]))
    assert {*preloaded} == needed - {"page.js"}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("candles.js", "detail/candles.js"),
        ("library.js", "detail/chart-library.js"),
        ("sentences.js", "detail/sentences.js"),
    ],
)
def test_a_module_has_its_name_of_the_release_before_too(
    page: Page, board: Board, before: str, now: str
) -> None:
    page.goto(board.url)
    assert page.evaluate(
        """async ([before, now]) => {
          const [old, young] = [await import(before), await import(now)];
          const names = Object.keys(young);
          return names.length > 0 && names.every((name) => old[name] === young[name]);
        }""",
        [f"/static/{before}", f"/static/{now}"],
    )


@pytest.mark.parametrize("opens", ["detail", "chart"])
def test_a_page_of_the_release_before_is_loaded_again_for_a_detail(
    page: Page, board: Board, opens: str
) -> None:
    page.clock.install()
    page.goto(f"{board.url}/s/ACME")
    calls = """async (opens) => {
      const choice = { now: { opened: null } };
      const { Detail } = await import("/static/detail.js");
      const detail = new Detail({}, choice);
      detail.choose(true);
      detail.note();
      detail.paint();
      const { Chart } = await import("/static/chart.js");
      const chart = new Chart();
      chart.note();
      chart.paint(2);
      chart.close();
      window.isOld = true;
      choice.now.opened = { kind: "quote", key: "ACME" };
      if (opens === "chart") chart.open("ACME");
      else detail.choose();
      return [detail.isDue, chart.isDue];
    }"""
    assert page.evaluate(calls, opens) == [False, False]
    assert page.evaluate("() => window.isOld")
    page.clock.fast_forward(10_000)
    page.wait_for_function("() => !window.isOld")
    expect(page.get_by_role("complementary")).to_contain_text("ACME")


def test_a_page_of_the_release_before_is_loaded_again_for_the_dialog_of_alerts(
    page: Page, board: Board
) -> None:
    page.clock.install()
    page.goto(board.url)
    page.evaluate(
        """async () => {
          const { AlertsDialog } = await import("/static/alerts-dialog.js");
          const dialog = new AlertsDialog({}, {}, {}, {});
          window.isOld = true;
          dialog.open(null);
        }"""
    )
    assert page.evaluate("() => window.isOld")
    page.clock.fast_forward(10_000)
    page.wait_for_function("() => !window.isOld")


def test_a_page_of_the_release_before_starts_no_worker_of_this_one(
    board: Board,
) -> None:
    # Their messages differ. Without a worker such a page has a stream of its own.
    assert board.get("/static/worker.js")[0] == 404


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
