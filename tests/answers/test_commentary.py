"""What happens in a match, in sentences: each kind of incident, known or not."""

from typing import Any, get_args

import msgspec
import pytest

from feed.answers.commentary import describe_end, describe_fixture, describe_incident
from feed.events.event import keyed
from feed.events.reading import read_shape
from feed.events.shapes import Incident, IncidentKind, Score
from tests.helpers.samples import goal, score_of


def score(*incidents: dict[str, Any], **changes: Any) -> Score:
    fields = score_of(2, 1, [*incidents]) | changes
    shape = read_shape(keyed("score", "acton-burton", msgspec.json.encode(fields)))
    assert isinstance(shape, Score)
    return shape


def incident(
    kind: str, side: str | None = None, by: str | None = None
) -> dict[str, Any]:
    return goal(kind, side, by, 38, 2, 1)


@pytest.mark.parametrize(
    ("happened", "text"),
    [
        (incident("kick_off"), "The match has kicked off."),
        (
            incident("goal", "home", "A. Ames"),
            "Goal for Acton, 38′: A. Ames makes it 2–1.",
        ),
        (
            incident("goal", "home"),
            "Goal for Acton, 38′: an unnamed player makes it 2–1.",
        ),
        (incident("goal"), "Goal, 38′: an unnamed player makes it 2–1."),
        (
            incident("goal", "home", "A. Ames") | {"home_score": None, "minute": None},
            "Goal for Acton: A. Ames scores.",
        ),
        (
            incident("own_goal", "home", "B. Bond"),
            "Own goal for Acton, 38′: B. Bond of Burton makes it 2–1.",
        ),
        (
            incident("penalty", "home", "A. Ames"),
            "Penalty for Acton, 38′: A. Ames scores and makes it 2–1.",
        ),
        (
            incident("penalty_missed", "away", "B. Bond"),
            "Missed penalty, 38′: B. Bond of Burton doesn't score.",
        ),
        (
            incident("yellow_card", "away", "B. Bond"),
            "Yellow card, 38′: B. Bond of Burton is booked.",
        ),
        (
            incident("red_card", "away", "B. Bond") | {"stoppage": 2, "minute": 45},
            "Red card, 45+2′: B. Bond of Burton is sent off.",
        ),
        (
            incident("substitution", "home", "A. Ames"),
            "Substitution, 38′: A. Ames of Acton goes off.",
        ),
        (
            incident("var_cancelled", "away", "B. Bond"),
            "Goal cancelled for Burton, 38′: the goal by B. Bond doesn't count after a "
            "video review, and it is 2–1.",
        ),
        (incident("half_time"), "Half-time: Acton lead Burton 2–1."),
        (incident("second_half"), "The second half has begun at 2–1."),
        (incident("full_time"), "Full time: Acton beat Burton 2–1."),
        (
            incident("full_time") | {"home_score": 0},
            "Full time: Burton beat Acton 1–0.",
        ),
        (
            incident("full_time") | {"home_score": 1},
            "Full time: Acton and Burton draw 1–1.",
        ),
        (incident("water_break"), "Water break, 38′."),
        (
            incident("injury", "home", "A. Ames"),
            "Injury, 38′: A. Ames of Acton.",
        ),
    ],
)
def test_each_kind_of_incident_has_its_sentence(
    happened: dict[str, Any], text: str
) -> None:
    match_ = score(happened)
    assert describe_incident(match_, match_.incidents[0]) == text


@pytest.mark.parametrize("kind", [*get_args(IncidentKind), "water_break"])
@pytest.mark.parametrize("side", ["home", "away", None])
@pytest.mark.parametrize("player", ["A. Iveskin", None])
@pytest.mark.parametrize("home_score", [1, None])
def test_each_kind_is_a_whole_sentence_even_if_details_are_unknown(
    kind: str, side: str | None, player: str | None, home_score: int | None
) -> None:
    match_ = score(goal(kind, side, player, 7, 1, 0) | {"home_score": home_score})
    text = describe_incident(match_, match_.incidents[0])
    assert text[0].isupper()
    assert text.endswith(".")
    assert "None" not in text
    assert "  " not in text
    assert ": ." not in text


def test_a_kick_of_the_shoot_out_is_not_a_goal() -> None:
    kick = incident("penalty", "away", "B. Bond") | {"minute": None}
    match_ = score(kick, status="P")
    text = describe_incident(match_, match_.incidents[0])
    assert text == "Shoot-out for Burton: B. Bond scores."


def test_a_match_is_introduced_and_its_end_is_reported() -> None:
    assert describe_fixture(score()) == "Acton v Burton in the Cup."
    assert (
        describe_fixture(score(competition="Serie A")) == "Acton v Burton in Serie A."
    )
    assert describe_fixture(score(competition=None)) == "Acton v Burton."
    assert describe_end(score(status="FT")) == "The match is over: Acton 2–1 Burton."


def test_no_name_brings_a_line_break_or_a_control_character() -> None:
    hostile = Incident(
        *(
            "acton-burton",
            "1",
            "goal",
            "home",
            "A\u202e\n\x1b[31m. Ames",
            3,
            None,
            1,
            0,
            1,
        )
    )
    text = describe_incident(score(), hostile)
    assert text == "Goal for Acton, 3′: A [31m. Ames makes it 1–0."
    assert text.isprintable()
