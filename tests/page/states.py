"""The states of the page that people meet, and how a staged stream brings them about.

Each is a function that opens the page and returns once it shows that state.
"""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.helpers.harness import until
from tests.helpers.staged import Stage

State = Callable[[Page, Stage], None]

SYMBOL = "ACME"  # whose chart is opened
NOTICES = (
    ("warning", "Trading in MAIN is halted", "It goes on at 16:00 UTC."),
    ("info", "Kick-offs on Sunday are an hour later", None),
    ("success", "All prices are back", None),
)


def live(page: Page, stage: Stage) -> None:
    opened(page, stage)
    greeted(page, stage)
    expect(page.locator("[data-field=age]").first).not_to_contain_text(":")


def stale(page: Page, stage: Stage) -> None:
    live(page, stage)
    at = instant(page)
    stage.say("price", {**quote(page), "at": at}, f"{at + 1_000}-0")
    stage.say("heartbeat", {"at": at - 30_000})
    settled(page, "delayed")


def reconnecting(page: Page, stage: Stage) -> None:
    live(page, stage)
    stage.refuse()
    settled(page, "reconnecting")


def offline(page: Page, stage: Stage) -> None:
    live(page, stage)
    page.context.set_offline(True)
    stage.hang_up()
    settled(page, "offline")


def full(page: Page, stage: Stage) -> None:
    opened(page, stage)
    stage.say("bye", {"reason": "full", "retry_ms": 40_000})
    settled(page, "full")


def goal(page: Page, stage: Stage) -> None:
    live(page, stage)
    if not page.get_by_role("heading", name="Scores").is_visible():
        page.locator("#views").get_by_role("link", name="Scores").click()
    at, score = instant(page), playing(page)
    home = {**score["home"], "score": score["home"]["score"] + 1}
    scored = goal_for(score, home["score"], at)
    incidents = [*score["incidents"], scored]
    scores = score | {"home": home, "incidents": incidents}
    stage.say("score", scores, f"{at + 1_000}-0")
    expect(page.locator(".call", has_text="GOAL")).to_be_visible()


def notices(page: Page, stage: Stage) -> None:
    live(page, stage)
    at = instant(page)
    for number, (level, title, body) in enumerate(NOTICES):
        notice = {"notice": str(number), "title": title, "body": body, "level": level}
        rest = {"topic": None, "until": None, "at": at + number}
        stage.say("notice", notice | rest, f"{at + 1_000}-{number}")
    expect(page.get_by_text(NOTICES[-1][1])).to_be_visible()


def paused(page: Page, stage: Stage) -> None:
    live(page, stage)
    page.get_by_role("button", name="Pause").click()
    at = instant(page)
    stage.say("price", {**quote(page), "at": at}, f"{at + 1_000}-0")
    expect(page.locator("#paused")).to_contain_text("1 row changed")


def dialog(page: Page, stage: Stage) -> None:
    live(page, stage)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()


def alerts(page: Page, stage: Stage) -> None:
    live(page, stage)
    page.locator("#open-alerts:visible, #alerts-tab:visible").click()
    expect(page.get_by_role("dialog", name="Alerts")).to_be_visible()


def chart(page: Page, stage: Stage) -> None:
    opened(page, stage, f"/s/{SYMBOL}")
    greeted(page, stage)
    expect(page.locator("#chart-library canvas").first).to_be_visible()


def table(page: Page, stage: Stage) -> None:
    chart(page, stage)
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("columnheader", name="Close")).to_be_visible()


def match(page: Page, stage: Stage) -> None:
    opened(page, stage)
    opened(page, stage, f"/m/{playing(page)['match']}")
    greeted(page, stage)
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def embed(page: Page, stage: Stage) -> None:
    opened(page, stage, "/embed")
    greeted(page, stage)


def empty(page: Page, stage: Stage) -> None:
    """Open the page of a board where nothing was published; the stage is to have it."""
    opened(page, stage)
    greeted(page, stage)
    expect(page.get_by_text("Nothing on the board yet")).to_be_visible()


# What they are made of.


def opened(page: Page, stage: Stage, path: str = "/") -> None:
    """Open the page on a stage, and wait until it opens its stream."""
    streams = len(stage.cursors)
    page.goto(stage.url + path)
    until(lambda: len(stage.cursors) > streams, 10, "the page opens its stream")


def greeted(page: Page, stage: Stage) -> None:
    """Let the stream begin as one of the page's own server: nothing was missed."""
    made_with = boot(page)
    source = made_with["source"]
    stage.hello(made_with["id"], at=instant(page), source=source)
    settled(page, "live")


def settled(page: Page, state: str) -> None:
    """Wait until the badge says so."""
    expect(badge(page)).to_have_attribute("data-state", state, timeout=15_000)


def badge(page: Page) -> Locator:
    return page.locator("#badge")


def boot(page: Page) -> dict[str, Any]:
    """Return the state that the page was made with."""
    text = page.evaluate("() => document.getElementById('boot').textContent")
    made_with: dict[str, Any] = json.loads(text)
    return made_with


def instant(page: Page) -> int:
    """Return an instant after all that the page was made with."""
    return int(boot(page)["id"].partition("-")[0]) + 1_000


def quote(page: Page) -> dict[str, Any]:
    prices = boot(page)["prices"]
    return dict(zip(prices["columns"], prices["rows"][0], strict=True))


def playing(page: Page) -> dict[str, Any]:
    """Return a match that is on; the first where none is."""
    scores = boot(page)["scores"]
    on = [score for score in scores if score["status"] in {"1H", "2H"}]
    first: dict[str, Any] = [*on, *scores][0]
    return first


def goal_for(score: dict[str, Any], home_score: int, at: int) -> dict[str, Any]:
    """Return the incident of the home side's next goal in a match."""
    return {
        "match": score["match"],
        "incident": "900",
        "kind": "goal",
        "team": "home",
        "player": "E. Ames",
        "minute": score["minute"] or 1,
        "stoppage": score["stoppage"],
        "home_score": home_score,
        "away_score": score["away"]["score"],
        "at": at,
    }


STATES: dict[str, State] = {
    state.__name__: state
    for state in (
        live,
        paused,
        stale,
        reconnecting,
        offline,
        full,
        goal,
        notices,
        dialog,
        alerts,
        chart,
        table,
        match,
        embed,
        empty,
    )
}
