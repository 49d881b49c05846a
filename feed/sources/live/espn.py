"""ESPN's public scoreboard: a pure reader of its answers, one for each league and day.

The scoreboard isn't documented. This follows what its answers are known to look like,
and takes each field for missing if it doesn't. An answer that isn't a scoreboard at all
raises `Unreadable`: it must never pass for a league without matches.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from feed.events.catalogue import News
from feed.events.event import Event
from feed.events.shapes import IncidentKind, Status, Team
from feed.sources.conditions import ESPN
from feed.sources.live.matches import SIDES, Matches, Report, Reported, SideName
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

MATCH_CLOCK = re.compile(r"(\d{1,3})'?(?:\s*\+\s*(\d{1,3})'?)?", re.ASCII)

STATUSES: dict[str, Status] = {
    "STATUS_SCHEDULED": "NS",
    "STATUS_TBD": "TBD",
    "STATUS_POSTPONED": "PST",
    "STATUS_DELAYED": "PST",
    "STATUS_FIRST_HALF": "1H",
    "STATUS_HALFTIME": "HT",
    "STATUS_SECOND_HALF": "2H",
    "STATUS_END_OF_REGULATION": "BT",
    "STATUS_OVERTIME": "ET",
    "STATUS_EXTRA_TIME": "ET",
    "STATUS_HALFTIME_ET": "ET",
    "STATUS_END_OF_EXTRATIME": "BT",
    "STATUS_SHOOTOUT": "P",
    "STATUS_SUSPENDED": "SUSP",
    "STATUS_RAIN_DELAY": "INT",
    "STATUS_FULL_TIME": "FT",
    "STATUS_FINAL": "FT",
    "STATUS_FINAL_AET": "AET",
    "STATUS_FINAL_PEN": "PEN",
    "STATUS_ABANDONED": "ABD",
    "STATUS_CANCELED": "CANC",
    "STATUS_FORFEIT": "AWD",
}
STATES: dict[str, Status] = {"pre": "NS", "in": "LIVE"}
NOT_STARTED = frozenset({"TBD", "NS", "PST", "CANC"})


class Espn:
    """Reads scoreboards. It continues from the matches of the board's `state`."""

    name = ESPN

    def __init__(self, leagues: Sequence[str], state: Iterable[Event] = ()) -> None:
        self._leagues = leagues
        self.matches = Matches(ESPN, state)

    def questions(self, now: int) -> list[str]:
        """Return what is asked at `now` (epoch ms): the path of each league and day."""
        return [question_of(it, day) for day in days_of(now) for it in self._leagues]

    def subject_of(self, question: str) -> str:
        """Return the league that a question is about."""
        return question.split("/")[1]

    def probe_of(self, question: str) -> str | None:
        """Return None: there is no cheaper question."""

    def read(self, question: str, body: bytes, now: int) -> list[News]:
        """Return the events that an answer makes, which arrived at `now` (epoch ms).

        Raise Unreadable if it isn't a scoreboard.
        """
        answer = fields_of(read_json(body))
        if not isinstance(answer.get("events"), list):
            raise Unreadable("It answers with something that isn't a scoreboard.")
        leagues = objects_in(answer.get("leagues"))
        competition = text(leagues[0].get("name")) if leagues else None
        events = objects_in(answer["events"])
        reports = (read_match(event, competition, now) for event in events)
        return self.matches.update(question, filter(None, reports), now)


def question_of(league: str, day: str) -> str:
    """Return the path of a league's matches of one day, given as YYYYMMDD."""
    return f"/{league}/scoreboard?dates={day}"


def days_of(now: int) -> list[str]:
    """Return today and yesterday at `now` (epoch ms), each as YYYYMMDD in UTC.

    A match that kicks off late in America is listed under the next day there.
    """
    today = datetime.fromtimestamp(now / 1000, UTC)
    return [f"{day:%Y%m%d}" for day in (today, today - timedelta(days=1))]


def read_match(event: Fields, competition: str | None, at: int) -> Report | None:
    """Return a match of a scoreboard at `at` (epoch ms); None if it can't be read."""
    id = text(event.get("id"), 40)
    game = next(iter(objects_in(event.get("competitions"))), {})
    sides = {
        text(row.get("homeAway")): row for row in objects_in(game.get("competitors"))
    }
    if id is None or not {*SIDES} <= {*sides}:
        return None
    status = _read_status(fields_of(game.get("status")))
    started = status not in NOT_STARTED
    teams = {_id_of(fields_of(sides[side].get("team"))): side for side in SIDES}
    incidents = _read_details(game, teams)
    home, away = (
        _read_team(sides[side], started, _count_reds(incidents, side)) for side in SIDES
    )
    if home is None or away is None:
        return None
    clock = fields_of(game.get("status")).get("displayClock")
    minute, stoppage = read_clock(clock) if _is_played(status) else (None, None)
    return Report(
        match=f"espn-{id}",
        source=ESPN,
        competition=competition,
        home=home,
        away=away,
        status=status,
        minute=minute,
        stoppage=stoppage,
        kick_off=instant(event.get("date")),
        at=at,
        incidents=incidents,
    )


def read_clock(clock: object) -> tuple[int | None, int | None]:
    """Return the minute and the minute of stoppage time of a clock such as 90'+5'."""
    found = MATCH_CLOCK.fullmatch(clock.strip()) if isinstance(clock, str) else None
    if found is None or not int(found[1]):
        return None, None
    return int(found[1]), int(found[2]) if found[2] and int(found[2]) else None


def _is_played(status: Status) -> bool:
    return status in ("1H", "HT", "2H", "ET", "LIVE", "INT", "SUSP")


def _read_status(status: Fields) -> Status:
    """Return the status of a match, by its name or else by its state."""
    kind = fields_of(status.get("type"))
    known = STATUSES.get(str(kind.get("name")))
    state = str(kind.get("state"))
    if known == "PST" and state == "in":
        return "INT"
    if known is not None:
        return known
    if state == "post":
        return "FT" if kind.get("completed") is True else "SUSP"
    return STATES.get(state, "NS")


def _read_team(row: Fields, started: bool, red_cards: int) -> Team | None:
    team = fields_of(row.get("team"))
    name = text(team.get("displayName")) or text(team.get("name"))
    if name is None:
        return None
    score = whole(row.get("score"), 0, 9999)
    return Team(
        name=name,
        code=text(team.get("abbreviation"), 12),
        score=score if started else None,
        red_cards=red_cards if started else None,
        shoot_out=whole(row.get("shootoutScore"), 0, 9999),
        aggregate=whole(row.get("aggregateScore"), 0, 9999),
    )


def _read_details(game: Fields, teams: dict[str, SideName]) -> list[Reported]:
    """Return the incidents of a match, without the kicks of a shoot-out."""
    found: list[Reported] = []
    for detail in objects_in(game.get("details")):
        kind = _kind_of(detail)
        side = teams.get(_id_of(fields_of(detail.get("team"))))
        if kind is None or side is None:
            continue
        players = objects_in(detail.get("athletesInvolved"))
        player = fields_of(players[0]) if players else {}
        minute, stoppage = read_clock(
            fields_of(detail.get("clock")).get("displayValue")
        )
        name = text(player.get("shortName")) or text(player.get("displayName"))
        found.append(Reported(kind, side, name, minute, stoppage))
    return found


def _kind_of(detail: Fields) -> IncidentKind | None:
    """Return the kind of an incident by its flags; None if it isn't one to show."""
    if detail.get("shootout") is True:
        return None
    if detail.get("scoringPlay") is True:
        if detail.get("ownGoal") is True:
            return "own_goal"
        return "penalty" if detail.get("penaltyKick") is True else "goal"
    if detail.get("redCard") is True:
        return "red_card"
    if detail.get("yellowCard") is True:
        return "yellow_card"
    return "penalty_missed" if detail.get("penaltyKick") is True else None


def _count_reds(incidents: list[Reported], side: SideName) -> int:
    return sum(it.kind == "red_card" and it.team == side for it in incidents)


def _id_of(team: Fields) -> str:
    return str(team.get("id"))
