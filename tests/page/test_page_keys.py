"""Odd keys on the page: each row opens its own key, and its address does so again."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.helpers.harness import Board, until
from tests.helpers.keys import ODD_KEYS, SCORE, KeyClient, encode_slashes, publish_key
from tests.helpers.pages import wait_until_live

SHORTENED = (".", "..")  # a browser takes these out of a path, encoded or not
CLICKED = (
    "/ES",
    "a//b",
    "../..",
    "%2F",
    "a?b=c",
    "a#b",
    "a&b=c+d",
    "C:\\x",
    " ",
    "😀" * 200,
)
MATCHES = ("/m", "a,b", "../x", ".", "..")
ROW = """([key, name]) => [...document.querySelectorAll(`#board [data-${name}]`)]
  .find(({ dataset }) => dataset[name] === key)?.querySelector("a")"""
ADDRESSES = """() => Object.fromEntries(
  [...document.querySelectorAll("#board [data-symbol] a.symbol")]
    .map((link) => [link.textContent, link.href]))"""


@pytest.fixture(scope="module")
def odd() -> Iterator[Board]:
    """Yield a board with a symbol of each odd key; its price is its number."""
    with Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="1") as board:
        with closing(KeyClient(board.port)) as client:
            for number, key in enumerate(ODD_KEYS):
                publish_key(client, "price", key, {"price": number})
            for key in MATCHES:
                path = f"/api/scores/{encode_slashes(key)}"
                assert client.send("PUT", path, SCORE) == 201
        yield board


def test_a_row_opens_its_own_key_and_a_reload_opens_it_again(
    page: Page, odd: Board
) -> None:
    page.goto(odd.url)
    wait_until_live(page)
    for key in CLICKED:
        click_row(page, key)
        expect(page).to_have_url(odd.url + address_of(key))
        check_detail(page, key)
        page.reload()
        check_detail(page, key)
        page.locator("#detail-close").click()
        expect(page).to_have_url(f"{odd.url}/")


def test_without_a_script_the_links_lead_to_their_own_key(
    browser: Browser, odd: Board
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(odd.url)
        links = page.evaluate(ADDRESSES)
        assert links == {key: odd.url + address_of(key) for key in ODD_KEYS}
        for key in CLICKED:
            page.goto(links[key])
            check_detail(page, key)


@pytest.mark.parametrize("key", SHORTENED)
def test_a_key_that_no_address_can_name_opens_from_its_row_alone(
    page: Page, odd: Board, key: str
) -> None:
    page.goto(odd.url)
    wait_until_live(page)
    click_row(page, key)
    check_detail(page, key)
    page.reload()
    wait_until_live(page)
    expect(page.locator("#detail")).to_be_hidden()


@pytest.mark.parametrize("key", ["/ES", "  both ends  ", "..", "a,b", ODD_KEYS[-1]])
def test_the_line_for_a_terminal_follows_the_symbol_that_is_opened(
    page: Page, odd: Board, key: str
) -> None:
    page.goto(odd.url)
    wait_until_live(page)
    click_row(page, key)
    assert first_line(page, f"  {key} ").startswith("price ")


@pytest.mark.parametrize("key", MATCHES)
def test_the_line_for_a_terminal_follows_the_match_that_is_opened(
    page: Page, odd: Board, key: str
) -> None:
    page.goto(odd.url)
    wait_until_live(page)
    click_row(page, key, "match")
    assert first_line(page, f'"match":"{key}"')


def address_of(key: str) -> str:
    """Return the path of a symbol's page, and of the board for one that has none."""
    return "/" if key in SHORTENED else f"/s/{encode_slashes(key)}"


def click_row(page: Page, key: str, name: str = "symbol") -> None:
    link = page.wait_for_function(ROW, arg=[key, name]).as_element()
    assert link
    if key.strip():
        link.click()
    else:
        link.evaluate("(link) => link.click()")  # a name of spaces has no width


def check_detail(page: Page, key: str) -> None:
    """Check that the detail shows this symbol, which has its number as its price."""
    price = page.locator("#detail-price [data-field=price]")
    expect(price).to_have_text(f"{ODD_KEYS.index(key)}.00")
    assert page.locator("#detail-title").text_content() == key


def first_line(page: Page, words: str) -> str:
    """Return the first line with these words that the page's own command prints."""
    line = page.locator("#curl")
    expect(line).to_contain_text(re.compile("events=price|/stream/matches/"))
    command = line.text_content()
    with subprocess.Popen(
        ["sh", "-c", f"exec {command} -sS --max-time 20"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            return next((line for line in process.stdout if words in line), "")
        finally:
            process.kill()


def test_keys_that_are_pressed_before_their_script_has_come_open_a_row(
    page: Page, board: Board
) -> None:
    waiting: list[Route] = []
    page.route("**/openers.js*", lambda route: waiting.append(route))
    page.goto(board.url)
    wait_until_live(page)
    with page.expect_request("**/openers.js*"):
        page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    until(lambda: page.title() and waiting, 15, "the script is asked for")
    waiting[0].continue_()
    second = page.locator("#prices .symbol").nth(1)
    expect(second).to_be_focused()
    expect(page.locator("#detail-title")).to_have_text(second.inner_text())
