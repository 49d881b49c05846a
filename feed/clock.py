"""The time of day, and the time of a simulated world, which has a speed of its own.

Theory of operation: the caller passes the time to the world. A running server does so
many times within STANDSTILL. If more time than that has passed, or if time went
backwards, the laptop slept, the container was frozen or the clock was set. The world
then counts as having stood still: its instants move, so that the events of the missing
time don't all come at once.
"""

import time

STANDSTILL = 5_000  # ms; after a longer time between two steps, the world stood still


def now_ms() -> int:
    """Return the instant, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def next_instant(pace: float, now: float) -> float:
    """Return the first multiple of `pace` after `now`, in seconds.

    All streams with the same pace write at that instant, and so share their frames.
    """
    return (now // pace + 1) * pace


class WorldClock:
    """Converts between epoch milliseconds and the seconds of a simulated world."""

    def __init__(self, start: int, speed: float) -> None:
        """Begin at `start` (epoch ms), with `speed` world seconds in a real one."""
        self.seconds = 0.0
        self._start = start
        self._speed = speed
        self._last = start

    def advance(self, now: int) -> bool:
        """Advance to `now` (epoch ms). Return whether the world stood still instead.

        If it did, every instant to come has moved and must be published again.
        """
        elapsed = now - self._last
        stood_still = not 0 <= elapsed <= STANDSTILL
        if stood_still:
            self._start += elapsed
        self._last = now
        self.seconds = self.age(now)
        return stood_still

    def set_now(self, now: int) -> None:
        """Set the time to `now` (epoch ms), without a check for a standstill."""
        self._last = now
        self.seconds = self.age(now)

    def set_age(self, seconds: float) -> None:
        """Make the world `seconds` old now, which moves its instants."""
        self._start = self._last - round(seconds * 1000 / self._speed)
        self.seconds = seconds

    def age(self, instant: int) -> float:
        """Return the age of the world, in its seconds, at an instant (epoch ms)."""
        return (instant - self._start) * self._speed / 1000

    def instant(self, seconds: float) -> int:
        """Return the instant (epoch ms) at which the world is `seconds` old."""
        return self._start + round(seconds * 1000 / self._speed)
