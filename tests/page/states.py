"""The states of the page, and functions that bring a tab on a stage into each.

`show_live` and the others open the page and return when it shows the state. They run in
every browser engine.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

from tests.helpers.harness import until
from tests.helpers.staged import Stage
from tests.helpers.staged_answers import AnswerStage
from tests.helpers.tabs import Tab

State = Callable[[Tab, AnswerStage], None]


class Shown(Protocol):
    """A page in a browser: a `Tab`, or a page of Playwright."""

    def goto(self, url: str, /) -> object:
        """Open a URL."""

    def evaluate(self, function: str, /) -> Any:
        """Call a JavaScript function."""


SYMBOL = "ACME"  # the chart that is opened is of this symbol
NOTICES = (
    ("warning", "Trading in MAIN is halted", "It goes on at 16:00 UTC."),
    ("info", "Kick-offs on Sunday are an hour later", None),
    ("success", "All prices are back", None),
)


def show_live(tab: Tab, stage: Stage) -> None:
    load_page(tab, stage)
    begin_stream(tab, stage)


def show_stale(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    at = instant_after_boot(tab)
    stage.send_event("price", {**first_quote(tab), "at": at}, f"{at + 1_000}-0")
    stage.send_event("heartbeat", {"at": at - 30_000})
    tab.wait_state("delayed")


def show_reconnecting(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    stage.refuse_streams()
    tab.wait_state("reconnecting")


def show_offline(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    tab.go_offline()
    stage.end_streams()
    tab.wait_state("offline")


def show_full(tab: Tab, stage: Stage) -> None:
    load_page(tab, stage)
    stage.send_event("bye", {"reason": "full", "retry_ms": 40_000})
    tab.wait_state("full")


def show_goal(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    if not tab.count("#scores-title"):
        tab.click("#views a", "Scores")
    at, score = instant_after_boot(tab), running_match(tab)
    home = {**score["home"], "score": score["home"]["score"] + 1}
    scored = goal_for(score, home["score"], at)
    incidents = [*score["incidents"], scored]
    scores = score | {"home": home, "incidents": incidents}
    stage.send_event("score", scores, f"{at + 1_000}-0")
    tab.wait_text(".call", "GOAL")


def show_notices(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    at = instant_after_boot(tab)
    for number, (level, title, body) in enumerate(NOTICES):
        notice = {"notice": str(number), "title": title, "body": body, "level": level}
        rest = {"topic": None, "until": None, "at": at + number}
        stage.send_event("notice", notice | rest, f"{at + 1_000}-{number}")
    tab.wait_text("#notices", NOTICES[-1][1])


def show_paused(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    tab.click("#pause")
    at = instant_after_boot(tab)
    stage.send_event("price", {**first_quote(tab), "at": at}, f"{at + 1_000}-0")
    tab.wait_text("#paused", "1 row changed")


def show_dialog(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    tab.click("#open-settings")
    tab.wait_text("#settings", "Settings")


def show_alerts(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    tab.click("#open-alerts, #alerts-tab")
    tab.wait_text("#alerts", "Alerts")


def show_chart(tab: Tab, stage: Stage) -> None:
    load_page(tab, stage, f"/s/{SYMBOL}")
    begin_stream(tab, stage)
    tab.wait_text("#chart-library:has(canvas)", "")


def show_table(tab: Tab, stage: Stage) -> None:
    show_chart(tab, stage)
    tab.click("#chart-table summary")
    tab.wait_text("#chart-table th", "Close")


def show_match(tab: Tab, stage: Stage) -> None:
    load_page(tab, stage)
    load_page(tab, stage, f"/m/{running_match(tab)['match']}")
    begin_stream(tab, stage)
    tab.wait_text("#match-detail", "Timeline")


def show_ask(tab: Tab, stage: AnswerStage) -> None:
    load_page(tab, stage, "/ask")
    begin_stream(tab, stage)
    tab.wait("() => document.querySelectorAll('#ask-suggestions a').length === 3")


def show_answers(tab: Tab, stage: AnswerStage) -> None:
    """Open three questions: answered, refused, being answered."""
    show_ask(tab, stage)
    quote = first_quote(tab)
    price = {"event": "price", "key": quote["symbol"], "id": boot_data(tab)["id"]}
    ask(tab, "How is it doing?")
    tab.wait_text("[data-phase=answering]", "")
    stage.say(quote["name"], ref=price | {"field": "name"})
    stage.say(" is at")
    stage.say(f" {quote['price']:.2f}", ref=price | {"field": "price"})
    stage.say(" EUR. It was at")
    stage.say(" 47.11", unchecked=True)
    stage.say(" a year ago.")
    stage.end_answer("incomplete", "The model broke off.")
    at = instant_after_boot(tab)
    moved = {**quote, "price": quote["price"] + 1, "at": at}
    stage.send_event("price", moved, f"{at + 1_000}-0")
    tab.wait_text("body", ", now")
    stage.refuses = 429, {"Retry-After": "3000"}
    ask(tab, "And yesterday?")
    tab.wait_text("body", "Too many questions")
    stage.refuses = None
    ask(tab, "What is on now?")
    tab.wait_text("[data-phase=answering]", "")
    for text in ("Five", " matches", " are", " on.", " The", " first"):
        stage.say(text)
    tab.wait_text("body", "Five matches are on.")


def show_embed(tab: Tab, stage: Stage) -> None:
    load_page(tab, stage, "/embed")
    begin_stream(tab, stage)


def show_desk(tab: Tab, stage: Stage) -> None:
    """Show a support desk; the stage must be in front of a board without any events."""
    load_page(tab, stage)
    begin_stream(tab, stage)
    send_desk(tab, stage)


def show_mixed(tab: Tab, stage: Stage) -> None:
    show_live(tab, stage)
    send_desk(tab, stage)


def show_row(tab: Tab, stage: Stage) -> None:
    load_page(tab, stage, "/k/ticket/4711")
    begin_stream(tab, stage)
    send_desk(tab, stage)
    tab.wait_text("#own-fields", "Printer on fire")


def show_own_alerts(tab: Tab, stage: Stage) -> None:
    show_desk(tab, stage)
    tab.click("#open-alerts, #alerts-tab")
    tab.choose("#alert-test", "becomes")
    tab.wait_text("#alert-value", "")


def show_empty(tab: Tab, stage: Stage) -> None:
    """Open the page; the stage must be in front of a board without any events."""
    load_page(tab, stage)
    begin_stream(tab, stage)
    tab.wait_text("body", "Waiting for the first price")


# Helpers of the states.


def send_desk(tab: Tab, stage: Stage) -> None:
    """Send the rows of a support desk, and events without a key."""
    at = instant_after_boot(tab)
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
    tab.wait("() => document.querySelectorAll('#happenings li').length === 2")
    tab.wait("() => document.querySelector('#panel-server') !== null")


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


def load_page(page: Shown, stage: Stage, path: str = "/") -> None:
    """Open the page on a stage, and wait until it opens its stream."""
    streams = len(stage.cursors)
    page.goto(stage.url + path)
    until(lambda: len(stage.cursors) > streams, 10, "the page opens its stream")


def begin_stream(page: Shown, stage: Stage) -> None:
    """Send the hello of the page's own server, which says that nothing was missed."""
    boot = boot_data(page)
    stage.send_hello(boot["id"], at=instant_after_boot(page), source=boot["source"])
    is_live = "() => document.querySelector('#badge').dataset.state === 'live'"
    until(lambda: page.evaluate(is_live), 15, "the page is live")


def ask(tab: Tab, question: str) -> None:
    """Ask a question; Ask must be open, and no answer being given."""
    tab.fill("#ask-question", question)
    tab.press("Enter")


def boot_data(page: Shown) -> dict[str, Any]:
    """Return the data in the page's HTML: the state of the board when it was made."""
    text = page.evaluate("() => document.getElementById('boot').textContent")
    data: dict[str, Any] = json.loads(text)
    return data


def instant_after_boot(page: Shown) -> int:
    """Return an instant after everything in the boot data."""
    return int(boot_data(page)["id"].partition("-")[0]) + 1_000


def first_quote(page: Shown) -> dict[str, Any]:
    """Return the first quote of the boot data."""
    prices = boot_data(page)["prices"]
    return dict(zip(prices["columns"], prices["rows"][0], strict=True))


def running_match(page: Shown) -> dict[str, Any]:
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
        "minute": score.get("minute") or 1,
        "stoppage": score.get("stoppage"),
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
