"""`python -m feed publish`: send a recording, or any NDJSON, to a running board.

Strategy: a batch has an idempotency key of its own and is sent until the board has
answered. So each is published once, whatever breaks in between.
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
    Board,
    GivenUp,
    Misuse,
    Refused,
    address,
    counted,
    say,
)
from feed.events.event import CONTROL_TYPES
from feed.publishing.batch import MAX_EVENTS
from feed.sources.recording import Damage, Reader, Record

BATCH = 512 * 1024  # bytes; half of what a request may have
PIECE = 1 << 16  # bytes to read at once
OF_LINES = frozenset({400, 413, 422})  # statuses that are about what was sent
PLACE = re.compile(r"\$\[([0-9]+)\]")


class Line(NamedTuple):
    """What is sent of a line, and which one of the file it is."""

    number: int
    type: str
    text: bytes


def publish(file: str, to: str, token: str) -> int:
    """Send a file (`-` is standard input) to a board; return the exit status."""
    url = address(to)
    token = token or os.environ.get("PUBLISH_TOKEN", "").partition(",")[0].strip()
    if not (token.isascii() and token.isprintable()):
        raise Misuse("the token has characters that no header can carry")
    with FileIO(0, closefd=False) if file == "-" else FileIO(file) as raw:
        return Publication(file, Pipe(raw), Board(url, token)).run()


class Publication:
    """The sending of one file: what was published, and what was not."""

    def __init__(self, name: str, pipe: "Pipe", board: "Board") -> None:
        self._name = "standard input" if name == "-" else name
        self._pipe = pipe
        self._board = board
        self._reader = Reader(pipe)
        self._published = 0
        self._skipped = 0
        self._damaged = False
        self._upto = 0  # the last line of what was published
        self._meter = tqdm(
            total=pipe.size, unit="B", unit_scale=True, unit_divisor=1024, disable=None
        )

    def run(self) -> int:
        """Send all; return 0, or 1 where something could not be published."""
        status = 0
        try:
            for batch in self._batches():
                self._send(batch)
                self._show()
        except (Refused, GivenUp) as error:
            say(f"{self._name}: {error}")
            status = 1
        except KeyboardInterrupt:
            say(f"Stopped after line {self._upto}; the next ones may be published too.")
            status = 130
        self._meter.close()
        skipped = counted(self._skipped, "line")
        more = f", {skipped} skipped" if self._skipped else ""
        print(f"{counted(self._published, 'event')} published{more}")
        return status or int(self._damaged)

    def _batches(self) -> Iterator[list[Line]]:
        """Yield the events in batches; a smaller one where no more is there yet."""
        batch: list[Line] = []
        size = 0
        for found in self._reader:
            if isinstance(found, Damage):
                self._skip(found)
            elif found is not None and found.type not in CONTROL_TYPES:
                line = Line(found.line, found.type, written(found))
                if size + len(line.text) > BATCH and batch:
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
        """Tell of a line that can't be sent; that a recording was cut is no failure."""
        self._skipped += 1
        self._damaged = self._damaged or not damage.cut
        say(f"{self._name}, line {damage.line}: skipped: {damage.reason}")

    def _send(self, batch: list[Line]) -> None:
        """Publish a batch, without the keys in it that the board has retired itself."""
        upto = batch[-1].number
        while batch:
            try:
                self._board.publish(b"".join(line.text for line in batch))
                break
            except Refused as error:
                at = _index(error, batch)
                if at is None or batch[at].type != "gone":
                    raise _placed(error, batch, at) from error
                self._skip(Damage(batch[at].number, str(error), cut=True))
                del batch[at]
        self._published += len(batch)
        self._upto = upto

    def _show(self) -> None:
        self._meter.set_postfix_str(f"{self._published} events", refresh=False)
        self._meter.update(self._reader.consumed - self._meter.n)


class Pipe:
    """A file, read as far as there is something: it may be one that still grows."""

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
            more = self._raw.read(PIECE)
            if not more:
                end = len(self._buffer)
                break
            self._buffer += more
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def is_idle(self) -> bool:
        """Whether to read on would mean to wait for whoever writes."""
        if self._regular or b"\n" in self._buffer:
            return False
        return not select.select([self._raw], [], [], 0)[0]


def written(record: Record) -> bytes:
    """Return a record as a line of the form that is published."""
    key = b"" if record.key is None else b'"key":%b,' % msgspec.json.encode(record.key)
    event = msgspec.json.encode(record.type)
    return b'{"event":%b,%b"data":%b}\n' % (event, key, record.data)


def _index(error: Refused, batch: list[Line]) -> int | None:
    """Return which line of the batch is refused; None where it isn't said."""
    found = PLACE.match(error.place)
    at = int(found[1]) if found else None
    return at if at is not None and at < len(batch) else None


def _placed(error: Refused, batch: list[Line], at: int | None) -> Refused:
    """Return the refusal with the lines that it is about, where it is about lines."""
    if error.status not in OF_LINES:
        return error
    first, last = batch[0].number, batch[-1].number
    if at is not None:
        first = last = batch[at].number
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return Refused(error.status, f"{lines}: {error.detail}", error.place)
