"""The query parameters of a request, parsed into a `Query` or refused with a reason.

Strategy: parsing and checking are one step, so every `Query` that exists is valid.
"""

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from weakref import WeakValueDictionary

import msgspec

from feed.events.event import CONTROL_TYPES, FORBIDDEN_IN_KEY, TYPE_NAME, EventId
from feed.streams.view import LAST_EVENT_ID, View, WireFormat

MAX_PACE = 60.0  # seconds
STREAM_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)
MAX_NAMES = 200  # in one filter; each name costs memory in the fan-out


class InvalidParameter(ValueError):
    """A parameter is unknown or invalid; the message says which values are valid."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Query(msgspec.Struct, frozen=True):
    """The parameters of one request; None where a parameter is left out."""

    symbols: frozenset[str] | None = None
    matches: frozenset[str] | None = None
    events: frozenset[str] | None = None
    cursor: EventId | None = None
    pace: float = 0.0
    once: bool = False
    name: str | None = None

    def view(self, wire: WireFormat = "sse") -> View:
        """Return the view that the request selects, in a wire format.

        Requests with equal parameters get the same object while it is in use. A view
        may name a thousand symbols, and many streams may have that view.
        """
        view = View(self.symbols, self.matches, self.events, self.pace, wire)
        return _views_in_use.setdefault(view, view)


_views_in_use: WeakValueDictionary[View, View] = WeakValueDictionary()


MATCH_PARAMETERS = ("after", "pace", "once", LAST_EVENT_ID[0])
STREAM_PARAMETERS = ("symbols", "matches", "events", "name", *MATCH_PARAMETERS)
STATE_PARAMETERS = ("symbols", "matches", "events")


def parse_query(pairs: Iterable[tuple[str, str]], allowed: tuple[str, ...]) -> Query:
    """Return the parameters in a query string; InvalidParameter if one is invalid.

    `pairs` are names and values as decoded from the URL; only the names in `allowed`
    may occur, each once. `lastEventId` may have its other spellings, and be repeated.
    """
    found: dict[str, str] = {}
    for spelling, text in pairs:
        name = _SPELLINGS.get(spelling, spelling)
        if name not in allowed:
            raise InvalidParameter(spelling[:80], _list_known(spelling, allowed))
        if name in found and name != LAST_EVENT_ID[0]:
            raise InvalidParameter(name, "is given twice; separate values by commas")
        found[name] = text
    return Query(
        symbols=_parse_names("symbols", found),
        matches=_parse_names("matches", found),
        events=_parse_types(found),
        cursor=_parse_cursor(found),
        pace=_parse_pace(found),
        once=_parse_flag("once", found),
        name=_parse_stream_name(found),
    )


_SPELLINGS = dict.fromkeys(LAST_EVENT_ID, LAST_EVENT_ID[0])


def read_last_event_id(text: str) -> EventId | None:
    """Return the cursor that a client sends by itself when it reconnects.

    An invalid one counts as no cursor, so that the stream starts afresh: on an error
    status an EventSource would give up for good, and not show the page the reason.
    """
    try:
        return EventId.parse(text)
    except ValueError:
        return None


def parse_whole(name: str, text: str, low: int, high: int) -> int:
    """Return a text as an integer from `low` to `high`; InvalidParameter otherwise."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidParameter(name, f"{text[:80]!r} is not a whole number")
    if not low <= int(text) <= high:
        raise InvalidParameter(name, f"{text} is not from {low} to {high}")
    return int(text)


def parse_seconds(name: str, text: str, low: float, high: float) -> Decimal:
    """Return a text as seconds from `low` to `high`; InvalidParameter otherwise."""
    plain = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}", text, re.ASCII)
    if not (plain and low <= float(text) <= high):
        wanted = f"a number of seconds from {low:g} to {high:.0f}"
        raise InvalidParameter(name, f"{text[:80]!r} is not {wanted}")
    return Decimal(text)


def _list_known(name: str, allowed: tuple[str, ...]) -> str:
    """Return the message for an unknown parameter, with the one that may be meant."""
    known = f"there is no such parameter; there are {', '.join(allowed)}"
    near = get_close_matches(name.lower(), allowed, n=1, cutoff=0.6)
    return f"{known}. Did you mean {near[0]}?" if near else known


def _parse_names(name: str, found: dict[str, str]) -> frozenset[str] | None:
    if name not in found:
        return None
    names = frozenset(part for part in found[name].split(",") if part)
    if not names:
        raise InvalidParameter(name, "names nothing; leave it out for all of them")
    if len(names) > MAX_NAMES:
        raise InvalidParameter(
            name,
            f"{len(names)} names are more than {MAX_NAMES}; "
            "use several requests, or leave it out for all of them",
        )
    if FORBIDDEN_IN_KEY.search(found[name]):
        raise InvalidParameter(name, "no control characters or line breaks")
    return names


def _parse_types(found: dict[str, str]) -> frozenset[str] | None:
    types = _parse_names("events", found)
    for type in sorted(types or ()):
        if not TYPE_NAME.fullmatch(type):
            raise InvalidParameter("events", f"{type[:80]!r} can't be an event type")
    # Every stream gets the control events, so naming one is valid and selects nothing.
    return types if types is None else types - CONTROL_TYPES


def _parse_cursor(found: dict[str, str]) -> EventId | None:
    """Return the cursor in `lastEventId`, or else in `after`.

    A client may add `lastEventId` to the URL each time that it reconnects, so it may
    come beside an older `after`, and the last of several counts.
    """
    after, text = _parse_after(found), found.get(LAST_EVENT_ID[0])
    return after if text is None else read_last_event_id(text)


def _parse_after(found: dict[str, str]) -> EventId | None:
    if "after" not in found:
        return None
    try:
        return EventId.parse(found["after"])
    except ValueError as error:
        raise InvalidParameter("after", str(error)) from error


def _parse_pace(found: dict[str, str]) -> float:
    return _slower_step(parse_seconds("pace", found.get("pace", "0"), 0, MAX_PACE))


def _slower_step(pace: Decimal) -> float:
    """Return the nearest pace that is offered and isn't quicker, in seconds.

    There are few of them, so that streams with almost the same pace share their frames:
    tenths up to a second, and whole seconds above.
    """
    steps = 10 if pace <= 1 else 1
    return math.ceil(pace * steps) / steps


def _parse_stream_name(found: dict[str, str]) -> str | None:
    """Return a name that nobody else can guess, because it closes the stream."""
    name = found.get("name")
    if name is not None and not STREAM_NAME.fullmatch(name):
        raise InvalidParameter("name", "is not 32 random hexadecimal digits")
    return name


def _parse_flag(name: str, found: dict[str, str]) -> bool:
    text = found.get(name, "0")
    if text not in ("0", "1"):
        raise InvalidParameter(name, f"{text[:80]!r} is neither 1 nor 0")
    return text == "1"
