"""The layout: each width has its own, and nothing is cut off; print, embed, weight."""

import json
import re
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from app import create_app
from feed.events.event import keyed
from feed.settings import Settings
from tests.helpers.boards import open_streams
from tests.helpers.harness import ROOT, Board, until
from tests.helpers.pages import CUT, elsewhere, open_page, wait_until_live
from tests.helpers.samples import match, quote
from tests.helpers.staged import Stage

SMALL = """
(least) => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter((it) => it.checkVisibility() && !it.closest("p, dd, noscript, .skip"))
  .filter((it) => !it.matches(".skip, .symbol, .open, .sort, .credit a"))
  .map((it) => [it.outerHTML.slice(0, 80), it.closest("label") ?? it])
  .map(([html, it]) => [html, it.getBoundingClientRect()])
  .filter(([_, box]) => box.width < least - 0.5 || box.height < least - 0.5)
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)
"""


@pytest.mark.parametrize("path", ["/s/ACME", "/?view=scores"])
@pytest.mark.parametrize("width", [320, 640, 1024, 1440])
def test_no_page_scrolls_sideways(
    page: Page, board: Board, path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(board.url + path)
    wait_until_live(page)
    wide = "() => document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= width
    for button in ("#open-settings", "#alerts-tab" if width < 640 else "#open-alerts"):
        page.evaluate("(it) => document.querySelector(it).click()", button)
        assert page.evaluate(wide) <= width
        box = page.locator("dialog[open]").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        page.keyboard.press("Escape")


def test_zoomed_to_200_percent_it_is_the_layout_of_half_the_width(
    browser: Browser, board: Board
) -> None:
    # At 200 % a browser has half the CSS pixels, and twice the device pixels.
    context = browser.new_context(
        viewport={"width": 640, "height": 400}, device_scale_factor=2
    )
    page = context.new_page()
    page.goto(board.url)
    wait_until_live(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 640
    expect(page.locator("[data-symbol=ACME] [data-field=percent]")).to_be_visible()
    context.close()


def test_wide_prices_and_scores_stand_beside_each_other_and_the_detail_too(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(board.url)
    wait_until_live(page)
    prices, scores = box(page, "#prices"), box(page, "#scores")
    share = prices["width"] / (prices["width"] + scores["width"])
    assert scores["x"] > prices["x"] and 0.6 < share < 0.64
    page.locator("[data-symbol=ACME] .symbol").click()
    marked = page.locator("#board :is(.symbol, .open)[aria-current]")
    expect(marked).to_have_text("ACME")
    detail = box(page, "#detail")
    assert detail["x"] > box(page, "#scores")["x"] > box(page, "#prices")["x"]
    page.set_viewport_size({"width": 1100, "height": 900})
    assert box(page, "#detail")["x"] >= box(page, "#prices")["x"] + 300


def test_between_there_are_tabs_and_on_a_phone_a_bar_at_the_thumb(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(board.url)
    wait_until_live(page)
    views = page.get_by_role("navigation", name="View")
    expect(views.get_by_role("link")).to_have_text(["Prices", "Scores"])
    expect(page.get_by_role("heading", name="Scores")).to_be_hidden()
    expect(views.get_by_role("link", name="Prices")).to_have_attribute(
        "aria-current", "page"
    )
    views.get_by_role("link", name="Scores").click()
    expect(page.get_by_role("heading", name="Scores")).to_be_visible()
    expect(page.get_by_role("heading", name="Prices")).to_be_hidden()
    match = page.locator("[data-match]").first.get_attribute("data-match")
    page.goto(f"{board.url}/m/{match}")
    wait_until_live(page)
    expect(page.get_by_role("heading", name="Scores")).to_be_visible()
    expect(views.locator("[aria-current]")).to_have_text("Scores")
    page.goto(board.url)
    wait_until_live(page)
    page.set_viewport_size({"width": 390, "height": 844})
    bar = box(page, "#views")
    assert bar["y"] + bar["height"] == 844 and bar["width"] == 390
    views.get_by_role("link", name="Prices").click()
    row = page.locator("[data-symbol=ACME]")
    last, change = row.locator(".last"), row.locator(".change")
    upper, lower = last.bounding_box(), change.bounding_box()
    assert upper and lower and lower["y"] > upper["y"]
    views.get_by_role("button", name="Alerts").click()
    expect(page.get_by_role("dialog", name="Alerts")).to_be_visible()
    page.keyboard.press("Escape")
    row.locator(".symbol").click()
    assert box(page, "#detail") == {"x": 0, "y": 0, "width": 390, "height": 844}


@pytest.mark.parametrize(("width", "least"), [(1280, 24), (390, 44)])
def test_targets_are_large_enough(
    page: Page, board: Board, width: int, least: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{board.url}/s/ACME")
    wait_until_live(page)
    assert page.evaluate(SMALL, least) == []
    page.evaluate(
        """async () => {
          await (await import("/static/controls/dialogs.js")).loadParts();
        }"""
    )
    for dialog in ("settings", "alerts", "help"):
        page.evaluate("(it) => document.getElementById(it).showModal()", dialog)
        assert page.evaluate(SMALL, least) == [], dialog
        page.keyboard.press("Escape")


def test_print_has_an_instant_and_no_controls(page: Page, board: Board) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.emulate_media(media="print")
    expect(page.locator(".as-of")).to_be_visible()
    expect(page.locator("[data-symbol=ACME]")).to_be_visible()
    shown = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")]
          .filter((it) => it.checkVisibility()).map((it) => it.outerHTML)"""
    )
    assert shown == []


def test_an_embedded_board_shows_its_symbols_live_in_a_frame_of_another_site(
    page: Page, board: Board
) -> None:
    policy = board.get("/embed")[1]["content-security-policy"]
    assert "frame-ancestors *" in policy and "unsafe" not in policy
    for path in ("/", "/s/ACME"):
        headers = board.get(path, {"Accept": "text/html"})[1]
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
    frame = f"{board.url}/embed?symbols=ACME,BOLT&view=prices"
    icon = "<link rel=icon href='data:,'>"
    with elsewhere(
        f"{icon}<iframe src='{frame}' width=420 height=220></iframe>"
    ) as url:
        page.goto(url)
    inside = page.frame_locator("iframe")
    expect(inside.locator("#badge")).to_have_attribute("data-state", "live")
    expect(inside.locator("[data-symbol]")).to_have_count(2)
    expect(inside.locator("#scores")).to_be_hidden()
    expect(inside.get_by_text("Simulated data")).to_be_visible()
    price = inside.locator("[data-symbol=ACME] .price")
    before = price.text_content() or ""
    expect(price).not_to_have_text(before, timeout=20_000)
    expect(inside.get_by_role("link", name="Liveboard")).to_be_visible()


def test_the_foot_of_an_embedded_board_stands_above_its_rows(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 420, "height": 300})
    page.goto(f"{board.url}/embed?symbols=ACME,BOLT")
    wait_until_live(page)
    hidden = page.evaluate(
        """() => {
          const foot = document.querySelector(".embed-foot");
          const { left, top, width, height } = foot.getBoundingClientRect();
          const tops = [];
          for (let y = 0; y < document.body.scrollHeight; y += 15) {
            window.scrollTo(0, y);
            for (let x = left + 2; x < left + width; x += 8)
              tops.push(document.elementFromPoint(x, top + height / 2));
          }
          return tops.filter((it) => !foot.contains(it)).map((it) => it?.className);
        }"""
    )
    assert hidden == []


def test_nine_embedded_boards_of_different_symbols_on_one_page_are_all_live(
    page: Page, board: Board
) -> None:
    # A browser opens at most six connections to one server over HTTP/1.1.
    symbols = [quote["symbol"] for quote in state(board)["prices"]][:9]
    page.emulate_media(reduced_motion="reduce")  # painting is no part of this
    frames = [
        f"<iframe src='{board.url}/embed?symbols={symbol}&view=prices'></iframe>"
        for symbol in symbols
    ]
    with elsewhere("<link rel=icon href='data:,'>" + "".join(frames)) as url:
        page.goto(url)
    for frame, symbol in zip(page.frames[1:], symbols, strict=True):
        badge = frame.locator("#badge")
        expect(badge).to_have_attribute("data-state", "live", timeout=20_000)
        price = frame.locator(f"[data-symbol='{symbol}'] .price")
        before = price.text_content() or ""
        expect(price).not_to_have_text(before, timeout=20_000)
    until(lambda: open_streams(board) <= 2, 15, "they share a stream")


UNSEEN = """() => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter((it) => it.tabIndex >= 0 && it.checkVisibility() && !it.matches(".skip"))
  .filter((it) => {
    const { width, height } = it.getBoundingClientRect();
    return (width < 2 || height < 2) && !it.matches(".open, .symbol");
  }).map((it) => it.outerHTML)"""
"""What the Tab key reaches and nobody sees."""

UNDER_BARS = """() => {
  const { top, bottom } = document.activeElement.closest("tr").getBoundingClientRect();
  const bar = document.querySelector(".bar").getBoundingClientRect();
  const tabs = document.getElementById("views").getBoundingClientRect();
  return top < bar.bottom || bottom > tabs.top;
}"""


def test_no_tab_stop_is_invisible_and_no_focus_under_a_bar(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(board.url)
    wait_until_live(page)
    page.keyboard.press("j")  # the first key loads the shortcuts
    expect(page.locator("tr :focus")).to_be_visible()
    for key in ("j", "k"):
        for _ in range(16):
            page.keyboard.press(key)
            assert not page.evaluate(UNDER_BARS)
    for width in (320, 480, 640, 768, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 768})
        assert page.evaluate(UNSEEN) == [], width
        has_head = page.locator(".prices thead").is_visible()
        assert has_head == (width > 480), width


def test_a_control_is_only_there_where_it_does_something(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{board.url}/?view=scores")
    wait_until_live(page)
    filters = page.locator("[data-filter]:visible")
    expect(page.locator("#sort")).to_be_hidden()
    words = r"Pinned|\d+ (live|finished|upcoming)"
    expect(filters.first).to_be_visible()
    for text in filters.all_text_contents():
        assert re.search(words, text)
    page.locator("#views").get_by_role("link", name="Prices").click()
    expect(page.locator("#sort")).to_be_visible()
    expect(filters).to_have_text(
        [re.compile("Pinned"), re.compile("up"), re.compile("down")]
    )
    # A filter that selects nothing can be taken back where it was chosen.
    page.locator("[data-filter=down]").click()
    expect(page.locator("[data-filter=down]")).to_have_attribute("aria-current", "true")
    page.get_by_role("searchbox").fill("ACME")
    expect(page.locator("[data-filter=down]")).to_be_visible()
    page.locator("[data-filter=down]").click()
    expect(page).to_have_url(f"{board.url}/?view=prices&q=ACME")


def test_the_first_html_of_a_board_of_prices_has_no_controls_for_scores() -> None:
    app = create_app(Settings(feed="published"))
    app.extensions["feed"].publish(
        [keyed("price", "ACME", json.dumps(quote()).encode())]
    )
    html = app.test_client().get("/", headers={"Accept": "text/html"}).text
    assert 'data-only="prices"' in html
    for name in ("live", "finished", "upcoming"):
        [link] = re.findall(rf'<a [^>]*data-filter="{name}"[^>]*>', html)
        assert link.endswith("hidden>")


def test_a_low_window_keeps_its_height_for_rows(page: Page, board: Board) -> None:
    # 320 by 256 are 1280 by 1024 at 400 %.
    page.set_viewport_size({"width": 320, "height": 256})
    page.goto(board.url)
    wait_until_live(page)
    page.locator("[data-symbol=KEEL] .symbol").focus()
    for bar in (".bar", "#views"):
        assert box(page, bar)["y"] + box(page, bar)["height"] <= 0
    page.set_viewport_size({"width": 844, "height": 390})
    page.evaluate("() => scrollTo(0, 0)")
    assert box(page, ".heading .sorter")["y"] < box(page, "#prices-title")["y"] + 20
    assert box(page, "[data-symbol=BRWB]")["y"] + 44 <= 390


def test_the_bar_of_the_narrowest_phone_has_its_buttons_on_one_line(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(board.url)
    wait_until_live(page)
    tops = {box(page, it)["y"] for it in ("#open-ask", "#pause", "#open-settings")}
    assert tops == {box(page, ".bar h1")["y"]}


def test_a_wall_screen_has_large_type_prices_in_columns_and_no_idle_controls(
    page: Page, board: Board
) -> None:
    page.clock.install()
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.goto(board.url)
    expect(page.locator(".prices thead")).to_be_hidden()
    price = page.locator("[data-symbol=ACME] .price")
    assert price.evaluate("(it) => parseFloat(getComputedStyle(it).fontSize)") >= 20
    first, last = box(page, "[data-symbol=ACME]"), box(page, "[data-symbol=WNDM]")
    assert last["x"] > first["x"] + first["width"]
    assert last["x"] + last["width"] <= box(page, "#scores")["x"]
    page.clock.fast_forward(61_000)
    for control in ("#toolbar", "#pause", "#sort", "footer"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("#badge")).to_be_visible()
    page.mouse.move(400, 400)
    expect(page.locator("#toolbar")).to_be_visible()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_rows_glide_to_their_new_places_unless_motion_is_reduced(
    page: Page, board: Board, motion: Literal["reduce", "no-preference"]
) -> None:
    page.emulate_media(reduced_motion=motion)
    page.goto(board.url)
    moved = page.evaluate(
        """async () => {
          const { glide } = await import("/static/board/glide.js");
          const rows = document.getElementById("price-rows").children;
          const last = rows[rows.length - 1];
          glide(rows, () => last.parentElement.prepend(last));
          return [last, rows[1]].map((it) => it.getAnimations().length);
        }"""
    )
    assert moved == ([0, 0] if motion == "reduce" else [1, 1])


def test_each_colour_stands_once_in_the_stylesheet() -> None:
    parts = (ROOT / "static/styles").glob("*.css")
    css = "".join(part.read_text() for part in parts)
    tokens = re.findall(r"^\s*--(\w[\w-]*): light-dark\(", css, re.M)
    assert len(tokens) == len({*tokens}) == 14
    rest = re.sub(r"light-dark\([^)]*\)", "", css)
    assert re.findall(r"#[0-9a-f]{6}\b", rest) == []


def test_an_empty_board_fits_a_phone_and_fills_by_itself(
    page: Page, page_errors: list[str]
) -> None:
    page_errors.append(CUT)
    page.set_viewport_size({"width": 390, "height": 844})
    with Board(FEED="published") as empty, Stage(empty) as stage:
        at = open_page(page, stage)
        stage.send_hello(f"{at}-0", source="published")
        line = page.get_by_text("curl -X PUT").first
        expect(line).to_have_text(
            f"curl -X PUT {stage.url}/api/prices/ACME"
            ' -H "Authorization: Bearer $PUBLISH_TOKEN" -d 101.24'
        )
        expect(page.get_by_role("searchbox")).to_be_hidden()
        wide = "() => document.documentElement.scrollWidth"
        assert page.evaluate(wide) == 390
        stage.send_event("price", quote("NEWT", 7), f"{at}-1")
        expect(page.locator("[data-symbol=NEWT]")).to_be_visible()
        expect(line).to_be_hidden()
        expect(page.get_by_role("searchbox")).to_be_visible()
        # A board of prices has nothing to choose for scores.
        expect(page.locator("#views a:visible")).to_have_text(["Prices"])
        expect(page.locator("[data-filter]:visible")).to_have_count(3)
        page.set_viewport_size({"width": 1280, "height": 800})
        expect(page.locator("#views")).to_be_hidden()
        stage.send_event("score", match(), f"{at}-2")
        expect(page.locator("#views a:visible")).to_have_text(
            ["Both", "Prices", "Scores"]
        )


def state(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(board.get("/api/state")[2])
    return found


def box(page: Page, selector: str) -> dict[str, Any]:
    expect(page.locator(selector)).to_be_visible()
    found = page.locator(selector).bounding_box()
    assert found
    return {**found}
