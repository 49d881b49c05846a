"""The page's words about matches and markets, case by case."""

from collections.abc import Mapping
from typing import Any

import pytest

from feed.events.goals import phase
from tests.helpers.samples import EVENING, goal, match, team
from web.address import phase_counts
from web.format import (
    TEMPLATE_FILTERS,
    by_competition,
    by_symbol,
    line,
    market_status,
    minute,
    nothing_words,
    position,
    red_cards,
    scorers,
)


@pytest.mark.parametrize(
    ("score", "text", "when"),
    [
        (match("1H", minute=12), "12′", "live"),
        (match("1H", minute=45, stoppage=2), "45+2′", "live"),
        (match("2H", minute=None), "2H", "live"),
        (match("HT", minute=45), "HT", "live"),
        (match("ET", minute=105, stoppage=1), "105+1′", "live"),
        (match("SUSP"), "Suspended", "live"),
        (match("NS", minute=None), "19:45", "upcoming"),
        (match("NS", kick_off=None), "Upcoming", "upcoming"),
        (match("PST"), "Postponed", "upcoming"),
        (match("FT", minute=90), "FT", "over"),
        (match("AET", minute=120), "AET", "over"),
        (match("PEN", minute=120), "PEN", "over"),
        (match("ABD"), "Abandoned", "over"),
        (match("CANC"), "Cancelled", "over"),
        (match("LIVE", minute=67), "67′", "live"),
        (match("LIVE", minute=None), "Live", "live"),
        (match("BT", minute=90), "Break", "live"),
        (match("P", minute=120), "Pens", "live"),
        (match("INT"), "Interrupted", "live"),
        (match("TBD"), "TBA", "upcoming"),
        (match("AWD"), "Awarded", "over"),
        (match("WO"), "Walkover", "over"),
    ],
)
def test_a_status_chip_says_the_minute_or_the_state(
    score: dict[str, Any], text: str, when: str
) -> None:
    assert minute(score, EVENING) == text
    assert phase(score) == when


def test_a_shoot_out_counts_its_kicks_and_names_no_scorers() -> None:
    kicks = [goal("penalty", "home", "Ames", None, 1, 1) for _ in range(4)]
    kicks += [goal("penalty", "away", "Bell", 121, 1, 1) for _ in range(3)]
    kicks += [goal("penalty_missed", "away", "Bell", None, 1, 1)]
    scored = goal("penalty", "home", "Ames", 88, 1, 0)
    score = match("PEN", incidents=[scored, *kicks])
    assert minute(score) == "PEN 4–3"
    assert minute(score | {"status": "P"}) == "Pens 4–3"
    given = {"home": team("Acton", 1, shoot_out=5), "away": team("Burton", 1)}
    assert minute(score | given) == "PEN 4–3"
    given["away"]["shoot_out"] = 4
    assert minute(score | given) == "PEN 5–4"
    assert scorers(score, "home") == ["Ames\u00a088′ (pen)"]
    assert scorers(score, "away") == []


def test_a_players_goals_stand_together_and_cancelled_ones_are_left_out() -> None:
    incidents = [
        goal("goal", "home", "Ames", 23, 1, 0),
        goal("goal", "home", "Cole", 30, 2, 0),
        goal("goal", "home", "Ames", 40, 3, 0),
        goal("var_cancelled", "home", "Ames", 41, 2, 0),
        goal("penalty", "home", "Ames", 67, 3, 0),
        goal("goal", "away", None, 70, 3, 1),
        goal("yellow_card", "home", "Ames", 71, 3, 1),
    ]
    score = match(incidents=incidents)
    assert scorers(score, "home") == ["Ames\u00a023′ 67′ (pen)", "Cole\u00a030′"]
    assert scorers(score, "away") == ["Goal\u00a070′"]


@pytest.mark.parametrize("said", ["home", "away"])
def test_an_own_goal_stands_where_it_counts_whichever_team_it_names(said: str) -> None:
    incidents = [
        goal("kick_off", None, None, 1, 0, 0),
        goal("own_goal", said, "Dias", 12, 1, 0),
    ]
    score = match(incidents=incidents)
    assert scorers(score, "home") == ["Dias\u00a012′ (og)"]
    assert scorers(score, "away") == []


def test_a_cancelled_goal_that_nobody_scored_is_no_error() -> None:
    score = match(incidents=[goal("var_cancelled", None, None, 9, 0, 0)])
    assert scorers(score, "home") == []


def test_red_cards_and_markets_are_said_in_words() -> None:
    assert [red_cards(count) for count in (None, 0, 1, 2)] == [
        "",
        "",
        "1 red card",
        "2 red cards",
    ]
    market = {"market": "MAIN", "status": "open", "until": None, "at": EVENING}
    assert market_status(market) == "open"


def test_a_selection_that_shows_nothing_says_so() -> None:
    assert nothing_words("zzzz", "live", ()) == "No results for “zzzz”."
    assert nothing_words("", "live", ()) == "No match is live at the moment."
    assert (
        nothing_words("", "all", ("ACME",)) == "None of these symbols is on the board."
    )
    assert nothing_words("", "all", ()) == "Nothing here yet."


def test_a_line_spans_its_box() -> None:
    assert line([], 100, 28) == line([5], 100, 28) == ""
    assert line([1, 3, 2], 100, 28) == "0.0,26.0 50.0,2.0 100.0,14.0"
    assert line([7, 7], 100, 28) == "0.0,14.0 100.0,14.0"


@pytest.mark.parametrize(
    ("low", "high", "place"),
    [(90, 110, "50.0"), (100, 104, "0.0"), (None, 104, "50.0"), (100, 100, "50.0")],
)
def test_the_days_range_places_the_price(
    low: float | None, high: float | None, place: str
) -> None:
    assert position({"price": 100, "low": low, "high": high}) == place


def test_lists_have_one_order_and_a_match_keeps_its_place_at_kick_off() -> None:
    quotes = [{"symbol": symbol} for symbol in ("b", "A", "a", "B")]
    assert [quote["symbol"] for quote in by_symbol(quotes)] == ["A", "B", "a", "b"]
    scores = [
        match("FT", match="over", kick_off=1),
        match("NS", match="soon", kick_off=3),
        match("NS", match="later", kick_off=None),
        match("1H", match="on", kick_off=2),
        match("1H", match="alone", competition=None),
        match("1H", match="bowl", competition="Bowl"),
    ]
    expected = {"Bowl": ["bowl"], "Cup": ["on", "soon", "later", "over"], "": ["alone"]}
    assert _names(by_competition(scores)) == expected
    scores[1]["status"] = "1H"
    assert _names(by_competition(scores)) == expected
    assert phase_counts(scores) == {"live": 4, "finished": 1, "upcoming": 1}


def test_every_filter_is_known_by_the_name_of_its_function() -> None:
    assert {name: filter.__name__ for name, filter in TEMPLATE_FILTERS.items()} == {
        name: name for name in TEMPLATE_FILTERS
    }


def _names(
    groups: list[tuple[str, list[Mapping[str, Any]]]],
) -> dict[str, list[str]]:
    return {name: [score["match"] for score in scores] for name, scores in groups}
