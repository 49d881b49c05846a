"""A page that stays open does not grow, and it loads little.

`make soak` does the same for ten minutes, and also measures the page's CPU time.
"""

import gzip

from playwright.sync_api import Page

from tests.helpers.harness import Board, until
from tests.helpers.pages import wait_for_state
from tools.soak import SPEED, excess, open_monitored, published_events

WEIGHT = 60_000  # bytes, compressed
EVENTS = 10_000


def test_ten_thousand_events_leave_nothing_behind(page: Page) -> None:
    with Board(SEED="7", SPEED=str(SPEED)) as board:
        monitor = open_monitored(page, board)
        first = monitor.footprint()
        before = published_events(board)
        until(lambda: published_events(board) - before > EVENTS, 60, "many events came")
        assert excess(monitor.footprint() - first) == []


def test_the_page_and_all_that_it_loads_weigh_under_60_kb(
    page: Page, board: Board
) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.removeprefix(board.url)))
    page.goto(board.url)
    wait_for_state(page, "live")
    paths = {path for path in asked if not path.startswith("/stream")}
    assert {"/", "/static/page.js", "/static/board.css"} <= paths
    assert sum(weight(board, path) for path in paths) < WEIGHT


def weight(board: Board, path: str) -> int:
    """Return how many bytes a browser receives, compressed by a proxy if need be."""
    asked = {"Accept": "text/html", "Accept-Encoding": "gzip"}
    _, headers, body = board.get(path, asked)
    return len(body if "content-encoding" in headers else gzip.compress(body))
