"""A server that speaks OpenAI's chat completions, one script for each request.

It is written from the public description of the streaming API: `chat.completion.chunk`
objects as server-sent events, `[DONE]` after the last one. It shares no code with the
board and runs on plain sockets, so that a script can break the protocol anywhere.
"""

import contextlib
import json
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Self

import trustme

from tests.helpers.harness import LOOPBACK

Script = Callable[["Answering"], None]
STREAM_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
)


class Asked:
    """A request as it arrived: its head, and its body read as JSON."""

    def __init__(self, head: str, body: bytes) -> None:
        line, *fields = head.split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.headers = {
            name.lower(): value
            for name, _, value in (field.partition(": ") for field in fields)
        }
        self.body: Any = json.loads(body) if body else None

    @property
    def last_message(self) -> str:
        """The text of the last message, which has the board and the question."""
        return str(self.body["messages"][-1]["content"])


class Answering:
    """One connection, to which a script writes; `asked` is its request."""

    def __init__(self, connection: socket.socket, asked: Asked) -> None:
        self._connection = connection
        self.asked = asked

    def write(self, data: str | bytes) -> None:
        """Write bytes as they are."""
        self._connection.sendall(data.encode() if isinstance(data, str) else data)

    def begin(self, more: str = "") -> None:
        """Write the head of a stream, which ends with the connection."""
        self.write(f"{STREAM_HEAD}{more}\r\n")

    def say(self, *words: str) -> None:
        """Write a delta for each text."""
        for text in words:
            self.write(chunk({"content": text}))

    def end(self, reason: str = "stop") -> None:
        """Write the chunk with the reason of the end, and `[DONE]`."""
        self.write(chunk({}, finish_reason=reason) + "data: [DONE]\n\n")

    def wait_closed(self, seconds: float = 30) -> None:
        """Return when the client closes the connection; TimeoutError if it doesn't."""
        self._connection.settimeout(seconds)
        with contextlib.suppress(ConnectionError):
            while self._connection.recv(1 << 16):
                pass


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
    """Return a `chat.completion.chunk` as an event."""
    choice = {"index": 0, "delta": delta, "logprobs": None}
    data = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1795393896,
        "model": "tiny-1",
        "choices": [choice | {"finish_reason": finish_reason}],
    }
    return f"data: {json.dumps(data | more)}\n\n"


def answer(*words: str) -> Script:
    """Return a script that answers with these deltas, as OpenAI's servers do."""

    def script(it: Answering) -> None:
        it.begin()
        it.write(chunk({"role": "assistant", "content": "", "refusal": None}))
        it.say(*words)
        it.end()

    return script


def reply(status: str, body: str = "", kind: str = "application/json") -> Script:
    """Return a script that replies with a status and a body that isn't a stream."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
    )
    return lambda it: it.write(head + body)


class ModelServer:
    """The server as a context manager. `scripts` are used up, the last one stays.

    `asked` has each request, noted before the first byte of its response, and `began`
    is set with the first one. With an `authority` the server speaks TLS for localhost.
    """

    def __init__(self, *scripts: Script, authority: trustme.CA | None = None) -> None:
        self.scripts = [*scripts]
        self.asked: list[Asked] = []
        self.began = threading.Event()
        self._ends: queue.Queue[TimeoutError | None] = queue.Queue()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._context: ssl.SSLContext | None = None
        if authority:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(self._context)

    @property
    def url(self) -> str:
        """The address in the form of ASK_URL."""
        scheme, host = ("https", "localhost") if self._context else ("http", LOOPBACK)
        return f"{scheme}://{host}:{self.port}/v1"

    def forget_ends(self) -> None:
        """Let `wait_ended` count from here."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._ends.get_nowait()

    def wait_ended(self, seconds: float = 10) -> None:
        """Return when one more script has ended; TimeoutError if it gave up."""
        fault = self._ends.get(timeout=seconds)
        if fault is not None:
            raise fault

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(
                    target=self._serve, args=[connection], daemon=True
                ).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            if self._context:
                try:
                    connection = self._context.wrap_socket(connection, server_side=True)
                except OSError:  # the client doesn't trust it
                    return
            with connection, contextlib.suppress(ConnectionError):
                asked = _read_request(connection)
                if asked is None:
                    return
                script = self.scripts.pop(0) if self.scripts[1:] else self.scripts[0]
                self.asked.append(asked)
                self.began.set()
                self._run(script, Answering(connection, asked))

    def _run(self, script: Script, answering: Answering) -> None:
        fault: TimeoutError | None = None
        try:
            with contextlib.suppress(ConnectionError):  # the client left
                script(answering)
        except TimeoutError as error:
            fault = error
        self._ends.put(fault)


def _read_request(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(1 << 16)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    asked = Asked(head.decode(), b"")
    while len(body) < int(asked.headers.get("content-length", "0")):
        body += connection.recv(1 << 16)
    return Asked(head.decode(), body)
