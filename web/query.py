"""The parameters of a request, understood or refused with what may stand."""

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from weakref import WeakValueDictionary

import msgspec

from feed.events.event import CONTROL_TYPES, FORBIDDEN_IN_KEY, TYPE_NAME, EventId
from feed.streams.view import View, WireFormat

MAX_PACE = 60.0  # seconds


class InvalidParameter(ValueError):
    """A parameter can't be understood; the message says what may stand."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Query(msgspec.Struct, frozen=True):
    """The parameters of one request, understood."""

    symbols: frozenset[str] | None = None
    matches: frozenset[str] | None = None
    events: frozenset[str] | None = None
    after: EventId | None = None
    pace: float = 0.0
    once: bool = False

    def view(self, wire: WireFormat = "sse") -> View:
        """Return the view that was asked for, in a wire format.

        While one that is equal is in use, that one: a thousand symbols are held once.
        """
        view = View(self.symbols, self.matches, self.events, self.pace, wire)
        return _in_use.setdefault(view, view)


_in_use: WeakValueDictionary[View, View] = WeakValueDictionary()


STREAM_PARAMETERS = ("symbols", "matches", "events", "after", "pace", "once")
MATCH_PARAMETERS = ("after", "pace", "once")
STATE_PARAMETERS = ("symbols", "matches", "events")


def parse(pairs: Iterable[tuple[str, str]], allowed: tuple[str, ...]) -> Query:
    """Return what a query string asks for; InvalidParameter where it isn't clear."""
    found: dict[str, str] = {}
    for name, text in pairs:
        if name not in allowed:
            raise InvalidParameter(name[:80], _unknown(name, allowed))
        if name in found:
            raise InvalidParameter(name, "is given twice; separate values by commas")
        found[name] = text
    return Query(
        symbols=_names("symbols", found),
        matches=_names("matches", found),
        events=_types(found),
        after=_after(found),
        pace=_pace(found),
        once=_flag("once", found),
    )


def whole(name: str, text: str, low: int, high: int) -> int:
    """Return a whole number within bounds; InvalidParameter for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidParameter(name, f"{text[:80]!r} is no whole number")
    if not low <= int(text) <= high:
        raise InvalidParameter(name, f"{text} is not from {low} to {high}")
    return int(text)


def _unknown(name: str, allowed: tuple[str, ...]) -> str:
    known = f"there is no such parameter; there are {', '.join(allowed)}"
    near = get_close_matches(name.lower(), allowed, n=1, cutoff=0.6)
    return f"{known}. Did you mean {near[0]}?" if near else known


def _names(name: str, found: dict[str, str]) -> frozenset[str] | None:
    if name not in found:
        return None
    names = frozenset(part for part in found[name].split(",") if part)
    if not names:
        raise InvalidParameter(name, "names nothing; leave it out for all of them")
    if FORBIDDEN_IN_KEY.search(found[name]):
        raise InvalidParameter(name, "no control characters or line breaks")
    return names


def _types(found: dict[str, str]) -> frozenset[str] | None:
    types = _names("events", found)
    for type in sorted(types or ()):
        if not TYPE_NAME.fullmatch(type):
            raise InvalidParameter("events", f"{type[:80]!r} can't be an event type")
    # Control events always come, so that naming one is no mistake and no filter.
    return types if types is None else types - CONTROL_TYPES


def _after(found: dict[str, str]) -> EventId | None:
    if "after" not in found:
        return None
    try:
        return EventId.parse(found["after"])
    except ValueError as error:
        raise InvalidParameter("after", str(error)) from error


def _pace(found: dict[str, str]) -> float:
    text = found.get("pace", "0")
    plain = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}", text, re.ASCII)
    pace = float(text) if plain else math.inf
    if pace > MAX_PACE:
        raise InvalidParameter(
            "pace", f"{text[:80]!r} is not a number of seconds from 0 to {MAX_PACE:g}"
        )
    return round(pace, 3)  # finer ones would be views of their own for nothing


def _flag(name: str, found: dict[str, str]) -> bool:
    text = found.get(name, "0")
    if text not in ("0", "1"):
        raise InvalidParameter(name, f"{text[:80]!r} is neither 1 nor 0")
    return text == "1"
