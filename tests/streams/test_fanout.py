"""The fan-out and the generator: a client reads the same bytes from either."""

import gzip
import json
import os
import random
import select
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from feed.events.event import CONTROL_TYPES, EventId, keyed, unkeyed
from feed.log import Log, Read
from feed.settings import Settings
from feed.streams.admission import Streams
from feed.streams.connection import Connection, Peer
from feed.streams.fanout import FanOut
from feed.streams.frame import Form
from feed.streams.framecache import FrameCache
from feed.streams.group import Follower, Group, GroupKey
from feed.streams.slowness import Bounds
from feed.streams.stream import Stream
from feed.streams.totals import Totals
from feed.streams.view import Subscription, View
from tests.helpers.harness import until
from tests.helpers.model import START
from tests.helpers.response import Response
from tests.helpers.sse import Parsed, Parser

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDED_BY_CLOSING = b"HTTP/1.1 200 OK\r\n\r\n"
SOCKET_TIMEOUT = 60.0  # seconds that a socket may wait while the test reads others


class ServedStream:
    """A stream over a real socket, written as a server writes it: chunk by chunk."""

    def __init__(
        self, streams: Streams, asked: Subscription, protocol: str, buffer: int
    ) -> None:
        self.gzip = asked.gzip
        self.chunked = protocol == "HTTP/1.1"
        self.ours, self.theirs = connected(buffer)
        self.ours.settimeout(SOCKET_TIMEOUT)  # which makes its descriptor non-blocking
        self.theirs.settimeout(SOCKET_TIMEOUT)
        self.received = bytearray()
        self.body = bytearray()
        self.response = Response()
        self.response.feed(CHUNKED if self.chunked else ENDED_BY_CLOSING)
        self._streams = streams
        self._frames = Stream(
            streams, asked, Peer("192.0.2.1", Connection(self.ours, protocol))
        ).frames()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        while not self.events():
            assert self.read()  # until hello: the stream gets all events from now on

    def _serve(self) -> None:
        try:
            for frame in self._frames:
                size = b"%X\r\n" % len(frame)
                self.ours.sendall(
                    b"%b%b\r\n" % (size, frame) if self.chunked else frame
                )
            if self.chunked:
                self.ours.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass  # the reader has closed its end, as some tests do
        finally:
            self._frames.close()
            self.ours.close()

    def read(self, most: int = 1 << 16) -> bool:
        """Read up to `most` bytes; return False at the end of the stream."""
        piece = self.theirs.recv(most)
        self.received += piece
        self.body += self.response.feed(piece)
        if not piece:
            self.response.close()
        return bool(piece)

    def read_to(self, tail: EventId) -> None:
        """Read until an event or a heartbeat has this id, or a later one."""
        while not any(EventId.parse(e.id) >= tail for e in self.events() if e.id):
            assert self.read()

    def read_all(self) -> None:
        """Read to the end of the stream."""
        while self.read():
            pass

    def events(self) -> list[Parsed]:
        """Return all events that were read so far."""
        body = bytes(self.body)
        if self.gzip:
            body = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body)
        return Parser().feed(body)

    def close(self) -> None:
        """Close the reader's end, and wait until the server's has ended too."""
        self.theirs.close()
        self.thread.join(SOCKET_TIMEOUT)
        assert not self.thread.is_alive()


def connected(buffer: int) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection that holds some `buffer` bytes unread."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.socket()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        theirs.connect(server.getsockname())
        ours, _ = server.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    return ours, theirs


# No stream is compacted, even if this machine keeps a write waiting for long.
NEVER_BEHIND = Bounds(behind=1_000_000, behind_slow=1_000_000)


@contextmanager
def running(log: Log, **changed: Any) -> Iterator[Streams]:
    """Yield streams whose fan-out runs; of the settings, some are `changed`."""
    settings = Settings(**{"heartbeat": 0.05, **changed})
    streams = Streams(log, settings, "published", "1", NEVER_BEHIND)
    streams.fanout.start()
    try:
        yield streams
    finally:
        streams.drain()


@pytest.fixture
def serve() -> Iterator[Callable[..., ServedStream]]:
    """Yield a function that opens a stream, which is closed after the test."""
    served: list[ServedStream] = []

    def serve_one(
        streams: Streams,
        view: View | None = None,
        protocol: str = "HTTP/1.1",
        buffer: int = 1 << 20,
        **asked: Any,
    ) -> ServedStream:
        one = ServedStream(
            streams, Subscription(view or View(), **asked), protocol, buffer
        )
        served.append(one)
        return one

    yield serve_one
    for one in served:
        one.close()


def append_notes(log: Log, count: int, size: int = 10) -> EventId:
    """Append so many notes, numbered throughout the log; return the tail."""
    begin = sum(log.statistics().appended.values())
    for n in range(begin, begin + count):
        log.append([unkeyed("note", b'{"n":%d,"pad":"%b"}' % (n, b"x" * size))], START)
    return log.tail


def note_numbers(served: ServedStream) -> list[int]:
    """Return the numbers of the notes that were read so far."""
    return [json.loads(e.data)["n"] for e in served.events() if e.event == "note"]


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_event_comes_once_in_order_whoever_writes(
    serve: Callable[..., ServedStream], protocol: str, zipped: bool
) -> None:
    with running(Log(10_000, START)) as streams:
        served = [serve(streams, protocol=protocol, gzip=zipped) for _ in range(5)]
        for n in range(20):
            tail = append_notes(streams.log, 3)
            if n % 5 == 0:
                for one in served:
                    one.read_to(tail)
        for one in served:
            one.read_to(streams.log.tail)
            assert note_numbers(one) == [*range(60)]


@pytest.mark.parametrize("pace", [0, 0.1])
def test_a_frame_holds_nothing_that_was_appended_while_it_was_made(
    monkeypatch: pytest.MonkeyPatch, pace: float
) -> None:
    log = Log(100, START)
    begun, frames, read = log.tail, FrameCache(log), log.read
    append_notes(log, 2)
    made, view = log.tail, View(pace=pace)

    def read_late(*asked: Any, **how: Any) -> Read:
        append_notes(log, 3)  # as another thread may, after the tail was looked at
        return read(*asked, **how)

    with monkeypatch.context() as patch:
        patch.setattr(log, "read", read_late)
        frame = frames.due(view, begun)
    assert frame
    assert (frame.events, frame.tail) == (2, made)
    rest = frames.due(view, made)
    assert rest
    assert (rest.events, rest.tail) == (3, log.tail)


def test_a_socket_that_takes_only_half_goes_on_at_the_exact_byte(
    serve: Callable[..., ServedStream],
) -> None:
    rng = random.Random(7)
    with running(Log(100_000, START)) as streams:
        slow = [serve(streams, buffer=4096, gzip=zipped) for zipped in (False, True)]
        quick = serve(streams)
        for _ in range(150):
            append_notes(streams.log, rng.randint(1, 4), rng.randint(1, 3000))
            for one in slow:
                one.read(rng.randint(1, 3000))
        for one in [*slow, quick]:
            one.read_to(streams.log.tail)
            shown = note_numbers(one)
            assert shown == [*range(len(shown))]
            assert len(shown) == streams.log.statistics().appended["note"]
            assert "gap" not in {event.event for event in one.events()}


def test_a_reader_that_stops_delays_no_other(
    serve: Callable[..., ServedStream],
) -> None:
    with running(Log(10_000, START)) as streams:
        stopped, quick = serve(streams, buffer=4096), serve(streams)
        for _ in range(30):
            quick.read_to(append_notes(streams.log, 5, 2000))
        assert note_numbers(quick) == [*range(150)]
        assert len(streams) == 2
        assert note_numbers(stopped) == []


def test_each_view_gets_its_own(serve: Callable[..., ServedStream]) -> None:
    with running(Log(10_000, START)) as streams:
        symbols = [f"S{n}" for n in range(40)]
        served = [serve(streams, View(symbols=frozenset({s}))) for s in symbols]
        for n in range(5):
            streams.log.append(
                [
                    keyed("price", s, json.dumps({"s": s, "n": n}).encode())
                    for s in symbols
                ],
                START,
            )
        for symbol, one in zip(symbols, served, strict=True):
            one.read_to(streams.log.tail)
            prices = [json.loads(e.data) for e in one.events() if e.event == "price"]
            assert prices == [{"s": symbol, "n": n} for n in range(5)]


def test_an_event_is_wrapped_for_the_views_that_ask_for_other_and_raw_for_the_rest(
    serve: Callable[..., ServedStream],
) -> None:
    asked = [None, {"other"}, {"other", "ticket"}, {"ticket"}]
    with running(Log(10_000, START)) as streams:
        served = [
            serve(streams, View(events=None if names is None else frozenset(names)))
            for names in asked
        ]
        for n in range(5):
            ticket, token = keyed("ticket", "A", b"%d" % n), unkeyed("token", b"%d" % n)
            streams.log.append([ticket, token], START)
        raw, both, named, only = (
            [(e.event, e.data) for e in read_to_tail(one, streams)] for one in served
        )
    wrapped = ('{"event":"ticket","key":"A"', '{"event":"token","key":null')
    for n in range(5):
        assert raw[2 * n : 2 * n + 2] == [("ticket", f"{n}"), ("token", f"{n}")]
        assert both[2 * n] == ("other", f'{wrapped[0]},"data":{n}}}')
        assert both[2 * n + 1] == ("other", f'{wrapped[1]},"data":{n}}}')
        assert named[2 * n : 2 * n + 2] == [raw[2 * n], both[2 * n + 1]]
    assert only == raw[::2]


def read_to_tail(one: ServedStream, streams: Streams) -> list[Parsed]:
    """Return the events of the log that a stream has sent up to the log's tail."""
    one.read_to(streams.log.tail)
    return [event for event in one.events() if event.event not in CONTROL_TYPES]


def test_silence_brings_heartbeats_that_carry_the_cursor(
    serve: Callable[..., ServedStream],
) -> None:
    with running(Log(100, START)) as streams:
        one = serve(streams, View(symbols=frozenset({"NOBODY"})))
        one.read_to(append_price(streams.log))
        assert {e.event for e in one.events()} == {"hello", "heartbeat"}


def append_price(log: Log) -> EventId:
    """Append a price of the symbol SOMEBODY; return its id."""
    return log.append([keyed("price", "SOMEBODY", b"1")], START + 1)[-1]


def test_a_paced_stream_gets_the_newest_of_each_key_at_its_pace(
    serve: Callable[..., ServedStream],
) -> None:
    with running(Log(1000, START), heartbeat=5.0) as streams:
        one, began = serve(streams, View(pace=0.1)), time.monotonic()
        for n in range(50):
            streams.log.append([keyed("price", "A", b"%d" % n)], START + n)
            time.sleep(0.002)
        one.read_to(streams.log.tail)
        paces = (time.monotonic() - began) / 0.1
        prices = [int(e.data) for e in one.events() if e.event == "price"]
        assert prices == sorted(set(prices))
        assert prices[-1] == 49
        assert len(prices) <= paces + 1  # however long it took


def test_a_paced_newcomer_between_two_instants_follows_from_the_next() -> None:
    log = Log(100, START)
    fanout = FanOut(log, FrameCache(log), Totals(), heartbeat=60.0)
    fanout._running = True  # its rounds are run here, not by its thread
    key = GroupKey(View(pace=0.05), Form(), None)
    (ours, theirs), (ours_too, theirs_too) = socket.socketpair(), socket.socketpair()

    def join(sock: socket.socket) -> Follower:
        sock.setblocking(False)
        follower = Follower(sock.fileno(), log.tail, float("inf"))
        assert fanout.join(follower, key, None)
        serve_due()
        return follower

    def serve_due() -> None:
        tail, groups = fanout._due()
        for group in groups:
            fanout._serve(group)
        fanout._cursor = tail

    def append(symbol: str) -> None:
        log.append([keyed("price", symbol, b"1")], START)
        serve_due()

    with ours, theirs, ours_too, theirs_too:
        first = join(ours)
        append("A")
        second = join(ours_too)
        append("B")
        group = fanout._groups[key]

        def caught_up() -> bool:
            serve_due()
            return group.cursor == log.tail

        until(caught_up)
        assert group.followers == [first, second]
        prices = [len(Parser().feed(s.recv(999))) for s in (theirs, theirs_too)]
        assert prices == [2, 1]


def test_a_drain_gives_every_stream_back_to_say_bye(
    serve: Callable[..., ServedStream],
) -> None:
    with running(Log(100, START)) as streams:
        served = [serve(streams, gzip=n % 2 == 1) for n in range(10)]
        for one in served:
            one.read_to(append_notes(streams.log, 1))
        streams.drain()
        for one in served:
            one.read_all()
            assert one.response.complete
            assert one.events()[-1].event == "bye"
            if one.gzip:
                assert b"event: bye" in gzip.decompress(one.body)  # checksum and all


def test_a_client_that_went_is_noticed_by_the_next_write(
    serve: Callable[..., ServedStream],
) -> None:
    with running(Log(100, START)) as streams:
        one = serve(streams)
        one.read_to(append_notes(streams.log, 1))
        one.theirs.close()
        until(lambda: len(streams) == 0)


def test_a_stream_that_ends_while_it_follows_leaves_its_descriptor_to_others(
    serve: Callable[..., ServedStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Log(100, START), heartbeat=60.0) as streams:
        other = serve(streams)
        other.read_to(append_notes(streams.log, 1))
        follows, ends, wait = threading.Event(), threading.Event(), Follower.wait

        def wait_and_end(follower: Follower) -> None:
            if threading.current_thread() is other.thread:
                return wait(follower)  # it may begin to follow only now
            follows.set()
            ends.wait(SOCKET_TIMEOUT)
            raise ConnectionAbortedError("the server lets it go")

        with monkeypatch.context() as patch:
            patch.setattr(Follower, "wait", wait_and_end)
            one = serve(streams)
            assert follows.wait(SOCKET_TIMEOUT)
        one.read_to(append_notes(streams.log, 1))
        fd = one.ours.fileno()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ends.set()
            until(lambda: one.ours.fileno() < 0)
            with socket.socket(fileno=os.dup2(ours.fileno(), fd)):
                other.read_to(append_notes(streams.log, 5))
            theirs.setblocking(False)
            with pytest.raises(BlockingIOError):
                theirs.recv(1)


def test_a_stream_past_its_lifetime_comes_back_to_say_so(
    serve: Callable[..., ServedStream],
) -> None:
    with running(Log(100, START), max_stream_age=0.3) as streams:
        one = serve(streams)
        one.read_all()
        assert json.loads(one.events()[-1].data)["reason"] == "age"


def test_the_totals_say_what_was_sent(serve: Callable[..., ServedStream]) -> None:
    with running(Log(100, START), heartbeat=60.0) as streams:
        served = [serve(streams, protocol="HTTP/1.0") for _ in range(3)]
        for _ in range(7):
            append_notes(streams.log, 1)
            for one in served:
                one.read_to(streams.log.tail)
        until(lambda: streams.totals.events == 21, why="the last write is counted")
        until(lambda: streams.totals.bytes == sum(len(o.received) for o in served))


def test_a_failure_in_the_loop_ends_the_streams_and_not_the_loop(
    serve: Callable[..., ServedStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Log(100, START)) as streams:
        one = serve(streams)
        one.read_to(append_notes(streams.log, 1))
        with monkeypatch.context() as patch:
            patch.setattr(streams.fanout, "_next_frame", _fail)
            append_notes(streams.log, 1)
            one.read_all()
        again = serve(streams, cursor=EventId.parse(one.events()[-1].id))
        again.read_to(append_notes(streams.log, 1))
        assert note_numbers(one) + note_numbers(again) == [0, 1, 2]


def test_a_failure_while_newcomers_are_taken_in_returns_each_once(
    serve: Callable[..., ServedStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Log(100, START)) as streams:
        one = serve(streams)
        one.read_to(append_notes(streams.log, 1))
        with monkeypatch.context() as patch:
            patch.setattr(Group, "add_follower", _fail)
            other = serve(streams)
            append_notes(streams.log, 1)
            one.read_all()
            other.read_all()
        again = serve(streams)
        again.read_to(append_notes(streams.log, 1))


def _fail(*_: object) -> None:
    raise RuntimeError("a bug")


def readable(theirs: socket.socket) -> bool:
    return bool(select.select([theirs], [], [], 0)[0])


def test_a_heartbeat_that_says_away_is_sent_although_an_event_is_sent_with_it() -> None:
    log = Log(100, START)
    fanout = FanOut(log, FrameCache(log), Totals(), heartbeat=3600.0)
    fanout._running = True  # its rounds are run here, not by its thread
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def received() -> list[Parsed]:
        tail, groups = fanout._due()
        for group in groups:
            fanout._serve(group)
        fanout._cursor = tail
        return Parser().feed(theirs.recv(1 << 16)) if readable(theirs) else []

    def says(event: Parsed) -> str:
        away = ", away" if '"feed":"away"' in event.data else ""
        return event.event + away

    with ours, theirs:
        key = GroupKey(View(), Form(), None)
        assert fanout.join(Follower(ours.fileno(), log.tail, float("inf")), key, None)
        assert received() == []
        for away, beat in ((True, "heartbeat, away"), (False, "heartbeat")):
            fanout.announce_away(away)
            log.append([keyed("price", "A", b"1")], START)
            assert [says(event) for event in received()] == ["price", beat]
            log.append([keyed("price", "A", b"2")], START)
            assert [says(event) for event in received()] == ["price"]


def test_a_stream_that_joins_while_the_log_is_away_is_told_once() -> None:
    log = Log(100, START)
    fanout = FanOut(log, FrameCache(log), Totals(), heartbeat=3600.0)
    fanout._running = True  # its rounds are run here, not by its thread
    fanout.announce_away(True)
    (ours, theirs), (ours_too, theirs_too) = socket.socketpair(), socket.socketpair()

    def received(sock: socket.socket) -> int:
        _, groups = fanout._due()
        for group in groups:
            fanout._serve(group)
        return sock.recv(1 << 16).count(b'"away"') if readable(sock) else 0

    with ours, theirs, ours_too, theirs_too:
        key = GroupKey(View(), Form(), None)
        for sock, knows in ((ours, True), (ours_too, False)):
            sock.setblocking(False)
            follower = Follower(sock.fileno(), log.tail, float("inf"), knows)
            assert fanout.join(follower, key, None)
            assert received(theirs) == (not knows)
        assert received(theirs_too) == 1
        assert received(theirs_too) == 0
