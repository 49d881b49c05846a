"""The matches of one source of scores: whole reports become incidents and scores.

Theory of operation: a source reports each match whole, and its incidents have no id.
Between two reports a goal may move by a minute, be credited to another player, vanish
and come back, or be listed before the score has risen. So the incidents of a report are
matched with those that are known, by kind, side and player and within five minutes. The
score decides how many goals there are: a goal waits until the score counts it, and is
cancelled when the score no longer counts it. No incident is published twice, and one
that was corrected is published again under its own id.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import msgspec

from feed.events.catalogue import News
from feed.events.event import Event, gone
from feed.events.reading import read_shape
from feed.events.shapes import (
    FINAL,
    Incident,
    IncidentKind,
    InPlay,
    Score,
    Status,
    Team,
)

SideName = Literal["home", "away"]
SIDES: tuple[SideName, SideName] = ("home", "away")
GOALS: frozenset[IncidentKind] = frozenset({"goal", "own_goal", "penalty"})
NEAR = 5  # minutes by which an incident may move
MISSES = 2  # reports in a row that lack an incident before it counts as taken back
LACKED = 60_000  # ms that the answers may lack a match before it counts as missing
GIVEN_UP = 600_000  # ms after which a match that is missing is taken off the board
LATE_KICK_OFF = 3 * 3600 * 1000  # ms after its time at which a match may still begin
SHOWN_FOR = 36 * 3600 * 1000  # ms from the kick-off of a match on the board
IN_PLAY: frozenset[str] = frozenset(get_args(InPlay))
MAX_INCIDENTS = 200  # a shape takes 500


class Reported(msgspec.Struct, frozen=True):
    """An incident as a source reports it, with the side that it belongs to."""

    kind: IncidentKind
    team: SideName | None
    player: str | None
    minute: int | None
    stoppage: int | None = None


class Report(msgspec.Struct, frozen=True):
    """A match as a source reports it, whole. `at` is the instant of the report."""

    match: str
    source: str
    competition: str | None
    home: Team
    away: Team
    status: Status
    minute: int | None
    stoppage: int | None
    kick_off: int | None
    at: int
    incidents: list[Reported]


class Matches:
    """The newest score of each match of a source, continued from the board's state."""

    def __init__(self, source: str, state: Iterable[Event] = ()) -> None:
        self._known: dict[str, _Known] = {}
        self._answered: dict[str, int] = {}  # when each question was answered last
        for event in state:
            shape = read_shape(event) if event.type == "score" else None
            score = _strictly(shape) if isinstance(shape, Score) else None
            if score is not None and score.source == source:
                self._known[score.match] = _Known(score)

    def update(self, question: str, reports: Iterable[Report], now: int) -> list[News]:
        """Return the events that the reports in an answer make at `now` (epoch ms).

        `question` names what was asked. There are no events if nothing has changed.
        """
        news: list[News] = []
        self._answered[question] = now
        for report in reports:
            known = self._known.setdefault(report.match, _Known(None))
            known.question, known.seen_at = question, now
            news += known.update(report)
        return news + [gone("score", name, now) for name in self._retire(now)]

    def missing(self, now: int) -> int:
        """Return how many matches should be in the answers at `now`, and aren't."""
        lacks = (self._lacked_for(known) for known in self._known.values())
        return sum(LACKED < lack <= GIVEN_UP for lack in lacks)

    def next_kick_off(self, question: str, now: int) -> int | None:
        """Return when the next match of an answer kicks off; `now` while one is played.

        Instants are in epoch milliseconds. A kick-off that is late lies in the past.
        Return None if there is none.
        """
        scores = self._scores_of(question)
        if any(score.status in IN_PLAY for score in scores):
            return now
        kick_offs = (it.kick_off for it in scores if it.status == "NS")
        coming = [at for at in kick_offs if at is not None and at > now - LATE_KICK_OFF]
        return min(coming, default=None)

    def shows(self, question: str) -> bool:
        """Return whether the board has matches of an answer that aren't over."""
        return any(it.status not in FINAL for it in self._scores_of(question))

    def _scores_of(self, question: str) -> list[Score]:
        own = (it.score for it in self._known.values() if it.question == question)
        return [score for score in own if score is not None]

    def _lacked_for(self, known: "_Known") -> int:
        """Return for how many ms the answers have lacked a match that isn't over."""
        score, question = known.score, known.question
        if score is None or question is None or score.status in FINAL:
            return 0
        answered = self._answered.get(question, 0)
        has_begun = score.status in IN_PLAY or (score.kick_off or answered) < answered
        return answered - known.seen_at if has_begun else 0

    def _retire(self, now: int) -> list[str]:
        """Take matches off the board that are days old, or that the answers have lost.

        Their incidents stay known for a while: the matches may come back.
        """
        names = []
        for name, known in [*self._known.items()]:
            known.seen_at = known.seen_at or now
            unseen = now - known.seen_at
            if known.score is None and unseen > SHOWN_FOR:
                del self._known[name]
            elif known.score is not None and self._is_over(known, unseen, now):
                known.score = None
                names.append(name)
        return names

    def _is_over(self, known: "_Known", unseen: int, now: int) -> bool:
        kick_off = None if known.score is None else known.score.kick_off
        is_old = kick_off is not None and kick_off < now - SHOWN_FOR
        return (is_old and unseen > GIVEN_UP) or self._lacked_for(known) > GIVEN_UP


class _Known:
    """A match as it was published last. `score` is None if it isn't on the board."""

    def __init__(self, score: Score | None) -> None:
        self.score = score
        self.question: str | None = None  # whose answer had it last
        self.seen_at = 0  # when that was, epoch ms
        self._incidents = [] if score is None else [*score.incidents]
        self._misses: dict[str, int] = {}  # reports in a row that lacked an incident

    def update(self, report: Report) -> list[News]:
        """Return the incidents that are new or were corrected, then the score."""
        pairs = _pair(self._active(), report)
        news = [*self._correct(pairs), *self._add(pairs, report)]
        news += self._take_back(pairs, report)
        self._incidents.sort(key=_time_of)
        self._count_goals(report)
        changed = {each.incident for each in news}
        incidents = [each for each in self._incidents if each.incident in changed]
        score = self._score_of(report)
        if score == self.score:
            return []
        self.score = score
        return [*incidents, score]

    def _active(self) -> list[Incident]:
        """Return the incidents that count, without goals that were cancelled."""
        cancelled = [each for each in self._incidents if each.kind == "var_cancelled"]
        active = [each for each in self._incidents if each.kind != "var_cancelled"]
        for one in cancelled:
            goal = next((it for it in active if _is_cancelled_by(it, one)), None)
            if goal is not None:
                active.remove(goal)
        return active

    def _correct(self, pairs: list["_Pair"]) -> Iterator[Incident]:
        """Yield the known incidents that the report has changed."""
        for known, reported in pairs:
            if known is None or reported is None:
                continue
            self._misses.pop(known.incident, None)
            corrected = msgspec.structs.replace(
                known,
                kind=reported.kind,
                player=reported.player or known.player,
                minute=known.minute if reported.minute is None else reported.minute,
                stoppage=reported.stoppage,
            )
            if corrected != known:
                self._incidents[self._incidents.index(known)] = corrected
                yield corrected

    def _add(self, pairs: list["_Pair"], report: Report) -> Iterator[Incident]:
        """Yield what is new in the report, and counted by its score."""
        for known, reported in pairs:
            if known is not None or reported is None:
                continue
            if reported.kind in GOALS and self._exceeds(reported.team, report):
                continue
            if len(self._incidents) < MAX_INCIDENTS:
                incident = self._incident(reported, report)
                self._incidents.append(incident)
                yield incident

    def _take_back(self, pairs: list["_Pair"], report: Report) -> Iterator[Incident]:
        """Yield the cancellation of each goal that the score no longer counts.

        Other incidents that are no longer reported are removed.
        """
        for known, reported in pairs:
            if known is None or reported is not None:
                continue
            misses = self._misses[known.incident] = (
                self._misses.get(known.incident, 0) + 1
            )
            if misses < MISSES:
                continue
            goals = _goals_of(report, known.team)
            if known.kind not in GOALS:
                self._incidents.remove(known)
            elif goals is not None and self._goals(known.team) > goals:
                undone = Reported(
                    "var_cancelled",
                    known.team,
                    known.player,
                    known.minute,
                    known.stoppage,
                )
                cancelled = self._incident(undone, report)
                self._incidents.append(cancelled)
                yield cancelled

    def _exceeds(self, side: SideName | None, report: Report) -> bool:
        """Return whether another goal of a side would be more than its score counts."""
        return self._goals(side) >= (_goals_of(report, side) or 0)

    def _goals(self, side: SideName | None) -> int:
        return sum(it.kind in GOALS and it.team == side for it in self._active())

    def _incident(self, reported: Reported, report: Report) -> Incident:
        numbers = [
            int(it.incident) for it in self._incidents if it.incident.isdecimal()
        ]
        return Incident(
            match=report.match,
            incident=str(max(numbers, default=0) + 1),
            kind=reported.kind,
            team=reported.team,
            player=reported.player,
            minute=reported.minute,
            stoppage=reported.stoppage,
            home_score=None,
            away_score=None,
            at=report.at,
        )

    def _count_goals(self, report: Report) -> None:
        """Fill in the score after each incident, in their order."""
        goals = dict.fromkeys(SIDES, 0)
        for index, one in enumerate(self._incidents):
            if one.team is not None:
                goals[one.team] += _change_of(one)
            home, away = goals["home"], goals["away"]
            self._incidents[index] = msgspec.structs.replace(
                one, home_score=max(home, 0), away_score=max(away, 0)
            )

    def _score_of(self, report: Report) -> Score:
        last = self.score
        score = Score(
            match=report.match,
            competition=report.competition,
            source=report.source,
            home=report.home,
            away=report.away,
            status=report.status,
            minute=report.minute,
            stoppage=report.stoppage,
            kick_off=report.kick_off,
            period_started=None,
            at=report.at,
            incidents=[*self._incidents],
        )
        if last is not None and msgspec.structs.replace(score, at=last.at) == last:
            return last
        return score


_Pair = tuple[Incident | None, Reported | None]
"""A known incident and the one in a report; None where there is no partner."""


def _pair(known: list[Incident], report: Report) -> list[_Pair]:
    """Return each incident of both with its partner, in the order of the report.

    The closest partners are found first: the same player at the same minute, then the
    same player, then any of the side unless the score has risen meanwhile.
    """
    partners: dict[int, Incident] = {}
    free = [*known]
    for is_partner in (_is_same, _is_moved, _is_corrected):
        for index, reported in enumerate(report.incidents):
            if index in partners:
                continue
            if is_partner is _is_corrected and _has_risen(reported, known, report):
                continue
            found = min(
                (one for one in free if is_partner(one, reported)),
                key=lambda one: _distance(one, reported),
                default=None,
            )
            if found is not None:
                partners[index] = found
                free.remove(found)
    pairs: list[_Pair] = [
        (partners.get(index), reported)
        for index, reported in enumerate(report.incidents)
    ]
    return [*pairs, *((one, None) for one in free)]


def _is_same(one: Incident, reported: Reported) -> bool:
    return _is_moved(one, reported) and _distance(one, reported) == 0


def _is_moved(one: Incident, reported: Reported) -> bool:
    return one.player == reported.player and _is_corrected(one, reported)


def _is_corrected(one: Incident, reported: Reported) -> bool:
    both_goals = one.kind in GOALS and reported.kind in GOALS
    if one.team != reported.team or not (both_goals or one.kind == reported.kind):
        return False
    return _distance(one, reported) <= NEAR


def _has_risen(reported: Reported, known: list[Incident], report: Report) -> bool:
    """Return whether a goal is one more than those known; it then corrects none."""
    if reported.kind not in GOALS:
        return False
    goals = sum(it.kind in GOALS and it.team == reported.team for it in known)
    return goals < (_goals_of(report, reported.team) or 0)


def _distance(one: Incident, reported: Reported) -> int:
    """Return by how many minutes an incident has moved; 0 if a minute is unknown."""
    if one.minute is None or reported.minute is None:
        return 0
    return abs(
        one.minute + (one.stoppage or 0) - reported.minute - (reported.stoppage or 0)
    )


def _is_cancelled_by(goal: Incident, cancelled: Incident) -> bool:
    return (
        goal.kind in GOALS
        and (goal.team, goal.player) == (cancelled.team, cancelled.player)
        and goal.minute == cancelled.minute
    )


def _change_of(one: Incident) -> int:
    if one.kind in GOALS:
        return 1
    return -1 if one.kind == "var_cancelled" else 0


def _goals_of(report: Report, side: SideName | None) -> int | None:
    return None if side is None else getattr(report, side).score


def _time_of(one: Incident) -> tuple[int, int, int]:
    number = int(one.incident) if one.incident.isdecimal() else 0
    return (one.minute or 0, one.stoppage or 0, number)


def _strictly(score: Score) -> Score | None:
    """Return a score that was read leniently as one of this version, if it is one."""
    try:
        return msgspec.convert(msgspec.to_builtins(score), Score)
    except msgspec.ValidationError:
        return None
