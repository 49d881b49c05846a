"""The detail: a quote's chart, a match's timeline, each with a URL of its own."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.helpers.chart_library import install_library
from tests.helpers.harness import Board, until
from tests.helpers.pages import go_back, open_page, wait_until_live
from tests.helpers.samples import EVENING, HOSTILE, goal, quote, score_of
from tests.helpers.staged import Stage


def test_a_row_opens_its_detail_and_the_back_button_closes_it(
    page: Page, board: Board
) -> None:
    page.goto(f"{board.url}/?sort=-price")
    wait_until_live(page)
    page.evaluate("() => { window.stays = true; }")
    page.locator("[data-symbol=ACME] .symbol").click()
    panel = page.get_by_role("complementary")
    expect(panel.get_by_role("heading", name="ACME")).to_be_visible()
    expect(page).to_have_url(f"{board.url}/s/ACME?sort=-price")
    expect(panel).to_be_focused()
    page.locator("[data-symbol=BOLT] .symbol").click()
    expect(panel.get_by_role("heading", name="BOLT")).to_be_visible()
    go_back(page)
    expect(panel).to_be_hidden()
    expect(page).to_have_url(f"{board.url}/?sort=-price")
    page.locator("[data-match]:visible").first.click()
    expect(page).to_have_url(re.compile("/m/"))
    expect(panel.get_by_text("Timeline")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page).to_have_url(f"{board.url}/?sort=-price")
    assert page.evaluate("() => window.stays")


def test_a_link_to_a_detail_opens_it_and_closes_to_the_board(
    page: Page, board: Board
) -> None:
    page.goto(f"{board.url}/s/ACME?sort=-price")
    wait_until_live(page)
    panel = page.get_by_role("complementary")
    expect(panel.get_by_role("heading", name="ACME")).to_be_visible()
    panel.get_by_role("link", name="Close").click()
    expect(panel).to_be_hidden()
    expect(page).to_have_url(f"{board.url}/?sort=-price")


def test_the_chart_shows_the_past_then_what_comes_in_a_line_words_and_a_table(
    page: Page, stage: Stage
) -> None:
    page.route("**/static/vendor/**", lambda route: route.abort())
    at = open_page(page, stage, "s/ACME")
    stage.send_hello(f"{at}-0")
    sentence = page.locator("#chart-sentence")
    expect(sentence).to_contain_text("ACME")
    before = page.locator("#chart-line").get_attribute("points") or ""
    assert before.count(",") >= 5
    page.get_by_text("Show as table").click()
    rows = page.get_by_role("region", name="Past prices").get_by_role("row")
    until(lambda: rows.count() >= 5, 15, "the past is in the table")
    stage.send_event("price", quote("ACME", 4321, at=at), f"{at}-1")
    expect(sentence).to_contain_text("high 4,321.00")
    expect(rows.nth(1)).to_contain_text("4,321.00")
    line = page.locator("#chart-line")
    until(lambda: line.get_attribute("points") != before, 15, "the line grows")
    expect(page.locator("#chart-high")).to_have_text("4,321.00")
    page.get_by_role("button", name="15 min").click()
    expect(page.get_by_role("button", name="15 min")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator("#detail-price")).to_contain_text("4,321.00")


def test_the_library_is_loaded_only_when_a_chart_is_opened(
    page: Page, stage: Stage
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    install_library(page)
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    assert not [url for url in asked if "vendor" in url or "detail" in url]
    page.locator("[data-symbol=ACME] .symbol").click()
    until(
        lambda: page.evaluate("() => window.drawn?.data.length"), 15, "it has the past"
    )
    expect(page.locator("#own-line")).to_be_hidden()
    credit = page.get_by_role("link", name="TradingView")
    expect(credit).to_have_attribute("href", "https://www.tradingview.com/")
    assert page.evaluate("() => drawn.options.layout.attributionLogo") is False
    assert page.evaluate("() => drawn.width") > 200, "it can fit the past into that"
    stage.send_event("price", quote("ACME", 4321, at=at), f"{at}-1")
    until(
        lambda: page.evaluate("() => drawn.updates.at(-1)?.close") == 4321, 15, "live"
    )
    fitted = page.evaluate("() => { drawn.seen = { from: 0 }; return drawn.fitted; }")
    wider = 300_000  # ms; more than a bar of any span that a young board offers
    stage.send_event("price", quote("ACME", 4322, at=at + wider), f"{at}-2")
    until(lambda: page.evaluate("() => drawn.fitted") == fitted + 1, 15, "a bar more")
    page.evaluate("() => { drawn.seen = { from: 3.5 }; }")  # as a person left it
    stage.send_event("price", quote("ACME", 4323, at=at + 2 * wider), f"{at}-3")
    until(
        lambda: page.evaluate("() => drawn.updates.at(-1)?.close") == 4323, 15, "live"
    )
    assert page.evaluate("() => drawn.fitted") == fitted + 1
    page.get_by_role("link", name="Close").click()
    until(lambda: page.evaluate("() => drawn.removed"), 15, "and goes with the panel")


def test_without_the_library_a_chart_says_nothing_of_it(
    page: Page, stage: Stage
) -> None:
    page.route("**/static/vendor/**", lambda route: route.abort())
    at = open_page(page, stage, "s/ACME")
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.get_by_role("button", name="1 h").click()
    expect(page.locator("#own-line")).to_be_visible()
    expect(page.locator("#chart-credit")).to_be_hidden()


def test_a_match_shows_what_has_happened_newest_first_and_goes_on(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    first = goal("goal", "home", "Ames", 12, 1, 0)
    stage.send_event("score", score_of(1, 0, [first]), f"{at}-1")
    page.locator("[data-match=acton-burton]").click()
    lines = page.locator("#timeline li")
    expect(lines).to_have_text(["12′ Goal 1–0 Ames (Acton)"])
    card = {**goal("red_card", "away", "Bell", 45, 1, 0), "stoppage": 2}
    stage.send_event("score", score_of(1, 0, [first, card]), f"{at}-2")
    expect(lines).to_have_text(
        ["45+2′ Red card Bell (Burton)", "12′ Goal 1–0 Ames (Acton)"]
    )
    panel = page.get_by_role("complementary")
    expect(panel.get_by_role("heading", name="Acton 1–0 Burton")).to_be_attached()
    expect(panel.locator(".hero-score")).to_have_text("1–0")
    expect(panel.locator(".hero-scorers p").first).to_have_text("Ames\u00a012′")


def test_a_detail_that_cannot_be_loaded_says_so_and_opens_later(
    page: Page, stage: Stage, page_errors: list[str]
) -> None:
    page_errors.append("Failed to load resource")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.route("**/detail/panel", lambda route: route.abort())
    page.locator("[data-symbol=ACME] .symbol").click()
    expect(page.locator("#away")).to_have_text("The detail can’t be loaded now.")
    expect(page).to_have_url(f"{stage.url}/")
    page.unroute("**/detail/panel")
    page.locator("[data-symbol=ACME] .symbol").click()
    expect(page.locator("#detail")).to_be_visible()
    expect(page.locator("#detail-title")).to_have_text("ACME")


def test_what_is_not_there_yet_is_waited_for(
    page: Page, stage: Stage, board: Board
) -> None:
    assert board.get("/s/NEWT", {"Accept": "text/html"})[0] == 404
    assert board.get("/m/none", {"Accept": "text/html"})[0] == 404
    at = open_page(page, stage, "s/NEWT")
    stage.send_hello(f"{at}-0")
    expect(page.get_by_text("Nothing about it yet")).to_be_visible()
    stage.send_event("price", quote("NEWT", 7, at=at), f"{at}-1")
    expect(page.locator("#detail-price")).to_contain_text("7.00")
    expect(page.get_by_text("Nothing about it yet")).to_be_hidden()


@pytest.mark.parametrize("symbol", [HOSTILE, "a/b?c#d", "../../etc", "x y%20z"])
def test_any_symbol_has_a_url(
    page: Page, stage: Stage, page_errors: list[str], symbol: str
) -> None:
    # The reload may cut off the script of the chart, which is loaded at this moment.
    page_errors.append("Failed to fetch dynamically imported module")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote(symbol, 7, at=at), f"{at}-1")
    page.get_by_role("searchbox").fill(symbol[:20])
    row = page.locator("#price-rows tr:not([hidden])")
    expect(row).to_have_count(1)
    row.click()
    title = page.locator("#detail-title")
    expect(title).to_have_text(symbol)
    before = len(stage.cursors)
    page.reload()
    until(lambda: len(stage.cursors) > before, 15, "it opens its stream")
    expect(title).to_have_text(symbol)
    assert page.locator("img").count() == 1


def test_a_detail_is_right_for_a_terminal_and_without_javascript(
    browser: Browser, board: Board
) -> None:
    _, _, body = board.get("/s/ACME")
    assert b"ACME" in body and b"BOLT" not in body.split(b"Follow it")[0]
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(board.url)
    page.locator("[data-phase=over] .open").first.click()
    expect(page.locator("#timeline li").first).to_contain_text("Full time")
    context.close()


def test_a_notice_past_its_time_leaves_and_the_tray_keeps_the_older(
    page: Page, stage: Stage
) -> None:
    page.clock.install()
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0", at=at)
    for n, (level, until_) in enumerate([("warning", None), ("critical", at + 30_000)]):
        notice = {
            "notice": f"n{n}",
            "title": f"Title {n}",
            "body": "Body",
            "topic": None,
        }
        changed = {**notice, "level": level, "until": until_, "at": at + n}
        stage.send_event("notice", changed, f"{at}-{n + 1}")
    newest = page.locator("#newest-notice")
    expect(newest).to_contain_text("✕ Critical Title 1 Body")
    page.get_by_text("1 more").click()
    expect(page.locator("#older-notices")).to_contain_text("⚠ Warning Title 0")
    page.clock.run_for(40_000)
    expect(newest).to_contain_text("⚠ Warning Title 0")
    expect(page.get_by_text("more", exact=True)).to_be_hidden()
    assert at > EVENING
