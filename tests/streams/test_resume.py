"""A real server and connections that break anywhere: nothing lost, nothing twice."""

import json
import random
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from feed.clock import now_ms
from feed.events.catalogue import encode
from feed.events.event import Event
from feed.sources.source import Simulator
from tests.helpers.client_state import (
    ClientState,
    fold,
    id_of,
    of_the_log,
    server_state,
)
from tests.helpers.harness import LOOPBACK, Board, reset_on_close, until
from tests.helpers.nasty import NAMES, nasty_events
from tests.helpers.sse import Parsed

CUTS = 100
STALLED = 16_384  # bytes that the kernel takes in for a reader that stalls
EVENT_SOURCE = """([after, names]) => {
    window.read = [];
    const source = window.source = new EventSource("/stream?after=" + after);
    for (const name of names)
        source.addEventListener(name, event => {
            if (event instanceof MessageEvent)  // not its own "open" or "error"
                read.push([event.type, event.data, event.lastEventId]);
        });
}"""


@pytest.fixture(scope="module")
def busy() -> Iterator[Board]:
    """Yield a board with some 600 events a second."""
    with Board(SEED="11", SPEED="40", BACKLOG="200000") as board:
        yield board
        board.kill()  # no test looks at its end, and this is faster


def events_since(board: Board, cursor: str) -> list[Parsed]:
    """Return every event after a cursor. A poll is exact, however slow its reader."""
    with board.stream(f"/stream?once=1&after={cursor}") as stream:
        hello, *read, end = stream.read_all(30)
    greeting = json.loads(hello.data)
    assert (greeting["resume"], greeting["dropped"], greeting["lost"]) == (
        "replayed",
        0,
        0,
    )
    assert end.event == "end"
    return read


def events_up_to(id: str, events: list[Parsed]) -> list[Parsed]:
    """Return the events whose ids are not beyond `id`."""
    return [event for event in events if id_of(event.id) <= id_of(id)]


def test_cut_off_a_hundred_times_nothing_is_lost_and_nothing_comes_twice(
    busy: Board,
) -> None:
    rng = random.Random(5)
    start = cursor = newest_id(busy)
    read: list[Parsed] = []
    for _ in range(CUTS):
        got = cut_off(busy, cursor, rng)
        for hello in (json.loads(e.data) for e in got if e.event == "hello"):
            assert (hello["resume"], hello["lost"]) == ("replayed", 0)
            assert hello["after"] == cursor
        read += got
        cursor = next((e.id for e in reversed(got) if e.id), cursor)
    assert [e for e in read if e.event in ("gap", "bye", "end")] == []
    assert of_the_log(read) == events_up_to(cursor, events_since(busy, start))
    assert len(of_the_log(read)) > 5 * CUTS


def test_a_reader_that_stalls_misses_only_what_a_gap_tells_of(busy: Board) -> None:
    """Its socket is full again and again, so that writes are refused or cut short."""
    start = newest_id(busy)
    read: list[Parsed] = []
    with busy.stream(f"/stream?after={start}", rcvbuf=STALLED) as stream:
        for _ in range(6):
            read += stream.read_until(is_at_least(newest_id(busy)))
            time.sleep(0.6)  # some 150 KB, more than the kernel holds for it
        read += stream.read_until(is_at_least(newest_id(busy)))
    all_events = events_since(busy, start)
    expected = events_up_to(read[-1].id, all_events)
    shown = of_the_log(read)
    ids = [id_of(event.id) for event in shown]
    assert ids == sorted({*ids})
    # A catch-up that takes over a second may hold newer data under an event's id.
    own = {(e.event, e.data): id_of(e.id) for e in all_events}
    for event in {*shown} - {*expected}:
        assert own[event.event, event.data] > id_of(event.id)
    assert {*ids} <= {id_of(event.id) for event in expected}
    found = [json.loads(event.data) for event in read if event.event == "gap"]
    gaps = [(id_of(gap["from"]), id_of(gap["to"])) for gap in found]
    missed = {*expected} - {*shown}
    for event in missed:
        assert event.event != "incident"
        assert any(begin < id_of(event.id) <= end for begin, end in gaps)


def is_at_least(id: str) -> Callable[[Parsed], bool]:
    """Return a function that tells whether an event's id is `id` or a later one."""
    return lambda event: bool(event.id) and id_of(event.id) >= id_of(id)


def newest_id(board: Board) -> str:
    """Return the id of the newest event."""
    id: str = json.loads(board.get("/api/state")[2])["id"]
    return id


def cut_off(board: Board, cursor: str, rng: random.Random) -> list[Parsed]:
    """Read from a cursor to a random byte of the headers, of hello or of the events."""
    headers = {"Last-Event-ID": cursor}
    where = rng.choice(["headers", "first events", "events", "events"])
    if where == "headers":
        cut_in_headers(board, cursor, rng)
        return []
    limit = rng.randrange(1, 2_000 if where == "first events" else 20_000)
    with board.stream(headers=headers, read_limit=limit) as stream:
        return stream.read_all(20)


def cut_in_headers(board: Board, cursor: str, rng: random.Random) -> None:
    """Send a request or a part of it, and disconnect before all headers have come."""
    request = (
        f"GET /stream HTTP/1.1\r\nHost: {LOOPBACK}\r\nLast-Event-ID: {cursor}\r\n\r\n"
    ).encode()
    if rng.random() < 0.2:
        request = request[: rng.randrange(len(request))]
    with socket.create_connection((LOOPBACK, board.port), 10) as connection:
        connection.sendall(request)
        if request.endswith(b"\r\n\r\n"):
            connection.recv(rng.randrange(1, 150))
        if rng.random() < 0.5:
            reset_on_close(connection)


def test_a_stream_that_is_resumed_in_its_catch_up_goes_on_in_it(busy: Board) -> None:
    """The first catch-up is the log compacted; cut anywhere, the rest comes next."""
    rng = random.Random(6)
    state: ClientState = {}
    cursor, resumes = "", []
    with busy.stream("/stream?once=1") as stream:
        whole = len("".join(e.data for e in stream.read_all()))
    for _ in range(10):
        headers = {"Last-Event-ID": cursor} if cursor else {}
        limit = rng.randrange(1, max(2, whole // 4))
        with busy.stream(headers=headers, read_limit=limit) as stream:
            got = stream.read_all()
        fold(state, got)
        resumes += [json.loads(e.data)["resume"] for e in got if e.event == "hello"]
        cursor = next((e.id for e in reversed(got) if e.id), cursor)
    assert "replayed" in resumes
    id, expected = server_state(busy)
    fold(
        state, [event for event in events_since(busy, cursor) if id_of(event.id) <= id]
    )
    assert state == expected


def test_a_client_that_slept_past_the_floor_ends_in_the_same_state() -> None:
    rng = random.Random(7)
    state: ClientState = {}
    cursor, resumes = "", []
    now = now_ms()
    world = Simulator(12, now, 100)
    with Board(FEED="published", PUBLISH_TOKEN="secret", BACKLOG="200") as board:
        for night in range(9):
            news = world.step(now + 300 * night)  # more than is retained
            publish(board, [*map(encode, news)])
            headers = {"Last-Event-ID": cursor} if cursor else {}
            limit = rng.randrange(300, 16_000) if night < 8 else None  # at last all
            with board.stream("/stream?once=1", headers, read_limit=limit) as stream:
                got = stream.read_all()
            fold(state, got)
            hello = json.loads(got[0].data) if got else {"resume": "none"}
            resumes.append((hello["resume"], hello.get("lost", 0)))
            cursor = next((e.id for e in reversed(got) if e.id), cursor)
        assert resumes.count(("compacted", None)) >= 6
        assert (got[-1].event, hello["tail"]) == ("end", newest_id(board))
        assert state == server_state(board)[1]
        board.kill()


def publish(board: Board, events: list[Event]) -> None:
    """Publish events in one request."""
    lines = [b'{"event":"%b","data":%b}' % (e.type.encode(), e.data) for e in events]
    ndjson = {"Content-Type": "application/x-ndjson", "Authorization": "Bearer secret"}
    body = b"\n".join(lines)
    status, _, answer = board.request("POST", "/api/publish", ndjson, body)
    assert status == 201, answer


def test_a_key_that_was_retired_while_a_client_slept_is_gone() -> None:
    with Board(SEED="13", SPEED="200", BACKLOG="50") as board:
        events = board.stream("/stream?once=1&events=score").read_all()
        state = fold({}, events)
        cursor = json.loads(events[0].data)["tail"]
        before = {*state}
        until(
            lambda: len(before - {*server_state(board)[1]}) >= 2, why="two matches over"
        )
        with board.stream(f"/stream?once=1&events=score&after={cursor}") as stream:
            got = stream.read_all()
        assert json.loads(got[0].data)["resume"] == "compacted"
        fold(state, got)
        assert [e.event for e in got].count("gone") >= 2
        assert len(before - {*state}) >= 2
        board.kill()


@pytest.fixture(scope="module")
def nasty() -> Iterator[Board]:
    """Yield a board whose log holds nasty values and nothing else."""
    with Board("tests.helpers.nasty_app:app") as board:
        yield board
        board.kill()  # no test looks at its end, and this is faster


def test_nasty_values_come_as_they_were_published(nasty: Board) -> None:
    assert_all_came(replay(nasty))


def test_nasty_values_survive_any_cut(nasty: Board) -> None:
    rng = random.Random(8)
    start = cursor = first_cursor(nasty)
    read: list[Parsed] = []
    while not (read and read[-1].event == "last"):
        # Far enough for the largest event, else it would never arrive.
        limit = rng.choice([rng.randrange(1, 5_000), 3_000_000])
        headers = {"Last-Event-ID": cursor}
        with nasty.stream("/stream?once=1", headers, read_limit=limit) as stream:
            got = of_the_log(stream.read_all())
        read += got
        cursor = read[-1].id if read else start
    assert_all_came(read)


def test_nasty_values_come_through_a_browsers_own_event_source(
    nasty: Board, page: Page
) -> None:
    page.goto(nasty.url + "/healthz")
    names = [*NAMES, "last", "hello", "forged"]
    page.evaluate(EVENT_SOURCE, [first_cursor(nasty), names])
    until(lambda: page.evaluate("read.at(-1)?.[0]") == "last", 30, "the last event")
    read = [Parsed(*fields) for fields in page.evaluate("read")]
    page.evaluate("source.close()")
    assert_all_came(of_the_log(read))


def test_nasty_values_are_whole_lines_of_ndjson_and_of_text(nasty: Board) -> None:
    after = first_cursor(nasty)
    _, _, body = nasty.get(f"/stream.ndjson?once=1&after={after}")
    lines = body.split(b"\n")[1:-2]
    for line, event in zip(lines, nasty_events(), strict=True):
        read = json.loads(line)
        assert read["event"] == event.type
        assert read["data"] == json.loads(event.data)
    _, _, body = nasty.get(f"/stream.txt?once=1&after={after}")
    shown = body.decode().splitlines()[1:-1]
    names = [line.split(" ")[0] for line in shown]
    assert names == [event.type for event in nasty_events()]


def replay(board: Board) -> list[Parsed]:
    """Return every event that was published, from the log's start on."""
    with board.stream(f"/stream?once=1&after={first_cursor(board)}") as stream:
        hello, *read = stream.read_all()
    assert json.loads(hello.data)["resume"] == "replayed"
    return of_the_log(read)


def first_cursor(board: Board) -> str:
    """Return the id of the event before the nasty ones."""
    others = json.loads(board.get("/api/state")[2])["other"]
    id: str = next(other["id"] for other in others if other["event"] == "first")
    return id


def assert_all_came(read: list[Parsed]) -> None:
    """Assert that exactly the nasty events were read, in order and unchanged."""
    expected = [(event.type, event.data.decode()) for event in nasty_events()]
    assert [(event.event, event.data) for event in read] == expected
    ids = [id_of(event.id) for event in read]
    assert ids == sorted(set(ids))
