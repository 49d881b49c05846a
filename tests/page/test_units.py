"""The page's modules one by one: `tests/page/units/*.js`, run in a real Chromium.

They are served as the board serves its page, with its content security policy, and
import the modules from their folders. `runner.js` reports the results.
"""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.helpers.harness import LOOPBACK, ROOT
from web.pages import CONTENT_SECURITY_POLICY

UNITS = ROOT / "tests/page/units"
PAGE = b'<!doctype html><title>Units</title><link rel="icon" href="data:,">'
SHARED = {"runner.js", "clock.js", "samples.js", "fake-source.js"}
FILES = sorted(p.name for p in UNITS.glob("*.js") if p.name not in SHARED)


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """Yield the address of a server of `static/` and of `tests/page/units/`."""
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("file", FILES)
def test_a_module_does_what_its_tests_say(page: Page, served: str, file: str) -> None:
    page.goto(f"{served}/")
    results = page.evaluate(
        """async (file) => {
          await import(file);
          const { run } = await import("/tests/page/units/runner.js");
          return run();
        }""",
        f"/tests/page/units/{file}",
    )
    assert results, f"{file} has no test"
    failed = [f"{r['name']}: {r['error']}" for r in results if r["error"]]
    assert not failed, "\n".join(failed)


class Files(http.server.BaseHTTPRequestHandler):
    """Serves an empty page, and the scripts that it may import."""

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer("text/html", PAGE)
            return
        path = (ROOT / self.path.lstrip("/")).resolve()
        if path.is_file() and any(map(path.is_relative_to, (ROOT / "static", UNITS))):
            self._answer(kind(path), path.read_bytes())
        else:
            self.send_error(404)

    def _answer(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the requests are those of the test."""


def kind(path: Path) -> str:
    """Return the media type of a file that a page loads."""
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    return kinds.get(path.suffix, "application/octet-stream")
