"""Conditions that break event streams in production must not break this server.

Each test fails without the fix that it is for: a limit, a hook, a header, a deadline.
"""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from feed.sources.market import RATE
from tests.helpers.boards import a_board, metrics, open_streams
from tests.helpers.client_state import (
    CONTROL,
    ClientState,
    age,
    assert_polls_to_the_state,
    fold,
    id_of,
    of_the_log,
)
from tests.helpers.harness import LOOPBACK, Board, Nginx, Process, Stream, until
from tests.helpers.proxy import Proxy
from tests.helpers.response import Response
from tests.helpers.sse import Parsed, Parser

SILENT = "/stream?symbols=ZZZZ&events=price"  # nobody publishes that
SLACK = 1.0  # seconds that a busy machine may add to what the contract promises


# --- One process, one log


def test_web_concurrency_gives_one_worker_a_warning_and_one_feed() -> None:
    with (
        a_board(WEB_CONCURRENCY="3", SPEED="10") as board,
        contextlib.ExitStack() as stack,
    ):
        assert len(board.worker_pids()) == 1
        (warning,) = re.findall(r"\[WARNING\] (.*)", board.log())
        assert "WEB_CONCURRENCY=3: running 1 worker" in warning
        streams = [stack.enter_context(board.stream()) for _ in range(6)]
        tails = [id_of(json.loads(s.events(1)[0].data)["tail"]) for s in streams]
        first = {
            s.read_until(lambda e: bool(e.id) and id_of(e.id) > max(tails))[-1]
            for s in streams
        }
        assert len(first) == 1


def is_price(event: Parsed) -> bool:
    return event.event == "price"


# --- Admission


def test_a_board_full_of_streams_answers_health_at_once_and_refuses_in_kind() -> None:
    with (
        a_board(MAX_STREAMS="50", HEARTBEAT="1") as board,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(50):
            stream = stack.enter_context(board.stream(SILENT))
            assert stream.events(1)[0].event == "hello"
        assert health_takes(board) < 1
        retries = [refusal(board) for _ in range(6)]
        assert all(15_000 <= retry <= 45_000 for retry in retries)
        assert len({*retries}) > 1
        assert open_streams(board) == 50
        assert metrics(board)['liveboard_streams_refused_total{reason="limit"}'] == 6


def test_idle_connections_leave_room_for_health() -> None:
    """As many idle connections as the pool has, six for each browser."""
    with a_board(MAX_STREAMS="50") as board, contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(board.stream(SILENT)).events(1)
        for _ in range(300):
            idle = http.client.HTTPConnection(LOOPBACK, board.port, timeout=10)
            stack.enter_context(contextlib.closing(idle))
            idle.request("GET", "/healthz")
            assert idle.getresponse().read() == b"ok\n"
        assert health_takes(board) < 1


def health_takes(board: Board) -> float:
    """Return how many seconds `/healthz` takes: for ever if no slot is left."""
    began = time.monotonic()
    assert board.get("/healthz")[0] == 200
    return time.monotonic() - began


def refusal(board: Board) -> int:
    """Open a stream that must be refused as full; return when to come back, in ms."""
    with board.stream() as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        (bye,) = stream.read_all()
        assert stream.complete
    fields = json.loads(bye.data)
    assert (bye.event, fields["reason"]) == ("bye", "full")
    assert stream.retry == fields["retry_ms"]
    return int(fields["retry_ms"])


def test_a_client_is_told_apart_by_forwarded_for_only_behind_trusted_proxies() -> None:
    limit = {"MAX_STREAMS_PER_CLIENT": "1", "HEARTBEAT": "0.3"}
    one, other = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    with a_board(**limit) as board, board.stream(SILENT, one) as stream:
        stream.events(1)
        assert first_type(board, other) == "bye"
        assert metrics(board)['liveboard_streams_refused_total{reason="client"}'] == 1
    with a_board(TRUSTED_PROXIES="1", **limit) as board:
        with board.stream(SILENT, one) as stream:
            stream.events(1)
            assert first_type(board, other) == "hello"
            assert first_type(board, one) == "bye"
            forged = {"X-Forwarded-For": "192.0.2.9, 192.0.2.1"}
            assert first_type(board, forged) == "bye"
            same = ("192.0.2.1:4711", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80")
            for address in same:
                assert first_type(board, {"X-Forwarded-For": address}) == "bye"
        with board.stream(SILENT, {"X-Forwarded-For": "2001:db8::1"}) as stream:
            stream.events(1)
            for address, expected in (("2001:db8::2", "bye"), ("2001:db9::1", "hello")):
                assert first_type(board, {"X-Forwarded-For": address}) == expected
        until(lambda: first_type(board, one) == "hello", why="its place is free again")


def first_type(board: Board, headers: dict[str, str]) -> str:
    with board.stream(SILENT, headers) as stream:
        return stream.events(1)[0].event


def test_head_opens_no_stream() -> None:
    with a_board() as board:
        for _ in range(100):
            status, headers, body = board.request("HEAD", "/stream")
            assert (status, body) == (200, b"")
            assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert open_streams(board) == 0
        assert metrics(board)["liveboard_streams_total"] == 0
        assert "opened" not in board.log()


# --- Farewell


def test_sigterm_says_bye_to_all_and_the_worker_is_gone_in_time() -> None:
    with (
        a_board(MAX_STREAMS="300") as board,
        contextlib.ExitStack() as stack,
    ):
        streams = [stack.enter_context(board.stream()) for _ in range(200)]
        for stream in streams:
            stream.events(1)
        (worker,) = board.worker_pids()
        with ThreadPoolExecutor(1) as clock:
            began, gone = time.time(), clock.submit(board.wait_exit)
            board.term()
            read = [stream.read_all(15) for stream in streams]
            assert gone.result() < 5
        ended = ended_at(board)
        assert len(ended) == 200
        assert max(ended) - began < 1 + SLACK
        assert not os.path.exists(f"/proc/{worker}")
        assert board.exit_code == 0
    retries = [stream.retry for stream in streams]
    for stream, events in zip(streams, read, strict=True):
        assert stream.complete
        assert [e.event for e in events if e.event in CONTROL] == ["bye"]
        bye = json.loads(events[-1].data)
        assert (bye["reason"], bye["retry_ms"]) == ("restart", stream.retry)
    assert all(1_000 <= (retry or 0) <= 5_000 for retry in retries)
    assert len({*retries}) > 100


def ended_at(board: Board) -> list[float]:
    """Return when each stream ended (epoch seconds), as the board wrote it down."""
    times = re.findall(r"^(\S+ \S+) INFO \S+ stream \d+ ended", board.log(), re.M)
    logged = (datetime.strptime(each, "%Y-%m-%d %H:%M:%S,%f") for each in times)
    return [each.replace(tzinfo=UTC).timestamp() for each in logged]


def test_from_the_signal_on_the_board_is_not_ready() -> None:
    with Board() as board, board.stream(SILENT) as stream:
        connection = http.client.HTTPConnection(LOOPBACK, board.port, timeout=10)

        def reason_while_leaving() -> bytes | None:
            leaving = any(event.event == "bye" for event in stream.read_for(0.01))
            detail = unreadiness(connection)
            assert detail or not leaving, "its streams got bye, and it is still ready"
            return detail

        with contextlib.closing(connection):
            assert unreadiness(connection) is None
            board.term()
            # Asked all the time, so that the connection is never idle for too long. A
            # board that stays ready closes it, and is gone within five seconds.
            detail = until(reason_while_leaving, 5, "not ready")
        assert json.loads(detail or b"")["detail"] == "The server is restarting."


def unreadiness(connection: http.client.HTTPConnection) -> bytes | None:
    """Return the body of `/readyz` if it is 503; None if it is 200."""
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    reason = answer.read()
    assert answer.status in (200, 503)
    return reason if answer.status == 503 else None


def test_a_stream_that_opens_after_the_signal_is_sent_away_in_kind() -> None:
    with Board() as board:
        board.term()
        until(lambda: "Handling signal: term" in board.log(), why="the signal")
        with contextlib.suppress(ConnectionError), board.stream() as stream:
            # Until it stops listening the server answers, and 200: see `feed.md`, 4.
            events = stream.read_all(5)
            assert stream.status == 200
            assert json.loads(events[-1].data)["reason"] == "restart"


def test_a_stream_past_its_age_says_bye_and_resumes_without_loss() -> None:
    with a_board(MAX_STREAM_AGE="2", SPEED="10") as board:
        began = time.time()
        with board.stream() as stream, board.stream() as other:
            read = stream.read_all()
            assert 0.79 * 2 < ended_at(board)[0] - began < 2 + SLACK
            bye = json.loads(read[-1].data)
            assert (read[-1].event, bye["reason"]) == ("bye", "age")
            assert 2_000 <= bye["retry_ms"] <= 4_000
            read += other.read_all()
        cursor = stream.last_id or read[-2].id
        with board.stream("/stream", {"Last-Event-ID": cursor}) as again:
            hello = json.loads(again.events(1)[0].data)
    assert (hello["resume"], hello["after"], hello["lost"]) == ("replayed", cursor, 0)


def test_browsers_come_back_spread_over_time() -> None:
    with a_board() as board, contextlib.ExitStack() as stack:
        streams = [stack.enter_context(board.stream(SILENT)) for _ in range(30)]
        for stream in streams:
            stream.events(1)
    retries = [stream.retry or 0 for stream in streams]
    assert all(2_000 <= retry <= 4_000 for retry in retries)
    assert len({*retries}) > 15
    assert max(retries) - min(retries) > 500


VIEWERS = 300


@dataclass
class Storm:
    """Viewers of one board that come back as browsers do, after their own `retry`.

    `back_at` is when each made the connection that brought it back: while a process
    starts, its socket holds them for it.
    """

    port: int
    hellos: int = 0
    back_at: list[float] = field(default_factory=list)
    resumes: Counter[str] = field(default_factory=Counter)

    async def view(self) -> None:
        """Read until `bye`, wait as long as it says, come back and read a little."""
        cursor, retry = await self.read("")
        while retry:
            await asyncio.sleep(retry)
            with contextlib.suppress(OSError):
                tried_at = time.monotonic()
                # A process that ends may still take it in, and says `bye` again.
                cursor, retry = await self.read(cursor)
        self.back_at.append(tried_at)

    async def read(self, cursor: str) -> tuple[str, float]:
        """Return the last id and, in seconds, when the server wants the next try."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            again = f"Last-Event-ID: {cursor}\r\n" if cursor else ""
            request = f"GET /stream HTTP/1.1\r\nHost: {LOOPBACK}\r\n{again}\r\n"
            writer.write(request.encode())
            return await self._live(reader, bool(cursor))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _live(
        self, reader: asyncio.StreamReader, back: bool
    ) -> tuple[str, float]:
        response, parser = Response(), Parser()
        while data := await reader.read(65536):
            body = response.feed(data)
            assert response.status in {0, 200}
            for event in parser.feed(body):
                fields = json.loads(event.data)
                if event.event == "hello" and back:
                    self.resumes[fields["resume"]] += 1
                self.hellos += event.event == "hello"
                if event.event == "bye":
                    assert parser.retry is not None
                    return parser.last_event_id, parser.retry / 1000
            if back and parser.last_event_id:
                return parser.last_event_id, 0
        raise ConnectionError("ended without a bye")


def test_a_deploy_brings_every_viewer_back_and_not_all_at_once() -> None:
    async def watch() -> None:
        await asyncio.wait_for(
            asyncio.gather(*(storm.view() for _ in range(VIEWERS))), 60
        )

    with Board() as board:
        storm = Storm(board.port)
        with ThreadPoolExecutor(1) as crowd:
            watching = crowd.submit(asyncio.run, watch())
            until(lambda: storm.hellos >= VIEWERS, 60, "all are watching")
            board.term()
            board.wait_exit()
            board.start()
            watching.result(60)
    assert len(storm.back_at) == VIEWERS
    # The new process has a new log, which can't account for the old one's cursors.
    assert storm.resumes == {"fresh": VIEWERS}
    first = min(storm.back_at)
    by_second = Counter(int(at - first) for at in storm.back_at)
    assert max(by_second.values()) < 0.6 * VIEWERS
    assert max(storm.back_at) - first > 1.5


# --- Clients that die, or don't read


@pytest.mark.parametrize("death", ["close", "abort"])
def test_a_dead_client_is_noticed_within_two_heartbeats(death: str) -> None:
    with a_board(HEARTBEAT="0.5") as board, board.stream(SILENT) as witness:
        dying = board.stream(SILENT)
        dying.events(1), witness.events(1)
        assert open_streams(board) == 2
        died = time.time()
        getattr(dying, death)()
        until(lambda: open_streams(board) == 1, why="the dead is noticed")
        [noticed] = ended_at(board)
        assert noticed - died < 2 * 0.5 + SLACK


def test_a_client_that_never_reads_is_freed_and_delays_nobody() -> None:
    deadline = 3 * 0.6  # seconds
    with a_board(HEARTBEAT="0.6", SPEED="50", SEED="3") as board:
        with board.stream() as witness, never_reading(board):
            until(lambda: open_streams(board) == 2, why="both are open")
            stuck, ages, ends = 0.0, [], time.monotonic() + 10
            figures = metrics(board)
            while figures["liveboard_streams"] == 2 and time.monotonic() < ends:
                stuck = max(stuck, figures["liveboard_slowest_stream_seconds"])
                ages += [age(event) for event in witness.read_for(0.1)[-1:]]
                figures = metrics(board)
            assert figures["liveboard_streams"] == 1
        assert 0.3 < stuck < deadline + SLACK
        assert max(ages) < SLACK
        assert "the client did not read" in board.log()


@contextlib.contextmanager
def never_reading(board: Board) -> Iterator[None]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((LOOPBACK, board.port))
        connection.sendall(f"GET /stream HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode())
        yield


def test_a_slow_reader_sees_current_prices_and_ends_in_the_right_state() -> None:
    """At a tenth of the feed's bandwidth, from the first price on, for 8 s.

    `make bench` does it for a minute, and with 3000 symbols (its shapes "slow").
    """
    speed = 75  # half a megabyte a second
    with a_board(SPEED=str(speed), SEED="4") as board, Proxy(board.port) as proxy:
        with board.stream() as full:
            prices = [*filter(is_price, full.events(100))]
            size = sum(map(weight, prices)) / len(prices)
            proxy.throttle = round(size * RATE * speed / 10)
        with Stream(proxy.port, rcvbuf=8192) as slow:
            state: ClientState = {}
            ages: list[float] = []
            for _ in range(80):
                began = time.monotonic()
                read = slow.read_for(0.1)
                late = time.monotonic() - began - 0.1  # this reader's own fault
                ages += [age(event) - late for event in read if is_price(event)]
                fold(state, read)
            proxy.throttle = None
            fold(state, slow.read_until(lambda e: is_price(e) and age(e) < 0.3, 20))
        assert_polls_to_the_state(board, state, slow.last_id)
        dropped = metrics(board)["liveboard_dropped_total"]
    assert max(ages) < 2
    assert dropped > 1_000


def weight(event: Parsed) -> int:
    """Return how many bytes an event is on the wire (ASCII)."""
    return len(f"id: {event.id}\nevent: {event.event}\ndata: {event.data}\n\n")


# --- Proxies that hold back or cut

PLAIN = "location / { proxy_pass @board@; }"
KEPT_ALIVE = (
    "location / { proxy_pass @board@; proxy_http_version 1.1; "
    'proxy_set_header Connection ""; }'
)
GZIPPED = (
    "gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0; gzip_http_version 1.0;"
)


@pytest.mark.parametrize(
    "location", [PLAIN, KEPT_ALIVE, GZIPPED + PLAIN, GZIPPED + KEPT_ALIVE]
)
def test_nginx_holds_nothing_back(board: Board, location: str) -> None:
    server = f"server {{ listen @port@; {location} }}"
    with Nginx(server, board=board.url) as nginx:
        headers = {"Accept-Encoding": "gzip"} if "gzip" in location else {}
        with nginx.stream("/stream?events=price", headers) as stream:
            gzipped = "content-encoding" in stream.headers
            assert gzipped == ("gzip" in location)
            stream.read_until(lambda e: is_price(e) and age(e) < 0.5)
            assert all(age(event) < 3 for event in stream.events(30))
        # A proxy that buffers waits for kilobytes, and these are some hundred bytes.
        with nginx.stream(SILENT, headers) as stream:
            assert [e.event for e in stream.events(3)] == ["hello", *["heartbeat"] * 2]


def test_a_silent_stream_outlives_a_proxys_read_timeout() -> None:
    server = (
        "server { listen @port@; "
        "location / { proxy_pass @board@; proxy_read_timeout 3s; } }"
    )
    with (
        a_board(HEARTBEAT="1", FEED="published") as board,
        Nginx(server, board=board.url) as nginx,
    ):
        with nginx.stream() as stream:
            hello, *beats = stream.events(6, 20)  # five seconds
            assert not stream.ended
        assert hello.event == "hello"
        assert {event.event for event in beats} == {"heartbeat"}


def test_a_paced_stream_beats_while_it_waits() -> None:
    beats = 0

    def is_third_beat(event: Parsed) -> bool:
        nonlocal beats
        beats = beats + 1 if event.event == "heartbeat" else 0
        return beats == 3

    # The frame of the half minute may come in between, but not again in the next one.
    with (
        a_board(HEARTBEAT="0.3", SPEED="5") as board,
        board.stream("/stream?pace=30") as stream,
    ):
        read = stream.read_until(is_third_beat)
    assert {event.event for event in read[-3:]} == {"heartbeat"}
    first, _, third = (json.loads(event.data)["at"] for event in read[-3:])
    assert third - first < 1000 * (2 * 0.3 + SLACK)
    assert {event.id for event in read[-3:]} == {of_the_log(read)[-1].id}


# --- A machine that slept


def test_a_worker_that_was_frozen_goes_on_without_a_burst() -> None:
    with a_board(SPEED="5", SEED="6", HEARTBEAT="1") as board:
        (worker,) = board.worker_pids()
        with board.stream() as stream:
            before = stream.read_until(lambda e: is_price(e) and age(e) < 0.3)
            before += stream.read_for(1)
            usual = prices_of_a_second(before[::-1])
            os.kill(worker, signal.SIGSTOP)
            try:
                before += stream.read_for(8)
            finally:
                os.kill(worker, signal.SIGCONT)
            after = stream.read_until(is_price)
            after += stream.read_for(1)
            assert not stream.ended
    assert 0 < prices_of_a_second(after) < 3 * usual + 20
    ids = [id_of(e.id) for e in of_the_log([*before, *after])]
    assert ids == sorted({*ids})


def prices_of_a_second(events: list[Parsed]) -> int:
    """Return how many there are within a second of the first, by the board's clock."""
    instants = [id_of(event.id)[0] for event in events if is_price(event)]
    return sum(abs(at - instants[0]) < 1000 for at in instants)


# --- Names that forge


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\0", "\u2028"])
def test_no_parameter_forges_an_event_or_a_line_of_the_log(
    board: Board, end: str
) -> None:
    forged = f"{end}id: 9-9{end}event: forged{end}data: 1{end}{end}"
    quoted = "".join(f"%{byte:02x}" for byte in forged.encode())
    valid = {"after": "5-0", "pace": "1", "events": "price", "forged": "", "once": "1"}
    for name, value in valid.items():
        once = "" if name == "once" else "&once=1"
        status, headers, body = board.get(f"/stream?{name}={value}{quoted}{once}")
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert json.loads(body)["status"] == 400
    for name in ("symbols", "matches"):
        with board.stream(f"/stream?once=1&{name}=A{quoted}") as stream:
            if (
                stream.status == 200
            ):  # a name may hold U+2028, but nothing that ends a line
                assert end == "\u2028"
                assert "forged" not in {event.event for event in stream.read_all()}
    assert board.get(f"/stream/matches/A{quoted}")[0] == 404
    assert board.get(f"/api/history/A{quoted}")[0] == 404
    lines = re.split("[\r\n]", board.log())
    assert not [line for line in lines if line.startswith(("event:", "id:", "data:"))]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n ", "\r\n\t", "\0", "\x85"])
def test_no_last_event_id_forges_an_event(board: Board, end: str) -> None:
    cursor = json.loads(board.get("/api/state")[2])["id"]
    header = f"{cursor}{end}event: forged{end}data: 1"
    request = f"GET /stream?once=1 HTTP/1.0\r\nLast-Event-ID: {header}\r\n\r\n"
    with socket.create_connection((LOOPBACK, board.port), 10) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"forged" not in head
    if head.split()[1] == b"400":
        return
    assert head.split()[1] == b"200"
    read = Parser().feed(body)
    assert json.loads(read[0].data)["resume"] == "fresh"
    assert "forged" not in {event.event for event in read}


# --- Settings


@pytest.mark.parametrize(
    "name, value",
    [
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("FEED", "nonsense"),
        ("SPEED", "nan"),
        ("SEED", "-1"),
        ("HEARTBEAT", "0"),
        ("BACKLOG", "1e3"),
        ("MAX_STREAMS", "0"),
        ("MAX_STREAM_AGE", "-1"),
        ("TRUSTED_PROXIES", "yes"),
        ("ALLOWED_ORIGINS", "example.org"),
        ("WEB_CONCURRENCY", "0"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line_that_names_it(
    name: str, value: str
) -> None:
    board = Board("app:app", None, **{name: value})
    try:
        board.start().wait_exit(60)
        (line,) = board.log().splitlines()
        assert board.exit_code
    finally:
        Process.stop(board)
    assert line.startswith(f"liveboard: {name}")
    assert value in line


def test_only_allowed_origins_may_read() -> None:
    ours, theirs = "https://example.org", "https://evil.example"
    with a_board(ALLOWED_ORIGINS=ours) as board:
        for path in ("/stream?once=1", "/api/state"):
            allowed = board.get(path, {"Origin": ours})[1]
            assert allowed["access-control-allow-origin"] == ours
            assert "Origin" in allowed["vary"]
            for headers in ({"Origin": theirs}, {}):
                received = board.get(path, headers)[1]
                assert "access-control-allow-origin" not in received
                assert "Origin" in received["vary"]
        preflight = {"Origin": ours, "Access-Control-Request-Method": "GET"}
        status, received, _ = board.request("OPTIONS", "/stream", preflight)
        assert status == 200
        assert "Last-Event-ID" in received["access-control-allow-headers"]


# --- Logs


def test_a_stream_is_two_lines_of_the_log_and_is_gone_after_them() -> None:
    with a_board(HEARTBEAT="0.3") as board:
        with board.stream("/stream?symbols=ACME&pace=0.1") as stream:
            stream.read_until(is_price)
        until(lambda: open_streams(board) == 0, why="it is closed")
        with board.stream("/stream?once=1") as stream:
            whole = stream.read_all()
        assert board.get("/stream?nonsense=1")[0] == 400
        until(lambda: open_streams(board) == 0, why="it is closed")
        lines = re.findall(r"INFO (liveboard\.\S+): (.*)", board.log())
    assert [name for name, _ in lines] == ["liveboard.stream"] * 4
    opened, ended, opened_once, ended_once = (line for _, line in lines)
    view = "sse symbols=ACME pace=0.1 for 127.0.0.1"
    assert opened == f"stream 1 opened: {view}"
    assert opened_once == "stream 2 opened: sse for 127.0.0.1"
    number, shown, events, _, why = told_at_end(ended)
    assert (number, shown, why) == ("1", view, "the client went away")
    assert int(events) >= 1
    size = str(len(stream.raw))
    events = str(len(of_the_log(whole)))
    assert told_at_end(ended_once) == ("2", "sse for 127.0.0.1", events, size, "once")


def told_at_end(line: str) -> tuple[str, ...]:
    """Return number, view, events, bytes and why of a stream's last line."""
    found = re.fullmatch(
        r"stream (\d+) ended: (.*), \d+\.\d s, (\d+) events, (\d+) bytes: (.*)", line
    )
    assert found
    return found.groups()
