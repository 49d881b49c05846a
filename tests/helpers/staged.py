"""A server whose stream says what a test tells it; all else comes from a real board."""

import contextlib
import http.client
import json
import queue
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.helpers.harness import LOOPBACK, Board

END = None
# Seconds: what a test says may come late, and the page is not to give it up for that.
HEARTBEAT = 60


class Stage:
    """Stands before `board` and plays its `/stream`; a context manager.

    `cursors` are those that the streams so far were opened with: `Last-Event-ID`, else
    `after`; `queries` are their parameters. Each stream gets what is said while it is
    open, after the hello that `greet` has for it. The paths in `missing` aren't found.
    """

    def __init__(self, board: Board) -> None:
        self.cursors: list[str] = []
        self._refuses = False
        self._greeting = b""
        self.queries: list[dict[str, str]] = []
        self.missing: set[str] = set()
        described = json.loads(board.get("/api/openapi.json")[2])
        self._version = described["info"]["version"]
        self._open: list[queue.Queue[bytes | None]] = []
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler(board))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def say(self, type: str, data: dict[str, Any], id: str | None = None) -> None:
        """Send an event to the streams that are open."""
        self._put(block(type, data, id))

    def hello(self, tail: str, resume: str = "replayed", **changes: Any) -> None:
        """Greet the streams that are open; `changes` are fields of the hello."""
        self.say("hello", self._hello(tail, resume, changes))

    def greet(self, tail: str, resume: str = "replayed", **changes: Any) -> None:
        """Greet each stream that will be opened, as it is opened."""
        self._greeting = block("hello", self._hello(tail, resume, changes))

    def _hello(self, tail: str, resume: str, changes: dict[str, Any]) -> dict[str, Any]:
        fields = {
            "resume": resume,
            "after": None,
            "tail": tail,
            "dropped": 0,
            "lost": 0,
            "heartbeat": HEARTBEAT,
            "pace": 0,
            "source": "simulator",
            # Another one would let a page that nobody attends load anew at random.
            "version": self._version,
            "at": int(tail.partition("-")[0]),
        }
        return fields | changes

    def hang_up(self, retry: int = 50) -> None:
        """End the streams that are open; a client comes back after `retry` ms."""
        self._put(b"retry: %d\n\n" % retry)
        self._put(END)
        self._open.clear()

    def refuse(self) -> None:
        """End the streams that are open, and answer further ones with 503."""
        self._refuses = True
        self.hang_up()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._put(END)
        self._server.shutdown()
        self._server.server_close()

    def _put(self, said: bytes | None) -> None:
        for stream in self._open:
            stream.put(said)

    def _handler(self, board: Board) -> type[BaseHTTPRequestHandler]:
        stage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path in stage.missing:
                    self.send_error(404)
                elif path == "/stream":
                    self._stream()
                else:
                    self._forward()

            def _stream(self) -> None:
                if stage._refuses:
                    self.send_error(503)
                    return
                said: queue.Queue[bytes | None] = queue.Queue()
                asked = dict(parse_qsl(urlsplit(self.path).query))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(stage._greeting)
                stage._open.append(said)
                stage.queries.append(asked)
                after = asked.get("after", "")
                stage.cursors.append(self.headers.get("Last-Event-ID", after))
                with contextlib.suppress(ConnectionError):
                    while (data := said.get()) is not END:
                        self.wfile.write(data)

            def _forward(self) -> None:
                server = http.client.HTTPConnection(LOOPBACK, board.port, timeout=10)
                accept = {"Accept": self.headers.get("Accept", "*/*")}
                server.request("GET", self.path, headers=accept)
                answer = server.getresponse()
                body = with_heartbeat(answer.read())
                server.close()
                self.send_response(answer.status)
                for name in ("Content-Type", "Content-Security-Policy"):
                    if value := answer.headers.get(name):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet: a client that goes away is part of the play."""

        return Handler


def block(type: str, data: dict[str, Any], id: str | None = None) -> bytes:
    """Return an event as its stream carries it."""
    lines = [f"event: {type}", f"data: {json.dumps(data)}"]
    text = "\n".join([f"id: {id}", *lines] if id else lines)
    return f"{text}\n\n".encode()


def with_heartbeat(html: bytes) -> bytes:
    """Return a page that expects its stream's first sign as late as the stage's."""
    return re.sub(
        rb'"heartbeat": ?[\d.]+', b'"heartbeat":%d' % HEARTBEAT, html, count=1
    )
