"""An answer: a log that ends, and the pieces of text that are its events.

Theory of operation: an answer has a log of its own, so a stream reads it like the log
of the board, from any cursor. Nothing in it supersedes anything else, hence its state
is the whole text. One thread at a time writes an answer. Any other thread may ask it to
stop, and the writing thread then ends it.

An answer that has ended is read rarely, if ever. It is kept packed, in a tenth of the
memory. The first reader that comes unpacks it, and those who read meanwhile share that.
"""

import re
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from feed.answers.piece import Piece, Turn
from feed.events.control import Cited, End
from feed.events.event import MESSAGE, Event, EventId
from feed.log import Log, Selects
from feed.streams.catchup import CatchUp
from feed.streams.framecache import FrameCache
from feed.streams.written import FIRST_STRONG_ISOLATE, POP_ISOLATE

MOST_PIECES = 10_000  # retained in the log of an answer: all that an answer can have
ANSWER_ID = re.compile("[0-9a-f]{32}")
MOST_TURNS = 3  # earlier questions and answers that an answerer gets

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Piece).decode
_SPACE_AT_END = re.compile(r"\s+\Z")
# What `isolated` put around a name stays in one word with it.
_ISOLATE = f"{FIRST_STRONG_ISOLATE}[^{FIRST_STRONG_ISOLATE}{POP_ISOLATE}]*{POP_ISOLATE}"
_SPACED_WORD = re.compile(rf"\s*(?:{_ISOLATE}|\S)+|\s+")


class AnswerLog(Log):
    """A log of pieces: nothing is superseded, so its state is all of them."""

    def __init__(self, start: int) -> None:
        """Begin an empty log at the instant `start` (epoch ms)."""
        super().__init__(MOST_PIECES, start)

    def state(self, selects: Selects | None = None) -> list[Event]:
        """Return all pieces, in order."""
        with self._lock:
            pieces = self._retained
            return [piece for piece in pieces if selects is None or selects(piece)]


class Opening(msgspec.Struct, frozen=True):
    """The data of an answer that is known when it begins.

    `as_of` is the cursor of the board that it is answered from, and `at` the instant
    (epoch ms). `turns` are the earlier turns of its conversation, oldest first.
    """

    id: str
    question: str
    as_of: EventId
    at: int
    turns: tuple[Turn, ...] = ()


class Answer:
    """One answer, while it is given and after that.

    `by` is "rules" or the name of a model. `ending` is None until the answer ends.
    `clock` returns monotonic seconds, and `read_at` is when a reader last looked at the
    answer. `stop` is the reason and the sentence with which it is to end, or None.
    `process` names the other process that gives it; it is empty if this one does.
    """

    def __init__(
        self,
        opening: Opening,
        by: str,
        clock: Callable[[], float],
        process: str = "",
    ) -> None:
        self.opening = opening
        self.by = by
        self.ending: End | None = None
        self.clock = clock
        self.began_at = self.read_at = clock()
        self.ended_at = 0.0
        self.first_word: float | None = None  # the seconds until it
        self.stop: tuple[str, str] | None = None
        self.process = process
        self._outlet: AnswerOutlet | None = AnswerOutlet(self, AnswerLog(opening.at))
        self._packed = b""
        self._unpacked: weakref.ref[AnswerOutlet] | None = None
        self._sources: dict[Cited, None] = {}

    @property
    def id(self) -> str:
        """The id, which can't be guessed."""
        return self.opening.id

    @property
    def outlet(self) -> "AnswerOutlet":
        """The log of this answer, with what its streams share."""
        outlet = self._outlet
        if outlet is None and self._unpacked is not None:
            outlet = self._unpacked()
        if outlet is None:
            log = AnswerLog(self.opening.at)
            log.extend(_unpack(self._packed))
            outlet = AnswerOutlet(self, log)
            self._unpacked = weakref.ref(outlet)
        return outlet

    @property
    def size(self) -> int:
        """The bytes of text that are kept for this answer."""
        turns = (*self.opening.turns, Turn(self.opening.question, ""))
        asked = sum(len(turn.question) + len(turn.answer) for turn in turns)
        return len(self._packed) + 4 * asked

    @property
    def pieces(self) -> list[Piece]:
        """The pieces so far."""
        return pieces_of(self.outlet.log.state())

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def turn(self) -> Turn:
        """The question, and the answer so far."""
        return Turn(self.opening.question, self.text)

    def prepare(self, pieces: list[Piece], now: int) -> list[Event]:
        """Return pieces as the next events of the log, at the instant `now` (ms).

        They are appended next, in this process or another one.
        """
        self.cite(pieces)
        ms, seq = self.outlet.log.tail
        if now > ms:
            ms, seq = now, -1
        return [
            Event(MESSAGE, _encode(piece), id=EventId(ms, seq + n))
            for n, piece in enumerate(pieces, 1)
        ]

    def cite(self, pieces: Iterable[Piece]) -> None:
        """Add the references of pieces to the sources of the answer."""
        for piece in pieces:
            if piece.ref is not None:
                ref = piece.ref
                self._sources[Cited(ref.event, ref.key, ref.id)] = None

    def append(self, events: list[Event]) -> None:
        """Append events that `prepare` returned."""
        if events and self.first_word is None:
            self.first_word = self.clock() - self.began_at
        self.outlet.log.extend(events)

    def make_end(self, reason: str, detail: str | None, at: int) -> End:
        """Return the end of this answer at the instant `at` (epoch ms)."""
        return End(reason, detail, [*self._sources], at)

    def end(self, ending: End) -> None:
        """End the answer."""
        self.ending, self.ended_at = ending, self.clock()
        self.outlet.log.wake()

    def pack(self) -> None:
        """Compress an answer that has ended; its present readers keep their log."""
        if self._outlet is not None:
            self._packed = _pack(self._outlet.log.state())
            self._unpacked, self._outlet = weakref.ref(self._outlet), None


class AnswerOutlet:
    """An `Outlet` for the log of one answer. It has no fan-out."""

    fanout = None

    def __init__(self, answer: Answer, log: AnswerLog) -> None:
        self.log: Log = log
        self.frame_cache = FrameCache(log)
        self.catch_up = CatchUp(log)
        self._answer = answer

    @property
    def ends_soon(self) -> bool:
        """Whether this process gives the answer, and ends it before it ends itself."""
        return not self._answer.process

    @property
    def end_id(self) -> EventId | None:
        """The id that follows the last word, once the answer has ended."""
        return None if self._answer.ending is None else id_after(self.log.tail)

    def is_ahead(self, cursor: EventId) -> bool:
        """Return False: the log has every id that was given to a reader."""
        return False

    def end_at(self, cursor: EventId, match: str | None) -> End | None:
        """Return the end of the answer to a reader that has all of its text.

        Every stream asks this each time that it wakes, so the answer is being read.
        """
        answer = self._answer
        answer.read_at = answer.clock()
        return answer.ending if cursor >= self.log.tail else None


def id_after(id: EventId) -> EventId:
    """Return the next id of the same instant."""
    return EventId(id.ms, id.seq + 1)


def pieces_of(events: Iterable[Event]) -> list[Piece]:
    """Return the pieces that events of an answer have."""
    return [_decode(event.data) for event in events]


def words_of(pieces: Iterable[Piece]) -> deque[list[Piece]]:
    """Return pieces cut into words. A word begins with the space before it.

    A piece with a reference stays whole. What continues a word without a space, such as
    a full stop, belongs to that word.
    """
    words: deque[list[Piece]] = deque()
    space = ""
    for piece in pieces:
        text = space + piece.text
        space = "".join(_SPACE_AT_END.findall(text))
        text = text.removesuffix(space)
        whole = piece.ref is not None or piece.unchecked
        for part in [text] if whole and text else _SPACED_WORD.findall(text):
            cut = msgspec.structs.replace(piece, text=part)
            if words and not part[:1].isspace():
                words[-1].append(cut)
            else:
                words.append([cut])
    return words


def _pack(events: list[Event]) -> bytes:
    rows = [(*event.id, event.data) for event in events]
    return zlib.compress(msgspec.msgpack.encode(rows))


def _unpack(packed: bytes) -> list[Event]:
    rows = msgspec.msgpack.decode(
        zlib.decompress(packed), type=list[tuple[int, int, bytes]]
    )
    return [Event(MESSAGE, data, id=EventId(ms, seq)) for ms, seq, data in rows]
