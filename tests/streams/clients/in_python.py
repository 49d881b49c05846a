"""Clients for Python: each follows a stream as its manual says.

Each event that one reads is printed as a line of JSON. Two of the clients don't
reconnect by themselves, so that loop is written here: wait as long as `retry` says, and
send the last id.
"""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import httpx_sse
import requests
import requests_sse
import sseclient

PATIENCE = 10  # seconds of silence; the board sends a heartbeat more often
printing = threading.Lock()


class Position:
    """Where a client that reconnects has to go on, and after how many seconds."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry = 3.0
        self.ended = False

    def headers(self) -> dict[str, str]:
        return {"Last-Event-ID": self.last_id} if self.last_id else {}

    def move(self, event: str, id: str | None, retry: int | str | None) -> None:
        """Remember the id and the `retry` (ms) of an event, where it has them."""
        self.ended = event == "end"
        self.last_id = id or self.last_id
        if retry is not None:
            self.retry = int(retry) / 1000


def follow_httpx_sse(url: str) -> None:
    position = Position()
    while not position.ended:
        with contextlib.suppress(httpx.TransportError):
            read_httpx_sse(url, position)
        time.sleep(position.retry)


def read_httpx_sse(url: str, position: Position) -> None:
    with (
        httpx.Client(timeout=PATIENCE) as client,
        httpx_sse.connect_sse(client, "GET", url, headers=position.headers()) as source,
    ):
        for event in source.iter_sse():
            print_event(url, "httpx-sse", event.event, event.data, event.id)
            position.move(event.event, event.id, event.retry)


def follow_sseclient_py(url: str) -> None:
    position = Position()
    while not position.ended:
        with contextlib.suppress(requests.RequestException):
            read_sseclient_py(url, position)
        time.sleep(position.retry)


def read_sseclient_py(url: str, position: Position) -> None:
    headers = {"Accept": "text/event-stream", **position.headers()}
    with requests.get(url, stream=True, headers=headers, timeout=PATIENCE) as answer:
        pieces: Iterator[bytes] = answer.iter_content(None)
        for event in sseclient.SSEClient(pieces).events():
            print_event(url, "sseclient-py", event.event, event.data, event.id or "")
            position.move(event.event, event.id, event.retry)


def follow_requests_sse(url: str) -> None:
    with requests_sse.EventSource(url, timeout=PATIENCE) as source:
        for event in source:
            id = event.last_event_id
            print_event(url, "requests-sse", event.type, event.data, id)
            if event.type == "end":
                return


def print_event(*event: str | None) -> None:
    with printing:
        print(json.dumps(event), flush=True)


if __name__ == "__main__":
    for url in sys.argv[1:]:
        for follow in (follow_httpx_sse, follow_sseclient_py, follow_requests_sse):
            threading.Thread(target=follow, args=[url]).start()
