"""The state of a board: its events, decoded as far as a question needs them.

Strategy: a question may concern every key, so the few fields by which keys are found
and ordered are decoded for all of them, by shapes without checks (`QuoteHead`,
`ScoreHead`). The other fields are read for the few keys that the answer names. What is
made for each key isn't tracked by the garbage collector, which would otherwise walk
through the whole process in the middle of an answer.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from feed.answers.phrases import shown
from feed.answers.piece import Board, Piece, Ref
from feed.events.catalogue import KNOWN
from feed.events.event import Event, Slot
from feed.events.reading import UNREADABLE, read_shape
from feed.events.shapes import MAX_AMOUNT, MarketState, Notice, Quote, Score

HEADS_READ = 16_000_000  # bytes of events to look through for one question
DATA_READ = 65_536  # bytes of one event of a publisher's own type; more isn't read
OWN_READ = 1_000_000  # bytes of all events of a publisher's own type

Number = Annotated[float, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Head = TypeVar("Head")


_INCIDENTS, _WITHOUT_INCIDENTS = b',"incidents":[', b"}"


class QuoteHead(msgspec.Struct, frozen=True, gc=False):
    """The fields of a quote by which quotes are found and ordered."""

    price: Number
    name: str | None = None
    sector: str | None = None
    market: str | None = None
    currency: str | None = None
    decimals: Annotated[int, Meta(ge=0, le=20)] = 2
    change: Number | None = None
    change_percent: Number | None = None
    volume: float | None = None
    at: int = 0


class TeamHead(msgspec.Struct, frozen=True, gc=False):
    """The fields of a team by which matches are found."""

    name: str
    code: str | None = None
    score: int | None = None


class ScoreHead(msgspec.Struct, frozen=True, gc=False):
    """The fields of a match by which matches are found and ordered."""

    home: TeamHead
    away: TeamHead
    status: str
    competition: str | None = None
    kick_off: int | None = None
    at: int = 0


_quote_head = msgspec.json.Decoder(QuoteHead)
_score_head = msgspec.json.Decoder(ScoreHead)


class State:
    """The events of a board by type and key, and what they contain."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.events: dict[str, dict[str, Event]] = {}
        for (type, key), event in board.newest.items():
            self.events.setdefault(type, {})[key] = event

    @cached_property
    def quotes(self) -> dict[str, QuoteHead]:
        """All quotes by symbol, oldest first."""
        return _heads(self.events.get("price", {}), _quote_head.decode)

    @cached_property
    def scores(self) -> dict[str, ScoreHead]:
        """All matches by key, oldest first."""
        return _heads(self.events.get("score", {}), _decode_score_head)

    @cached_property
    def markets(self) -> dict[str, MarketState]:
        """All markets by key."""
        shapes = map(read_shape, self.events.get("market", {}).values())
        return {it.market: it for it in shapes if isinstance(it, MarketState)}

    @cached_property
    def own_types(self) -> dict[str, dict[str, Event]]:
        """The events of publishers' own types, by type and key."""
        return {name: keys for name, keys in self.events.items() if name not in KNOWN}

    @property
    def notices(self) -> dict[str, Event]:
        """The events of notices, oldest first."""
        return self.events.get("notice", {})

    def quote(self, symbol: str) -> Quote | None:
        """Return the whole quote of a symbol; None if there is none to read."""
        shape = self._shape("price", symbol)
        return shape if isinstance(shape, Quote) else None

    def score(self, match: str) -> Score | None:
        """Return a whole match; None if there is none to read."""
        shape = self._shape("score", match)
        return shape if isinstance(shape, Score) else None

    def notice(self, key: str) -> Notice | None:
        """Return a notice; None if there is none to read."""
        shape = self._shape("notice", key)
        return shape if isinstance(shape, Notice) else None

    def figure(self, slot: Slot, field: str | None, text: str) -> Piece:
        """Return a text that refers to a field of a key, or to the key itself.

        It has no ref if data names another key than its event does.
        """
        event = self.board.newest.get(slot)
        if event is None:
            return Piece(text)
        return Piece(text, Ref(slot[0], slot[1], field, str(event.id)))

    def name(self, slot: Slot, text: str) -> Piece:
        """Return a name that refers to its key."""
        return self.figure(slot, None, shown(text))

    def _shape(self, type: str, key: str) -> Any:
        event = self.events.get(type, {}).get(key)
        return None if event is None else read_shape(event)


def read_own(events: Iterable[Event]) -> dict[str, Any]:
    """Return the data of events of a publisher's own type by key.

    Events beyond `DATA_READ` and `OWN_READ` bytes are left out.
    """
    data, left = {}, OWN_READ
    for event in events:
        left -= len(event.data)
        if left < 0:
            break
        if event.slot is not None and len(event.data) <= DATA_READ:
            data[event.slot[1]] = _decode(event.data)
    return data


def _decode(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        return None


def _decode_score_head(data: bytes) -> ScoreHead:
    """Return the head of a match.

    Its incidents, which are most of its bytes, come last in this version's JSON and
    aren't read. This name with its quotes can't be a part of a text.
    """
    end = data.find(_INCIDENTS)
    if end > 0:
        try:
            return _score_head.decode(data[:end] + _WITHOUT_INCIDENTS)
        except UNREADABLE:
            pass  # another version has written its fields in another order
    return _score_head.decode(data)


def _heads(
    events: dict[str, Event], decode: Callable[[bytes], Head]
) -> dict[str, Head]:
    """Return the heads of the newest events that fit into `HEADS_READ` bytes."""
    heads: dict[str, Head] = {}
    left = HEADS_READ
    for key, event in reversed(events.items()):
        left -= len(event.data)
        if left < 0:
            break
        try:
            heads[key] = decode(event.data)
        except UNREADABLE:
            continue
    return dict(reversed(heads.items()))
