"""The input and output of answerers: a question, the board, pieces of text.

Strategy: an answerer never refers to the running board. It gets the board as of one
cursor, so each figure of an answer can be checked against the state that it names.
"""

from collections.abc import Mapping

import msgspec

from feed.events.event import Event, EventId, Slot
from feed.history import History


class Ref(msgspec.Struct, frozen=True):
    """The place on the board of a figure or a name in an answer.

    `event` and `key` name the newest event of a key, and `id` is that event's id.
    `field` is the path of the field in its data, such as `price` or `home.score`; a
    number in it is an index. It is null for a key itself, and for a figure that follows
    from several fields.
    """

    event: str
    key: str
    field: str | None
    id: str


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of an answer's text; the text of an answer is the sum of its pieces.

    `unchecked` marks a figure that a model wrote and that the board doesn't show.
    """

    text: str
    ref: Ref | None = None
    unchecked: bool = False


class Turn(msgspec.Struct, frozen=True):
    """An earlier question of the same conversation, and the text of its answer."""

    question: str
    answer: str


class Question(msgspec.Struct, frozen=True):
    """A question: its text, the row it was asked from, and the pinned symbols.

    `about` is the slot of a match or a symbol; "it" in the text refers to it. `symbols`
    are the asker's pinned symbols. `turns` are earlier turns, oldest first.
    """

    text: str
    about: Slot | None = None
    symbols: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()


class Board(msgspec.Struct, frozen=True):
    """The board as of one cursor.

    `newest` has the newest event of each key that isn't retired, in id order. `now` is
    the instant of the question, in epoch milliseconds. `away` is the reason why the log
    can't be followed, or None; `newest_event_age` is in seconds.
    """

    as_of: EventId
    newest: Mapping[Slot, Event]
    history: History
    now: int
    feed: str
    away: str | None = None
    newest_event_age: float = 0.0
