"""The toolbar, the URL that carries what is selected, pins, pause and settings."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.helpers.harness import Board, until
from tests.helpers.pages import CUT, badge, cell, open_page, wait_until_live
from tests.helpers.samples import quote, score_of
from tests.helpers.staged import Stage

STAMPED = 60  # new rows in one frame, as in static/board/prices.js


BAR_COLOURS = """() => [...document.querySelectorAll("meta[name=theme-color]")]
  .filter((it) => matchMedia(it.media).matches).map((it) => it.content)"""
"""What colours the browser's own bar, of those that the page offers."""


def test_search_filters_and_sort_change_rows_and_url_together(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.get_by_role("searchbox").fill("acme")
    expect(shown(page)).to_have_count(1)
    expect(page).to_have_url(f"{board.url}/?q=acme")
    expect(page.locator("#nothing")).to_be_hidden()
    page.get_by_role("searchbox").fill("xyzzy")
    expect(page.get_by_text("No results for “xyzzy”.")).to_be_visible()
    page.get_by_role("link", name="Clear search").click()
    expect(shown(page)).to_have_count(30)
    expect(page).to_have_url(f"{board.url}/")
    page.get_by_role("link", name="☆ Pinned").click()
    expect(
        page.get_by_text("No pins yet. Tap ☆ beside a symbol or match.")
    ).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(shown(page)).to_have_count(30)
    page.get_by_role("link", name="down").click()
    until(lambda: directions(page) == {"down"}, 15, "only those that fell")
    page.get_by_role("link", name=re.compile(r"^\d+ live")).click()
    until(lambda: phases(page) == {"live"}, 15, "only what is on")
    expect(shown(page)).to_have_count(30)
    page.get_by_role("combobox", name="Sort").select_option("Top gainers")
    expect(page).to_have_url(f"{board.url}/?sort=-change_percent&filter=live")
    head = page.get_by_role("columnheader", name="%")
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile(r"[?&]sort=change_percent"))


def test_a_url_is_right_without_javascript(browser: Browser, board: Board) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{board.url}/?view=prices&symbols=ACME,BOLT&sort=-symbol&q=")
    expect(page.get_by_role("row")).to_have_count(3)
    assert page.locator(".symbol").all_text_contents() == ["BOLT", "ACME"]
    expect(page.get_by_role("heading", name="Scores")).to_be_hidden()
    page.get_by_role("searchbox").fill("anvil")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(2)
    assert "symbols=ACME%2CBOLT" in page.url and "q=anvil" in page.url
    page.get_by_role("link", name="ACME").click()
    expect(page.get_by_role("heading", name="ACME")).to_be_visible()
    expect(
        page.get_by_text("ACME rose").or_(page.get_by_text("ACME fell"))
    ).to_be_visible()
    page.get_by_role("link", name="Close").click()
    expect(page.get_by_role("heading", name="ACME")).to_be_hidden()
    page.goto(f"{board.url}/?filter=pinned")
    expect(page.get_by_text("these are all rows")).to_be_visible()
    context.close()


def test_rows_keep_their_order_while_a_person_points_or_types_but_not_for_long(
    page: Page, stage: Stage
) -> None:
    page.clock.install()
    at = open_page(page, stage, "?sort=-price&symbols=ACME,BOLT")
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote("ACME", 50), f"{at}-1")
    stage.send_event("price", quote("BOLT", 60), f"{at}-2")
    until(lambda: later_order(page) == ["BOLT", "ACME"], 15, "in order of price")
    page.locator("[data-symbol=ACME]").hover()
    stage.send_event("price", quote("ACME", 70), f"{at}-3")
    until(lambda: later_order(page) and is_held(page, "point"), 15, "it is held")
    assert order(page) == ["BOLT", "ACME"]
    # The pointer stays, as on a phone after a tap.
    assert [later_order(page) for _ in range(10)][-1] == ["ACME", "BOLT"]
    expect(page.locator("#order-waits")).to_be_hidden()
    page.mouse.move(2, 2)
    page.locator("[data-symbol=BOLT] .symbol").focus()
    page.keyboard.press("Shift")
    stage.send_event("price", quote("BOLT", 90), f"{at}-4")
    until(lambda: later_order(page) and is_held(page, "type"), 15, "it is held")
    assert order(page) == ["ACME", "BOLT"]
    assert [later_order(page) for _ in range(10)][-1] == ["BOLT", "ACME"]
    expect(page.locator("[data-symbol=BOLT] .symbol")).to_be_focused()


def later_order(page: Page) -> list[str]:
    """Return the order of the rows, half a second later by the page's clock."""
    page.clock.run_for(500)
    return order(page)


def is_held(page: Page, use: str) -> bool:
    return page.get_by_text(f"Order paused while you {use}").is_visible()


def test_pins_come_first_have_a_filter_and_last(page: Page, board: Board) -> None:
    page.goto(board.url)
    wait_until_live(page)
    star = page.get_by_role("button", name="Pin NMBR")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    until(lambda: order(page)[0] == "NMBR", 15, "what is pinned comes first")
    page.locator(".match .star").first.click()
    page.get_by_role("link", name="Pinned").click()
    expect(shown(page)).to_have_count(1)
    expect(page.locator("[data-match]:visible")).to_have_count(1)
    expect(page.locator("#curl")).to_contain_text("symbols=NMBR")
    page.reload()
    wait_until_live(page)
    expect(shown(page)).to_have_count(1)
    expect(star).to_have_attribute("aria-pressed", "true")


def test_a_paused_page_paints_nothing_and_says_how_much_changed(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote("ACME", 50), f"{at}-1")
    expect(cell(page, "ACME", "price")).to_have_text("50.00")
    page.get_by_role("button", name="Pause").click()
    said = page.locator("#paused")
    expect(said).to_have_text(re.compile(r"‖ Paused at [\d:]{8} · 0 rows changed"))
    expect(badge(page)).to_be_hidden()
    stage.send_event("price", quote("ACME", 51), f"{at}-2")
    stage.send_event("price", quote("ACME", 52), f"{at}-3")
    stage.send_event("score", score_of(1, 0), f"{at}-4")
    expect(said).to_contain_text("2 rows changed")
    expect(cell(page, "ACME", "price")).to_have_text("50.00")
    expect(page.locator("[data-match=acton-burton]")).to_have_count(0)
    page.get_by_role("searchbox").fill("ACME")
    expect(shown(page)).to_have_count(1)
    expect(cell(page, "ACME", "price")).to_have_text("50.00")
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Resume").click()
    expect(cell(page, "ACME", "price")).to_have_text("52.00")
    expect(page.locator("[data-match=acton-burton]")).to_have_count(1)
    expect(badge(page)).to_be_visible()


def test_a_paused_page_says_that_its_server_is_gone(
    page: Page, stage: Stage, page_errors: list[str]
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.get_by_role("button", name="Pause").click()
    expect(badge(page)).to_be_hidden()
    stage.refuse_streams()
    expect(badge(page)).to_contain_text("Reconnecting")
    expect(page.locator("#paused")).to_contain_text("Paused at")
    until(lambda: "‖ Paused · Reconnecting" in page.title(), 15, "the title says so")


def test_the_page_updates_as_seldom_as_is_wanted(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Update speed").select_option("Every 30 s")
    until(lambda: stage.queries[-1].get("pace") == "30", 15, "it asks for that pace")


def test_settings_last_and_reach_other_tabs(page: Page, board: Board) -> None:
    page.goto(board.url)
    other = page.context.new_page()
    other.goto(board.url)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Theme").select_option("Dark")
    page.get_by_label("Colours").select_option("Blue and orange")
    for tab in (page, other):
        expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
        expect(tab.locator("html")).to_have_attribute("data-colours", "blue")
        assert tab.evaluate(BAR_COLOURS) == ["#0d1117"]
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    colour = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(13, 17, 23)"
    assert page.evaluate("() => JSON.parse(localStorage.liveboard).pace") == 0


@pytest.mark.parametrize("kept", ["{", "null", '{"theme":"pink","pins":[1],"pace":-1}'])
def test_storage_that_is_not_ours_harms_nothing(
    page: Page, board: Board, kept: str
) -> None:
    page.add_init_script(f"localStorage.setItem('liveboard', {kept!r})")
    page.goto(board.url)
    wait_until_live(page)


def test_the_line_for_a_terminal_follows_the_selection(
    page: Page, board: Board, page_errors: list[str]
) -> None:
    page_errors.append(CUT)  # the page of the ticket that isn't there yet is a 404
    line = page.locator("#curl")
    for path, said in (
        ("/", f"curl -N {board.url}/stream.txt"),
        (
            "/?symbols=ACME,BOLT&view=prices",
            f"curl -N '{board.url}/stream.txt?symbols=ACME,BOLT&events=price'",
        ),
        ("/?view=constructor", f"curl -N '{board.url}/stream.txt?events=constructor'"),
        ("/k/ticket/4711", f"curl -N '{board.url}/stream.txt?events=ticket'"),
        ("/?view=activity", f"curl -N '{board.url}/stream.txt?events=other'"),
        ("/?q=anvil", f"curl -N '{board.url}/stream.txt?symbols=ACME'"),
        ("/s/ACME", f"curl -N '{board.url}/stream.txt?symbols=ACME&events=price'"),
    ):
        page.goto(board.url + path)
        expect(line).to_have_text(said)


def test_a_curl_line_can_not_be_led_astray_by_a_name(page: Page, stage: Stage) -> None:
    evil = "a'$(touch x)`id`"
    at = open_page(page, stage, "?q=touch")
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote(evil, 1), f"{at}-1")
    expect(shown(page)).to_have_count(1)
    page.get_by_role("searchbox").fill("(touch")
    line = page.locator("#curl")
    expect(line).to_contain_text("symbols=a%27%24(touch%20x)%60id%60'")
    assert (line.text_content() or "").count("'") == 2


def test_a_thousand_symbols_come_in_parts_and_scroll_smoothly(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    page.evaluate(
        """() => {
          window.added = []; // rows in one frame
          new MutationObserver((records) => window.added.push(
            records.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0),
          )).observe(document.getElementById("price-rows"), { childList: true });
        }"""
    )
    stage.send_hello(f"{at}-1000")
    for i in range(1000):
        stage.send_event("price", quote(f"S{i:03}", i), f"{at}-{i + 1}")
    expect(shown(page)).to_have_count(1030, timeout=30_000)
    assert max(page.evaluate("() => window.added")) <= 2 * STAMPED
    for _ in range(20):
        page.mouse.wheel(0, 1500)
    page.evaluate("() => new Promise(requestAnimationFrame)")
    rendered = page.evaluate(
        """() => [...document.querySelectorAll("[data-symbol] .who")].filter((cell) =>
          cell.checkVisibility({ contentVisibilityAuto: true })).length"""
    )
    assert rendered < 200


# Helpers of the tests.


def shown(page: Page) -> Locator:
    return page.locator("#price-rows [data-symbol]:not([hidden])")


def order(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("#price-rows tr:not([hidden])")]
          .map((row) => row.dataset.symbol)"""
    )
    return found


def directions(page: Page) -> set[str]:
    return {*_data(page, "#price-rows tr:not([hidden])", "direction")}


def phases(page: Page) -> set[str]:
    return {*_data(page, "[data-match]", "phase")}


def _data(page: Page, rows: str, name: str) -> list[str]:
    found: list[str] = page.evaluate(
        """([rows, name]) => [...document.querySelectorAll(rows)]
          .map((row) => row.dataset[name])""",
        [rows, name],
    )
    return found
