"""Helpers for the page in a browser: open it, wait for it, read its fields."""

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.helpers.harness import LOOPBACK, until
from tests.helpers.staged import Stage

CUT = "Failed to load resource"  # Chromium's words for a connection that failed
# Options of Playwright's `launch`. Debian's headless shell shows the same for half of
# the CPU time. Without it the system's Chromium starts, or else Playwright's shell.
CHROMIUM: dict[str, Any] = {
    "executable_path": shutil.which("chromium-headless-shell")
    or shutil.which("chromium"),
    "args": [
        # Only the test's own requests go over the network.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--no-first-run",
        # Chromium can't use its sandbox as root, and doesn't start with it.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ],
}
# The browser with all its parts: the headless shell has no back/forward cache.
WHOLE_CHROMIUM: dict[str, Any] = CHROMIUM | {
    "executable_path": shutil.which("chromium"),
    **({} if shutil.which("chromium") else {"channel": "chromium"}),
}


def open_page(page: Page, stage: Stage, path: str = "") -> int:
    """Open the page on a stage; return an instant after everything that it shows."""
    page.goto(f"{stage.url}/{path}")
    until(lambda: len(stage.cursors) == 1, 15, "the page opens its stream")
    id = str(page.evaluate("() => JSON.parse(boot.textContent).id"))
    assert stage.cursors == [id]
    return int(id.partition("-")[0]) + 10_000


def wait_until_live(page: Page, seconds: float = 15) -> None:
    wait_for_state(page, "live", seconds)


def wait_for_state(page: Page, state: str, seconds: float = 15) -> None:
    """Wait until the badge shows this state of the stream."""
    expect(badge(page)).to_have_attribute("data-state", state, timeout=seconds * 1000)


def ask(page: Page, question: str) -> None:
    """Ask a question; Ask must be open, and no answer being given."""
    field = page.get_by_role("textbox", name="Your question")
    field.fill(question)
    field.press("Enter")


def badge(page: Page) -> Locator:
    return page.locator("#badge")


def cell(page: Page, symbol: str, field: str) -> Locator:
    return page.locator(f"[data-symbol='{symbol}'] [data-field={field}]")


def field_texts(page: Page, field: str) -> dict[str, str]:
    """Return the text of a field in every row, by symbol."""
    found: dict[str, str] = page.evaluate(
        """(field) => Object.fromEntries(
          [...document.querySelectorAll("[data-symbol]")].map((row) => [
            row.dataset.symbol,
            row.querySelector(`[data-field=${field}]`).textContent,
          ]))""",
        field,
    )
    return found


def count_changes(before: dict[str, str], after: dict[str, str]) -> int:
    """Return how many of the texts of `before` differ in `after`."""
    return sum(before[symbol] != after.get(symbol) for symbol in before)


def go_back(page: Page) -> None:
    """Go back in the tab's history as its user does, so that the cache may serve it."""
    # With a delay, because the answer to this call would be lost with the page.
    page.evaluate("() => { setTimeout(() => history.back()); }")


@contextlib.contextmanager
def elsewhere(html: str) -> Iterator[str]:
    """Yield the address of a page of another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    # Browsers open connections before they need them, and one must not block the other.
    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_port}/"
        server.shutdown()
