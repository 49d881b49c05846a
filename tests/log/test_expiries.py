"""Keys with a time to live: the server retires them at their instant, and only once."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.backend import TICK
from feed.clock import now_ms
from feed.events.event import Event, Slot, gone, keyed, unkeyed
from feed.expiries import OUTDATED, Expiries
from feed.feed import RETIRED, Feed
from feed.log import Log
from feed.settings import Settings
from tests.helpers.samples import quote_at

NOW = now_ms()
STEP = round(TICK * 1000)  # ms

slots = st.sampled_from([("typing", key) for key in "abcdef"])


def feed(**changed: Any) -> Feed:
    return Feed(Settings(**{"feed": "published", **changed}), "1")


def typing(key: str, until: int | None) -> Event:
    return keyed("typing", key, b'{"agent":"Mia"}', until)


def keys(it: Feed) -> list[str | None]:
    return [event.subject for event in it.log.state()]


@settings(max_examples=200)
@given(
    st.lists(st.tuples(slots, st.none() | st.integers(0, 9)), max_size=40),
    st.integers(0, 9),
    st.integers(1, 7),
)
def test_the_due_keys_are_those_that_a_full_search_finds(
    changes: list[tuple[Slot, int | None]], now: int, most: int
) -> None:
    it, known = Expiries(), dict[Slot, int]()
    for slot, until in changes:
        it.set(slot, until)
        known.pop(slot, None)
        if until is not None:
            known[slot] = until
    due = sorted((until, slot) for slot, until in known.items() if until <= now)
    expected = [slot for _, slot in due[:most]]
    assert it.due(now, most) == expected
    assert it.due(now, most) == expected, "they stay due"
    for slot in expected:
        it.set(slot, None)
    assert it.due(now, len(known)) == [slot for _, slot in due[most:]]


def test_a_key_that_is_renewed_for_ever_takes_no_more_memory() -> None:
    it, slot = Expiries(), ("typing", "a")
    for until in range(10_000):
        it.set(slot, until)
    assert len(it._heap) <= 2 + OUTDATED
    assert it.due(10_000, 5) == [slot]


def test_a_key_is_retired_in_the_step_after_its_instant_and_not_before() -> None:
    it = feed()
    it.publish([typing("a", NOW + 5000), typing("stays", None)])
    it.step(NOW + 4999)
    assert keys(it) == ["a", "stays"]
    tail = it.log.tail
    it.step(NOW + 5000)
    assert keys(it) == ["stays"]
    [event] = it.log.read(tail).events
    assert event.data == b'{"event":"typing","key":"a","at":%d}' % (NOW + 5000)


@pytest.mark.parametrize("renewed", [False, True])
def test_a_newer_event_of_the_key_ends_or_moves_its_expiry(renewed: bool) -> None:
    it = feed()
    it.publish([typing("a", NOW + 100)])
    it.publish([typing("a", NOW + 9000 if renewed else None)])
    it.step(NOW + 100)
    assert keys(it) == ["a"]
    it.step(NOW + 9000)
    assert keys(it) == ([] if renewed else ["a"])


def test_a_key_that_was_retired_before_is_not_retired_again() -> None:
    it = feed()
    it.publish([typing("a", NOW + 100), gone("typing", "a", NOW)])
    tail = it.log.tail
    it.step(NOW + 100)
    assert it.log.tail == tail


class Renewing:
    """A source that publishes given events at given instants."""

    name = "renewing"
    steady: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    place = b""

    def start(self) -> None:
        pass

    def __init__(self, events: dict[int, list[Event]]) -> None:
        self._events = events

    def past(self) -> list[Any]:
        return []

    def step(self, now: int) -> list[Event]:
        return self._events.pop(now, [])

    def close(self) -> None:
        """Do nothing."""


def test_a_source_that_renews_a_key_in_the_step_of_its_expiry_keeps_it() -> None:
    it = feed()
    it.publish([typing("a", NOW + 100), typing("b", NOW + 100)])
    it.source = Renewing({NOW + 100: [typing("a", None)]})
    it.step(NOW + 100)
    assert keys(it) == ["a"]


def test_a_thousand_keys_that_expire_together_delay_no_other_event() -> None:
    """A price is published in each step, and is never behind more than one batch."""
    it, until = feed(), NOW + 1000
    names = [f"k{n}" for n in range(1000)]
    it.publish([typing(name, until) for name in names])
    cursor = it.log.tail
    steps = range(until, until + 6 * STEP, STEP)
    it.source = Renewing({at: [quote_at(at, 5).event()] for at in steps})
    retired = Counter[str | None]()
    for at in steps:
        it.step(at)
        read = it.log.read(cursor)
        cursor = read.tail
        price, *rest = read.events
        assert price.type == "price", "the source's events come first"
        assert len(rest) <= RETIRED
        assert all(event.retires for event in rest)
        retired.update(event.subject for event in rest)
    assert retired == Counter(names), "each of them once"
    assert keys(it) == ["A"]


def test_the_keys_that_expired_first_are_retired_first() -> None:
    it = feed()
    it.publish([typing(f"k{n}", NOW + 1000 - n % 500) for n in range(1000)])
    expired = it.expired(NOW + 2000)
    assert len(expired) == RETIRED
    times = [NOW + 1000 - int(slot[1][1:]) % 500 for slot, _ in expired]
    assert all(one <= next for one, next in pairwise(times))


def test_a_snapshot_of_the_log_carries_the_instants() -> None:
    log = Log(10, NOW)
    late = [typing("late", NOW + 5), *(unkeyed("note", b"1") for _ in range(20))]
    log.append([typing("early", NOW + 1), *late, typing("stays", None)], NOW)
    other = Log(10, NOW)
    other.append([typing("of another log", NOW)], NOW)
    other.load_snapshot(log.take_snapshot(5))
    [expired] = other.expired(NOW + 4, 10)
    newest = log.newest(("typing", "early"))
    assert newest is not None
    assert expired == (("typing", "early"), newest.id)
    assert [slot[1] for slot, _ in other.expired(NOW + 5, 10)] == ["early", "late"]
