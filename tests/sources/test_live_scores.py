"""Reports of matches become scores and incidents; no incident is published twice."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.events.shapes import Incident, Score
from feed.sources.live.espn import Espn, days_of, read_clock
from feed.sources.live.matches import GOALS, SIDES
from feed.sources.live.openligadb import OpenLigaDb
from feed.sources.live.reading import Unreadable

NOW = 1_795_004_801_000  # 12:26:41 UTC on 18 November 2026
HOME, AWAY = "182", "21300"


def goal(
    minute: str, player: str = "P. Rosko", team: str = HOME, **flags: Any
) -> dict[str, Any]:
    """Return a goal, or another incident, as the scoreboard lists it."""
    return {
        "type": {"id": "70", "text": "Goal"},
        "clock": {"value": 0, "displayValue": minute},
        "team": {"id": team},
        "scoringPlay": True,
        "redCard": False,
        "yellowCard": False,
        "penaltyKick": False,
        "ownGoal": False,
        "shootout": False,
        "athletesInvolved": [{"displayName": player, "shortName": player}],
        **flags,
    }


def match(
    score: str = "0-0",
    *details: dict[str, Any],
    status: str = "STATUS_FIRST_HALF",
    state: str = "in",
    clock: str = "40'",
    **changes: Any,
) -> dict[str, Any]:
    """Return a match as the scoreboard lists it."""
    home, away = score.split("-")
    return {
        "id": "401",
        "date": "2026-11-18T11:45Z",
        "competitions": [
            {
                "status": {
                    "displayClock": clock,
                    "type": {"name": status, "state": state, "completed": False},
                },
                "competitors": [
                    side("home", HOME, "Riverton FC", "RIV", home),
                    side("away", AWAY, "Lakeside", "LAK", away),
                ],
                "details": [*details],
            }
        ],
        **changes,
    }


def side(name: str, id: str, club: str, code: str, score: str) -> dict[str, Any]:
    team = {"id": id, "abbreviation": code, "displayName": club}
    return {"id": id, "homeAway": name, "score": score, "team": team}


def scoreboard(*matches: Any) -> bytes:
    league = {"name": "Upper League"}
    return json.dumps({"leagues": [league], "events": [*matches]}).encode()


class Shown:
    """What a client shows of one match, and each incident that it was sent."""

    def __init__(self, reader: Espn | OpenLigaDb) -> None:
        self.reader = reader
        self.score: Score | None = None
        self.sent: list[Incident] = []

    def read(self, *matches: Any) -> list[Any]:
        """Read a scoreboard; return what was new, without the scores."""
        news = self.reader.read("q", scoreboard(*matches), NOW)
        scores = [it for it in news if isinstance(it, Score)]
        self.score = scores[-1] if scores else self.score
        incidents = [it for it in news if isinstance(it, Incident)]
        self.sent += incidents
        return [(it.kind, it.minute, it.player) for it in incidents]

    @property
    def result(self) -> tuple[int | None, int | None]:
        assert self.score is not None
        return self.score.home.score, self.score.away.score


@pytest.fixture
def shown() -> Shown:
    return Shown(Espn(["a"]))


def test_a_match_is_read_whole(shown: Shown) -> None:
    shown.read(match("1-0", goal("37'"), goal("12'", "O", AWAY, **card("yellow"))))
    score = shown.score
    assert score is not None
    assert (score.match, score.competition, score.status) == (
        *("espn-401", "Upper League", "1H"),
    )
    assert (score.home.name, score.home.code, score.home.score) == (
        *("Riverton FC", "RIV", 1),
    )
    assert (score.minute, score.kick_off) == (40, 1_795_002_300_000)
    incidents = [(it.kind, it.team, it.minute, it.home_score) for it in score.incidents]
    assert incidents == [("yellow_card", "away", 12, 0), ("goal", "home", 37, 1)]


def card(colour: str) -> dict[str, bool]:
    return {"scoringPlay": False, f"{colour}Card": True}


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ({}, "goal"),
        ({"penaltyKick": True}, "penalty"),
        ({"ownGoal": True}, "own_goal"),
        (card("red"), "red_card"),
        ({"scoringPlay": False, "penaltyKick": True}, "penalty_missed"),
    ],
)
def test_the_kind_of_an_incident_is_that_of_its_flags(
    shown: Shown, flags: dict[str, Any], kind: str
) -> None:
    score = "1-0" if flags.get("scoringPlay", True) else "0-0"
    assert shown.read(match(score, goal("9'", **flags))) == [(kind, 9, "P. Rosko")]


def test_what_is_no_incident_or_a_kick_of_a_shoot_out_is_not_shown(
    shown: Shown,
) -> None:
    kick = goal("120'", shootout=True)
    other = goal("60'", scoringPlay=False)
    ended = match("1-1", kick, other, status="STATUS_FINAL_PEN", state="post")
    ended["competitions"][0]["competitors"][0]["shootoutScore"] = 4
    assert shown.read(ended) == []
    assert shown.score is not None
    assert (shown.score.status, shown.score.home.shoot_out) == ("PEN", 4)


def test_a_match_goes_through_extra_time_to_a_shoot_out(shown: Shown) -> None:
    seen = []
    for status, state, clock in [
        ("STATUS_SECOND_HALF", "in", "90'+4'"),
        ("STATUS_END_OF_REGULATION", "in", "90'"),
        ("STATUS_OVERTIME", "in", "97'"),
        ("STATUS_HALFTIME_ET", "in", "105'"),
        ("STATUS_SHOOTOUT", "in", "120'"),
        ("STATUS_FINAL_PEN", "post", "120'"),
    ]:
        kicks = [goal("120'", shootout=True)] * (
            "SHOOTOUT" in status or state == "post"
        )
        listed = match("1-1", goal("80'"), goal("81'", team=AWAY), *kicks)
        listed["competitions"][0]["status"] = {
            "displayClock": clock,
            "type": {"name": status, "state": state, "completed": state == "post"},
        }
        shown.read(listed)
        assert shown.score is not None
        seen.append((shown.score.status, shown.score.minute, shown.score.stoppage))
        assert shown.result == (1, 1)
    assert seen == [
        *(("2H", 90, 4), ("BT", None, None), ("ET", 97, None)),
        *(("ET", 105, None), ("P", None, None), ("PEN", None, None)),
    ]
    assert len(shown.sent) == 2


@pytest.mark.parametrize(
    "number", [None, "", "x", -1, "1e-8", 1e300, 10**400, True, [], {}]
)
def test_a_score_that_is_no_number_takes_back_no_goal(
    shown: Shown, number: object
) -> None:
    shown.read(match("1-0", goal("37'")))
    broken = match("1-0")
    for side_of_match in broken["competitions"][0]["competitors"]:
        side_of_match["score"] = number
    for _ in range(3):
        assert shown.read(broken) == []
    assert shown.read(match("1-0", goal("37'"))) == []


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("STATUS_SCHEDULED", "pre", "NS"),
        ("STATUS_HALFTIME", "in", "HT"),
        ("STATUS_OVERTIME", "in", "ET"),
        ("STATUS_POSTPONED", "post", "PST"),
        ("STATUS_DELAYED", "pre", "PST"),
        ("STATUS_DELAYED", "in", "INT"),
        ("STATUS_ABANDONED", "post", "ABD"),
        ("STATUS_FORFEIT", "post", "AWD"),
        ("STATUS_NEW_THING", "pre", "NS"),
        ("STATUS_NEW_THING", "in", "LIVE"),
        ("STATUS_NEW_THING", "post", "SUSP"),
        ("", "", "NS"),
    ],
)
def test_an_unknown_status_is_that_of_its_state(
    shown: Shown, status: str, state: str, expected: str
) -> None:
    shown.read(match(status=status, state=state))
    assert shown.score is not None
    assert shown.score.status == expected
    assert (shown.score.home.score is None) == (expected in ("NS", "PST"))


@pytest.mark.parametrize(
    ("clock", "read_as"),
    [
        ("45'", (45, None)),
        ("90'+5'", (90, 5)),
        ("45' + 2'", (45, 2)),
        ("7", (7, None)),
        ("0'", (None, None)),
        ("90'+0'", (90, None)),
        ("HT", (None, None)),
        (None, (None, None)),
        (45, (None, None)),
    ],
)
def test_a_clock_is_a_minute_and_its_stoppage(
    clock: object, read_as: tuple[int | None, int | None]
) -> None:
    assert read_clock(clock) == read_as


def test_a_goal_that_moves_by_a_minute_is_corrected_under_its_own_id(
    shown: Shown,
) -> None:
    shown.read(match("1-0", goal("37'")))
    assert shown.read(match("1-0", goal("38'"))) == [("goal", 38, "P. Rosko")]
    assert [it.incident for it in shown.sent] == ["1", "1"]
    assert shown.read(match("1-0", goal("38'"))) == []


def test_a_goal_that_vanishes_and_comes_again_a_minute_later_is_not_told_again(
    shown: Shown,
) -> None:
    shown.read(match("1-0", goal("37'")))
    assert shown.read(match("1-0")) == []
    assert shown.read(match("1-0")) == []
    assert shown.read(match("1-0", goal("38'"))) == [("goal", 38, "P. Rosko")]
    assert {it.incident for it in shown.sent} == {"1"}


def test_a_goal_that_is_credited_to_another_stays_the_same_goal(shown: Shown) -> None:
    shown.read(match("1-0", goal("37'")))
    assert shown.read(match("1-0", goal("37'", "B. Tamm"))) == [("goal", 37, "B. Tamm")]
    assert shown.read(match("1-0", goal("37'", "B. Tamm", ownGoal=True))) == [
        ("own_goal", 37, "B. Tamm")
    ]
    assert {it.incident for it in shown.sent} == {"1"}


def test_a_second_goal_of_another_player_soon_after_is_one_more(shown: Shown) -> None:
    shown.read(match("1-0", goal("37'")))
    both = match("2-0", goal("37'"), goal("39'", "B. Tamm"))
    assert shown.read(both) == [("goal", 39, "B. Tamm")]
    assert [it.home_score for it in shown.sent] == [1, 2]


def test_a_second_goal_alone_in_the_report_is_one_more_if_the_score_says_so(
    shown: Shown,
) -> None:
    shown.read(match("1-0", goal("37'")))
    assert shown.read(match("2-0", goal("39'", "B. Tamm"))) == [("goal", 39, "B. Tamm")]
    assert [it.incident for it in shown.sent] == ["1", "2"]


def test_a_goal_that_comes_before_its_score_waits_for_it(shown: Shown) -> None:
    shown.read(match("0-0"))
    assert shown.read(match("0-0", goal("37'"))) == []
    assert shown.result == (0, 0)
    assert shown.read(match("1-0", goal("37'"))) == [("goal", 37, "P. Rosko")]


def test_a_score_that_comes_before_its_goal_is_shown_at_once(shown: Shown) -> None:
    shown.read(match("1-0"))
    assert shown.result == (1, 0)
    assert shown.read(match("1-0", goal("37'"))) == [("goal", 37, "P. Rosko")]


def test_a_goal_that_is_taken_back_is_cancelled_once(shown: Shown) -> None:
    shown.read(match("1-0", goal("37'")))
    assert shown.read(match("0-0")) == []  # perhaps it is only missing
    assert shown.result == (0, 0)
    assert shown.read(match("0-0")) == [("var_cancelled", 37, "P. Rosko")]
    assert shown.read(match("0-0")) == []
    assert shown.score is not None
    assert [it.home_score for it in shown.score.incidents] == [1, 0]
    again = shown.read(match("1-0", goal("52'")))
    assert again == [("goal", 52, "P. Rosko")]
    assert len({it.incident for it in shown.sent}) == 3


def test_two_matches_that_change_places_stay_themselves(shown: Shown) -> None:
    one, other = match("1-0", goal("37'")), match("0-0", id="402")
    shown.read(one, other)
    assert shown.read(other, one) == []
    assert shown.read(other) == []  # one of them is missing, which says nothing
    assert shown.read(one, other) == []


def test_another_reader_continues_without_telling_a_goal_again(shown: Shown) -> None:
    shown.read(match("1-0", goal("37'")))
    assert shown.score is not None
    other = Espn(["a"], [shown.score.event()])
    assert other.read("q", scoreboard(match("1-0", goal("37'"))), NOW) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"code":400}', b'{"events":{}}', b'{"events":nul'],
)
def test_what_is_no_scoreboard_is_never_an_empty_league(body: bytes) -> None:
    with pytest.raises(Unreadable, match="isn't a scoreboard"):
        Espn(["a"]).read("q", body, NOW)


def test_today_and_yesterday_are_asked_for() -> None:
    assert days_of(NOW) == ["20261118", "20261117"]


def league_match(*goals: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a match as OpenLigaDB lists it."""
    return {
        "matchID": 77,
        "matchDateTimeUTC": "2026-11-18T11:45:00Z",
        "leagueName": "Erste Liga",
        "team1": {"teamId": 1, "teamName": "FC Nordufer", "shortName": "Nordufer"},
        "team2": {"teamId": 2, "teamName": "SV Kaltbach", "shortName": ""},
        "matchIsFinished": False,
        "matchResults": [],
        "goals": [*goals],
        **changes,
    }


def league_goal(
    home: int, away: int, minute: int | None, player: str = "Adam", **flags: bool
) -> dict[str, Any]:
    return {
        "goalID": 9,
        "scoreTeam1": home,
        "scoreTeam2": away,
        "matchMinute": minute,
        "goalGetterName": player,
        "isPenalty": False,
        "isOwnGoal": False,
        "isOvertime": False,
        **flags,
    }


def test_a_match_of_openligadb_is_in_play_between_kick_off_and_its_end() -> None:
    reader = OpenLigaDb(["bl1"])
    first = league_goal(1, 0, 10)
    second = league_goal(1, 1, 70, "Voss", isPenalty=True)

    def read(now: int, *rows: dict[str, Any]) -> list[Any]:
        return reader.read("q", json.dumps([*rows]).encode(), now)

    [before] = read(NOW - 10**7, league_match())
    assert (before.status, before.home.score) == ("NS", None)
    [begun] = read(NOW, league_match())
    assert (begun.status, begun.home.score, begun.minute) == ("LIVE", 0, None)
    scored, after = read(NOW, league_match(second, first))[-2:]
    assert (scored.kind, scored.team, scored.away_score) == ("penalty", "away", 1)
    assert (after.home.score, after.away.score, after.away.code) == (1, 1, None)
    result = {"resultTypeID": 2, "pointsTeam1": 2, "pointsTeam2": 1}
    over = league_match(first, second, matchIsFinished=True, matchResults=[result])
    [ended] = read(NOW, over)
    assert (ended.status, ended.home.score, ended.match) == ("FT", 2, "openligadb-77")
    assert read(NOW, over) == []
    with pytest.raises(Unreadable):
        reader.read("q", b'{"status":404}', NOW)


PLAYERS = ("Ade", "Bo", "Cy")
details = st.builds(
    goal,
    st.integers(1, 90).map("{}'".format),
    st.sampled_from(PLAYERS),
    st.sampled_from([HOME, AWAY]),
    ownGoal=st.booleans(),
    penaltyKick=st.booleans(),
)


@given(
    reports=st.lists(
        st.tuples(st.lists(details, max_size=5), st.integers(0, 5), st.integers(0, 5)),
        max_size=6,
    ),
    last=st.lists(details, max_size=5),
)
def test_whatever_came_before_the_board_agrees_with_the_last_report(
    reports: list[tuple[list[dict[str, Any]], int, int]], last: list[dict[str, Any]]
) -> None:
    shown = Shown(Espn(["a"]))
    for listed, home, away in reports:
        shown.read(match(f"{home}-{away}", *listed))
    goals = {
        team: sum(it["team"]["id"] == team for it in last) for team in (HOME, AWAY)
    }
    for _ in range(3):
        shown.read(match(f"{goals[HOME]}-{goals[AWAY]}", *last))
    assert shown.read(match(f"{goals[HOME]}-{goals[AWAY]}", *last)) == []
    assert shown.result == (goals[HOME], goals[AWAY])
    check_incidents(shown, goals)
    last_sent: dict[str, Incident] = {}
    for incident in shown.sent:
        assert last_sent.get(incident.incident) != incident
        last_sent[incident.incident] = incident


def check_incidents(shown: Shown, goals: dict[str, int]) -> None:
    """Check that the incidents count up to the score, side by side."""
    assert shown.score is not None
    for name, team in zip(SIDES, (HOME, AWAY), strict=True):
        own = [it for it in shown.score.incidents if it.team == name]
        scored = sum(it.kind in GOALS for it in own)
        cancelled = sum(it.kind == "var_cancelled" for it in own)
        assert scored - cancelled == goals[team]


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "competitions",
                    "competitors",
                    "status",
                    "type",
                    "team",
                    "details",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(value=odd, name=st.sampled_from(["id", "date", "competitions"]), inner=odd)
def test_no_answer_however_broken_raises_anything_but_unreadable(
    value: Any, name: str, inner: Any
) -> None:
    broken = match("1-0", goal("3'"), **{name: value})
    deeper = match("1-0", goal("3'"))
    for place in ("status", "competitors", "details"):
        deeper["competitions"][0][place] = inner
        Espn(["a"]).read("q", scoreboard(value, broken, deeper), NOW)
    side = {
        "homeAway": inner,
        "score": inner,
        "team": {"id": value, "displayName": "A"},
    }
    deeper["competitions"][0]["competitors"] = [side, side | {"homeAway": "home"}]
    Espn(["a"]).read("q", scoreboard(deeper), NOW)
    for place in ("matchID", "matchDateTimeUTC", "team1", "goals", "matchResults"):
        row = league_match(league_goal(1, 0, 3)) | {place: value}
        OpenLigaDb(["a"]).read("q", json.dumps([row, inner]).encode(), NOW)
