"""The model behind the board: any server that speaks OpenAI's chat completions.

Theory of operation: one thread reads the model's text, and the thread that iterates
keeps the time. So no limit depends on a timeout of a socket: a server that sends a byte
now and then counts as silent, like one that sends none. Text that arrives within a
twentieth of a second becomes one piece, unless it has a figure or a name.
"""

import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

import msgspec

from feed.answers.checking import Checker
from feed.answers.deltas import CUT, BrokenAnswer
from feed.answers.facts import Facts
from feed.answers.piece import Board, Piece, Question
from feed.answers.prompt import Prompt, write_prompt
from feed.answers.request import ModelRequest
from feed.askurl import parse_address
from feed.settings import Settings

EMPTY = "The model said nothing."
NOT_CONNECTED = "The model's server couldn't be reached in time."
NO_BEGIN = "The model didn't begin to answer in time."
SILENT = "The model fell silent."
TOO_SLOW = "The model took too long for the whole answer."
TOO_MUCH = "The model's answer was longer than an answer can be."


class UpstreamError(Exception):
    """The model's answer is `incomplete`, or it `failed` before its first word.

    `detail` is a sentence for people. It never has the key, the address, or text of the
    model's server.
    """

    def __init__(self, reason: Literal["incomplete", "failed"], detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class AnswerLimits(msgspec.Struct, frozen=True):
    """The limits of an answer. Durations are in seconds."""

    connect: float = 5
    first_token: float = 20  # from the connection on
    between_tokens: float = 15
    whole: float = 120
    characters: int = 8000
    between_pieces: float = 1 / 20


class Upstream:
    """A model, by its name; `begin` asks it."""

    def __init__(self, settings: Settings, limits: AnswerLimits | None = None) -> None:
        # Importing it takes long, which would delay the streams later.
        import urllib3.connection  # noqa: F401 - loaded by the first request otherwise

        self.by = settings.ask_model
        self._address = parse_address(settings.ask_url)
        self._key = settings.ask_key
        self._limits = limits or AnswerLimits()

    def begin(self, question: Question, board: Board) -> "Call":
        """Return the model's answer to a question, which it is asked on iteration."""
        prompt = write_prompt(question, board)
        request = ModelRequest(
            self._address,
            self._headers,
            self._encode(prompt),
            self._context if self._address.tls else None,
            self._limits.connect,
        )
        return Call(request, Checker(Facts(prompt)), self._limits)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """The certificates to trust; reading the system's takes milliseconds."""
        return ssl.create_default_context()

    @property
    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "liveboard",
        }
        return headers | ({"Authorization": f"Bearer {self._key}"} if self._key else {})

    def _encode(self, prompt: Prompt) -> bytes:
        body = {"model": self.by, "stream": True, "messages": prompt.messages}
        return msgspec.json.encode(body)


class Call:
    """A model's answer: iterate it once for its pieces; `close` stops it at any time.

    The iteration raises UpstreamError unless the model came to its end or was stopped.
    """

    def __init__(
        self, request: ModelRequest, checker: Checker, limits: AnswerLimits
    ) -> None:
        self._request = request
        self._checker = checker
        self._limits = limits
        self._changed = threading.Condition()
        # All of these are changed only under the condition. Instants are monotonic.
        self._began = 0.0
        self._connected: float | None = None
        self._last_token: float | None = None
        self._arrived: list[str] = []
        self._characters = 0
        self._ended = False
        self._fault: str | None = None
        self._closed = False

    def close(self) -> None:
        """Stop the model: close the connection, and end the iteration. Never blocks."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._request.close()

    def __iter__(self) -> Iterator[Piece]:
        """Ask the model, and yield the pieces of its answer as they come."""
        if self._closed:
            return
        self._began = time.monotonic()
        threading.Thread(target=self._read, name="model", daemon=True).start()
        try:
            yield from self._space_out()
        finally:
            self.close()

    def _read(self) -> None:
        """Store the model's text as it arrives, in a thread of its own."""
        fault: str | None = CUT
        try:
            self._request.connect()
            self._note_connection()
            for delta in self._request.deltas():
                self._note_text(delta.text)
            fault = None
        except BrokenAnswer as error:
            fault = str(error)
        finally:
            self._request.finish()
            self._end(fault)

    def _note_connection(self) -> None:
        with self._changed:
            self._connected = time.monotonic()
            self._changed.notify_all()

    def _note_text(self, text: str) -> None:
        with self._changed:
            self._last_token = time.monotonic()
            said = text if self._characters else text.lstrip()
            room = self._limits.characters - self._characters
            self._arrived += [said[:room]] if said else []
            self._characters += len(said)
            self._changed.notify_all()
        if len(said) > room:
            raise BrokenAnswer(TOO_MUCH)

    def _end(self, fault: str | None) -> None:
        with self._changed:
            if not self._ended:
                self._ended, self._fault = True, fault
                self._changed.notify_all()

    def _space_out(self) -> Iterator[Piece]:
        """Yield pieces, no more often than the limits say; then raise the fault."""
        due = self._began
        ready: deque[Piece] = deque()
        said = False
        while self._wait(due if ready else None):
            _join(ready, self._take_pieces())
            if ready and time.monotonic() >= due:
                yield ready.popleft()
                said, due = True, time.monotonic() + self._limits.between_pieces
            elif not ready and self._ended and not self._arrived:
                return self._raise_fault(said)

    def _wait(self, due: float | None) -> bool:
        """Wait until something changes, or `due`, or a limit; return False if stopped.

        Without `due` there is no wait while text is there, or after the end.
        """
        with self._changed:
            if due is None and not (self._closed or self._arrived or self._ended):
                self._changed.wait(max(self._next_limit()[0] - time.monotonic(), 0))
            elif due is not None and not self._closed:
                self._changed.wait(max(due - time.monotonic(), 0))
            limit, fault = self._next_limit()
            overdue = not self._ended and time.monotonic() >= limit
            if overdue:
                self._ended, self._fault = True, fault
            stopped = self._closed
        if overdue:
            self._request.close()
        return not stopped

    def _next_limit(self) -> tuple[float, str]:
        """Return the instant by which something has to come, and the fault if not."""
        limits = self._limits
        if self._last_token is not None:
            following = self._last_token + limits.between_tokens, SILENT
        elif self._connected is not None:
            following = self._connected + limits.first_token, NO_BEGIN
        else:
            following = self._began + limits.connect, NOT_CONNECTED
        return min(following, (self._began + limits.whole, TOO_SLOW))

    def _take_pieces(self) -> list[Piece]:
        """Return the pieces of the text that has arrived; at the end also the rest."""
        with self._changed:
            text, self._arrived = "".join(self._arrived), []
            ended = self._ended
        return self._checker.add(text) + (self._checker.finish() if ended else [])

    def _raise_fault(self, said: bool) -> None:
        if self._fault or not said:
            reason: Literal["incomplete", "failed"] = "incomplete" if said else "failed"
            raise UpstreamError(reason, self._fault or EMPTY)


def _join(ready: deque[Piece], pieces: Iterable[Piece]) -> None:
    """Append pieces; text without a figure or name joins such text before it."""
    for piece in pieces:
        if ready and _is_plain(ready[-1]) and _is_plain(piece):
            ready[-1] = Piece(ready[-1].text + piece.text)
        else:
            ready.append(piece)


def _is_plain(piece: Piece) -> bool:
    return piece.ref is None and not piece.unchecked
