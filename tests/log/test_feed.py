"""The feed of one process: everything that happens passes `publish`."""

import subprocess
import sys
import time
from contextlib import closing
from typing import Any

import pytest

from feed import history
from feed.clock import now_ms
from feed.events import reading
from feed.events.event import gone, keyed
from feed.events.shapes import Notice
from feed.feed import Feed
from feed.settings import Settings
from feed.streams.view import View
from tests.helpers.harness import ROOT, clean_environment, until
from tests.helpers.samples import quote_at


def feed(**changed: Any) -> Feed:
    return Feed(Settings(**{"feed": "published", **changed}), "1")


def notice(key: str, until: int | None) -> Notice:
    return Notice(key, "Title", None, "info", None, until, now_ms())


def test_what_is_published_stands_in_the_log_and_in_the_history() -> None:
    it = feed()
    it.publish([quote_at(now_ms(), 5).event()])
    assert [event.type for event in it.log.read(None).events] == ["price"]
    assert it.history.closes("A", 60, 1) == [5]


def test_what_is_published_as_a_shape_is_not_decoded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was decoded again")

    it, now = feed(), now_ms()
    monkeypatch.setattr(history, "_decode_trade", refuse)
    monkeypatch.setattr(reading, "decode_shape", refuse)
    it.publish([quote_at(now, 5), notice("n", now + 1000)])
    assert it.history.closes("A", 60, 1) == [5]
    it.step(now + 1000)
    assert [event.type for event in it.log.state()] == ["price"]
    with pytest.raises(AssertionError, match="decoded again"):
        it.publish([quote_at(now, 5).event()])


@pytest.mark.parametrize("type", ["price", "notice"])
def test_an_event_that_this_version_cannot_read_travels_on_as_it_is(type: str) -> None:
    it = feed()
    unreadable = keyed(type, "B", b'{"symbol":5,"notice":5}')
    it.publish([quote_at(now_ms(), 5).event(), unreadable])
    _, stored = it.log.read(None).events
    assert (stored.type, stored.data) == (type, unreadable.data)
    assert it.history.closes("A", 60, 1) == [5]
    assert it.history.closes("B", 60, 1) == []
    it.step(now_ms())
    assert len(it.log.state()) == 2


def test_a_notice_is_retired_at_its_time() -> None:
    it, now = feed(), now_ms()
    it.publish([notice("n", now + 1000).event(), notice("stays", None).event()])
    it.step(now + 999)
    assert len(it.log.state()) == 2
    it.step(now + 1000)
    (left,) = it.log.state()
    assert left.subject == "stays"
    retired = it.log.newest(("notice", "n"))
    assert retired is not None
    assert retired.retires


def test_a_notice_that_was_prolonged_or_retired_is_not_retired_twice() -> None:
    it, now = feed(), now_ms()
    it.publish([notice("n", now + 10).event(), notice("m", now + 10).event()])
    it.publish([notice("n", now + 5000).event(), gone("notice", "m", now)])
    tail = it.log.tail
    it.step(now + 20)
    assert it.log.tail == tail
    it.step(now + 5000)
    assert it.log.read(tail).events[0].data == (
        b'{"event":"notice","key":"n","at":%d}' % (now + 5000)
    )
    assert len(it.log.read(tail).events) == 1


def test_the_simulator_shows_a_market_a_league_and_their_past_at_once() -> None:
    it = feed(feed="simulator", seed=7)
    it.start()
    try:
        kinds = {event.type for event in it.log.state()}
        assert kinds >= {"price", "score", "market"}
        symbols = [e.subject for e in it.log.state(View(events=_only("price")).selects)]
        assert len(symbols) == 30
        for symbol in symbols:
            assert len(it.history.closes(symbol or "", 30, 60)) >= 10
    finally:
        it.close()


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_the_age_of_the_newest_event_is_right_whatever_the_clock_of_its_id(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ids are of a clock that is an hour off: of Redis, or before it was set."""
    it, seconds = feed(), 1000.0
    monkeypatch.setattr("feed.feed.time.monotonic", lambda: seconds)
    at = now_ms() + hours * 3_600_000
    with monkeypatch.context() as ahead:
        ahead.setattr("feed.alone.now_ms", lambda: at)
        it.publish([quote_at(at, 5)])
    assert it.newest_event_age == 0
    seconds += 600
    assert it.newest_event_age == 600
    monkeypatch.setattr("feed.feed.now_ms", lambda: at + 7_200_000)
    assert it.newest_event_age == 600
    it.publish([quote_at(at, 6)])
    assert it.newest_event_age == 0


def test_a_log_that_is_loaded_is_as_old_as_its_newest_event() -> None:
    it, other = feed(), feed()
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr("feed.alone.now_ms", lambda: now_ms() + 5000)
        other.publish([quote_at(now_ms(), 5)])
    with pytest.MonkeyPatch.context() as later:
        later.setattr("feed.feed.now_ms", lambda: other.log.tail.ms + 90_000)
        it.load_snapshot(other.log.take_snapshot(10))
    assert 90 <= it.newest_event_age < 100


def test_starting_twice_starts_once() -> None:
    it = feed(feed="simulator")
    it.start()
    before = it.log.statistics().appended["market"]
    it.start()
    it.close()
    assert it.log.statistics().appended["market"] == before


def test_a_source_that_always_fails_is_logged_once_a_second(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("faulty")

    it = feed()
    it.start()
    monkeypatch.setattr(it, "events_due", fail)
    until(lambda: "A step of the source failed" in caplog.text, why="it is logged")
    time.sleep(0.5)
    assert caplog.text.count("A step of the source failed") == 1
    monkeypatch.undo()
    it.publish([notice("n", now_ms())])
    until(lambda: not it.log.state(), 3, "the source continues")
    it.close()


def test_a_board_of_one_process_does_not_load_the_redis_client() -> None:
    program = (
        "import sys, app\n"
        "app.app.test_client().get('/readyz')\n"
        "print('redis' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, check=True
    )
    assert done.stdout == b"False\n"


def _only(*types: str) -> frozenset[str]:
    return frozenset(types)


def test_a_shared_log_that_is_not_loaded_yet_has_no_age_of_decades() -> None:
    with closing(Feed(Settings(redis_url="redis://127.0.0.1:1/0"), "1")) as it:
        assert it.newest_event_age < 60
