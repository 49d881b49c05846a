"""The states of the page, and functions that bring a page on a stage into each.

`show_live` and the others open the page and return when it shows the state.
"""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.helpers.harness import until
from tests.helpers.pages import wait_for_state
from tests.helpers.staged import Stage
from tests.helpers.staged_answers import AnswerStage

State = Callable[[Page, AnswerStage], None]

SYMBOL = "ACME"  # the chart that is opened is of this symbol
NOTICES = (
    ("warning", "Trading in MAIN is halted", "It goes on at 16:00 UTC."),
    ("info", "Kick-offs on Sunday are an hour later", None),
    ("success", "All prices are back", None),
)


def show_live(page: Page, stage: Stage) -> None:
    load_page(page, stage)
    begin_stream(page, stage)


def show_stale(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    at = instant_after_boot(page)
    stage.send_event("price", {**first_quote(page), "at": at}, f"{at + 1_000}-0")
    stage.send_event("heartbeat", {"at": at - 30_000})
    wait_for_state(page, "delayed")


def show_reconnecting(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    stage.refuse_streams()
    wait_for_state(page, "reconnecting")


def show_offline(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    page.context.set_offline(True)
    stage.end_streams()
    wait_for_state(page, "offline")


def show_full(page: Page, stage: Stage) -> None:
    load_page(page, stage)
    stage.send_event("bye", {"reason": "full", "retry_ms": 40_000})
    wait_for_state(page, "full")


def show_goal(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    if not page.get_by_role("heading", name="Scores").is_visible():
        page.locator("#views").get_by_role("link", name="Scores").click()
    at, score = instant_after_boot(page), running_match(page)
    home = {**score["home"], "score": score["home"]["score"] + 1}
    scored = goal_for(score, home["score"], at)
    incidents = [*score["incidents"], scored]
    scores = score | {"home": home, "incidents": incidents}
    stage.send_event("score", scores, f"{at + 1_000}-0")
    expect(page.locator(".call", has_text="GOAL")).to_be_visible()


def show_notices(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    at = instant_after_boot(page)
    for number, (level, title, body) in enumerate(NOTICES):
        notice = {"notice": str(number), "title": title, "body": body, "level": level}
        rest = {"topic": None, "until": None, "at": at + number}
        stage.send_event("notice", notice | rest, f"{at + 1_000}-{number}")
    expect(page.get_by_text(NOTICES[-1][1])).to_be_visible()


def show_paused(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    page.get_by_role("button", name="Pause").click()
    at = instant_after_boot(page)
    stage.send_event("price", {**first_quote(page), "at": at}, f"{at + 1_000}-0")
    expect(page.locator("#paused")).to_contain_text("1 row changed")


def show_dialog(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()


def show_alerts(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    page.locator("#open-alerts:visible, #alerts-tab:visible").click()
    expect(page.get_by_role("dialog", name="Alerts")).to_be_visible()


def show_chart(page: Page, stage: Stage) -> None:
    load_page(page, stage, f"/s/{SYMBOL}")
    begin_stream(page, stage)
    expect(page.locator("#chart-library canvas").first).to_be_visible()


def show_table(page: Page, stage: Stage) -> None:
    show_chart(page, stage)
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("columnheader", name="Close")).to_be_visible()


def show_match(page: Page, stage: Stage) -> None:
    load_page(page, stage)
    load_page(page, stage, f"/m/{running_match(page)['match']}")
    begin_stream(page, stage)
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def show_ask(page: Page, stage: AnswerStage) -> None:
    load_page(page, stage, "/ask")
    begin_stream(page, stage)
    expect(page.locator("#ask-suggestions a")).to_have_count(3)


def show_answers(page: Page, stage: AnswerStage) -> None:
    """Open three questions: answered, refused, being answered."""
    show_ask(page, stage)
    quote = first_quote(page)
    price = {"event": "price", "key": quote["symbol"], "id": boot_data(page)["id"]}
    ask(page, "How is it doing?")
    expect(page.locator("[data-phase=answering]")).to_be_visible()
    stage.say(quote["name"], ref=price | {"field": "name"})
    stage.say(" is at")
    stage.say(f" {quote['price']:.2f}", ref=price | {"field": "price"})
    stage.say(" EUR. It was at")
    stage.say(" 47.11", unchecked=True)
    stage.say(" a year ago.")
    stage.end_answer("incomplete", "The model broke off.")
    at = instant_after_boot(page)
    moved = {**quote, "price": quote["price"] + 1, "at": at}
    stage.send_event("price", moved, f"{at + 1_000}-0")
    expect(page.get_by_text(", now")).to_be_visible()
    stage.refuses = 429, {"Retry-After": "3000"}
    ask(page, "And yesterday?")
    expect(page.get_by_text("Too many questions")).to_be_visible()
    stage.refuses = None
    ask(page, "What is on now?")
    expect(page.locator("[data-phase=answering]")).to_be_visible()
    for text in ("Five", " matches", " are", " on.", " The", " first"):
        stage.say(text)
    expect(page.get_by_text("Five matches are on.")).to_be_visible()


def show_embed(page: Page, stage: Stage) -> None:
    load_page(page, stage, "/embed")
    begin_stream(page, stage)


def show_desk(page: Page, stage: Stage) -> None:
    """Show a support desk; the stage must be in front of a board without any events."""
    load_page(page, stage)
    begin_stream(page, stage)
    send_desk(page, stage)


def show_mixed(page: Page, stage: Stage) -> None:
    show_live(page, stage)
    send_desk(page, stage)


def show_row(page: Page, stage: Stage) -> None:
    load_page(page, stage, "/k/ticket/4711")
    begin_stream(page, stage)
    send_desk(page, stage)
    expect(page.locator("#own-fields")).to_contain_text("Printer on fire")


def show_own_alerts(page: Page, stage: Stage) -> None:
    show_desk(page, stage)
    page.locator("#open-alerts:visible, #alerts-tab:visible").click()
    page.locator("#alert-test").select_option("becomes")
    expect(page.locator("#alert-value")).to_be_visible()


def show_empty(page: Page, stage: Stage) -> None:
    """Open the page; the stage must be in front of a board without any events."""
    load_page(page, stage)
    begin_stream(page, stage)
    expect(page.get_by_text("Waiting for the first price")).to_be_visible()


# Helpers of the states.


def send_desk(page: Page, stage: Stage) -> None:
    """Send the rows of a support desk, and events without a key."""
    at = instant_after_boot(page)
    rows = [
        *(("ticket", str(4711 + i), ticket(i, at)) for i in range(12)),
        *(("agent", name, {"state": "online", "open": 3}) for name in ("Mia", "Pat")),
        ("typing", "4712", {"agent": "Mia"}),
        *(("server", f"web-{i}", server(i, 0)) for i in range(4)),
        *(("server", f"web-{i}", server(i, n)) for i in range(4) for n in range(9)),
        ("note", None, {"text": "Mia took 4711"}),
        ("sla", None, {"ticket": 4713, "minutes": 30, "met": False}),
    ]
    for number, (event, key, data) in enumerate(rows):
        wrapped = {"event": event, "key": key, "data": data}
        stage.send_event("other", wrapped, f"{at + 1_000}-{number}")
    expect(page.locator("#happenings li")).to_have_count(2)
    expect(page.locator("#panel-server")).to_have_count(1)


def ticket(number: int, at: int) -> dict[str, Any]:
    """Return the data of a ticket."""
    return {
        "subject": ("Printer on fire", "No mail", "Wrong invoice")[number % 3],
        "status": ("open", "pending", "breached", "solved", "parked")[number % 5],
        "priority": ("low", "urgent", "high")[number % 3],
        "agent": ("Mia", None, "Pat")[number % 3],
        "waiting": number * 7.5,
        "opened_at": at - number * 600_000,
        "link": f"https://desk.example/{number}",
        "history": [{"by": "Mia", "did": "opened it"}],
    }


def server(number: int, step: int) -> dict[str, Any]:
    """Return the data of a server, which differs from step to step."""
    load = round(abs(number + (step * (number + 3)) % 7 / 2), 2)
    status = ("ok", "degraded", "down", "ok")[number]
    return {"load": load, "memory": 40 + number * step, "status": status, "up": True}


def load_page(page: Page, stage: Stage, path: str = "/") -> None:
    """Open the page on a stage, and wait until it opens its stream."""
    streams = len(stage.cursors)
    page.goto(stage.url + path)
    until(lambda: len(stage.cursors) > streams, 10, "the page opens its stream")


def begin_stream(page: Page, stage: Stage) -> None:
    """Send the hello of the page's own server, which says that nothing was missed."""
    boot = boot_data(page)
    stage.send_hello(boot["id"], at=instant_after_boot(page), source=boot["source"])
    wait_for_state(page, "live")


def ask(page: Page, question: str) -> None:
    """Ask a question; Ask must be open, and no answer being given."""
    field = page.get_by_role("textbox", name="Your question")
    field.fill(question)
    field.press("Enter")


def boot_data(page: Page) -> dict[str, Any]:
    """Return the data in the page's HTML: the state of the board when it was made."""
    text = page.evaluate("() => document.getElementById('boot').textContent")
    data: dict[str, Any] = json.loads(text)
    return data


def instant_after_boot(page: Page) -> int:
    """Return an instant after everything in the boot data."""
    return int(boot_data(page)["id"].partition("-")[0]) + 1_000


def first_quote(page: Page) -> dict[str, Any]:
    """Return the first quote of the boot data."""
    prices = boot_data(page)["prices"]
    return dict(zip(prices["columns"], prices["rows"][0], strict=True))


def running_match(page: Page) -> dict[str, Any]:
    """Return a match that is being played, or the first match if none is."""
    scores = boot_data(page)["scores"]
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
    state.__name__.removeprefix("show_"): state
    for state in (
        show_live,
        show_paused,
        show_stale,
        show_reconnecting,
        show_offline,
        show_full,
        show_goal,
        show_notices,
        show_dialog,
        show_alerts,
        show_chart,
        show_table,
        show_match,
        show_ask,
        show_answers,
        show_embed,
        show_desk,
        show_mixed,
        show_row,
        show_own_alerts,
        show_empty,
    )
}

ON_EMPTY_BOARDS = {"desk", "own_alerts", "empty"}
"""The states whose stage must be in front of a board without any events."""
