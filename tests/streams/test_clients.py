"""Programs of other authors read the feed, and all agree with `/api/state`."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import takewhile

import httpx
import httpx_sse
import pytest
import requests
import sseclient
from playwright.sync_api import Page

from tests.helpers.client_state import (
    CONTROL,
    TYPES,
    ClientState,
    assert_agrees,
    fold,
    id_of,
    of_the_log,
    server_state,
)
from tests.helpers.harness import Board
from tests.helpers.sse import Parsed, Parser

EVENT_SOURCE = """types => {
    window.events = [];
    const source = window.source = new EventSource("/stream");
    for (const type of [...types, "message"])
        source.addEventListener(type, event =>
            events.push([event.type, event.data, event.lastEventId]));
}"""


def test_our_own_parser_agrees(board: Board) -> None:
    def events() -> Iterator[Parsed]:
        with board.stream() as stream:
            while True:
                yield from stream.events(1)

    assert_agrees(board, events())


@pytest.mark.parametrize("headers", [[], ["-H", "Accept: text/event-stream"]])
def test_curl_agrees(board: Board, headers: list[str]) -> None:
    def events() -> Iterator[Parsed]:
        parser = Parser()
        for line in curl(board, "/stream", *headers):
            yield from parser.feed(line)

    read = assert_agrees(board, events())
    ids = [id_of(event.id) for event in of_the_log(read)]
    assert ids == sorted(set(ids))


def test_curl_reads_ndjson_and_agrees(board: Board) -> None:
    def events() -> Iterator[Parsed]:
        for line in curl(board, "/stream", "-H", "Accept: application/x-ndjson"):
            answer = json.loads(line)
            assert [*answer] == ["id", "event", "data"]
            yield Parsed(
                answer["event"], json.dumps(answer["data"]), answer["id"] or ""
            )

    assert_agrees(board, events())


def test_curl_shows_a_person_one_line_an_event(board: Board) -> None:
    shown = [
        line.decode()
        for line, _ in zip(curl(board, "/stream.txt"), range(80), strict=False)
    ]
    assert shown[0].startswith("hello ")
    assert "resume=fresh" in shown[0]
    assert {line.split(" ")[0] for line in shown} <= {*TYPES}
    assert all(re.search(r"  \[\d+-\d+\]\n$", line) for line in shown[1:])
    assert all(line.isprintable() for line in "".join(shown).split("\n"))


def test_curl_compressed_agrees(board: Board) -> None:
    def events() -> Iterator[Parsed]:
        parser = Parser()
        for line in curl(board, "/stream", "--compressed"):
            yield from parser.feed(line)

    assert_agrees(board, events())


def test_curl_polls_with_once_and_its_last_id(board: Board) -> None:
    """Each poll continues after the last one, and at equal ids the states are equal."""
    state: ClientState = {}
    cursor = ""
    for resume in ("fresh", "replayed", "replayed"):
        id, expected = server_state(board)
        query = f"?once=1&after={cursor}" if cursor else "?once=1"
        poll = subprocess.run(
            ["curl", "-sS", board.url + "/stream" + query],
            check=True,
            capture_output=True,
            timeout=60,
        )
        hello, *read, end = Parser().feed(poll.stdout)
        answer = json.loads(hello.data)
        assert (answer["resume"], end.event) == (resume, "end")
        known = [event for event in read if id_of(event.id) <= id]
        fold(state, [hello, *known])
        if resume == "replayed":
            assert state == expected
        fold(state, read[len(known) :])
        cursor = answer["tail"]


def test_sseclient_py_agrees(board: Board) -> None:
    def events() -> Iterator[Parsed]:
        with requests.get(board.url + "/stream", stream=True, timeout=10) as answer:
            for event in sseclient.SSEClient(answer.iter_content(None)).events():
                yield Parsed(event.event, event.data, event.id or "")

    assert_agrees(board, events())


def test_httpx_sse_agrees(board: Board) -> None:
    def events() -> Iterator[Parsed]:
        with (
            httpx.Client(timeout=10) as client,
            httpx_sse.connect_sse(client, "GET", board.url + "/stream") as source,
        ):
            for event in source.iter_sse():
                yield Parsed(event.event, event.data, event.id)

    assert_agrees(board, events())


def test_the_event_source_of_a_browser_agrees(board: Board, page: Page) -> None:
    def events() -> Iterator[Parsed]:
        seen = 0
        while True:
            page.wait_for_function("seen => events.length > seen", arg=seen)
            come = page.evaluate("seen => events.slice(seen)", seen)
            seen += len(come)
            yield from (Parsed(*fields) for fields in come)

    page.goto(board.url + "/healthz")
    page.evaluate(EVENT_SOURCE, [*TYPES])
    assert_agrees(board, events())
    page.evaluate("source.close()")


def test_every_event_is_whole_and_known(board: Board) -> None:
    """Check that events can be decoded: an id, a known type and its fields."""
    with board.stream() as stream:
        read = stream.events(200, 30)
    assert json.loads(read[0].data)["lost"] is None
    assert not read[0].id
    for event in read[1:]:
        assert event.event in TYPES
        assert event.event in CONTROL or event.id
        assert "at" in json.loads(event.data)


def curl(board: Board, path: str, *arguments: str) -> Iterator[bytes]:
    """Yield the lines that curl prints, as it prints them."""
    command = ["curl", "-sSN", "--max-time", "20", *arguments, board.url + path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield from takewhile(bool, process.stdout)
        finally:
            process.kill()
