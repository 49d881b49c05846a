"""A stream's life against the model, byte for byte as a client reads it."""

import json
import math
import re
import socket
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed import log as log_module
from feed.events.control import Hello
from feed.events.event import CONTROL_TYPES, Event, EventId, gone, keyed, unkeyed
from feed.events.shapes import Score, Team
from feed.log import Log
from feed.settings import Settings
from feed.streams import stream as stream_module
from feed.streams.admission import Streams
from feed.streams.catchup import CatchUp, Milestones
from feed.streams.connection import Connection, Peer
from feed.streams.framecache import FrameCache
from feed.streams.group import Follower
from feed.streams.slowness import Bounds
from feed.streams.stream import Stream
from feed.streams.view import Subscription, View
from tests.helpers.harness import until
from tests.helpers.model import (
    KEYED,
    START,
    Draft,
    LogModel,
    apply_event,
    drafts,
    views,
)
from tests.helpers.sse import Parsed, Parser

EAGER = 0.001  # seconds of heartbeat: a stream at the tail speaks instead of waiting

# A dozen events are a lot, so that short examples reach every branch. No reader is
# slow, however busy this machine is.
QUICK = Bounds(
    behind=5, behind_slow=2, slow_write=math.inf, fresh_for=0.0, small_frame=100
)
# Every reader is slow once it was sent its first frame.
SLOW = msgspec.structs.replace(QUICK, slow_write=-1.0)
CLOSE = Milestones(first=2, near=2, far=4)


@pytest.fixture(autouse=True, scope="module")
def few_retirements() -> Iterator[None]:
    """Shorten the log's memory of retirements, for short examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "RETIREMENTS", 3)
        yield


class Client:
    """Keeps the newest event of each key, breaks off at any byte, and resumes."""

    def __init__(self, streams: Streams, view: View) -> None:
        self.streams = streams
        self.view = view
        self.cursor: EventId | None = None
        self.state: dict[tuple[str, str], str] = {}
        self.seen: list[tuple[EventId, Parsed]] = []
        self.exact = True  # whether the server has said that nothing was left out
        self.open()

    def open(self) -> None:
        asked = Subscription(self.view, self.cursor)
        self.frames = Stream(self.streams, asked, Peer()).frames()
        self.parser = Parser()

    def cut(self) -> None:
        self.frames.close()
        self.open()

    def read(self, frame: bytes) -> None:
        for event in self.parser.feed(frame):
            self.apply(event)

    def apply(self, event: Parsed) -> None:
        if event.id:
            self.cursor = EventId.parse(event.id)
        if event.event == "hello":
            hello = json.loads(event.data)
            self.exact &= hello["lost"] == 0 and hello["dropped"] == 0
            if hello["resume"] == "fresh":
                self.state.clear()
                self.seen.clear()
        elif event.event == "gap":
            self.exact = False
        elif event.event not in CONTROL_TYPES:
            assert self.cursor is not None
            self.seen.append((self.cursor, event))
            apply_event(self.state, event.event, event.data)

    def read_one(self, cut: int | None = None) -> None:
        """Read a frame, or come back if the server has said bye."""
        frame = next(self.frames, None)
        if frame is None:
            self.open()
        else:
            self.read(frame[:cut])

    def catch_up(self, tail: EventId) -> None:
        """Read until the stream has reached `tail`."""
        while self.cursor is None or self.cursor < tail:
            self.read_one()


def streams_of(log: Log, bounds: Bounds = QUICK, **changed: Any) -> Streams:
    """Return the streams of a log, with settings of which some are `changed`."""
    settings = Settings(**{"heartbeat": EAGER, **changed})
    return Streams(log, settings, "simulator", "1", bounds, CLOSE)


rounds = st.lists(
    st.tuples(
        st.lists(drafts, max_size=14),  # what happens
        st.integers(0, 4),  # the frames that the client then reads
        st.none() | st.integers(0, 400),  # the byte of the next at which it breaks off
    ),
    max_size=10,
)


@settings(max_examples=300)
@given(
    backlog=st.integers(1, 30),
    view=views | st.just(View()),
    pace=st.sampled_from([0, 0, 0.001]),
    rounds=rounds,
    slow=st.booleans(),
    most_read=st.sampled_from([2, 2048]),
)
def test_a_client_cut_off_anywhere_ends_as_one_that_saw_every_event(
    backlog: int,
    view: View,
    pace: float,
    rounds: list[tuple[list[Draft], int, int | None]],
    slow: bool,
    most_read: int,
) -> None:
    model = LogModel(Log(backlog, START))
    view = View(view.symbols, view.matches, view.events, pace)
    client = Client(streams_of(model.log, SLOW if slow else QUICK), view)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_module, "MOST_READ", most_read)
        patch.setattr(stream_module, "FIRST_READ", most_read)
        for batch, frames, cut in rounds:
            model.publish(batch)
            for _ in range(frames):
                client.read_one()
            if cut is not None:
                client.read_one(cut)
                client.cut()
        client.catch_up(model.log.tail)
    assert client.state == model.state(view)
    assert {event.event for _, event in client.seen} <= model.names(view)
    ids = [id for id, _ in client.seen]
    assert ids == sorted(set(ids))
    if client.exact and not pace:
        shown = {event.id for event in model.after(EventId(0, 0), view)}
        assert shown == set(ids)
    elif client.exact:  # a paced client gets every event that is never conflated
        due = model.after(EventId(0, 0), view)
        assert {e.id for e in due if e.slot is None} <= set(ids)


@settings(max_examples=300)
@given(
    view=views | st.just(View()),
    pace=st.sampled_from([0, 0, 0.001]),
    batches=st.lists(st.lists(drafts, max_size=14), max_size=20),
)
def test_a_slow_reader_is_told_of_each_key_what_it_is_when_the_frame_is_made(
    view: View, pace: float, batches: list[list[Draft]]
) -> None:
    model = LogModel(Log(1000, START))
    view = View(view.symbols, view.matches, view.events, pace)
    client = Client(streams_of(model.log, SLOW), view)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "RETIREMENTS", 1000)
        for batch in batches:
            model.publish(batch)
            before = len(client.seen)
            client.read_one()
            received = slots_of(event for _, event in client.seen[before:])
            now = model.state(view)
            for slot in received:
                assert client.state.get(slot) == now.get(slot)


def slots_of(events: Iterable[Parsed]) -> set[tuple[str, str]]:
    """Return the type and key of each event that has a key, gone or not."""
    found = set()
    for event in events:
        name, data = event.event, json.loads(event.data)
        if name == "other":
            name, data = data["event"], data["data"]
        if name in KEYED:
            found.add((name, data["subject"]))
        elif event.event == "gone":
            found.add((data["event"], data["key"]))
    return found


@pytest.mark.parametrize("fast", [1, 6, 12])
def test_no_key_waits_longer_than_two_passes_however_fast_others_change(
    fast: int,
) -> None:
    """The reader takes a few events while all the fast keys change, in one order."""
    keys = 12
    log = Log(1000, START)

    def change(symbols: Iterable[int]) -> None:
        log.append(
            [keyed("price", f"{n:02}", b'{"subject":"%02d"}' % n) for n in symbols],
            START,
        )

    change(range(keys))
    client = Client(streams_of(log, SLOW), View())
    unseen = dict.fromkeys(range(keys), 0)
    for _ in range(100):
        change(range(fast))
        before = len(client.seen)
        client.read_one()
        received = client.seen[before:]
        assert len(received) <= 4
        for n in unseen:
            unseen[n] += len(received)
        for _, key in slots_of(event for _, event in received):
            unseen[int(key)] = 0
        assert max(unseen[n] for n in range(fast)) <= 2 * keys


def test_a_replay_goes_on_compacted_once_its_reader_is_found_to_be_slow() -> None:
    log = Log(1000, START)
    begin = log.tail
    log.append([keyed("price", "A", b"%d" % n) for n in range(100)], START + 5)
    frames = Stream(streams_of(log, SLOW), Subscription(View(), begin), Peer()).frames()
    hello, *replayed = parse(next(frames))
    gap, price = parse(next(frames))
    assert json.loads(hello.data)["resume"] == "replayed"
    assert json.loads(gap.data) == {
        "from": replayed[-1].id,
        "to": str(log.tail),
        "dropped": 99 - len(replayed),
        "lost": 0,
    }
    assert (price.event, price.data, price.id) == ("price", "99", str(log.tail))


def test_a_poll_is_replayed_every_event_however_slow_it_reads() -> None:
    log = Log(1000, START)
    begin = log.tail
    log.append([keyed("price", "A", b"%d" % n) for n in range(100)], START + 5)
    asked = Subscription(View(), begin, once=True)
    events = parse(b"".join(Stream(streams_of(log, SLOW), asked, Peer()).frames()))
    shown = [int(event.data) for event in events if event.event == "price"]
    assert shown == [*range(100)]


def test_a_reader_that_keeps_up_for_a_while_counts_as_a_quick_one_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow reader is compacted with three events to come, a quick one with six."""
    log = Log(1000, START)

    def wait(*_: object) -> bool:
        return bool(log.append([keyed("price", "A", b"%d" % n) for n in range(3)], 0))

    clock = Clock()
    monkeypatch.setattr(log, "wait", wait)
    monkeypatch.setattr(stream_module, "time", clock)
    bounds = msgspec.structs.replace(QUICK, slow_write=0.1)
    streams = streams_of(log, bounds, heartbeat=3600.0)
    frames = Stream(streams, Subscription(View()), Peer()).frames()

    def read_after(waited: float) -> list[str]:
        clock.now += (
            waited  # it is written for as long as no further frame is asked for
        )
        return [event.event for event in parse(next(frames))]

    assert next(frames)
    assert read_after(0.2) == ["gap", "price"]
    assert read_after(0.05) == ["price"] * 3


def test_a_slow_reader_lends_its_socket_only_once_it_is_quick_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, clock, joined = Log(1000, START), Clock(), list[EventId]()
    bounds = msgspec.structs.replace(QUICK, slow_write=0.1)
    streams = streams_of(log, bounds, heartbeat=3600.0)

    class Joined(Exception):
        """The stream has lent its socket."""

    def join(follower: Follower, *_: object) -> bool:
        joined.append(follower.cursor)
        raise Joined

    def wait(*_: object) -> bool:
        return bool(log.append([unkeyed("note", b"1")], START))

    monkeypatch.setattr(streams.fanout, "join", join)
    monkeypatch.setattr(log, "wait", wait)
    monkeypatch.setattr(stream_module, "time", clock)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        peer = Peer("192.0.2.1", Connection(ours, "HTTP/1.1"))
        frames = Stream(streams, Subscription(View()), peer).frames()
        next(frames)
        clock.now += 0.2
        with pytest.raises(Joined):  # until then, it writes to the socket itself
            next(frames)
        assert joined == [log.read(EventId(START, 0)).events[0].id]


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_a_paced_reader_that_is_slow_hears_of_no_gap_and_gets_small_frames() -> None:
    log = Log(1000, START)
    streams = streams_of(log, SLOW)
    frames = Stream(streams, Subscription(View(pace=0.001)), Peer()).frames()
    next(frames)
    for n in range(40):
        log.append([keyed("price", f"{n % 20:02}", b"%d" % n)], START + 5)
    sizes: list[int] = []
    while sum(sizes) < 20:
        events = [e.event for e in parse(next(frames)) if e.event != "heartbeat"]
        assert {*events} <= {"price"}
        sizes.append(len(events))
    assert max(sizes) < 5
    assert streams.totals.dropped == 0


def test_hello_comes_first_without_an_id_after_the_retry_line() -> None:
    frame = first_frame(View())
    found = re.match(rb"retry: (\d{4})\nevent: hello\ndata: \{", frame)
    assert found
    assert 2_000 <= int(found[1]) <= 4_000


def test_an_event_is_id_event_data_and_a_blank_line() -> None:
    log = Log(10, START)
    log.append([keyed("price", "A", b'{"price":1}')], START + 5)
    assert first_frame(View(), log).endswith(
        b'}\n\nid: %d-0\nevent: price\ndata: {"price":1}\n\n' % (START + 5)
    )


def test_hello_says_what_was_understood() -> None:
    log = Log(10, START)
    ids = log.append([unkeyed("note", b"1")] * 3, START + 5)
    hello = parse(first_frame(View(), log, ids[1]))[0]
    assert json.loads(hello.data) == {
        "resume": "replayed",
        "after": str(ids[1]),
        "tail": str(ids[2]),
        "dropped": 0,
        "lost": 0,
        "heartbeat": EAGER,
        "pace": 0.0,
        "source": "simulator",
        "version": "1",
        "at": json.loads(hello.data)["at"],
    }
    assert [*json.loads(hello.data)] == [*Hello.__struct_fields__]


def test_an_instant_since_which_nothing_happened_is_understood_as_the_tail() -> None:
    log = Log(10, START)
    log.append([unkeyed("note", b"1")], START + 5)
    hello = json.loads(
        parse(first_frame(View(), log, EventId.parse(str(START + 99))))[0].data
    )
    assert (hello["resume"], hello["after"]) == ("replayed", str(log.tail))


def test_silence_is_broken_by_heartbeats_that_carry_the_cursor() -> None:
    log = Log(10, START)
    frames = Stream(
        streams_of(log), Subscription(View(symbols=frozenset("Z"))), Peer()
    ).frames()
    next(frames)
    (id,) = log.append([keyed("price", "A", b"1")], START + 5)
    heartbeat = parse(next(frames))[0]
    assert (heartbeat.event, heartbeat.id) == ("heartbeat", str(id))


def test_a_stream_that_falls_behind_is_told_and_compacted() -> None:
    log = Log(100, START)
    streams = streams_of(log)
    frames = Stream(streams, Subscription(View()), Peer()).frames()
    next(frames)
    begin = log.tail
    log.append([keyed("price", "A", b"%d" % n) for n in range(9)], START + 5)
    gap, price = parse(next(frames))
    assert gap.event == "gap"
    assert json.loads(gap.data) == {
        "from": str(begin),
        "to": str(log.tail),
        "dropped": 8,
        "lost": 0,
    }
    assert (price.event, price.data) == ("price", "8")
    assert (streams.totals.gaps, streams.totals.dropped) == (1, 8)


def test_falling_behind_with_nothing_superseded_is_no_gap() -> None:
    log = Log(100, START)
    frames = Stream(streams_of(log), Subscription(View()), Peer()).frames()
    next(frames)
    log.append([unkeyed("note", b"%d" % n) for n in range(9)], START + 5)
    shown: list[str] = []
    while len(shown) < 9:
        shown += [event.data for event in parse(next(frames))]
    assert shown == [str(n) for n in range(9)]


def test_once_is_the_catch_up_then_end() -> None:
    log = Log(10, START)
    log.append([keyed("price", "A", b"1")], START + 5)
    asked = Subscription(View(), once=True)
    events = parse(b"".join(Stream(streams_of(log), asked, Peer()).frames()))
    assert [e.event for e in events] == ["hello", "price", "end"]


def test_the_stream_of_a_match_ends_after_its_last_event() -> None:
    log = Log(10, START)
    log.append([score("m", "2H")], START + 5)
    asked = Subscription(View(matches=frozenset({"m"})), match="m")
    frames = Stream(streams_of(log), asked, Peer()).frames()
    assert [e.event for e in parse(next(frames))] == ["hello", "score"]
    log.append([score("m", "FT")], START + 6)
    assert [e.event for e in parse(b"".join(frames))] == ["score", "end"]


def test_over_the_limit_a_stream_is_told_to_come_back_much_later() -> None:
    streams = streams_of(Log(10, START), max_streams=1)
    frames = Stream(streams, Subscription(View()), Peer()).frames()
    next(frames)
    refused = b"".join(Stream(streams, Subscription(View()), Peer()).frames())
    assert re.match(rb"retry: \d{5}\nevent: bye\n", refused)
    bye = json.loads(parse(refused)[0].data)
    assert bye["reason"] == "full"
    assert 15_000 <= bye["retry_ms"] <= 45_000
    assert (len(streams), streams.totals.refused["limit"]) == (1, 1)


def named(prefix: str) -> View:
    """Return a view of thirty symbols."""
    return View(frozenset(f"{prefix}{number}" for number in range(30)))


def frames_of(streams: Streams, view: View) -> Generator[bytes, None, None]:
    return Stream(streams, Subscription(view), Peer()).frames()


def test_streams_of_one_view_cost_its_names_once_and_all_names_are_bounded() -> None:
    streams = streams_of(Log(10, START), max_streams=5)  # so the bound is 50
    views = [named("A"), named("A"), View(), named("B")]
    frames = [frames_of(streams, view) for view in views]
    opened = [parse(next(each))[0].event for each in frames]
    assert opened == ["hello", "hello", "hello", "bye"]
    assert streams.totals.refused["views"] == 1


def test_a_view_is_admitted_once_the_streams_of_another_are_closed() -> None:
    streams = streams_of(Log(10, START), max_streams=5)
    first, refused, later = (frames_of(streams, named(each)) for each in "ABB")
    next(first)
    assert parse(next(refused))[0].event == "bye"
    first.close()
    assert parse(next(later))[0].event == "hello"


def test_a_refused_client_that_goes_leaves_nothing_behind() -> None:
    streams = streams_of(Log(10, START), max_streams=1)
    frames = Stream(streams, Subscription(View()), Peer()).frames()
    next(frames)
    refused = Stream(streams, Subscription(View()), Peer()).frames()
    next(refused)
    refused.close()
    assert len(streams.writing) == 1  # the refused stream, which has not ended yet


def test_what_a_view_names_forges_no_line_of_the_log() -> None:
    forged = View(symbols=frozenset({"A\u2028B\x9b31m"}))
    stream = stream_module.Stream(
        streams_of(Log(10, START)), Subscription(forged), Peer()
    )
    assert str(stream) == "sse symbols=A B 31m for local"


def test_shared_frames_of_many_wide_views_stay_bounded() -> None:
    log = Log(10, START)
    log.append([unkeyed("note", b"1")], START + 5)
    frames, catch_up = FrameCache(log), CatchUp(log)
    for n in range(1000):
        view = View(symbols=frozenset({f"{n}-{m}" for m in range(400)}))
        catch_up.shared(view, True, log.read(EventId(START, 0)).events, 0)
        frames.due(view, EventId(START, 0))
    assert len(catch_up._frames) < 500
    assert len(frames._frames) < 500


def test_a_client_address_may_hold_only_so_many_streams() -> None:
    streams = streams_of(Log(10, START), max_streams_per_client=1)
    one = Stream(streams, Subscription(View()), Peer("192.0.2.1")).frames()
    other = Stream(streams, Subscription(View()), Peer("192.0.2.2")).frames()
    next(one), next(other)
    refused = b"".join(
        Stream(streams, Subscription(View()), Peer("192.0.2.1")).frames()
    )
    assert b'"reason":"full"' in refused
    one.close()
    again = Stream(streams, Subscription(View()), Peer("192.0.2.1")).frames()
    assert b"hello" in next(again)


def test_a_drain_says_bye_to_all_and_admits_no_more() -> None:
    streams = streams_of(Log(10, START))
    frames = Stream(streams, Subscription(View()), Peer()).frames()
    next(frames)
    streams.drain()
    bye = json.loads(parse(b"".join(frames))[-1].data)
    assert bye["reason"] == "restart"
    assert 1_000 <= bye["retry_ms"] <= 5_000
    refused = b"".join(Stream(streams, Subscription(View()), Peer()).frames())
    assert b'"reason":"restart"' in refused
    assert len(streams) == 0


def test_a_stream_past_its_lifetime_says_bye_and_may_resume() -> None:
    streams = streams_of(Log(10, START), max_stream_age=0.01)
    events = parse(b"".join(Stream(streams, Subscription(View()), Peer()).frames()))
    assert json.loads(events[-1].data)["reason"] == "age"


def test_an_unstarted_stream_is_never_counted() -> None:
    streams = streams_of(Log(10, START))
    for _ in range(100):
        frames = Stream(streams, Subscription(View()), Peer()).frames()
        frames.close()
    assert (len(streams), streams.totals.opened) == (0, 0)


def test_a_stream_that_outlived_what_the_log_accounts_for_is_sent_to_begin_anew() -> (
    None
):
    log = Log(1, START)
    frames = Stream(streams_of(log), Subscription(View()), Peer()).frames()
    log.append([keyed("price", "A", b"1")], START + 5)
    next(frames)
    cursor = log.tail
    log.append([gone("price", key, START) for key in "ABCD"], START + 6)
    (bye,) = parse(b"".join(frames))
    assert json.loads(bye.data)["reason"] == "age"
    hello = parse(first_frame(View(), log, cursor))[0]
    assert json.loads(hello.data)["resume"] == "fresh"


def test_a_poll_that_is_read_on_has_what_superseded_an_event_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_module, "MOST_READ", 4)
    monkeypatch.setattr(stream_module, "FIRST_READ", 4)
    log = Log(1000, START)
    log.append([keyed("price", str(n), b"1") for n in range(20)], START)
    frames = Stream(
        streams_of(log, SLOW), Subscription(View(), None, once=True), Peer()
    ).frames()
    begun = next(frames)
    log.append([keyed("price", "19", b"2")], START)
    events = parse(begun + b"".join(frames))
    prices = [e.data for e in events if e.event == "price"]
    assert prices == ["1"] * 19 + ["2"]
    assert events[-1].event == "end"


def test_streams_that_come_back_share_what_they_catch_up_on() -> None:
    log = Log(1000, START)
    ids = log.append([unkeyed("note", b"%d" % n) for n in range(100)], START + 5)
    streams = streams_of(log)
    frames = [
        [*Stream(streams, Subscription(View(), cursor, once=True), Peer()).frames()]
        for cursor in ids[:20]
    ]
    whole = [b"".join(some) for some in frames]
    assert [
        [e.data for e in parse(stream) if e.event == "note"] for stream in whole
    ] == [[str(n) for n in range(begin + 1, 100)] for begin in range(20)]
    assert len({id(frame) for some in frames for frame in some[-3:-1]}) <= 4


def test_streams_with_the_same_view_and_cursor_share_their_bytes() -> None:
    log = Log(10, START)
    streams = streams_of(log)
    open_streams = [
        Stream(streams, Subscription(View()), Peer()).frames() for _ in range(3)
    ]
    for frames in open_streams:
        next(frames)
    log.append([keyed("price", "A", b"1")], START + 5)
    one, two, three = (next(frames) for frames in open_streams)
    assert one is two is three


def test_a_write_that_waits_past_the_deadline_is_broken_off() -> None:
    streams = streams_of(Log(10, START), heartbeat=0.0001)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frames = Stream(
            streams,
            Subscription(View()),
            Peer("192.0.2.1", Connection(ours, "HTTP/1.1")),
        ).frames()
        next(frames)  # it is written for as long as no further frame is asked for
        until(lambda: streams.slowest() > 3 * 0.0001)
        streams.enforce_deadlines()
        assert theirs.recv(1) == b""


def first_frame(
    view: View, log: Log | None = None, cursor: EventId | None = None
) -> bytes:
    """Return the first frame of a stream."""
    log = log or Log(10, START)
    return next(Stream(streams_of(log), Subscription(view, cursor), Peer()).frames())


def parse(stream: bytes) -> list[Parsed]:
    """Return the events in the bytes of a stream."""
    return Parser().feed(stream)


def score(match: str, status: Any) -> Event:
    """Return the event of a match with this status, at 0–0."""
    side = Team("Town", "TWN", 0, 0, None, None)
    return Score(
        match, None, None, side, side, status, 1, None, None, None, START, []
    ).event()
