"""Boards as of one cursor, made from rows."""

from typing import Any

import msgspec

from feed.answers.piece import Board
from feed.events.event import EventId, keyed
from feed.history import History
from tests.helpers.samples import EVENING

KEY_FIELDS = {"price": "symbol", "score": "match", "notice": "notice"}


def board_of(*rows: tuple[str, dict[str, Any]]) -> Board:
    """Return a board with these events, each an event type and its data.

    The key of a publisher's own event is its field `key`.
    """
    events = [
        keyed(
            type, str(data[KEY_FIELDS.get(type, "key")]), msgspec.json.encode(data)
        ).with_id(EventId(EVENING, seq))
        for seq, (type, data) in enumerate(rows)
    ]
    newest = {event.slot: event for event in events if event.slot}
    return Board(EventId(EVENING, len(rows)), newest, History(), EVENING, "published")


def notice(title: str, body: str | None = None, id: str = "n1") -> dict[str, Any]:
    """Return the data of a notice."""
    return {
        "notice": id,
        "title": title,
        "body": body,
        "level": "info",
        "topic": None,
        "until": None,
        "at": EVENING,
    }
