"""A value is written the same way in text streams, in a terminal and on the page."""

import json
import re
from functools import cache
from typing import Any, get_args

import pytest
from flask import Flask, render_template_string
from playwright.sync_api import Page

from app import create_app
from feed.events.event import EventId, keyed, unkeyed
from feed.events.goals import phase
from feed.events.shapes import Status
from feed.settings import Settings
from feed.streams.wire import WIRES
from feed.streams.written import (
    arrow,
    clock,
    date,
    direction,
    hours,
    moment,
    percent,
    price,
    result,
    score_line,
    signed,
    whole,
)
from tests.helpers.harness import Board
from tests.helpers.samples import EVENING, goal, match, quote, team
from web.format import minute
from web.terminal import SHOWN, text_board

NUMBERS: list[tuple[float | None, int, str, str, str, str]] = [
    # value, decimals; then as a price, a change, a percentage, an arrow
    (None, 2, "–", "–", "–", ""),
    (0, 2, "0.00", "0.00", "0.00%", ""),
    (0.36, 2, "0.36", "+0.36", "+0.36%", "▲"),
    (-0.36, 2, "−0.36", "−0.36", "−0.36%", "▼"),
    # A half is rounded away from zero.
    (0.125, 2, "0.13", "+0.13", "+0.13%", "▲"),
    (-0.125, 2, "−0.13", "−0.13", "−0.13%", "▼"),
    (0.5, 0, "1", "+1", "+0.50%", "▲"),
    (-0.5, 0, "−1", "−1", "−0.50%", "▼"),
    (1.5, 0, "2", "+2", "+1.50%", "▲"),
    (2.5, 0, "3", "+3", "+2.50%", "▲"),
    (-2.5, 0, "−3", "−3", "−2.50%", "▼"),
    # The double nearest to 1.005 is less than 1.005; that nearest to 8.345 is more.
    (1.005, 2, "1.00", "+1.00", "+1.00%", "▲"),
    (8.345, 2, "8.35", "+8.35", "+8.35%", "▲"),
    (0.49999999999999994, 0, "0", "0", "+0.50%", ""),
    # What is rounded to zero has no sign.
    (-0.0, 2, "0.00", "0.00", "0.00%", ""),
    (0.004, 2, "0.00", "0.00", "0.00%", ""),
    (-0.004, 2, "0.00", "0.00", "0.00%", ""),
    (1e-12, 2, "0.00", "0.00", "0.00%", ""),
    (-1e-12, 2, "0.00", "0.00", "0.00%", ""),
    (1e-8, 2, "0.00", "0.00", "0.00%", ""),
    (1e-8, 8, "0.00000001", "+0.00000001", "0.00%", "▲"),
    # Thousands are separated, even if rounding makes the first.
    (999.995, 2, "1,000.00", "+1,000.00", "+1,000.00%", "▲"),
    (1234.5, 2, "1,234.50", "+1,234.50", "+1,234.50%", "▲"),
    (-1234.5, 2, "−1,234.50", "−1,234.50", "−1,234.50%", "▼"),
    (1234567, 0, "1,234,567", "+1,234,567", "+1,234,567.00%", "▲"),
    (
        *(1e15, 2, "1,000,000,000,000,000.00", "+1,000,000,000,000,000.00"),
        *("+1,000,000,000,000,000.00%", "▲"),
    ),
    (1e22, 2, "1e+22", "+1e+22", "+1e+22%", "▲"),
    # More decimals than a double has: its exact value.
    (0.1, 20, "0.10000000000000000555", "+0.10000000000000000555", "+0.10%", "▲"),
    (0.1, 10**9, "0.10000000000000000555", "+0.10000000000000000555", "+0.10%", "▲"),
]
MOMENTS = [
    # minute, stoppage
    (None, None, ""),
    (None, 2, ""),
    (1, None, "1′"),
    (45, 0, "45′"),
    (45, 2, "45+2′"),
    (105, 1, "105+1′"),
    (9999, 9999, "9999+9999′"),
]
INSTANTS = [
    (None, "–", "–", "–"),
    (0, "00:00:00", "00:00", "1970-01-01 00:00 UTC"),
    (EVENING, "19:45:07", "19:45", "2026-03-05 19:45 UTC"),
    (253_402_300_799_999, "23:59:59", "23:59", "9999-12-31 23:59 UTC"),
    (253_402_300_800_000, "–", "–", "–"),
    (8_640_000_000_000_000, "–", "–", "–"),
]
RESULTS: list[tuple[int | None, int | None, str]] = [
    (2, 1, "Acton 2–1 Burton"),
    (0, 0, "Acton 0–0 Burton"),
    (None, None, "Acton v Burton"),
    (1, None, "Acton v Burton"),
]
TIES: list[tuple[tuple[int | None, ...], str]] = [
    # The shoot-out, then the aggregate.
    ((4, 3, None, None), "Acton 1–1 Burton (pens 4–3)"),
    ((None, None, 3, 3), "Acton 1–1 Burton (agg. 3–3)"),
    ((0, 1, 2, 2), "Acton 1–1 Burton (pens 0–1, agg. 2–2)"),
    ((4, None, None, 2), "Acton 1–1 Burton"),
]
STATUSES = [*get_args(Status), "brand new", "constructor"]

numbers = pytest.mark.parametrize("case", NUMBERS, ids=str)
moments = pytest.mark.parametrize(("at", "stoppage", "text"), MOMENTS)


@numbers
def test_a_number_has_its_decimals_its_sign_and_its_thousands_apart(case: Any) -> None:
    value, decimals, *texts = case
    assert texts == [
        price(value, decimals),
        signed(value, decimals),
        percent(value),
        arrow(value, decimals),
    ]
    assert direction(value, decimals) == {"▲": "up", "▼": "down", "": "flat"}[texts[3]]


@numbers
def test_a_text_stream_writes_a_number_so(case: Any) -> None:
    _, _, last, change, share, mark = case
    line = text_line("price", quote_of(case))
    assert line == f"19:45:07  ACME   {last:>10}  {mark or '■'} {change}  {share}"


@numbers
def test_a_terminal_writes_a_number_so(case: Any) -> None:
    _, _, last, change, share, mark = case
    [row] = rows_of(text_board(state(prices=[quote_of(case)]), "/", "curl"), "ACME")
    share = share.removesuffix("%")
    name = "Acme Anvil Works"
    assert row == [
        cell for cell in ("ACME", name, last, mark, change, share, last, last) if cell
    ]


@numbers
def test_the_pages_html_writes_a_number_so(case: Any) -> None:
    _, _, last, change, share, mark = case
    fields = html_fields("{{ rows.price_row(it) }}", quote_of(case))
    names = ("price", "change", "percent", "arrow", "low", "high")
    written = [fields[name] for name in names]
    assert written == [last, change, share, mark, last, last]


def test_the_pages_script_writes_every_value_so(page: Page, board: Board) -> None:
    page.goto(board.url)
    scores = [score_with(*case[:2]) for case in RESULTS]
    scores += [tie_of(values) for values, _ in TIES]
    written = page.evaluate(
        """async ([numbers, moments, scores, statuses]) => {
          const f = await import("/static/format.js");
          const { moment } = await import("/static/detail/sentences.js");
          return [
            numbers.map(([value, decimals]) => [
              f.price(value, decimals), f.signed(value, decimals),
              f.percent(value), f.arrow(value, decimals),
            ]),
            moments.map(([minute, stoppage]) => moment({ minute, stoppage })),
            scores.map((score) => f.scoreLine(score)),
            statuses.map((status) => [
              f.minute({ ...scores[0], status }), f.phase({ ...scores[0], status }),
            ]),
          ];
        }""",
        [NUMBERS, MOMENTS, scores, STATUSES],
    )
    assert written == [
        [[*texts] for _, _, *texts in NUMBERS],
        [text for _, _, text in MOMENTS],
        [text for *_, text in (*RESULTS, *TIES)],
        [
            [minute(scores[0] | {"status": it}), phase(scores[0] | {"status": it})]
            for it in STATUSES
        ],
    ]


@moments
def test_a_minute_has_its_stoppage_everywhere(
    at: int | None, stoppage: int | None, text: str
) -> None:
    score = match("2H", minute=at, stoppage=stoppage)
    incident = goal("goal", "home", "Ames", at, 1, 0) | {"stoppage": stoppage}
    assert moment(score) == text
    assert minute(score) == (text or "2H")
    assert text_line("score", score) == f"19:45:07  2H  {text:>6}  Acton 0–0 Burton"
    assert text_line("incident", incident) == (
        f"19:45:07  {text:>10}  acton-burton  goal  home Ames  1–0"
    )
    [row] = rows_of(text_board(state(scores=[score]), "/", "curl"), text or "2H")
    assert row == [text or "2H", "Acton", "0", "0", "Burton"]
    assert html_fields("{{ rows.match_row(it) }}", score)["minute"] == (text or "2H")
    line = "{{ rows.incident_line(it, rows.no_score) }}"
    assert html_fields(line, incident)["moment"] == text


@pytest.mark.parametrize("status", ["HT", "P", "PEN", "PST", "CANC", "NS"])
def test_a_terminal_says_of_a_match_what_the_page_says(status: str) -> None:
    score = match(status, kick_off=EVENING if status == "NS" else None)
    [row] = rows_of(text_board(state(scores=[score]), "/", "curl"), minute(score))
    assert row[0] == minute(score)
    chip = html_fields("{{ rows.match_row(it) }}", score)["minute"]
    assert chip == ("" if status == "NS" else row[0])  # a kick-off is an element


@pytest.mark.parametrize(("at", "time", "to_the_minute", "day"), INSTANTS)
def test_an_instant_is_written_in_utc_in_a_terminal(
    at: int | None, time: str, to_the_minute: str, day: str
) -> None:
    assert (clock(at), hours(at), date(at)) == (time, to_the_minute, day)
    assert text_line("market", market_at(at)) == f"{time}  MAIN is open"
    assert text_board(state(at=at), "/", "curl").startswith(
        f"Liveboard · as of {time} UTC"
    )


def test_a_market_that_is_closed_until_another_day_says_which() -> None:
    closed = market_at(EVENING) | {"status": "closed"}
    tonight, tomorrow = EVENING + 3_600_000, EVENING + 40_000_000
    line = "19:45:07  MAIN is closed until"
    assert text_line("market", closed | {"until": tonight}) == f"{line} 20:45:07"
    later = text_line("market", closed | {"until": tomorrow})
    assert later == f"{line} 2026-03-06 06:51 UTC"


@pytest.mark.parametrize(("home", "away", "text"), RESULTS)
def test_a_result_is_written_once_both_sides_have_a_score(
    home: int | None, away: int | None, text: str
) -> None:
    score = score_with(home, away)
    assert score_line(score) == text
    assert bool(result(home, away)) == (None not in (home, away))
    assert text_line("score", score).endswith(f"  {text}")


@pytest.mark.parametrize(("values", "text"), TIES)
def test_a_shoot_out_and_an_aggregate_follow_the_result(
    values: tuple[int | None, ...], text: str
) -> None:
    score = tie_of(values)
    assert score_line(score) == text
    assert text_line("score", score).endswith(f"  {text}")


def test_a_team_of_an_older_version_has_neither() -> None:
    home, away = {"name": "Acton", "score": 1}, {"name": "B", "score": 1}
    score = match("P", home=home, away=away)
    assert text_line("score", score).endswith("  Acton 1–1 B")


def test_an_incident_without_a_score_is_a_line_without_one() -> None:
    started = goal("kick_off", None, None, 1, 0, 0) | {"home_score": None}
    assert text_line("incident", started) == (
        "19:45:07          1′  acton-burton  kick off"
    )


def test_a_count_has_its_thousands_apart() -> None:
    assert [whole(count) for count in (None, 0, 118_261)] == ["–", "0", "118,261"]


def quote_of(case: Any) -> dict[str, Any]:
    """Return a quote, all numbers of which are the case's."""
    value, decimals, *_ = case
    names = ("price", "change", "change_percent", "low", "high")
    return quote(decimals=decimals) | dict.fromkeys(names, value)


def score_with(home: int | None, away: int | None) -> dict[str, Any]:
    return match(home=team("Acton", home), away=team("Burton", away))


def tie_of(values: tuple[int | None, ...]) -> dict[str, Any]:
    """Return a drawn match with the goals of a shoot-out and of all legs."""
    home_kicks, away_kicks, home_goals, away_goals = values
    home = team("Acton", 1, shoot_out=home_kicks, aggregate=home_goals)
    away = team("Burton", 1, shoot_out=away_kicks, aggregate=away_goals)
    return match(home=home, away=away)


def market_at(at: int | None) -> dict[str, Any]:
    return {"market": "MAIN", "status": "open", "until": None, "at": at}


def state(**changes: Any) -> dict[str, Any]:
    """Return the state of an empty board as the text board gets it, with changes."""
    sections = (*SHOWN, "markets", "notices", "sources")
    return (
        {"at": EVENING, "source": "published"} | dict.fromkeys(sections, ()) | changes
    )


def text_line(type: str, data: dict[str, Any]) -> str:
    """Return the text of a line of a text stream between its type and its id."""
    json_bytes = json.dumps(data).encode()
    event = (
        keyed(type, "A", json_bytes)
        if type != "incident"
        else unkeyed(type, json_bytes)
    )
    line = WIRES["text"].event(event.with_id(EventId(1, 0))).decode()
    found = re.fullmatch(rf"{type:<9} (.*)  \[1-0\]\n", line)
    assert found
    return found[1]


def rows_of(text: str, first: str) -> list[list[str]]:
    """Return the cells of a terminal's rows that begin with a text."""
    rows = [re.split(" {2,}", line.strip()) for line in text.splitlines()]
    return [row for row in rows if row[0] == first and len(row) > 2]


def html_fields(template: str, it: dict[str, Any]) -> dict[str, str]:
    """Return the texts of a row of the page by their `data-field`."""
    with an_app().test_request_context("/"):
        html = render_template_string(
            '{% import "rows.html" as rows %}' + template, it=it
        )
    return dict(re.findall(r'data-field="([\w-]+)"[^>]*>([^<]*)<', html))


@cache
def an_app() -> Flask:
    return create_app(Settings(feed="published"))
