"""`python -m feed record`: write a board's stream to a file or to standard output.

Theory of operation: events are written as they come, in whole lines. The id of the last
one is the cursor from which the next connection continues, so a broken connection loses
nothing. A recording can be stopped and continued in the same way, since its last line
has the cursor. If the board can't supply every event, it says so (`hello`, `gap`), and
this is reported to the user.
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

from feed.backoff import Backoff
from feed.commands.board import (
    BUSY_STATUSES,
    CONNECTION_ERRORS,
    FIRST_WAIT,
    LONGEST_WAIT,
    MOST_RETRY_AFTER,
    READ_BYTES,
    Busy,
    Misuse,
    Rejected,
    board_name,
    check_secrecy,
    connect,
    count_in_words,
    parse_address,
    print_note,
    read_rejection,
)
from feed.events.event import CONTROL_TYPES
from feed.sources.recording import LONGEST, NO_JSON, Object
from feed.streams.view import LAST_EVENT_ID

NDJSON = "application/x-ndjson"
# A connection counts as dead after so many seconds of silence: at first, and once
# `hello` has said how often a heartbeat comes.
FIRST_TIMEOUT = 30.0
LEAST_TIMEOUT = 5.0
MOST_TIMEOUT = 3 * 3600.0  # three of the longest heartbeats
HEARTBEATS_MISSED = 3
NOTHING_MISSING = "nothing is missing"
STREAM_PATH = re.compile(r"/stream(\.ndjson|/matches/.+)?$")
END_BYTES = 4 * LONGEST  # the end of a file, in which its last id is searched for

_decode = msgspec.json.Decoder(Object).decode


class Stopped(BaseException):
    """A signal asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Unwritable(Exception):
    """The recording can't be written any more, as on a full disk."""


class Closed(Exception):
    """The reader of standard output has ended, as `| head` does."""


class Missing(msgspec.Struct):
    """The numbers of missing events, from `hello` or `gap`; None if it is unknown."""

    dropped: int | None = None
    lost: int | None = None

    def in_words(self) -> str:
        """Return the missing events in words."""
        counts = {"superseded": self.dropped, "lost": self.lost}
        parts = [f"{count} {how}" for how, count in counts.items() if count]
        if None in counts.values():
            parts.append("an unknown number")
        return f"missing: {', '.join(parts)}" if parts else NOTHING_MISSING


class HelloFields(Missing, kw_only=True):
    """The fields of `hello` that a recording depends on."""

    resume: str
    heartbeat: float


class ByeFields(msgspec.Struct):
    """The fields of `bye` that a recording depends on."""

    reason: str
    retry_ms: float


def record(text: str, path: Path | None, insecure: bool = False) -> int:
    """Record the stream at an address until it ends; return the exit status.

    The recording is appended to the file `path`, or written to standard output.
    `insecure` allows to send a password to another host without encryption.
    """
    url = stream_url(parse_address(text))
    if url.username is not None:
        check_secrecy(url, "password", insecure)
    file, cursor = (sys.stdout.buffer, "") if path is None else open_to_append(path)
    output = Output(file)
    # On a terminal that shows the events there is no room for a progress bar.
    shows_progress = path is not None or not sys.stdout.isatty()
    recorder = Recorder(url, output, cursor, shows_progress)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, output.stop)
    status = 0
    try:
        recorder.run()
    except Stopped as stopped:
        status = 128 + stopped.number
    except Closed:
        discard_output()
        return 0
    except (Rejected, Unwritable) as error:
        print_note(f"{board_name(url)}: {error}")
        status = 1
        discard_output()
    recorder.close()
    return status


def discard_output() -> None:
    """Drop what is left to write: Python flushes it at exit, which would fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Output:
    """Writes whole lines: a signal that comes during a write takes effect after it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writing = False
        self._stop = 0

    def write(self, lines: bytes) -> None:
        """Write whole lines; Closed or Unwritable if that fails."""
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
        """Handle a signal: raise Stopped, now or after the present write."""
        self._stop = number
        if not self._writing:
            raise Stopped(number)


class Recorder:
    """Reads a stream to its end, however often the connection breaks."""

    def __init__(
        self, url: SplitResult, output: Output, cursor: str, shows_progress: bool
    ) -> None:
        self._url = url
        self._output = output
        self._cursor = cursor
        self._backoff = Backoff(FIRST_WAIT, LONGEST_WAIT)
        self._retry_after: float | None = None  # seconds that the board asked for
        self._ended = False
        self._reason = ""  # why the last connection ended
        self._events = 0
        self._missing: list[Missing] = []
        self._meter = tqdm(
            bar_format="{n_fmt} events, {rate_fmt}{postfix} ",
            unit=" events",
            mininterval=0.5,
            disable=None if shows_progress else True,  # None: on a terminal only
        )

    def run(self) -> None:
        """Write events until `end`; Rejected if there can be none."""
        while not self._ended:
            self._retry_after, self._reason = None, "the stream ended"
            try:
                self._read_connection()
            except Busy as busy:
                self._retry_after, self._reason = busy.retry_after, str(busy)
            except CONNECTION_ERRORS as error:
                self._reason = str(error) or type(error).__name__
            if not self._ended:
                self._wait()

    def close(self) -> None:
        """Print how much was recorded, and what is missing from it."""
        self._meter.close()
        up_to = f", up to {self._cursor}" if self._cursor else ""
        missing = "; ".join(each.in_words() for each in self._missing)
        events = count_in_words(self._events, "event")
        print_note(f"Recorded {events}{up_to}; {missing or NOTHING_MISSING}.")

    def _wait(self) -> None:
        asked = self._retry_after
        wait = self._backoff.next() if asked is None else asked
        print_note(f"{board_name(self._url)}: {self._reason}; again in {wait:.1f} s")
        time.sleep(wait)

    def _read_connection(self) -> None:
        """Read one connection to its end; raise Busy, Rejected or CONNECTION_ERRORS."""
        connection = connect(self._url, FIRST_TIMEOUT)
        with closing(connection):
            connection.connect()
            # `hello` sets the timeout of the socket, which `getresponse` may drop.
            sock = connection.sock
            path = path_with_cursor(self._url, self._cursor)
            connection.request("GET", path, headers={"Accept": NDJSON})
            answer = connection.getresponse()
            if answer.status == 204:
                self._ended = True  # the stream of a match that is over
            else:
                check_is_stream(answer)
                self._read_lines(answer, sock)

    def _read_lines(
        self, answer: http.client.HTTPResponse, sock: socket.socket
    ) -> None:
        rest = b""
        while not self._ended and (piece := answer.read1(READ_BYTES)):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._write_line(line, sock)
            if len(rest) > LONGEST:
                raise http.client.HTTPException(f"a line has over {LONGEST} bytes")

    def _write_line(self, line: bytes, sock: socket.socket) -> None:
        """Write a line, and act on it if it is a control event."""
        try:
            event = _decode(line)
        except NO_JSON as error:
            raise http.client.HTTPException(f"no event: {error}") from error
        self._output.write(line + b"\n")
        if event.event in CONTROL_TYPES:
            try:
                self._handle_control(event, sock)
            except NO_JSON as error:
                broken = f"a {event.event} event is out of shape: {error}"
                raise http.client.HTTPException(broken) from error
        else:
            self._events += 1
            self._meter.update()
        if event.id is not None:
            self._cursor = event.id
            self._meter.set_postfix_str(f"last {event.id}", refresh=False)

    def _handle_control(self, event: Object, sock: socket.socket) -> None:
        """Do what a control event asks for, and report what it says is missing."""
        match event.event:
            case "hello":
                hello = msgspec.json.decode(event.data, type=HelloFields)
                self._backoff.reset()
                silence = hello.heartbeat * HEARTBEATS_MISSED
                sock.settimeout(min(max(silence, LEAST_TIMEOUT), MOST_TIMEOUT))
                if self._cursor:
                    self._report_resume(hello)
            case "gap":
                gap = msgspec.json.decode(event.data, type=Missing)
                self._report_missing("fell behind", gap)
            case "bye":
                bye = msgspec.json.decode(event.data, type=ByeFields)
                seconds = bye.retry_ms / 1000
                self._retry_after = min(max(seconds, 0.0), MOST_RETRY_AFTER)
                self._reason = f"bye ({bye.reason})"
            case "end":
                self._ended = True

    def _report_resume(self, hello: HelloFields) -> None:
        if hello.resume == "fresh":
            what = f"the board can't continue from {self._cursor}"
            self._report_missing(what, Missing())
        else:
            self._report_missing(f"continued from {self._cursor}", hello)

    def _report_missing(self, what: str, missing: Missing) -> None:
        if missing.in_words() != NOTHING_MISSING:
            self._missing.append(missing)
        print_note(f"{what}; {missing.in_words()}")


def stream_url(url: SplitResult) -> SplitResult:
    """Return the URL of a stream, given that URL or the URL of a board."""
    if STREAM_PATH.search(url.path):
        return url
    return url._replace(path=url.path.rstrip("/") + "/stream.ndjson")


def path_with_cursor(url: SplitResult, cursor: str) -> str:
    """Return the path and query for the stream to continue after `cursor`."""
    query = url.query
    if cursor:
        asked = parse_qsl(query, keep_blank_values=True)
        others = [pair for pair in asked if pair[0] not in ("after", *LAST_EVENT_ID)]
        query = urlencode([*others, ("after", cursor)], safe=",")
    return f"{url.path}?{query}" if query else url.path


def open_to_append(path: Path) -> tuple[BinaryIO, str]:
    """Return an open file, and the last id in it, "" if the file is new.

    Half a line at the end is removed. Misuse if the file has content but no id.
    """
    file = path.open("a+b")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - END_BYTES, 0))
    *lines, half = file.read().split(b"\n")
    file.truncate(size - len(half))
    for line in reversed(lines):
        with contextlib.suppress(*NO_JSON):
            if id := _decode(line).id:
                return file, id
    if size:
        file.close()
        raise Misuse(f"{path} has no recording to continue; name another file")
    return file, ""


def check_is_stream(answer: http.client.HTTPResponse) -> None:
    """Raise Busy or Rejected if an answer is not a stream of events."""
    if answer.status in BUSY_STATUSES:
        raise Busy(answer)
    if answer.status != 200:
        raise read_rejection(answer)
    kind = answer.headers.get_content_type()
    if kind != NDJSON:
        raise Rejected(200, f"that is {kind}, not a stream")
