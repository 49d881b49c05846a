"""What others wrote into the board's Redis is left out if it can't be read.

Each test writes into a real Redis what no version of Liveboard would, and looks at the
processes that share it.
"""

import json
import logging
from collections.abc import Iterator

import pytest

from feed.cluster.door import Door, check_json, read_id
from feed.events.event import MAX_TYPES, EventId, InvalidEvent
from feed.feed import Feed
from feed.log import Log
from feed.publishing.idempotency import Idempotency
from tests.cluster.test_relay import note, process, reach, value, whole
from tests.helpers.harness import until
from tests.helpers.redis_server import RedisServer

FORGED = b'1\n\nevent: price\ndata: {"symbol":"HACK"}'
GOOD = {b"event": b"own", b"slot": b"own", b"subject": b"k", b"data": b"1"}
WRONG = {
    "a forged line": {b"data": FORGED},
    "no JSON": {b"data": b"{"},
    "two values": {b"data": b"1 2"},
    "no UTF-8": {b"data": b'"\xff"'},
    "65 levels": {b"data": b"[" * 65 + b"]" * 65},
    "many levels": {b"data": b"[" * 100_000},
    "more than a megabyte": {b"data": b'"%b"' % (b"x" * (1 << 20))},
    "a control event": {b"event": b"hello"},
    "an event of EventSource": {b"event": b"error"},
    "a type with a line break": {b"event": b"own\ndata: 1"},
    "another slot": {b"slot": b"own\x00"},
    "a key with a line break": {b"subject": b"k\nid: 9"},
    "a key with a C1 character": {b"subject": "k\x9b".encode()},
    "a long key": {b"subject": b"k" * 201},
    "an expiry that isn't a number": {b"until": b"soon"},
    "a retirement of nothing": {b"event": b"gone", b"slot": b"", b"subject": b""},
}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Yield a Redis; each test takes a prefix of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Return a prefix that no other test has."""
    return f"{request.node.name}:"


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [it.getMessage() for it in caplog.records if it.name == "liveboard.door"]


# --- The door alone


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_entry_that_could_not_be_published_is_left_out_and_counted(
    wrong: dict[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    door = Door()
    entries = [(b"1-0", GOOD), (b"2-0", GOOD | wrong), (b"3-0", GOOD)]
    events, left_out = door.read_events(entries)
    assert [str(event.id) for event in events] == ["1-0", "3-0"]
    assert (left_out, door.unreadable) == ([EventId(2, 0)], 1)
    door.read_events(entries)
    assert door.unreadable == 2
    [line] = said(caplog)  # once
    assert line.isprintable()
    assert len(line) < 800


@pytest.mark.parametrize("name", GOOD)
def test_an_entry_without_one_of_its_fields_is_left_out(name: bytes) -> None:
    lacking = {key: text for key, text in GOOD.items() if key != name}
    assert Door().read_events([(b"1-0", lacking)]) == ([], [EventId(1, 0)])


def test_what_another_version_may_write_is_let_in() -> None:
    quote = {b"event": b"price", b"slot": b"price", b"subject": b"A"}
    newer = quote | {b"data": b'{"symbol":"A","price":1,"added":[1]}', b"more": b"1"}
    weather = GOOD | {b"event": b"weather", b"slot": b"weather"}
    events, left_out = Door().read_events([(b"1-0", newer), (b"2-0", weather)])
    assert (len(events), left_out) == (2, [])


def test_types_of_publishers_own_are_limited_here_too() -> None:
    door, types = Door(), [b"own%d" % n for n in range(MAX_TYPES + 5)]
    entries = [
        (b"%d-0" % n, GOOD | {b"event": type, b"slot": type})
        for n, type in enumerate(types)
    ]
    events, left_out = door.read_events(entries)
    assert (len(events), len(left_out)) == (MAX_TYPES, 5)
    assert len(door.read_events(entries[:3])[0]) == 3


def test_deep_json_is_measured_and_not_guessed() -> None:
    check_json(json.dumps([[1]] * 100).encode())
    check_json(json.dumps("[" * 100).encode())
    with pytest.raises(InvalidEvent):
        check_json(b"[" * 65 + b"]" * 65)
    with pytest.raises(ValueError, match="not an event id"):
        read_id(b"18446744073709551615-1")


def test_a_cursor_of_an_event_that_is_left_out_belongs_to_the_log() -> None:
    log = Log(100, 0)
    log.extend([note("a").with_id(EventId(1, 0))])
    log.extend([], [EventId(2, 0)])
    assert log.tail == EventId(2, 0)
    log.extend([note("b").with_id(EventId(3, 0))])
    read = log.read(EventId(2, 0))
    assert (read.resume, len(read.events), read.dropped) == ("replayed", 1, 0)
    assert log.read(EventId(2, 1)).resume == "fresh"
    other = Log(100, 0)
    other.load_snapshot(log.take_snapshot(100))
    assert other.read(EventId(2, 0)).resume == "replayed"


# --- Processes that share a Redis


def forge(
    server: RedisServer, prefix: str, feed: Feed, wrong: dict[bytes, bytes]
) -> None:
    """Add an entry to the log in Redis as its script would."""
    tail = server.ask("HGET", f"{prefix}meta", "tail")
    id = EventId.parse(tail.decode())
    mine = f"{id.ms}-{id.seq + 1}"
    fields = {b"after": tail} | GOOD | wrong
    flat = [part for pair in fields.items() for part in pair]
    server.ask("XADD", f"{prefix}events", mine, *flat)
    server.ask("HSET", f"{prefix}meta", "tail", mine)
    reach(feed, EventId(id.ms, id.seq + 1))


def test_processes_go_on_whatever_is_written_into_the_log(
    server: RedisServer, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    with process(server.url, prefix) as one:
        first = one.publish([value("k", 1)])
        for wrong in WRONG.values():
            forge(server, prefix, one, wrong)
            [id] = one.publish([value("k", 2)])
            reach(one, id)
        assert one.unreadable == len(WRONG)
        assert {event.type for event in one.log.read(first[0]).events} == {"value"}
        assert one.away is None
        with process(server.url, prefix) as late:
            assert whole(late.log) == whole(one.log)
            assert late.unreadable == len(WRONG)
            before = one.log.tail
            forge(server, prefix, one, {b"data": FORGED})
            assert one.log.read(before).resume == "replayed"
            [id] = late.publish([note("after")])
            reach(one, id)
            assert one.log.read(before).events[-1].id == id
    assert not [it for it in caplog.records if it.levelno >= logging.ERROR]
    assert len(said(caplog)) == 2  # once for each process


def test_an_entry_that_does_not_follow_is_left_out_and_does_not_keep_it_busy(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as one:
        one.publish([value("k", 1)])
        forge(server, prefix, one, {b"after": b"1-1"})
        [id] = one.publish([value("k", 2)])
        reach(one, id)
        assert one.unreadable == 1
        assert [event.data for event in whole(one.log)] == [b"2"]


def test_a_process_loads_what_it_can_of_a_state_and_tables_with_junk(
    server: RedisServer, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    with process(server.url, prefix) as one:
        one.publish([value("k", 1), value("l", 1)])
        junk = {
            b"junk": b"junk",
            b"own\0a": b"1-1 own " + FORGED,
            b"own\0b": b"x-1 own 1",
            b"own\0c": b"999999999999999-1 own 1",
            b"own\0d": b"1-1 hello 1",
            b"own\0\xff": b"1-1 own 1",
        }
        flat = [part for pair in junk.items() for part in pair]
        server.ask("HSET", f"{prefix}state", *flat)
        server.ask("HSET", f"{prefix}expiries", "value\0k", "1-1 soon")
        server.ask("HSET", f"{prefix}meta", "accountable", "junk", "floor", "junk")
        with process(server.url, prefix) as late:
            assert [it.subject for it in whole(late.log)] == ["k", "l"]
            assert late.unreadable == len(junk) + 2
            [id] = late.publish([value("b", 2), value("d", 2)])[-1:]
            reach(one, id)
    assert not [it for it in caplog.records if it.levelno >= logging.ERROR]


def test_a_tail_that_is_no_id_is_restored(server: RedisServer, prefix: str) -> None:
    with process(server.url, prefix) as one:
        one.publish([value("k", 1)])
        server.ask("HSET", f"{prefix}meta", "tail", "junk", "settled", "never")
        until(lambda: server.ask("HGET", f"{prefix}meta", "tail") != b"junk")
        until(lambda: one.unready is None, why="it is ready again")
        assert one.publish([value("k", 2)])
        assert [event.data for event in whole(one.log)] == [b"2"]


def test_idempotency_keys_with_junk_are_new(server: RedisServer, prefix: str) -> None:
    with process(server.url, prefix) as one:
        server.ask("HSET", f"{prefix}once", "k", "\xff junk", "l", "a b c")
        for key in "kl":
            given = Idempotency(key, "print")
            assert one.recall(given) is None
            ids = one.publish([value("k", 1)], given)
            assert one.recall(given) == ids
