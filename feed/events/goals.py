"""What the incidents of a match add up to: its goals, its phase, its shoot-out."""

from collections.abc import Mapping
from typing import Any, get_args

from feed.events.shapes import InPlay, Upcoming

# A penalty after this minute, or without a minute, belongs to a shoot-out.
EXTRA_TIME_ENDS = 120
LIVE = frozenset(get_args(InPlay))
UPCOMING = frozenset(get_args(Upcoming))
SHOOT_OUTS = frozenset({"P", "PEN"})  # statuses: in progress, and over
GOALS = frozenset({"goal", "own_goal", "penalty"})

Fields = Mapping[str, Any]
"""The data of a `score` or `incident` event (`docs/feed.md`, section 2)."""


def phase(score: Fields) -> str:
    """Return "live", "upcoming" or "over"."""
    status = score["status"]
    if status in LIVE:
        return "live"
    return "upcoming" if status in UPCOMING else "over"


def standing_goals(score: Fields) -> list[dict[str, Any]]:
    """Return the goals that weren't cancelled, each with the `side` it counts for."""
    goals: list[dict[str, Any]] = []
    home: int | None = 0
    for incident in score["incidents"]:
        if incident["kind"] == "var_cancelled":
            _cancel_goal(goals, incident)
        elif incident["kind"] in GOALS and not is_shoot_out(incident, score):
            goals.append({**incident, "side": _scoring_side(incident, home)})
        home = incident["home_score"]
    return goals


def is_shoot_out(incident: Fields, score: Fields) -> bool:
    """Return whether an incident is a kick of the shoot-out that was scored."""
    if incident["kind"] != "penalty" or score["status"] not in SHOOT_OUTS:
        return False
    return incident["minute"] is None or incident["minute"] > EXTRA_TIME_ENDS


def _scoring_side(goal: Fields, home_before: int | None) -> str | None:
    """Return the side that a goal counts for.

    Publishers disagree on the team that an own goal names, so the side is read off the
    change of the score if both scores are known.
    """
    if goal["kind"] != "own_goal" or None in (goal["home_score"], home_before):
        team: str | None = goal["team"]
        return team
    return "home" if goal["home_score"] > home_before else "away"


def _cancel_goal(goals: list[dict[str, Any]], incident: Fields) -> None:
    """Remove the newest goal that a `var_cancelled` can refer to.

    The best match has the same side and player, the next best the same side.
    """
    for compared in (("side", "player"), ("side",), ()):
        for goal in reversed(goals):
            cancelled = {"side": incident["team"], "player": incident["player"]}
            if all(goal[name] == cancelled[name] for name in compared):
                goals.remove(goal)
                return
