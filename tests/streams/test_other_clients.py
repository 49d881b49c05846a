"""Clients that other people wrote: each reads every event once, across a cut and a bye.

All of them follow one board at the same time, through a network that resets their
connections in the middle. Afterwards the board ends each stream by its age. Each of
them also asks a question, and reads its answer to the end.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.helpers.documents import table_headed
from tests.helpers.harness import ROOT, Board, Process, clean_environment, find_node
from tests.helpers.proxy import Proxy

FOLDER = Path(__file__).parent / "clients"
IN_BROWSER = (
    "EventSource",
    "event-source-polyfill",
    "sse.js",
    "@microsoft/fetch-event-source",
)
IN_NODE = ("eventsource", "eventsource-client", "undici")
IN_PYTHON = ("httpx-sse", "sseclient-py", "requests-sse")
CLIENTS = (*IN_BROWSER, *IN_NODE, *IN_PYTHON)
AGE = 5  # seconds until the board ends a stream
BATCH = 20  # numbers that are published before the cut, and as many after it
STREAM, QUESTION = "/stream", "/ask?q=help&pace=0.3"
CONNECTIONS = 3  # the first one, and those after the cut and after the bye
BEARER = {"Authorization": "Bearer secret"}


class Read(NamedTuple):
    """An event of the stream at a URL, as a client delivered it."""

    url: str
    client: str
    event: str
    data: str
    id: str


Reads = dict[str, list[Read]]
"""What each client has read so far."""


class Publisher:
    """Publishes the whole numbers from 0 on, as events without a key."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.count = 0

    def publish(self, numbers: int) -> None:
        for _ in range(numbers):
            body = json.dumps({"event": "number", "data": self.count}).encode()
            answer = self._board.request("POST", "/api/publish", BEARER, body)
            assert answer[0] == 201
            self.count += 1


@pytest.fixture(scope="module")
def reads(browser: Browser) -> Iterator[Reads]:
    """Yield what each client has read of the same numbers."""
    with (
        Board(
            FEED="published",
            PUBLISH_TOKEN="secret",
            HEARTBEAT="1",
            MAX_STREAM_AGE=str(AGE),
        ) as board,
        Proxy(board.port) as proxy,
        browser.new_page() as page,
    ):
        urls = [f"{proxy.url}{path}" for path in (STREAM, QUESTION)]
        node = [find_node(), str(FOLDER / "in_node.js"), *urls]
        python = [sys.executable, str(FOLDER / "in_python.py"), *urls]
        with (
            Process(node, clean_environment()) as in_node,
            Process(python, clean_environment()) as in_python,
        ):
            start_in_browser(page, proxy.url, urls)

            def so_far() -> Reads:
                return collect(page, in_node.log(), in_python.log())

            play(Publisher(board), proxy, so_far)
            yield so_far()


def play(publisher: Publisher, proxy: Proxy, so_far: Callable[[], Reads]) -> None:
    """Publish before, during and after a cut, until each stream also had its bye."""
    wait_for(so_far, lambda read: bool(hellos(read)) and len(words(read)) > 2)
    publisher.publish(BATCH)
    wait_for(so_far, lambda read: len(numbers(read)) == BATCH)
    assert proxy.cut() >= len(CLIENTS)
    publisher.publish(BATCH)  # most clients are waiting to reconnect
    wait_for(
        so_far,
        lambda read: len(hellos(read)) >= CONNECTIONS,
        lambda: publisher.publish(1),
    )
    count = publisher.count
    wait_for(so_far, lambda read: len(numbers(read)) >= count and bool(ends(read)))


def wait_for(
    so_far: Callable[[], Reads],
    condition: Callable[[list[Read]], bool],
    meanwhile: Callable[[], None] = lambda: None,
    seconds: float = 90,
) -> None:
    """Wait until a condition is true of what each client has read."""
    deadline = time.monotonic() + seconds
    while waiting := [name for name in CLIENTS if not condition(so_far()[name])]:
        if time.monotonic() > deadline:
            ends = {name: so_far()[name][-5:] for name in waiting}
            raise AssertionError(f"not within {seconds} s: {ends}")
        meanwhile()
        time.sleep(0.2)


def start_in_browser(page: Page, origin: str, urls: list[str]) -> None:
    """Start the browser's clients on a page of the same origin as the streams."""
    page.route(f"{origin}/npm/**", serve_package)
    page.route(
        f"{origin}/in_browser.js",
        lambda route: route.fulfill(path=FOLDER / "in_browser.js"),
    )
    page.goto(f"{origin}/healthz")
    page.evaluate(
        """async (urls) => urls.forEach((await import("/in_browser.js")).start)""",
        urls,
    )


def serve_package(route: Route) -> None:
    """Answer with a file of a package; imports may leave out its `.js`."""
    path = ROOT / "node_modules" / route.request.url.partition("/npm/")[2]
    if not path.suffix:
        path = path.with_suffix(".js")
    assert path.is_file(), f"{path} is missing: `make test` installs it, or says how"
    route.fulfill(path=path)


def collect(page: Page, *logs: str) -> Reads:
    """Return what the clients in the page have read, and those that wrote the logs."""
    events = page.evaluate("read")
    for log in logs:
        whole, _, _ = log.rpartition("\n")
        lines = whole.splitlines()
        events += [json.loads(line) for line in lines if line.startswith("[")]
    found: Reads = defaultdict(list)
    for event in events:
        read = Read(*event)
        found[read.client].append(read)
    return found


def hellos(read: list[Read], path: str = STREAM) -> list[str]:
    """Return how each of a client's streams began."""
    return [
        json.loads(it.data)["resume"]
        for it in read
        if it.event == "hello" and it.url.endswith(path)
    ]


def words(read: list[Read]) -> list[Read]:
    return [it for it in read if it.event == "message"]


def text_of(read: list[Read]) -> str:
    return "".join(json.loads(it.data)["text"] for it in words(read))


def ends(read: list[Read]) -> list[str]:
    return [json.loads(it.data)["reason"] for it in read if it.event == "end"]


def numbers(read: list[Read]) -> list[int]:
    return [json.loads(it.data) for it in read if it.event == "number"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_every_event_once_across_a_cut_and_a_bye(
    reads: Reads, client: str
) -> None:
    read = reads[client]
    found = numbers(read)
    assert len(found) > 2 * BATCH
    assert found == [*range(len(found))]
    first, *others = hellos(read)
    assert (first, {*others}) == ("fresh", {"replayed"})
    assert len(others) >= CONNECTIONS - 1
    assert "bye" in {it.event for it in read}
    assert all(it.id for it in read if it.event == "number")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_an_answer_once_and_to_its_end_across_a_cut(
    reads: Reads, client: str
) -> None:
    read = words(reads[client])
    [text] = {text_of(reads[client]) for client in CLIENTS}
    assert text.startswith("You can ask about")
    assert len({it.id.partition("@")[2] for it in read}) == 1
    assert len({it.id for it in read}) == len(read)
    assert len(hellos(reads[client], QUESTION)) > 1
    assert ends(reads[client]) == ["complete"]


def test_the_document_lists_the_clients_that_were_tried() -> None:
    assert {*table_headed("client").by_name()} == {*CLIENTS}
