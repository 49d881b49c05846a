"""Reading what other people's servers send: nothing in it can be relied on.

Strategy: a value that isn't what its name promises counts as missing. So a reader never
raises for the content of a frame; it skips what it can't use, and the rest goes on.
"""

import math
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from feed.events.event import KEY_LENGTH
from feed.events.shapes import MAX_AMOUNT

# An instant as these servers write it (RFC 3339); seconds and fractions may be missing.
RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(:\d\d)?(\.\d{1,12})?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Fields = dict[str, Any]


class Unreadable(Exception):
    """An answer isn't what the source promises; the message says what it is instead."""


def read_json(frame: bytes | str) -> object:
    """Return the JSON of a frame, or None if it isn't JSON."""
    try:
        return msgspec.json.decode(frame)
    except NO_JSON:
        return None


def fields_of(value: object) -> Fields:
    """Return a JSON object, or an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def objects_in(value: object) -> list[Fields]:
    """Return the JSON objects in a JSON array, or none for any other value."""
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, dict)]


def number(value: object) -> float | None:
    """Return a number, also one that is written as a text; None if it isn't one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) <= MAX_AMOUNT else None


def whole(value: object, low: int, high: int) -> int | None:
    """Return a whole number from `low` to `high`; None if it isn't one."""
    found = number(value)
    if found is None or found != int(found) or not low <= found <= high:
        return None
    return int(found)


def text(value: object, most: int = KEY_LENGTH) -> str | None:
    """Return a text on one line, cut to `most` characters; None if it is empty."""
    if not isinstance(value, str):
        return None
    return UNPRINTABLE.sub(" ", value).strip()[:most].strip() or None


def instant(value: object) -> int | None:
    """Return an instant, written as in RFC 3339, in epoch milliseconds; else None.

    One without a zone is UTC.
    """
    found = RFC3339.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    minute, second, fraction, zone = found.groups()
    written = f"{minute}{second or ':00'}{(fraction or '')[:7]}{zone or 'Z'}"
    try:
        moment = datetime.fromisoformat(written).astimezone(UTC)
        ms = moment.timestamp() * 1000
    except (ValueError, OverflowError):
        return None
    return int(ms) if ms >= 0 else None
