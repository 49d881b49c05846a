"""Delivery stays cheap: what it costs is counted, not timed, on any machine.

Counted are the calls, of Python and of C, while one frame reaches many streams. Each
bound is what was counted when it was recorded, and a fifth more.
"""

import gc
import math
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from types import FrameType
from typing import Any

import pytest

from feed.events.event import Event, keyed
from feed.log import Log
from feed.streams.fanout import FanOut
from feed.streams.frame import Form
from feed.streams.framecache import FrameCache
from feed.streams.group import Follower, GroupKey
from feed.streams.totals import Totals
from feed.streams.view import View
from tests.helpers.model import START

STREAMS = 500
ROOM = 1.2

# Calls per frame and stream, recorded on CPython 3.11.
ONE_VIEW = 1.18  # one write, and a five-hundredth of making the frame
MANY_VIEWS = 48.1  # a view of its own each: its frame, its write, its ledger
NOT_CONCERNED = 0.04  # a view that doesn't show the event
ONE_VIEW_GZIP = 1.19


class Counted:
    """How many calls were made, by function."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            self.calls[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            self.calls[arg.__qualname__] += 1


class Bench:
    """A fan-out with followers on real sockets, driven round by round."""

    def __init__(self, stack: ExitStack) -> None:
        self.log = Log(10_000, START)
        self.totals = Totals()
        self.fanout = FanOut(
            self.log, FrameCache(self.log), self.totals, heartbeat=3600
        )
        self.fanout._running = True  # its rounds are run here, not by its thread
        self._stack = stack
        self._theirs: list[socket.socket] = []

    def follow(self, view: View, form: Form) -> None:
        ours, theirs = map(self._stack.enter_context, socket.socketpair())
        ours.setblocking(False)
        theirs.setblocking(False)
        self._theirs.append(theirs)
        follower = Follower(ours.fileno(), self.log.tail, float("inf"))
        assert self.fanout.join(follower, GroupKey(view, form, None), None)

    def round(self) -> None:
        tail, groups = self.fanout._due()
        for group in groups:
            self.fanout._serve(group)
        self.fanout._cursor = tail

    def received(self) -> list[int]:
        return [
            len(theirs.recv(1 << 16)) for theirs in self._theirs if readable(theirs)
        ]

    def calls(self, event: Event) -> Counter[str]:
        """Return the calls it took to deliver one event, once all is warm."""
        for _ in range(3):
            self.log.append([event], START)
            self.round()
            self.received()
        self.log.append([event], START)
        self.fanout._look_at = (
            math.inf
        )  # looking at all groups isn't part of a delivery
        counted = Counted()
        gc.disable()  # nor is the garbage of other tests
        sys.setprofile(counted)
        try:
            self.round()
        finally:
            sys.setprofile(None)
            gc.enable()
        return counted.calls


def readable(theirs: socket.socket) -> bool:
    try:
        return bool(theirs.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def price(symbol: str) -> Event:
    return keyed("price", symbol, b'{"symbol":"%b","price":1}' % symbol.encode())


@pytest.mark.parametrize(
    ("form", "bound"),
    [(Form(False, True), ONE_VIEW), (Form(True, True), ONE_VIEW_GZIP)],
    ids=["plain", "gzip"],
)
def test_a_frame_costs_each_stream_of_a_view_one_write_and_no_more(
    bench: Bench, form: Form, bound: float
) -> None:
    for _ in range(STREAMS):
        bench.follow(View(), form)
    calls = bench.calls(price("A"))
    assert len(bench.received()) == STREAMS
    assert calls["write"] == STREAMS
    assert calls.total() / STREAMS < bound * ROOM


def test_a_frame_of_its_own_costs_a_view_a_bounded_number_of_calls(
    bench: Bench,
) -> None:
    for n in range(STREAMS):
        view = View(symbols=frozenset({"A", f"B{n}"}), events=frozenset({"price"}))
        bench.follow(view, Form(False, True))
    calls = bench.calls(price("A"))
    assert len(bench.received()) == STREAMS
    assert calls.total() / STREAMS < MANY_VIEWS * ROOM


def test_an_event_costs_the_views_that_do_not_show_it_nothing(bench: Bench) -> None:
    for n in range(STREAMS):
        view = View(symbols=frozenset({f"B{n}"}), events=frozenset({"price"}))
        bench.follow(view, Form(False, True))
    calls = bench.calls(price("A"))
    assert bench.received() == []
    assert calls.total() / STREAMS < NOT_CONCERNED * ROOM
