"""Time: what the clock says, and the seconds of a world that runs at its own speed.

Strategy: the world is told what time it is, and never goes further at once than a
running server would let it. A laptop that slept, a frozen container or a clock that
was set moves the world's instants instead: it stood still, so nothing bursts out.
"""

import time

STANDSTILL = 5_000  # ms; a server that runs steps many times in this


def now_ms() -> int:
    """Return the instant, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def next_instant(pace: float, now: float) -> float:
    """Return the first multiple of `pace` after `now`, in seconds.

    All that keep the same pace meet there, and share what is due.
    """
    return (now // pace + 1) * pace


class WorldClock:
    """Maps epoch milliseconds to the seconds of a simulated world and back."""

    def __init__(self, start: int, speed: float) -> None:
        """Begin at the instant `start` (epoch ms); `speed` world seconds a second."""
        self.seconds = 0.0
        self._start = start
        self._speed = speed
        self._last = start

    def advance(self, now: int) -> bool:
        """Go on to `now` (epoch ms); return whether the world stood still instead.

        Where it did, every instant yet to come has moved and is to be told anew.
        """
        elapsed = now - self._last
        stood_still = not 0 <= elapsed <= STANDSTILL
        if stood_still:
            self._start += elapsed
        self._last = now
        self.seconds = self.age(now)
        return stood_still

    def look(self, now: int) -> None:
        """Take `now` (epoch ms) for the time, without going or standing still."""
        self._last = now
        self.seconds = self.age(now)

    def turn(self, seconds: float) -> None:
        """Let the world be `seconds` old now, which moves its instants."""
        self._start = self._last - round(seconds * 1000 / self._speed)
        self.seconds = seconds

    def age(self, instant: int) -> float:
        """Return how many seconds old the world is at an instant (epoch ms)."""
        return (instant - self._start) * self._speed / 1000

    def instant(self, seconds: float) -> int:
        """Return the epoch milliseconds at which the world is `seconds` old."""
        return self._start + round(seconds * 1000 / self._speed)
