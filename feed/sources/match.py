"""A simulated match between invented clubs.

Theory of operation: a match draws the time until its next incident, then the kind of
that incident. Both depend only on rates, and the rates only on the present state: the
players on the pitch and the incidents so far. So a match can continue from any of its
scores. The minute isn't counted but computed from the clock.
"""

from math import exp, inf
from random import Random
from typing import Literal

import msgspec

from feed.clock import WorldClock
from feed.events.shapes import Incident, IncidentKind, Score, Status, Team
from feed.sources.conditions import SIMULATOR

LEAGUE = "Meridian League"
MINUTE = 5.0  # seconds of a match minute; a match takes about nine real minutes
HALF = 45  # match minutes
ROUNDING = 1e-6  # match minutes; more than the error of a minute that is just over
HALF_TIME = 4  # match minutes; a real one has 15, in which nothing happens
# The range of the match minutes that are added to each half.
FIRST_ADDED = (1.0, 4.0)
SECOND_ADDED = (2.0, 7.0)
RETIRED_AFTER = 180.0  # seconds from full time; the next match ends before that

# Goals a match between clubs of equal strength, about those of Europe's leagues.
HOME_GOALS = 1.50
AWAY_GOALS = 1.20
YELLOW_CARDS = 1.8  # a side and match
RED_CARDS = 0.05  # a side and match, without those for a second yellow card
SUBSTITUTIONS = 8.0  # a side and match, in the second half only: about 4 are made
MAX_SUBSTITUTIONS = 5  # IFAB Laws of the Game, law 3
ATTACKS: dict[IncidentKind, float] = {
    "goal": 0.86,
    "own_goal": 0.03,
    "penalty": 0.085,
    "penalty_missed": 0.025,
}
CANCELLED = 0.05  # of the goals from play: the share that video review cancels
REVIEW = (0.7, 1.6)  # the range of the match minutes that a review takes
SCORERS = (0, 1, 1, 1, 1, 2, 2, 2, 3, 5, 5)  # weight of each position, keeper first
WHISTLES: dict[IncidentKind, Status] = {"half_time": "HT", "full_time": "FT"}

SideName = Literal["home", "away"]


class Club(msgspec.Struct, frozen=True):
    """An invented club. Its goals are multiplied by e to the power of `strength`."""

    code: str
    name: str
    strength: float


CLUBS = (
    Club("RIV", "Riverholt Rovers", 0.26),
    Club("AZU", "CD Azulmara", 0.23),
    Club("LBK", "SV Lindenbrock", 0.20),
    Club("SER", "Serravento Calcio", 0.17),
    Club("FON", "AS Fontclarine", 0.14),
    Club("ORA", "Oranjeveld", 0.11),
    Club("KES", "Kestrelmoor Town", 0.09),
    Club("TAM", "Tamaquira United", 0.06),
    Club("NHM", "Nordhamra IF", 0.04),
    Club("VDO", "SC Valdourinho", 0.01),
    Club("SAK", "Sakurahama", -0.01),
    Club("MBA", "Mbalowe Stars", -0.04),
    Club("KMB", "FK Kamenbrod", -0.06),
    Club("GLN", "Glenorrin Thistle", -0.09),
    Club("PAL", "Atlético Palmetara", -0.11),
    Club("ISK", "Iskarova", -0.14),
    Club("DUN", "Dunmarrow Albion", -0.17),
    Club("HVB", "Havbrekka BK", -0.20),
    Club("CED", "Cedarwick City", -0.23),
    Club("EVG", "Eldvogar", -0.26),
)
BY_CODE = {club.code: club for club in CLUBS}


def _squads() -> dict[str, list[str]]:
    """Return each club's eleven, then its bench, all with names of their own."""
    starts = "Ald Bor Cal Dar Esk Fal Gor Hal Iv Jor Kav Lor Mur Nev Osk Pell Rav Tor"
    ends = "addo anwe askar avelo endahl enholt eskin ikwe imura innard irro"
    more = "odze olenko ostrand oumba ovane undt uvarri"
    surnames = [a + b for a in starts.split() for b in f"{ends} {more}".split()]
    rng = Random(20)  # not the seed of the board: a club always has the same players
    rng.shuffle(surnames)
    size = len(SCORERS) + MAX_SUBSTITUTIONS
    names = iter([f"{rng.choice('ABDEFJKLMNORSTVY')}. {name}" for name in surnames])
    return {club.code: [next(names) for _ in range(size)] for club in CLUBS}


SQUADS = _squads()


class Side:
    """A club in a match, with its players on the pitch and on the bench."""

    def __init__(self, name: SideName, club: Club) -> None:
        self.name = name
        self.club = club
        self.score = 0
        self.red_cards = 0
        self.booked: set[str] = set()
        squad = SQUADS[club.code]
        self.pitch = dict(enumerate(squad[: len(SCORERS)]))  # by position, 0 the keeper
        self.bench = squad[len(SCORERS) :]

    def draw_scorer(self, rng: Random) -> int:
        """Return the position of a player, drawn by the chance to score."""
        positions = [*self.pitch]
        return rng.choices(positions, [SCORERS[each] for each in positions])[0]

    def repeat(self, incident: Incident) -> None:
        """Book, send off or take off the player of an earlier incident again."""
        player = incident.player or ""
        position = next((at for at, name in self.pitch.items() if name == player), None)
        if incident.kind == "yellow_card":
            self.booked.add(player)
        elif incident.kind == "red_card" and position is not None:
            del self.pitch[position]
        elif incident.kind == "substitution" and position is not None and self.bench:
            self.pitch[position] = self.bench.pop(0)

    def draw_outfield(self, rng: Random) -> int:
        """Return the position of any player but the keeper."""
        return rng.choice([*self.pitch][1:])

    def team(self, started: bool) -> Team:
        """Return the side for a score, which has goals once the match has `started`."""
        score = self.score if started else None
        return Team(self.club.name, self.club.code, score, self.red_cards, None, None)


Happening = Incident | Score


class Match:
    """A match from its announcement to full time. Times are seconds of `clock`.

    `due` is the time of the next change; after full time, of the retirement.
    """

    def __init__(
        self,
        id: str,
        sides: tuple[Side, Side],
        kick_off: float,
        clock: WorldClock,
        rng: Random,
        minutely: bool,
    ) -> None:
        self.id = id
        self.status: Status = "NS"
        self.due = self._kick_off = kick_off
        self._sides = sides
        self._clock = clock
        self._rng = rng
        self._minutely = minutely
        self._incidents: list[Incident] = []
        self._period_started = self._whistle = kick_off
        self._next_incident = self._next_minute = inf
        # The side and the scorer of a goal that is about to be cancelled.
        self._under_review: tuple[Side, str] | None = None

    def resume(self, score: Score) -> None:
        """Continue the match from one of its scores.

        The times of the next changes are drawn again. A goal under review counts.
        """
        self.status = score.status
        self._incidents = [*score.incidents]
        sides = {side.name: side for side in self._sides}
        for side, team in zip(self._sides, (score.home, score.away), strict=True):
            side.score, side.red_cards = team.score or 0, team.red_cards or 0
        for incident in self._incidents:
            if incident.team:
                sides[incident.team].repeat(incident)
        if self.status == "NS":
            return
        last = max((incident.at for incident in self._incidents), default=0)
        last_incident = self._clock.age(last)
        if self.status == "HT":
            self.due = last_incident + HALF_TIME * MINUTE
        elif self.status == "FT":
            self.due = last_incident + RETIRED_AFTER
        self._period_started = self._clock.age(score.period_started or 0)
        if self.status in ("1H", "2H"):
            added = FIRST_ADDED if self.status == "1H" else SECOND_ADDED
            self._schedule_half(added, 0.0)
            self.due = min(self._whistle, self._next_incident, self._next_minute)

    def do_next(self) -> list[Happening]:
        """Make the change that is due. Return an incident if any, then the score."""
        at = self.due
        if self.status == "NS":
            events = self._begin_half(at, "1H", "kick_off", FIRST_ADDED)
        elif self.status == "HT":
            events = self._begin_half(at, "2H", "second_half", SECOND_ADDED)
        elif at >= self._whistle:
            return self._end_half(at)
        elif at >= self._next_incident:
            events = self._make_incident(at)
        else:
            self._next_minute += MINUTE
            events = [self.score(at)]
        self.due = min(self._whistle, self._next_incident, self._next_minute)
        return events

    def score(self, at: float) -> Score:
        """Return the complete match."""
        home, away = self._sides
        started = self.status != "NS"
        minute, stoppage = self._minute(at)
        period_started = self._clock.instant(self._period_started)
        return Score(
            match=self.id,
            competition=LEAGUE,
            source=SIMULATOR,
            home=home.team(started),
            away=away.team(started),
            status=self.status,
            minute=minute,
            stoppage=stoppage,
            kick_off=self._clock.instant(self._kick_off),
            period_started=period_started if started else None,
            at=self._clock.instant(at),
            incidents=[*self._incidents],  # a copy: it is encoded later
        )

    def _minute(self, at: float) -> tuple[int | None, int | None]:
        """Return the match minute and the minute of stoppage time, or None for each."""
        if self.status == "NS":
            return None, None
        before = 0 if self.status in ("1H", "HT") else HALF
        if self.status in ("HT", "FT"):
            return before + HALF, None
        minute = 1 + int((at - self._period_started) / MINUTE + ROUNDING)
        return before + min(minute, HALF), minute - HALF if minute > HALF else None

    def _begin_half(
        self, at: float, status: Status, kind: IncidentKind, added: tuple[float, float]
    ) -> list[Happening]:
        self.status = status
        self._period_started = at
        self._schedule_half(added, at)
        return self._record(at, kind)

    def _schedule_half(self, added: tuple[float, float], at: float) -> None:
        """Set the times of the next minute, incident and whistle, as seen from `at`."""
        whistle = self._period_started + (HALF + self._rng.uniform(*added)) * MINUTE
        self._whistle = max(whistle, at)
        minutes = int((at - self._period_started) / MINUTE + ROUNDING)
        next_minute = self._period_started + (minutes + 1) * MINUTE
        self._next_minute = next_minute if self._minutely else inf
        self._draw_next_incident(at)

    def _end_half(self, at: float) -> list[Happening]:
        if self.status == "1H":
            self.due = at + HALF_TIME * MINUTE
            return self._record(at, "half_time")
        self.due = at + RETIRED_AFTER
        return self._record(at, "full_time")

    def _draw_next_incident(self, at: float) -> None:
        """Draw the time of the next incident.

        The time until the first event of several Poisson processes is exponential, at
        the sum of their rates. The chance that it belongs to a process is proportional
        to the rate of that process (Gillespie, Journal of Physical Chemistry 81, 1977,
        "direct method").
        """
        self._next_incident = at + self._rng.expovariate(sum(self._rates())) * MINUTE

    def _rates(self) -> list[float]:
        """Return incidents a match minute: the four kinds at home, then those away."""
        home, away = self._sides
        edge = exp(home.club.strength - away.club.strength)
        edge *= len(home.pitch) / len(away.pitch)
        rates = []
        for side, goals in (home, HOME_GOALS * edge), (away, AWAY_GOALS / edge):
            substitutions = SUBSTITUTIONS if side.bench and self.status == "2H" else 0.0
            rates += [goals, YELLOW_CARDS, RED_CARDS, substitutions]
        return [rate / (2 * HALF) for rate in rates]

    def _make_incident(self, at: float) -> list[Happening]:
        """Make the drawn incident, or cancel the goal that is under review."""
        if self._under_review:
            events = self._cancel_goal(at, *self._under_review)
        else:
            rates = self._rates()
            drawn = self._rng.choices(range(len(rates)), rates)[0]
            sides = self._sides if drawn < 4 else self._sides[::-1]
            acts = (self._attack, self._book, self._send_off, self._substitute)
            events = acts[drawn % 4](at, *sides)
        self._draw_next_incident(at)
        if self._under_review:  # play stops until then, and the half can't end
            self._next_incident = at + self._rng.uniform(*REVIEW) * MINUTE
            self._whistle = max(self._whistle, self._next_incident + MINUTE)
        return events

    def _attack(self, at: float, side: Side, other: Side) -> list[Happening]:
        [kind] = self._rng.choices([*ATTACKS], [*ATTACKS.values()])
        if kind == "own_goal":
            player = other.pitch[other.draw_outfield(self._rng)]
        else:
            player = side.pitch[side.draw_scorer(self._rng)]
        if kind != "penalty_missed":
            side.score += 1
        if kind == "goal" and self._rng.random() < CANCELLED:
            self._under_review = side, player
        return self._record(at, kind, side, player)

    def _cancel_goal(self, at: float, side: Side, player: str) -> list[Happening]:
        self._under_review = None
        side.score -= 1
        return self._record(at, "var_cancelled", side, player)

    def _book(self, at: float, side: Side, other: Side) -> list[Happening]:
        position = side.draw_outfield(self._rng)
        if side.pitch[position] in side.booked:  # booked players take care
            position = side.draw_outfield(self._rng)
        player = side.pitch[position]
        if player in side.booked:
            return self._dismiss(at, side, position)
        side.booked.add(player)
        return self._record(at, "yellow_card", side, player)

    def _send_off(self, at: float, side: Side, other: Side) -> list[Happening]:
        return self._dismiss(at, side, side.draw_outfield(self._rng))

    def _dismiss(self, at: float, side: Side, position: int) -> list[Happening]:
        side.red_cards += 1
        return self._record(at, "red_card", side, side.pitch.pop(position))

    def _substitute(self, at: float, side: Side, other: Side) -> list[Happening]:
        position = side.draw_outfield(self._rng)
        player = side.pitch[position]
        side.pitch[position] = side.bench.pop(0)
        return self._record(at, "substitution", side, player)

    def _record(
        self,
        at: float,
        kind: IncidentKind,
        side: Side | None = None,
        player: str | None = None,
    ) -> list[Happening]:
        """Add an incident. Return it, then the score with it."""
        home, away = self._sides
        minute, stoppage = self._minute(at)
        incident = Incident(
            match=self.id,
            incident=str(len(self._incidents) + 1),
            kind=kind,
            team=side.name if side else None,
            player=player,
            minute=minute,
            stoppage=stoppage,
            home_score=home.score,
            away_score=away.score,
            at=self._clock.instant(at),
        )
        self._incidents.append(incident)
        self.status = WHISTLES.get(kind, self.status)
        return [incident, self.score(at)]
