"""A page costs little: it is made once, compressed once, and lets others run meanwhile.

The board here has 5000 keys, as many as MAX_KEYS allows by default.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import statistics
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

import web.pages
import web.turns
from app import create_app
from feed.events.event import EventId
from feed.settings import Settings
from tests.helpers.harness import LOOPBACK, Board, until
from web.pagecache import ENTRY_BYTES, KEPT_BYTES, Page, PageCache

KEYS = 5000
MATCHES = 1500
HTML = {"Accept": "text/html"}
GZIP = HTML | {"Accept-Encoding": "gzip"}
LARGEST = "/?rows=all"


def events() -> Iterator[bytes]:
    """Yield the bodies that fill a board: quotes and matches, a thousand at a time."""
    quotes = [
        {"event": "price", "data": {"symbol": f"S{n:04d}", "price": n + 0.25}}
        for n in range(KEYS - MATCHES)
    ]
    sides = {side: {"name": f"The {side} side"} for side in ("home", "away")}
    matches = [
        {"event": "score", "data": {"match": f"m{n:04d}", "status": "NS", **sides}}
        for n in range(MATCHES)
    ]
    lines = [json.dumps(it).encode() for it in (*quotes, *matches)]
    for first in range(0, KEYS, 500):
        yield b"\n".join(lines[first : first + 500])


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    """Yield a client of an application whose board is full."""
    app = create_app(Settings(feed="published", publish_tokens=("secret",)))
    client = app.test_client()
    sent = {"Authorization": "Bearer secret", "Content-Type": "application/x-ndjson"}
    for body in events():
        assert client.post("/api/publish", data=body, headers=sent).status_code == 201
    yield client
    app.extensions["feed"].close()


def forget(client: FlaskClient) -> None:
    """Let the next page be made anew."""
    feed = client.application.extensions["feed"]
    client.application.extensions["pages"] = PageCache(lambda: feed.log.tail)


@pytest.mark.parametrize("headers", [GZIP, {}], ids=["page", "text"])
def test_the_largest_page_lets_everything_else_run_while_it_is_made(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    instants: list[float] = []
    monkeypatch.setattr(
        web.turns, "give_turn", lambda: instants.append(time.thread_time())
    )
    longest = []
    for _ in range(5):  # the garbage collector may take its time in one of them
        forget(client)
        instants[:] = [time.thread_time()]
        assert client.get(LARGEST, headers=headers).status_code == 200
        instants.append(time.thread_time())
        pairs = itertools.pairwise(instants)
        longest.append(max(b - a for a, b in pairs) / (instants[-1] - instants[0]))
    assert statistics.median(longest) < 0.3


def test_health_checks_are_answered_while_a_page_is_made() -> None:
    with Board(
        FEED="published",
        PUBLISH_TOKEN="secret",
        GUNICORN_CMD_ARGS="--access-logfile -",
    ) as board:
        sent = {"Authorization": "Bearer secret"}
        sent["Content-Type"] = "application/x-ndjson"
        for body in events():
            assert board.request("POST", "/api/publish", sent, body)[0] == 201
        (worker,) = board.worker_pids()
        with contextlib.ExitStack() as clients:
            os.kill(worker, signal.SIGSTOP)  # so that it finds all requests at once
            paths = [LARGEST, *["/healthz"] * 5]
            opened = [clients.enter_context(ask(board.port, path)) for path in paths]
            os.kill(worker, signal.SIGCONT)
            for client in opened:
                assert b" 200 " in client.makefile("rb").readline()

        def answered() -> list[str]:
            return re.findall(r'"GET (/|/healthz) HTTP', board.log())

        until(lambda: len(answered()) == 6)
        assert answered() == ["/healthz"] * 5 + ["/"]


def ask(port: int, path: str) -> socket.socket:
    """Send a request for a page, and return the connection."""
    client = socket.create_connection((LOOPBACK, port), 60)
    client.sendall(
        f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}\r\nAccept: text/html\r\n\r\n".encode()
    )
    return client


def test_a_page_is_compressed_once_and_only_for_who_accepts_it(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(client)
    monkeypatch.setattr(client.application.extensions["pages"], "_clock", lambda: 7.0)
    begun: list[int] = []

    def compress(level: int, *, wbits: int) -> object:
        begun.append(level)
        return zlib.compressobj(level, wbits=wbits)

    monkeypatch.setattr(web.pages, "start_gzip", compress)
    plain = client.get("/", headers=HTML)
    assert plain.content_encoding is None
    assert not begun
    zipped = [client.get(path, headers=GZIP) for path in ("/", "/?x=1", "/?q=")]
    assert len(begun) == 1
    for answer in zipped:
        assert answer.content_encoding == "gzip"
        page = zlib.decompress(answer.data, zlib.MAX_WBITS | 16)
        assert page.strip().endswith(b"</html>")
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_page_without_a_script_has_some_rows_then_more_then_a_search(
    client: FlaskClient,
) -> None:
    some, more = (client.get(path, headers=HTML).text for path in ("/", LARGEST))
    assert [page.count('<tr role="row" data-symbol="S') for page in (some, more)] == [
        200,
        1000,
    ]
    assert [page.count('<li class="match" data-match="m') for page in (some, more)] == [
        200,
        1000,
    ]
    assert '200 of 3,500. <a href="/?rows=all">Show the first 1,000</a>' in some
    assert "1,000 of 3,500. A search shows others." in more
    assert "1,000 of 1,500. A search shows others." in more


class Pages:
    """A cache of pages, its log and its clock; `made` are the pages made so far."""

    def __init__(self) -> None:
        self.tail = EventId(1, 0)
        self.now = 0.0
        self.made: list[str] = []
        self.cache = PageCache(lambda: self.tail, lambda: self.now)

    def get(self, address: str, size: int = 1) -> Page:
        return self.cache.get(address.encode(), lambda: self.make(address, size))

    def make(self, address: str, size: int) -> Page:
        self.made.append(address)
        return Page(b"x" * size)


def test_a_page_is_made_anew_after_an_event_and_after_a_second() -> None:
    pages = Pages()
    first = pages.get("/")
    assert pages.get("/") is first
    pages.tail = EventId(1, 1)
    second = pages.get("/")
    pages.now = 1.0
    assert pages.get("/") is not second
    assert pages.made == ["/"] * 3


def test_all_who_wait_for_a_page_share_the_one_that_was_begun_after_they_came() -> None:
    pages = Pages()
    begun, goes_on = threading.Event(), threading.Event()

    def make_slowly() -> Page:
        begun.set()
        assert goes_on.wait(30)
        return pages.make("/slow", 1)

    with ThreadPoolExecutor(12) as pool:
        slow = pool.submit(pages.cache.get, b"/", make_slowly)
        assert begun.wait(30)
        pages.tail = EventId(1, 1)  # which the slow page lacks
        others = [pool.submit(pages.get, "/") for _ in range(10)]
        goes_on.set()
        results = [it.result(30) for it in others]
        first = slow.result(30)
    assert all(it is results[0] and it is not first for it in results)
    assert pages.made == ["/slow", "/"]


def test_a_page_that_fails_is_not_kept_and_does_not_stop_the_others() -> None:
    pages = Pages()

    def fail() -> Page:
        raise ValueError("no page")

    with pytest.raises(ValueError, match="no page"):
        pages.cache.get(b"/", fail)
    assert pages.get("/").body == b"x"


def test_pages_are_kept_up_to_a_number_of_bytes() -> None:
    pages = Pages()
    fourth = KEPT_BYTES // 4 - ENTRY_BYTES
    for address in ("a", "b", "c", "d", "d", "e", "b", "a"):
        pages.get(address, fourth)
    assert pages.made == ["a", "b", "c", "d", "e", "a"]
    pages.get("huge", KEPT_BYTES + 1)
    pages.get("huge", KEPT_BYTES + 1)
    assert pages.made[-2:] == ["huge", "huge"]


def test_pages_of_earlier_seconds_are_forgotten_and_small_ones_count_too() -> None:
    pages = Pages()
    for number in range(KEPT_BYTES // ENTRY_BYTES + 10):
        pages.get(f"{number}")
    pages.get("0")
    assert pages.made[-1] == "0"  # it was displaced by the others
    pages.now = 1.0
    pages.get("1")
    assert [*pages.cache._kept] == [b"1"]
    pages.now = 2.0
    pages.get("2")
    assert [*pages.cache._kept] == [b"2"]


def test_a_page_that_is_not_kept_is_made_alone() -> None:
    pages = Pages()

    def make() -> Page:
        assert pages.cache._making.locked()
        return pages.make("alone", 1)

    assert pages.cache.alone(make).body == b"x"
    pages.cache.alone(make)
    assert pages.made == ["alone", "alone"]
