"""What the tests share: a board to read from, a browser, pages that may not err."""

import os
import shutil
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
from tests.helpers.pages import BROWSER_ARGUMENTS, CUT
from tests.helpers.staged import Stage

# An example may take long on a machine that has other work: that is no failure.
hypothesis_settings.register_profile("board", deadline=None)
hypothesis_settings.load_profile("board")

# What is waited for comes; how soon is said where that is what is tested.
expect.set_options(timeout=15_000)

# A shell that starts the tests in the background lets them ignore Ctrl-C, and with them
# the commands that are to be ended by it.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST_TEST = 120.0  # seconds, on a machine that has other work


def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run at once: most of them wait, so more than the cores."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.fixture(scope="session")
def days() -> Iterator[Iterator[Board]]:
    """Yield what gives a running board, with a market that stays open for a while."""
    speed = 2
    with Board(SEED="7", SPEED=str(speed), HEARTBEAT="1", PUBLISH_TOKEN="secret") as it:
        yield open_days(it, (SESSION - AGE) / speed)


def open_days(board: Board, lasts: float) -> Iterator[Board]:
    """Yield a board each time; begun anew where a test could see its market close."""
    while True:
        begun = time.monotonic()
        while time.monotonic() < begun + lasts - LONGEST_TEST:
            yield board
        board.kill()
        board.start().wait_ready(60)


@pytest.fixture
def board(days: Iterator[Board]) -> Board:
    """Return a running board, the same day each time, for tests that only read."""
    return next(days)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a real Chromium: the system's, else Playwright's own."""
    # As root Chromium can't make its sandbox, and doesn't start with it.
    arguments = [*BROWSER_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=arguments
            )
        except Error as error:
            pytest.exit(
                "No Chromium to test the page with. `make test` installs one; by hand: "
                "`apt install chromium`, or `python -m playwright install --with-deps "
                f"chromium`.\n{error}",
                returncode=1,
            )
        yield browser
        browser.close()


@pytest.fixture
def page_errors() -> list[str]:
    """Return what this test's pages may complain of: append a part of the words."""
    return []


@pytest.fixture
def context(browser: Browser, page_errors: list[str]) -> Iterator[BrowserContext]:
    """Yield a fresh profile. The test fails when one of its pages complains.

    That is an error on the console, a breach of the content security policy (which
    Chromium writes there) or an uncaught exception.
    """
    complaints: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} ({message.location.get('url')})")

    def on_error(error: WebError) -> None:
        complaints.append(f"uncaught: {error.error}")

    context = browser.new_context()
    context.on("console", on_console)
    context.on("weberror", on_error)
    yield context
    context.close()
    unexpected = [
        complaint
        for complaint in complaints
        if not any(expected in complaint for expected in page_errors)
    ]
    assert not unexpected


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a blank page in a fresh profile; it must not complain."""
    return context.new_page()


@pytest.fixture
def stage(board: Board, page_errors: list[str]) -> Iterator[Stage]:
    """Yield a server whose stream says what the test tells it."""
    page_errors.append(CUT)
    with Stage(board) as stage:
        yield stage
