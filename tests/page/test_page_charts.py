"""Charts of a board on which nothing moves: decimals, dates, spans, lines, paper."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, Page, expect

from feed.clock import now_ms
from feed.events.shapes import IncidentKind
from tests.helpers.chart_library import install_library
from tests.helpers.harness import Board, until
from tests.helpers.pages import wait_until_live
from tests.helpers.samples import goal, match, team

MINUTE = 60_000  # ms
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WHOLE: dict[
    str, tuple[int, list[float]]
] = {  # prices by symbol: at one instant a minute, the last ones now
    "TINY": (8, [0.000000012, 0.0000000139, 0.0000000121]),
    "WHOLE": (0, [812_345, 812_400, 812_399]),
    "PENNY": (4, [1.2345, 1.25, 1.2401]),
    "FINE": (12, [0.000000000123, 0.00000000013, 0.000000000127]),
    "LONG": (2, [124_691_356_902_630.25, 124_691_356_902_631.5, 124_691_356_902_630]),
}
OFFERED = """() => [...document.querySelectorAll("#chart-spans button")]
  .map((it) => [it.textContent, it.disabled, it.getAttribute("aria-pressed")])"""
TEXTS = """() => [...document.querySelectorAll(
  "#chart-sentence, #detail-price [data-field], #detail-figures dd, #detail-market time"
)].map((it) => it.textContent)"""

SAID = """() => [...document.querySelectorAll("#match-detail *")].map((it) => [
  it.tagName, it.dataset.kind, it.dataset.side, it.getAttribute("href"),
  it.childElementCount ? "" : it.textContent,
])"""


@pytest.fixture(scope="module")
def still() -> Iterator[Board]:
    """Yield a board with prices of today and of days ago, whose market is closed."""
    now = now_ms()
    prices = [
        price(symbol, value, now - 5 * MINUTE + i * MINUTE, decimals)
        for symbol, (decimals, values) in WHOLE.items()
        for i, value in enumerate(values)
    ]
    # Two of three days ago, then one of an hour and one of half an hour ago.
    ages = (3 * DAY, 3 * DAY - HOUR, HOUR, HOUR / 2)
    prices += [price("OLD", 10 + i, now - int(age)) for i, age in enumerate(ages)]
    # Three prices a bar, so that candles show more than a line.
    prices += [
        price("DENSE", 10 + i % 3, now - 50 * MINUTE + i * 20_000) for i in range(150)
    ]
    market = {"market": "MAIN", "status": "closed", "until": now + 3 * DAY}
    tie = {
        "home": team("Acton", 2, 1, shoot_out=4),
        "away": team("מכבי", 1, 0, shoot_out=3),
    }
    played = match("PEN", **tie, incidents=history())
    lines = [
        *prices,
        {"event": "market", "data": market},
        {"event": "score", "data": played},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    kind = {"Content-Type": "application/x-ndjson", "Authorization": "Bearer secret"}
    with Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="1") as board:
        status, _, answer = board.request("POST", "/api/publish", kind, body)
        assert status == 201, answer
        yield board


def price(symbol: str, value: float, at: int, decimals: int = 2) -> dict[str, Any]:
    fields = {"symbol": symbol, "price": value, "decimals": decimals, "at": at}
    change = {"change": value / 100, "change_percent": 1}
    return {"event": "price", "data": fields | change | {"market": "MAIN"}}


def history() -> list[dict[str, Any]]:
    """Return an incident of each kind, as they came to a score of 2–1."""
    kinds = get_args(IncidentKind)
    sides = [None if "_time" in kind or "kick" in kind else "home" for kind in kinds]
    return [
        goal(kind, side, None if side is None or i % 3 == 0 else "Ames", i * 7, 2, 1)
        for i, (kind, side) in enumerate(zip(kinds, sides, strict=True))
    ]


@pytest.fixture
def drawing(page: Page) -> Page:
    """Return a page whose charts are drawn by a library that records."""
    install_library(page)
    return page


def test_decimals_are_right_from_the_first_paint_and_while_nothing_moves(
    drawing: Page, still: Board, browser: Browser
) -> None:
    without = browser.new_context(java_script_enabled=False)
    plain = without.new_page()
    drawing.goto(still.url)
    wait_until_live(drawing)
    for symbol, (decimals, values) in WHOLE.items():
        plain.goto(f"{still.url}/s/{symbol}")
        drawing.locator(f"[data-symbol={symbol}] .symbol").click()
        sentence = drawing.locator("#chart-sentence")
        expect(sentence).to_contain_text(f"In this chart: {symbol} ")
        until(lambda: bars(drawing) > 1, 15, "it is drawn")
        assert drawing.evaluate(TEXTS) == plain.evaluate(TEXTS)
        last = f"{values[-1]:,.{decimals}f}"
        expect(sentence).to_contain_text(f"to {last};")
        formatted = "(value) => drawn.series.priceFormat.formatter(value)"
        assert drawing.evaluate(formatted, values[-1]) == last
        assert (
            plain.locator("#chart-high").text_content()
            == f"{max(values):,.{decimals}f}"
        )
        assert drawing.evaluate("() => document.body.scrollWidth <= innerWidth")
    without.close()


def test_a_span_is_one_of_time_and_times_of_another_day_have_their_date(
    drawing: Page, still: Board
) -> None:
    drawing.goto(f"{still.url}/s/OLD")
    expect(drawing.locator("#chart-sentence")).to_contain_text("low 12.00, high 13.00")
    until(lambda: bars(drawing) == 2, 15, "4 h")
    assert offered(drawing) == ["15 min", "1 h", "4 h", "1 day"]
    expect(pressed(drawing)).to_have_text("4 h")
    market = drawing.locator("#detail-market")
    expect(market).to_contain_text(re.compile(r"Market closed.+until \w{3} \d\d:\d\d"))
    expect(market).to_contain_text("as of ")


def test_a_span_that_shows_no_more_than_another_is_not_offered(
    drawing: Page, still: Board
) -> None:
    drawing.goto(f"{still.url}/s/TINY")
    wait_until_live(drawing)
    until(lambda: bars(drawing) == 3, 15, "drawn")
    assert offered(drawing) == ["15 min"]
    expect(pressed(drawing)).to_have_text("15 min")
    drawing.locator("[data-symbol=DENSE] .symbol").click()
    until(lambda: bars(drawing) > 40, 15, "50 minutes")
    assert offered(drawing) == ["15 min", "1 h"]
    expect(pressed(drawing)).to_have_text("1 h")
    drawing.get_by_role("button", name="15 min").click()
    expect(pressed(drawing)).to_have_text("15 min")
    until(lambda: offered(drawing) == ["15 min", "1 h"], 15, "1 h is still offered")


def test_sparse_prices_are_a_line_and_others_candles(
    drawing: Page, still: Board
) -> None:
    drawing.goto(f"{still.url}/s/PENNY")
    until(lambda: bars(drawing) == 3, 15, "drawn")
    assert drawing.evaluate("() => drawn.kind") == "LineSeries"
    assert (
        drawing.evaluate("() => drawn.data.map((it) => it.value)") == WHOLE["PENNY"][1]
    )
    drawing.locator("[data-symbol=DENSE] .symbol").click()
    until(lambda: bars(drawing) > 40, 15, "it is drawn")
    assert drawing.evaluate("() => drawn.kind") == "CandlestickSeries"
    assert drawing.evaluate("() => drawn.data.at(-2).high > drawn.data.at(-2).low")


def test_days_below_the_chart_begin_when_the_readers_do(
    browser: Browser, still: Board
) -> None:
    with browser.new_context(timezone_id="Asia/Kolkata", locale="en-GB") as context:
        page = context.new_page()
        install_library(page)
        page.goto(f"{still.url}/s/OLD")
        until(lambda: bars(page) == 2, 15, "drawn")
        ticks = """() => {
          const { tickMarkFormatter } = drawn.options.timeScale;
          const { timeFormatter } = drawn.options.localization;
          const { time } = drawn.data.at(-1);
          const { dateTime } = document.querySelector("#detail-figures time");
          const at = Date.parse(dateTime) / 1000;
          return [time - at, tickMarkFormatter(time, 3), tickMarkFormatter(time, 2),
            timeFormatter(time), document.querySelector("#chart-to").textContent];
        }"""
        distance, tick, day, label, shown = page.evaluate(ticks)
        assert 5.5 * 3600 - 240 < distance <= 5.5 * 3600
        assert re.fullmatch(r"\d\d:\d\d", tick)
        assert re.fullmatch(r"\w{3} \d{1,2} \w{3}", day)
        assert label.endswith(tick) and shown.endswith(tick)


def test_colours_follow_the_connection_and_forced_colours(
    drawing: Page, still: Board
) -> None:
    drawing.goto(f"{still.url}/s/DENSE")
    until(lambda: bars(drawing) > 40, 15, "it is drawn")
    up, down, muted = drawing.evaluate(
        "() => [drawn.series.upColor, drawn.series.downColor]"
    ) + drawing.evaluate("() => [drawn.chart.layout.textColor]")
    assert len({up, down, muted}) == 3
    # The page may take the attribute away again at once: so all colours are recorded.
    for element, attribute in (("html", "data-stale"), ("#quote-detail", "data-old")):
        drawing.evaluate("() => { drawn.risen = []; }")
        it = f"document.querySelector('{element}')"
        drawing.evaluate(f"() => {it}.setAttribute('{attribute}', '')")
        until(lambda: muted in risen(drawing), 15, f"{attribute} makes it grey")
        drawing.evaluate(f"() => {it}.removeAttribute('{attribute}')")
        until(lambda: risen(drawing)[-1] == up, 15, "it has its colours again")
    drawing.emulate_media(forced_colors="active")
    until(lambda: risen(drawing)[-1] == "transparent", 15, "rising candles are hollow")
    assert drawing.evaluate("() => drawn.series.borderVisible")
    assert drawing.evaluate("() => drawn.series.downColor !== 'transparent'")


def test_the_wheel_scrolls_the_panel_and_zooms_with_ctrl(
    page: Page, still: Board
) -> None:
    page.set_viewport_size({"width": 1024, "height": 600})
    page.goto(f"{still.url}/s/DENSE")
    expect(page.locator("#chart-library canvas").first).to_be_visible()
    page.locator("#chart-plot").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    top = "() => document.querySelector('#detail').scrollTop"
    assert page.evaluate(top) == 0
    assert page.evaluate("() => visualViewport.scale") == 1
    page.mouse.wheel(0, 200)
    until(lambda: page.evaluate(top) > 100, 15, "the panel scrolls")


@pytest.mark.parametrize("path", ["/s/DENSE", "/s/LONG"])
def test_a_detail_is_printed_on_one_page_in_light_colours(
    page: Page, still: Board, path: str
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(still.url + path)
    wait_until_live(page)
    page.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
    expect(page.locator("#chart-library canvas").first).to_be_visible()
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type ?/Page\b", paper)) == 1
    page.emulate_media(media="print")
    expect(page.locator("#own-line")).to_be_visible()
    expect(page.locator("#chart-library")).to_be_hidden()
    expect(page.locator("#prices")).to_be_hidden()
    points = page.locator("#chart-line").get_attribute("points") or ""
    assert points.count(",") > 2
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"


def test_the_server_and_the_script_say_the_same_of_a_match(
    page: Page, still: Board, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as without:
        plain = without.new_page()
        plain.goto(f"{still.url}/m/acton-burton")
        said = plain.evaluate(SAID)
    page.goto(still.url)
    wait_until_live(page)
    page.locator("[data-match] .open").click(position={"x": 4, "y": 4})
    until(lambda: page.evaluate(SAID) == said, 15, "the script says the same")
    lines = page.locator("#timeline li")
    expect(lines).to_have_count(len(get_args(IncidentKind)))
    expect(lines.first).to_contain_text("Full time 2–1")
    expect(page.locator(".hero-score")).to_have_text("2–1")
    expect(page.locator(".hero-state")).to_contain_text("pens 4–3")


def bars(page: Page) -> int:
    """Return how many bars the library has drawn; 0 if it isn't loaded."""
    return int(page.evaluate("() => window.drawn?.data.length ?? 0"))


def risen(page: Page) -> list[str]:
    """Return the colours that rising candles have had, the present one last."""
    return [*page.evaluate("() => drawn.risen")]


def offered(page: Page) -> list[str]:
    """Return the spans that a person can choose."""
    spans = page.evaluate(OFFERED)
    return [text for text, is_disabled, _ in spans if not is_disabled]


def pressed(page: Page) -> Any:
    """Return the buttons of the chosen spans."""
    return page.locator("#chart-spans [aria-pressed=true]")
