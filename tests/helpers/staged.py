"""A server whose stream a test writes; everything else comes from a real board."""

import contextlib
import functools
import http.client
import json
import queue
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.helpers.harness import LOOPBACK, Board

Fetched = tuple[int, list[tuple[str, str]], bytes]  # status, headers, body

END = None
# Seconds; long, so that a page doesn't give up a stream because its test is slow.
HEARTBEAT = 60


class Stage:
    """A server in front of `board` that replaces its `/stream`; a context manager.

    `cursors` are the cursors of all streams so far, from `Last-Event-ID` or else from
    `after`; `queries` are their parameters. A stream starts with the hello of
    `set_greeting`, then receives everything that is sent while it is open. A path in
    `missing` is answered with 404.
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

    def send_event(
        self, type: str, data: dict[str, Any], id: str | None = None
    ) -> None:
        """Send an event to all open streams."""
        self._put(block(type, data, id))

    def send_hello(self, tail: str, resume: str = "replayed", **changes: Any) -> None:
        """Send hello to all open streams; `changes` are fields of the hello."""
        self.send_event("hello", self._hello(tail, resume, changes))

    def set_greeting(self, tail: str, resume: str = "replayed", **changes: Any) -> None:
        """Let every later stream start with this hello."""
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
            # With another version, an unattended page would reload at a random time.
            "version": self._version,
            "at": int(tail.partition("-")[0]),
        }
        return fields | changes

    def end_streams(self, retry: int = 50) -> None:
        """End all open streams; their clients come back after `retry` ms."""
        self._put(b"retry: %d\n\n" % retry)
        self._put(END)
        self._open.clear()

    def refuse_streams(self) -> None:
        """End all open streams, and answer later ones with 503."""
        self._refuses = True
        self.end_streams()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._put(END)
        self._server.shutdown()
        self._server.server_close()

    def _put(self, frame: bytes | None) -> None:
        for stream in self._open:
            stream.put(frame)

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
                frames: queue.Queue[bytes | None] = queue.Queue()
                asked = dict(parse_qsl(urlsplit(self.path).query))
                after = asked.get("after", "")
                # Before the first byte: a page that is live finds its request here.
                stage.queries.append(asked)
                stage.cursors.append(self.headers.get("Last-Event-ID", after))
                greeting = stage._greeting
                stage._open.append(frames)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(greeting)
                with contextlib.suppress(ConnectionError):
                    while (frame := frames.get()) is not END:
                        self.wfile.write(frame)

            def _forward(self) -> None:
                accept = self.headers.get("Accept", "*/*")
                is_file = self.path.startswith("/static/")
                fetch = fetch_once if is_file else fetch_anew
                status, headers, body = fetch(board.port, self.path, accept)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing: clients that go away are expected."""

        return Handler


def fetch_anew(port: int, path: str, accept: str) -> Fetched:
    """Return the answer of a board, with the headers that a page needs."""
    server = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    with contextlib.closing(server):
        server.request("GET", path, headers={"Accept": accept})
        answer = server.getresponse()
        names = ("Content-Type", "Content-Security-Policy")
        headers = [(name, answer.headers[name]) for name in names]
        kept = [(name, value) for name, value in headers if value]
        return answer.status, kept, with_heartbeat(answer.read())


# A page loads sixty files, and they are the same for every test.
fetch_once = functools.lru_cache(maxsize=None)(fetch_anew)


def block(type: str, data: dict[str, Any], id: str | None = None) -> bytes:
    """Return an event as the bytes of a stream."""
    lines = [f"event: {type}", f"data: {json.dumps(data)}"]
    text = "\n".join([f"id: {id}", *lines] if id else lines)
    return f"{text}\n\n".encode()


def with_heartbeat(html: bytes) -> bytes:
    """Return a page that expects heartbeats as rarely as the stage."""
    return re.sub(
        rb'"heartbeat": ?[\d.]+', b'"heartbeat":%d' % HEARTBEAT, html, count=1
    )
