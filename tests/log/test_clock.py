"""The time of a simulated world: it advances, or it stood still."""

from feed.clock import STANDSTILL, WorldClock

START = 1_700_000_000_000


def test_the_world_runs_at_its_speed() -> None:
    clock = WorldClock(START, speed=10)
    assert not clock.advance(START + 2_000)
    assert clock.seconds == 20
    assert clock.instant(20) == START + 2_000


def test_a_world_that_slept_stood_still_and_its_instants_moved() -> None:
    clock = WorldClock(START, speed=1)
    clock.advance(START + 1_000)
    assert clock.advance(START + 3_601_000)
    assert clock.seconds == 1
    assert clock.instant(2) == START + 3_602_000


def test_a_clock_set_back_stops_nothing() -> None:
    clock = WorldClock(START, speed=1)
    clock.advance(START + 4_000)
    assert clock.advance(START - 3_600_000)
    clock.advance(START - 3_600_000 + 1_000)
    assert clock.seconds == 5


def test_the_longest_step_is_gone_whole() -> None:
    clock = WorldClock(START, speed=1)
    assert not clock.advance(START + STANDSTILL)
    assert clock.seconds == STANDSTILL / 1000
