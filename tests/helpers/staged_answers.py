"""A stage that also gives answers, whose streams a test writes."""

import contextlib
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.helpers.harness import Board
from tests.helpers.staged import END, HEARTBEAT, Stage, block

ANSWER = "0123456789abcdef0123456789abcdef"  # the id of the first answer
START = 1_600_000_000_000  # the instant of the first question, in epoch ms


class AnswerStage(Stage):
    """A stage whose answers say what the test sends; a context manager.

    Each question is answered by a new answer, unless `refuses` has a response: a status
    and headers. `questions` are the posted fields, `keys` their idempotency keys,
    `cursors_of_answers` the cursors of all streams of answers, and `stopped` the
    answers that were stopped. An answer in `lost` is answered with 404.
    """

    def __init__(self, board: Board) -> None:
        self.refuses: tuple[int, dict[str, str]] | None = None
        self.questions: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.cursors_of_answers: list[str] = []
        self.stopped: list[str] = []
        self.lost: set[str] = set()
        self.by = "rules"
        self._said: list[tuple[str, bytes]] = []  # of the newest answer: ids, blocks
        self._ending: bytes = b""
        self._written = 0
        self._lock = threading.Lock()
        self._readers: list[queue.Queue[bytes | None]] = []
        super().__init__(board)

    def say(
        self, text: str, after: int = 0, cut: int | None = None, **fields: Any
    ) -> None:
        """Send a piece of the newest answer, written ms after the one before.

        With `cut`, the streams end after so many of its bytes.
        """
        self._written += after
        id = f"{START + self._written}-{len(self._said) + 1}"
        lines = f"id: {id}\ndata: {json.dumps({'text': text, **fields})}\n\n".encode()
        with self._lock:
            self._said.append((id, lines))
            self._send(lines[:cut])
            if cut is not None:
                self._send(END)
                self._readers.clear()

    def end_answer(self, reason: str = "complete", detail: str | None = None) -> None:
        """End the newest answer, and close its streams."""
        fields: dict[str, Any] = {
            "reason": reason,
            "detail": detail,
            "sources": [],
            "at": START,
        }
        with self._lock:
            self._ending = block("end", fields)
            self._send(self._ending)
            self._send(END)

    def cut_answer(self) -> None:
        """Close the streams of the newest answer before its end."""
        with self._lock:
            self._send(b"retry: 50\n\n")
            self._send(END)
            self._readers.clear()

    def _send(self, frame: bytes | None) -> None:
        for reader in self._readers:
            reader.put(frame)

    def _join(self, after: str) -> queue.Queue[bytes | None] | None:
        """Return the frames for a new reader; None if it has read everything."""
        frames: queue.Queue[bytes | None] = queue.Queue()
        with self._lock:
            ids = [id for id, _ in self._said]
            missed = self._said[ids.index(after) + 1 if after in ids else 0 :]
            if self._ending and after and not missed:
                return None
            tail = ids[-1] if ids else f"{START}-0"
            frames.put(block("hello", {"tail": tail, "heartbeat": HEARTBEAT}))
            for _, frame in missed:
                frames.put(frame)
            if self._ending:
                frames.put(self._ending)
                frames.put(END)
            self._readers.append(frames)
        return frames

    def _begin_answer(self, fields: dict[str, Any], key: str) -> dict[str, Any]:
        if key not in self.keys:
            with self._lock:
                self._said, self._ending = [], b""
                self._readers.clear()
        self.questions.append(fields)
        self.keys.append(key)
        id = f"{int(ANSWER, 16) + len(set(self.keys)) - 1:032x}"
        stream = f"/stream/answers/{id}"
        return {"answer": id, "stream": stream, "at": START, "by": self.by}

    def _handler(self, board: Board) -> type[BaseHTTPRequestHandler]:
        stage = self
        base: Any = super()._handler(board)

        class Handler(base):  # type: ignore[misc]  # the class is made for this stage
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                fields = json.loads(self.rfile.read(length))
                if stage.refuses:
                    self._respond(*stage.refuses, {"detail": "Refused."})
                    return
                key = self.headers.get("Idempotency-Key", "")
                self._respond(201, {}, stage._begin_answer(fields, key))

            def do_DELETE(self) -> None:
                stage.stopped.append(self.path.rpartition("/")[2])
                stage.end_answer("stopped", "The answer was stopped.")
                self._respond(200, {}, {})

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                folder, _, name = path.rpartition("/")
                if name in stage.lost:
                    self._respond(404, {}, {"detail": "Gone."})
                elif folder == "/stream/answers":
                    self._stream_answer()
                elif folder == "/api/answers" and name != "suggestions":
                    last = stage._said[-1][0] if stage._said else f"{START}-0"
                    end = {"reason": "complete", "detail": None}
                    ended = end if stage._ending else None
                    self._respond(200, {}, {"id": last, "end": ended})
                else:
                    super().do_GET()

            def _stream_answer(self) -> None:
                asked = dict(parse_qsl(urlsplit(self.path).query))
                after = self.headers.get("Last-Event-ID", asked.get("after", ""))
                frames = stage._join(after)
                # Before the first byte: a test that sees a word finds its request here.
                stage.cursors_of_answers.append(after)
                self.send_response(200 if frames else 204)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                if frames is None:
                    return
                with contextlib.suppress(ConnectionError):
                    while (sent := frames.get()) is not END:
                        self.wfile.write(sent)

            def _respond(
                self, status: int, headers: dict[str, str], fields: dict[str, Any]
            ) -> None:
                body = json.dumps(fields).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
