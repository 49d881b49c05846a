"""Behaviours of the page: the focus, titles, urgent notices, denied storage."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.harness import Board, until
from tests.helpers.keys import SCORE, KeyClient
from tests.helpers.pages import wait_until_live

SYMBOLS = ("ACME", "BOLT", "KEEL", "LOOM", "QBIT")
FOCUSED = """() => {
  const { activeElement: it } = document;
  const row = it.closest("[data-symbol]");
  return `${row?.dataset.symbol ?? it.id}.${it.classList[0] ?? ""}`;
}"""
TITLES = """() => {
  const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, "title");
  window.titles = [];
  Object.defineProperty(document, "title", { get, set(text) {
    window.titles.push(text);
    set.call(this, text);
  } });
}"""
NO_STORAGE = """() => {
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { get() {
      throw new DOMException("denied", "SecurityError");
    } });
  }
}"""


@pytest.fixture(scope="module")
def still() -> Iterator[Board]:
    """Yield a board on which nothing changes by itself."""
    with (
        Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="1") as board,
        closing(KeyClient(board.port)) as client,
    ):
        for price, symbol in enumerate(SYMBOLS, 10):
            put(client, f"prices/{symbol}", {"price": price, "previous_close": 10})
        assert client.send("PUT", "/api/scores/one", SCORE) == 201
        over = json.loads(SCORE) | {"status": "FT"}
        over["home"]["score"], over["away"]["score"] = 2, 1
        put(client, "scores/two", over)
        for level in ("critical", "warning", "info"):
            data = {"notice": level, "title": f"It is {level}", "level": level}
            line = json.dumps({"event": "notice", "data": data}).encode()
            assert client.send("POST", "/api/publish", line) == 201, client.body
        yield board


def put(client: KeyClient, path: str, data: dict[str, object]) -> None:
    body = json.dumps(data).encode()
    assert client.send("PUT", f"/api/{path}", body) == 201, client.body


def test_the_focus_goes_with_a_row_that_is_pinned_and_stays_among_the_rows(
    page: Page, still: Board
) -> None:
    page.goto(still.url)
    wait_until_live(page)
    for _ in range(4):
        page.keyboard.press("j")
    assert page.evaluate(FOCUSED) == "LOOM.symbol"
    page.keyboard.press("f")
    until(lambda: order(page)[0] == "LOOM", 15, "it is pinned")
    assert page.evaluate(FOCUSED) == "LOOM.symbol"
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED) == "ACME.symbol"
    page.locator("[data-symbol=KEEL] .star").focus()
    page.keyboard.press("Space")
    until(lambda: order(page)[:2] == ["KEEL", "LOOM"], 15, "it is pinned, too")
    assert page.evaluate(FOCUSED) == "KEEL.star"
    page.keyboard.press("Shift+Tab")
    page.get_by_role("radio", name="Pinned").check()
    page.locator("[data-symbol=KEEL] .symbol").focus()
    page.keyboard.press("f")
    expect(page.locator("[data-symbol=KEEL]")).to_be_hidden()
    assert page.evaluate(FOCUSED) == "LOOM.symbol"
    page.keyboard.press("f")
    expect(page.locator("[data-symbol=LOOM]")).to_be_hidden()
    assert page.evaluate(FOCUSED) == "board."


def test_a_title_has_the_score_or_the_price_from_the_first_one_on(
    page: Page, still: Board
) -> None:
    page.add_init_script(f"({TITLES})()")
    titles = {
        "/": "▲ 4 ▼ 0 · 1 live · Liveboard",
        "/m/two": "A 2–1 B · Liveboard",
        "/s/LOOM": "LOOM 13.00 ▲ +30.00% · Liveboard",
    }
    for path, title in titles.items():
        page.goto(still.url + path)
        wait_until_live(page)
        until(lambda: page.evaluate("() => titles.length"), 15, "it has a title")
        assert {*page.evaluate("() => titles")} == {title}
    html = {
        path: still.get(path, {"Accept": "text/html"})[2].decode() for path in titles
    }
    for path in ("/m/two", "/s/LOOM"):
        assert f"<title>{titles[path]}</title>" in html[path]
    page.goto(still.url)
    page.locator("[data-match=two] .open").press("Enter")
    until(lambda: page.title() == titles["/m/two"], 15, "a click changes the title")


def test_a_critical_notice_hides_behind_no_other(page: Page, still: Board) -> None:
    html = still.get("/", {"Accept": "text/html"})[2].decode()
    levels = [html.index(f"It is {level}") for level in ("critical", "info", "warning")]
    assert levels == sorted(levels)
    page.goto(still.url)
    wait_until_live(page)
    expect(page.locator("#newest-notice")).to_contain_text("It is critical")
    with closing(KeyClient(still.port)) as client:
        later = {"notice": "later", "title": "It is later", "level": "warning"}
        line = json.dumps({"event": "notice", "data": later}).encode()
        assert client.send("POST", "/api/publish", line) == 201
    expect(page.locator("#older-notices .notice").first).to_contain_text("It is later")
    expect(page.locator("#newest-notice")).to_contain_text("It is critical")


def test_a_browser_that_denies_storage_has_a_page_that_works(
    page: Page, still: Board
) -> None:
    """The fixtures of the page fail if anything throws."""
    page.add_init_script(f"({NO_STORAGE})()")
    page.goto(still.url)
    wait_until_live(page)
    page.locator("[data-symbol=QBIT] .star").click()
    until(lambda: order(page)[0] == "QBIT", 15, "it is pinned")
    page.keyboard.press("t")
    expect(page.locator("#status")).to_contain_text("Theme: light")
    page.locator("[data-symbol=QBIT] .symbol").press("Enter")
    page.locator("#detail-alert").click()
    page.locator("#price-alert button").click()
    page.keyboard.press("Escape")
    page.locator("#detail-ask").click()
    page.locator("#ask-question").fill("How is it?")
    page.locator("#ask-send").click()
    expect(page.locator(".answer")).to_contain_text("QBIT")
    expect(page.locator(".answer")).to_contain_text(".")
    page.evaluate("() => dispatchEvent(new Event('pagehide'))")


def order(page: Page) -> list[str]:
    shown = "[...document.querySelectorAll('[data-symbol]:not([hidden])')]"
    found: list[str] = page.evaluate(f"() => {shown}.map((row) => row.dataset.symbol)")
    return found
