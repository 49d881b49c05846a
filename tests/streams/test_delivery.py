"""However it is carried, a stream arrives whole: gzip, TLS, nginx, another server."""

import contextlib
import gzip
import http.client
import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import Page
from werkzeug.serving import make_server

from app import create_app
from feed.settings import Settings
from tests.helpers.boards import open_streams
from tests.helpers.client_state import ENOUGH, fold, id_of, of_the_log
from tests.helpers.harness import LOOPBACK, Board, Nginx, until
from tests.helpers.sse import Parsed, Parser

ZIPPED = {"Accept-Encoding": "gzip"}


# --- the connection


@pytest.mark.parametrize("pause", [0.0, 0.005, 0.04])
def test_the_connection_of_a_stream_that_ended_serves_the_next_request(
    board: Board, pause: float
) -> None:
    """A POST that is lost isn't repeated by proxies and pools, unlike a GET."""
    connection = http.client.HTTPConnection(LOOPBACK, board.port, timeout=10)
    with contextlib.closing(connection):
        connection.connect()
        first = connection.sock
        for _ in range(10):
            connection.request("GET", "/stream?once=1&events=market")
            assert connection.getresponse().read().endswith(b"\n\n")
            time.sleep(pause)
            connection.request("POST", "/stream", b"")
            answer = connection.getresponse()
            assert answer.read() and answer.status == 405
        assert connection.sock is first


def test_a_name_closes_its_stream_and_no_other(board: Board) -> None:
    name = "0123456789abcdef" * 2
    address = f"/stream/names/{name}"
    assert board.request("DELETE", address)[0] == 204
    before = open_streams(board)
    with board.stream(f"/stream?name={name}") as named, board.stream() as other:
        named.events(30)  # by then it has lent its socket
        assert board.request("DELETE", address)[0] == 204
        named.read_all()
        until(lambda: open_streams(board) == before + 1, why="its place is free")
        other.events(1)


@pytest.mark.parametrize("name", ["", "short", "0123456789ABCDEF" * 2, "0" * 33])
def test_a_name_that_could_be_guessed_is_refused(board: Board, name: str) -> None:
    status, _, body = board.get(f"/stream?once=1&name={name}")
    assert (status, b"32 random hexadecimal digits" in body) == (400, True)


# --- gzip


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "br, GZIP"])
def test_a_client_that_asks_gets_gzip(board: Board, accepted: str) -> None:
    _, headers, body = board.get("/stream?once=1", {"Accept-Encoding": accepted})
    assert headers["content-encoding"] == "gzip"
    events = Parser().feed(gzip.decompress(body))  # which checks sum and length
    assert [events[0].event, events[-1].event] == ["hello", "end"]
    assert len(body) < len(gzip.decompress(body)) / 3


@pytest.mark.parametrize("accepted", [None, "identity", "br", "gzip;q=0", "gzipped"])
def test_a_client_that_does_not_ask_gets_plain_bytes(
    board: Board, accepted: str | None
) -> None:
    asked = {} if accepted is None else {"Accept-Encoding": accepted}
    _, headers, body = board.get("/stream?once=1", asked)
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept, Accept-Encoding"
    assert Parser().feed(body)[-1].event == "end"


def test_compression_can_be_switched_off() -> None:
    with Board(COMPRESS="0") as board:
        _, headers, body = board.get("/stream?once=1", ZIPPED)
    assert "content-encoding" not in headers
    assert Parser().feed(body)[-1].event == "end"


@pytest.mark.parametrize("path", ["/stream", "/stream.ndjson", "/stream.txt"])
def test_all_wire_formats_are_compressed(board: Board, path: str) -> None:
    _, _, plain = board.get(f"{path}?once=1&events=market")
    _, headers, body = board.get(f"{path}?once=1&events=market", ZIPPED)
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body).splitlines()[-1] == plain.splitlines()[-1]


def test_newcomers_join_a_compressed_stream_that_others_read(board: Board) -> None:
    with contextlib.ExitStack() as stack:
        streams, seen = [], []
        for _ in range(4):
            stream = stack.enter_context(board.stream("/stream", ZIPPED))
            assert stream.headers["content-encoding"] == "gzip"
            streams.append(stream)
            [hello] = stream.events(1)
            begin = id_of(json.loads(hello.data)["tail"])
            seen.append(of_the_log(stream.read_until(partial(ahead_of, id=begin))))
            seen[-1] += of_the_log(stream.events(ENOUGH // 2))
        last = max(id_of(events[-1].id) for events in seen)
        for stream, events in zip(streams, seen, strict=True):
            events += of_the_log(stream.read_until(lambda e: ahead_of(e, last)))
    # All others received the events that are live to the last one, too.
    shown = [[e for e in events if begin < id_of(e.id) <= last] for events in seen]
    assert len(shown[0]) >= ENOUGH // 2
    assert all(events == shown[0] for events in shown)


def ahead_of(event: Parsed, id: tuple[int, int]) -> bool:
    return bool(event.id) and id_of(event.id) > id


def test_curl_shows_a_compressed_stream_as_it_comes(board: Board) -> None:
    curl = shutil.which("curl")
    assert curl, "The tests need curl: `make test` installs it."
    with subprocess.Popen(
        [curl, "-sN", "--compressed", "--max-time", "20", f"{board.url}/stream.txt"],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(ENOUGH)]
        running.kill()
    assert lines[0].startswith("hello")
    assert sum(line.startswith("price") for line in lines) > 40


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_nginx_hands_on_what_is_compressed(board: Board, version: str) -> None:
    server = (
        "server { listen @port@; gzip on; gzip_types *; location / "
        f"{{ proxy_pass @board@; proxy_http_version {version}; }} }}"
    )
    with (
        Nginx(server, board=board.url) as nginx,
        nginx.stream("/stream", ZIPPED) as stream,
    ):
        assert stream.headers["content-encoding"] == "gzip"
        ids = [id_of(e.id) for e in of_the_log(stream.events(ENOUGH))]
    assert ids == sorted({*ids})


def test_a_browsers_event_source_reads_gzip(board: Board, page: Page) -> None:
    page.goto(f"{board.url}/healthz")
    with page.expect_response("**/stream?events=price") as response:
        page.evaluate(
            """() => {
                window.prices = [];
                window.source = new EventSource("/stream?events=price");
                window.source.addEventListener("price", (event) => {
                    window.prices.push(JSON.parse(event.data).symbol);
                });
            }"""
        )
    assert response.value.header_value("content-encoding") == "gzip"
    page.wait_for_function("() => window.prices.length > 60")
    page.evaluate("() => window.source.close()")


# --- TLS in the worker, other servers, no server at all


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return authority, path


def test_a_worker_that_speaks_tls_loses_nothing(
    certificate: tuple[trustme.CA, Path],
) -> None:
    authority, path = certificate
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    arguments = f"--certfile={path} --keyfile={path}"
    # The harness asks for readiness in plain HTTP, so this board is waited for here.
    board = Board(SEED="7", SPEED="20", GUNICORN_CMD_ARGS=arguments)
    board.start()
    try:
        until(lambda: "Booting worker" in board.log(), 60, "the board starts")
        until(lambda: tls_status(board.port, trusting) == 200, 60, "it answers")
        events = read(tls(board.port, trusting), 300)
    finally:
        board.stop()
    assert_whole(events)


def tls(port: int, trusting: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("localhost", port, timeout=10, context=trusting)


def tls_status(port: int, trusting: ssl.SSLContext) -> int | None:
    with contextlib.closing(tls(port, trusting)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except OSError:
            return None


@pytest.fixture
def threaded_server() -> Iterator[int]:
    """Yield the port of a threaded server that lends no socket: Werkzeug's own."""
    app = create_app(Settings(seed=7, speed=20, heartbeat=1))
    server = make_server(LOOPBACK, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    app.extensions["feed"].streams.drain()
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_server_streams_the_same(threaded_server: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, threaded_server, timeout=10)
    assert_whole(read(connection, 300))


def test_flasks_test_client_reads_a_stream() -> None:
    app = create_app(Settings(seed=7))
    client = app.test_client()
    events = Parser().feed(client.get("/stream?once=1").data)
    state = client.get("/api/state").get_json()
    app.extensions["feed"].streams.drain()
    assert [events[0].event, events[-1].event] == ["hello", "end"]
    assert len([e for e in events if e.event == "price"]) == len(state["prices"]) == 30


def read(connection: http.client.HTTPConnection, count: int) -> list[Parsed]:
    """Return the first events of a stream, and close it."""
    parser, events = Parser(), list[Parsed]()
    with contextlib.closing(connection):
        connection.request("GET", "/stream")
        answer = connection.getresponse()
        assert answer.status == 200
        while len(events) < count:
            line = answer.readline()
            assert line, "the stream continues"
            events += parser.feed(line)
        answer.close()
    return events


def assert_whole(events: list[Parsed]) -> None:
    hello, *rest = events
    assert json.loads(hello.data)["resume"] == "fresh"
    ids = [id_of(event.id) for event in of_the_log(rest)]
    assert ids == sorted({*ids})
    assert len(fold({}, events)) > 30
