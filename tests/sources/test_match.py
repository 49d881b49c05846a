"""The simulated league: its matches, their laws, and that a seed gives the same."""

import pickle
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec
import pytest

from feed.events.catalogue import News, encode
from feed.events.event import Event, Slot
from feed.events.shapes import Incident, Score
from feed.sources.league import League
from feed.sources.match import CLUBS, SQUADS

START = 1_700_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
MATCHES = 2000
GAP = 90_000  # ms between two kick-offs, of the league's own time
ORDER = ["NS", "1H", "HT", "2H", "FT"]
HELD = 12  # matches at once, at most


class Mark(msgspec.Struct):
    """The fields of a score that show the progress of its match; they decode fast."""

    match: str
    status: str
    minute: int | None
    stoppage: int | None
    at: int


def run(league: League, until: int, every: int = 1000) -> list[Event]:
    """Return all events from START to START + `until`, stepping each `every` ms."""
    return [event for step in steps(league, until, every) for event in step]


def steps(league: League, until: int, every: int) -> Iterator[list[Event]]:
    for now in range(START, START + until, every):
        yield [*map(encode, league.step(now))]
    yield [*map(encode, league.step(START + until))]


def scores(news: Iterable[News]) -> list[Score]:
    return [
        msgspec.json.decode(event.data, type=Score)
        for event in map(encode, news)
        if event.type == "score"
    ]


def marks(season: list[list[Event]]) -> Iterator[Mark]:
    decoder = msgspec.json.Decoder(Mark)
    for step in season:
        for event in step:
            if event.type == "score":
                yield decoder.decode(event.data)


def incidents(events: Iterable[Event]) -> list[Incident]:
    return [
        msgspec.json.decode(event.data, type=Incident)
        for event in events
        if event.type == "incident"
    ]


@pytest.fixture(scope="module")
def hour() -> list[Event]:
    """Return an hour and a half of the league, at its own speed."""
    return run(League(3, START), 5_400_000, 5000)


@pytest.fixture(scope="module")
def season() -> Iterable[list[Event]]:
    """Return the events of the first 2000 matches, of each step of 90 s."""
    return [*steps(League(3, START, 18), MATCHES * GAP // 18, 5000)]


@pytest.fixture(scope="module")
def results(season: list[list[Event]]) -> list[Score]:
    """Return the last score of each of the 2000 matches."""
    final = [
        event
        for step in season
        for event in step
        if event.type == "score" and b'"status":"FT"' in event.data
    ]
    return scores(final)


def test_twenty_clubs_have_sixteen_players_each_under_names_of_their_own() -> None:
    assert (
        len({club.code for club in CLUBS}) == len({club.name for club in CLUBS}) == 20
    )
    assert all(len(squad) == 16 for squad in SQUADS.values())
    assert len({player for squad in SQUADS.values() for player in squad}) == 20 * 16


def test_the_same_seed_gives_the_same_day() -> None:
    day = run(League(5, START, 10), 600_000, 5000)
    assert day == run(League(5, START, 10), 600_000, 5000)
    assert day != run(League(6, START, 10), 600_000, 5000)


@pytest.mark.parametrize("every", [37, 4999])
def test_events_dont_depend_on_how_the_steps_are_spaced(every: int) -> None:
    once_a_second = run(League(5, START, 10), 300_000)
    assert run(League(5, START, 10), 300_000, every) == once_a_second


def test_the_minutes_can_be_left_out_and_nothing_else_changes() -> None:
    events = run(League(5, START, 10), 300_000)
    quiet = run(League(5, START, 10, minutely=False), 300_000)
    kept = {event.data for event in quiet}
    assert [event for event in events if event.data in kept] == quiet
    assert incidents(events) == incidents(quiet)
    assert len(quiet) < len(events) / 2


def test_the_first_step_tells_matches_to_come_in_play_and_finished() -> None:
    for seed in range(20):
        events = [*map(encode, League(seed, START).step(START))]
        assert {event.type for event in events} == {"score"}
        first = scores(events)
        statuses = Counter(score.status for score in first)
        assert statuses["NS"] >= 1
        assert statuses["1H"] and statuses["2H"]
        assert statuses["FT"] >= 1
        assert len(first) <= HELD
        assert all(score.incidents for score in first if score.status != "NS")
        assert all(each.at <= START for score in first for each in score.incidents)


def test_each_step_gives_what_fell_due_since_the_last_in_its_order() -> None:
    league = League(3, START)
    last = START
    league.step(last)
    for now in range(START + 4000, START + 900_000, 4000):
        events = map(encode, league.step(now))
        instants = [msgspec.json.decode(event.data)["at"] for event in events]
        assert instants == sorted(instants)
        assert all(last <= at <= now for at in instants)
        last = now


def test_an_incident_comes_directly_before_the_score_that_has_it(
    hour: list[Event],
) -> None:
    assert hour[-1].type != "incident"
    for event, following in pairwise(hour):
        if event.type == "incident":
            [incident] = incidents([event])
            [score] = scores([following])
            assert score.incidents[-1] == incident
            assert (score.match, score.at) == (incident.match, incident.at)


def test_every_incident_of_a_match_is_told_once(hour: list[Event]) -> None:
    events = incidents(hour)
    for score in scores(hour):
        if score.status == "FT" and (score.kick_off or 0) > START:
            mine = [each for each in events if each.match == score.match]
            assert mine == score.incidents
            ids = [int(each.incident) for each in mine]
            assert ids == [*range(1, len(ids) + 1)]


def test_every_match_minute_has_a_score(season: list[list[Event]]) -> None:
    seen: dict[str, set[tuple[int | None, int | None]]] = {}
    for mark in marks(season):
        minutes = seen.setdefault(mark.match, set())
        minutes.add((mark.minute, mark.stoppage))
        if mark.status == "FT" and (None, None) in minutes:
            assert {(minute, None) for minute in range(1, 91)} <= minutes
            for half in (45, 90):
                stoppage = sorted(
                    each or 0 for minute, each in minutes if minute == half
                )
                assert stoppage == [*range(len(stoppage))]
                assert len(stoppage) > 1


def test_a_score_without_an_incident_is_that_of_a_new_minute(
    season: list[list[Event]],
) -> None:
    seen: dict[str, tuple[int, int]] = {}
    decoder = msgspec.json.Decoder(Mark)
    events = [event for step in season for event in step if not event.retires]
    for before, event in pairwise(events):
        if event.type == "score":
            mark = decoder.decode(event.data)
            now = (mark.minute or 0, mark.stoppage or 0)
            if before.type != "incident" and mark.match in seen:
                assert now > seen[mark.match]
            seen[mark.match] = now


def test_the_minute_follows_from_when_the_half_began(hour: list[Event]) -> None:
    for score in scores(hour):
        if score.status in ("1H", "2H"):
            assert score.period_started is not None and score.minute is not None
            before = 0 if score.status == "1H" else 45
            played = score.minute + (score.stoppage or 0) - before
            since = score.at - score.period_started  # two instants, each to a ms
            assert played in {1 + (since + off) // 5000 for off in (-1, 0, 1)}


def test_what_isnt_known_yet_is_none(hour: list[Event]) -> None:
    for score in scores(hour):
        to_come = score.status == "NS"
        assert (score.home.score is None) == (score.away.score is None) == to_come
        assert (score.minute is None) == (score.period_started is None) == to_come
        assert score.kick_off is not None
        assert to_come == (score.kick_off > score.at)
        if score.status in ("NS", "HT", "FT"):
            assert score.stoppage is None
        if score.status in ("HT", "FT"):
            assert score.minute == (45 if score.status == "HT" else 90)


def test_the_clock_never_runs_backward(season: list[list[Event]]) -> None:
    seen: dict[str, tuple[int, int, int, int]] = {}
    for mark in marks(season):
        status = ORDER.index(mark.status)
        now = (status, mark.minute or 0, mark.stoppage or 0, mark.at)
        assert now >= seen.get(mark.match, now)
        seen[mark.match] = now


def test_the_status_goes_only_from_to_come_over_half_time_to_full_time(
    season: list[list[Event]],
) -> None:
    seen: dict[str, list[str]] = {}
    for mark in marks(season):
        path = seen.setdefault(mark.match, [])
        if path[-1:] != [mark.status]:
            path.append(mark.status)
    begun = sum(path[0] != "NS" for path in seen.values())
    assert begun < HELD, "only those that were in play at the start"
    assert all(
        path == ORDER[ORDER.index(path[0]) :][: len(path)] for path in seen.values()
    )
    assert sum(path == ORDER for path in seen.values()) >= MATCHES - HELD


def test_full_time_is_a_matchs_last_score_and_three_minutes_later_it_is_gone(
    hour: list[Event],
) -> None:
    over: dict[str, int] = {}
    retired = 0
    for event in hour:
        if event.retires:
            assert event.slot is not None and event.slot[0] == "score"
            at = msgspec.json.decode(event.data)["at"]
            assert at - over[event.slot[1]] == pytest.approx(180_000, abs=1)
            retired += 1
        for score in scores([event]):
            assert score.match not in over
            if score.status == "FT":
                over[score.match] = score.incidents[-1].at
                assert score.incidents[-1].kind == "full_time"
    assert retired > 50


def test_2000_matches_end_as_matches_do(results: list[Score]) -> None:
    assert len(results) >= MATCHES
    margins = [(each.home.score or 0) - (each.away.score or 0) for each in results]
    goals = sum((each.home.score or 0) + (each.away.score or 0) for each in results)
    assert 2.5 <= goals / len(results) <= 3.0
    assert 0.40 <= sum(margin > 0 for margin in margins) / len(results) <= 0.50
    assert 0.20 <= sum(margin == 0 for margin in margins) / len(results) <= 0.30


def test_the_stronger_club_wins_more(results: list[Score]) -> None:
    points = Counter[str]()
    for each in results:
        margin = (each.home.score or 0) - (each.away.score or 0)
        points[each.home.name] += 3 * (margin > 0) + (margin == 0)
        points[each.away.name] += 3 * (margin < 0) + (margin == 0)
    table = [points[club.name] for club in CLUBS]
    assert sum(table[:5]) > 1.3 * sum(table[-5:])


def test_the_score_equals_its_incidents(results: list[Score]) -> None:
    for score in results:
        sides = {"home": 0, "away": 0}
        for each in score.incidents:
            if each.kind in ("goal", "own_goal", "penalty"):
                sides[each.team or ""] += 1
            elif each.kind == "var_cancelled":
                sides[each.team or ""] -= 1
            assert (each.home_score, each.away_score) == (sides["home"], sides["away"])
        assert (score.home.score, score.away.score) == (sides["home"], sides["away"])
        for team, name in ((score.home, "home"), (score.away, "away")):
            reds = [
                each.kind == "red_card" for each in score.incidents if each.team == name
            ]
            assert team.red_cards == sum(reds)


def test_every_kind_of_incident_happens(results: list[Score]) -> None:
    kinds = Counter[str](each.kind for score in results for each in score.incidents)
    once = ("kick_off", "half_time", "second_half", "full_time")
    assert all(kinds[kind] == len(results) for kind in once)
    rare = ("own_goal", "penalty", "penalty_missed", "var_cancelled", "red_card")
    assert all(0.02 < kinds[kind] / len(results) < 0.5 for kind in rare)
    assert 2 < kinds["yellow_card"] / len(results) < 5
    assert 6 < kinds["substitution"] / len(results) < 10


def test_a_goal_is_cancelled_within_two_minutes_and_nothing_happens_between(
    results: list[Score],
) -> None:
    cancelled = 0
    for score in results:
        for before, after in pairwise(score.incidents):
            if after.kind == "var_cancelled":
                cancelled += 1
                assert before.kind == "goal"
                assert (before.team, before.player) == (after.team, after.player)
                assert 0 < (after.at - before.at) * 18 < 10_000
    assert cancelled > 50


def test_the_incidents_clock_never_runs_backward(results: list[Score]) -> None:
    for score in results:
        clocks = [(each.minute or 0, each.stoppage or 0) for each in score.incidents]
        assert clocks == sorted(clocks)
        half = [each.kind for each in score.incidents].index("half_time")
        assert all(minute <= 45 for minute, _ in clocks[: half + 1])
        assert all(minute >= 46 for minute, _ in clocks[half + 1 :])


def test_who_has_left_the_pitch_does_nothing_more(results: list[Score]) -> None:
    for score in results:
        left: set[str] = set()
        booked: set[str] = set()
        for each in score.incidents:
            if each.player is None or each.kind == "var_cancelled":
                continue
            assert each.player not in left
            if each.kind in ("red_card", "substitution"):
                left.add(each.player)
            if each.kind == "yellow_card":
                assert each.player not in booked, "the second yellow card is a red one"
                booked.add(each.player)


def test_a_side_makes_at_most_five_substitutions(results: list[Score]) -> None:
    most = 0
    for score in results:
        made = Counter(
            each.team for each in score.incidents if each.kind == "substitution"
        )
        most = max(most, *made.values(), 0)
    assert most == 5


def test_a_player_plays_for_their_own_club(results: list[Score]) -> None:
    for score in results:
        squads = {
            "home": SQUADS[score.home.code or ""],
            "away": SQUADS[score.away.code or ""],
        }
        for each in score.incidents:
            if each.team and each.player:
                own = each.player in squads[each.team]
                assert own == (each.kind != "own_goal")


def test_no_club_is_in_two_unfinished_matches(season: list[list[Event]]) -> None:
    unfinished: dict[str, set[str]] = {}
    for step in season:
        for event in step:
            if event.type == "score" and b'"status":"FT"' in event.data:
                unfinished.pop(event.subject or "", None)
            elif event.type == "score" and event.subject not in unfinished:
                key = event.subject or ""
                clubs = {*key.split("-")[:2]}
                assert len(clubs) == 2
                assert not any(clubs & others for others in unfinished.values())
                unfinished[key] = clubs


def test_match_ids_are_short_and_never_come_again(results: list[Score]) -> None:
    ids = {each.match for each in results}
    assert len(ids) == len(results)
    assert all(re.fullmatch("[a-z]{3}-[a-z]{3}-[0-9a-z]{8}", id) for id in ids)
    restarted = League(3, START + 60_000).step(START + 60_000)
    assert not ids & {encode(each).subject for each in restarted}


@pytest.mark.parametrize("pause", [HOUR, 400 * DAY, -HOUR])
def test_after_a_pause_the_matches_tell_their_new_instants_and_go_on(
    pause: int,
) -> None:
    slept, awake = League(3, START), League(3, START)
    run(slept, 12_000)
    before = {score.match: score for score in scores(run(awake, 12_000))}
    woken = START + 12_000 + pause
    events = scores(slept.step(woken))
    assert 0 < len(events) <= HELD
    for score in events:
        old = before[score.match]
        assert (score.status, score.home, score.away) == (
            old.status,
            old.home,
            old.away,
        )
        assert (score.minute, score.incidents) == (old.minute, old.incidents)
        assert score.at == woken
        assert score.kick_off == (old.kick_off or 0) + pause
        if old.period_started:
            assert score.period_started == old.period_started + pause
    unfinished = {match for match, score in before.items() if score.status != "FT"}
    assert {score.match for score in events} == unfinished
    later = [each.at + pause for each in scores(awake.step(START + 16_000))]
    assert later
    assert [each.at for each in scores(slept.step(woken + 4000))] == later


def test_over_a_month_there_are_always_matches_of_each_kind_and_never_many() -> None:
    newest: dict[Slot, bytes] = {}
    most = longest = heaviest = 0
    month = League(3, START, 18, minutely=False)
    for step in steps(month, 30 * DAY // 18, 5000):
        for event in step:
            if event.retires and event.slot:
                del newest[event.slot]
            elif event.slot:
                newest[event.slot] = event.data
        statuses = {status(data) for data in newest.values()}
        assert {b"NS", b"FT"} < statuses
        most = max(most, len(newest))
        longest = max(longest, len(step))
        heaviest = max(heaviest, sum(map(len, newest.values())))
    assert most <= HELD
    assert longest < 100, "events in a step of 90 s"
    assert heaviest < 64_000, "bytes"
    assert len(pickle.dumps(month)) < 2 * len(pickle.dumps(League(3, START)))


def status(data: bytes) -> bytes:
    """Return the status in a score's JSON, which needn't all be read for it."""
    return data.partition(b'"status":"')[2][:2]


@pytest.mark.parametrize("minute", range(15))
def test_a_league_goes_on_from_the_scores_that_it_told_last(minute: int) -> None:
    """At any moment, incidents are kept, and the clocks continue."""
    newest: dict[Slot, Event] = {}
    for event in run(League(7, START), minute * 61_000):
        if event.slot:
            newest[event.slot] = event
    before = {s.match: s for s in scores(newest.values())}
    last = max(score.at for score in before.values())
    league = League(8, last, resume_from=[*before.values()])
    after = [e for at in range(0, 300_000, 1000) for e in league.step(last + at)]
    assert {"1H", "2H"} & {score.status for score in scores(after)}
    for score in scores(after):
        was = before.get(score.match)
        before[score.match] = score
        if was is None:
            assert score.status == "NS"
            continue
        assert score.incidents[: len(was.incidents)] == was.incidents
        assert len(score.incidents) <= len(was.incidents) + 1
        assert ORDER.index(score.status) - ORDER.index(was.status) in (0, 1)
        if score.status == was.status != "NS":
            assert score.period_started == was.period_started
            assert (score.minute or 0) >= (was.minute or 0)
    assert_told_as_they_are([*before.values()])


def assert_told_as_they_are(results: list[Score]) -> None:
    for score in results:
        reds = Counter(i.team for i in score.incidents if i.kind == "red_card")
        assert (reds["home"], reds["away"]) == (
            score.home.red_cards,
            score.away.red_cards,
        )
        off = [
            i.player for i in score.incidents if i.kind in ("red_card", "substitution")
        ]
        assert len(off) == len({*off})


def test_scores_of_others_are_left_alone_by_a_league_that_goes_on() -> None:
    (mine, *_) = scores(run(League(7, START), 0))
    others = [
        msgspec.structs.replace(mine, competition="Another"),
        msgspec.structs.replace(mine, match="no id of this league"),
        msgspec.structs.replace(mine, status="ET"),
    ]
    events = League(7, START, resume_from=others).step(START)
    assert events == League(7, START).step(START)
