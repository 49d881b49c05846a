"""OpenLigaDB's matches of German leagues: a pure reader of its answers.

The data is open and kept by a community: https://www.openligadb.de

Theory of operation: there is neither a minute nor a sign that a match is being played.
A match whose kick-off is past and that isn't finished is in play. A goal carries the
score after it, so the side that profits is the one whose score it raises.
"""

from collections.abc import Iterable, Sequence

from feed.events.catalogue import News
from feed.events.event import Event
from feed.events.shapes import IncidentKind, Status, Team
from feed.sources.conditions import OPENLIGADB
from feed.sources.live.matches import Matches, Report, Reported, SideName
from feed.sources.live.reading import (
    Fields,
    Unreadable,
    fields_of,
    instant,
    objects_in,
    read_json,
    text,
    whole,
)

FINAL_RESULT = 2  # the type of the result after full time
LONGEST_MATCH = 4 * 3600 * 1000  # ms from kick-off; later it was forgotten


class OpenLigaDb:
    """Reads match days. It continues from the matches of the board's `state`."""

    name = OPENLIGADB

    def __init__(self, leagues: Sequence[str], state: Iterable[Event] = ()) -> None:
        self._leagues = leagues
        self.matches = Matches(OPENLIGADB, state)
        self._probes: dict[str, str] = {}  # by the question that each one may save

    def questions(self, now: int) -> list[str]:
        """Return what is asked: the path of each league's current match day."""
        return [f"/getmatchdata/{league}" for league in self._leagues]

    def subject_of(self, question: str) -> str:
        """Return the league that a question is about."""
        return question.rpartition("/")[2]

    def probe_of(self, question: str) -> str | None:
        """Return the path that says when the answer to a question has changed last."""
        return self._probes.get(question)

    def read(self, question: str, body: bytes, now: int) -> list[News]:
        """Return the events that an answer makes, which arrived at `now` (epoch ms).

        Raise Unreadable if it isn't a list of matches.
        """
        answer = read_json(body)
        if not isinstance(answer, list):
            raise Unreadable("It answers with something that isn't a list of matches.")
        rows = objects_in(answer)
        self._find_probe(question, rows)
        reports = (read_match(row, now) for row in rows)
        return self.matches.update(question, filter(None, reports), now)

    def _find_probe(self, question: str, rows: list[Fields]) -> None:
        league = question.rpartition("/")[2]
        days = {
            (
                whole(row.get("leagueSeason"), 1900, 9999),
                whole(fields_of(row.get("group")).get("groupOrderID"), 0, 9999),
            )
            for row in rows
        }
        self._probes.pop(question, None)
        if len(days) == 1 and None not in (day := days.pop()):
            season, group = day
            self._probes[question] = f"/getlastchangedate/{league}/{season}/{group}"


def read_match(row: Fields, at: int) -> Report | None:
    """Return a match of a match day at `at` (epoch ms); None if it can't be read."""
    id = whole(row.get("matchID"), 0, 10**12)
    names = [_name_of(fields_of(row.get(team))) for team in ("team1", "team2")]
    if id is None or names[0] is None or names[1] is None:
        return None
    kick_off = instant(row.get("matchDateTimeUTC"))
    status = _read_status(row, kick_off, at)
    goals = sorted(objects_in(row.get("goals")), key=_order_of)
    scores = _read_score(row, goals) if status != "NS" else (None, None)
    home, away = (
        Team(name, _code_of(fields_of(row.get(team))), score, None, None, None)
        for name, team, score in zip(names, ("team1", "team2"), scores, strict=True)
        if name is not None
    )
    return Report(
        match=f"openligadb-{id}",
        source=OPENLIGADB,
        competition=text(row.get("leagueName")),
        home=home,
        away=away,
        status=status,
        minute=None,
        stoppage=None,
        kick_off=kick_off,
        at=at,
        incidents=_read_goals(goals),
    )


def _read_status(row: Fields, kick_off: int | None, now: int) -> Status:
    if row.get("matchIsFinished") is True:
        return "FT"
    if kick_off is None:
        return "TBD"
    if kick_off > now:
        return "NS"
    return "LIVE" if now - kick_off < LONGEST_MATCH else "PST"


def _read_score(row: Fields, goals: list[Fields]) -> tuple[int, int]:
    """Return the score: that of the end, or else that of the last goal."""
    results = objects_in(row.get("matchResults"))
    final = [it for it in results if it.get("resultTypeID") == FINAL_RESULT]
    scores = [_pair_of(it, "pointsTeam1", "pointsTeam2") for it in final]
    scores += [_pair_of(it, "scoreTeam1", "scoreTeam2") for it in reversed(goals)]
    return next((score for score in scores if score is not None), (0, 0))


def _read_goals(goals: list[Fields]) -> list[Reported]:
    found: list[Reported] = []
    before = (0, 0)
    for goal in goals:
        after = _pair_of(goal, "scoreTeam1", "scoreTeam2")
        if after is None:
            continue
        side: SideName | None = None
        if after != before:
            side = "home" if after[0] - before[0] > after[1] - before[1] else "away"
        before = after
        minute = whole(goal.get("matchMinute"), 1, 200)
        player = text(goal.get("goalGetterName"))
        found.append(Reported(_kind_of(goal), side, player, minute))
    return [it for it in found if it.team is not None]


def _kind_of(goal: Fields) -> IncidentKind:
    if goal.get("isOwnGoal") is True:
        return "own_goal"
    return "penalty" if goal.get("isPenalty") is True else "goal"


def _order_of(goal: Fields) -> tuple[int, int]:
    """Return the order of a goal: by the score after it, then by its minute."""
    home, away = _pair_of(goal, "scoreTeam1", "scoreTeam2") or (0, 0)
    return home + away, whole(goal.get("matchMinute"), 0, 200) or 0


def _pair_of(row: Fields, home: str, away: str) -> tuple[int, int] | None:
    one, other = whole(row.get(home), 0, 9999), whole(row.get(away), 0, 9999)
    return None if one is None or other is None else (one, other)


def _name_of(team: Fields) -> str | None:
    return text(team.get("teamName")) or text(team.get("shortName"))


def _code_of(team: Fields) -> str | None:
    return text(team.get("shortName"), 12)
