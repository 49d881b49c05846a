"""The log of several processes, on real servers: Redis 6.2, the system's, Valkey."""

import contextlib
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme

from feed.clock import now_ms
from feed.cluster import relay as relay_module
from feed.cluster.reasons import LOGIN
from feed.cluster.relay import Mandate, Relay, Superseded
from feed.cluster.shared import Shared
from feed.events.event import Event, EventId, gone, keyed, unkeyed
from feed.events.shapes import Notice
from feed.feed import Feed
from feed.log import Log, Overtaken, Unavailable
from feed.publishing.idempotency import Idempotency, KeyReused
from feed.settings import Settings
from feed.sources.source import Simulator
from feed.streams.admission import Streams
from feed.streams.connection import Peer
from feed.streams.stream import Stream
from feed.streams.view import Subscription, View
from tests.helpers.boards import a_board
from tests.helpers.client_state import ClientState, Id, id_of, of_the_log, server_state
from tests.helpers.harness import LOOPBACK, Board, until
from tests.helpers.redis_server import RedisServer, bundled, find_redis
from tests.helpers.redis_wire import RedisWire
from tests.helpers.sse import Parser

TOKEN = {"Authorization": "Bearer secret"}
FAR = now_ms() + 10**9  # an instant at which no test runs any more
PROGRAMS = {"the system's": find_redis(), **{n: str(p) for n, p in bundled().items()}}
_prefixes = (f"{n}:" for n in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Yield a Redis for tests that leave it running; each takes a prefix of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture(params=[*PROGRAMS.values()], ids=[*PROGRAMS], scope="module")
def any_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Yield each server that the shared log is to work on."""
    with RedisServer(request.param) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """Return a prefix that no other test has."""
    return next(_prefixes)


@pytest.fixture(autouse=True)
def _patient_publishers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let publishers see their events in their own log, even on a busy machine."""
    monkeypatch.setattr(relay_module, "READ_BACK", 30.0)


@contextlib.contextmanager
def process(url: str, prefix: str, **changed: Any) -> Iterator[Feed]:
    """Run a feed as each process has one; it shows what is published."""
    settings = {"feed": "published", "redis_url": url, "redis_prefix": prefix}
    feed = Feed(Settings(**{**settings, **changed}), "1")
    feed.start()
    try:
        with redis.Redis.from_url(url, protocol=2) as client:
            until(lambda: client.exists(prefix + "meta") or not feed.unready)
            client.hset(prefix + "meta", "settled", "0")  # nobody is waited for
        until(lambda: feed.unready is None, why="it is ready")
        yield feed
    finally:
        feed.close()


def relay_of(feed: Feed) -> Relay:
    """Return a process's connection to the log in Redis."""
    assert isinstance(feed.backend, Shared)
    return feed.backend.relay


def note(text: str) -> Event:
    return unkeyed("note", json.dumps(text).encode())


def value(key: str, number: int, until: int | None = None) -> Event:
    return keyed("value", key, b"%d" % number, until)


def whole(log: Log) -> list[Event]:
    """Return everything that a reader from the beginning gets."""
    return log.read(None).events


def retained(server: RedisServer, prefix: str) -> list[Any]:
    entries: list[Any] = server.ask("XRANGE", prefix + "events", "-", "+")
    return entries


def reach(feed: Feed, id: EventId) -> None:
    until(lambda: feed.log.tail >= id, why=f"{id} has come")


# --- One log


def test_all_processes_hold_the_same_log(any_server: RedisServer, prefix: str) -> None:
    url = any_server.url
    with process(url, prefix) as one, process(url, prefix) as other:
        begun = other.log.tail
        ids = one.publish([note("a"), value("k", 1), note("b")])
        ids += other.publish([value("k", 2, FAR), gone("value", "k", 1)])
        ids += other.publish([value("l", 2, FAR), value("m", 2, FAR), value("m", 3)])
        reach(one, ids[-1])
        assert [event.until for event in whole(one.log)] == [FAR, None]
        assert one.log.read(begun).events == other.log.read(begun).events
        assert [event.id for event in one.log.read(begun).events] == ids
        with process(url, prefix) as late:
            assert late.log.read(begun) == one.log.read(begun)
            assert whole(late.log) == whole(one.log)


def test_a_price_that_no_process_can_read_is_passed_on_by_all(
    server: RedisServer, prefix: str
) -> None:
    """Data of a newer version that can't be read doesn't make the log count as away."""
    with process(server.url, prefix) as one, process(server.url, prefix) as other:
        begun = other.log.tail
        for data in (b"[]", b"{}", b'{"symbol":"A","price":{"bid":1}}'):
            ids = one.publish([keyed("price", "A", data), note("after")])
        reach(other, ids[-1])
        assert [e.data for e in other.log.read(begun).events][-2] == data
        assert len(other.log.read(begun).events) == 6
        assert one.unready is other.unready is None
        assert other.history.candles("A", 60, 1) is None
        with process(server.url, prefix) as late:
            assert [event.data for event in late.log.state()] == [data]
            assert late.unready is None


def test_the_ids_of_one_batch_follow_each_other(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as feed:
        before = now_ms()
        first, *others = feed.publish([note(str(n)) for n in range(100)])
        assert others == [EventId(first.ms, n) for n in range(1, 100)]
        assert before <= first.ms <= now_ms()
        (later,) = feed.publish([note("x")])
        assert later > others[-1]


def test_a_clock_that_was_set_back_does_not_set_the_ids_back(
    server: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No entry of the stream has this tail, so nothing above it is read back.
    monkeypatch.setattr(relay_module, "READ_BACK", 0.0)
    with process(server.url, prefix) as feed:
        ahead = EventId(now_ms() + 3_600_000, 7)
        server.ask("HSET", prefix + "meta", "tail", str(ahead))
        assert feed.publish([note("x"), note("y")]) == [
            EventId(ahead.ms, 8),
            EventId(ahead.ms, 9),
        ]


def test_a_batch_is_published_whole_or_not_at_all(
    any_server: RedisServer, prefix: str
) -> None:
    with process(any_server.url, prefix) as feed:
        until(
            lambda: any_server.ask("HEXISTS", prefix + "meta", "fence"), why="it leads"
        )
        before = any_server.ask("HGETALL", prefix + "meta")
        any_server.ask("SET", prefix + "retired", "not a sorted set")
        with pytest.raises(Unavailable):
            feed.publish([note("a"), value("k", 1), gone("value", "k", 1)])
        assert retained(any_server, prefix) == []
        assert any_server.ask("HGETALL", prefix + "meta") == before
        assert whole(feed.log) == []


def test_a_process_that_starts_later_has_keys_that_are_no_longer_retained(
    any_server: RedisServer, prefix: str
) -> None:
    url = any_server.url
    with process(url, prefix, backlog=10) as one:
        one.publish([value(str(n), n) for n in range(50)])
        one.publish([gone("value", "7", 1)])
        assert len(retained(any_server, prefix)) == 10
        with process(url, prefix, backlog=10) as late:
            assert whole(late.log) == whole(one.log)
            assert len(whole(late.log)) == 49
            for cursor in [event.id for event in whole(one.log)]:
                mine, its = one.log.read(cursor), late.log.read(cursor)
                assert (its.resume, its.events) == (mine.resume, mine.events)
            kept, its_held = one.log.take_snapshot(100), late.log.take_snapshot(100)
            assert kept == its_held


def test_the_keys_are_never_more_than_max_keys_however_many_publish(
    server: RedisServer, prefix: str
) -> None:
    settings = {**shared(server, prefix), "FEED": "published", "MAX_KEYS": "1000"}
    with a_board(**settings) as one, a_board(**settings) as other:
        together = threading.Barrier(4)
        answers: list[tuple[int, bytes]] = []

        def publish_keys(board: Board, name: int) -> None:
            lines = [
                json.dumps({"event": "own", "key": f"{name}-{n}", "data": 1})
                for n in range(900)
            ]
            headers = {**TOKEN, "Content-Type": "application/x-ndjson"}
            together.wait(10)
            status, _, body = board.request(
                "POST", "/api/publish", headers, "\n".join(lines).encode()
            )
            answers.append((status, body))

        publishing = [
            threading.Thread(target=publish_keys, args=[board, n])
            for n, board in enumerate((one, other, one, other))
        ]
        for thread in publishing:
            thread.start()
        for thread in publishing:
            thread.join()
        assert sorted(status for status, _ in answers) == [201, 422, 422, 422]
        assert [b"MAX_KEYS" in body for _, body in answers].count(True) == 3
        assert server.ask("HLEN", prefix + "state") == 900


def test_the_keys_that_are_retired_make_room_in_the_order_of_a_batch(
    server: RedisServer, prefix: str
) -> None:
    url = server.url
    with process(url, prefix, max_keys=2) as one, process(url, prefix) as other:
        a, b, c, d = (value(key, 1) for key in "abcd")
        fewer, seen = gone("value", "a", 1), one.log.tail
        assert one.publish([a, a, b, fewer, c, note("x")], None, seen)
        for more in ([d], [d, gone("value", "c", 1)], [note("x"), a]):
            with pytest.raises(Overtaken):
                one.publish(more, None, one.log.tail)
        ids = one.publish([b, c, b, gone("value", "c", 1), a], None, one.log.tail)
        reach(other, ids[-1])
        assert other.publish([c], None, other.log.tail)  # it may have more


def test_redis_retains_no_more_bytes_than_the_log_of_a_process(
    server: RedisServer, prefix: str
) -> None:
    bounds = {"backlog_bytes": 1 << 20}
    with (
        process(server.url, prefix, **bounds) as one,
        process(server.url, prefix, **bounds) as other,
    ):
        small = one.publish([note("x")] * 100)
        for feed in (one, other, one, other):
            ids = feed.publish([note("x" * 400_000)])
            for each in (one, other):
                reach(each, ids[-1])
        assert server.ask("XLEN", prefix + "events") == 2
        for each in (one, other):
            assert each.log.statistics().retained == 2
            assert each.log.read(small[-1]).lost == 2
        with process(server.url, prefix, **bounds) as late:
            assert late.log.statistics().retained == 2


def test_boards_with_prefixes_of_their_own_share_a_server(server: RedisServer) -> None:
    with process(server.url, "a:") as one, process(server.url, "b:") as other:
        one.publish([value("k", 1)])
        other.publish([value("k", 2)])
        assert [event.data for event in whole(one.log)] == [b"1"]
        assert [event.data for event in whole(other.log)] == [b"2"]


def test_the_log_accounts_for_so_many_retirements_as_without_redis(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as one:
        for start in range(0, 10_002, 834):
            keys = [str(n) for n in range(start, min(start + 834, 10_002))]
            events = [value(key, 1) for key in keys]
            one.publish(events)
            ids = one.publish([gone("value", key, 1) for key in keys])
        with process(server.url, prefix) as late:
            assert late.log.statistics().retired == 10_000
            assert (
                late.log.take_snapshot(1).accountable
                == one.log.take_snapshot(1).accountable
            )
            assert late.log.take_snapshot(1).accountable < ids[0]


# --- Publishing from several processes


def test_a_retry_that_lands_on_another_process_gets_the_same_ids(
    any_server: RedisServer, prefix: str
) -> None:
    url, idempotency = any_server.url, Idempotency("k-1", "print")
    with process(url, prefix) as one, process(url, prefix) as other:
        ids = one.submit(lambda: [note("a"), note("b")], idempotency)
        assert other.submit(lambda: [note("a"), note("b")], idempotency) == ids
        raced = other.publish([note("a"), note("b")], idempotency)
        assert raced == ids
        assert len(retained(any_server, prefix)) == 2
        for feed in (one, other):
            with pytest.raises(KeyReused):
                feed.submit(lambda: [note("c")], Idempotency("k-1", "another"))


def test_what_was_worked_out_from_an_old_state_is_worked_out_anew(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as one, process(server.url, prefix) as other:

        def add(feed: Feed) -> Callable[[], list[Event]]:
            def one_more() -> list[Event]:
                newest = feed.log.newest(("value", "sum"))
                return [value("sum", int(newest.data) + 1 if newest else 1)]

            return one_more

        def add_often(feed: Feed) -> None:
            for _ in range(100):
                feed.submit(add(feed))

        adding = [threading.Thread(target=add_often, args=[f]) for f in (one, other)]
        for thread in adding:
            thread.start()
        for thread in adding:
            thread.join()
        reach(one, other.log.tail)
        assert whole(one.log)[0].data == b"200"
        seen = one.log.tail
        other.publish([value("sum", 0)])
        with pytest.raises(Overtaken):
            one.publish([value("sum", 1)], None, seen)


def test_a_leader_that_another_has_replaced_publishes_nothing_more(
    any_server: RedisServer, prefix: str
) -> None:
    url = any_server.url
    with process(url, prefix) as one, process(url, prefix) as two:
        any_server.ask("SET", prefix + "leader", "first")
        old = relay_of(one).begin_leadership(b"first")
        assert old
        relay_of(one).publish([note("a")], mandate=Mandate(old, 0, b""))
        any_server.ask("SET", prefix + "leader", "second")  # the old one's ran out
        assert relay_of(one).begin_leadership(b"first") is None
        new = relay_of(two).begin_leadership(b"second")
        assert new
        assert int(new) > int(old)
        with pytest.raises(Superseded):
            relay_of(one).publish([note("b")], mandate=Mandate(old, 1, b""))
        relay_of(two).publish([note("c")], mandate=Mandate(new, 0, b""))
        said = [fields[b"data"] for _, fields in retained(any_server, prefix)]
        assert said == [b'"a"', b'"c"']


def test_a_leaders_batch_whose_answer_was_lost_is_published_once(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as feed:
        server.ask("SET", prefix + "leader", "me")
        fence = relay_of(feed).begin_leadership(b"me")
        assert fence
        ids = relay_of(feed).publish([note("a")], mandate=Mandate(fence, 0, b""))
        assert (
            relay_of(feed).publish([note("a")], mandate=Mandate(fence, 0, b"")) == ids
        )
        assert feed.published == {"note": 1}
        assert relay_of(feed).publish([note("b")], mandate=Mandate(fence, 1, b"")) > ids


def test_how_far_the_source_has_come_is_known_to_all_and_outlives_redis(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as one, process(server.url, prefix) as other:
        server.ask("SET", prefix + "leader", "me")
        fence = relay_of(one).begin_leadership(b"me")
        assert fence
        for n in range(2):
            mandate = Mandate(fence, n, b"place %d" % n)
            ids = relay_of(one).publish([note("a"), note("b")], mandate=mandate)
        reach(other, ids[-1])
        assert relay_of(one).place == relay_of(other).place == b"place 1"
        with process(server.url, prefix) as late:
            assert relay_of(late).place == b"place 1"
        server.ask("DEL", *server.ask("KEYS", prefix + "*"))
        until(lambda: retained(server, prefix) != [])
        with process(server.url, prefix) as late:
            assert relay_of(late).place == b"place 1"


def test_one_of_several_processes_retires_a_notice_at_its_time(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as one, process(server.url, prefix) as other:
        ends = now_ms() + 300
        notice = Notice("n", "Title", None, "info", None, ends, now_ms())
        one.publish([notice.event()])
        until(lambda: not whole(one.log) and not whole(other.log))
        time.sleep(0.3)  # a second one would come within a tick
        kinds = [fields[b"event"] for _, fields in retained(server, prefix)]
        assert kinds == [b"notice", b"gone"]


def test_a_key_that_is_renewed_when_it_expires_is_not_retired(
    any_server: RedisServer, prefix: str
) -> None:
    """The leader has not seen the renewal yet, but the script has."""
    url, past = any_server.url, now_ms() - 1
    with process(url, prefix) as one, process(url, prefix) as other:
        fence = nobody_leads(any_server, prefix, one)
        ids = one.publish([value("k", 1, past), value("l", 1, past)])
        expired = one.log.expired(now_ms(), 10)
        assert expired == [(("value", "k"), ids[0]), (("value", "l"), ids[1])]
        ids += other.publish([value("k", 2, FAR)])
        for _ in range(2):  # as after a reply that was lost
            relay_of(one).retire(expired, fence, now_ms())
        reach(other, one.log.tail)
        assert keys(one) == keys(other) == ["k"]
        kinds = [fields[b"event"] for _, fields in retained(any_server, prefix)]
        assert kinds == [*[b"value"] * 3, b"gone"]
        assert one.published == {"value": 2, "gone": 1}
        with pytest.raises(Superseded):
            relay_of(one).retire(expired, "1", now_ms())


def test_keys_that_expired_without_a_leader_are_retired_once_by_the_next_one(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as one, process(server.url, prefix) as other:
        nobody_leads(server, prefix, one)
        past, names = now_ms() - 1, [f"k{n}" for n in range(700)]
        ids = one.publish([value(name, 1, past) for name in names])
        ids += one.publish([value("stays", 1, FAR), value("k0", 2)])
        reach(other, ids[-1])
        server.ask("DEL", prefix + "leader")
        until(lambda: keys(one) == keys(other) == ["k0", "stays"], 10, "they are gone")
        entries = [fields for _, fields in retained(server, prefix)]
        retired = [
            each[b"subject"].decode() for each in entries if b"gone" in each.values()
        ]
        assert sorted(retired) == sorted(names[1:])
        with process(server.url, prefix) as late:
            assert whole(late.log) == whole(one.log)
        expiries = server.ask("HGETALL", prefix + "expiries")
        assert [*expiries] == [b"value\0stays"]


def nobody_leads(server: RedisServer, prefix: str, feed: Feed) -> str:
    """Take the leader's lock from all processes, and return the number of this one."""
    server.ask("SET", prefix + "leader", "me")
    fence = relay_of(feed).begin_leadership(b"me")
    assert fence
    return fence


def keys(feed: Feed) -> list[str]:
    return sorted(event.subject or "" for event in feed.log.state())


# --- A reader that changes processes


def test_a_cursor_a_moment_ahead_of_a_process_is_waited_for(
    server: RedisServer, prefix: str
) -> None:
    with (
        a_board(**shared(server, prefix), FEED="published") as ahead,
        a_board(**shared(server, prefix), FEED="published") as behind,
    ):
        (pid,) = behind.worker_pids()
        os.kill(pid, signal.SIGSTOP)  # it does not see what is published now
        ids = [publish(ahead, n) for n in range(50)]
        threading.Timer(1, os.kill, (pid, signal.SIGCONT)).start()
        with behind.stream(headers={"Last-Event-ID": ids[-1]}) as stream:
            hello = json.loads(stream.events(1)[0].data)
            assert (hello["resume"], hello["lost"]) == ("replayed", 0)
            after = publish(ahead, 50)
            (event,) = of_the_log(stream.read_until(lambda e: e.event == "note"))
            assert (event.id, event.data) == (after, "50")


def test_a_stream_goes_on_whose_process_catches_up_while_redis_is_asked() -> None:
    log = Log(100, 0)
    streams = Streams(log, Settings(feed="published"), "published", "1")
    theirs, news = (note(text).with_id(EventId(9, n)) for n, text in enumerate("ab"))
    streams.is_ahead = lambda cursor: True
    frames = Stream(streams, Subscription(View(), theirs.id), Peer()).frames()
    [hello] = Parser().feed(next(frames))
    assert json.loads(hello.data)["resume"] == "replayed"

    def catch_up(cursor: EventId) -> bool:
        log.extend([theirs, news])
        return cursor > log.tail

    streams.is_ahead = catch_up
    [event] = Parser().feed(next(frames))
    assert (event.event, event.data) == ("note", '"b"')
    frames.close()


def test_a_cursor_ahead_of_a_process_that_is_cut_off_is_kept(
    server: RedisServer, prefix: str
) -> None:
    with (
        RedisWire(server.port) as wire,
        process(f"redis://{LOOPBACK}:{wire.port}", prefix) as cut,
        process(server.url, prefix) as other,
    ):
        wire.cut()
        until(lambda: cut.unready, why="it knows that it is cut off")
        ids = other.publish([note("a"), note("b")])
        assert cut.streams.is_ahead(ids[0])
        wire.restore()
        until(lambda: cut.unready is None)
        reach(cut, ids[-1])
        assert not cut.streams.is_ahead(EventId(now_ms() + 1000, 0))


def test_a_cursor_that_no_process_gave_begins_anew(
    server: RedisServer, prefix: str
) -> None:
    with a_board(**shared(server, prefix), FEED="published") as board:
        publish(board, 1)
        for cursor in (f"{now_ms() + 60_000}-0", "1-5"):
            with board.stream(headers={"Last-Event-ID": cursor}) as stream:
                assert json.loads(stream.events(1)[0].data)["resume"] == "fresh"


# --- Redis goes, and comes back


def test_while_redis_is_away_streams_stay_and_say_so_and_publishers_are_told(
    prefix: str,
) -> None:
    with RedisServer() as server, a_board(**shared(server, prefix)) as board:
        with board.stream() as stream:
            stream.read_until(lambda e: e.event == "price")
            server.kill()
            beat = stream.read_until(
                lambda e: "feed" in e.data and e.event == "heartbeat"
            )
            assert json.loads(beat[-1].data)["feed"] == "away"
            stream.read_until(lambda e: e.event == "heartbeat")
            status, _, body = board.get("/readyz")
            assert (status, json.loads(body)["status"]) == (503, 503)
            assert "Redis can't be reached" in json.loads(body)["detail"]
            status, headers, _ = board.request(
                "PUT", "/api/prices/ACME", TOKEN, b"101.5"
            )
            assert (status, headers["retry-after"]) == (503, "2")
            assert board.get("/healthz")[0] == board.get("/")[0] == 200
            server.start()
            seen = stream.read_until(lambda e: e.event == "price", 15)
            assert not stream.ended
            assert [e.event for e in seen].count("hello") == 0
        board.wait_ready(5)


def test_one_whose_packets_vanish_says_so_and_another_leads_until_they_come(
    server: RedisServer, prefix: str
) -> None:
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(RedisWire(server.port)) for _ in range(2)]
        feeds = [
            stack.enter_context(
                process(f"redis://{LOOPBACK}:{wire.port}", prefix, feed="simulator")
            )
            for wire in wires
        ]
        lost = until(lambda: 1 + [leads(feed) for feed in feeds].index(True)) - 1
        wire, one, other = wires[lost], feeds[lost], feeds[1 - lost]
        before = one.log.tail
        wire.block()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            one.publish([note("into the hole")], Idempotency("k", "print"))
        assert until(lambda: one.unready or "") == "Redis can't be reached."
        until(lambda: leads(other), 10, "another leads")
        (id,) = other.publish([note("b")])
        reach(other, id)
        assert time.monotonic() - began < 10
        wire.restore()
        until(lambda: one.unready is None, 5)
        (id,) = one.publish([note("into the hole")], Idempotency("k", "print"))
        reach(one, id)
        reach(other, id)
        both = [feed.log.read(before).events for feed in (one, other)]
        length = min(map(len, both))
        assert both[0][:length] == both[1][:length]
        said = [event.data for event in both[0] if event.type == "note"]
        assert sorted(said) == [b'"b"', b'"into the hole"']


def test_a_replica_that_takes_over_is_given_what_it_lacks(prefix: str) -> None:
    with (
        RedisServer() as first,
        RedisServer() as replica,
        RedisWire(first.port) as way,
        RedisWire(first.port) as wire,
        process(f"redis://{LOOPBACK}:{wire.port}", prefix) as one,
        process(f"redis://{LOOPBACK}:{wire.port}", prefix) as other,
    ):
        replica.ask("REPLICAOF", LOOPBACK, way.port)
        ids = one.publish([value("k", 1), note("carried")])
        until(lambda: len(retained(replica, prefix)) == 2, why="they are replicated")
        way.block()
        ids += one.publish([value("k", 2), note("not carried")])
        reach(other, ids[-1])
        before = whole(one.log)
        first.kill()
        replica.ask("REPLICAOF", "NO", "ONE")
        assert len(retained(replica, prefix)) == 2
        wire.target = replica.port
        wire.cut()
        wire.restore()
        began = time.monotonic()
        until(lambda: len(retained(replica, prefix)) == 4, 5, "it has all")
        ids += until(lambda: published(other, note("goes on")), 5)
        assert time.monotonic() - began < 5
        reach(one, ids[-1])
        assert [e.id for e in one.log.take_snapshot(100).retained] == ids
        assert whole(one.log) == whole(other.log) == before


def leads(feed: Feed) -> bool:
    return isinstance(feed.source, Simulator)


def published(feed: Feed, *events: Event) -> list[EventId]:
    with contextlib.suppress(Unavailable):
        return feed.publish(events)
    return []


def test_a_redis_that_lost_its_data_is_given_it_back(prefix: str) -> None:
    with (
        RedisServer() as server,
        process(server.url, prefix) as one,
        process(server.url, prefix) as other,
    ):
        ids = one.publish([value("k", 1, FAR), value("l", 2, FAR), note("a")])
        ids += one.publish([gone("value", "l", 3), note("b")])
        reach(other, ids[-1])
        before = whole(one.log), one.log.take_snapshot(100)
        server.kill()
        until(lambda: one.unready and other.unready)
        server.erase()
        server.start().wait_ready()
        until(lambda: not (one.unready or other.unready), 10)
        assert (whole(one.log), one.log.take_snapshot(100)) == before
        assert (whole(other.log), other.log.take_snapshot(100)) == before
        kept = [EventId.parse(id.decode()) for id, _ in retained(server, prefix)]
        assert kept == ids
        (later,) = other.publish([value("m", 3)])
        assert later > ids[-1]
        with process(server.url, prefix) as late:
            assert whole(late.log) == whole(other.log)


def test_a_redis_that_is_emptied_while_it_runs_is_given_its_data_back(
    server: RedisServer, prefix: str
) -> None:
    with process(server.url, prefix) as feed:
        (id,) = feed.publish([value("k", 1)])
        server.ask("DEL", *server.ask("KEYS", prefix + "*"))
        with contextlib.suppress(Unavailable):  # until that is known
            feed.publish([value("k", 2)])
        until(lambda: retained(server, prefix) != [])
        assert retained(server, prefix)[0][0].decode() == str(id)


def test_a_board_that_starts_before_redis_waits_and_becomes_ready(prefix: str) -> None:
    with RedisServer() as server:
        server.kill()
        board = Board("app:app", None, **shared(server, prefix))
        with contextlib.closing(contextlib.ExitStack()) as stack:
            stack.callback(board.stop)
            board.start()
            until(lambda: answers(board), 15, "it serves the page")
            assert board.get("/readyz")[0] == 503
            server.start()
            board.wait_ready(15)
            assert json.loads(board.get("/api/state")[2])["prices"]


def answers(board: Board) -> bool:
    with contextlib.suppress(OSError):
        return board.get("/", {"Accept": "text/html"})[0] == 200
    return False


# --- Leadership


def test_another_worker_goes_on_with_the_prices_when_the_leader_dies(
    server: RedisServer, prefix: str
) -> None:
    environment = {**shared(server, prefix), "WEB_CONCURRENCY": "2"}
    del environment["SEED"]  # by which another would have the same prices
    with a_board(**environment) as board:
        kept = until(lambda: loaded(board))
        first = leader(server, prefix)
        typing = "/api/keys/typing/4711?ttl=0.5"
        assert board.request("PUT", typing, TOKEN, b'{"agent":"Mia"}')[0] == 201
        os.kill(first, signal.SIGKILL)
        died = time.monotonic()
        until(lambda: leader(server, prefix) not in (0, first), 10)
        assert time.monotonic() - died < 10
        tail = id_of(server.ask("HGET", prefix + "meta", "tail").decode())
        after = until(lambda: loaded(board, tail), 30, "another publishes")
        assert after.keys() >= kept.keys()
        for key, before in kept.items():
            if key[0] == "price":
                change = after[key]["price"] / before["price"] - 1
                assert abs(change) < 0.03
                assert after[key]["previous_close"] == before["previous_close"]
                assert after[key]["volume"] >= before["volume"]
        until(lambda: kinds_of(server, prefix, "4711") == [b"typing", b"gone"], 10)


def test_a_leader_that_is_told_to_end_hands_over_at_once(
    server: RedisServer, prefix: str
) -> None:
    with (
        a_board(**shared(server, prefix)) as first,
        a_board(**shared(server, prefix)) as second,
    ):
        (its,) = second.worker_pids()
        assert leader(server, prefix) == first.worker_pids()[0]
        server.ask("CONFIG", "SET", "notify-keyspace-events", "Kgx")
        with server.client() as client, client.pubsub() as seen:
            seen.subscribe(f"__keyspace@0__:{prefix}leader")
            assert seen.get_message(timeout=10)  # that it does
            first.term()
            until(lambda: leader(server, prefix) == its, 10, "another leads")
            fates = [each["data"] for each in iter(lambda: seen.get_message(), None)]
        assert b"del" in fates
        assert b"expired" not in fates, "it was let go, and didn't run out"


def test_a_leader_that_hung_finds_another_in_its_place(
    server: RedisServer, prefix: str
) -> None:
    with a_board(**shared(server, prefix), WEB_CONCURRENCY="2") as board:
        first = leader(server, prefix)
        os.kill(first, signal.SIGSTOP)
        second = until(
            lambda: leader(server, prefix) not in (0, first) and leader(server, prefix),
            10,
        )
        os.kill(first, signal.SIGCONT)
        until(lambda: "This process no longer leads" in board.log())
        assert leader(server, prefix) == second


def test_a_replay_goes_on_where_its_leader_died_and_where_redis_lost_its_data(
    tmp_path: Path,
) -> None:
    path, count = tmp_path / "day.ndjson", 160
    lines = [
        f'{{"id":"{1_700_000_000_000 + 25 * n}-0","event":"note","data":{n}}}\n'
        for n in range(count)
    ]
    path.write_text("".join(lines))
    with (
        RedisServer() as server,
        a_board(
            **{**shared(server, "x:"), "FEED": f"replay:{path}"}, WEB_CONCURRENCY="2"
        ),
    ):

        def played() -> list[int]:
            said = [fields for _, fields in retained(server, "x:")]
            return [int(each[b"data"]) for each in said if each[b"event"] == b"note"]

        until(lambda: len(played()) > 30)
        first = leader(server, "x:")
        os.kill(first, signal.SIGKILL)
        server.ask("DEL", "x:leader")  # as if its lock had run out
        known = len(played())
        more = min(known + 30, count)  # on a slow machine it may be over by now
        until(lambda: len(played()) >= more, why="another continues")
        assert leader(server, "x:") != first
        server.ask("FLUSHALL")
        until(lambda: len(played()) == count, 20, "it plays to its end")
        assert played() == [*range(count)]


def test_a_board_whose_leader_has_another_feed_gives_that_as_the_reason(
    server: RedisServer, prefix: str
) -> None:
    with contextlib.ExitStack() as stack:
        settings = shared(server, prefix)
        first = stack.enter_context(a_board(**settings, FEED="published"))
        until(lambda: leader(server, prefix), why="it leads")
        second = Board("app:app", None, **settings)
        stack.callback(second.stop)
        second.start()
        until(lambda: answers(second), 15)
        wrong = "The process that leads has FEED=published, and this one FEED=simulator"
        until(lambda: wrong in second.get("/readyz")[2].decode(), 10)
        assert second.log().count("WARNING liveboard") == 1
        first.term()
        second.wait_ready(15)
        assert second.log().count("WARNING liveboard") == 1


# --- Workers and connections


def test_the_connections_to_redis_do_not_grow_with_the_streams() -> None:
    with (
        RedisServer() as server,
        a_board(**shared(server, "x:"), WEB_CONCURRENCY="2") as board,
        contextlib.ExitStack() as stack,
    ):
        for n in range(200):
            stream = board.stream("/stream?symbols=ZZZZ")
            stack.enter_context(stream).events(1)
            if n == 20:
                publish(board, 1)
        clients = server.ask("INFO", "clients")
        count = clients["connected_clients"]
        assert count <= 2 * 5 + 1  # a reader's and a small pool each, and this one


def test_the_figures_of_all_workers_are_put_together(
    server: RedisServer, prefix: str
) -> None:
    environment = {**shared(server, prefix), "WEB_CONCURRENCY": "3"}
    with a_board(**environment) as board, contextlib.ExitStack() as stack:
        until(lambda: len(board.worker_pids()) == 3)
        assert "WARNING liveboard" not in board.log()
        for _ in range(20):
            stack.enter_context(board.stream("/stream?symbols=ZZZZ")).events(1)
        until(lambda: figure(board, "liveboard_streams ") == 20)
        until(lambda: figure(board, "liveboard_streams_total ") == 20)
        tail = len(retained(server, prefix))
        published = until(
            lambda: max(0, figure(board, "liveboard_events_total{") - tail + 1)
        )
        published += tail - 1
        assert published <= len(retained(server, prefix))  # each is counted once
        assert "# TYPE liveboard_streams_total counter" in metrics(board)
        os.kill(max(board.worker_pids(), key=open_files), signal.SIGKILL)
        until(lambda: figure(board, "liveboard_streams ") < 20)
        assert figure(board, "liveboard_streams_total ") >= 20


def test_a_board_takes_a_password_and_tls(prefix: str) -> None:
    authority = trustme.CA()
    with (
        RedisServer(password="opensesame") as server,
        RedisWire(server.port, authority) as wire,
        authority.cert_pem.tempfile() as trusted,
    ):
        url = f"rediss://:opensesame@localhost:{wire.port}/0?ssl_ca_certs={trusted}"
        with process(url, prefix) as feed:
            assert feed.publish([note("a")])
            assert len(retained(server, prefix)) == 1
        with a_board(REDIS_URL=url, REDIS_PREFIX=prefix) as board:
            assert json.loads(board.get("/api/state")[2])["prices"]


def test_a_wrong_password_is_said_and_not_shown() -> None:
    with RedisServer(password="right") as server:
        board = Board(REDIS_URL=server.url.replace("right", "wrong"))
        with contextlib.closing(contextlib.ExitStack()) as stack:
            stack.callback(board.stop)
            board.start()
            until(lambda: answers(board), 15)
            until(lambda: "the password in REDIS_URL" in board.log())
            body = until(lambda: board.get("/readyz")[2].decode())
            assert json.loads(body)["detail"] == f"{LOGIN}."
            assert "wrong" not in board.log()


def shared(server: RedisServer, prefix: str) -> dict[str, str]:
    return {
        "REDIS_URL": server.url,
        "REDIS_PREFIX": prefix,
        "PUBLISH_TOKEN": "secret",
        "HEARTBEAT": "0.5",
        "SEED": "7",
    }


def publish(board: Board, number: int) -> str:
    body = json.dumps({"event": "note", "data": number}).encode()
    status, _, answer = board.request("POST", "/api/publish", TOKEN, body)
    assert status == 201, answer
    id: str = json.loads(answer)["ids"][0]
    return id


def leader(server: RedisServer, prefix: str) -> int:
    """Return the process id of the leader; 0 if there is none."""
    token = server.ask("GET", prefix + "leader")
    return int(token.split()[1]) if token else 0


def loaded(board: Board, beyond: Id = (0, 0)) -> ClientState:
    """Return the state of a worker whose log reaches beyond an id.

    Nothing from one that has just started: it serves before it has the log from Redis.
    """
    id, state = server_state(board)
    return state if id > beyond else {}


def kinds_of(server: RedisServer, prefix: str, key: str) -> list[bytes]:
    """Return the types of the events of a key, oldest first."""
    entries = [fields for _, fields in retained(server, prefix)]
    return [it[b"event"] for it in entries if it[b"subject"] == key.encode()]


def open_files(pid: int) -> int:
    """Return how many files a process has open: streams, above all (Linux)."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def metrics(board: Board) -> str:
    return board.get("/metrics")[2].decode()


def figure(board: Board, name: str) -> float:
    lines = [line for line in metrics(board).splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_a_redis_whose_clock_was_set_back_lets_everybody_publish(
    server: RedisServer, prefix: str
) -> None:
    settings = Settings(feed="published", redis_url=server.url, redis_prefix=prefix)
    with process(server.url, prefix) as feed:
        server.ask("HSET", prefix + "meta", "settled", str(now_ms() + 3_600_000))
        assert feed.publish([note("at once")])
        newcomer = Feed(settings, "1")
        newcomer.start()
        try:
            until(lambda: newcomer.unready is None, 5, "it doesn't wait for an hour")
            assert newcomer.publish([note("too")])
        finally:
            newcomer.close()
