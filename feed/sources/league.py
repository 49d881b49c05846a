"""A simulated league, one of the sources: matches that follow each other without end.

Each time that a match kicks off, the next one is announced. A match that ended is
retired after a while.
"""

import re
from collections.abc import Sequence
from heapq import heappop, heappush, heapreplace
from operator import itemgetter
from random import Random

from feed.clock import WorldClock
from feed.events.catalogue import News
from feed.events.event import gone
from feed.events.shapes import Score
from feed.sources.match import BY_CODE, CLUBS, LEAGUE, Match, Side

KICK_OFF_GAP = 90.0  # seconds between the kick-offs of two matches
ANNOUNCED = 2  # matches that are announced and have not kicked off
WARM_UP = 790.0  # seconds before the start; more than from kick-off to retirement
MATCH_ID = re.compile(r"[a-z]+-[a-z]+-[0-9a-z]{1,12}")


class League:
    """The simulated league: its matches to come, in play and just finished.

    Instants are epoch milliseconds. `speed` is the number of simulated seconds that
    pass in a real one. Without `minutely`, a score comes only when anything but the
    minute has changed. `resume_from` has the newest scores that an earlier league
    published: this league continues from them.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        speed: float = 1.0,
        *,
        minutely: bool = True,
        resume_from: Sequence[Score] = (),
    ) -> None:
        own = sorted(filter(_is_of_the_league, resume_from), key=_number_of)
        # A league that continues must not repeat the matches that the seed began with.
        self._rng = Random(f"league {seed} {start}" if own else f"league {seed}")
        self._clock = WorldClock(start, speed)
        self._minutely = minutely
        # The clubs by their last match, oldest first.
        self._rested = self._rng.sample(CLUBS, len(CLUBS))
        self._next_number = start  # see `_announce_match`
        self._next_kick_off = -WARM_UP
        # When each match is due next, its number, and the match.
        self._heap: list[tuple[float, int, Match]] = []
        self._has_begun = False
        if own:
            self._resume(own)
            return
        for _ in range(ANNOUNCED):
            self._announce_match()
        self._run_until(0.0)

    def step(self, now: int) -> list[News]:
        """Return the events that fell due up to `now` (epoch ms), in their order.

        The first step begins with the score of each match. A step after a standstill
        begins with the scores of unfinished matches, because their instants have moved.
        """
        stood_still = self._clock.advance(now)
        events: list[News] = []
        if not self._has_begun:
            events = [match.score(0.0) for match in self._matches()]
        elif stood_still:
            events = [
                match.score(self._clock.seconds)
                for match in self._matches()
                if match.status != "FT"
            ]
        self._has_begun = True
        return events + self._run_until(self._clock.seconds)

    def _resume(self, scores: Sequence[Score]) -> None:
        """Continue the matches of an earlier league, by their scores, oldest first."""
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
            match.resume(score)
            number = _number_of(score)
            heappush(self._heap, (match.due, number, match))
            self._next_number = number + 1
            self._next_kick_off = self._clock.age(score.kick_off or 0) + KICK_OFF_GAP
        announced = sum(score.status == "NS" for score in scores)
        self._has_begun = announced >= ANNOUNCED
        for _ in range(announced, ANNOUNCED):
            self._next_kick_off = max(self._next_kick_off, 0.0)
            self._announce_match()

    def _matches(self) -> list[Match]:
        """Return the matches by kick-off."""
        return [match for _, _, match in sorted(self._heap, key=itemgetter(1))]

    def _run_until(self, until: float) -> list[News]:
        events: list[News] = []
        while self._heap[0][0] <= until:
            events += self._do_next()
        return events

    def _do_next(self) -> list[News]:
        """Advance or retire the match that is due next; return the events of that."""
        due, number, match = self._heap[0]
        if match.status == "FT":
            heappop(self._heap)
            return [gone("score", match.id, self._clock.instant(due))]
        kicks_off = match.status == "NS"
        events: list[News] = [*match.do_next()]
        heapreplace(self._heap, (match.due, number, match))
        if kicks_off:
            events.append(self._announce_match().score(due))
        return events

    def _announce_match(self) -> Match:
        """Add the next match, and return it.

        Its clubs are two of the four whose last match is longest ago. The other sixteen
        have the last eight matches, more than can be unfinished at once, so no club is
        in two matches at a time. A match's id ends in its number. The first number is
        the start in epoch milliseconds, so that a restart doesn't use an id again.
        """
        home, away = self._rng.sample(self._rested[:4], 2)
        self._rested.remove(home)
        self._rested.remove(away)
        self._rested += home, away
        match = Match(
            f"{home.code}-{away.code}".lower() + f"-{_base36(self._next_number)}",
            (Side("home", home), Side("away", away)),
            self._next_kick_off,
            self._clock,
            self._rng,
            self._minutely,
        )
        heappush(self._heap, (match.due, self._next_number, match))
        self._next_number += 1
        self._next_kick_off += KICK_OFF_GAP
        return match


def _is_of_the_league(score: Score) -> bool:
    """Return whether a score is of a simulated match, and not of a published one."""
    codes = {score.home.code, score.away.code}
    return (
        score.competition == LEAGUE
        and codes <= BY_CODE.keys()
        and score.status in ("NS", "1H", "HT", "2H", "FT")
        and score.kick_off is not None
        and (score.status == "NS" or score.period_started is not None)
        and MATCH_ID.fullmatch(score.match) is not None
    )


def _number_of(score: Score) -> int:
    """Return the number at the end of a simulated match's id."""
    return int(score.match.rpartition("-")[2], 36)


def _base36(number: int) -> str:
    """Return a whole number in base 36."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    rest, last = divmod(number, 36)
    return (_base36(rest) if rest else "") + digits[last]
