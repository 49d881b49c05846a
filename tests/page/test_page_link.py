"""The page's connection in a real Chromium: shared by tabs, and through every fault."""

import contextlib
import itertools
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from feed.streams import written
from tests.helpers.harness import Board, Nginx, until
from tests.helpers.pages import (
    CUT,
    WHOLE_CHROMIUM,
    badge,
    cell,
    count_changes,
    field_texts,
    go_back,
    open_page,
    wait_until_live,
)
from tests.helpers.proxy import Proxy
from tests.helpers.samples import quote, score_of
from tests.helpers.staged import Stage
from tests.page.states import boot_data

# The values on a page: prices by symbol, goals by match.
Shown = tuple[dict[str, str], dict[str, list[str]]]

TOKEN = {"event": "token", "key": None, "data": {"text": "a"}}
EVENTS = "price,score,market,notice,source,other"
NO_WORKER = "delete globalThis.SharedWorker"
NOTE_BADGE = """() => {
  window.states = [];
  window.words = [];
  new MutationObserver(() => {
    window.states.push(badge.dataset.state);
    window.words.push(badge.textContent);
  }).observe(badge, {
    subtree: true, childList: true, characterData: true,
    attributeFilter: ["data-state"],
  });
}"""
"""What the badge says may pass more quickly than a test looks at it."""


@pytest.fixture
def alone(context: BrowserContext) -> None:
    """Let pages do without a SharedWorker, so that their clock is their stream's."""
    context.add_init_script(NO_WORKER)


@pytest.fixture(params=["shared", "alone"])
def either(request: pytest.FixtureRequest, context: BrowserContext) -> None:
    """Let pages run with a SharedWorker, and without one."""
    if request.param == "alone":
        context.add_init_script(NO_WORKER)


# Faults, and the badge during each.


def test_a_server_that_restarts_or_is_killed_and_returns_is_live_within_5_seconds(
    page: Page, page_errors: list[str]
) -> None:
    page_errors.append(CUT)
    with Board(HEARTBEAT="1") as board:
        page.goto(board.url)
        wait_until_live(page)
        board.term()
        expect(badge(page)).to_contain_text("Server restarting")
        expect(page.get_by_role("status")).to_have_text("Server restarting")
        board.wait_exit()
        returns(page, board)
        board.kill()
        expect(badge(page)).not_to_have_attribute("data-state", "live")
        expect(badge(page)).to_contain_text("Reconnecting")
        assert page.evaluate(
            "() => document.documentElement.hasAttribute('data-stale')"
        )
        returns(page, board)


@pytest.mark.usefixtures("alone")
def test_a_503_in_between_does_not_end_it_and_retry_now_does_not_wait(
    page: Page, page_errors: list[str]
) -> None:
    page_errors.append(CUT)
    page.clock.install()
    # At the usual heartbeat the watchdog would come too late to help.
    with Board() as board, Proxy(board.port) as proxy:
        page.goto(proxy.url)
        wait_until_live(page)
        proxy.mode = "503"
        proxy.cut()
        # A number of seconds: EventSource gave up, and the page waits by itself.
        expect(badge(page)).to_contain_text("Reconnecting in")
        proxy.mode = "pass"
        wait_until_live(page, 5)
        equals(page, board)
        proxy.mode = "503"
        proxy.cut()

        def waits_long() -> bool:
            page.clock.run_for(1000)
            said = badge(page).text_content() or ""
            return re.search(r"Reconnecting in (1[2-9]|2\d|30) s", said) is not None

        until(waits_long, 30, "it waits ever longer")
        proxy.mode = "pass"
        page.get_by_role("button", name="Retry now").click()
        wait_until_live(page, 1)


@pytest.mark.usefixtures("either")
def test_events_of_a_type_of_ones_own_keep_each_page_live(
    context: BrowserContext, page_errors: list[str]
) -> None:
    page_errors.append(CUT)  # the board may end before the pages do
    secret = {"Authorization": "Bearer secret"}
    with Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="2") as board:
        board.request("PUT", "/api/prices/ACME", secret, b"101.24")
        pages = [context.new_page() for _ in range(3)]
        for page, path in zip(pages, ("", "", "embed?symbols=ACME"), strict=True):
            page.goto(f"{board.url}/{path}")
            wait_until_live(page)
            page.evaluate(NOTE_BADGE)
        # While these come the server owes no heartbeat, and says "slow" after 3 s.
        token = b'{"event": "token", "data": {"text": "a"}}'
        for _ in range(28):
            assert board.request("POST", "/api/publish", secret, token)[0] < 300
            time.sleep(0.25)
        states = [
            page.evaluate("() => states.filter((it) => it !== 'live')")
            for page in pages
        ]
        assert states == [[], [], []]


def test_a_mute_server_is_noticed_and_left_for_one_that_speaks(
    page: Page, page_errors: list[str]
) -> None:
    page_errors.append(CUT)
    # For one heartbeat it says so, and it looks each second: at least twice.
    with Board(HEARTBEAT="3") as board, Proxy(board.port) as proxy:
        page.goto(proxy.url)
        wait_until_live(page)
        page.evaluate(NOTE_BADGE)
        opened = board.log().count(" opened: ")
        proxy.mode = "mute"
        expect(badge(page)).to_contain_text("Reconnecting")
        slow, gone = (first_said(page, it) for it in ("No update for", "Reconnecting"))
        assert slow < gone
        until(
            lambda: board.log().count(" opened: ") > opened,
            15,
            "the page opens another stream",
        )
        proxy.mode = "pass"
        wait_until_live(page)
        goes_on(page, field_texts(page, "price"))


@pytest.mark.usefixtures("either")
def test_nine_page_views_in_one_tab_work_and_streams_do_not_pile_up(
    page: Page, board: Board
) -> None:
    for view in range(9):
        page.goto(f"{board.url}/?view={view}")
        wait_until_live(page)
    for view in (7, 6, 5, 4):
        go_back(page)
        page.wait_for_url(f"**/?view={view}")
        wait_until_live(page)
    goes_on(page, field_texts(page, "price"))
    until(lambda: streams(board) <= 1, 15, "one tab, one stream")


def test_a_page_from_the_back_forward_cache_goes_on(
    browser: Browser, board: Board
) -> None:
    with browser.browser_type.launch(
        **WHOLE_CHROMIUM, ignore_default_args=["--disable-back-forward-cache"]
    ) as cached:
        page = cached.new_page()
        page.goto(board.url)
        wait_until_live(page)
        page.evaluate(
            "() => addEventListener('pageshow',"
            " (event) => { window.cached = event.persisted; })"
        )
        page.goto(f"{board.url}/healthz")
        until(lambda: streams(board) == 0, 15, "the page closed its stream as it left")
        go_back(page)
        page.wait_for_function("() => window.cached === true")
        wait_until_live(page)
        goes_on(page, field_texts(page, "price"))


def test_a_stream_goes_on_after_the_last_id_of_events_and_heartbeats(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote(), f"{at}-1")
    stage.send_event("heartbeat", {"at": at}, f"{at}-7")
    stage.end_streams()
    until(lambda: len(stage.cursors) == 2, 15, "the browser comes back by itself")
    # And the page, as it does if the browser has given up.
    page.evaluate(
        """() => {
          dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
          dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        }"""
    )
    until(lambda: len(stage.cursors) == 3, 15, "the page opens another stream")
    assert stage.cursors[1:] == [f"{at}-7"] * 2


def test_what_the_server_says_of_itself_is_on_the_badge(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote(), f"{at}-1")
    wait_until_live(page)
    stage.send_event("heartbeat", {"at": at + 60_000, "feed": "away"}, f"{at}-1")
    expect(badge(page)).to_contain_text(
        f"Feed interrupted. Showing {written.clock(at)}"
    )
    stage.send_event("heartbeat", {"at": at + 61_000}, f"{at}-1")
    wait_until_live(page)
    # By the server's clock, even if the browser's is wrong.
    stage.send_event("heartbeat", {"at": at}, f"{at}-1")
    expect(badge(page)).to_contain_text(re.compile(r"Delayed 6\d s"))
    stage.send_event("price", quote(), f"{at + 121_000}-2")
    wait_until_live(page)
    page.evaluate(NOTE_BADGE)
    stage.send_event("bye", {"reason": "full", "retry_ms": 20_000})
    until(lambda: len(countdown(page)) > 2, 15, "it counts down")
    assert countdown(page) == sorted({*countdown(page)}, reverse=True)
    assert 15 < countdown(page)[0] <= 20
    stage.send_hello(f"{at + 121_000}-2")
    wait_until_live(page)
    stage.send_event("end", {"reason": "complete"})
    expect(badge(page)).to_contain_text("The stream is complete")
    expect(page.get_by_role("status")).to_have_text("The stream is complete")
    assert len(stage.cursors) == 1


def test_a_stream_that_ends_of_age_is_no_news(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.evaluate(NOTE_BADGE)
    stage.set_greeting(f"{at}-0")
    stage.send_event("bye", {"reason": "age", "retry_ms": 9_000})
    stage.end_streams(retry=4_000)
    until(lambda: len(stage.cursors) > 1, 15, "it comes back")
    stage.send_event("price", quote(price=9), f"{at}-1")
    expect(cell(page, "ACME", "price")).to_have_text("9.00")
    assert {*page.evaluate("() => window.states")} <= {"live"}


def test_offline_says_of_when_the_values_are_and_online_goes_on(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote(), f"{at}-1")
    wait_until_live(page)
    page.context.set_offline(True)
    stage.end_streams()
    expect(badge(page)).to_contain_text(f"Offline. Showing {written.clock(at)}")
    stage.set_greeting(f"{at}-1")
    page.context.set_offline(False)
    wait_until_live(page)
    # The browser and the page may both try, one after the other.
    assert {*stage.cursors[1:]} == {f"{at}-1"}
    expect(page.locator("#away")).to_be_hidden()  # so short an absence needs no words


@pytest.mark.usefixtures("alone")
def test_the_minute_ticks_from_the_periods_start_but_not_while_stale(
    page: Page, stage: Stage
) -> None:
    page.clock.install()
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0", source="published")
    chip = page.locator("[data-match=acton-burton] [data-field=minute]")
    playing = {**score_of(0, 0), "status": "1H", "minute": 5}
    started = {**playing, "period_started": at - 10 * 60_000 - 30_000}
    stage.send_event("score", started, f"{at}-1")
    expect(chip).to_have_text("11′")
    stage.send_event("bye", {"reason": "restart", "retry_ms": 1000})
    stage.end_streams(retry=600_000)  # real ones, not those of the page's clock
    expect(badge(page)).to_contain_text("Server restarting")
    page.clock.run_for(3 * 60_000)
    expect(badge(page)).to_contain_text("Reconnecting")
    until(lambda: len(stage.cursors) > 1, 15, "the page tries by itself, in vain")
    expect(chip).to_have_text("11′")
    stage.set_greeting(f"{at}-1", source="published", at=at + 3 * 60_000)
    page.get_by_role("button", name="Retry now").click()
    expect(chip).to_have_text("14′")


def test_a_new_version_is_offered_and_comes_by_itself_where_nobody_attends(
    page: Page, stage: Stage
) -> None:
    page.clock.install()
    at = open_page(page, stage)
    button = page.get_by_role("button", name="New version · Reload")
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    expect(button).to_be_hidden()
    stage.send_hello(f"{at}-0", version="2.0.0+newer")
    expect(button).to_be_visible()
    stage.set_greeting(f"{at}-0", version="2.0.0+newer")
    with page.expect_navigation():
        button.click()
    expect(button).to_be_visible()
    with page.expect_navigation():
        page.clock.fast_forward(31 * 60_000)
        page.clock.fast_forward(60_000)


# One stream for all tabs.


def test_nine_tabs_share_one_stream(context: BrowserContext, board: Board) -> None:
    tabs = [context.new_page() for _ in range(9)]
    for tab in tabs:
        tab.emulate_media(reduced_motion="reduce")  # painting is no part of this
        tab.goto(board.url)
        wait_until_live(tab)
    until(lambda: streams(board) == 1, 15, "nine tabs, one stream")
    before = [field_texts(tab, "price") for tab in tabs]
    for tab, shown in zip(tabs, before, strict=True):
        goes_on(tab, shown)
    for tab in tabs:
        tab.close()
    until(lambda: streams(board) == 0, 15, "no tab, no stream")


def test_without_a_shared_worker_each_tab_has_its_stream(
    context: BrowserContext, board: Board, alone: None
) -> None:
    tabs = [reader(context, board.url) for _ in range(3)]
    until(lambda: streams(board) == 3, 15, "three tabs, three streams")
    until(lambda: all(map(seen, tabs)), 15, "events come to each")


def test_where_the_worker_cannot_be_loaded_a_tab_has_its_own_stream(
    page: Page, stage: Stage
) -> None:
    stage.missing.add("/static/stream/worker.js")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)


def test_a_tab_that_attaches_later_misses_nothing_and_is_told_how_the_stream_stands(
    context: BrowserContext, stage: Stage
) -> None:
    first = context.new_page()
    at = open_page(first, stage)
    stage.send_hello(f"{at}-1")
    stage.send_event("price", quote(price=200), f"{at}-1")
    stage.send_event("price", quote(price=201), f"{at}-2")
    stage.send_event("gone", {"event": "price", "key": "BOLT", "at": at}, f"{at}-3")
    expect(cell(first, "ACME", "price")).to_have_text("201.00")
    expect(first.locator("[data-symbol=BOLT]")).to_have_count(0)
    second = context.new_page()
    second.goto(stage.url)
    expect(cell(second, "ACME", "price")).to_have_text("201.00")
    expect(second.locator("[data-symbol=BOLT]")).to_have_count(0)
    wait_until_live(second)
    stage.send_event("price", quote(price=202), f"{at}-4")
    for tab in (first, second):
        expect(cell(tab, "ACME", "price")).to_have_text("202.00")
    stage.send_event("bye", {"reason": "full", "retry_ms": 400_000})
    expect(badge(first)).to_contain_text("Server is full")
    third = reader(
        context, stage.url, id=f"{at}-4", version=boot_data(first)["version"]
    )
    until(lambda: seen(third, "state"), 15, "it gets the state of the stream")
    [state, *_] = seen(third, "state")
    assert state["name"] == "full" and 300 < state["seconds"] <= 400
    assert len(stage.cursors) == 1


def test_what_lies_before_the_streams_beginning_is_fetched_once_more(
    context: BrowserContext, stage: Stage
) -> None:
    late = reader(context, stage.url, id="1000-0")
    until(lambda: len(stage.cursors) == 1, 15, "it has a stream")
    turn(late, "pagehide")
    early = reader(context, stage.url, id="3000-0")
    until(lambda: len(stage.cursors) == 2, 15, "the other has one")
    stage.send_hello("3000-0")
    stage.send_event("price", quote(), "3000-1")
    until(lambda: seen(early), 15, "it came")
    turn(late, "pageshow")
    until(lambda: len(stage.cursors) == 3, 15, "the stream goes back")
    assert stage.cursors == ["1000-0", "3000-0", "1000-0"]
    stage.send_hello("3000-1")
    stage.send_event("other", TOKEN, "2000-0")
    stage.send_event("price", quote(), "3000-1")
    stage.send_event("price", quote(), "3000-2")
    until(lambda: "3000-2" in seen(early), 15, "it continues")
    until(lambda: "3000-2" in seen(late), 15, "for the other too")
    assert seen(late) == ["2000-0", "3000-1", "3000-2"]
    assert seen(early) == ["3000-1", "3000-2"]


def test_after_fresh_a_tab_of_before_begins_anew_from_what_the_worker_has(
    context: BrowserContext, stage: Stage
) -> None:
    first = context.new_page()
    at = open_page(first, stage)
    stage.send_hello(f"{at}-3", "fresh")
    stage.send_event("price", quote(symbol="BOLT", price=7), f"{at}-1")
    stage.send_event("price", quote(symbol="NEWT", price=8), f"{at}-3")
    expect(first.locator("[data-symbol]")).to_have_count(2)
    second = context.new_page()
    second.goto(stage.url)
    expect(second.locator("[data-symbol]")).to_have_count(2)
    expect(cell(second, "NEWT", "price")).to_have_text("8.00")
    expect(second.locator("[data-match]")).to_have_count(0)
    assert len(stage.cursors) == 1


def test_when_the_worker_is_killed_the_tabs_find_another(
    context: BrowserContext, browser: Browser, board: Board
) -> None:
    others = {*workers(browser)}
    tabs = [context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(board.url)
        wait_until_live(tab)
    [worker] = {*workers(browser)} - others
    end_worker(browser, worker)
    before = [field_texts(tab, "price") for tab in tabs]
    for tab, shown in zip(tabs, before, strict=True):
        goes_on(tab, shown, 20)
    until(lambda: streams(board) == 1, 15, "they share a stream again")


def test_a_newer_page_does_not_meet_an_older_pages_worker(
    context: BrowserContext, board: Board
) -> None:
    older = reader(context, board.url, version="1")
    newer = reader(context, board.url, version="2")
    until(lambda: streams(board) == 2, 15, "each version has its own")
    until(lambda: seen(older) and seen(newer), 15, "events come to both")


def test_a_tab_that_went_without_a_word_is_let_go_and_taken_back(
    page: Page, stage: Stage
) -> None:
    page.goto(f"{stage.url}/healthz")
    page.clock.install()
    page.evaluate(
        """async () => {
          const { Hub } = await import("/static/stream/hub.js");
          window.got = [];
          window.send = new Hub().connectTab((message) => got.push(message.type));
          window.attach = {
            type: "attach", id: "1-0", heartbeat: 3600, pace: 0, online: true,
            selection: { symbols: null },
          };
          send(attach);
        }"""
    )
    until(lambda: len(stage.cursors) == 1, 15, "there is a stream")
    page.clock.run_for(120_000)
    page.evaluate("() => send({ type: 'check', online: true })")
    assert page.evaluate("() => got.at(-1)") == "here"
    page.clock.run_for(170_000)
    page.evaluate("() => send({ type: 'check', online: true })")
    assert page.evaluate("() => got.at(-1)") == "unknown"
    page.evaluate("() => send(attach)")
    until(lambda: len(stage.cursors) == 2, 15, "it attaches again")


# Two windows with different selections, and the person's pace.


def test_the_stream_carries_what_all_tabs_show_and_each_gets_its_own(
    context: BrowserContext, stage: Stage
) -> None:
    acme = reader(context, stage.url, id="1000-0", symbols=["ACME"])
    until(lambda: len(stage.queries) == 1, 15, "it has a stream")
    asked = {"symbols": "ACME", "events": EVENTS, "after": "1000-0"}
    assert unnamed(stage) == [asked]
    bolt = reader(context, stage.url, id="1000-0", symbols=["BOLT"])
    until(lambda: len(stage.queries) == 2, 15, "the stream is wider")
    assert unnamed(stage)[1] == asked | {"symbols": "ACME,BOLT"}
    stage.send_hello("1000-0")
    stage.send_event("price", quote("ACME"), "1000-1")
    stage.send_event("price", quote("BOLT"), "1000-2")
    stage.send_event("other", TOKEN, "1000-3")
    stage.send_event("gone", {"event": "price", "key": "BOLT", "at": 1}, "1000-5")
    stage.send_event("notice", {"notice": "n"}, "1000-6")
    until(lambda: len(seen(bolt)) == 4 and "1000-6" in seen(acme), 15, "all came")
    assert seen(acme) == ["1000-1", "1000-3", "1000-6"]
    assert seen(bolt) == ["1000-2", "1000-3", "1000-5", "1000-6"]
    every = reader(context, stage.url, id="1000-4")
    until(lambda: len(stage.queries) == 3, 15, "the stream is wider still")
    assert unnamed(stage)[2] == {"events": EVENTS, "after": "1000-4"}
    stage.send_hello("1000-6", "replayed")
    stage.send_event("gone", {"event": "price", "key": "BOLT", "at": 1}, "1000-5")
    stage.send_event("notice", {"notice": "n"}, "1000-6")
    stage.send_event("price", quote("ZZZ"), "1000-7")
    until(lambda: len(seen(every)) == 3, 15, "it has what it missed")
    assert seen(acme) == ["1000-1", "1000-3", "1000-6"]
    every.close()
    until(lambda: len(stage.queries) == 4, 15, "the stream is narrow again")
    assert stage.queries[3]["symbols"] == "ACME,BOLT"
    [name] = {query["name"] for query in stage.queries}
    assert re.fullmatch("[0-9a-f]{32}", name)


def unnamed(stage: Stage) -> list[dict[str, str]]:
    """Return the parameters of each stream that was asked for, but its random name."""
    return [
        {name: value for name, value in query.items() if name != "name"}
        for query in stage.queries
    ]


def test_two_windows_with_different_selections_end_with_the_servers_values(
    context: BrowserContext, board: Board
) -> None:
    whole = context.new_page()
    whole.goto(board.url)
    wait_until_live(whole)
    made_with = boot_data(whole)
    wanted = {name: made_with[name] for name in ("id", "version")}
    narrow = reader(context, board.url, **wanted, symbols=["ACME"])
    until(lambda: streams(board) == 1, 15, "they share a stream")
    until(lambda: len(seen(narrow)) > 3, 15, "events come to both")
    shown = narrow.evaluate(
        """() => seen.filter(([it]) => it === "event").map(
            // A `gone` event, of a match that is over, names the type of its key.
            ([, type, data]) => data.symbol ?? (type === "gone" ? data.event : type))"""
    )
    assert {*shown} <= {"ACME", "score", "market", "notice"}
    equals(whole, board)


def test_a_slower_pace_is_a_tabs_own_and_the_stream_has_the_quickest(
    context: BrowserContext, stage: Stage
) -> None:
    quick = reader(context, stage.url, id="1000-0")
    slow = reader(context, stage.url, id="1000-0", pace=60)
    until(lambda: len(stage.queries) == 1, 15, "they share a stream")
    stage.send_hello("1000-0")
    # A later tab is given the others' events at once.
    until(lambda: seen(quick, "hello") and seen(slow, "hello"), 15, "both are there")
    for n in range(1, 5):
        stage.send_event("price", quote(price=n), f"1000-{n}")
    stage.send_event("other", TOKEN, "1000-5")
    until(lambda: len(seen(quick)) == 5, 15, "one has all")
    assert seen(slow) == []
    slow.evaluate("() => { stream.pace = 0; }")
    until(lambda: seen(slow), 15, "the other has what is new of each key")
    assert seen(slow) == ["1000-4", "1000-5"]
    assert len(stage.queries) == 1
    for tab in (slow, quick):
        tab.evaluate("() => { stream.pace = 30; }")
    until(lambda: len(stage.queries) == 2, 15, "nobody wants it quicker")
    assert unnamed(stage)[1] == {
        "events": EVENTS,
        "pace": "30",
        "after": "1000-5",
    }
    stage.send_hello("1000-5", pace=30)
    stage.send_event("price", quote(price=6), "1000-6")
    until(lambda: seen(slow)[-1] == "1000-6", 15, "a frame is delivered as it comes")


# Pages that are hidden, frozen, asleep.


def test_a_page_that_is_hidden_for_a_minute_has_no_stream_unless_an_alert_waits(
    context: BrowserContext, board: Board
) -> None:
    page = reader(context, board.url)
    page.clock.install()
    until(lambda: streams(board) == 1, 15, "it has a stream")
    page.evaluate("() => { stream.close(); stream.open(); }")  # by the new clock
    page.evaluate("() => { stream.armed = true; }")
    hide(page)
    page.clock.fast_forward(90_000)
    count = len(seen(page))
    until(lambda: len(seen(page)) > count, 15, "armed, it continues")
    page.evaluate("() => { stream.armed = false; }")
    until(lambda: streams(board) == 0, 15, "hidden, it has none")
    hide(page, False)
    count = len(seen(page))
    until(lambda: len(seen(page)) > count, 15, "seen again, it continues")


@pytest.mark.usefixtures("either")
def test_a_frozen_page_has_no_stream_and_goes_on_when_it_wakes(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.evaluate("() => document.dispatchEvent(new Event('freeze'))")
    until(lambda: streams(board) == 0, 15, "frozen, it has none")
    page.evaluate("() => document.dispatchEvent(new Event('resume'))")
    wait_until_live(page)
    equals(page, board)


@pytest.mark.usefixtures("either")
def test_a_computer_that_slept_goes_on_with_the_right_values(
    page: Page, browser: Browser, board: Board
) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.evaluate(NOTE_BADGE)
    with asleep(browser):
        slept = board.stream("/stream?events=price")
        began = time.monotonic()
        slept.read_until(lambda _: time.monotonic() - began > 5)
        slept.close()
    until(lambda: page.evaluate("() => window.states"), 15, "it notices")
    wait_until_live(page)
    equals(page, board)


def test_after_sleep_it_asks_for_what_it_missed_and_says_what_that_was(
    page: Page, stage: Stage, alone: None
) -> None:
    page.clock.install()
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote(price=100), f"{at}-1")
    stage.send_event("score", score_of(0, 0), f"{at}-2")
    expect(cell(page, "ACME", "price")).to_have_text("100.00")
    page.clock.fast_forward(8 * 3_600_000)
    until(lambda: len(stage.cursors) > 1, 15, "it opens another stream")
    assert {*stage.cursors[1:]} == {f"{at}-2"}
    woken = at + 8 * 3_600_000
    newer = "2.0.0+newer"
    stage.send_hello(f"{woken}-2", "compacted", at=woken, version=newer)
    stage.send_event("price", quote(price=98.8), f"{woken}-1")
    stage.send_event("score", score_of(2, 0), f"{woken}-2")
    words = "While you were away (8 h): 2 goals, ACME −1.20%"
    expect(page.locator("#away")).to_have_text(words)
    wait_until_live(page)
    # A person who comes back must see it before the page loads the new version.
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(40_000)
    expect(page.locator("#away")).to_have_text(words)
    assert page.url not in asked


# Waits, and slow links.


def test_a_slow_link_gets_fewer_prices_but_current_ones(
    context: BrowserContext, page_errors: list[str]
) -> None:
    page_errors.append(CUT)
    busy = Board(SEED="7", SPEED="20", HEARTBEAT="5")
    with busy as board, Proxy(board.port) as proxy:
        page = reader(context, proxy.url)
        until(lambda: seen(page), 15, "events come")
        proxy.throttle = 4000
        proxy.cut()
        until(lambda: len(seen(page, "hello")) > 1, 20, "it comes back")
        until(lambda: oldest(page) < 3000, 90, "five seconds of current prices")
        assert seen(page, "hello")[-1]["pace"] > 0


def test_a_page_behind_nginx_shows_the_servers_values(page: Page, board: Board) -> None:
    location = "location / { proxy_pass @board@; proxy_read_timeout 3s; }"
    server = f"server {{ listen @port@; {location} }}"
    with Nginx(server, board=board.url) as nginx:
        page.goto(nginx.url)
        wait_until_live(page)
        goes_on(page, field_texts(page, "price"))
        equals(page, board)


# A page that outlives the server's version.


def test_an_unattended_page_loads_the_new_version_but_no_error_page(
    page: Page, stage: Stage
) -> None:
    unattended(page, stage)
    page.evaluate("() => { renewal.onVersion('2'); window.stays = true; }")
    stage.missing.add("/healthz")
    for _ in range(2):
        with page.expect_response(lambda answer: answer.status == 404):
            page.clock.run_for(35_000)
    assert page.evaluate("() => window.stays")
    stage.missing.clear()
    with page.expect_navigation():
        page.clock.run_for(35_000)


def test_a_hidden_page_without_a_stream_asks_for_the_version(
    page: Page, stage: Stage
) -> None:
    unattended(page, stage)
    hide(page)
    with page.expect_response("**/stream.ndjson*"):
        page.clock.run_for(2_000)
    with page.expect_navigation():
        page.clock.run_for(35_000)


def test_a_page_that_stays_of_another_version_loads_anew_once_only(
    page: Page, stage: Stage
) -> None:
    unattended(page, stage)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """() => {
          const mark = JSON.stringify(["2", Date.now()]);
          sessionStorage.setItem("liveboard-renewal", mark);
          renewal.onVersion("2");
        }"""
    )
    page.clock.run_for(35_000)
    assert asked == []
    page.evaluate("() => renewal.onVersion('3')")
    with page.expect_navigation():
        page.clock.run_for(35_000)


# Helpers of these tests.


def streams(board: Board) -> int:
    metrics = board.get("/metrics")[2].decode()
    [line] = [
        line for line in metrics.splitlines() if line.startswith("liveboard_streams ")
    ]
    return int(float(line.split()[1]))


def unattended(page: Page, stage: Stage) -> None:
    """Open a page without a board that nobody has attended for half an hour."""
    page.goto(f"{stage.url}/healthz")
    page.clock.install()
    page.evaluate(
        """async () => {
          document.body.innerHTML = "<button id='reload' hidden></button>";
          const { Renewal } = await import("/static/renewal.js");
          window.renewal = new Renewal("1");
          setInterval(() => renewal.check(), 1000);
        }"""
    )
    page.clock.fast_forward(31 * 60_000)


def reader(context: BrowserContext, url: str, **options: Any) -> Page:
    """Open a tab without a board that reads by a `Stream` of its own.

    `seen` in it is a list of the stream's calls: the handler's name, its values, and
    the instant.
    """
    page = context.new_page()
    page.goto(f"{url}/healthz")
    page.evaluate(
        """async (options) => {
          const { Stream } = await import("/static/stream/stream.js");
          window.seen = [];
          const note = (name) => (...values) => {
            seen.push([name, ...values, Date.now()]);
          };
          const names = ["event", "hello", "caughtUp", "control", "state"];
          const handlers = Object.fromEntries(names.map((name) => [name, note(name)]));
          window.stream = new Stream(handlers, options);
          stream.open();
        }""",
        {"id": None, "heartbeat": 10, "version": "1", **options},
    )
    return page


def seen(page: Page, handler: str = "event") -> list[Any]:
    """Return the values that a reader's handler was called with: of events, the ids."""
    found: list[Any] = page.evaluate(
        """(name) => seen.filter(([it]) => it === name)
          .map((it) => (name === "event" ? it[3] : it[1]))""",
        handler,
    )
    return found


def returns(page: Page, board: Board) -> None:
    """Start the server again, and expect its values on the page within seconds."""
    board.start().wait_ready()
    wait_until_live(page, 5)
    equals(page, board)


def equals(page: Page, board: Board) -> None:
    """Wait until the page shows the server's values of some instant since the call."""
    state = json.loads(board.get("/api/state")[2])
    shown: Shown = (
        {it["symbol"]: price_of(it) for it in state["prices"]},
        {it["match"]: score_line(it) for it in state["scores"]},
    )

    def is_shown() -> bool:
        found = shown_on(page)
        return any(found == then for then in since(board, state["id"], shown))

    until(is_shown, 15, "the page equals the server's state")


def since(board: Board, id: str, shown: Shown) -> Iterator[Shown]:
    """Yield what a page shows at an id, and (changed in place) after each event."""
    yield shown
    prices, scores = {**shown[0]}, {**shown[1]}
    lines = board.get(f"/stream.ndjson?once=1&after={id}")[2].splitlines()
    for event in map(json.loads, lines):
        data = event["data"]
        if event["event"] == "price":
            prices[data["symbol"]] = price_of(data)
        elif event["event"] == "score":
            scores[data["match"]] = score_line(data)
        elif event["event"] == "gone":
            (prices if data["event"] == "price" else scores).pop(data["key"], None)
        yield prices, scores


def shown_on(page: Page) -> Shown:
    """Return the prices and goals on a page, as they stand together."""
    prices, goals = page.evaluate(
        """() => {
          const all = (key, cells) => Object.fromEntries(
            [...document.querySelectorAll(`[data-${key}]`)].map((row) => [
              row.dataset[key],
              [...row.querySelectorAll(cells)].map((it) => it.textContent),
            ]));
          return [all("symbol", "[data-field=price]"), all("match", ".team-score")];
        }"""
    )
    return {symbol: price for symbol, [price] in prices.items()}, goals


def price_of(quote: dict[str, Any]) -> str:
    """Return how a page writes a quote's price."""
    return written.price(quote["price"], quote["decimals"])


def score_line(score: dict[str, Any]) -> list[str]:
    """Return how a page writes a match's goals: home, away."""
    goals = (score[side]["score"] for side in ("home", "away"))
    return ["" if goal is None else str(goal) for goal in goals]


def first_said(page: Page, words: str) -> int:
    """Return the index of these words in the recorded texts of the badge."""
    said: list[str] = page.evaluate("() => window.words")
    places = [place for place, it in enumerate(said) if words in it]
    assert places, said
    return places[0]


def countdown(page: Page) -> list[int]:
    """Return the seconds that a badge of a full server counted down so far."""
    said = "\n".join(page.evaluate("() => window.words"))
    found = re.findall(r"Server is full\. Trying again in (\d+) s", said)
    return [int(seconds) for seconds, _ in itertools.groupby(found)]


def goes_on(page: Page, before: dict[str, str], seconds: float = 10) -> None:
    """Wait until prices are no longer those of before."""
    until(
        lambda: count_changes(before, field_texts(page, "price")),
        seconds,
        "prices change",
    )


def oldest(page: Page) -> float:
    """Return how old the events of the last five seconds were, at most, in ms.

    Infinite if the stream is younger than that, or if nothing came.
    """
    age: float | None = page.evaluate(
        """() => {
          const since = Date.now() - 5000;
          const hello = seen.findLast(([name]) => name === "hello");
          const recent = seen.filter((it) => it[0] === "event" && it.at(-1) > since);
          if (hello.at(-1) > since || recent.length === 0) return null;
          return Math.max(...recent.map((it) => it.at(-1) - parseInt(it[3])));
        }"""
    )
    return float("inf") if age is None else age


def turn(page: Page, event: str) -> None:
    """Let the page believe that the back/forward cache takes it, or gives it back."""
    page.evaluate(
        """(event) => {
          dispatchEvent(new PageTransitionEvent(event, { persisted: true }));
        }""",
        event,
    )


def hide(page: Page, hidden: bool = True) -> None:
    """Let the page believe that it is hidden, or seen again."""
    page.evaluate(
        """(hidden) => {
          const property = { get: () => hidden, configurable: true };
          Object.defineProperty(document, "hidden", property);
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


@contextlib.contextmanager
def asleep(browser: Browser) -> Iterator[None]:
    """Stop all of the browser's processes but the one that the tests talk to."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    pids = [it["id"] for it in found if it["type"] != "browser"]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        session.detach()


def workers(browser: Browser) -> list[str]:
    """Return the target ids of the SharedWorkers that run."""
    session = browser.new_browser_cdp_session()
    targets = session.send("Target.getTargets")["targetInfos"]
    session.detach()
    return [it["targetId"] for it in targets if it["type"] == "shared_worker"]


def end_worker(browser: Browser, target: str) -> None:
    """End a SharedWorker, as the browser does when memory is short."""
    session = browser.new_browser_cdp_session()
    asked = {"targetId": target, "flatten": False}
    id = session.send("Target.attachToTarget", asked)["sessionId"]
    command = {
        "id": 1,
        "method": "Runtime.evaluate",
        "params": {"expression": "close()"},
    }
    session.send(
        "Target.sendMessageToTarget", {"sessionId": id, "message": json.dumps(command)}
    )
    until(lambda: target not in workers(browser), 15, "the worker is gone")
    session.detach()
