"""A match told in sentences: every incident, once, and what corrects it."""

from typing import Any

import msgspec
import pytest

from feed.answers.commentary import tell
from feed.answers.piece import Piece
from feed.events.event import Event, EventId, keyed
from feed.events.shapes import Score
from feed.sources.league import League
from tests.helpers.asked import BEGIN, SEED, text_of
from tests.helpers.samples import goal, match, team


def state(
    *incidents: dict[str, Any],
    status: str = "1H",
    scores: tuple[int | None, int | None] = (0, 0),
    **changes: Any,
) -> Event:
    numbered = [{"incident": str(at)} | it for at, it in enumerate(incidents)]
    for at, incident in enumerate(numbered):
        incident["incident"] = incidents[at].get("id", str(at))
        incident.pop("id", None)
    teams = {"home": team("Acton", scores[0]), "away": team("Burton", scores[1])}
    fields = match(status, incidents=numbered) | teams | changes
    data = msgspec.json.encode(fields)
    return keyed("score", "acton-burton", data).with_id(EventId(1000, len(incidents)))


def incident(
    kind: str, side: str | None = None, by: str | None = None
) -> dict[str, Any]:
    return goal(kind, side, by, 38, 2, 1)


BEFORE = state(status="1H", scores=(1, 1))


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (incident("kick_off"), "Acton v Burton has kicked off."),
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
    happened: dict[str, Any], told: str
) -> None:
    status = {"half_time": "HT", "second_half": "2H", "full_time": "FT"}
    after = state(happened, status=status.get(happened["kind"], "1H"), scores=(2, 1))
    assert text_of(tell(BEFORE, after)) == told


def test_nothing_is_told_of_a_minute_that_passes() -> None:
    first, second = (
        state(incident("goal", "home", "A. Ames"), minute=it) for it in (1, 2)
    )
    assert tell(first, second) == []


def test_a_score_without_incidents_is_told_from_its_result() -> None:
    assert text_of(tell(BEFORE, state(scores=(2, 1)))) == "It is now Acton 2–1 Burton."


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("HT", "At half-time, Acton lead Burton 2–1."),
        ("2H", "Acton lead Burton 2–1 in the second half."),
        ("FT", "Acton beat Burton 2–1."),
        ("AET", "Acton beat Burton 2–1 after extra time."),
        ("SUSP", "Acton v Burton is suspended at 2–1."),
        ("ABD", "Acton v Burton was abandoned at 2–1."),
    ],
)
def test_a_status_that_no_incident_explains_is_told(status: str, told: str) -> None:
    after = state(status=status, scores=(2, 1), minute=None)
    assert text_of(tell(BEFORE, after)) == told


def test_a_shoot_out_is_told_kick_by_kick() -> None:
    kick = incident("penalty", "away", "B. Bond") | {"minute": None}
    before = state(status="P", scores=(1, 1))
    told = tell(before, state(kick, status="P", scores=(1, 1)))
    assert text_of(told) == "Shoot-out for Burton: B. Bond scores."


def test_a_corrected_incident_is_told_again_and_a_withdrawn_one_is_named() -> None:
    first = incident("goal", "home", "A. Ames")
    corrected = tell(state(first), state(first | {"player": "C. Cole"}))
    assert text_of(corrected) == (
        "A correction follows. Goal for Acton, 38′: C. Cole makes it 2–1."
    )
    withdrawn = tell(state(first, scores=(2, 1)), state(scores=(1, 1)))
    assert text_of(withdrawn) == "The goal of 38′ is withdrawn."


def test_a_reader_who_comes_late_is_told_how_the_match_stands() -> None:
    late = state(incident("goal", "home", "A. Ames"), scores=(2, 1), minute=40)
    assert text_of(tell(None, late)) == (
        "Acton lead Burton 2–1 in the first half (40′). A. Ames (38′) scored for Acton."
    )


def test_a_simulated_match_is_told_once_and_to_its_end() -> None:
    told: dict[str, list[str]] = {}
    states: dict[str, Event] = {}
    expected: dict[str, int] = {}
    league = League(SEED, BEGIN)
    for now in range(BEGIN, BEGIN + 900_000, 1000):
        for news in league.step(now):
            if isinstance(news, Score):
                after = news.event().with_id(EventId(now, 0))
                pieces = tell(states.get(news.match), after)
                check_refs(pieces, news, after)
                if pieces:
                    told.setdefault(news.match, []).append(text_of(pieces))
                states[news.match] = after
                expected[news.match] = len(news.incidents)
    finished = [it for it in told.values() if it[-1].startswith("Full time: ")]
    assert len(finished) >= 5
    for match_, sentences in told.items():
        if sentences[0].endswith(("minutes.", "seconds.", "minute.", "second.")):
            assert len(sentences) == 1 + expected[match_]  # the introduction, then each


def check_refs(pieces: list[Piece], score: Score, event: Event) -> None:
    fields = msgspec.to_builtins(score)
    for piece in pieces:
        if piece.ref and piece.ref.field and not piece.ref.field.endswith("kick_off"):
            value: Any = fields
            for name in piece.ref.field.split("."):
                value = value[int(name)] if name.isdigit() else value[name]
            assert piece.text.startswith(str(value))
            assert piece.ref.id == str(event.id)
