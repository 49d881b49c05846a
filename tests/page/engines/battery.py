"""What the page has to do in every browser engine, as checks.

`EVERYDAY` checks share a profile. `SPECIAL` checks make profiles of their own, because
they are about its language or about what can be stored.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterator

from tests.helpers.boards import open_streams
from tests.helpers.harness import LOOPBACK, Board, until
from tests.helpers.pages import elsewhere
from tests.helpers.samples import match, team
from tests.helpers.tabs import PATIENCE, Cookies, Engine, Profile, Tab

SMALL = 500, 400  # a window that costs little to paint
TOKEN = "view-token-0123456789"
SECRET = {"Authorization": "Bearer secret"}
PRICES = """() => [...document.querySelectorAll("[data-symbol] [data-field=price]")]
  .map((it) => it.textContent)"""
CANDLES = """() => [...document.querySelectorAll("#chart canvas")].some((it) => {
  const { data } = it.getContext("2d").getImageData(0, 0, it.width, it.height);
  let coloured = 0;
  for (let i = 0; i < data.length; i += 4) {
    coloured += Math.abs(data[i] - data[i + 1]) > 40 && data[i + 3] > 200;
  }
  return coloured > 200;
})"""
"""Whether candles are painted: they are red and green, and the axes are grey."""
OVERHANG = """() => {
  const figure = document.querySelector("[data-type=ticket] .figure");
  const { right } = figure.parentElement.getBoundingClientRect();
  const { paddingRight } = getComputedStyle(figure.parentElement);
  return figure.getBoundingClientRect().right - right + parseFloat(paddingRight);
}"""
"""By how many pixels a figure hangs over the end of its cell."""
NOTE_CANVAS = """() => {
  window.written = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.written.push(text);
    return fillText.call(this, text, ...rest);
  };
}"""
OTHER_DIGITS = re.compile("[\u0660-\u0669\u06f0-\u06f9]")


# Checks that share a profile.


def events_of_each_type_reach_the_page(profile: Profile, board: Board) -> None:
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        wait_moving(tab)
        notice = {"notice": "n", "title": "Halted for a check", "level": "info"}
        put(board, "/api/keys/notice/n", notice | {"topic": None, "body": None})
        tab.wait_text("#notices", "Halted for a check")
        board.request("DELETE", "/api/keys/notice/n", SECRET)
        tab.wait_hidden("#notices")
        put(board, "/api/prices/TINY", 1.5)
        tab.wait_text("[data-symbol=TINY]", "1.50")
        ticket = {"subject": "No mail", "status": "open", "waiting": 22.5}
        put(board, "/api/keys/ticket/4711", ticket)
        tab.wait_text("[data-type=ticket][data-key='4711']", "No mail")
        # Firefox cuts a figure whose box is wider than the inside of its cell.
        assert tab.evaluate(OVERHANG) < 0.1  # layout rounds
        put(board, "/api/keys/ticket/4711", ticket | {"status": "solved"})
        tab.wait_text("[data-type=ticket][data-key='4711']", "solved")
        board.request("DELETE", "/api/keys/ticket/4711", SECRET)
        tab.wait_hidden("[data-type=ticket][data-key='4711']")


def tabs_and_frames_share_a_stream_until_the_last_one_closes(
    profile: Profile, board: Board
) -> None:
    paths = ("/", "/?view=scores", "/embed?symbols=KEEL", "/s/KEEL", "/m/none")
    tabs = [profile.open(board.url + path, SMALL) for path in paths]
    for tab in tabs:
        tab.wait_state("live")
    assert open_streams(board) == 1
    tabs[0].close()  # the one that made the worker
    tabs[3].show()
    wait_moving(tabs[3])
    assert open_streams(board) == 1
    for tab in tabs[1:]:
        tab.close()
    until(lambda: open_streams(board) == 0, PATIENCE, "the stream ends")


def a_killed_server_that_returns_is_live_again(profile: Profile, board: Board) -> None:
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        board.kill()
        tab.wait_state("reconnecting")
        board.start().wait_ready()
        tab.wait_state("live")
        wait_moving(tab)


def back_and_forward_are_live(profile: Profile, board: Board) -> None:
    with profile.open(f"{board.url}/?sort=-price") as tab:
        tab.wait_state("live")
        tab.evaluate("() => { window.stays = true; }")
        tab.goto(f"{board.url}/healthz")
        until(lambda: open_streams(board) == 0, PATIENCE, "the stream ends")
        tab.travel(-1)
        tab.wait("() => location.search === '?sort=-price'")
        if profile.caches_pages:
            assert tab.evaluate("() => window.stays"), "the page is the one of before"
        tab.wait_state("live")
        wait_moving(tab)
        tab.travel(1)
        tab.wait("() => location.pathname === '/healthz'")
        until(lambda: open_streams(board) == 0, PATIENCE, "the stream ends")
        tab.travel(-1)
        tab.wait_state("live")


def a_row_opens_its_chart_and_closes(profile: Profile, board: Board) -> None:
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        tab.click("[data-symbol=KEEL] .symbol")
        tab.wait_text("#detail-title", "KEEL")
        tab.wait(CANDLES, why="candles are painted")
        tab.click("#chart-table summary")
        tab.wait("() => document.querySelectorAll('#chart-rows tr').length > 3")
        tab.travel(-1)
        tab.wait_hidden("#detail")
        tab.click("[data-match]")
        tab.wait("() => location.pathname.startsWith('/m/')")
        tab.wait_text("#match-detail", "Timeline")
        tab.press("Escape")
        tab.wait_hidden("#detail")


def prices_can_be_searched_and_sorted(profile: Profile, board: Board) -> None:
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        tab.fill("#search", "anvil")
        tab.wait("() => location.search === '?q=anvil'")
        assert tab.count("[data-symbol]") == 1
        tab.fill("#search", "")
        tab.wait("() => location.search === ''")
        tab.click("thead [data-sort=price]")
        tab.wait("() => location.search === '?sort=-price'")
        tab.wait(
            f"""() => {{
              const all = ({PRICES})().map(Number);
              return all.every((price, i) => i === 0 || price <= all[i - 1]);
            }}""",
            why="the prices fall",
        )
        tab.choose("#sort", "-at")
        tab.wait("() => location.search === '?sort=-at'")


def pins_and_the_theme_last_and_reach_the_other_tab(
    profile: Profile, board: Board
) -> None:
    pinned = "[data-symbol=BOLT] .star[aria-pressed=true]"
    with profile.open(board.url) as one, profile.open(board.url, SMALL) as other:
        other.wait_state("live")
        one.show()
        one.wait_state("live")
        one.click("[data-symbol=BOLT] .star")
        one.press("t")
        theme = one.wait("() => document.documentElement.dataset.theme")
        for tab in (one, other):
            tab.show()
            tab.wait_text(pinned, "★")
            tab.reload()
            tab.wait_text(pinned, "★")
            tab.wait("(it) => document.documentElement.dataset.theme === it", theme)
        one.click("#open-settings")
        one.choose("#set-theme", "dark")
        one.press("Escape")
        one.wait_hidden("#settings")
        for tab in (one, other):
            tab.show()
            tab.wait("() => document.documentElement.dataset.theme === 'dark'")
        assert background(one) == background(other) == (13, 17, 23)
        one.choose("#set-theme", "system")
        other.click(pinned)


def an_alert_is_given_in_each_tab_that_has_it(profile: Profile, board: Board) -> None:
    put(board, "/api/prices/TINY", 10)
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        tab.click("#open-alerts")
        tab.fill("#alert-symbol", "TINY")
        tab.fill("#alert-price", "10,50")
        tab.press("Enter")
        tab.wait_text("#alert-list", "TINY above 10.50")
        tab.press("Escape")
        tab.wait_hidden("#alerts")
        put(board, "/api/prices/TINY", 11)
        tab.wait_text(".toast", "TINY is above 10.50")


def a_paused_page_keeps_its_values(profile: Profile, board: Board) -> None:
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        tab.click("#pause")
        before = tab.evaluate(PRICES)
        tab.wait(
            "() => Number(/ ([0-9]+) rows/.exec(document.body.innerText)?.[1]) > 2",
            why="rows have changed",
        )
        assert tab.evaluate(PRICES) == before
        tab.click("#pause")
        tab.wait(f"(it) => String(({PRICES})()) !== it", ",".join(before))


def frames_of_another_site_share_a_stream(profile: Profile, board: Board) -> None:
    with framed(board) as site, profile.open(site) as tab:
        wait_frames(tab)
        streams = open_streams(board)
        assert 1 <= streams <= 2  # Playwright's Chromium gives each frame a worker


def an_answer_types_itself(profile: Profile, board: Board) -> None:
    with profile.open(f"{board.url}/?sort=-price") as tab:
        tab.wait_state("live")
        tab.press("q")
        tab.fill("#ask-question", "How is KEEL?")
        tab.press("Enter")
        tab.wait_text("#ask", "As of")
        tab.wait_text("#ask a.figure", ".")
        tab.reload()
        tab.wait_text("#ask", "As of")
        tab.wait_state("live")
        tab.press("Escape")
        tab.wait_hidden("#ask")


def names_keep_their_words_at_kick_off(profile: Profile, board: Board) -> None:
    names = ("Iskarova", "Havbrekka BK")
    teams = {"home": team(names[0]), "away": team(names[1])}
    upcoming = match("NS", match="iskarova-havbrekka", minute=None) | teams
    put(board, "/api/scores/iskarova-havbrekka", upcoming)
    row = "[data-match=iskarova-havbrekka]"
    with profile.open(board.url) as tab:
        tab.wait_state("live")
        tab.wait_text(row, names[0])
        put(board, "/api/scores/iskarova-havbrekka", upcoming | {"status": "1H"})
        tab.wait_text(f"{row}:not([data-phase=upcoming])", names[0])
        assert tab.evaluate(
            """(row) => [...document.querySelectorAll(`${row} .team-name`)].map(it => {
              const range = document.createRange();
              range.selectNodeContents(it);
              return new Set([...range.getClientRects()].map(({ top }) => top)).size;
            })""",
            row,
        ) == [1, 1]
    board.request("DELETE", "/api/scores/iskarova-havbrekka", SECRET)


# Checks that make profiles of their own.


def languages_change_neither_digits_nor_the_chart(engine: Engine, board: Board) -> None:
    for language in ("C", "fa-IR", "ar-EG"):
        with engine.profile(language) as profile, profile.open(board.url) as tab:
            assert tab.evaluate("() => navigator.language") == language
            tab.wait_state("live")
            tab.evaluate(NOTE_CANVAS)
            tab.click("[data-symbol=KEEL] .symbol")
            tab.wait(CANDLES, why=f"candles are painted in {language}")
            tab.wait("() => window.written.some((it) => /^\\d+:\\d\\d$/.test(it))")
            written = tab.evaluate("() => window.written.join(' ')")
            assert not OTHER_DIGITS.search(written + tab.text("body"))


def pages_are_live_where_nothing_can_be_stored(engine: Engine, board: Board) -> None:
    everywhere: tuple[Cookies, ...] = ("own", "none")
    for cookies in everywhere:
        with engine.profile(cookies=cookies) as profile:
            with framed(board) as site, profile.open(site) as tab:
                wait_frames(tab)
            with profile.open(board.url) as tab:
                tab.wait_state("live")
                wait_moving(tab)
                tab.click("[data-symbol=BOLT] .star")
                tab.wait_text("[data-symbol=BOLT] .star[aria-pressed=true]", "★")


def a_frame_in_a_sandbox_says_why_it_is_not_live(engine: Engine, board: Board) -> None:
    html = f"<iframe sandbox='allow-scripts' src='{board.url}/embed'></iframe>"
    with (
        elsewhere(html) as site,
        engine.profile() as profile,
        profile.open(site) as tab,
    ):
        tab.wait("() => frames.length === 1")
        frame = tab.frame(0)
        if engine.name == "webkit":  # it takes 'self' in the policy for nobody there
            frame.wait_text("#badge", "Connecting")
            assert (
                frame.evaluate("() => performance.getEntriesByType('resource')") == []
            )
        else:
            frame.wait_text("#badge", "sandbox lacks allow-same-origin")


def a_board_with_a_token_is_read_by_a_url_with_it(
    engine: Engine, guarded: Board
) -> None:
    with engine.profile() as profile:
        url = f"http://any:{TOKEN}@{LOOPBACK}:{guarded.port}"
        with profile.open(f"{url}/s/KEEL") as tab:
            tab.wait_state("live")
            tab.wait(CANDLES, why="candles are painted")
            wait_moving(tab)


EVERYDAY: tuple[Callable[[Profile, Board], None], ...] = (
    events_of_each_type_reach_the_page,
    tabs_and_frames_share_a_stream_until_the_last_one_closes,
    a_killed_server_that_returns_is_live_again,
    back_and_forward_are_live,
    a_row_opens_its_chart_and_closes,
    prices_can_be_searched_and_sorted,
    pins_and_the_theme_last_and_reach_the_other_tab,
    an_alert_is_given_in_each_tab_that_has_it,
    a_paused_page_keeps_its_values,
    frames_of_another_site_share_a_stream,
    an_answer_types_itself,
    names_keep_their_words_at_kick_off,
)
SPECIAL: tuple[Callable[[Engine, Board], None], ...] = (
    languages_change_neither_digits_nor_the_chart,
    pages_are_live_where_nothing_can_be_stored,
    a_frame_in_a_sandbox_says_why_it_is_not_live,
)


# Helpers of the checks.


def wait_moving(tab: Tab) -> None:
    """Wait until a price changes."""
    before = tab.evaluate(PRICES)
    tab.wait(f"(it) => String(({PRICES})()) !== it", ",".join(before), why="it moves")


def background(tab: Tab) -> tuple[int, int, int]:
    """Return the colour that is painted in the corner of a page."""
    pixel = tab.image().getpixel((2, 2))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def wait_frames(tab: Tab) -> None:
    """Wait until both frames of `framed` are live and move."""
    for index in range(2):
        tab.wait("() => frames.length === 2")
        frame = tab.frame(index)
        frame.wait_state("live")
        wait_moving(frame)


@contextlib.contextmanager
def framed(board: Board) -> Iterator[str]:
    """Yield the address of a page on another site that shows two boards in frames."""
    paths = ("/embed?view=prices", "/embed?symbols=ACME,KEEL")
    html = "".join(f"<iframe src='{board.url}{path}'></iframe>" for path in paths)
    with elsewhere(f"<link rel=icon href='data:,'>{html}") as url:
        yield url.replace(LOOPBACK, "localhost")


def put(board: Board, path: str, data: object) -> None:
    """Publish by a PUT."""
    answer = board.request("PUT", path, SECRET, json.dumps(data).encode())
    assert answer[0] == 201, answer
