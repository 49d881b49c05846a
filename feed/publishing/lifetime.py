"""The lifetime of a published key: `ttl` seconds, or up to the instant `until`."""

import msgspec

from feed.publishing.refusals import check_instant, refusal_of

MIN_TTL = 0.1  # seconds; keys aren't retired more precisely
MAX_TTL = 31_536_000.0  # seconds: a year
EXPIRED = "it was over"  # begins the refusal of an `until` that is past


def find_expiry(ttl: float | None, until: int | None, now: int) -> int | None:
    """Return the instant (epoch ms) at which the server is to retire a key.

    None means never. `ttl` is in seconds from `now`, the instant of receipt. Raise
    ValidationError if both are given, or if one of them is out of range.
    """
    if ttl is None:
        check_instant(until, "$.until")
        check_is_ahead(until, now, "$.until")
        return until
    if until is not None:
        raise both_given("$.ttl")
    if not MIN_TTL <= ttl <= MAX_TTL:
        problem = f"{ttl} is not from {MIN_TTL:g} to {MAX_TTL:.0f} seconds"
        raise refusal_of(f"{problem}; leave it out for a key that stays", "$.ttl")
    return now + round(ttl * 1000)


def both_given(path: str) -> msgspec.ValidationError:
    """Return the error for an event with two instants at which it expires."""
    return refusal_of("the event has both `ttl` and `until`; leave one out", path)


def check_is_ahead(until: int | None, now: int, path: str) -> None:
    """Raise ValidationError if an instant is past, so that the key has expired."""
    if until is not None and until <= now:
        past = f"{EXPIRED} {(now - until) // 1000} s ago"
        raise refusal_of(f"{past}, so the key would be retired at once", path)
