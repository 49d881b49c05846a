"""The page in a real Chromium: on a server, through faults, and on a staged stream."""

import json
import random
from itertools import accumulate
from typing import Any, get_args

import pytest
from flask import render_template
from playwright.sync_api import Browser, Page, expect

from app import create_app
from feed.events.goals import phase
from feed.events.shapes import Status
from feed.settings import Settings
from feed.streams import written
from tests.helpers.harness import Board, until
from tests.helpers.pages import (
    CUT,
    badge,
    cell,
    count_changes,
    field_texts,
    open_page,
    wait_until_live,
)
from tests.helpers.samples import EVENING, HOSTILE, goal, match, quote, score_of, team
from tests.helpers.staged import Stage
from web import format as page_format
from web.address import SORT_LABELS, Selection

STATUSES = get_args(Status)
KINDS = ("goal", "own_goal", "penalty", "penalty_missed", "var_cancelled", "red_card")


def test_values_change_within_seconds_and_without_a_reload(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.evaluate("() => { window.stays = true; }")
    before = field_texts(page, "price")
    until(
        lambda: count_changes(before, field_texts(page, "price")) > 5,
        15,
        "prices change",
    )
    assert page.evaluate("() => window.stays")
    assert "▲" in page.title()


def test_a_change_has_arrow_and_sign_and_never_colour_alone(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    wait_until_live(page)
    rows = page.evaluate(
        """() => [...document.querySelectorAll("[data-symbol]")].map((row) => [
          row.dataset.direction,
          row.querySelector("[data-field=arrow]").textContent,
          row.querySelector("[data-field=change]").textContent[0],
        ])"""
    )
    assert ["up", "▲", "+"] in rows and ["down", "▼", "−"] in rows
    for direction, arrow, sign in rows:
        assert direction == "flat" or (direction, arrow, sign) in {
            ("up", "▲", "+"),
            ("down", "▼", "−"),
        }


def test_the_policy_allows_nothing_unsafe_and_the_page_needs_nothing_more(
    page: Page, board: Board
) -> None:
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (event) => {"
        " (window.breaches ??= []).push(event.violatedDirective); })"
    )
    answer = page.goto(board.url)
    assert answer
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    wait_until_live(page)
    assert page.evaluate("() => window.breaches ?? []") == []
    assert page.locator("[style]:not([data-field])").count() == 0
    assert page.locator("script:not([src]):not([type='application/json'])").count() == 0


def test_without_javascript_it_is_a_table_and_says_how_to_follow(
    browser: Browser, board: Board
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(board.url)
    state = json.loads(board.get("/api/state")[2])
    rows = page.get_by_role("row")
    expect(rows).to_have_count(len(state["prices"]) + 1)
    expect(page.get_by_role("columnheader", name="Last")).to_be_visible()
    price = page.locator("[data-symbol=ACME] [data-field=price]").inner_text()
    assert 50 < float(price) < 500
    assert page.locator("[data-match]").count() >= len(state["scores"]) - 1
    hint = page.locator("noscript code")
    expect(hint).to_be_visible()
    assert hint.text_content() == f"curl -N {board.url}/stream.txt"
    expect(badge(page)).to_be_hidden()
    context.close()


@pytest.mark.parametrize("width", [320, 390, 640, 820, 1024, 1440])
def test_no_width_scrolls_sideways(page: Page, board: Board, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(board.url)
    wait_until_live(page)
    shown = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    )
    assert max(shown) <= width
    expect(page.locator("[data-symbol=ACME] [data-field=percent]")).to_be_visible()
    assert (
        page.evaluate(
            """() => [...document.querySelectorAll("[data-symbol] .symbol")]
          .filter((it) => it.scrollWidth > it.clientWidth).map(it => it.textContent)"""
        )
        == []
    ), "no symbol is cut"


@pytest.mark.parametrize(
    ("scheme", "theme", "colours"),
    [
        ("light", None, ("rgb(255, 255, 255)", "rgb(31, 35, 40)")),
        ("dark", None, ("rgb(13, 17, 23)", "rgb(230, 237, 243)")),
        ("light", "dark", ("rgb(13, 17, 23)", "rgb(230, 237, 243)")),
        ("dark", "light", ("rgb(255, 255, 255)", "rgb(31, 35, 40)")),
    ],
)
def test_dark_and_light_follow_the_system_unless_a_theme_is_set(
    page: Page, board: Board, scheme: Any, theme: str | None, colours: tuple[str, str]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(board.url)
    if theme:
        page.evaluate("(it) => { document.documentElement.dataset.theme = it; }", theme)
    style = "() => { const it = getComputedStyle(document.body);"
    found = page.evaluate(style + " return [it.backgroundColor, it.color]; }")
    assert tuple(found) == colours


def test_a_goal_is_called(page: Page, page_errors: list[str]) -> None:
    page_errors.append(CUT)
    with Board(SEED="11", SPEED="50") as board:
        page.goto(board.url)
        wait_until_live(page)
        call = page.locator(".call", has_text="GOAL").first
        expect(call).to_be_visible(timeout=40_000)


def test_a_board_without_anything_waits_and_tells_developers_how_to_publish(
    page: Page, page_errors: list[str]
) -> None:
    page_errors.append(CUT)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with Board(FEED="published") as board:
        page.goto(board.url)
        wait_until_live(page)
        empty = page.locator("#empty")
        expect(empty).to_contain_text("Waiting for the first price")
        expect(page.locator(".pulse")).to_be_visible()
        command = empty.get_by_text(f"{board.url}/api/prices/ACME")
        expect(command).to_be_hidden()
        empty.get_by_text("For developers").click()
        expect(command).to_be_visible()
        copy = empty.get_by_role("button", name="Copy").first
        copy.click()
        expect(empty.get_by_text("Copied")).to_be_visible()
        copied = str(page.evaluate("() => navigator.clipboard.readText()"))
        assert copied == command.inner_text() and copied.startswith("curl -X PUT ")
        expect(page.get_by_text("Simulated data")).to_be_hidden()
        expect(page.get_by_role("heading", name="Prices")).to_be_hidden()
        for name in ("Pause", "Alerts"):  # they could do nothing here
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_the_page_says_what_it_is_about(page: Page, board: Board) -> None:
    page.goto(board.url)
    expect(page.locator(".tagline")).to_have_text("Prices and match scores, live")
    page.get_by_role("button", name="Simulated data").click()
    about = page.locator("#about")
    expect(about).to_be_visible()
    expect(about).to_contain_text("no company, club or price is real")
    page.keyboard.press("Escape")
    expect(about).to_be_hidden()


def test_names_and_symbols_are_not_translated(page: Page, board: Board) -> None:
    page.goto(f"{board.url}/s/ACME")
    wait_until_live(page)
    names = "h1 span, .symbol, .name, .team-name, .scorers, .market-name"
    kept = page.evaluate(
        "(names) => [...document.querySelectorAll(names)].map((it) => it.translate)",
        f"{names}, #detail-title, #detail-subtitle",
    )
    assert len(kept) > 60 and not any(kept)


def test_rows_that_are_not_shown_yet_have_a_shorter_trend(board: Board) -> None:
    html = board.get("/?q=anvil", {"Accept": "text/html"})[2].decode()
    boot = json.loads(html.partition('id="boot">')[2].partition("</script>")[0])
    sparks = boot["sparks"]
    assert len(sparks["BOLT"]) == 12 < len(sparks["ACME"]) <= 40
    path = "/api/history/BOLT?interval=45&limit=20"
    closes = [candle[4] for candle in json.loads(board.get(path)[2])["candles"]]
    trend = [cents / 100 for cents in accumulate(sparks["BOLT"])]
    assert {*trend[:-1]} <= {*closes}  # the last one still grows


def test_python_and_javascript_write_the_same(page: Page, board: Board) -> None:
    page.goto(board.url)
    chance = random.Random(4)
    quotes = [made_up_quote(chance) for _ in range(300)]
    scores = [made_up_score(chance) for _ in range(300)]
    theirs = page.evaluate(
        """async ([quotes, scores]) => {
          const f = await import("/static/format.js");
          return [
            quotes.map((q) => [
              f.price(q.price, q.decimals), f.signed(q.change, q.decimals),
              f.percent(q.change_percent), f.arrow(q.change, q.decimals),
              f.direction(q.change, q.decimals), f.position(q),
              f.line([q.price, q.low ?? 0, q.high ?? 0, q.price], 1000, 400),
            ]),
            scores.map((s) => [
              f.minute(s), f.phase(s), f.scorers(s, "home"), f.scorers(s, "away"),
              f.redCards(s.home.red_cards),
            ]),
            [...scores].sort(f.byMatch).map((s) => s.match),
            quotes.map((q) => q).sort(f.bySymbol).map((q) => q.symbol),
          ];
        }""",
        [quotes, scores],
    )
    ours = [
        [
            [
                written.price(q["price"], q["decimals"]),
                written.signed(q["change"], q["decimals"]),
                written.percent(q["change_percent"]),
                written.arrow(q["change"], q["decimals"]),
                written.direction(q["change"], q["decimals"]),
                page_format.position(q),
                page_format.line(
                    [q["price"], q["low"] or 0, q["high"] or 0, q["price"]], 1000, 400
                ),
            ]
            for q in quotes
        ],
        [
            [
                page_format.minute(s),
                phase(s),
                page_format.scorers(s, "home"),
                page_format.scorers(s, "away"),
                page_format.red_cards(s["home"]["red_cards"]),
            ]
            for s in scores
        ],
        [s["match"] for _, group in page_format.by_competition(scores) for s in group],
        [q["symbol"] for q in page_format.by_symbol(quotes)],
    ]
    for mine, yours in zip(ours, theirs, strict=True):
        assert mine == yours


# Everything that a stream may send, sent by a staged one.


def test_catch_up_never_flashes_and_what_is_live_does(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    page.evaluate(
        """() => {
          window.flashed = [];
          new MutationObserver((records) => {
            for (const { target } of records) {
              if (target.dataset.flash) window.flashed.push(target.dataset.flash);
            }
          }).observe(document, { subtree: true, attributeFilter: ["data-flash"] });
        }"""
    )
    stage.send_hello(f"{at}-9")
    stage.send_event("price", quote(price=200), f"{at}-8")
    stage.send_event("score", score_of(1, 0), f"{at}-9")
    expect(cell(page, "ACME", "price")).to_have_text("200.00")
    wait_until_live(page)
    assert page.evaluate("() => window.flashed") == []
    assert page.locator(".call", has_text="GOAL").count() == 0
    stage.send_event("price", quote(price=201), f"{at}-10")
    expect(cell(page, "ACME", "price")).to_have_text("201.00")
    until(lambda: page.evaluate("() => window.flashed"), 15, "it flashes")
    assert page.evaluate("() => window.flashed") == ["up"]
    expect(cell(page, "ACME", "price")).not_to_have_attribute("data-flash", "up")


def test_goals_and_cancelled_goals_are_called_in_words(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("score", score_of(0, 0), f"{at}-1")
    row = page.locator("[data-match=acton-burton]")
    expect(row).to_be_visible()
    incident = goal("goal", "home", "Ames", 67, 1, 0)
    stage.send_event("score", score_of(1, 0, [incident]), f"{at}-2")
    expect(row.locator("[data-field=home-call]")).to_have_text("GOAL")
    expect(row.locator("[data-field=home-scorers]")).to_have_text("Ames 67′")
    expect(page.get_by_role("status")).to_have_text("Goal: Acton 1–0 Burton")
    cancelled = goal("var_cancelled", "home", "Ames", 68, 0, 0)
    stage.send_event("score", score_of(0, 0, [incident, cancelled]), f"{at}-3")
    expect(row.locator("[data-field=home-call]")).to_have_text("Goal cancelled (VAR)")
    expect(row.locator("[data-field=home-score]")).to_have_text("0")
    expect(row.locator("[data-field=home-scorers]")).to_have_text("")


def test_ids_are_compared_as_numbers(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-9")
    stage.send_event("price", quote(price=300), f"{at}-10")
    expect(cell(page, "ACME", "price")).to_have_text("300.00")
    stage.send_event("price", quote(price=301), f"{at}-9")
    stage.send_event("price", quote(symbol="ZZZ", price=1), f"{at}-11")
    expect(cell(page, "ZZZ", "price")).to_have_text("1.00")
    expect(cell(page, "ACME", "price")).to_have_text("300.00")


def test_fresh_begins_anew_and_what_is_not_told_again_goes(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello("5-3", "fresh")
    stage.send_event("price", quote(symbol="BOLT", price=7), "5-1")
    stage.send_event("price", quote(symbol="NEWT", price=8), "5-3")
    expect(page.locator("[data-symbol]")).to_have_count(2)
    expect(page.locator("[data-match]")).to_have_count(0)
    expect(page.get_by_role("heading", name="Scores")).to_be_hidden()
    expect(cell(page, "NEWT", "price")).to_have_text("8.00")
    assert at > 5


def test_a_retired_key_leaves_the_page(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("gone", {"event": "price", "key": "ACME", "at": at}, f"{at}-1")
    expect(page.locator("[data-symbol=ACME]")).to_have_count(0)
    expect(page.locator("[data-symbol=BOLT]")).to_have_count(1)


def test_a_gap_is_admitted(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    gap = {"from": f"{at}-0", "to": f"{at}-90", "dropped": 80, "lost": 2}
    stage.send_event("gap", gap)
    expect(page.get_by_text("80 outdated updates were left out")).to_be_visible()
    expect(page.get_by_text("2 events were missed")).to_be_visible()


def test_hostile_names_are_only_text(page: Page, stage: Stage) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    named = {**quote(symbol=HOSTILE, price=1), "name": HOSTILE}
    stage.send_event("price", named, f"{at}-1")
    score = {**score_of(0, 0), "competition": HOSTILE, "home": team(HOSTILE, 0)}
    stage.send_event("score", score, f"{at}-2")
    notice = {"notice": "n", "title": HOSTILE, "body": HOSTILE, "level": "info"}
    stage.send_event(
        "notice", {**notice, "topic": None, "until": None, "at": at}, f"{at}-3"
    )
    market = {"market": HOSTILE, "status": "open", "until": None, "at": at}
    stage.send_event("market", market, f"{at}-4")
    until(lambda: named_so(page, HOSTILE) == 7, 15, "all seven texts are there")
    assert page.locator("img").count() == 1  # the page's own


def test_hostile_names_are_only_text_in_the_first_html_too(page: Page) -> None:
    boot: dict[str, Any] = {
        "id": "1-1",
        "at": EVENING,
        "source": "published",
        "version": HOSTILE,
        "heartbeat": 10,
        "prices": {"columns": ["symbol", "name"], "rows": [[HOSTILE, "</script><b>"]]},
        "scores": [
            {**score_of(1, 0), "home": team("</script><b>"), "competition": HOSTILE}
        ],
        "markets": [{"market": HOSTILE, "status": "open", "until": None, "at": 1}],
        "notices": [
            {"notice": "n", "title": HOSTILE, "body": None, "level": "info", "at": 1}
        ],
        "sparks": {HOSTILE: [1, 1, 1]},
    }
    app = create_app(Settings(feed="published"))
    with app.test_request_context("/", base_url="http://example.org/"):
        html = render_template(
            "board.html",
            boot=boot,
            version=HOSTILE,
            selection=Selection(symbols=(HOSTILE,), q=HOSTILE),
            prices=[{**quote(symbol=HOSTILE), "name": "</script><b>"}],
            changes=[],
            phases={},
            scores=boot["scores"],
            own_types={HOSTILE: HOSTILE},
            detail={"kind": "match", "key": HOSTILE, "of": boot["scores"][0]},
            sorts=SORT_LABELS,
        )
    page.set_content(html)
    assert page.locator("img").count() == 1
    assert page.locator("b").count() == 0
    shown = json.loads(page.locator("#boot").text_content() or "")
    assert shown == boot


# Helpers of the tests.


def named_so(page: Page, text: str) -> int:
    """Return how many fields of the board say exactly this."""
    found: int = page.evaluate(
        """(text) => [...document.querySelectorAll("[data-field]")]
          .filter((field) => field.textContent === text).length""",
        text,
    )
    return found


def made_up_quote(chance: random.Random) -> dict[str, Any]:
    size = 10 ** chance.randint(-3, 22)

    def number() -> float | None:
        kind = chance.random()
        if kind < 0.1:
            return None
        if kind < 0.3:
            return chance.randint(-4000, 4000) / 8  # ties, exact in binary
        return chance.uniform(-size, size)

    return quote(
        symbol=chance.choice("abcXYZ") * chance.randint(1, 3) + str(chance.random()),
        price=number() or 0,
        decimals=chance.randint(0, 8),
        change=number(),
        change_percent=number(),
        low=number(),
        high=number(),
        at=chance.randint(0, 4_000_000_000_000),
    )


def made_up_score(chance: random.Random) -> dict[str, Any]:
    incidents = [
        goal(
            chance.choice(KINDS),
            chance.choice(["home", "away", None]),
            chance.choice(["Ames", "Bell", None]),
            chance.choice([None, 3, 45, 90, 121]),
            chance.randint(0, 2),
            chance.randint(0, 2),
        )
        | {"stoppage": chance.choice([None, 0, 2])}
        for _ in range(chance.randint(0, 9))
    ]
    return match(
        chance.choice(STATUSES),
        match=str(chance.random()),
        competition=chance.choice(["Cup", "League", "", None]),
        minute=chance.choice([None, 1, 45, 90, 105]),
        stoppage=chance.choice([None, 0, 3]),
        kick_off=chance.choice([None, EVENING, chance.randint(0, 10**13)]),
        home=team("Acton", 1, chance.choice([None, 0, 1, 3])),
        incidents=incidents,
    )
