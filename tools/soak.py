"""`make soak`: keep a page open for ten minutes at fifty times the usual speed.

It fails if the page's heap grows by 2 MB or more, if its main thread works more than a
quarter of the time at the usual speed (about 20 events a second), or if a task takes
more than 100 ms after the page is loaded. Then a board of publishers' own types, with
200 changes a second in 5 types of 200 rows, must be as light, without a task of more
than 50 ms. MINUTES=1 makes it shorter.
"""

import json
import os
import random
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page

from tests.helpers.harness import Board
from tests.helpers.pages import wait_for_state
from tools.lasting import Footprint, PageMonitor
from tools.screenshots import chromium

SPEED = 50
MINUTES = 10.0
LOADING = 5  # seconds that loading a page may take
# One more match is about 40 nodes.
MOST_GROWTH = Footprint(heap=2, nodes=1_000, listeners=20)
MOST_LOAD = 0.25  # of one core
LONGEST_TASK = 100  # ms
OWN_TYPES, OWN_ROWS = 5, 200  # how many types, and rows of each
CHANGES, BATCH = 200, 10  # changes a second, and in one request
BEARER = {"Authorization": "Bearer secret", "Content-Type": "application/x-ndjson"}


def main() -> None:
    """Measure a page; exit with 1 if it fails."""
    minutes = float(os.environ.get("MINUTES", MINUTES))
    with chromium() as browser:
        shortcomings = [
            *check_load(browser.new_page(), min(minutes, 1)),
            *check_panels(browser.new_page(), min(minutes, 1)),
            *check_growth(browser.new_page(), minutes),
        ]
    if shortcomings:
        sys.exit("\n".join(shortcomings))


def check_load(page: Page, minutes: float) -> list[str]:
    """Measure the page's load at the usual speed; return what is wrong."""
    with Board(SEED="7") as board:
        monitor = open_monitored(page, board)
        began = monitor.now()
        before = published_events(board)
        load = monitor.load_during(lambda: page.wait_for_timeout(minutes * 60_000))
        rate = (published_events(board) - before) / (minutes * 60)
        print(f"at {rate:.0f} events/s: {load:.1%} of a core on the main thread")
        tasks = [f"{task['duration']:.0f}" for task in monitor.long_tasks(began)]
        print(f"tasks over 50 ms: {', '.join(tasks) or 'none'}")
        page.close()
    found = (
        [f"the main thread works {load:.0%} of the time"] if load > MOST_LOAD else []
    )
    long = [task for task in tasks if float(task) > LONGEST_TASK]
    return found + [f"a task takes {task} ms" for task in long]


def check_panels(page: Page, minutes: float) -> list[str]:
    """Measure the page's load by publishers' own types; return what is wrong."""
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        for kind in range(OWN_TYPES):
            publish(board, [own_row(kind, row) for row in range(OWN_ROWS)])
        page.set_viewport_size({"width": 1440, "height": 900})
        monitor = open_monitored(page, board)
        began = monitor.now()
        with changes(board):
            before = published_events(board)
            load = monitor.load_during(lambda: page.wait_for_timeout(minutes * 60_000))
            rate = (published_events(board) - before) / (minutes * 60)
        tasks = [f"{task['duration']:.0f}" for task in monitor.long_tasks(began)]
        print(f"at {rate:.0f} changes/s in {OWN_TYPES} types: {load:.1%} of a core")
        print(f"tasks over 50 ms: {', '.join(tasks) or 'none'}")
        page.close()
    found = [f"panels: the main thread works {load:.0%} of the time"]
    slow = [f"only {rate:.0f} changes/s were published"]
    return [
        *(found if load > MOST_LOAD else []),
        *(slow if rate < CHANGES * 0.9 else []),
        *(f"panels: a task takes {task} ms" for task in tasks),
    ]


@contextmanager
def changes(board: Board) -> Iterator[None]:
    """Publish `CHANGES` changes a second of random rows, by another thread."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(BATCH / CHANGES):
            all_rows = range(OWN_TYPES * OWN_ROWS)
            chosen = (divmod(n, OWN_ROWS) for n in random.sample(all_rows, BATCH))
            publish(board, [own_row(kind, row) for kind, row in chosen])

    thread = threading.Thread(target=run)
    thread.start()
    yield
    ended.set()
    thread.join()


def own_row(kind: int, row: int) -> dict[str, object]:
    """Return an event of a row with random values."""
    data = {
        "load": round(random.uniform(0, 4), 2),
        "memory": random.randrange(100),
        "status": random.choice(("ok", "degraded", "down")),
        "at": 1_795_393_896_995 + random.randrange(10**6),
        "note": "a text of some length",
    }
    return {"event": f"type-{kind}", "key": f"row-{row:03}", "data": data}


def publish(board: Board, events: list[dict[str, object]]) -> None:
    """Publish events in one request."""
    body = "\n".join(map(json.dumps, events)).encode()
    status, _, answer = board.request("POST", "/api/publish", BEARER, body)
    if status != 201:
        raise RuntimeError(f"publishing failed with {status}: {answer!r}")


def check_growth(page: Page, minutes: float) -> list[str]:
    """Measure the page's growth at fifty times that speed; return what is wrong."""
    with Board(SEED="7", SPEED=str(SPEED)) as board:
        monitor = open_monitored(page, board)
        first = monitor.footprint()
        grown = Footprint(0, 0, 0)
        for tenth in range(1, 11):
            page.wait_for_timeout(minutes * 6_000)
            grown = monitor.footprint() - first
            print(
                f"{tenth * minutes / 10:4.1f} min: {grown.heap:+.2f} MB, "
                f"{grown.nodes:+} nodes, {grown.listeners:+} listeners"
            )
        page.close()
    return excess(grown)


def open_monitored(page: Page, board: Board) -> PageMonitor:
    """Open a board's page, and wait until it is loaded."""
    monitor = PageMonitor(page)
    page.goto(board.url)
    wait_for_state(page, "live")
    page.wait_for_timeout(LOADING * 1000)
    return monitor


def excess(grown: Footprint) -> list[str]:
    """Return which parts of a footprint grew too much, each with its bound."""
    return [
        f"{name} grew by {getattr(grown, name):g}, {getattr(MOST_GROWTH, name)} at most"
        for name in ("heap", "nodes", "listeners")
        if getattr(grown, name) >= getattr(MOST_GROWTH, name)
    ]


def published_events(board: Board) -> float:
    """Return how many events the board has published so far."""
    metrics = board.get("/metrics")[2].decode()
    counted = re.findall(r"^liveboard_events_total\{.*\} (\S+)$", metrics, re.M)
    return sum(map(float, counted))


if __name__ == "__main__":
    main()
