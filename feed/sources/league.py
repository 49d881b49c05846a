"""A simulated league: which matches are played when, and what it tells of them."""

import re
from collections.abc import Sequence
from heapq import heappop, heappush, heapreplace
from random import Random

from feed.clock import WorldClock
from feed.events.event import Event, gone
from feed.events.shapes import Score
from feed.sources.match import BY_CODE, CLUBS, LEAGUE, Match, Side

KICK_OFF_GAP = 90.0  # seconds from one match's kick-off to the next one's
TO_COME = 2  # matches announced before they kick off
WARM_UP = 790.0  # seconds before the start; longer than any match is held once begun
ID = re.compile(r"[a-z]+-[a-z]+-[0-9a-z]{1,12}")


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
        self._held: list[tuple[float, int, Match]] = []  # a heap by what is due next
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
            match = Match(
                score.match,
                (Side("home", clubs[0]), Side("away", clubs[1])),
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

    def _matches(self) -> list[Match]:
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

    def _announce(self) -> Match:
        """Return the next match to come.

        The two are of the four clubs whose last match was announced longest ago; the
        eight matches since then are more than can be unfinished at once. An id ends
        in the start's milliseconds and a count, so that a restart makes new ones.
        """
        home, away = self._rng.sample(self._rested[:4], 2)
        self._rested.remove(home)
        self._rested.remove(away)
        self._rested += home, away
        match = Match(
            f"{home.code}-{away.code}".lower() + f"-{_base36(self._number)}",
            (Side("home", home), Side("away", away)),
            self._next_kick_off,
            self._clock,
            self._rng,
            self._minutely,
        )
        heappush(self._held, (match.due, self._number, match))
        self._number += 1
        self._next_kick_off += KICK_OFF_GAP
        return match


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
