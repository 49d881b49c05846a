"""`make soak`: a page that stays open, ten minutes at fifty times the usual speed.

It fails where what the page holds has grown by 2 MB or more, where its main thread
works more than a quarter of the time at the usual speed (some 20 events a second), or
where a task takes over 100 ms once the page is loaded. MINUTES=1 is a shorter one.
"""

import os
import re
import sys

from playwright.sync_api import Page

from tests.helpers.harness import Board
from tests.page.states import settled
from tools.lasting import Held, Watched
from tools.screenshots import chromium

SPEED = 50
MINUTES = 10.0
LOADED = 5  # seconds until a page is no longer being loaded
MOST_GROWTH = Held(heap=2, nodes=1_000, listeners=20)  # a match more is some 40 nodes
MOST_WORK = 0.25  # of one core
LONGEST_TASK = 100  # ms


def main() -> None:
    """Watch a page; exit with 1 where it holds or does too much."""
    minutes = float(os.environ.get("MINUTES", MINUTES))
    with chromium() as browser:
        shortcomings = [
            *usual(browser.new_page(), min(minutes, 1)),
            *fast(browser.new_page(), minutes),
        ]
    if shortcomings:
        sys.exit("\n".join(shortcomings))


def usual(page: Page, minutes: float) -> list[str]:
    """Watch it work at the usual speed; return what is wrong."""
    with Board(SEED="7") as board:
        watched = opened(page, board)
        began = watched.now()
        before = events(board)
        work = watched.busy(lambda: page.wait_for_timeout(minutes * 60_000))
        rate = (events(board) - before) / (minutes * 60)
        print(f"at {rate:.0f} events/s: {work:.1%} of a core on the main thread")
        tasks = [f"{task['duration']:.0f}" for task in watched.long_tasks(began)]
        print(f"tasks over 50 ms: {', '.join(tasks) or 'none'}")
        page.close()
    found = (
        [f"the main thread works {work:.0%} of the time"] if work > MOST_WORK else []
    )
    long = [task for task in tasks if float(task) > LONGEST_TASK]
    return found + [f"a task takes {task} ms" for task in long]


def fast(page: Page, minutes: float) -> list[str]:
    """Watch what it holds, at fifty times that speed; return what is wrong."""
    with Board(SEED="7", SPEED=str(SPEED)) as board:
        watched = opened(page, board)
        first = watched.held()
        grown = Held(0, 0, 0)
        for tenth in range(1, 11):
            page.wait_for_timeout(minutes * 6_000)
            grown = watched.held() - first
            print(
                f"{tenth * minutes / 10:4.1f} min: {grown.heap:+.2f} MB, "
                f"{grown.nodes:+} nodes, {grown.listeners:+} listeners"
            )
        page.close()
    return too_much(grown)


def opened(page: Page, board: Board) -> Watched:
    """Open a board's page, and wait until it is loaded."""
    watched = Watched(page)
    page.goto(board.url)
    settled(page, "live")
    page.wait_for_timeout(LOADED * 1000)
    return watched


def too_much(grown: Held) -> list[str]:
    """Return which of what a page holds has grown too much."""
    return [
        f"{name} grew by {getattr(grown, name):g}, {getattr(MOST_GROWTH, name)} at most"
        for name in ("heap", "nodes", "listeners")
        if getattr(grown, name) >= getattr(MOST_GROWTH, name)
    ]


def events(board: Board) -> float:
    """Return how many events the board has published."""
    metrics = board.get("/metrics")[2].decode()
    counted = re.findall(r"^liveboard_events_total\{.*\} (\S+)$", metrics, re.M)
    return sum(map(float, counted))


if __name__ == "__main__":
    main()
