"""Fixtures that all tests share: a board, a browser, pages that must have no errors."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    WebError,
    expect,
    sync_playwright,
)

from feed.sources.market import AGE, SESSION
from tests.helpers.harness import Board
from tests.helpers.pages import CHROMIUM, CUT
from tests.helpers.staged import Stage

# No deadline: on a busy machine an example may take long, which is no failure.
hypothesis_settings.register_profile("board", deadline=None)
hypothesis_settings.load_profile("board")

# A generous timeout: a test that is about a delay sets a timeout of its own.
expect.set_options(timeout=15_000)

# A shell that starts the tests in the background makes them ignore SIGINT. The commands
# that tests end by SIGINT would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST_TEST = 120.0  # seconds, on a busy machine


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers: two per core, since tests wait half of the time."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.fixture(scope="session")
def open_boards() -> Iterator[Iterator[Board]]:
    """Yield an iterator over running boards whose market stays open for a while."""
    speed = 2
    with Board(SEED="7", SPEED=str(speed), HEARTBEAT="1", PUBLISH_TOKEN="secret") as it:
        yield restarted(it, (SESSION - AGE) / speed)


def restarted(board: Board, session: float) -> Iterator[Board]:
    """Yield the board for ever; restart it before a test could see its market close.

    `session` is how many seconds the market stays open after a start.
    """
    while True:
        started = time.monotonic()
        while time.monotonic() < started + session - LONGEST_TEST:
            yield board
        board.kill()
        board.start().wait_ready(60)


@pytest.fixture
def board(open_boards: Iterator[Board]) -> Board:
    """Return a running board with a fixed seed, for tests that only read from it."""
    return next(open_boards)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a real Chromium: the system's, or else Playwright's own."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(**CHROMIUM)
        except Error as error:
            pytest.exit(
                "No Chromium to test the page with. `make test` installs one; by hand: "
                "`apt install chromium chromium-headless-shell`, or `python -m "
                f"playwright install --with-deps chromium`.\n{error}",
                returncode=1,
            )
        yield browser
        browser.close()


@pytest.fixture
def page_errors() -> list[str]:
    """Return the errors that this test's pages may have: append a part of each text."""
    return []


@pytest.fixture
def context(browser: Browser, page_errors: list[str]) -> Iterator[BrowserContext]:
    """Yield a fresh profile. The test fails if one of its pages has an error.

    Errors are those on the console, where Chromium also writes breaches of the content
    security policy, and uncaught exceptions.
    """
    errors: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location.get('url')})")

    def on_error(error: WebError) -> None:
        errors.append(f"uncaught: {error.error}")

    # Whatever zone and language the tests run in, the page writes English ones.
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    context.on("console", on_console)
    context.on("weberror", on_error)
    yield context
    context.close()
    unexpected = [
        error
        for error in errors
        if not any(expected in error for expected in page_errors)
    ]
    assert not unexpected


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a blank page in a fresh profile; it must not have errors."""
    return context.new_page()


@pytest.fixture
def stage(board: Board, page_errors: list[str]) -> Iterator[Stage]:
    """Yield a server whose stream the test writes."""
    page_errors.append(CUT)
    with Stage(board) as stage:
        yield stage
