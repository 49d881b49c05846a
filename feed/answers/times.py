"""Times in a question: "in the last 10 minutes", "since 14:00", "at noon".

A time of day is UTC unless the question names another zone, and it is the last one
that has passed.
"""

import re

import msgspec

from feed.streams.written import date, hours

SECOND, MINUTE_MS, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
FURTHEST_BACK = 10_000 * DAY  # earlier instants are treated as this one

NUMBERS = {
    **dict.fromkeys(("a", "an", "one", "the"), 1.0),
    **{"two": 2.0, "couple": 2.0, "three": 3.0, "few": 3.0, "four": 4.0, "five": 5.0},
    **{"six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0, "ten": 10.0},
    **{"twelve": 12.0, "fifteen": 15.0, "twenty": 20.0, "thirty": 30.0},
    **{"forty": 40.0, "fortyfive": 45.0, "sixty": 60.0, "half": 0.5, "quarter": 0.25},
}
SPAN_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), SECOND),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), MINUTE_MS),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), HOUR),
    **dict.fromkeys(("d", "day", "days"), DAY),
}
# Hours from UTC of the zones that people name; a question is about today, so a zone's
# summer time has a name of its own.
ZONES = {
    **{"utc": 0, "gmt": 0, "z": 0, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3},
    **{"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8},
    **{"pdt": -7, "jst": 9},
}
NAMED_TIMES = {"noon": 12 * HOUR, "midday": 12 * HOUR, "midnight": 0}

_UNIT = "|".join(sorted(SPAN_UNITS, key=len, reverse=True))
_NUMBER_WORD = "|".join(sorted(NUMBERS, key=len, reverse=True))
_AMOUNT = rf"(?P<number>[0-9]{{1,9}}(?:\.[0-9]{{1,3}})?|{_NUMBER_WORD})"
_HALF = r"(?P<half> and a half)?"
_SPAN = rf"{_AMOUNT}(?: of| an?| of an)? ?(?P<unit>{_UNIT})\b{_HALF}"
_TIME = (
    r"(?P<hour>[01]?[0-9]|2[0-4])(?:[:.h](?P<minute>[0-5][0-9])"
    r"(?::(?P<second>[0-5][0-9]))?)? ?(?P<half_day>am|pm)?"
)
_ZONE = r"(?: (?P<zone>" + "|".join(ZONES) + r")\b)?"
_CLOCK = rf"(?:{_TIME}|(?P<named>{'|'.join(NAMED_TIMES)})){_ZONE}(?![0-9:])"
_WITHIN = r"(?:(?:in|over|within|during|for) (?:the )?)?"
_RECENT = _WITHIN + r"(?:last|past|previous|latest|recent|within|in the|over)(?: the)?"
_SINCE = r"(?:since|after|from)"


def _pattern(text: str) -> re.Pattern[str]:
    # Without ASCII, a long s would be found as an s, and a digit of any script as one.
    return re.compile(text, re.ASCII | re.IGNORECASE)


_RECENTLY = _pattern(r"\b(?:just now|recently|lately)\b")
_YESTERDAY = _pattern(r"\bsince yesterday\b")
_SPANS = (
    _pattern(rf"\b{_SINCE} {_SPAN} (?:ago|back)\b"),
    _pattern(
        rf"\b{_RECENT} (?P<short>half hour|hour|minute|day|quarter hour)\b{_HALF}"
    ),
    _pattern(rf"\b{_RECENT} (?:past |last )?{_SPAN}"),
    _pattern(rf"\b{_SINCE} {_CLOCK}"),
)
_MOMENTS = (
    _pattern(rf"\b{_SPAN} (?:ago|back|earlier)\b"),
    _pattern(rf"\b(?:at|by|around) {_CLOCK}"),
)
_SHORT = {
    "half hour": 30 * MINUTE_MS,
    "quarter hour": 15 * MINUTE_MS,
    "hour": HOUR,
    "minute": MINUTE_MS,
    "day": DAY,
}
Groups = dict[str, str]

RECENT = (
    10 * MINUTE_MS
)  # how far "recently" reaches back, and a question without a time


class Window(msgspec.Struct, frozen=True):
    """The time that a question is about, and the words for it.

    It begins at `since` (epoch ms) and ends now. With `instant`, it is only the moment
    `since`. `span` is its length in words, for a question that gave it.
    """

    since: int
    said: str
    instant: bool = False


def find_window(text: str, now: int) -> tuple[Window | None, str]:
    """Return the time in a question, and the question with spaces in its place.

    The time is None if the question has none.
    """
    for pattern, make in _READERS:
        found = pattern.search(text)
        if found:
            groups = {
                name: (it or "").lower() for name, it in found.groupdict().items()
            }
            blank = " " * (found.end() - found.start())
            rest = text[: found.start()] + blank + text[found.end() :]
            return make(groups, now), rest
    return None, text


def recent(now: int) -> Window:
    """Return the time of a question that doesn't say how far back to look."""
    return _back(RECENT, now)


def time_of(at: int, now: int) -> str:
    """Return an instant as "14:03 UTC", with its date if it is of another day."""
    return f"{hours(at)} UTC" if at // DAY == now // DAY else date(at)


def duration(milliseconds: int) -> str:
    """Return a duration in words: "40 seconds", "12 minutes", "2 hours", "3 days"."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE_MS, "minute")):
        if milliseconds >= (2 * unit if unit > MINUTE_MS else unit):
            return _amount(milliseconds // unit, name)
    return _amount(max(milliseconds, 0) // SECOND, "second")


def _read_span(found: Groups, now: int) -> Window:
    short, unit = found.get("short"), found.get("unit")
    if short:
        return _back(_SHORT[short] + (HOUR // 2 if found["half"] else 0), now)
    if unit:
        number = _number(found["number"]) + (0.5 if found.get("half") else 0)
        return _back(round(min(number * SPAN_UNITS[unit], FURTHEST_BACK)), now)
    return _since(_last_time(found, now), now)


def _read_instant(found: Groups, now: int) -> Window:
    since = _read_span(found, now).since
    return Window(since, f"at {time_of(since, now)}", instant=True)


def _read_recently(found: Groups, now: int) -> Window:
    return recent(now)


def _read_yesterday(found: Groups, now: int) -> Window:
    return _since(now - now % DAY - DAY, now)


def _number(text: str) -> float:
    return NUMBERS[text] if text in NUMBERS else float(text)


def _last_time(found: Groups, now: int) -> int:
    """Return the last instant at which it was the time of day that was found."""
    named = found.get("named")
    of_day = NAMED_TIMES[named] if named else _of_day(found)
    of_day -= ZONES.get(found.get("zone") or "utc", 0) * HOUR
    at = now - now % DAY + of_day
    return at - DAY if at > now else at


def _of_day(found: Groups) -> int:
    hour = int(found.get("hour") or 0)
    if found.get("half_day"):
        hour = hour % 12 + (12 if found["half_day"] == "pm" else 0)
    minute, second = int(found.get("minute") or 0), int(found.get("second") or 0)
    return hour % 24 * HOUR + minute * MINUTE_MS + second * SECOND


def _back(length: int, now: int) -> Window:
    return Window(max(now - length, 0), f"in the last {_span(length)}")


def _since(at: int, now: int) -> Window:
    return Window(at, f"since {time_of(at, now)}")


def _span(milliseconds: int) -> str:
    """Return a length as it was probably asked for: "hour", "90 minutes", "2 hours"."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE_MS, "minute")):
        if milliseconds >= unit and milliseconds % unit == 0:
            count = milliseconds // unit
            return name if count == 1 else _amount(count, name)
    return _amount(milliseconds // SECOND, "second")


def _amount(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_READERS = (
    (_RECENTLY, _read_recently),
    (_YESTERDAY, _read_yesterday),
    *((pattern, _read_span) for pattern in _SPANS),
    *((pattern, _read_instant) for pattern in _MOMENTS),
)
"""How a time is recognised, and how it is read; the first that is found counts."""
