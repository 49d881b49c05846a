"""`python -m feed record` and `publish`, with real boards and a network with faults."""

import base64
import contextlib
import gzip
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from feed.backoff import Backoff
from feed.commands.board import (
    FIRST_WAIT,
    LONGEST_WAIT,
    Misuse,
    basic_authorization,
    board_name,
    check_secrecy,
    parse_address,
)
from feed.commands.record import Output, Recorder, path_with_cursor, stream_url
from feed.events.event import EventId
from tests.helpers.commands import Command
from tests.helpers.harness import LOOPBACK, ROOT, Board, until
from tests.helpers.proxy import Proxy

SHOWN = re.compile(r"(\d+) events, [0-9.]+ events/s, last (\d+-\d+)")


def lively(backlog: int = 20_000) -> Board:
    return Board(SEED="7", SPEED="5", HEARTBEAT="1", BACKLOG=str(backlog))


def record(url: str, *more: str, terminal: bool = False) -> Command:
    return Command("-m", "feed", "record", url, *more, terminal=terminal)


def publish(file: Path | str, url: str, **options: Any) -> Command:
    arguments = ("-m", "feed", "publish", str(file), "--to", url)
    return Command(*arguments, **{"PUBLISH_TOKEN": "secret", **options})


def lines(recording: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in recording.splitlines()]


def ids(recording: bytes) -> list[str]:
    """Return the ids of the events, without those of heartbeats."""
    events = (line for line in lines(recording) if line["event"] != "heartbeat")
    return [event["id"] for event in events if event["id"]]


def ids_of_the_board(board: Board, first: str, last: str) -> list[str]:
    """Return the ids of all events from one to another, as a stream gives them."""
    before = EventId.parse(first).ms
    with board.stream(f"/stream.ndjson?after={before}&once=1") as stream:
        stream.read_all()
        assert stream.complete
    found = ids(stream.raw)
    assert lines(stream.raw)[0]["data"]["resume"] == "replayed"
    return found[found.index(first) : found.index(last) + 1]


def live_ids(recording: bytes) -> list[str]:
    """Return the ids after the first catch-up."""
    tail = EventId.parse(lines(recording)[0]["data"]["tail"])
    return [id for id in ids(recording) if EventId.parse(id) > tail]


def wait_for(count: Callable[[], int], least: int) -> None:
    until(lambda: count() >= least, 30, f"at least {least}")


# Recording


def test_a_recording_is_the_stream_in_whole_lines(board: Board) -> None:
    with record(board.url) as command:
        wait_for(lambda: command.out.count(b"\n"), 101)
        assert command.interrupt() == 130
        assert command.out.endswith(b"}\n")
        assert lines(command.out)[0]["event"] == "hello"
        found = live_ids(command.out)
        assert found == ids_of_the_board(board, found[0], found[-1])
        count = len(ids(command.out))
        upto = [line["id"] for line in lines(command.out)][-1]
        assert command.err == (
            f"Recorded {count} events, up to {upto}; nothing is missing.\n"
        )


def test_a_recording_outlives_broken_connections_and_misses_nothing() -> None:
    with (
        lively() as board,
        Proxy(board.port) as proxy,
        record(proxy.url) as command,
    ):
        for times in range(1, 4):
            proxy.cut_after = 12_345 * times  # within a line
            wait_for(lambda: command.err.count("again in"), times)
        proxy.cut_after = None
        until(lambda: command.err.count("continued from") >= 3, 30, "resumed")
        have = command.out.count(b"\n")
        until(lambda: command.out.count(b"\n") > have + 50, 20, "50 more lines")
        assert command.interrupt() == 130
        assert command.err.endswith("; nothing is missing.\n")
        found = live_ids(command.out)
        assert found == ids_of_the_board(board, found[0], found[-1])


def test_it_goes_on_by_itself_where_the_network_is_mute() -> None:
    with (
        lively() as board,
        Proxy(board.port) as proxy,
        record(proxy.url) as command,
    ):
        wait_for(lambda: command.out.count(b"\n"), 51)
        proxy.mode = "mute"
        command.wait_for_text("timed out; again in", 60)
        proxy.mode = "503"
        command.wait_for_text("503 Service Unavailable; again in", 60)
        proxy.mode = "pass"
        command.wait_for_text("continued from", 60)
        command.interrupt()
        found = live_ids(command.out)
        assert found == ids_of_the_board(board, found[0], found[-1])


def test_it_says_what_is_missing() -> None:
    with (
        lively(backlog=10) as board,
        Proxy(board.port) as proxy,
        record(proxy.url) as command,
    ):
        wait_for(lambda: command.out.count(b"\n"), 51)
        proxy.mode = "refuse"
        proxy.cut()
        tail = int(json.loads(board.get("/api/state")[2])["at"])
        until(lambda: json.loads(board.get("/api/state")[2])["at"] > tail + 2000)
        proxy.mode = "pass"
        command.wait_for_text("continued from", 60)
        command.interrupt()
        hello = [line for line in lines(command.out) if line["event"] == "hello"][1]
        assert hello["data"]["dropped"] is None
        assert "; missing: " in command.err.splitlines()[-1]
        assert command.err.endswith("an unknown number.\n")


def test_it_comes_back_when_a_restarting_board_asked_it_to() -> None:
    with lively() as board, record(board.url) as command:
        wait_for(lambda: command.out.count(b"\n"), 51)
        board.term()
        board.wait_exit()
        command.wait_for_text("bye (restart); again in", 60)
        # A second one if it came before the worker stopped accepting connections.
        bye = next(line for line in lines(command.out) if line["event"] == "bye")
        assert f"again in {bye['data']['retry_ms'] / 1000:.1f} s" in command.err
        board.start()
        board.wait_ready()
        command.wait_for_text("the board can't continue from", 60)
        command.interrupt()
        assert "missing: an unknown number" in command.err
        assert lines(command.out)[0]["event"] == "hello"


def test_it_ends_with_the_stream(board: Board) -> None:
    with record(board.url + "/stream?once=1&events=price") as command:
        assert command.wait() == 0
        found = lines(command.out)
        assert found[-1]["event"] == "end"
        assert {line["event"] for line in found} == {"hello", "price", "end"}


def test_it_tells_a_terminal_how_fast_it_goes_and_nothing_else(board: Board) -> None:
    with record(board.url) as command:
        wait_for(lambda: command.out.count(b"\n"), 101)
        assert command.err == ""


def test_on_a_terminal_it_shows_rate_and_last_id(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    with record(board.url, "-o", str(path), terminal=True) as command:
        until(lambda: len(SHOWN.findall(command.err)) > 1, 30, "two looks at it")
        command.interrupt()
        assert "\nRecorded " in command.err.replace("\r", "")
        recorded = ids(whole(path))
        for count, last in SHOWN.findall(command.err):
            assert last in recorded[int(count) - 2 : int(count)]


def whole(path: Path) -> bytes:
    """Return the whole lines of a file that may not be there yet."""
    return path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""


def test_it_ends_quietly_when_nobody_reads_on(board: Board) -> None:
    command = f"{sys.executable} -m feed record {board.url}"
    found = subprocess.run(
        ["bash", "-c", f"{command} | head -n 2; echo ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        timeout=30,
    )
    assert found.stderr == b""
    assert found.stdout.splitlines()[-1] == b"0"
    assert len(found.stdout.splitlines()) == 3


def test_a_file_is_gone_on_with_from_its_last_id(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    for _ in range(3):
        have = len(whole(path))
        with record(board.url, "-o", str(path)) as command:
            wait_for(lambda: len(whole(path)), have + 20_000)
            assert command.interrupt() == 130
        with path.open("ab") as file:
            file.write(b'{"id":"1795404391830-0","event":"pri')  # a power cut
    found = live_ids(whole(path))
    assert found == ids_of_the_board(board, found[0], found[-1])


def test_a_file_that_is_no_recording_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam\n")
    with record("127.0.0.1:1", "-o", str(path)) as command:
        assert command.wait() == 1
        assert "has no recording to continue" in command.err
    assert path.read_text() == "Dear Sir or Madam\n"


def test_what_is_no_stream_is_refused_with_the_reason(board: Board) -> None:
    for url, words in (
        ("/stream?event=price", "event"),
        ("/stream/matches/none", "HTTP status 404"),
        ("/stream.txt", "HTTP status 404"),
    ):
        with record(board.url + url) as command:
            assert command.wait() == 1, url
            assert words in command.err
            assert "Traceback" not in command.err
    with record("ftp://example.org") as command:
        assert command.wait() == 1
        assert "no address like http://127.0.0.1:8000" in command.err


def test_a_full_disk_is_named(board: Board) -> None:
    with open("/dev/full", "wb") as full:
        found = subprocess.run(
            [sys.executable, "-m", "feed", "record", board.url],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
        )
    assert found.returncode == 1
    assert b"can't be written: " in found.stderr
    assert b"Traceback" not in found.stderr


def test_the_cursor_takes_the_place_of_the_one_asked_for() -> None:
    url = parse_address("example.org/stream?symbols=A,B&after=1-0")
    assert path_with_cursor(url, "") == "/stream?symbols=A,B&after=1-0"
    assert path_with_cursor(url, "2-0") == "/stream?symbols=A,B&after=2-0"
    url = parse_address("example.org/stream?lastEventId=1-0&pace=1&last_event_id=1-0")
    assert path_with_cursor(url, "2-0") == "/stream?pace=1&after=2-0"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("http://a.example", "/stream.ndjson"),
        ("https://a.example:8443/boards/", "/boards/stream.ndjson"),
        ("localhost:8000/stream", "/stream"),
        ("localhost:8000/stream/matches/m-1", "/stream/matches/m-1"),
        ("localhost:8000/stream/matches/%2Fa//b", "/stream/matches/%2Fa//b"),
        ("[::1]:8000", "/stream.ndjson"),
    ],
)
def test_a_board_or_its_stream_may_be_named(given: str, path: str) -> None:
    assert stream_url(parse_address(given)).path == path


@pytest.mark.parametrize(
    "text", ["", "http://", "file:///etc/passwd", "a:b", "a b", "a/\udcff"]
)
def test_an_address_is_one_of_http(text: str) -> None:
    with pytest.raises(Misuse):
        parse_address(text)


@pytest.mark.parametrize(
    ("given", "scheme"),
    [
        ("localhost:8000", "http"),
        ("board.localhost", "http"),
        ("127.8.0.1", "http"),
        ("[::1]:8000/stream", "http"),
        ("me:hush@localhost", "http"),
        ("a.example", "https"),
        ("localhost.example", "https"),
        ("192.0.2.1:8000", "https"),
        ("http://a.example", "http"),
        ("HTTPS://localhost", "https"),
    ],
)
def test_without_a_scheme_another_machine_is_asked_over_tls(
    given: str, scheme: str
) -> None:
    assert parse_address(given).scheme == scheme


def test_a_secret_crosses_no_network_unencrypted_unless_that_is_allowed() -> None:
    elsewhere = parse_address("http://me:hush@a.example")
    with pytest.raises(Misuse, match="the token would travel to a"):
        check_secrecy(elsewhere, "token", insecure=False)
    check_secrecy(elsewhere, "token", insecure=True)
    check_secrecy(parse_address("https://a.example"), "token", insecure=False)
    check_secrecy(parse_address("http://127.0.0.1"), "token", insecure=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("record", "http://me:hush@a.invalid"),
        ("doctor", "http://me:hush@a.invalid"),
        ("publish", "-", "--to", "http://me:hush@a.invalid"),
        ("publish", "-", "--to", "http://a.invalid", "--token", "hush"),
    ],
)
def test_each_command_refuses_to_show_a_secret_to_a_network(
    arguments: tuple[str, ...],
) -> None:
    with Command("-m", "feed", *arguments, PUBLISH_TOKEN="") as command:
        assert command.wait() == 1
        assert "would travel to a.invalid unencrypted: use https://" in command.err
        assert "hush" not in command.err


def test_an_address_may_have_any_characters_in_its_path_and_query() -> None:
    url = parse_address("a.example/stream/matches/é%C3%A9|?symbols=Ä,BTC/USDT&x=%26")
    assert url.path == "/stream/matches/%C3%A9%C3%A9%7C"
    assert url.query == "symbols=%C3%84,BTC/USDT&x=%26"


@pytest.mark.parametrize(
    "text", ["ftp://u:hush@a.example", "u:hush@a b", "http://u:hush/@a:1", "u:hu@sh@:1"]
)
def test_an_invalid_address_is_named_without_its_password(text: str) -> None:
    with pytest.raises(Misuse) as found:
        parse_address(text)
    assert "hu" not in str(found.value)
    assert "%2F" in str(found.value)


@pytest.mark.parametrize(
    ("text", "user_and_password"),
    [
        ("http://me:se%2Fcr%40et@a.example", b"me:se/cr@et"),
        ("me:a:b@a.example", b"me:a:b"),
        ("m%C3%A9:gr\u00fcn@a.example", b"m\xc3\xa9:gr\xc3\xbcn"),
        ("key@a.example", b"key:"),
        (":word@a.example", b":word"),
    ],
)
def test_user_and_password_of_an_address_are_its_basic_authorization(
    text: str, user_and_password: bytes
) -> None:
    url = parse_address(text)
    scheme, _, credentials = basic_authorization(url).partition(" ")
    assert (scheme, base64.b64decode(credentials)) == ("Basic", user_and_password)
    assert board_name(url) == "a.example"


def test_an_address_without_a_user_authorizes_nothing() -> None:
    assert basic_authorization(parse_address("a.example/x@y")) == ""


Run = Callable[[str, Path], Command]


def run_record(url: str, file: Path) -> Command:
    return record(url)


def run_publish(url: str, file: Path) -> Command:
    file.write_text('{"event":"note","data":1}\n')
    return publish(file, url, PUBLISH_TOKEN="")


def run_doctor(url: str, file: Path) -> Command:
    return Command("-m", "feed", "doctor", url)


either_command = pytest.mark.parametrize("run", [run_record, run_publish])
every_command = pytest.mark.parametrize("run", [run_record, run_publish, run_doctor])


@either_command
def test_a_password_in_the_address_is_sent_and_not_shown(
    run: Run, tmp_path: Path
) -> None:
    with (
        protected("me:hu/sh", 503, 200) as address,
        run(f"http://me:hu%2Fsh@{address}", tmp_path / "mine") as command,
    ):
        assert command.wait() == 0
        [retry, *_] = command.err.splitlines()
        words = f"{address}: 503 Service Unavailable: Redis is away; again in "
        assert retry.startswith(words)
        assert "hu" not in command.err


def test_the_doctor_sends_a_password_and_does_not_show_it(tmp_path: Path) -> None:
    with (
        protected("me:hush", 503) as address,
        run_doctor(f"http://me:hush@{address}", tmp_path) as command,
    ):
        assert command.wait() == 1
        assert command.err == f"{address}: Redis is away. (HTTP status 503)\n"


@every_command
def test_a_wrong_password_is_refused_and_not_shown(run: Run, tmp_path: Path) -> None:
    with (
        protected("me:other") as address,
        run(f"me:hush@{address}", tmp_path / "mine") as command,
    ):
        assert command.wait() == 1
        assert "Unauthorized (HTTP status 401)" in command.err
        assert "hush" not in command.err


@every_command
def test_a_hostile_board_cannot_act_on_the_terminal(run: Run, tmp_path: Path) -> None:
    """It puts escapes wherever a command shows what a board says."""
    clipboard, title = "\x1b]52;c;cHdu\x07", "\x1b]0;\u202epwn\x9b2J\u2028"
    with (
        hostile(title, clipboard) as url,
        run(url, tmp_path / "mine") as command,
    ):
        assert command.wait() == 1
        shown = command.err + command.out.decode()
    assert "pwn" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


@contextlib.contextmanager
def hostile(title: str, clipboard: str) -> Iterator[str]:
    """Yield the address of a board that first is busy and then refuses everything."""
    statuses = iter((503, 404))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            detail = json.dumps({"detail": title, "place": clipboard}).encode()
            status = next(statuses) if self.path != "/stream" else 404
            reason = clipboard.encode().decode("latin-1")
            self.send_response(status, reason)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(detail)))
            self.end_headers()
            self.wfile.write(detail)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


def test_a_malformed_control_event_is_a_broken_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bodies = [
        control("hello", "{}"),
        control("hello", '{"resume":"fresh","heartbeat":"x"}'),
        control("gap", "[]"),
        control("bye", "7"),
        control("hello", '{"resume":"fresh","heartbeat":1e300}'),
        control("bye", '{"reason":"full","retry_ms":9223372036854775807}'),
        control("bye", '{"reason":"full","retry_ms":-5000}'),
        control("bye", '{"reason":"full","retry_ms":1.5}'),
        control("end", "{}"),
    ]
    waits: list[float] = []
    monkeypatch.setattr("feed.commands.record.time.sleep", waits.append)
    with streaming(bodies) as url, (tmp_path / "recording").open("wb") as file:
        Recorder(parse_address(url), Output(file), "", shows_progress=False).run()
    assert len(waits) == len(bodies) - 1
    assert waits[5:] == [3600, 0, 0.0015]


def control(type: str, data: str) -> bytes:
    return f'{{"id":null,"event":"{type}","data":{data}}}\n'.encode()


@contextlib.contextmanager
def streaming(bodies: list[bytes]) -> Iterator[str]:
    """Yield the address of a board whose streams have these bodies, one each."""
    turns = iter(bodies)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.end_headers()
            self.wfile.write(next(turns))

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


def test_a_password_and_a_token_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "mine.ndjson"
    path.write_text('{"event":"note","data":1}\n')
    with publish(path, "me:hush@127.0.0.1:1") as command:
        assert command.wait() == 1
        assert "leave out the user and password in the URL, or" in command.err
        assert "hush" not in command.err


@contextlib.contextmanager
def protected(user_and_password: str, *statuses: int) -> Iterator[str]:
    """Yield the address of a board that answers with these statuses in turn.

    Without the user and password it answers with 401.
    """
    given = base64.b64encode(user_and_password.encode()).decode()
    turns = iter(statuses)
    bodies = {
        200: '{"id":null,"event":"end","data":{}}\n',
        201: '{"published":1}',
        401: "<h1>No",
        503: '{"detail":"Redis is away."}',
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(201)

        def answer(self, success: int) -> None:
            authorized = self.headers["Authorization"] == f"Basic {given}"
            status = next(turns) if authorized else 401
            status = success if status == 200 else status
            self.send_response(status)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Content-Length", str(len(bodies[status])))
            self.end_headers()
            self.wfile.write(bodies[status].encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{LOOPBACK}:{server.server_port}"
        server.shutdown()


def test_waits_grow_and_differ() -> None:
    backoff = Backoff(FIRST_WAIT, LONGEST_WAIT)
    spans = [backoff.next() for _ in range(20)]
    assert spans[0] < 1.1 and max(spans) <= LONGEST_WAIT
    assert all(span >= LONGEST_WAIT / 2 for span in spans[6:])
    assert len({*spans}) == 20
    backoff.reset()
    assert backoff.next() <= 1


# Playing and publishing recordings


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of a lively board."""
    path = tmp_path_factory.mktemp("recorded") / "day.ndjson"
    lively = Board(SEED="7", SPEED="20")
    with lively as board, record(board.url, "-o", str(path)) as command:
        until(lambda: len(ids(whole(path))) > 1200, 60, "1200 events")
        command.interrupt()
    return path


@pytest.fixture
def empty() -> Iterator[Board]:
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        yield board


def state(board: Board) -> dict[str, Any]:
    """Return the state of a board, without instants, which a replay moves."""
    found = json.loads(board.get("/api/state")[2])
    return {
        name: sorted((without_instants(each) for each in found[name]), key=repr)
        for name in ("prices", "scores", "markets")
    }


def without_instants(value: Any) -> Any:
    if isinstance(value, list):
        return [without_instants(each) for each in value]
    if isinstance(value, dict):
        instants = {"at", "until", "kick_off", "period_started"}
        return {k: without_instants(v) for k, v in value.items() if k not in instants}
    return value


def recorded_state(path: Path) -> dict[str, Any]:
    """Return the final state of a reader of the recording."""
    kept: dict[tuple[str, str], Any] = {}
    keys = {"price": "symbol", "score": "match", "market": "market"}
    for line in lines(whole(path)):
        data = line["data"]
        if line["event"] in keys:
            kept[line["event"], data[keys[line["event"]]]] = without_instants(data)
        elif line["event"] == "gone":
            del kept[data["event"], data["key"]]
    return {
        f"{type}s": sorted((v for k, v in kept.items() if k[0] == type), key=repr)
        for type in keys
    }


def events_in(board: Board) -> int:
    """Return the number of events that were appended to the board's log."""
    text = board.get("/metrics")[2].decode()
    counts = [
        float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith("liveboard_events_total{")
    ]
    return int(sum(counts))


def test_a_recording_plays_back_as_the_board_that_it_was_made_of(day: Path) -> None:
    with Board(FEED=f"replay:{day}", SPEED="0") as board:
        until(lambda: "was played" in board.log(), why="the end")
        assert state(board) == recorded_state(day)
        assert "0 lines skipped" in board.log()
        # With the event of the replay itself, which is a source, too.
        assert events_in(board) == 1 + len(ids(whole(day)))


def test_the_page_shows_a_recording_as_one(day: Path, page: Page) -> None:
    with Board(FEED=f"replay:{day}?loop=1") as board:
        page.goto(board.url)
        expect(page.get_by_text("Acme Anvil Works").first).to_be_visible()
        expect(page.locator("html")).to_have_attribute("data-source", "replay")
        expect(page.get_by_text("Simulated data")).to_be_visible()  # it was recorded
        page.close()  # before the board, as the page logs an error when that ends


def test_a_recording_by_curl_plays_back_too(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "day.txt"
    with path.open("wb") as file:
        curl = subprocess.Popen(["curl", "-sN", board.url + "/stream"], stdout=file)
    try:
        wait_for(lambda: path.read_bytes().count(b"\n\n"), 100)
    finally:
        curl.kill()
        curl.wait()
    with Board(FEED=f"replay:{path}", SPEED="0") as replaying:
        until(lambda: "was played" in replaying.log(), why="the end")
        assert len(state(replaying)["prices"]) == 30
        skipped = replaying.log().count("skipped: ")
        assert skipped == replaying.log().count("cut off") <= 1


def test_a_recording_is_published_to_a_running_board(day: Path, empty: Board) -> None:
    with publish(day, empty.url) as command:
        assert command.wait() == 0
        count = len(ids(whole(day)))
        assert command.out.decode() == f"{count} events published\n"
    assert state(empty) == recorded_state(day)
    assert events_in(empty) == count


def test_events_that_were_recorded_wrapped_are_published_as_themselves(
    tmp_path: Path, empty: Board
) -> None:
    path = tmp_path / "wrapped.ndjson"
    path.write_text(
        '{"event":"other","data":{"event":"ticket","key":"4711","data":[1]}}\n'
        '{"event":"other","data":{"event":"ticket","key":"4712","data":[2]}}\n'
    )
    with publish(path, empty.url) as command:
        assert command.wait() == 0
    others = json.loads(empty.get("/api/state")[2])["other"]
    assert [(each["event"], each["key"], each["data"]) for each in others] == [
        ("ticket", "4711", [1]),
        ("ticket", "4712", [2]),
    ]
    again = tmp_path / "again.ndjson"
    asked = f"{empty.url}/stream.ndjson?events=other&once=1"
    with record(asked, "-o", str(again)) as command:
        assert command.wait() == 0
    wrapped = [line["data"] for line in lines(whole(again)) if line["event"] == "other"]
    assert wrapped == [line["data"] for line in lines(path.read_bytes())]


def test_broken_connections_publish_nothing_twice(day: Path, empty: Board) -> None:
    """The board has the batch, but its answer is lost."""
    with Proxy(empty.port) as proxy:
        proxy.cut_after = 5
        with publish(day, proxy.url) as command:
            until(lambda: command.err.count("again in") >= 2, 30, "two tries")
            assert events_in(empty) == 1000
            proxy.mode = "503"
            command.wait_for_text("503 Service Unavailable; again in", 60)
            proxy.mode, proxy.cut_after = "pass", None
            assert command.wait() == 0
    assert events_in(empty) == len(ids(whole(day)))
    assert state(empty) == recorded_state(day)


def test_a_wrong_token_is_refused_whatever_the_size(day: Path, empty: Board) -> None:
    for token in ("wrong", ""):
        with publish(day, empty.url, PUBLISH_TOKEN=token) as command:
            assert command.wait() == 1
            assert "Authorization: Bearer" in command.err
            assert command.out == b"0 events published\n"
    with publish(day, empty.url, PUBLISH_TOKEN="secret, old") as command:
        assert command.wait() == 0


def test_a_refused_event_is_named_by_its_line(tmp_path: Path, empty: Board) -> None:
    path = tmp_path / "mine.ndjson"
    price = '{{"event":"price","data":{{"symbol":"ACME","price":{}}}}}\n'
    good = [price.format(i) for i in range(1, 1501)]
    path.write_text("\n" + "".join(good) + price.format('"much"'))
    with publish(path, empty.url) as command:
        assert command.wait() == 1
        assert f"{path}: line 1502: $[500].data.price: " in command.err
        assert command.out == b"1000 events published\n"
    assert events_in(empty) == 1000


def test_damaged_lines_are_named_and_the_others_published(
    tmp_path: Path, empty: Board
) -> None:
    path = tmp_path / "mine.ndjson"
    note = b'{"event":"note","key":"a","data":1}\n'
    for text, status, words in (
        (note + b"rubbish\n" + note, 1, "line 2: skipped: neither NDJSON"),
        (note + note + note[:20], 0, "line 3: skipped: cut off"),
    ):
        path.write_bytes(text)
        with publish(path, empty.url) as command:
            assert command.wait() == status
            assert words in command.err
            assert command.out == b"2 events published, 1 line skipped\n"
    [other] = json.loads(empty.get("/api/state")[2])["other"]
    assert other["key"] == "a"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b'{"event":"note","data":1}\n', mtime=0), "gzip -dc FILE"),
        (b'[{"event":"note","data":1}]\n', "jq -c '.[]' FILE"),
        (b'{"event":"note","da', "no event: Input data was truncated"),
        (b"symbol;price\n", "neither NDJSON"),
    ],
    ids=["gzip", "array", "half", "csv"],
)
def test_a_file_of_another_format_is_refused_with_the_remedy(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    with publish(path, "127.0.0.1:1") as command:
        assert command.wait() == 1
        assert f"{path}, line 1: skipped: " in command.err
        assert words in command.err
        assert command.out == b"0 events published, 1 line skipped\n"


def test_a_hundred_damaged_lines_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("ACME;1\n" * 150)
    with publish(path, "127.0.0.1:1") as command:
        assert command.wait() == 1
        assert len(command.err.splitlines()) == 101
        assert command.out == b"0 events published, 150 lines skipped\n"


def test_a_key_that_is_gone_already_does_not_stop_the_others(
    tmp_path: Path, empty: Board
) -> None:
    path = tmp_path / "mine.ndjson"
    gone = {"event": "gone", "data": {"event": "price", "key": "ACME", "at": 1}}
    note = {"event": "note", "data": 1}
    path.write_text("".join(json.dumps(each) + "\n" for each in (note, gone, note)))
    with publish(path, empty.url) as command:
        assert command.wait() == 0
        assert "line 2: skipped: " in command.err
        assert command.out == b"2 events published, 1 line skipped\n"
    assert events_in(empty) == 2


def test_a_notice_that_is_over_by_now_does_not_stop_the_others(
    tmp_path: Path, empty: Board
) -> None:
    path = tmp_path / "mine.ndjson"
    over = {"event": "notice", "key": "n", "data": {"title": "t", "until": 10**12}}
    note = {"event": "note", "data": 1}
    path.write_text("".join(json.dumps(each) + "\n" for each in (note, over, note)))
    with publish(path, empty.url) as command:
        assert command.wait() == 0
        assert "line 2: skipped: $[1].data.until: it was over " in command.err
        assert command.out == b"2 events published, 1 line skipped\n"
    seconds = {"event": "notice", "key": "n", "data": {"title": "t", "until": 10**9}}
    path.write_text(json.dumps(seconds) + "\n")
    with publish(path, empty.url) as command:
        assert command.wait() == 1
        assert "line 1: $[0].data.until: 1000000000 looks like seconds" in command.err


def test_a_time_to_live_is_recorded_and_published_and_an_old_one_is_skipped(
    tmp_path: Path, empty: Board
) -> None:
    path, again = tmp_path / "typing.ndjson", tmp_path / "again.ndjson"
    path.write_text(
        '{"event":"typing","key":"ttl","ttl":600,"data":1}\n'
        '{"event":"typing","key":"old","until":1000000000000,"data":1}\n'
        '{"event":"typing","key":"until","until":4000000000000,"data":1}\n'
        '{"event":"price","key":"TTL","ttl":600,"data":{"price":5}}\n'
    )
    with publish(path, empty.url) as command:
        assert command.wait() == 0
        assert "line 2: skipped: $[1].until: it was over " in command.err
        assert command.out == b"3 events published, 1 line skipped\n"
    asked = f"{empty.url}/stream.ndjson?events=typing,price&symbols=TTL&once=1"
    for url in (asked, asked.replace("typing", "other")):
        with record(url, "-o", str(again)) as command:
            assert command.wait() == 0
        first, *_ = kept = [each for each in lines(whole(again)) if "until" in each]
        assert [each["until"] for each in kept] == [
            first["until"],
            4 * 10**12,
            first["until"],
        ]
        with publish(again, empty.url) as command:
            assert command.wait() == 0
        newest = json.loads(empty.get("/api/state")[2])["other"]
        found = {
            each["key"]: each["until"] for each in newest if each["event"] == "typing"
        }
        assert found == {"ttl": first["until"], "until": 4 * 10**12}
        again.unlink()


def test_big_events_go_in_batches_that_the_board_takes(
    tmp_path: Path, empty: Board
) -> None:
    path = tmp_path / "mine.ndjson"
    big = json.dumps({"event": "note", "data": "x" * 300_000}) + "\n"
    path.write_text(big * 10)
    with publish(path, empty.url) as command:
        assert command.wait() == 0
    assert events_in(empty) == 10


def test_standard_input_is_published_as_it_comes(empty: Board) -> None:
    note = b'{"event":"note","data":1}\n'
    with publish("-", empty.url, typed=note + note) as command:
        until(lambda: events_in(empty) == 2, why="what was typed")
        command.enter(note)
        until(lambda: events_in(empty) == 3, why="what was typed next")
        command.end_input()
        assert command.wait() == 0
        assert command.out == b"3 events published\n"
        assert command.err == ""


def test_a_terminal_shows_how_much_is_published(day: Path, empty: Board) -> None:
    with publish(day, empty.url, terminal=True) as command:
        assert command.wait() == 0
        assert "100%" in command.err
        assert f", {len(ids(whole(day)))} events]" in command.err


def test_the_wait_is_as_long_as_the_board_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.ndjson"
    path.write_text('{"event":"note","data":1}\n')
    with answering(503, 429, 201) as (url, keys), publish(path, url) as command:
        assert command.wait() == 0
        assert command.err.count("again in 1.0 s") == 2
    assert len(keys) == 3
    assert len({*keys}) == 1


@contextlib.contextmanager
def answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """Yield a server that gives these answers in turn, and the keys that it receives.

    It sends `Retry-After: 1`, as a proxy does; a board itself never does.
    """
    keys: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            self.send_response(statuses[len(keys) - 1])
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}", keys
        server.shutdown()


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in (str(tmp_path / "none"), str(tmp_path)):
        with publish(name, "127.0.0.1:1") as command:
            assert command.wait() == 1
            assert command.err.startswith(f"{name}: ")
            assert len(command.err.splitlines()) == 1


def test_ctrl_c_says_how_far_it_came(tmp_path: Path, empty: Board) -> None:
    note = b'{"event":"note","data":1}\n'
    with (
        Proxy(empty.port) as proxy,
        publish("-", proxy.url, typed=note) as command,
    ):
        until(lambda: events_in(empty) == 1, why="what was typed")
        proxy.mode = "503"
        command.enter(note)
        # From then on it knows of the first.
        command.wait_for_text("503 Service Unavailable; again in")
        assert command.interrupt() == 130
        assert "after line 1" in command.err
        assert command.out == b"1 event published\n"
