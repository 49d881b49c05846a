"""Retries: what was published under an idempotency key is not published again."""

from collections import OrderedDict

import msgspec

from feed.events.event import EventId

REMEMBERED = 10_000  # idempotency keys


class KeyReused(ValueError):
    """An idempotency key was given before, with another request."""


class Once(msgspec.Struct, frozen=True):
    """A publisher's key for a request, and a fingerprint of that request."""

    key: str
    fingerprint: str


class Answers:
    """The ids that were answered to the last requests with an idempotency key.

    The ids of one batch follow each other, so that the first and their count say all.
    """

    def __init__(self) -> None:
        self._given: OrderedDict[str, tuple[str, EventId, int]] = OrderedDict()

    def recall(self, once: Once) -> list[EventId] | None:
        """Return what was answered; None for a new key, KeyReused for a misused one."""
        found = self._given.get(once.key)
        if found is None:
            return None
        fingerprint, (ms, seq), count = found
        if fingerprint != once.fingerprint:
            raise KeyReused(f"the key {once.key!r} was used for another request")
        return [EventId(ms, seq + i) for i in range(count)]

    def keep(self, once: Once, ids: list[EventId]) -> None:
        """Remember an answer, and forget the oldest beyond `REMEMBERED`."""
        self._given[once.key] = (once.fingerprint, ids[0], len(ids))
        while len(self._given) > REMEMBERED:
            self._given.popitem(last=False)
