"""What this process has answered since its start, as counts for `/metrics`."""

from collections import Counter
from itertools import accumulate

import msgspec

END_REASONS = ("complete", "failed", "incomplete", "stopped")  # why answers end
BOUNDS_OF_FIRST_WORD = (0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # seconds


class AnswerFigures(msgspec.Struct):
    """The counts: ended answers by answerer and reason, and their first words.

    `first_words` are the answers whose first word came within each of the bounds, but
    not within the one before; `first_word_seconds` is the sum of all these times.
    """

    ended: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    first_words: list[int] = msgspec.field(
        default_factory=lambda: [0] * (len(BOUNDS_OF_FIRST_WORD) + 1)
    )
    first_word_seconds: float = 0.0

    def count_first_word(self, seconds: float) -> None:
        """Count an answer whose first word came after so many seconds."""
        slower = sum(seconds > bound for bound in BOUNDS_OF_FIRST_WORD)
        self.first_words[slower] += 1
        self.first_word_seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many first words came within each bound, as Prometheus has it."""
        bounds = [*map(str, BOUNDS_OF_FIRST_WORD), "+Inf"]
        return [*zip(bounds, map(float, accumulate(self.first_words)), strict=True)]
