"""Nothing covers anything, on any window: no panel its table, no figure another one."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from feed.clock import now_ms
from tests.helpers.harness import Board
from tests.helpers.pages import CHROMIUM, wait_until_live
from tests.helpers.samples import EVENING, match, quote

PHONES = (320, 390)
WIDTHS = (640, 768, 1024, 1280, 1440, 1680, 1920, 2560, 3840)
BEARER = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
PRICES = (  # symbol, price, decimals, change
    ("ACME", 145.32, 2, 0.53),
    ("BRK.A", 812_345.67, 2, -12_034.5),
    ("TINY", 0.00001234, 8, 0.00000034),
    ("MEGA", 124_691_356_902.63, 2, -1_234_567_890.12),
    ("YEN", 34_500, 0, 120),
)
CLOSED = {"market": "XETR", "status": "closed", "until": None, "at": EVENING}
# In each view, with prices, scores or both hidden as by a search: the parts under the
# panel. An open detail covers the whole window only on a phone.
COVERED = """
() => {
  const found = [];
  const panel = [...document.querySelectorAll(".detail")].find((it) => !it.hidden);
  const parts = [".prices", ".scores", ".own"].map((it) => document.querySelector(it));
  for (const view of ["both", "prices", "scores", "ticket"]) {
    document.documentElement.dataset.view = view;
    for (const hidden of [[], [0], [1], [0, 1]]) {
      parts.slice(0, 2).forEach((part, i) => (part.hidden = hidden.includes(i)));
      const over = panel.getBoundingClientRect();
      for (const part of parts) {
        const under = part.getBoundingClientRect();
        const across = Math.min(over.right, under.right) - Math.max(over.x, under.x);
        const down = Math.min(over.bottom, under.bottom) - Math.max(over.y, under.y);
        if (across < 0.5 || down < 0.5) continue;
        found.push(`${view} without ${hidden}: ${part.className} by ${across} px`);
      }
    }
  }
  return found;
}
"""
# What is wrong with the figures: two that meet in a row, one that leaves the table, one
# that is cut, a symbol without room, a column that isn't straight.
COLLISIONS = """
() => {
  const found = [];
  const table = document.querySelector(".prices table").getBoundingClientRect();
  const edges = new Set();
  for (const row of document.querySelectorAll(".prices tr")) {
    const isHead = row.closest("thead");
    const texts = isHead ? "a.sort, th.range" : "[data-field]:is(span, td, a)";
    const boxes = [...row.querySelectorAll(texts)]
      .filter((it) => it.checkVisibility() && it.textContent.trim())
      .map((it) => {
        const range = document.createRange();
        range.selectNodeContents(it);
        const { left, right, top, bottom } = range.getBoundingClientRect();
        const name = `${it.dataset.field ?? "head"} ${it.textContent}`;
        const isName = ["symbol", "name"].includes(it.dataset.field);
        const end = isName ? it.getBoundingClientRect().right : right;
        return { name, left, right: end, top, bottom, isName, it };
      });
    boxes.forEach((one, i) => {
      if (one.left < table.left - 1 || one.right > table.right + 7)
        found.push(`${one.name} leaves the table`);
      for (const two of boxes.slice(i + 1)) {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (across > 0.5 && down > 3) found.push(`${one.name} meets ${two.name}`);
      }
    });
    if (isHead) continue;
    const height = row.getBoundingClientRect().bottom;
    for (const { name, bottom } of boxes)
      if (bottom > height + 1) found.push(`${name} is cut`);
    const symbol = row.querySelector(".symbol").getBoundingClientRect();
    if (symbol.width < 24) found.push(`${symbol.width} px for a symbol`);
    const right = row.querySelector(".price").getBoundingClientRect().right;
    edges.add(Math.round(right - row.getBoundingClientRect().left));
  }
  if (edges.size > 1) found.push(`prices end at ${[...edges]}`);
  return found;
}
"""


@pytest.fixture(scope="module")
def crowded() -> Iterator[Board]:
    """Yield a board with a price, a match, and a row of a publisher's own type."""
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        for symbol, price, decimals, change in PRICES:
            close = {"previous_close": price - change, "change_percent": -1.46}
            day = {"low": price * 0.98, "high": price * 1.01, "change": change}
            known = quote(symbol, price, decimals=decimals, **close, **day)
            publish(board, f"prices/{symbol}", known)
        publish(board, "keys/market/XETR", CLOSED)
        publish(board, "prices/SHUT", quote("SHUT", market="XETR", at=now_ms()))
        publish(board, "scores/acton-burton", match())
        publish(board, "keys/ticket/4711", {"subject": "Printer on fire"})
        yield board


@pytest.mark.parametrize(
    "path", ["/s/ACME", "/m/acton-burton", "/k/ticket/4711", "/ask"]
)
def test_no_detail_covers_the_table_beside_it(
    page: Page, crowded: Board, path: str
) -> None:
    page.goto(crowded.url + path)
    wait_until_live(page)
    expect(page.locator(".detail:not([hidden])")).to_be_visible()
    expect(page.locator(".own .panel").first).to_be_attached()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(COVERED) == [], width


def test_no_figures_meet_however_long_they_are(page: Page, crowded: Board) -> None:
    page.goto(f"{crowded.url}/?view=prices")
    wait_until_live(page)
    for width in (*PHONES, *WIDTHS):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(COLLISIONS) == [], width


@pytest.mark.parametrize("setting", ["minimumFontSize", "defaultFontSize"])
def test_no_figures_meet_in_the_type_that_a_person_set_in_the_browser(
    browser: Browser, crowded: Board, setting: str
) -> None:
    args = [*CHROMIUM["args"], f"--blink-settings={setting}=20"]
    with browser.browser_type.launch(**CHROMIUM | {"args": args}) as other:
        page = other.new_page(viewport={"width": 320, "height": 800})
        page.goto(f"{crowded.url}/?view=prices")
        wait_until_live(page)
        price = page.locator("[data-symbol=ACME] .price")
        expect(price).to_have_css("font-size", "20px")
        for width in (*PHONES, *WIDTHS):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(COLLISIONS) == [], width


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_row_says_that_its_market_is_closed_and_how_old_its_price_is(
    browser: Browser, crowded: Board, has_scripts: bool
) -> None:
    page = browser.new_page(java_script_enabled=has_scripts)
    page.goto(crowded.url)
    expect(page.locator("[data-symbol=SHUT] [data-field=age]")).to_have_text("Closed")
    expect(page.locator("[data-symbol=SHUT]")).to_have_attribute(
        "data-market", "closed"
    )
    # The samples are of a day long ago, in a market of which nothing was published.
    age = page.locator("[data-symbol=ACME] [data-field=age]")
    expect(age).to_have_text(re.compile(r"^\d+ d$"))
    page.close()


def publish(board: Board, path: str, data: Any) -> None:
    body = json.dumps(data).encode()
    status, _, answer = board.request("PUT", f"/api/{path}", BEARER, body)
    assert status == 201, answer
