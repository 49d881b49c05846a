"""Connections that wait for their clients: which are kept, and which lose their slots.

The first part has connections that only remember what was done to them, and instants
that are passed in. The second has a real board and real sockets.
"""

import contextlib
import http.client
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from feed.streams.clients import ClientLimit, client_of
from serving.slots import UNREAD_LIMIT, Slot, SlotBounds, Slots
from tests.helpers.boards import a_board, metrics
from tests.helpers.harness import LOOPBACK, ROOT, Board, until

BOUNDS = SlotBounds(idle=3, answer=30.0, grace=0.5, farewell=1.0)


# --- The rules


class Remembered:
    """A connection, or a request, that remembers what was done to it."""

    def __init__(self, *, unread: bool = True) -> None:
        self.unread = 1 if unread else 0
        self.done: list[str] = []

    def unread_bytes(self) -> int:
        return self.unread

    def stop_reading(self) -> None:
        self.done.append("stop_reading")

    def break_off(self) -> None:
        self.done.append("break_off")

    def force_close(self) -> None:
        self.done.append("force_close")


def a_slot(slots: Slots, *, unread: bool = True) -> tuple[Slot, list[str]]:
    connection: Any = Remembered(unread=unread)
    return slots.take(connection), connection.done


def an_idle_slot(slots: Slots, since: float) -> tuple[Slot, list[str]]:
    slot, done = a_slot(slots, unread=False)
    serve(slot, since)
    slot.await_request(since)
    return slot, done


def serve(slot: Slot, now: float) -> list[str]:
    """Begin a request, and return what is done to it."""
    request = Remembered()
    slot.begin_request(request, now)
    return request.done


def test_an_answer_that_is_not_read_in_time_is_broken_off() -> None:
    slots = Slots(100, BOUNDS)
    slot, done = a_slot(slots)
    serve(slot, 5.0)
    slots.enforce_bounds(34.9, leaving=False)
    assert done == []
    slots.enforce_bounds(35.0, leaving=False)
    slots.enforce_bounds(35.1, leaving=False)
    assert done == ["break_off"]


@pytest.mark.parametrize("unread", [True, False])
def test_an_answer_that_only_the_kernel_still_holds_must_be_read_in_time_too(
    unread: bool,
) -> None:
    slots = Slots(100, BOUNDS)
    slot, done = a_slot(slots, unread=unread)
    serve(slot, 5.0)
    slot.await_request(5.1)
    slots.enforce_bounds(34.9, leaving=False)
    assert done == []
    slots.enforce_bounds(35.0, leaving=False)
    assert done == (["break_off"] if unread else [])
    assert (slot in slots.idle) is not unread


def test_what_has_a_deadline_of_its_own_is_left_alone() -> None:
    slots = Slots(1, BOUNDS)
    slot, done = a_slot(slots)
    serve(slot, 0.0)
    slot.exempt()
    slots.enforce_bounds(1000.0, leaving=True)
    assert done == []


def test_only_the_newest_idle_connections_are_kept() -> None:
    slots = Slots(100, BOUNDS)
    idle = [an_idle_slot(slots, float(since)) for since in range(5)]
    serve(idle[0][0], 10.0)
    idle[0][0].await_request(10.0)
    slots.enforce_bounds(10.0, leaving=False)
    closed = [done == ["stop_reading"] for _, done in idle]
    assert closed == [False, True, True, False, False]


def test_new_connections_are_not_counted_as_idle() -> None:
    """So many clients may reconnect at once whose requests are on their way."""
    slots = Slots(100, BOUNDS)
    new = [a_slot(slots) for _ in range(50)]
    for slot, _ in new:
        slot.await_request(0.0)
    slots.enforce_bounds(1.0, leaving=False)
    assert not any(done for _, done in new)


def test_if_all_slots_are_taken_those_that_wait_longest_lose_theirs() -> None:
    slots = Slots(8, BOUNDS)
    slow = [a_slot(slots) for _ in range(4)]
    for since, (slot, _) in enumerate(slow):
        serve(slot, float(since))
    slots.enforce_bounds(10.0, leaving=False)
    assert not any(done for _, done in slow)  # four slots are free
    idle = [an_idle_slot(slots, 8.0 + since) for since in range(3)]
    serve(a_slot(slots)[0], 10.0)
    slots.enforce_bounds(10.0, leaving=False)  # a quarter: the idle ones first
    assert [done for _, done in idle] == [["stop_reading"], ["stop_reading"], []]
    for slot, _ in idle[:2]:
        slot.free()
    assert not any(done for _, done in slow)
    a_slot(slots), a_slot(slots)
    slots.enforce_bounds(10.1, leaving=False)
    assert [done for _, done in slow] == [["break_off"], ["break_off"], [], []]
    assert idle[2][1] == []  # it is idle for less than `grace`


def test_a_response_that_is_not_written_yet_does_not_wait_for_its_client() -> None:
    slots = Slots(1, BOUNDS)
    slot, done = a_slot(slots, unread=False)
    serve(slot, 0.0)
    slots.enforce_bounds(20.0, leaving=False)
    assert done == []


def test_a_client_that_pipelines_has_waited_since_its_first_request() -> None:
    slots = Slots(1, BOUNDS)
    slot, done = a_slot(slots)
    serve(slot, 0.0)
    for hundredth in range(1, 60):
        slot.await_request(hundredth / 100)
        assert slot.begin_request(Remembered(), hundredth / 100)
    slots.enforce_bounds(0.6, leaving=False)
    assert done == ["break_off"]


def test_a_pipelined_request_waits_while_much_is_unread() -> None:
    slots = Slots(100, BOUNDS)
    connection: Any = Remembered()
    slot = slots.take(connection)
    serve(slot, 0.0)
    assert not slot.must_wait_for_reader()
    connection.unread = UNREAD_LIMIT + 1
    assert slot.must_wait_for_reader()
    slots.enforce_bounds(30.0, leaving=False)
    assert connection.done == ["break_off"]
    assert not slot.must_wait_for_reader()


def test_a_request_that_arrived_before_the_close_is_answered_with_close() -> None:
    slots = Slots(100, SlotBounds(idle=0))
    slot, done = an_idle_slot(slots, 0.0)
    slots.enforce_bounds(0.0, leaving=False)
    assert done == ["stop_reading"]
    assert serve(slot, 0.1) == ["force_close"]


def test_a_worker_that_leaves_closes_idle_connections_after_a_second() -> None:
    slots = Slots(100, BOUNDS)
    _, done = an_idle_slot(slots, 0.0)
    slots.enforce_bounds(50.0, leaving=True)
    slots.enforce_bounds(50.9, leaving=True)
    assert done == []
    slots.enforce_bounds(51.0, leaving=True)
    assert done == ["stop_reading"]


# --- The share of one client

OTHER_CLIENT = "198.51.100.2"


def limited(most: int = 2, **options: bool) -> Slots:
    return Slots(
        100, BOUNDS, lambda client: 0 if client == "proxy" else most, **options
    )


def a_counted_slot(slots: Slots, client: str, now: float) -> tuple[Slot, list[str]]:
    slot, done = a_slot(slots)
    assert slots.count(slot, client, now)
    serve(slot, now)
    return slot, done


def test_a_client_has_a_number_of_connections_and_others_are_not_affected() -> None:
    slots = limited()
    first, _ = a_counted_slot(slots, "one", 0.0)
    a_counted_slot(slots, "one", 0.0)
    refused, _ = a_slot(slots)
    assert not slots.count(refused, "one", 0.1)  # nobody waits for it for so long
    assert slots.count(refused, OTHER_CLIENT, 0.1)
    first.free()
    assert slots.count(a_slot(slots)[0], "one", 0.1)


def test_a_client_without_a_limit_has_any_number_of_connections() -> None:
    slots = limited()
    assert all(slots.count(a_slot(slots)[0], "proxy", 0.0) for _ in range(50))


def test_the_connections_of_a_client_that_wait_for_it_make_room_for_its_next_one() -> (
    None
):
    slots = limited(3)
    _, unread = a_counted_slot(slots, "one", 0.0)
    idle = [a_counted_slot(slots, "one", 1.0) for _ in range(2)]
    other, kept = a_counted_slot(slots, OTHER_CLIENT, 0.0)
    for slot in [other, *(slot for slot, _ in idle)]:
        slot.await_request(2.0)
    for _ in range(2):
        assert slots.count(a_slot(slots)[0], "one", 5.0)
    assert [done for _, done in idle] == [["stop_reading"], ["stop_reading"]]
    assert unread == []
    assert slots.count(a_slot(slots)[0], "one", 5.0)
    assert unread == ["break_off"]
    assert not slots.count(a_slot(slots)[0], "one", 5.0)
    assert kept == []


def test_a_stream_does_not_make_room_for_another_connection() -> None:
    slots = limited(1)
    stream, done = a_counted_slot(slots, "one", 0.0)
    stream.becomes_stream()
    assert not slots.count(a_slot(slots)[0], "one", 100.0)
    assert done == []


def test_behind_a_proxy_the_requests_of_a_client_count_until_they_are_answered() -> (
    None
):
    slots = limited(1, counts_requests=True)
    slot, other = a_slot(slots)[0], a_slot(slots)[0]
    serve(slot, 0.0)
    serve(other, 0.0)
    assert slot.count_request("one", 0.0)
    assert not other.count_request("one", 0.0)
    slot.end_request()
    assert other.count_request("one", 0.0)
    other.becomes_stream()  # which is counted where streams are
    assert slot.count_request("one", 0.0)


def test_by_default_the_limit_holds_for_public_addresses_only() -> None:
    by_default, set_by_operator = ClientLimit(200, False), ClientLimit(200, True)
    private = ("10.0.0.1", "127.0.0.1", "172.17.0.1", "192.168.1.9", "100.64.0.1")
    for client in (*private, "::1/128", "fd00::/64", "fe80::/64"):
        assert by_default.of(client) == 0
        assert set_by_operator.of(client) == 200
    for client in ("8.8.8.8", "2a00:1450:4001:80b::/64"):
        assert by_default.of(client) == set_by_operator.of(client) == 200
    assert set_by_operator.of(client_of("")) == 0  # a Unix socket
    assert ClientLimit(0, True).of("8.8.8.8") == 0


def test_a_client_that_reads_nothing_takes_no_more_than_its_share() -> None:
    share = {"MAX_CONNECTIONS_PER_CLIENT": "20", "MAX_STREAMS": "100"}
    with a_board(**share) as board, contextlib.ExitStack() as held:
        opened = [
            held.enter_context(never_reading(board, CSS * 600)) for _ in range(60)
        ]
        until(lambda: sum(map(is_over, opened)) >= 40, why="the others are closed")
        assert answers(board, "127.0.0.2")
        # Its own unread responses make room for it once they have waited a moment.
        until(lambda: answers(board, LOOPBACK), 5)
        figures = metrics(board)
        assert figures["liveboard_connections_refused_total"] >= 30
        assert board.log().count("as many as a client may have") == 1
        assert f"{LOOPBACK} has 20 connections" in board.log()
        assert "Traceback" not in board.log()


def is_over(client: socket.socket) -> bool:
    """Whether the server has closed or broken the connection."""
    found = select.poll()
    found.register(client, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(found.poll(0))


def answers(board: Board, address: str) -> bool:
    """Whether the board answers to an address of the loopback within a second."""
    connection = http.client.HTTPConnection(
        LOOPBACK, board.port, timeout=1, source_address=(address, 0)
    )
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def test_behind_a_proxy_each_client_has_a_share_and_the_proxy_has_none() -> None:
    share = {"MAX_CONNECTIONS_PER_CLIENT": "2", "TRUSTED_PROXIES": "1"}
    with a_board(**share) as board, contextlib.ExitStack() as held:

        def first_event(client: str) -> str:
            stream = board.stream(headers={"X-Forwarded-For": client})
            return held.enter_context(stream).events(1)[0].event

        assert [first_event("8.8.8.8") for _ in range(3)] == ["hello", "hello", "bye"]
        assert [first_event("9.9.9.9") for _ in range(2)] == ["hello", "hello"]
        proxied = {"X-Forwarded-For": "8.8.8.8"}
        assert {board.get("/api/state", proxied)[0] for _ in range(5)} == {200}


# --- Clients that hold their slots

HELD = 50  # slots
HEAD = b"GET /static/styles/board.css HTTP/1.1\r\nHost: board\r\n"
CSS = HEAD + b"\r\n"


@pytest.mark.parametrize("arguments", ["", f"--worker-connections {HELD}"])
def test_health_answers_within_a_second_while_others_read_nothing(
    arguments: str,
) -> None:
    with a_board(GUNICORN_CMD_ARGS=arguments) as board, contextlib.ExitStack() as held:
        for _ in range(HELD):
            held.enter_context(never_reading(board, CSS * 600))
        for _ in range(20):
            began = time.monotonic()
            assert board.get("/healthz", seconds=5)[0] == 200
            assert time.monotonic() - began < 1
            time.sleep(0.1)
        board.term()
        assert board.wait_exit() < 5
        assert "Traceback" not in board.log()


def test_an_answer_that_nobody_reads_ends_after_thirty_seconds() -> None:
    # The kernel's own limit is 2.5 heartbeats.
    with a_board(HEARTBEAT="60") as board, never_reading(board, CSS * 600) as reader:
        began = time.monotonic()
        until(lambda: is_reset(reader), 40, "the connection is broken off")
        assert 29 < time.monotonic() - began < 32
        assert "Traceback" not in board.log()


@contextlib.contextmanager
def never_reading(board: Board, requests: bytes) -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect((LOOPBACK, board.port))
        client.setblocking(False)
        client.send(requests)
        yield client


def is_reset(client: socket.socket) -> bool:
    """Whether the connection is broken; nothing is read to find that out."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def test_a_client_that_pipelines_and_reads_gets_every_answer() -> None:
    with (
        a_board() as board,
        socket.create_connection((LOOPBACK, board.port), 20) as client,
    ):
        client.sendall(CSS * 299 + HEAD + b"Connection: close\r\n\r\n")
        assert client.makefile("rb").read().count(b"HTTP/1.1 200 OK\r\n") == 300


# --- Clients that vanish


def test_a_client_that_vanishes_is_gone_within_five_heartbeats() -> None:
    own_network = ["unshare", "--map-root-user", "--net"]
    ended = subprocess.run(
        [*own_network, sys.executable, "-m", "tests.helpers.vanishing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert len(found["outlived"]) == 4
    assert max(found["outlived"].values()) < 5
    assert found["errors"] == []


# --- Connections that are kept, and those that are not


@contextlib.contextmanager
def connected(board: Board) -> Iterator[http.client.HTTPConnection]:
    """Yield an open connection, for several requests."""
    connection = http.client.HTTPConnection(LOOPBACK, board.port, timeout=20)
    with contextlib.closing(connection):
        connection.connect()
        yield connection


def ask(
    connection: http.client.HTTPConnection,
    method: str = "GET",
    path: str = "/healthz",
    body: bytes | None = None,
) -> tuple[int, str]:
    """Send a request; return the status, and what the response says of its end."""
    connection.request(method, path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["Connection"]


@pytest.fixture(scope="module")
def patient() -> Iterator[Board]:
    with a_board(FEED="published", PUBLISH_TOKEN="secret") as board:
        yield board


def test_a_publisher_that_posts_each_two_seconds_keeps_its_connection(
    patient: Board,
) -> None:
    with connected(patient) as connection:
        first = connection.sock
        for _ in range(3):
            assert ask(connection, "POST", "/stream", b"") == (405, "keep-alive")
            time.sleep(2.1)
        assert ask(connection) == (200, "keep-alive")
        assert connection.sock is first


def test_a_small_body_that_nobody_wants_does_not_end_the_connection(
    patient: Board,
) -> None:
    with connected(patient) as connection:
        body = b"x" * 10_000
        assert ask(connection, "POST", "/api/publish", body) == (401, "keep-alive")
        assert ask(connection) == (200, "keep-alive")


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_refusal_before_the_end_of_a_large_body_announces_the_close_and_arrives(
    patient: Board, size: int
) -> None:
    with connected(patient) as connection:
        assert ask(connection, "POST", "/api/publish", b"x" * size) == (401, "close")


def test_a_body_that_is_too_large_gets_an_answer_that_announces_the_close(
    patient: Board,
) -> None:
    with connected(patient) as connection:
        connection.request(
            "POST",
            "/api/publish",
            b"x" * 3_000_000,
            {"Authorization": "Bearer secret"},
        )
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
        assert json.loads(answer.read())["status"] == 413


@pytest.mark.parametrize("body", ["3\r\n101", "zz\r\n"])
def test_a_body_that_breaks_off_or_is_no_http_announces_the_close(
    patient: Board, body: str
) -> None:
    head = "PUT /api/prices/X HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer secret"
    with socket.create_connection((LOOPBACK, patient.port), 10) as client:
        client.sendall(f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n{body}".encode())
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nConnection: close\r\n" in answer


def test_from_the_signal_on_responses_announce_the_close_and_the_idle_are_closed() -> (
    None
):
    with a_board() as board, contextlib.ExitStack() as held:
        used, *idle = [held.enter_context(connected(board)) for _ in range(30)]
        for connection in [used, *idle]:
            assert ask(connection) == (200, "keep-alive")
        board.term()
        until(lambda: "Handling signal: term" in board.log(), why="the signal")
        until(lambda: is_leaving(board), why="the worker has it, too")
        assert ask(used) == (200, "close")
        assert board.wait_exit() < 5
        for connection in idle:
            assert connection.sock.recv(1) == b""  # closed, and not reset


def is_leaving(board: Board) -> bool:
    return board.get("/readyz")[0] == 503
