"""A simulated league, one of the sources: clubs and players that don't exist.

Strategy: chance has no memory. A match draws how long until something happens, then
what it is, from rates that depend only on how it stands: who is on the pitch, and the
score's own incidents. The minute is not counted, it is read off the clock.
"""

import re
from collections.abc import Sequence
from heapq import heappop, heappush, heapreplace
from math import exp, inf
from random import Random
from typing import Literal

import msgspec

from feed.clock import WorldClock
from feed.events.event import Event, gone
from feed.events.shapes import Incident, IncidentKind, Score, Status, Team

LEAGUE = "Meridian League"
MINUTE = 5.0  # seconds of a match minute: a match in nine minutes
HALF = 45  # match minutes
HALF_TIME = 4  # match minutes; a real one is 15, too long to look at
FIRST_ADDED = (1.0, 4.0)  # match minutes added to the first half, at random between
SECOND_ADDED = (2.0, 7.0)
KICK_OFF_GAP = 90.0  # seconds from one match's kick-off to the next one's
TO_COME = 2  # matches announced before they kick off
RETIRED_AFTER = 180.0  # seconds from full time; the next match is over before that
WARM_UP = 790.0  # seconds before the start; longer than any match is held once begun

HOME_GOALS = 1.50  # a match, for equal clubs; in Europe's leagues about 1.5 and 1.2
AWAY_GOALS = 1.20
YELLOW_CARDS = 1.8  # a side and match
RED_CARDS = 0.05  # a side and match, besides those for a second yellow card
SUBSTITUTIONS = 8.0  # a side and match, from the second half on; so about 4 are made
MAX_SUBSTITUTIONS = 5  # IFAB Laws of the Game, law 3
ATTACKS: dict[IncidentKind, float] = {
    "goal": 0.86,
    "own_goal": 0.03,
    "penalty": 0.085,
    "penalty_missed": 0.025,
}
CANCELLED = 0.05  # of the goals from play, by the video assistant referee
REVIEW = (0.7, 1.6)  # match minutes until the goal is cancelled, at random between
SCORERS = (0, 1, 1, 1, 1, 2, 2, 2, 3, 5, 5)  # weights by position, keeper to forwards
WHISTLES: dict[IncidentKind, Status] = {"half_time": "HT", "full_time": "FT"}

SideName = Literal["home", "away"]


class Club(msgspec.Struct, frozen=True):
    """An invented club; `strength` is the log of how it multiplies its goals."""

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
ID = re.compile(r"[a-z]+-[a-z]+-[0-9a-z]{1,12}")


def _squads() -> dict[str, list[str]]:
    """Return each club's eleven and bench: made-up names, each of them used once."""
    starts = "Ald Bor Cal Dar Esk Fal Gor Hal Iv Jor Kav Lor Mur Nev Osk Pell Rav Tor"
    ends = "addo anwe askar avelo endahl enholt eskin ikwe imura innard irro"
    more = "odze olenko ostrand oumba ovane undt uvarri"
    surnames = [a + b for a in starts.split() for b in f"{ends} {more}".split()]
    rng = Random(20)  # a club keeps its players, whatever the seed
    rng.shuffle(surnames)
    size = len(SCORERS) + MAX_SUBSTITUTIONS
    names = iter([f"{rng.choice('ABDEFJKLMNORSTVY')}. {name}" for name in surnames])
    return {club.code: [next(names) for _ in range(size)] for club in CLUBS}


SQUADS = _squads()


class League:
    """The simulated league: matches to come, in play and just finished.

    Instants are epoch milliseconds; `speed` is how many of its seconds pass in one.
    Without `minutely`, a score comes only when something changed, not each minute.
    With `held`, the scores that a league told last, it goes on from there.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        speed: float = 1.0,
        *,
        minutely: bool = True,
        held: Sequence[Score] = (),
    ) -> None:
        mine = sorted(filter(_is_of_the_league, held), key=_number_of)
        # Not the same chance again, where it goes on.
        self._rng = Random(f"league {seed} {start}" if mine else f"league {seed}")
        self._clock = WorldClock(start, speed)
        self._minutely = minutely
        self._rested = self._rng.sample(CLUBS, len(CLUBS))  # longest ago first
        self._number = start  # of the next match
        self._next_kick_off = -WARM_UP
        self._held: list[tuple[float, int, _Match]] = []  # a heap by what is due next
        self._begun = False
        if mine:
            self._go_on(mine)
            return
        for _ in range(TO_COME):
            self._announce()
        self._run(0.0)

    def step(self, now: int) -> list[Event]:
        """Return the events that fell due up to `now` (epoch ms), in their order.

        The first step begins with the score of each match held. A step after a
        standstill tells those anew whose instants moved, and goes on.
        """
        stood_still = self._clock.advance(now)
        events: list[Event] = []
        if not self._begun:
            events = [match.score(0.0) for match in self._matches()]
        elif stood_still:
            events = [
                match.score(self._clock.seconds)
                for match in self._matches()
                if match.status != "FT"
            ]
        self._begun = True
        return events + self._run(self._clock.seconds)

    def _go_on(self, scores: Sequence[Score]) -> None:
        """Take up the matches where their scores, in the order announced, say."""
        for score in scores:
            clubs = [BY_CODE[team.code or ""] for team in (score.home, score.away)]
            self._rested = [club for club in self._rested if club not in clubs] + clubs
            match = _Match(
                score.match,
                (_Side("home", clubs[0]), _Side("away", clubs[1])),
                self._clock.age(score.kick_off or 0),
                self._clock,
                self._rng,
                self._minutely,
            )
            match.go_on(score)
            number = _number_of(score)
            heappush(self._held, (match.due, number, match))
            self._number = number + 1
            self._next_kick_off = self._clock.age(score.kick_off or 0) + KICK_OFF_GAP
        to_come = sum(score.status == "NS" for score in scores)
        self._begun = to_come >= TO_COME
        for _ in range(to_come, TO_COME):
            self._next_kick_off = max(self._next_kick_off, 0.0)
            self._announce()

    def _matches(self) -> list["_Match"]:
        """Return the matches held, by kick-off."""
        return [match for _, _, match in sorted(self._held, key=lambda held: held[1])]

    def _run(self, until: float) -> list[Event]:
        events: list[Event] = []
        while self._held[0][0] <= until:
            events += self._happen()
        return events

    def _happen(self) -> list[Event]:
        """Do what is due next; return its events."""
        due, number, match = self._held[0]
        if match.status == "FT":
            heappop(self._held)
            return [gone("score", match.id, self._clock.instant(due))]
        kicks_off = match.status == "NS"
        events = match.happen()
        heapreplace(self._held, (match.due, number, match))
        if kicks_off:
            events.append(self._announce().score(due))
        return events

    def _announce(self) -> "_Match":
        """Return the next match to come.

        The two are of the four clubs whose last match was announced longest ago; the
        eight matches since then are more than can be unfinished at once. An id ends
        in the start's milliseconds and a count, so that a restart makes new ones.
        """
        home, away = self._rng.sample(self._rested[:4], 2)
        self._rested.remove(home)
        self._rested.remove(away)
        self._rested += home, away
        match = _Match(
            f"{home.code}-{away.code}".lower() + f"-{_base36(self._number)}",
            (_Side("home", home), _Side("away", away)),
            self._next_kick_off,
            self._clock,
            self._rng,
            self._minutely,
        )
        heappush(self._held, (match.due, self._number, match))
        self._number += 1
        self._next_kick_off += KICK_OFF_GAP
        return match


class _Side:
    """A club in a match, and who of it may still play."""

    def __init__(self, name: SideName, club: Club) -> None:
        self.name = name
        self.club = club
        self.score = 0
        self.red_cards = 0
        self.booked: set[str] = set()
        squad = SQUADS[club.code]
        self.pitch = dict(enumerate(squad[: len(SCORERS)]))  # by position, 0 the keeper
        self.bench = squad[len(SCORERS) :]

    def scorer(self, rng: Random) -> int:
        """Return the position of one who might score."""
        positions = [*self.pitch]
        return rng.choices(positions, [SCORERS[each] for each in positions])[0]

    def remember(self, incident: Incident) -> None:
        """Let who was booked, sent off or taken off be so again."""
        player = incident.player or ""
        position = next((at for at, name in self.pitch.items() if name == player), None)
        if incident.kind == "yellow_card":
            self.booked.add(player)
        elif incident.kind == "red_card" and position is not None:
            del self.pitch[position]
        elif incident.kind == "substitution" and position is not None and self.bench:
            self.pitch[position] = self.bench.pop(0)

    def outfield(self, rng: Random) -> int:
        """Return any position but the keeper's."""
        return rng.choice([*self.pitch][1:])

    def team(self, started: bool) -> Team:
        """Return the side as a match's score shows it."""
        score = self.score if started else None
        return Team(self.club.name, self.club.code, score, self.red_cards)


class _Match:
    """A match, from its announcement to full time; times are the world's seconds.

    `due` is when something happens next; after full time, when it is retired.
    """

    def __init__(
        self,
        id: str,
        sides: tuple[_Side, _Side],
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
        self._reviewed: tuple[_Side, str] | None = None  # a goal about to be cancelled

    def go_on(self, score: Score) -> None:
        """Take the match up where a score left it.

        What chance had drawn is drawn anew, and a goal under review stands.
        """
        self.status = score.status
        self._incidents = [*score.incidents]
        sides = {side.name: side for side in self._sides}
        for side, team in zip(self._sides, (score.home, score.away), strict=True):
            side.score, side.red_cards = team.score or 0, team.red_cards or 0
        for incident in self._incidents:
            if incident.team:
                sides[incident.team].remember(incident)
        if self.status == "NS":
            return
        told = self._clock.age(max((each.at for each in self._incidents), default=0))
        if self.status == "HT":
            self.due = told + HALF_TIME * MINUTE
        elif self.status == "FT":
            self.due = told + RETIRED_AFTER
        self._period_started = self._clock.age(score.period_started or 0)
        if self.status in ("1H", "2H"):
            added = FIRST_ADDED if self.status == "1H" else SECOND_ADDED
            self._set_half(added, 0.0)
            self.due = min(self._whistle, self._next_incident, self._next_minute)

    def happen(self) -> list[Event]:
        """Do what is due; return its events, an incident before the score with it."""
        at = self.due
        if self.status == "NS":
            events = self._begin_half(at, "1H", "kick_off", FIRST_ADDED)
        elif self.status == "HT":
            events = self._begin_half(at, "2H", "second_half", SECOND_ADDED)
        elif at >= self._whistle:
            return self._end_half(at)
        elif at >= self._next_incident:
            events = self._play(at)
        else:
            self._next_minute += MINUTE
            events = [self.score(at)]
        self.due = min(self._whistle, self._next_incident, self._next_minute)
        return events

    def score(self, at: float) -> Event:
        """Return the match, whole, as its `score` event."""
        home, away = self._sides
        started = self.status != "NS"
        minute, stoppage = self._minute(at)
        period_started = self._clock.instant(self._period_started)
        return Score(
            match=self.id,
            competition=LEAGUE,
            home=home.team(started),
            away=away.team(started),
            status=self.status,
            minute=minute,
            stoppage=stoppage,
            kick_off=self._clock.instant(self._kick_off),
            period_started=period_started if started else None,
            at=self._clock.instant(at),
            incidents=self._incidents,
        ).event()

    def _minute(self, at: float) -> tuple[int | None, int | None]:
        """Return the match minute, and the minute of stoppage time."""
        if self.status == "NS":
            return None, None
        before = 0 if self.status in ("1H", "HT") else HALF
        if self.status in ("HT", "FT"):
            return before + HALF, None
        minute = 1 + int((at - self._period_started) / MINUTE + 1e-6)  # a whole one is
        return before + min(minute, HALF), minute - HALF if minute > HALF else None

    def _begin_half(
        self, at: float, status: Status, kind: IncidentKind, added: tuple[float, float]
    ) -> list[Event]:
        self.status = status
        self._period_started = at
        self._set_half(added, at)
        return self._tell(at, kind)

    def _set_half(self, added: tuple[float, float], at: float) -> None:
        """Set what is to come of a half as it stands at `at`."""
        whistle = self._period_started + (HALF + self._rng.uniform(*added)) * MINUTE
        self._whistle = max(whistle, at)
        minutes = int((at - self._period_started) / MINUTE + 1e-6)  # a whole one is
        next_minute = self._period_started + (minutes + 1) * MINUTE
        self._next_minute = next_minute if self._minutely else inf
        self._draw(at)

    def _end_half(self, at: float) -> list[Event]:
        if self.status == "1H":
            self.due = at + HALF_TIME * MINUTE
            return self._tell(at, "half_time")
        self.due = at + RETIRED_AFTER
        return self._tell(at, "full_time")

    def _draw(self, at: float) -> None:
        """Draw when the next incident comes.

        The time to the first of several Poisson processes is exponential, at the sum
        of their rates; which of them it was has the chance of its rate (Gillespie,
        Journal of Physical Chemistry 81, 1977, "direct method").
        """
        self._next_incident = at + self._rng.expovariate(sum(self._rates())) * MINUTE

    def _rates(self) -> list[float]:
        """Return how often each happens now, a match minute; `_play` has the order."""
        home, away = self._sides
        edge = exp(home.club.strength - away.club.strength)
        edge *= len(home.pitch) / len(away.pitch)
        rates = []
        for side, goals in (home, HOME_GOALS * edge), (away, AWAY_GOALS / edge):
            substitutions = SUBSTITUTIONS if side.bench and self.status == "2H" else 0.0
            rates += [goals, YELLOW_CARDS, RED_CARDS, substitutions]
        return [rate / (2 * HALF) for rate in rates]

    def _play(self, at: float) -> list[Event]:
        if self._reviewed:
            events = self._cancel(at, *self._reviewed)
        else:
            rates = self._rates()
            which = self._rng.choices(range(len(rates)), rates)[0]
            sides = self._sides if which < 4 else self._sides[::-1]
            acts = (self._attack, self._book, self._send_off, self._substitute)
            events = acts[which % 4](at, *sides)
        self._draw(at)
        if self._reviewed:  # until then play rests, and no whistle ends the half
            self._next_incident = at + self._rng.uniform(*REVIEW) * MINUTE
            self._whistle = max(self._whistle, self._next_incident + MINUTE)
        return events

    def _attack(self, at: float, side: _Side, other: _Side) -> list[Event]:
        [kind] = self._rng.choices([*ATTACKS], [*ATTACKS.values()])
        if kind == "own_goal":
            player = other.pitch[other.outfield(self._rng)]
        else:
            player = side.pitch[side.scorer(self._rng)]
        if kind != "penalty_missed":
            side.score += 1
        if kind == "goal" and self._rng.random() < CANCELLED:
            self._reviewed = side, player
        return self._tell(at, kind, side, player)

    def _cancel(self, at: float, side: _Side, player: str) -> list[Event]:
        self._reviewed = None
        side.score -= 1
        return self._tell(at, "var_cancelled", side, player)

    def _book(self, at: float, side: _Side, other: _Side) -> list[Event]:
        position = side.outfield(self._rng)
        if side.pitch[position] in side.booked:  # who takes care: draw once more
            position = side.outfield(self._rng)
        player = side.pitch[position]
        if player in side.booked:
            return self._dismiss(at, side, position)
        side.booked.add(player)
        return self._tell(at, "yellow_card", side, player)

    def _send_off(self, at: float, side: _Side, other: _Side) -> list[Event]:
        return self._dismiss(at, side, side.outfield(self._rng))

    def _dismiss(self, at: float, side: _Side, position: int) -> list[Event]:
        side.red_cards += 1
        return self._tell(at, "red_card", side, side.pitch.pop(position))

    def _substitute(self, at: float, side: _Side, other: _Side) -> list[Event]:
        position = side.outfield(self._rng)
        player = side.pitch[position]
        side.pitch[position] = side.bench.pop(0)
        return self._tell(at, "substitution", side, player)

    def _tell(
        self,
        at: float,
        kind: IncidentKind,
        side: _Side | None = None,
        player: str | None = None,
    ) -> list[Event]:
        """Add an incident; return its event, then that of the score that has it."""
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
        return [incident.event(), self.score(at)]


def _is_of_the_league(score: Score) -> bool:
    """Whether a score is of a match that a league told, and not of a publisher's."""
    codes = {score.home.code, score.away.code}
    return (
        score.competition == LEAGUE
        and codes <= BY_CODE.keys()
        and score.status in ("NS", "1H", "HT", "2H", "FT")
        and score.kick_off is not None
        and (score.status == "NS" or score.period_started is not None)
        and ID.fullmatch(score.match) is not None
    )


def _number_of(score: Score) -> int:
    return int(score.match.rpartition("-")[2], 36)


def _base36(number: int) -> str:
    """Return a whole number's digits to the base of 36."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    rest, last = divmod(number, 36)
    return (_base36(rest) if rest else "") + digits[last]
