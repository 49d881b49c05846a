"""Boards of one's own in a frame, without a script, and on paper."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.helpers.axe import load_axe, violations
from tests.helpers.harness import Board
from tests.helpers.pages import wait_until_live
from tests.page.test_page_axe import SCHEMES, WIDTHS

DESK = {
    "4711": {"subject": "Printer on fire", "status": "open", "waiting": 12.5},
    "4712": {"subject": "Can’t log in", "status": "solved", "waiting": 3, "by": "Mia"},
}
CROWD = {f"r{n:03}": {"n": n, "text": "A text of some length"} for n in range(250)}
BEARER = {"Authorization": "Bearer secret"}
TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def desk() -> Iterator[Board]:
    """Yield a board that has types of its own alone."""
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        put(board, "ticket", DESK)
        put(board, "crowd", CROWD)
        put(board, "scores", {"a": 1})
        publish(board, {"event": "note", "data": {"text": "Mia took 4711"}})
        yield board


def put(board: Board, type: str, rows: dict[str, Any]) -> None:
    publish(board, *({"event": type, "key": key, "data": rows[key]} for key in rows))


def publish(board: Board, *events: dict[str, Any]) -> None:
    kind = {"Content-Type": "application/x-ndjson"}
    body = "\n".join(map(json.dumps, events)).encode()
    status, _, answer = board.request("POST", "/api/publish", BEARER | kind, body)
    assert status == 201, answer


@pytest.fixture
def still(browser: Browser) -> Iterator[Page]:
    """Yield a page of a browser without JavaScript, as narrow as any."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 320, "height": 640}
    )
    yield context.new_page()
    context.close()


def test_a_frame_shows_one_type_live(page: Page, desk: Board) -> None:
    page.set_viewport_size({"width": 320, "height": 400})
    page.goto(f"{desk.url}/embed?view=ticket")
    wait_until_live(page)
    expect(page.locator("[data-key='4711'] .chip")).to_have_text("open")
    expect(page.locator(".panel:visible")).to_have_count(1)
    expect(page.locator("#nothing")).to_be_hidden()
    assert not page.evaluate(TOO_WIDE)
    put(desk, "ticket", {"4711": DESK["4711"] | {"status": "solved"}})
    expect(page.locator("[data-key='4711'] .chip")).to_have_text("solved")
    put(desk, "ticket", {"4711": DESK["4711"]})
    expect(page.locator("[data-key='4711'] .chip")).to_have_text("open")
    row = page.get_by_role("link", name="4711")
    assert row.get_attribute("href") == "/k/ticket/4711?view=ticket"
    assert page.evaluate("() => document.querySelector('.symbol').target") == ""
    page.goto(f"{desk.url}/embed?view=crowd&q=r249")
    expect(page.locator("[data-key='r249']")).to_be_visible()  # one of those left out
    page.goto(f"{desk.url}/embed?view=none")
    expect(page.locator("#nothing")).to_be_visible()
    expect(page.locator(".panel:visible")).to_have_count(0)


def test_without_a_script_a_page_shows_the_panels_and_counts_the_rest(
    still: Page, desk: Board
) -> None:
    still.goto(desk.url)
    expect(still.locator("h2:visible")).to_contain_text(["Crowd", "Scores", "Ticket"])
    expect(still.locator("[data-type=crowd][data-key]")).to_have_count(200)
    expect(still.get_by_text("… and 50 more.")).to_be_visible()
    expect(still.get_by_text("Mia took 4711")).to_be_visible()
    expect(still.locator("#views a:visible")).to_have_text(
        ["All", "Crowd", "Scores", "Ticket", "Activity"]
    )
    box = still.locator(".panel[data-type=crowd]").bounding_box()
    assert box and box["width"] <= 320
    still.get_by_role("link", name="Ticket", exact=True).first.click()
    expect(still.locator(".panel:visible")).to_have_count(1)
    still.get_by_role("link", name="Waiting").click()
    assert still.url == f"{desk.url}/?view=ticket&by=-ticket%3Awaiting"
    expect(still.locator("[data-key] .symbol")).to_have_text(["4711", "4712"])
    still.get_by_role("link", name="Waiting").click()
    expect(still.locator("[data-key] .symbol")).to_have_text(["4712", "4711"])
    still.get_by_role("link", name="4712").click()
    expect(still.locator("#own-fields dd")).to_contain_text(["Can’t log in", "solved"])


def test_a_board_of_own_types_speaks_of_neither_prices_nor_scores(
    still: Page, desk: Board
) -> None:
    still.set_viewport_size({"width": 1280, "height": 800})
    still.goto(f"{desk.url}/?view=ticket")
    words = still.locator("body").inner_text().lower()
    for word in ("price", "symbol", "match", "finished", "risen", "kick-off"):
        assert word not in words, word
    assert "Liveboard · live" in still.content()
    assert "rices" not in str(
        still.locator("meta[name=description]").get_attribute("content")
    )


def test_on_paper_all_panels_are_there_with_their_rows(page: Page, desk: Board) -> None:
    page.goto(desk.url)
    wait_until_live(page)
    expect(page.locator("[data-type=crowd][data-key]").first).to_be_visible()
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("[data-type=crowd][data-key]")).to_have_count(200)
    expect(page.locator("[data-key='r199']")).to_be_visible()
    assert page.evaluate(
        """() => [...document.querySelectorAll('.panel .scroll, .happenings')]
          .every((it) => it.scrollHeight <= it.clientHeight + 1)"""
    )
    expect(page.locator(".toolbar")).to_be_hidden()


def test_a_typing_agent_appears_without_a_reload_and_goes_by_itself(
    page: Page, desk: Board
) -> None:
    page.goto(f"{desk.url}/?view=typing")
    wait_until_live(page)
    page.evaluate(
        """() => {
          window.seen = [];
          const look = () => {
            const typing = document.querySelectorAll("[data-type=typing][data-key]");
            const now = [...typing].map((row) => row.textContent.trim()).join();
            if (now !== window.seen.at(-1)) window.seen.push(now);
          };
          const changes = { subtree: true, childList: true, characterData: true };
          new MutationObserver(look).observe(document.querySelector("#own"), changes);
        }"""
    )
    for who in ("Mia", "Noah"):
        data = {"who": f"{who} is typing…"}
        publish(desk, {"event": "typing", "key": "4711", "data": data, "ttl": 1.5})
    page.wait_for_function(
        """() => window.seen.at(-1) === "" &&
          window.seen.some((text) => text.includes("Noah is typing…"))"""
    )


@pytest.mark.parametrize("path", ["/", "/embed?view=ticket", "/k/ticket/4712"])
def test_axe_finds_nothing_before_a_script_runs(
    page: Page, desk: Board, page_errors: list[str], path: str
) -> None:
    page_errors.append("ERR_FAILED")
    page.route("**/static/*.js", lambda route: route.abort())
    page.goto(desk.url + path)
    load_axe(page)
    found = []
    for scheme, width in zip(SCHEMES, WIDTHS, strict=True):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        found += [(scheme, width, violation) for violation in violations(page)]
    assert found == []
