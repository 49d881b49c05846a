"""`python -m feed record`: write a board's stream to a file or to standard output.

Strategy: what comes is written as it came, in whole lines. The id of the last one is
the cursor from which a broken connection goes on, so that nothing is missed; what is
missing nevertheless the board itself says, and it is passed on.
"""

import contextlib
import http.client
import os
import re
import signal
import socket
import sys
import time
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import BinaryIO
from urllib.parse import SplitResult, parse_qsl, urlencode

import msgspec
from tqdm import tqdm

from feed.commands.board import (
    BROKEN,
    BUSY,
    Busy,
    Misuse,
    Refused,
    Waits,
    address,
    connect,
    counted,
    refused,
)
from feed.events.event import CONTROL_TYPES
from feed.sources.recording import LONGEST, NO_JSON, Object

NDJSON = "application/x-ndjson"
PATIENCE = 30.0  # seconds of silence, until `hello` says how often a heartbeat comes
HEARTBEATS = 3  # of silence, until the connection counts as dead
LEAST_PATIENCE = 5.0  # seconds
PIECE = 1 << 16  # bytes to read at once
NOTHING = "nothing is missing"
STREAM = re.compile(r"/stream(\.ndjson|/matches/[^/]+)?$")
END = 4 * LONGEST  # bytes at a file's end in which its last id is looked for

_decode = msgspec.json.Decoder(Object).decode


class Stopped(BaseException):
    """A signal asks to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Unwritable(Exception):
    """What comes can't be written any more."""


class Closed(Exception):
    """Nobody reads what is written any more, as after `| head`."""


class Missing(msgspec.Struct):
    """What isn't in the recording, as `hello` and `gap` say: None for nobody knows."""

    dropped: int | None = None
    lost: int | None = None

    def words(self) -> str:
        """Return it in words."""
        counts = {"superseded": self.dropped, "lost": self.lost}
        parts = [f"{count} {how}" for how, count in counts.items() if count]
        if None in counts.values():
            parts.append("an unknown number")
        return f"missing: {', '.join(parts)}" if parts else NOTHING


class Greeting(Missing, kw_only=True):
    """What counts of a `hello`."""

    resume: str
    heartbeat: float


class Bye(msgspec.Struct):
    """What counts of a `bye`."""

    reason: str
    retry_ms: int


def record(text: str, path: Path | None) -> int:
    """Record the stream at an address until it ends; return the exit status.

    Into the file `path` after what is there, else to standard output.
    """
    url = stream_of(address(text))
    file, cursor = (sys.stdout.buffer, "") if path is None else resumed(path)
    output = Output(file)
    # A terminal that shows the events has no room for figures.
    shown = path is not None or not sys.stdout.isatty()
    recorder = Recorder(url, output, cursor, shown)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, output.stop)
    status = 0
    try:
        recorder.run()
    except Stopped as stopped:
        status = 128 + stopped.number
    except Closed:
        forget_output()
        return 0
    except (Refused, Unwritable) as error:
        recorder.say(f"{text}: {error}")
        status = 1
        forget_output()
    recorder.close()
    return status


def forget_output() -> None:
    """Let nothing complain where Python in the end flushes what can't be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Output:
    """Where lines go. A signal that comes while one is written waits until it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writing = False
        self._stop = 0

    def write(self, lines: bytes) -> None:
        """Write whole lines; Closed or Unwritable where that fails."""
        self._writing = True
        try:
            self._file.write(lines)
            self._file.flush()
        except BrokenPipeError as error:
            raise Closed from error
        except OSError as error:
            raise Unwritable(f"the recording can't be written: {error}") from error
        finally:
            self._writing = False
        if self._stop:
            raise Stopped(self._stop)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: raise Stopped, now or when the lines are written."""
        self._stop = number
        if not self._writing:
            raise Stopped(number)


class Recorder:
    """Reads a stream to its end, however often the connection breaks."""

    def __init__(
        self, url: SplitResult, output: Output, cursor: str, rate: bool
    ) -> None:
        self._url = url
        self._output = output
        self._cursor = cursor
        self._waits = Waits()
        self._told: float | None = None  # the wait that the board asked for
        self._ended = False
        self._why = ""
        self._events = 0
        self._missing: list[Missing] = []
        self._meter = tqdm(
            bar_format="{n_fmt} events, {rate_fmt}{postfix} ",
            unit=" events",
            mininterval=0.5,
            disable=None if rate else True,  # None: unless it is no terminal
        )

    def run(self) -> None:
        """Write what comes until `end`; Refused where nothing ever will."""
        while not self._ended:
            self._told, self._why = None, "the stream ended"
            try:
                self._stream()
            except Busy as busy:
                self._told, self._why = busy.retry, str(busy)
            except BROKEN as error:
                self._why = str(error) or type(error).__name__
            if not self._ended:
                self._wait()

    def say(self, what: str) -> None:
        """Tell the user, beside what is recorded."""
        tqdm.write(what, file=sys.stderr)

    def close(self) -> None:
        """Say what was recorded, and what is missing in it."""
        self._meter.close()
        upto = f", up to {self._cursor}" if self._cursor else ""
        missing = "; ".join(each.words() for each in self._missing)
        events = counted(self._events, "event")
        self.say(f"Recorded {events}{upto}; {missing or NOTHING}.")

    def _wait(self) -> None:
        wait = self._waits.next() if self._told is None else self._told
        self.say(f"{self._url.netloc}: {self._why}; again in {wait:.1f} s")
        time.sleep(wait)

    def _stream(self) -> None:
        """Read what one connection gives; Busy, Refused or BROKEN where it fails."""
        connection = connect(self._url, PATIENCE)
        with closing(connection):
            connection.connect()
            sock = connection.sock  # the answer reads from it, until the end
            path = with_cursor(self._url, self._cursor)
            connection.request("GET", path, headers={"Accept": NDJSON})
            answer = connection.getresponse()
            if answer.status == 204:
                self._ended = True  # the stream of a match that is over
            elif _is_stream(answer):
                self._read(answer, sock)

    def _read(self, answer: http.client.HTTPResponse, sock: socket.socket) -> None:
        rest = b""
        while not self._ended and (piece := answer.read1(PIECE)):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._take(line, sock)
            if len(rest) > LONGEST:
                raise http.client.HTTPException(f"a line has over {LONGEST} bytes")

    def _take(self, line: bytes, sock: socket.socket) -> None:
        """Write a line, and note what it says."""
        try:
            it = _decode(line)
        except NO_JSON as error:
            raise http.client.HTTPException(f"no event: {error}") from error
        self._output.write(line + b"\n")
        if it.event in CONTROL_TYPES:
            self._obey(it, sock)
        else:
            self._events += 1
            self._meter.update()
        if it.id is not None:
            self._cursor = it.id
            self._meter.set_postfix_str(f"last {it.id}", refresh=False)

    def _obey(self, it: Object, sock: socket.socket) -> None:
        """Do what a control event asks for, and tell what is missing by it."""
        match it.event:
            case "hello":
                hello = msgspec.json.decode(it.data, type=Greeting)
                self._waits.reset()
                sock.settimeout(max(hello.heartbeat * HEARTBEATS, LEAST_PATIENCE))
                if self._cursor:
                    self._resume(hello)
            case "gap":
                gap = msgspec.json.decode(it.data, type=Missing)
                self._miss("fell behind", gap)
            case "bye":
                bye = msgspec.json.decode(it.data, type=Bye)
                self._told, self._why = bye.retry_ms / 1000, f"bye ({bye.reason})"
            case "end":
                self._ended = True

    def _resume(self, hello: Greeting) -> None:
        if hello.resume == "fresh":
            self._miss(f"the board can't go on from {self._cursor}", Missing())
        else:
            self._miss(f"on again from {self._cursor}", hello)

    def _miss(self, what: str, missing: Missing) -> None:
        if missing.words() != NOTHING:
            self._missing.append(missing)
        self.say(f"{what}; {missing.words()}")


def stream_of(url: SplitResult) -> SplitResult:
    """Return the URL of the stream: the one given, or that of the board given."""
    if STREAM.search(url.path):
        return url
    return url._replace(path=url.path.rstrip("/") + "/stream.ndjson")


def with_cursor(url: SplitResult, cursor: str) -> str:
    """Return what to ask for, so that the stream goes on after `cursor`."""
    query = url.query
    if cursor:
        asked = parse_qsl(query, keep_blank_values=True)
        others = [(name, value) for name, value in asked if name != "after"]
        query = urlencode([*others, ("after", cursor)], safe=",")
    return f"{url.path}?{query}" if query else url.path


def resumed(path: Path) -> tuple[BinaryIO, str]:
    """Return a file to write on, and the last id in it, "" in a new one.

    Half a line at its end is taken off. Misuse where there is something but no id.
    """
    file = path.open("a+b")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - END, 0))
    *lines, half = file.read().split(b"\n")
    file.truncate(size - len(half))
    for line in reversed(lines):
        with contextlib.suppress(*NO_JSON):
            if id := _decode(line).id:
                return file, id
    if size:
        file.close()
        raise Misuse(f"{path} holds no recording to go on with; name another file")
    return file, ""


def _is_stream(answer: http.client.HTTPResponse) -> bool:
    """Return True where events follow; Busy or Refused where they don't."""
    if answer.status in BUSY:
        raise Busy(answer)
    if answer.status != 200:
        raise refused(answer)
    kind = answer.headers.get_content_type()
    if kind != NDJSON:
        raise Refused(200, f"that is {kind}, not a stream")
    return True
