"""Rows whose source isn't live look stale everywhere, and the page says why."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.helpers.harness import Board
from tests.helpers.pages import wait_for_state

SINCE = 1_795_874_592_000  # 14:03:12 UTC on 28 November 2026
TOKEN = "0123456789abcdef"
SIDES = {"home": {"name": "Acton", "score": 1}, "away": {"name": "Burton", "score": 0}}


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with Board(FEED="published", PUBLISH_TOKEN=TOKEN) as board:
        yield board


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        timezone_id="UTC", viewport={"width": 1440, "height": 900}
    )
    with context:
        yield context.new_page()


def publish(board: Board, *events: dict[str, Any]) -> None:
    body = "\n".join(map(json.dumps, events)).encode()
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/x-ndjson",
    }
    assert board.request("POST", "/api/publish", headers, body)[0] == 201


def price(symbol: str, source: str | None) -> dict[str, Any]:
    data = {"symbol": symbol, "price": 5, "previous_close": 4, "source": source}
    return {"event": "price", "data": data}


def score(match: str, source: str | None) -> dict[str, Any]:
    data = {"match": match, "status": "2H", "source": source, **SIDES}
    return {"event": "score", "data": data}


def source(name: str, status: str, detail: str | None = None) -> dict[str, Any]:
    data = {"source": name, "status": status, "since": SINCE, "detail": detail}
    return {"event": "source", "data": data}


def old(page: Page) -> Locator:
    return page.locator("[data-old]")


def test_rows_of_a_source_that_is_not_live_look_stale_until_it_is(
    board: Board, page: Page
) -> None:
    market = {"market": "KRAKEN", "status": "open", "source": "Kraken"}
    publish(
        board,
        *(price("BTC/USD", "Kraken"), price("DESK", None), score("m", "ESPN")),
        {"event": "market", "data": market},
    )
    page.goto(f"{board.url}/s/BTC%2FUSD")
    wait_for_state(page, "live")
    line = page.locator("#sources")
    expect(line).to_be_hidden()
    expect(old(page)).to_have_count(0)
    publish(board, source("Kraken", "away", "It doesn't accept connections."))
    said = "Kraken: no answer since 14:03:12. It doesn't accept connections."
    expect(line).to_have_text(said)
    # The row, the market and the opened detail; not the rows of others.
    expect(old(page)).to_have_count(3)
    expect(page.locator("tr[data-old]")).to_have_attribute("data-symbol", "BTC/USD")
    expect(page.locator("#quote-detail[data-old]")).to_be_visible()
    muted = "(row) => getComputedStyle(row.querySelector('.price')).color"
    stale, live = (
        page.locator(f"tr[data-symbol='{symbol}']").evaluate(muted)
        for symbol in ("BTC/USD", "DESK")
    )
    assert stale != live
    publish(board, source("ESPN", "mute"))
    expect(page.locator(".match[data-old]")).to_have_count(1)
    expect(line).to_contain_text("ESPN: no data since 14:03:12.")
    page.reload()  # the server writes the same
    expect(line).to_contain_text(said)
    expect(old(page)).to_have_count(4)
    publish(board, source("Kraken", "live"), source("ESPN", "live"))
    expect(line).to_be_hidden()
    expect(old(page)).to_have_count(0)


def test_the_embedded_board_and_the_text_say_the_same(board: Board, page: Page) -> None:
    publish(board, price("BTC/USD", "Kraken"), score("m", "ESPN"))
    publish(board, source("Kraken", "refused"), source("ESPN", "live"))
    page.goto(f"{board.url}/embed")
    wait_for_state(page, "live")
    expect(page.locator("#sources")).to_have_text(
        "Kraken: no access since 14:03:12.", use_inner_text=True
    )
    expect(page.locator("tr[data-old]")).to_have_count(1)
    text = board.get("/", {"Accept": "text/plain"})[2].decode().splitlines()
    assert "Kraken: no access since 14:03:12 UTC." in text
    rows = {line.split()[0]: line for line in text if line}
    assert rows["BTC/USD"].endswith("out of date")
    assert not rows["DESK"].endswith("out of date")
    stream = board.get("/stream.txt?once=1&events=source")[2].decode()
    assert "Kraken is refused since 14:03:12" in stream
    publish(board, source("Kraken", "live"))
    expect(page.locator("#sources")).to_be_hidden()


def test_a_change_over_a_day_is_named_and_a_close_is_not(
    board: Board, page: Page
) -> None:
    publish(board, price("BTC/USD", "Kraken"), price("DESK", None))
    page.goto(f"{board.url}/s/BTC%2FUSD")
    wait_for_state(page, "live")
    expect(page.locator("#day-change")).to_have_text("Kraken: change over 24 h")
    expect(page.locator("#quote-detail dt", has_text="24 h ago")).to_be_visible()
    page.goto(f"{board.url}/s/DESK?symbols=DESK")
    wait_for_state(page, "live")
    expect(page.locator("#day-change")).to_be_hidden()
    expect(page.locator("#quote-detail dt", has_text="Previous")).to_be_visible()


def test_the_tag_stands_where_something_shown_is_simulated(
    board: Board, page: Page
) -> None:
    publish(board, price("BTC/USD", "Kraken"), score("m", "ESPN"))
    page.goto(board.url)
    wait_for_state(page, "live")
    tag = page.locator("#simulated")
    expect(tag).to_be_hidden()
    publish(board, score("m", "simulator"))
    expect(tag).to_have_text("Simulated scores")
    publish(board, price("BTC/USD", "simulator"))
    expect(tag).to_have_text("Simulated data")
    publish(board, score("m", "ESPN"), price("DESK", None))
    expect(tag).to_have_text("Simulated prices")
    page.goto(f"{board.url}/?view=scores")
    expect(tag).to_be_hidden()
    wait_for_state(page, "live")
    expect(tag).to_be_hidden()
    title = board.get("/", {"Accept": "text/plain"})[2].decode().splitlines()[0]
    assert "simulated prices" in title
