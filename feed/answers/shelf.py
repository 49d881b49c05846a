"""The answers that this process has given: kept for half an hour after their end.

If too many are kept, those that ended first are forgotten first. An answer that is
still being given is never forgotten.
"""

from collections import OrderedDict

from feed.answers.answer import Answer
from feed.publishing.idempotency import Idempotency, KeyReused

KEPT_FOR = 1800.0  # seconds after its end for which an answer is kept
MOST_KEPT = 5000  # answers that have ended
MOST_BYTES = 32 << 20  # of the text of answers that have ended


class Shelf:
    """The answers by their ids, and by the idempotency keys of their questions."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        # The bytes of ended answers, oldest first.
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0
        self._unpacked: list[Answer] = []  # answers that have just ended
        self._asked: dict[str, tuple[str, str]] = {}  # by idempotency key
        self._key_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: Answer, idempotency: Idempotency | None) -> None:
        """Keep an answer that begins."""
        self._answers[answer.id] = answer
        if idempotency is not None:
            self._asked[idempotency.key] = idempotency.fingerprint, answer.id
            self._key_of[answer.id] = idempotency.key

    def find(self, id: str) -> Answer | None:
        """Return the answer with an id; None if this process doesn't keep it."""
        return self._answers.get(id)

    def recall(self, idempotency: Idempotency) -> Answer | None:
        """Return the answer to an earlier request with this key; None if it is new.

        Raise KeyReused if that request was a different one.
        """
        fingerprint, id = self._asked.get(idempotency.key, ("", ""))
        if id and fingerprint != idempotency.fingerprint:
            raise KeyReused("the key was used for another request")
        return self._answers.get(id)

    def end(self, answer: Answer) -> None:
        """Count an answer as ended; the next `tidy` compresses it."""
        self._unpacked.append(answer)

    def tidy(self, now: float) -> list[Answer]:
        """Compress ended answers; forget those that are too old at `now`, or too many.

        Return the answers that were forgotten.
        """
        for answer in self._unpacked:
            answer.pack()
            self._sizes[answer.id] = answer.size
            self._bytes += answer.size
        self._unpacked.clear()
        forgotten = []
        while self._has_one_too_many(now):
            forgotten.append(self._forget_oldest())
        return forgotten

    def _has_one_too_many(self, now: float) -> bool:
        if not self._sizes:
            return False
        oldest = self._answers[next(iter(self._sizes))]
        is_over = oldest.ended_at + KEPT_FOR <= now
        return is_over or len(self._sizes) > MOST_KEPT or self._bytes > MOST_BYTES

    def _forget_oldest(self) -> Answer:
        id, size = self._sizes.popitem(last=False)
        self._bytes -= size
        key = self._key_of.pop(id, None)
        if key is not None:
            del self._asked[key]
        return self._answers.pop(id)
