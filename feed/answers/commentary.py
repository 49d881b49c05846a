"""Sentences about incidents of a match: "Goal for Acton, 38′: A. Ames makes it 2–1".

A sentence depends only on its incident and the names of the clubs, so every process
writes the same one at any time.
"""

from collections.abc import Callable

import msgspec

from feed.answers.phrases import in_competition, shown
from feed.events.goals import is_shoot_out
from feed.events.shapes import Incident, Score
from feed.streams.written import moment, result, score_line

OTHER_SIDE = {"home": "away", "away": "home"}
KIND_NAMES = {"penalty_missed": "missed penalty"}
HAPPENINGS = {
    "yellow_card": " is booked",
    "red_card": " is sent off",
    "substitution": " goes off",
    "penalty_missed": " doesn't score",
}


def describe_fixture(score: Score) -> str:
    """Return which match it is: "Acton v Burton in the Shire Cup."."""
    within = in_competition(score.competition) if score.competition else ""
    return f"{_team(score, 'home')} v {_team(score, 'away')}{within}."


def describe_incident(score: Score, incident: Incident) -> str:
    """Return an incident of a match as a sentence."""
    text = _DESCRIBE.get(incident.kind, _other)(score, incident)
    return text[:1].upper() + text[1:] + "."


def describe_end(score: Score) -> str:
    """Return how a match ended, for one that has no incident that says so."""
    return f"The match is over: {score_line(msgspec.to_builtins(score), shown)}."


def _kick_off(score: Score, incident: Incident) -> str:
    return "the match has kicked off"


def _goal(score: Score, incident: Incident) -> str:
    head = _head(score, incident, "goal", " for ")
    return head + _player(incident) + _makes_it(incident, " makes it ")


def _penalty(score: Score, incident: Incident) -> str:
    fields = msgspec.to_builtins(incident)
    if is_shoot_out(fields, {"status": score.status}):
        return (
            f"{_head(score, incident, 'shoot-out', ' for ')}{_player(incident)} scores"
        )
    head = _head(score, incident, "penalty", " for ")
    return head + _player(incident) + _makes_it(incident, " scores and makes it ")


def _own_goal(score: Score, incident: Incident) -> str:
    head = _head(score, incident, "own goal", " for ")
    other = OTHER_SIDE.get(incident.team or "")
    of = f" of {_team(score, other)}" if other else ""
    return head + _player(incident) + of + _makes_it(incident, " makes it ")


def _cancelled(score: Score, incident: Incident) -> str:
    head = _head(score, incident, "goal cancelled", " for ")
    by = f" by {_player(incident)}" if incident.player else ""
    again = f", and it is {_result(incident)}" if _result(incident) else ""
    return f"{head}the goal{by} doesn't count after a video review{again}"


def _half_time(score: Score, incident: Incident) -> str:
    return "half-time: " + _standing(score, incident, "lead", "are level at")


def _second_half(score: Score, incident: Incident) -> str:
    after = f" at {_result(incident)}" if _result(incident) else ""
    return f"the second half has begun{after}"


def _full_time(score: Score, incident: Incident) -> str:
    return "full time: " + _standing(score, incident, "beat", "draw")


def _other(score: Score, incident: Incident) -> str:
    """Return an incident of any kind: "Red card, 38′: A. Ames of Acton is sent off"."""
    kind = KIND_NAMES.get(incident.kind, shown(incident.kind.replace("_", " ")))
    if not incident.player and not incident.team:
        return _head(score, incident, kind, "").removesuffix(": ")
    of = f" of {_team(score, incident.team)}" if incident.team in OTHER_SIDE else ""
    happened = HAPPENINGS.get(incident.kind, "")
    return f"{_head(score, incident, kind, '')}{_player(incident)}{of}{happened}"


def _head(score: Score, incident: Incident, kind: str, before_team: str) -> str:
    """Return how a sentence begins: "goal for Acton, 38′: "."""
    has_team = before_team and incident.team in OTHER_SIDE
    side = before_team + _team(score, incident.team) if has_team else ""
    at = moment({"minute": incident.minute, "stoppage": incident.stoppage})
    return f"{kind}{side}{', ' if at else ''}{at}: "


def _makes_it(incident: Incident, words: str) -> str:
    after = _result(incident)
    return words + after if after else " scores"


def _standing(score: Score, incident: Incident, leads: str, level: str) -> str:
    """Return the result with the side that leads or won, if any."""
    home, away = _team(score, "home"), _team(score, "away")
    goals = incident.home_score, incident.away_score
    if goals[0] is None or goals[1] is None:
        return f"{home} v {away}"
    if goals[0] == goals[1]:
        return f"{home} and {away} {level} {_result(incident)}"
    if goals[0] > goals[1]:
        return f"{home} {leads} {away} {_result(incident)}"
    return f"{away} {leads} {home} {result(goals[1], goals[0])}"


def _result(incident: Incident) -> str:
    return result(incident.home_score, incident.away_score)


def _team(score: Score, side: str | None) -> str:
    return shown(score.away.name if side == "away" else score.home.name)


def _player(incident: Incident) -> str:
    return shown(incident.player) if incident.player else "an unnamed player"


_DESCRIBE: dict[str, Callable[[Score, Incident], str]] = {
    "kick_off": _kick_off,
    "goal": _goal,
    "own_goal": _own_goal,
    "penalty": _penalty,
    "var_cancelled": _cancelled,
    "half_time": _half_time,
    "second_half": _second_half,
    "full_time": _full_time,
}
