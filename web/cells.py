"""The columns and cells of publishers' own event types.

`static/panels/cells.js` has the same rules for the page in a browser, and both are
tested with the cases in `tests/page/own_types.json`. The data may be any JSON, so no
rule relies on its shape, and none fails.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from feed.streams.written import MINUS, age, isolated, price
from web.times import write_time

MAX_COLUMNS = 8
VALUE = "value"  # the one field of data that isn't an object
LONGEST_TEXT = 120  # characters of a text in a table
LONGEST_HEAD = 40  # characters of a column's head
LONGEST_CHIP = 40  # characters
LONGEST_LINK = 2000  # characters; some browsers cut longer addresses
CELL_DECIMALS = 6
GROUPED = 5  # digits from which a number is written with separators
ABOUT_ZERO = "≈ 0"  # of a number that isn't zero, but rounds to it
INSTANTS = range(10**11, 10**14 + 1)  # epoch milliseconds of the years 1973 to 5138
# JavaScript lists an object's names of this form first, in the order of the numbers
# (ECMA-262, 10.1.11), up to the number 2**32 - 2.
INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
MAX_INDEX = 2**32 - 2
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
NAME_SEPARATORS = re.compile(r"[_.-]+")
ISO_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ]([01]\d|2[0-3]):([0-5]\d)"
    r"(?::([0-5]\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?",
    re.ASCII,
)
YEARS = range(-62135596800000, 253402300799999 + 1)  # 1 to 9999, in epoch milliseconds
# The scheme, and the characters of an address (RFC 3986, section 2).
LINK = re.compile(r"https?://[A-Za-z0-9[][\w.~:/?#[\]@!$&'()*+,;=%-]*", re.ASCII)
CHIP_FIELDS = frozenset({"status", "state", "level", "severity", "priority"})
TONES = {
    **dict.fromkeys(("open", "pending", "warning", "warn", "degraded"), "amber"),
    **dict.fromkeys(("high",), "amber"),
    **dict.fromkeys(("down", "error", "critical", "failed", "breached"), "red"),
    **dict.fromkeys(("fatal", "urgent"), "red"),
    **dict.fromkeys(("ok", "up", "healthy", "online", "closed", "solved"), "green"),
    **dict.fromkeys(("resolved", "done"), "green"),
}
SAID = ("text", "title", "message")  # fields with a sentence, the best first

Kind = Literal[
    "missing", "null", "boolean", "number", "time", "chip", "link", "text", "nested"
]


class Cell(msgspec.Struct, frozen=True):
    """A field as it is written.

    `value` is that of a number. `tone` is the colour of a chip; "plain" if its word
    isn't known. `at` is the instant of a time (epoch ms), `age` its distance from now.
    """

    kind: Kind
    text: str
    value: float | None = None
    tone: str = ""
    at: int | None = None
    age: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether a table shows only the beginning of the text."""
        return len(self.text) > LONGEST_TEXT

    @property
    def beginning(self) -> str:
        """The text as a table shows it."""
        return cut(self.text, LONGEST_TEXT)


MISSING = Cell("missing", "")


def decode(data: bytes) -> Any:
    """Return the data of an event; its text if it can't be decoded as JSON.

    Publishing refuses such data, but another version may have written it.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return data.decode(errors="replace")


def fields_of(data: Any) -> dict[str, Any]:
    """Return the fields of an event's data by name, in the order that browsers give.

    Data that isn't an object is one field, "value".
    """
    if not isinstance(data, dict):
        return {VALUE: data}
    indexes = sorted((int(name), name) for name in data if _is_index(name))
    return {name: data[name] for _, name in indexes} | data


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the columns of a table whose rows have these fields.

    They are the fields in the order in which they first come, up to `MAX_COLUMNS`. A
    field that is an array or an object in every row is no column.
    """
    columns: dict[str, None] = {}
    for fields in rows:
        for name, value in fields.items():
            if not isinstance(value, dict | list):
                columns[name] = None
            if len(columns) == MAX_COLUMNS:
                return [*columns]
    return [*columns]


def trend_of(columns: Iterable[str], rows: Iterable[Mapping[str, Cell]]) -> str | None:
    """Return the first column with a number in one of the rows; None if none has."""
    cells = [*rows]
    numeric = (c for c in columns if any(it[c].kind == "number" for it in cells))
    return next(numeric, None)


def decimals_of(column: str, rows: Iterable[Mapping[str, Cell]]) -> int | None:
    """Return the most decimals of a column's numbers; None if it has no number."""
    numbers = (it[column].text for it in rows if it[column].kind == "number")
    return max(map(_count_decimals, numbers), default=None)


def title_of(name: str) -> str:
    """Return an event type or a field as people write it: "Build status".

    A name that isn't like `build_status` stays as it is, and a long one is cut.
    """
    if PLAIN_NAME.fullmatch(name):
        words = NAME_SEPARATORS.sub(" ", name).strip()
        name = words[:1].upper() + words[1:]
    return cut(name, LONGEST_HEAD)


def cell_of(name: str, value: Any, now: int) -> Cell:
    """Return how a field of this name and value is written at `now` (epoch ms)."""
    if value is None:
        return Cell("null", "none")
    if isinstance(value, bool):
        return Cell("boolean", "yes" if value else "no")
    if isinstance(value, dict):
        return Cell("nested", "{…}" if value else "{}")
    if isinstance(value, list):
        return Cell("nested", "[…]" if value else "[]")
    at = _instant_of(value) if name == "at" or name.endswith("_at") else None
    if at is not None:
        return Cell(
            "time", write_time(at, "clock", now), at=at, age=_write_age(now - at)
        )
    if isinstance(value, str):
        return _text_cell(name, value)
    return Cell("number", number(value), value)


def number(value: float, decimals: int = 0) -> str:
    """Return a number as a table writes it: up to 6 decimals, and at least `decimals`.

    From 10,000 on, thousands are separated.
    """
    try:
        size = float(abs(value))
    except OverflowError:  # an integer beyond a double is infinite in JavaScript
        return f"{MINUS}∞" if value < 0 else "∞"
    digits = price(size, CELL_DECIMALS)
    if "e" not in digits:
        whole, _, rest = digits.partition(".")
        rest = rest.rstrip("0").ljust(decimals, "0")
        if size and not digits.strip("0."):
            return ABOUT_ZERO
        if len(whole) <= GROUPED:  # with its separator
            whole = whole.replace(",", "")
        digits = f"{whole}.{rest}" if rest else whole
    return MINUS + digits if value < 0 else digits


def happening(data: Any, now: int) -> str:
    """Return an event without a key as one line."""
    fields = fields_of(data)
    texts = (fields.get(name) for name in SAID)
    said = (text for text in texts if isinstance(text, str) and text.strip())
    text = next(said, None)
    if text is not None:
        return isolated(cut(text, LONGEST_TEXT))
    return cut(_list_fields(data, fields, now), LONGEST_TEXT)


def cut(text: str, most: int) -> str:
    """Return the first `most` characters of a text, and "…" if it has more."""
    return text if len(text) <= most else f"{text[:most]}…"


def _list_fields(data: Any, fields: Mapping[str, Any], now: int) -> str:
    """Return an event's fields as "By: Mia · Count: 3", or the text of its value."""
    if not isinstance(data, dict):
        return cell_of(VALUE, data, now).text
    columns = columns_of([fields])
    if not columns:
        return cell_of(VALUE, data, now).text
    texts = (cell_of(name, fields[name], now).beginning for name in columns)
    return " · ".join(
        f"{isolated(title_of(name))}: {isolated(text)}"
        for name, text in zip(columns, texts, strict=True)
    )


def _text_cell(name: str, text: str) -> Cell:
    if len(text) <= LONGEST_LINK and LINK.fullmatch(text):
        return Cell("link", text)
    if name in CHIP_FIELDS and 0 < len(text) <= LONGEST_CHIP:
        return Cell("chip", text, tone=TONES.get(text.lower(), "plain"))
    return Cell("text", text)


def _instant_of(value: float | str) -> int | None:
    """Return a value as epoch milliseconds; None if it isn't an instant."""
    if isinstance(value, str):
        found = ISO_TIME.fullmatch(value)
        return _read_iso(found) if found else None
    in_range = INSTANTS.start <= value < INSTANTS.stop
    return int(value) if in_range else None


def _read_iso(found: re.Match[str]) -> int | None:
    """Return a date and time of ISO 8601 as epoch ms; None if there is no such day.

    Without a zone it is UTC.
    """
    year, month, day, hour, minute, second, part, sign, hours, minutes = found.groups()
    try:
        midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
    offset = (int(hours or 0) * 60 + int(minutes or 0)) * (-60 if sign == "-" else 60)
    seconds = (int(hour) * 60 + int(minute)) * 60 + int(second or 0) - offset
    at = int(midnight.timestamp()) * 1000 + seconds * 1000
    at += int((part or "").ljust(3, "0")[:3])
    return at if at in YEARS else None


def _write_age(milliseconds: int) -> str:
    if milliseconds <= -1000:
        return f"in {age(-milliseconds)}"
    return age(milliseconds)


def _count_decimals(text: str) -> int:
    return len(text.partition(".")[2]) if "e" not in text else 0


def _is_index(name: str) -> bool:
    return INDEX.fullmatch(name) is not None and int(name) <= MAX_INDEX
