"""Sources of scores against servers that speak their protocols, with all their faults.

For each fault: what is published, what `source` says, and that it heals by itself.
"""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from feed.clock import now_ms
from feed.events.event import Event
from feed.sources.live.espn import Espn
from feed.sources.live.health import SourceTiming
from feed.sources.live.poller import Schedule
from tests.helpers.world import QUICK, World
from tests.helpers.world_servers import EspnServer, OpenLigaServer
from tests.sources.test_live_scores import (
    goal,
    league_goal,
    league_match,
    match,
    scoreboard,
)

LEAGUE = "espn:eng.1"
LIVE = ("live", None)
SLOW = msgspec.structs.replace(QUICK, request=0.3)
NOW = 1_795_004_801_000  # 12:26:41 UTC on 18 November 2026


@pytest.fixture
def espn() -> Iterator[EspnServer]:
    with EspnServer() as server:
        server.matches["eng.1"] = [match("1-0", goal("37'"))]
        yield server


def is_live(world: World, source: str = "ESPN") -> bool:
    return world.state_of(source) == LIVE and bool(world.scores)


def goals(world: World) -> list[tuple[str, int | None]]:
    return [(it.kind, it.minute) for it in world.incidents]


def test_a_match_and_its_goals_come_once(espn: EspnServer) -> None:
    with World(SCORES=LEAGUE, ESPN_URL=espn.url) as world:
        world.until(lambda: is_live(world))
        score = world.scores["espn-401"]
        assert (score.home.score, score.source) == (1, "ESPN")
        espn.matches["eng.1"] = [match("2-0", goal("37'"), goal("52'", "B. Tamm"))]
        world.until(lambda: len(world.incidents) == 2)
        asked = len(espn.paths())
        world.until(lambda: len(espn.paths()) > asked + 4)
        assert goals(world) == [("goal", 37), ("goal", 52)]
        assert world.states == [("ESPN", "live")]
    agents = {served.headers["user-agent"] for served in espn.requests}
    assert all(agent.startswith("Liveboard") for agent in agents)
    assert all(path.startswith("/eng.1/scoreboard?dates=20") for path in espn.paths())


HTML = b"<!doctype html><title>Be right back</title>"


@pytest.mark.parametrize("body", [HTML, b'{"code":400}', b"[]", b""])
def test_an_answer_that_is_no_scoreboard_is_refused_and_nothing_is_lost(
    espn: EspnServer, body: bytes
) -> None:
    with World(SCORES=LEAGUE, ESPN_URL=espn.url) as world:
        world.until(lambda: is_live(world))
        league, espn.matches = espn.matches, {}
        espn.bodies["/eng.1"] = body
        said = "refused", "It answers with something that isn't a scoreboard."
        world.until(lambda: world.state_of("ESPN") == said)
        assert world.gone == []
        espn.matches = league
        world.until(lambda: is_live(world))
        assert goals(world) == [("goal", 37)]


def test_a_question_that_was_right_yesterday_is_refused_with_its_status(
    espn: EspnServer,
) -> None:
    with World(SCORES=LEAGUE, ESPN_URL=espn.url) as world:
        world.until(lambda: is_live(world))
        espn.refusal = "400 Bad Request", ""
        said = "refused", "It refuses the request (status 400)."
        world.until(lambda: world.state_of("ESPN") == said)
        assert [it.title for it in world.notices.values()] == [
            "ESPN doesn't know eng.1"
        ]
        espn.refusal = None
        world.until(lambda: is_live(world))


def test_an_unknown_league_is_named_and_the_others_go_on(espn: EspnServer) -> None:
    with World(SCORES="espn:eng.1,xyz.9", ESPN_URL=espn.url) as world:
        detail = "No answer about xyz.9. It refuses the request (status 404)."
        world.until(lambda: world.state_of("ESPN") == ("live", detail))
        world.until(lambda: world.scores)
        assert [it.title for it in world.notices.values()] == [
            "ESPN doesn't know xyz.9"
        ]
        # Once the board has shown a match of it, that match is out of date.
        espn.matches["xyz.9"] = [match("0-0", id="900")]
        world.until(lambda: is_live(world) and len(world.scores) == 2)
        del espn.matches["xyz.9"]
        world.until(lambda: world.state_of("ESPN") == ("late", detail))


def test_a_league_that_is_empty_in_summer_is_live(espn: EspnServer) -> None:
    espn.matches["eng.1"] = []
    with World(SCORES=LEAGUE, ESPN_URL=espn.url) as world:
        world.until(lambda: world.state_of("ESPN") == LIVE)
        assert world.scores == {}


def test_a_server_that_is_gone_is_away_until_it_is_back_and_no_goal_comes_twice() -> (
    None
):
    league = {"eng.1": [match("1-0", goal("37'"))]}
    with EspnServer() as espn, World(SCORES=LEAGUE, ESPN_URL=espn.url) as world:
        espn.matches = league
        world.until(lambda: is_live(world))
        espn.__exit__()
        away = "away", "It doesn't accept connections."
        world.until(lambda: world.state_of("ESPN") == away)
        assert world.sources["ESPN"].since <= world.sources["ESPN"].at
        with EspnServer(espn.port) as back:
            back.matches = {"eng.1": [match("2-0", goal("37'"), goal("52'", "B"))]}
            world.until(lambda: is_live(world) and len(world.incidents) == 2)
        assert goals(world) == [("goal", 37), ("goal", 52)]


def test_matches_that_an_answer_lacks_make_the_source_late(espn: EspnServer) -> None:
    shift = 0
    matches = [match("0-0", id=str(number)) for number in range(30)]
    espn.matches["eng.1"] = matches
    with World(
        SCORES=LEAGUE, ESPN_URL=espn.url, clock=lambda: now_ms() + shift
    ) as world:
        world.until(lambda: is_live(world))
        espn.most = 25
        asked = len(espn.paths())
        world.until(lambda: len(espn.paths()) > asked + 4)
        assert world.state_of("ESPN") == LIVE  # one answer may lack a match
        shift = 61_000
        late = "late", "5 matches are missing from its answers."
        world.until(lambda: world.state_of("ESPN") == late)
        espn.most = 1000
        world.until(lambda: world.state_of("ESPN") == LIVE)
        assert (world.gone, len(world.scores)) == ([], 30)


def test_a_server_that_writes_a_byte_a_second_delays_no_other_source(
    espn: EspnServer,
) -> None:
    with OpenLigaServer() as slow:
        slow.drips = True
        with World(
            SLOW,
            SCORES=f"{LEAGUE} openligadb:bl1",
            ESPN_URL=espn.url,
            OPENLIGADB_URL=slow.url,
        ) as world:
            said = "mute", "Its answer takes longer than 0.3 s."
            world.until(lambda: world.state_of("OpenLigaDB") == said)
            espn.matches["eng.1"] = [match("2-0", goal("37'"), goal("52'", "B"))]
            world.until(lambda: len(world.incidents) == 2)
            slow.drips = False
            world.until(lambda: world.state_of("OpenLigaDB") == LIVE)


def test_a_server_that_asks_for_fewer_requests_gets_none_for_so_long(
    espn: EspnServer,
) -> None:
    espn.refusal = "429 Too Many Requests", "Retry-After: 1\r\n"
    with World(SCORES="espn:eng.1,esp.1", ESPN_URL=espn.url) as world:
        said = "refused", "It asks for fewer requests (status 429)."
        world.until(lambda: len(espn.requests) == 1)
        began = time.monotonic()
        espn.refusal = None
        world.until(lambda: len(espn.requests) > 1)
        assert time.monotonic() - began > 0.9
        assert ("ESPN", said[0]) not in world.states[1:]


def test_openligadb_is_asked_for_matches_only_when_they_have_changed() -> None:
    with OpenLigaServer() as server:
        listed = {"leagueSeason": 2026, "group": {"groupOrderID": 11}}
        server.matches["bl1"] = [league_match(league_goal(1, 0, 10), **listed)]
        with World(SCORES="openligadb:bl1", OPENLIGADB_URL=server.url) as world:
            probe, whole = "/getlastchangedate/bl1/2026/11", "/getmatchdata/bl1"
            world.until(lambda: server.paths().count(probe) >= 5)
            assert server.paths().count(whole) == 2  # the first had no probe yet
            assert is_live(world, "OpenLigaDB")
            two = league_goal(1, 0, 10), league_goal(1, 1, 70, "Voss")
            server.matches["bl1"] = [league_match(*two, **listed)]
            server.changed_at = "2026-11-18T13:00:00"
            world.until(lambda: len(world.incidents) == 2)
            assert server.paths().count(whole) == 3


def test_the_next_leader_tells_no_goal_again_and_the_one_that_it_missed(
    espn: EspnServer,
) -> None:
    with World(SCORES=LEAGUE, ESPN_URL=espn.url) as world:
        world.until(lambda: is_live(world))
        state = [each.event() for each in world.scores.values()]
    espn.matches["eng.1"] = [match("2-0", goal("37'"), goal("52'", "B. Tamm"))]
    with World(SCORES=LEAGUE, ESPN_URL=espn.url, state=state) as world:
        world.until(lambda: is_live(world))
        assert goals(world) == [("goal", 52)]
        assert world.scores["espn-401"].home.score == 2


class Asking:
    """Asks the questions of a schedule for an hour, by a clock of its own."""

    def __init__(self, until: float | None) -> None:
        self.counted: Counter[str] = Counter()
        schedule, timing = Schedule(SourceTiming()), SourceTiming()
        questions = [f"/{name}" for name in "abcd"]
        now = 0.0
        while now < 3600:
            question, due = schedule.next(questions, now)
            if due > 0:
                now += due
                continue
            self.counted[question] += 1
            left = None if until is None else max(until - now, 0)
            schedule.plan(question, now, left)
        self.most = 3600 / timing.lively


@pytest.mark.parametrize(
    ("until", "most"),
    [
        (None, 13),  # no match: every five minutes
        (10**6, 13),  # the next kick-off is far away
        (0, 361),  # a match is played: every ten seconds
        (1800, 7 + 193),  # it kicks off in half an hour
    ],
)
def test_polling_is_polite_by_league_and_hour(until: float | None, most: int) -> None:
    counted = Asking(until).counted
    assert len(counted) == 4
    assert all(most * 0.9 - 2 < count <= most for count in counted.values())


def test_questions_are_spread_over_the_interval() -> None:
    schedule = Schedule(SourceTiming())
    questions = [f"/{name}" for name in "abcde"]
    schedule.next(questions, 100.0)
    dues = sorted(each.due for each in schedule.asked.values())
    assert [after - before for before, after in itertools.pairwise(dues)] == [2.0] * 4
    schedule.next(questions[:1], 101.0)
    assert [*schedule.asked] == ["/a"]


def answers(reader: Espn, *listed: Any, at: int) -> list[Any]:
    return reader.read("/eng.1", scoreboard(*listed), at)


def test_a_match_that_is_lost_in_play_is_taken_off_and_comes_back_whole() -> None:
    reader = Espn(["eng.1"])
    shown, minute = match("1-0", goal("37'")), 60_000
    answers(reader, shown, at=NOW)
    assert answers(reader, at=NOW + minute) == []
    assert reader.matches.missing(NOW + minute) == 0
    answers(reader, at=NOW + 2 * minute)
    assert reader.matches.missing(NOW + 2 * minute) == 1
    [gone] = answers(reader, at=NOW + 11 * minute)
    assert isinstance(gone, Event)
    assert json.loads(gone.data)["key"] == "espn-401"
    [again] = answers(reader, shown, at=NOW + 12 * minute)
    assert (again.match, len(again.incidents)) == ("espn-401", 1)


def test_a_match_that_is_over_stays_on_the_board_for_a_day_and_a_half() -> None:
    reader, hour = Espn(["eng.1"]), 3_600_000
    over = match("1-0", goal("37'"), status="STATUS_FULL_TIME", state="post")
    answers(reader, over, at=NOW)
    assert answers(reader, at=NOW + 30 * hour) == []
    assert reader.matches.missing(NOW + 30 * hour) == 0
    [gone] = answers(reader, at=NOW + 36 * hour)
    assert gone.retires


def test_a_kick_off_to_come_is_known_before_it_and_a_late_one_after() -> None:
    reader = Espn(["eng.1"])
    listed = match(status="STATUS_SCHEDULED", state="pre", clock="0'")
    kick_off = 1_795_002_300_000
    for at in (kick_off - 60_000, kick_off + 600_000):
        answers(reader, listed, at=at)
        assert reader.matches.next_kick_off("/eng.1", at) == kick_off
    assert reader.matches.next_kick_off("/eng.1", kick_off + 4 * 3_600_000) is None
    answers(reader, match(), at=NOW)
    assert reader.matches.next_kick_off("/eng.1", NOW) == NOW
