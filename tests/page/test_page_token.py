"""The page of a board that only those with the token may read, in a browser."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Response,
    expect,
)

from tests.helpers.boards import metrics
from tests.helpers.harness import LOOPBACK, ROOT, Board, until
from tests.helpers.pages import ask, elsewhere, go_back, wait_until_live

TOKEN = "view-token-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Board]:
    with Board("app:app", None, SEED="7", HEARTBEAT="1", VIEW_TOKEN=TOKEN) as board:
        yield board


@pytest.fixture(params=["answered", "in the URL"])
def reader(
    request: pytest.FixtureRequest, browser: Browser, guarded: Board
) -> Iterator[tuple[BrowserContext, str]]:
    """Yield a profile whose user knows the token, and the URL that its user enters.

    The user answers the browser's question, or has written the token into the URL. No
    page may have an error, and none may set a cookie.
    """
    known: Any = {"http_credentials": {"username": "any", "password": TOKEN}}
    asked = request.param == "answered"
    context = browser.new_context(**(known if asked else {}))
    faults = watch(context)
    user = "" if asked else f"any:{TOKEN}@"
    yield context, f"http://{user}{LOOPBACK}:{guarded.port}/"
    cookies = context.cookies()
    context.close()
    assert (faults, cookies) == ([], [])


def watch(context: BrowserContext) -> list[str]:
    """Return a list to which the faults of the context's pages are added."""
    faults: list[str] = []

    def on_response(response: Response) -> None:
        if response.status >= 400:
            faults.append(f"{response.status} {response.url}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(message.text)

    context.on("response", on_response)
    context.on("console", on_console)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    return faults


def test_a_browser_shows_all_parts_of_the_page_and_a_frame_on_the_same_site(
    reader: tuple[BrowserContext, str], guarded: Board
) -> None:
    context, url = reader
    one, other = context.new_page(), context.new_page()
    for page in (one, other):
        page.goto(url)
        wait_until_live(page)
    until(
        lambda: metrics(guarded, BEARER)["liveboard_streams"] == 1,
        why="both tabs share one stream",
    )
    with one.expect_response(re.compile("/api/history/")) as past:
        one.locator("[data-symbol=BOLT] .symbol").click()
    assert past.value.status == 200
    panel = one.get_by_role("complementary")
    expect(panel.locator("canvas").first).to_be_visible()
    one.locator("[data-match]:visible").first.click()
    expect(panel.get_by_text("Timeline")).to_be_visible()
    expect(one.locator("#curl")).to_contain_text('curl -u ":$VIEW_TOKEN" -N ')
    one.keyboard.press("q")
    ask(one, "How is ACME?")
    expect(one.locator("#ask")).to_contain_text("As of")
    assert TOKEN not in one.content()
    go_back(one)
    expect(panel.get_by_text("Timeline")).to_be_visible()
    one.reload()
    wait_until_live(one)
    expect(panel.get_by_text("Timeline")).to_be_visible()
    icon = "<link rel=icon href='data:,'>"
    with elsewhere(f"{icon}<iframe src='{guarded.url}/embed'></iframe>") as same_site:
        other.goto(same_site)
        frame = other.frame_locator("iframe")
        expect(frame.locator("[data-symbol=ACME]")).to_be_attached()
        expect(frame.locator("#badge")).to_have_attribute("data-state", "live")


def test_no_module_fetches_a_path_by_itself() -> None:
    """A page with a password in its URL can't: see `static/own-fetch.js`."""
    static = ROOT / "static"
    modules = [it for it in static.rglob("*.js") if "vendor" not in it.parts]
    fetching = [
        it.relative_to(static).as_posix()
        for it in modules
        if re.search(r"\bfetch\(", it.read_text())
    ]
    assert fetching == ["own-fetch.js"]


def test_without_the_token_a_browser_gets_nothing(
    browser: Browser, guarded: Board
) -> None:
    context = browser.new_context(
        http_credentials={"username": "any", "password": "wrong-token-0123456789"}
    )
    page = context.new_page()
    response = page.goto(guarded.url)
    assert response and response.status == 401
    assert "ACME" not in page.content()
    context.close()
