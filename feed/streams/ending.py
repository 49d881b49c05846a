"""When the stream of one match is over: after the event with a final status."""

import msgspec

from feed.events.event import Event, EventId
from feed.events.reading import UNREADABLE
from feed.events.shapes import FINAL
from feed.log import Log


def has_had_last_event(log: Log, match: str, cursor: EventId) -> bool:
    """Return whether a reader at `cursor` has received the last event of a match."""
    last = last_event(log, match)
    return last is not None and last <= cursor


def last_event(log: Log, match: str) -> EventId | None:
    """Return the id of the event that ended or retired a match; None until then."""
    newest = log.newest(("score", match))
    if newest is None:
        return None
    over = newest.retires or _status(newest) in FINAL
    return newest.id if over else None


def _status(score: Event) -> str | None:
    """Return the status; None if another version wrote data without a readable one."""
    try:
        return msgspec.json.decode(score.data, type=_Status).status
    except UNREADABLE:
        return None


class _Status(msgspec.Struct):
    status: str | None = None
