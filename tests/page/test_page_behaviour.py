"""Behaviours of the page: focus, titles, notices, storage, and the list of matches."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.harness import Board, until
from tests.helpers.keys import SCORE, KeyClient
from tests.helpers.pages import wait_until_live
from web.format import hue, monogram

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
MONOGRAMS = {
    "Kestrelmoor Town": ("KT", "2"),
    "Eldvogar": ("EL", "0"),
    "FC Saint-Étienne": ("FS", "3"),
    "acme": ("AC", "4"),
    "1. FC Köln": ("1F", "2"),
    "(B) & Söhne": ("BS", "6"),
    "מכבי חיפה": ("מח", "7"),
    "東京": ("東京", "3"),
    "😀👍": ("😀👍", "1"),
    "ß": ("SS", "7"),
    "": ("", "0"),
}
# What the list of matches shows, in its order.
MATCHES = """(root) => [
  ...root.querySelectorAll("#competitions :not(.star, .call)"),
].map((it) => [
  it.localName, it.className, it.dataset.mono, it.dataset.hue, it.dataset.phase,
  it.getAttribute("aria-label"), it.children.length ? "" : it.textContent.trim(),
].map(String))"""
CONTRASTS = """() => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3)
    .map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92
      : ((it + 0.055) / 1.055) ** 2.4)
    .reduce((sum, it, i) => sum + it * [0.2126, 0.7152, 0.0722][i], 0.05);
  const mark = document.querySelector("[data-mono]");
  return [..."01234567"].map((hue) => {
    mark.dataset.hue = hue;
    const { color, backgroundColor } = getComputedStyle(mark, "::before");
    const [one, other] = [color, backgroundColor].map(light).sort((a, b) => b - a);
    return one / other;
  });
}"""
PLACES = """() => [...document.querySelectorAll(".match")].map((match) => {
  const at = (name) => match.querySelector(name).getBoundingClientRect();
  const [chip, star] = [".chip", ".star"].map(at);
  const [score, teams] = [".team-score", ".teams"].map(at);
  return {
    left: Math.round(match.getBoundingClientRect().x),
    score: Math.round(score.right - match.getBoundingClientRect().x),
    fits: chip.x >= teams.right && chip.right <= star.x + 1,
  };
})"""
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
    until_focused(page, "LOOM.symbol")
    page.keyboard.press("f")
    until(lambda: order(page)[0] == "LOOM", 15, "it is pinned")
    until_focused(page, "LOOM.symbol")
    page.keyboard.press("j")
    until_focused(page, "ACME.symbol")
    page.locator("[data-symbol=KEEL] .star").focus()
    page.keyboard.press("Space")
    until(lambda: order(page)[:2] == ["KEEL", "LOOM"], 15, "it is pinned, too")
    until_focused(page, "KEEL.star")
    page.keyboard.press("Shift+Tab")
    page.locator("[data-filter=pinned]").click()
    page.locator("[data-symbol=KEEL] .symbol").focus()
    page.keyboard.press("f")
    expect(page.locator("[data-symbol=KEEL]")).to_be_hidden()
    until_focused(page, "LOOM.symbol")
    page.keyboard.press("f")
    expect(page.locator("[data-symbol=LOOM]")).to_be_hidden()
    until_focused(page, "board.")


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


def test_the_script_lists_matches_as_the_server_does(page: Page, still: Board) -> None:
    page.goto(still.url)
    wait_until_live(page)
    with closing(KeyClient(still.port)) as client:
        long = json.loads(SCORE) | {"status": "NS", "competition": "Cup"}
        long["home"]["name"] = "Wolverhampton Wanderers"
        for match, status in (("three", "NS"), ("four", "PST"), ("five", "INT")):
            put(client, f"scores/{match}", long | {"status": status})
        for status in ("1H", "FT"):
            goals = {"home": long["home"] | {"score": 10, "red_cards": 1}}
            put(client, "scores/three", long | goals | {"status": status})
    done = page.locator(".phase[data-phase=over] + [data-match=three]")
    expect(done).to_have_count(1)
    page.mouse.move(2, 2)
    html = "fetch('/', {headers: {Accept: 'text/html'}}).then((it) => it.text())"
    parsed = f"new DOMParser().parseFromString(await {html}, 'text/html')"
    served = page.evaluate(f"async () => ({MATCHES})({parsed})")
    until(lambda: page.evaluate(f"() => ({MATCHES})(document)") == served, 15, "equal")
    titles = [text for *_, text in served if text in ("● Live", "Upcoming", "Finished")]
    assert titles == ["● Live", "Upcoming", "Finished", "● Live", "Finished"]


def test_scores_stand_in_one_column_and_the_minute_beside_them(
    page: Page, still: Board
) -> None:
    page.goto(f"{still.url}/?view=scores")
    wait_until_live(page)
    for width in (320, 390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        places = page.evaluate(PLACES)
        assert len(places) >= 2
        assert len({it["score"] for it in places}) == 1, (width, places)
        assert all(it["fits"] for it in places), (width, places)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_monogram_can_be_read_in_every_hue(
    page: Page, still: Board, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(still.url)
    assert min(page.evaluate(CONTRASTS)) >= 4.5


def test_a_monogram_has_its_letters_and_hue_from_the_name(
    page: Page, still: Board
) -> None:
    page.goto(f"{still.url}/healthz")
    written = page.evaluate(
        """async (names) => {
          const { hue, monogram } = await import("/static/format.js");
          return names.map((name) => [monogram(name), hue(name)]);
        }""",
        [*MONOGRAMS],
    )
    assert written == [[monogram(name), hue(name)] for name in MONOGRAMS]
    assert {name: (monogram(name), hue(name)) for name in MONOGRAMS} == MONOGRAMS


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


def until_focused(page: Page, element: str) -> None:
    """Wait for the focus: the first key loads the script of the shortcuts."""
    until(lambda: page.evaluate(FOCUSED) == element, 15, f"{element} has the focus")


def order(page: Page) -> list[str]:
    shown = "[...document.querySelectorAll('[data-symbol]:not([hidden])')]"
    found: list[str] = page.evaluate(f"() => {shown}.map((row) => row.dataset.symbol)")
    return found
