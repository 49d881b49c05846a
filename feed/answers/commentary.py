"""A match told in sentences as it happens, for `GET /ask?match=<key>`.

Each newer state of a match is compared with the one before. What is new in it is told
once: its incidents, and changes that no incident explains, since a publisher may give
scores without incidents. What a newer state corrects or withdraws is told, too.
"""

from collections.abc import Callable, Iterable

import msgspec

from feed.answers.matches import (
    Goal,
    goals_of,
    incident_figure,
    match_sentence,
    name_of_player,
    name_of_team,
    result_of,
    scorers_sentence,
)
from feed.answers.phrases import Part, Phrase, paragraph, phrase, sentence, shown
from feed.answers.piece import Board
from feed.answers.state import State
from feed.events.event import Event
from feed.events.goals import is_shoot_out
from feed.events.reading import read_shape
from feed.events.shapes import Score
from feed.history import History
from feed.streams.written import moment

INCIDENTS_TOLD = 20  # new in one state; of more, the newest are told
STATUS_OF = {"kick_off": "1H", "half_time": "HT", "second_half": "2H"}
ENDED_STATUSES = frozenset({"FT", "AET", "PEN"})
CORRECTABLE = ("kind", "team", "player", "minute", "stoppage")


def tell(before: Event | None, after: Event) -> Phrase:
    """Return what is new in a match, in sentences; empty if nothing is worth telling.

    `before` and `after` are `score` events of one match, `before` the last one that was
    told. Without it, the match as it stands is told. The refs are to `after`.
    """
    score, earlier = _read(after), _read(before)
    if score is None:
        return []
    state = _state_of(after, score)
    if earlier is None:
        return _tell_all(score, state)
    new, corrected = _compare(earlier, score)
    told = [_incident(score, state, it) for it in new[-INCIDENTS_TOLD:]]
    told += [_correction(score, state, it) for it in corrected[:INCIDENTS_TOLD]]
    told += _withdrawn(earlier, score)
    return paragraph(*told, _unexplained(earlier, score, new, bool(told), state))


def _read(event: Event | None) -> Score | None:
    shape = None if event is None else read_shape(event)
    return shape if isinstance(shape, Score) else None


def _state_of(event: Event, score: Score) -> State:
    slot = "score", score.match
    return State(Board(event.id, {slot: event}, History(), score.at, ""))


def _tell_all(score: Score, state: State) -> Phrase:
    scorers = scorers_sentence(score, state) if goals_of(score) else []
    return paragraph(match_sentence(score, state), scorers)


def _compare(before: Score, after: Score) -> tuple[list[Goal], list[Goal]]:
    """Return the incidents that are new, and those that are corrected."""
    known = {it.incident: msgspec.to_builtins(it) for it in before.incidents}
    new, corrected = [], []
    for place, incident in enumerate(after.incidents):
        fields = {**msgspec.to_builtins(incident), "place": place}
        earlier = known.get(incident.incident)
        if earlier is None:
            new.append(fields)
        elif any(earlier[name] != fields[name] for name in CORRECTABLE):
            corrected.append(fields)
    return new, corrected


def _incident(score: Score, state: State, incident: Goal) -> Phrase:
    make = _TELL.get(incident["kind"], _other)
    return make(score, state, incident)


def _correction(score: Score, state: State, incident: Goal) -> Phrase:
    return paragraph(
        sentence("a correction follows"), _incident(score, state, incident)
    )


def _withdrawn(before: Score, after: Score) -> list[Phrase]:
    """Return sentences on incidents that a newer state doesn't have any more."""
    kept = {it.incident for it in after.incidents}
    gone = [it for it in before.incidents if it.incident not in kept]
    return [
        sentence(f"the {_kind(it.kind)}{_at(it.minute, it.stoppage)} is withdrawn")
        for it in gone[-INCIDENTS_TOLD:]
    ]


def _unexplained(
    before: Score, after: Score, new: Iterable[Goal], told: bool, state: State
) -> Phrase:
    """Return a sentence on a status or a result that no incident explains."""
    kinds = {it["kind"] for it in new}
    reached = {STATUS_OF.get(kind) for kind in kinds}
    ended = "full_time" in kinds and after.status in ENDED_STATUSES
    if before.status != after.status and after.status not in reached and not ended:
        return match_sentence(after, state)
    results = [(it.home.score, it.away.score) for it in (before, after)]
    if told or results[0] == results[1] or None in results[1]:
        return []
    if None in results[0]:
        return match_sentence(after, state)
    teams = (name_of_team(after, state, side) for side in ("home", "away"))
    home, away = teams
    return sentence("it is now ", home, " ", result_of(after, state, "home"), " ", away)


def _kick_off(score: Score, state: State, incident: Goal) -> Phrase:
    home, away = (name_of_team(score, state, side) for side in ("home", "away"))
    return sentence(home, " v ", away, " has kicked off")


def _goal(score: Score, state: State, incident: Goal) -> Phrase:
    head = _head(score, state, incident, "goal", " for ")
    return sentence(
        *head, name_of_player(score, state, incident), _makes_it(score, state, incident)
    )


def _penalty(score: Score, state: State, incident: Goal) -> Phrase:
    if is_shoot_out(incident, msgspec.to_builtins(score)):
        head = _head(score, state, incident, "shoot-out", " for ")
        return sentence(*head, name_of_player(score, state, incident), " scores")
    head = _head(score, state, incident, "penalty", " for ")
    makes = _makes_it(score, state, incident, " scores and makes it ", " scores")
    return sentence(*head, name_of_player(score, state, incident), makes)


def _own_goal(score: Score, state: State, incident: Goal) -> Phrase:
    head = _head(score, state, incident, "own goal", " for ")
    other = {"home": "away", "away": "home"}.get(incident["team"] or "")
    of: list[Part] = [" of ", name_of_team(score, state, other)] if other else []
    scorer = phrase(name_of_player(score, state, incident), *of)
    return sentence(*head, scorer, _makes_it(score, state, incident))


def _cancelled(score: Score, state: State, incident: Goal) -> Phrase:
    head = _head(score, state, incident, "goal cancelled", " for ")
    goal: list[Part] = ["the goal"]
    if incident["player"]:
        goal += [" by ", name_of_player(score, state, incident)]
    after = _result(score, state, incident)
    again: list[Part] = [", and it is ", after] if after else []
    return sentence(*head, *goal, " doesn't count after a video review", *again)


def _half_time(score: Score, state: State, incident: Goal) -> Phrase:
    return sentence("half-time: ", _standing(score, state, incident, " lead "))


def _second_half(score: Score, state: State, incident: Goal) -> Phrase:
    result = _result(score, state, incident)
    at: list[Part] = [" at ", result] if result else []
    return sentence("the second half has begun", *at)


def _full_time(score: Score, state: State, incident: Goal) -> Phrase:
    if score.status in ("AET", "PEN"):
        return match_sentence(score, state)
    return sentence("full time: ", _standing(score, state, incident, " beat "))


def _other(score: Score, state: State, incident: Goal) -> Phrase:
    """Return an incident of a player, of any kind: "Yellow card, 38′: A. Ames …"."""
    kind = incident["kind"]
    head = _head(score, state, incident, _kind(kind), "")
    if not incident["player"] and not incident["team"]:
        return sentence(*head[:-1])
    player: list[Part] = [name_of_player(score, state, incident)]
    if incident["team"] in ("home", "away"):
        player += [" of ", name_of_team(score, state, incident["team"])]
    return sentence(*head, *player, HAPPENINGS.get(kind, ""))


def _head(
    score: Score, state: State, incident: Goal, kind: str, before_team: str
) -> list[Part]:
    """Return how a sentence begins: "Goal for Acton, 38′: "."""
    parts: list[Part] = [kind]
    if before_team and incident["team"] in ("home", "away"):
        parts += [before_team, name_of_team(score, state, incident["team"])]
    at = moment(incident)
    if at:
        parts += [", ", incident_figure(score, state, incident, "minute", at)]
    return [*parts, ": "]


def _makes_it(
    score: Score,
    state: State,
    incident: Goal,
    words: str = " makes it ",
    otherwise: str = " scores",
) -> Phrase:
    result = _result(score, state, incident)
    return phrase(words, result) if result else phrase(otherwise)


def _result(score: Score, state: State, incident: Goal, first: str = "home") -> Phrase:
    """Return the result after an incident, if it is known."""
    if incident["home_score"] is None or incident["away_score"] is None:
        return []
    second = "away" if first == "home" else "home"
    figures = [
        incident_figure(score, state, incident, field, str(incident[field]))
        for field in (f"{first}_score", f"{second}_score")
    ]
    return phrase(figures[0], "–", figures[1])


def _standing(score: Score, state: State, incident: Goal, verb: str) -> Phrase:
    """Return who leads or won after an incident, or that nobody does."""
    home, away = (name_of_team(score, state, side) for side in ("home", "away"))
    result = _result(score, state, incident)
    if not result:
        return phrase(home, " v ", away)
    lead = incident["home_score"] - incident["away_score"]
    if lead == 0:
        level = " are level at " if verb == " lead " else " draw "
        return phrase(home, " and ", away, level, result)
    if lead > 0:
        return phrase(home, verb, away, " ", result)
    return phrase(away, verb, home, " ", _result(score, state, incident, "away"))


def _kind(kind: str) -> str:
    return KIND_NAMES.get(kind, shown(kind.replace("_", " ")))


def _at(minute: int | None, stoppage: int | None) -> str:
    at = moment({"minute": minute, "stoppage": stoppage})
    return f" of {at}" if at else ""


KIND_NAMES = {
    "var_cancelled": "cancellation of a goal",
    "penalty_missed": "missed penalty",
}
HAPPENINGS = {
    "yellow_card": " is booked",
    "red_card": " is sent off",
    "substitution": " goes off",
    "penalty_missed": " doesn't score",
}
_TELL: dict[str, Callable[[Score, State, Goal], Phrase]] = {
    "kick_off": _kick_off,
    "goal": _goal,
    "own_goal": _own_goal,
    "penalty": _penalty,
    "var_cancelled": _cancelled,
    "half_time": _half_time,
    "second_half": _second_half,
    "full_time": _full_time,
}
