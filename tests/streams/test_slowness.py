"""Slow readers: the rule by itself, and the ages that it leads to, in virtual time.

The second half runs a stream against a link with a bandwidth and a buffer, on a clock
that only the link and the feed move. So the promise of `docs/feed.md`, "Falling
behind", is tested in a second, even on a busy machine. `bench/slow.py` measures the
same over a real socket.
"""

import math
import random
import re
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from feed.events.event import keyed
from feed.log import Log
from feed.settings import Settings
from feed.streams import catchup
from feed.streams import stream as stream_module
from feed.streams.admission import Streams
from feed.streams.catchup import MILESTONES, Milestones
from feed.streams.connection import UNSENT, Peer
from feed.streams.slowness import BOUNDS, Bounds, Slowness
from feed.streams.stream import Stream
from feed.streams.view import Subscription, View
from tests.helpers.model import START

QUICK = Slowness(Bounds(behind=1000, behind_slow=50, slow_write=0.1, fresh_for=1.0))


def test_a_reader_is_slow_once_a_single_write_waited_too_long() -> None:
    assert not QUICK.after_write(0.09).after_write(0.09).is_slow
    assert QUICK.after_write(0.11).is_slow


def test_a_slow_reader_stays_slow_until_it_has_everything() -> None:
    slow = QUICK.after_write(0.11)
    for _ in range(100):
        slow = slow.after_write(0)
    assert slow.is_slow


def test_short_waits_that_add_up_keep_a_reader_slow() -> None:
    slow = QUICK.after_write(0.11).after_everything()
    for _ in range(10):
        slow = slow.after_write(0.03).after_write(0.04).after_write(0.05)
        slow = slow.after_everything()
        assert slow.is_slow


def test_a_reader_that_took_everything_at_once_is_quick_again() -> None:
    slow = QUICK.after_write(0.11).after_everything()
    assert slow.is_slow
    quick = slow.after_write(0.03).after_write(0.04).after_everything()
    assert quick == QUICK


def test_a_slow_reader_to_which_nothing_was_written_stays_slow() -> None:
    slow = QUICK.after_write(0.11).after_everything()
    assert slow.after_everything() == slow
    assert slow.is_slow


def test_a_slow_reader_is_behind_sooner_than_a_quick_one() -> None:
    slow = QUICK.after_write(0.11)
    assert not slow.is_behind(50, paced=False)
    assert slow.is_behind(51, paced=False)
    assert not QUICK.is_behind(1000, paced=False)
    assert QUICK.is_behind(1001, paced=False)


def test_only_a_slow_readers_paced_stream_is_ever_behind() -> None:
    assert not QUICK.is_behind(10_000, paced=True)
    assert QUICK.after_write(0.11).is_behind(51, paced=True)


def test_only_for_a_slow_reader_what_was_read_grows_too_old() -> None:
    assert not QUICK.is_outdated(60.0)
    slow = QUICK.after_write(0.11)
    assert not slow.is_outdated(0.99)
    assert slow.is_outdated(1.01)


# --- A slow link, in virtual time

ROUND = 0.02  # seconds between two publications
QUOTE = 360  # bytes, as it is sent
AROUND = 54  # of these, around the data: the lines of `id:` and `event:`
OWN_BUFFER = 8 << 10  # bytes that the reader's own kernel holds
PROMISE = 2.0  # seconds for which there may have been a newer price (docs/feed.md)
SENT = re.compile(rb'data: \{"n":(\d+)')


class Market:
    """Quotes of random symbols, published as time passes, from a full log on."""

    def __init__(self, symbols: int, rate: int) -> None:
        self.now = 1000.0
        self.log = Log(20_000, START)
        self.bandwidth = rate * QUOTE
        self._symbols = symbols
        self._a_round = round(rate * ROUND)
        self._due = self.now
        self._count = 0
        self._newest: dict[int, int] = {}
        self._superseded: dict[int, float] = {}  # by the number of the quote
        self._rng = random.Random(3)
        self._publish(range(symbols))

    def monotonic(self) -> float:
        """Return the virtual time, for a stream that asks for `time.monotonic()`."""
        return self.now

    def advance(self, until: float) -> None:
        """Let time pass, and publish what falls due meanwhile."""
        while self._due <= until:
            self.now = self._due
            self._publish(self._rng.choices(range(self._symbols), k=self._a_round))
            self._due += ROUND
        self.now = max(self.now, until)

    def age(self, number: int, at: float) -> float:
        """Return for how many seconds there has been a newer quote."""
        return max(at - self._superseded.get(number, at), 0.0)

    def _publish(self, symbols: Iterable[int]) -> None:
        events = []
        for symbol in symbols:
            self._superseded[self._newest.get(symbol, -1)] = self.now
            self._newest[symbol] = self._count
            data = b'{"n":%d,"pad":"' % self._count
            data = data.ljust(QUOTE - AROUND, b"x") + b'"}'
            events.append(keyed("price", f"S{symbol:04}", data))
            self._count += 1
        self.log.append(events, START + round(self.now * 1000))


def ages(
    monkeypatch: pytest.MonkeyPatch,
    market: Market,
    pace: float = 0.0,
    missed: float | None = None,
    bounds: Bounds = BOUNDS,
    milestones: Milestones = MILESTONES,
) -> list[float]:
    """Return how old each quote is that a reader receives in 20 s, in order.

    The reader has a tenth of the feed's bandwidth. It comes without a cursor or, if it
    `missed` so many seconds, with one.
    """
    cursor = None if missed is None else market.log.tail
    market.advance(market.now + (missed or 0))
    streams = Streams(market.log, Settings(), "simulator", "1", bounds, milestones)

    def wait(*_: object) -> bool:
        market.advance(market.now + ROUND / 4)
        return True

    with monkeypatch.context() as patch:
        patch.setattr(stream_module, "time", market)
        patch.setattr(market.log, "wait", wait)
        patch.setattr(streams.draining, "wait", wait)
        asked = Subscription(View(pace=pace), cursor)
        received = read(Stream(streams, asked, Peer()), market, market.bandwidth / 10)
    return [market.age(number, at) for number, at in received]


def read(stream: Stream, market: Market, bandwidth: float) -> list[tuple[int, float]]:
    """Read for 20 s; return each quote's number, and when its last byte came."""
    ends = market.now + 20
    room = math.inf  # for the first write, after which a stream asks for a small buffer
    free = market.now  # when the link has carried everything that was written
    received: list[tuple[int, float]] = []
    for frame in stream.frames():
        began = max(free, market.now)
        received += [
            (int(quote[1]), began + quote.end() / bandwidth)
            for quote in SENT.finditer(frame)
        ]
        free = began + len(frame) / bandwidth
        market.advance(max(market.now, free - room / bandwidth))
        if market.now > ends:
            break
        room = UNSENT + OWN_BUFFER
    return received


@pytest.mark.parametrize(
    ("symbols", "rate", "pace"),
    [
        (3, 1000, 0),
        (30, 1000, 0),
        (300, 1000, 0),
        (300, 1000, 0.5),
        (300, 1000, 2),
        (3000, 3000, 0),
        (3000, 3000, 0.5),
    ],
)
def test_at_a_tenth_of_the_bandwidth_no_price_is_two_seconds_old(
    monkeypatch: pytest.MonkeyPatch, symbols: int, rate: int, pace: float
) -> None:
    assert max(ages(monkeypatch, Market(symbols, rate), pace)) < PROMISE


@pytest.mark.parametrize("missed", [1, 5])
def test_a_slow_readers_replay_soon_gives_way_to_current_prices(
    monkeypatch: pytest.MonkeyPatch, missed: float
) -> None:
    received = ages(monkeypatch, Market(300, 1000), missed=missed)
    assert max(received[:300]) > missed / 2  # so it is replayed at first
    assert max(received[300:]) < PROMISE


@pytest.mark.parametrize(
    ("symbols", "bounds"),
    [
        (30, replace(BOUNDS, behind_slow=BOUNDS.behind)),
        (30, replace(BOUNDS, slow_write=math.inf)),
        (300, replace(BOUNDS, fresh_for=math.inf)),
        (300, replace(BOUNDS, small_frame=1 << 20)),
    ],
)
def test_without_any_one_of_the_bounds_prices_are_older(
    monkeypatch: pytest.MonkeyPatch, symbols: int, bounds: Bounds
) -> None:
    assert max(ages(monkeypatch, Market(symbols, 1000), bounds=bounds)) > PROMISE


def test_with_long_frames_in_the_beginning_prices_are_older(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = Milestones(1024, 1024, 1024)
    monkeypatch.setattr(catchup, "FRAME_BYTES", 1 << 30)
    monkeypatch.setattr(stream_module, "FIRST_READ", 20_000)
    assert max(ages(monkeypatch, Market(3000, 3000), milestones=far)) > PROMISE
