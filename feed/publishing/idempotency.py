"""Retries: a request with a known idempotency key isn't published again."""

from collections import OrderedDict
from hashlib import sha256

import msgspec

from feed.events.event import EventId

REMEMBERED = 10_000  # idempotency keys
HASHED = 32  # hexadecimal digits of the hash of a token and a key


class KeyReused(ValueError):
    """An idempotency key was used again, for a different request."""


class Idempotency(msgspec.Struct, frozen=True):
    """The idempotency key of a request, and a fingerprint of the request.

    Each token has keys of its own, so that no publisher gets the ids of another one.
    """

    key: str
    fingerprint: str


def identify(key: str, token: str, request: bytes) -> Idempotency:
    """Return the idempotency of a request with this key and token; "" if it has none.

    The token isn't kept, but a hash of it and the key.
    """
    if token:
        key = sha256(f"{token}\0{key}".encode()).hexdigest()[:HASHED]
    return Idempotency(key, sha256(request).hexdigest())


class RememberedIds:
    """The ids that the last requests with an idempotency key got.

    The ids of one batch are consecutive, so only the first id and their count are kept.
    """

    def __init__(self) -> None:
        self._by_key: OrderedDict[str, tuple[str, EventId, int]] = OrderedDict()

    def recall(self, idempotency: Idempotency) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """
        found = self._by_key.get(idempotency.key)
        if found is None:
            return None
        fingerprint, (ms, seq), count = found
        if fingerprint != idempotency.fingerprint:
            raise KeyReused("the key was used for another request")
        return [EventId(ms, seq + i) for i in range(count)]

    def remember(self, idempotency: Idempotency, ids: list[EventId]) -> None:
        """Remember the ids of a request, and forget the oldest beyond `REMEMBERED`."""
        self._by_key[idempotency.key] = (idempotency.fingerprint, ids[0], len(ids))
        while len(self._by_key) > REMEMBERED:
            self._by_key.popitem(last=False)
