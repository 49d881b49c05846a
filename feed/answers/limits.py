"""How often one address may ask, and how many answers may be given at once."""

import math
from collections import OrderedDict, deque

RATE_WINDOW = 60.0  # seconds
MOST_ADDRESSES = 10_000  # whose questions are counted; then the oldest are forgotten


class AskedTooOften(Exception):
    """An address has asked too often; `retry_after` is in whole seconds."""

    def __init__(self, most: int, retry_after: int) -> None:
        super().__init__(f"From one address, {most} questions a minute are answered.")
        self.retry_after = retry_after


class TooManyAnswers(Exception):
    """The limit of answers that are given at once is reached."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} answers are being given, which is the most at once.")


class Rate:
    """The questions of each address in the last minute; there may be `most` of each."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._asked: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, address: str, now: float) -> None:
        """Count a question at the instant `now` (monotonic); AskedTooOften if refused.

        A question that is refused isn't counted.
        """
        times = self._asked.setdefault(address, deque())
        self._asked.move_to_end(address)
        while times and times[0] <= now - RATE_WINDOW:
            times.popleft()
        if len(times) >= self.most:
            raise AskedTooOften(self.most, math.ceil(times[0] + RATE_WINDOW - now))
        times.append(now)
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget the addresses that asked longest ago: old ones, and too many."""
        while self._asked:
            times = next(iter(self._asked.values()))
            if len(self._asked) <= MOST_ADDRESSES and times[-1] > now - RATE_WINDOW:
                return
            self._asked.popitem(last=False)
