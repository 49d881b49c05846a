"""`python -m feed publish`: send a recording, or any NDJSON, to a running board.

Theory of operation: the file is read line by line and sent in batches, each of which is
published once (`BatchPublisher`). If the board rejects a batch, nothing of it has been
published, and the error names the line. A line that retires a key which the board no
longer has is left out, and so is an event whose `until` is past. The rest of the batch
is then sent again; other rejections end the command.
"""

import os
import re
import select
import stat
from collections.abc import Iterator
from io import FileIO
from typing import NamedTuple

import msgspec
from tqdm import tqdm

from feed.commands.board import (
    READ_BYTES,
    BatchPublisher,
    GivenUp,
    Misuse,
    Rejected,
    check_secrecy,
    count_in_words,
    parse_address,
    print_note,
)
from feed.events.event import CONTROL_TYPES
from feed.publishing.batch import MAX_EVENTS
from feed.publishing.lifetime import EXPIRED
from feed.sources.recording import Damage, Record, RecordingReader

BATCH_BYTES = 512 * 1024  # half of what a request may have
INPUT_STATUSES = frozenset({400, 413, 422, 507})  # that reject the input itself
PRINTED_LINES = 100  # skipped lines that are shown; further ones are only counted
PLACE = re.compile(r"\$\[([0-9]+)\]")


class Line(NamedTuple):
    """A line of the file as it is sent, and its number in the file."""

    number: int
    type: str
    text: bytes


def publish(file: str, to: str, token: str, insecure: bool = False) -> int:
    """Send a file (`-` is standard input) to a board; return the exit status.

    `insecure` allows to send the token to another host without encryption.
    """
    url = parse_address(to)
    token = token or os.environ.get("PUBLISH_TOKEN", "").partition(",")[0].strip()
    if not (token.isascii() and token.isprintable()):
        raise Misuse("the token has characters that a header can't contain")
    if token and url.username is not None:
        raise Misuse(
            "a request has one Authorization header: leave out the user and password "
            "in the URL, or the token in --token and PUBLISH_TOKEN"
        )
    if token:
        check_secrecy(url, "token", insecure)
    elif url.username is not None:
        check_secrecy(url, "password", insecure)
    with FileIO(0, closefd=False) if file == "-" else FileIO(file) as raw:
        return FileSender(file, Pipe(raw), BatchPublisher(url, token)).run()


class FileSender:
    """Sends one file, and counts what was published and what was skipped."""

    def __init__(self, name: str, pipe: "Pipe", publisher: BatchPublisher) -> None:
        self._name = "standard input" if name == "-" else name
        self._pipe = pipe
        self._publisher = publisher
        self._reader = RecordingReader(pipe)
        self._published = 0
        self._skipped = 0
        self._damaged = False
        self._last_line = 0  # the last line that was published
        self._meter = tqdm(
            total=pipe.size, unit="B", unit_scale=True, unit_divisor=1024, disable=None
        )

    def run(self) -> int:
        """Send all; return the exit status, 1 if something could not be published."""
        status = 0
        try:
            for batch in self._batches():
                self._send(batch)
                self._show()
        except (Rejected, GivenUp) as error:
            print_note(f"{self._name}: {error}")
            status = 1
        except KeyboardInterrupt:
            last = self._last_line
            print_note(f"Stopped after line {last}; later ones may be published too.")
            status = 130
        self._meter.close()
        skipped = count_in_words(self._skipped, "line")
        addition = f", {skipped} skipped" if self._skipped else ""
        print(f"{count_in_words(self._published, 'event')} published{addition}")
        return status or int(self._damaged)

    def _batches(self) -> Iterator[list[Line]]:
        """Yield the events in batches, and a smaller batch while the input is idle."""
        batch: list[Line] = []
        size = 0
        for found in self._reader:
            if isinstance(found, Damage):
                self._skip(found)
            elif found is not None and found.type not in CONTROL_TYPES:
                line = Line(found.line, found.type, encode_publication(found))
                if size + len(line.text) > BATCH_BYTES and batch:
                    yield batch
                    batch, size = [], 0
                batch.append(line)
                size += len(line.text)
            if batch and (len(batch) == MAX_EVENTS or self._pipe.is_idle()):
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _skip(self, damage: Damage) -> None:
        """Report a line that can't be sent; a recording's cut end isn't a failure."""
        self._skipped += 1
        self._damaged = self._damaged or not damage.cut
        if self._skipped <= PRINTED_LINES:
            print_note(f"{self._name}, line {damage.line}: skipped: {damage.reason}")
        if self._skipped == PRINTED_LINES:
            print_note(f"{self._name}: lines skipped from now on are only counted")

    def _send(self, batch: list[Line]) -> None:
        """Publish a batch, without the lines that the board rejects as void."""
        last_line = batch[-1].number
        while batch:
            try:
                self._publisher.publish(b"".join(line.text for line in batch))
                break
            except Rejected as error:
                index = _rejected_line(error, batch)
                if index is None or not _is_void(error, batch[index]):
                    raise _with_lines(error, batch, index) from error
                self._skip(Damage(batch[index].number, str(error), cut=True))
                del batch[index]
        self._published += len(batch)
        self._last_line = last_line

    def _show(self) -> None:
        self._meter.set_postfix_str(f"{self._published} events", refresh=False)
        self._meter.update(self._reader.consumed - self._meter.n)


class Pipe:
    """A file that is read as soon as it has data, such as a pipe from `record`.

    A buffered file would wait for a full buffer, and so delay the events in it.
    """

    def __init__(self, raw: FileIO) -> None:
        self._raw = raw
        self._buffer = bytearray()
        status = os.fstat(raw.fileno())
        self._regular = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self._regular else None

    def readline(self, limit: int) -> bytes:
        """Return a line, as the `readline` of any binary file does."""
        while (end := self._buffer.find(b"\n", 0, limit) + 1) == 0:
            if len(self._buffer) >= limit:
                end = limit
                break
            piece = self._raw.read(READ_BYTES)
            if not piece:
                end = len(self._buffer)
                break
            self._buffer += piece
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def is_idle(self) -> bool:
        """Whether reading a line would wait for the writer."""
        if self._regular or b"\n" in self._buffer:
            return False
        return not select.select([self._raw], [], [], 0)[0]


def encode_publication(record: Record) -> bytes:
    """Return a record as a line of NDJSON that can be published."""
    key = b"" if record.key is None else b'"key":%b,' % msgspec.json.encode(record.key)
    expiry = b"".join(
        b'"%b":%b,' % (name, msgspec.json.encode(value))
        for name, value in ((b"ttl", record.ttl), (b"until", record.until))
        if value is not None
    )
    event = msgspec.json.encode(record.type)
    return b'{"event":%b,%b%b"data":%b}\n' % (event, key, expiry, record.data)


def _rejected_line(error: Rejected, batch: list[Line]) -> int | None:
    """Return the index of the rejected line; None if the board names none."""
    found = PLACE.match(error.place)
    index = int(found[1]) if found else None
    return index if index is not None and index < len(batch) else None


def _is_void(error: Rejected, line: Line) -> bool:
    """Return whether a line was rejected as its key is gone, or would be at once."""
    if line.type == "gone":
        return True
    return error.place.endswith(".until") and EXPIRED in error.detail


def _with_lines(error: Rejected, batch: list[Line], index: int | None) -> Rejected:
    """Return the error with the numbers of the lines, if it is about the input."""
    if error.status not in INPUT_STATUSES:
        return error
    first, last = batch[0].number, batch[-1].number
    if index is not None:
        first = last = batch[index].number
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return Rejected(error.status, f"{lines}: {error.detail}", error.place)
