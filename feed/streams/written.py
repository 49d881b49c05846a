"""How values are written for people: prices, changes, times of day, minutes, results.

The text wire, the board in a terminal and the page's HTML all use these functions.
`static/format.js` has the same rules for the page in a browser, and tests compare the
two. An unknown value is written "–".
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from math import ldexp
from typing import Any, Literal

Fields = Mapping[str, Any]
"""The data of an event (`docs/feed.md`, section 2), or a part of it."""

UNKNOWN = "–"
MINUS = "−"
PRIME = "′"
MAX_DECIMALS = 20
DIRECTIONS = {"+": "up", MINUS: "down"}  # by the sign of a change
ARROWS = {"+": "▲", MINUS: "▼"}
AGES = {"d": 86_400, "h": 3600, "min": 60}  # seconds of each unit, the longest first
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
RIGHT_TO_LEFT = (  # the blocks of letters that are written from right to left
    "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
)
TOO_LONG = 1e21  # from here on toFixed writes an exponent (ECMA-262, 21.1.3.3)

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # controls
_MAY_TURN = re.compile(f"{_TURNING.pattern}|[{RIGHT_TO_LEFT}]")

# JavaScript's toFixed rounds the exact value of the double, and a half away from zero:
# 0.125 becomes 0.13, but 1.005, whose double is a little less, becomes 1.00. Python's
# format() differs in the halves, which it rounds to the even digit. So halves are
# rounded by Decimal, and the other numbers by format(), which is faster. A number below
# TOO_LONG with MAX_DECIMALS has at most 41 digits.
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_PLACES = [Decimal(1).scaleb(-decimals) for decimals in range(MAX_DECIMALS + 1)]


def price(value: float | None, decimals: int) -> str:
    """Return a number with its decimals, thousands separated: "1,234.50"."""
    if value is None:
        return UNKNOWN
    size = abs(value)
    digits = _rounded(size, decimals, ",") if size < TOO_LONG else repr(float(size))
    return MINUS + digits if value < 0 and _is_nonzero(digits) else digits


def whole(value: float | None) -> str:
    """Return a number without decimals, thousands separated: "118,261"."""
    return price(value, 0)


def signed(value: float | None, decimals: int) -> str:
    """Return a change with its sign: "+0.36", "−0.36"; "0.00" has none."""
    if value is None:
        return UNKNOWN
    text = price(value, decimals)
    return "+" + text if value > 0 and _is_nonzero(text) else text


def percent(value: float | None) -> str:
    """Return a change in percent with its sign: "+0.36%"."""
    return UNKNOWN if value is None else f"{signed(value, 2)}%"


def direction(value: float | None, decimals: int) -> str:
    """Return "up", "down" or "flat": the direction of a change after rounding."""
    return DIRECTIONS.get(signed(value, decimals)[0], "flat")


def arrow(value: float | None, decimals: int) -> str:
    """Return the arrow before a change. It is empty if the change is flat."""
    return ARROWS.get(signed(value, decimals)[0], "")


def fixed(size: float, decimals: int) -> str:
    """Return a number from 0 to TOO_LONG with its decimals, as toFixed writes it."""
    return _rounded(size, decimals, "")


def clock(at: int | None) -> str:
    """Return the UTC time of epoch milliseconds: "14:03:07"."""
    iso = _iso(at)
    return UNKNOWN if iso is None else iso[11:19]


def hours(at: int | None) -> str:
    """Return the UTC hour and minute of epoch milliseconds: "19:45"."""
    iso = _iso(at)
    return UNKNOWN if iso is None else iso[11:16]


def date(at: int | None) -> str:
    """Return the UTC date and time of epoch milliseconds: "2026-03-05 19:45 UTC"."""
    iso = _iso(at)
    return UNKNOWN if iso is None else f"{iso[:16]} UTC"


def age(milliseconds: int) -> str:
    """Return the time since an instant, short: "now", "12 s", "3 min", "2 h", "4 d"."""
    seconds = milliseconds // 1000
    if seconds < 1:
        return "now"
    for unit, size in AGES.items():
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def moment(fields: Fields) -> str:
    """Return the minute of a match or an incident: "67′", "45+2′".

    It is empty if the minute isn't known.
    """
    if fields["minute"] is None:
        return ""
    stoppage = f"+{fields['stoppage']}" if fields["stoppage"] else ""
    return f"{fields['minute']}{stoppage}{PRIME}"


def result(home: int | None, away: int | None) -> str:
    """Return a result: "2–1". It is empty if a side's score isn't known."""
    return "" if home is None or away is None else f"{home}–{away}"


def shoot_out(score: Fields) -> str:
    """Return the result of the shoot-out: "4–3". It is empty if it isn't known."""
    home, away = score["home"], score["away"]
    return result(home.get("shoot_out"), away.get("shoot_out"))


def isolated(text: str) -> str:
    """Return a published text in a form that turns no words around it.

    Beside a name that is written from right to left, "2–1" would read "1–2". So such a
    name stands between the characters U+2068 and U+2069 (Unicode Annex 9), without such
    characters of its own. Other texts stay as they are.
    """
    if text.isascii() or not _MAY_TURN.search(text):
        return text
    return FIRST_STRONG_ISOLATE + _TURNING.sub("", text) + POP_ISOLATE


def score_line(score: Fields, name: Callable[[str], str] = isolated) -> str:
    """Return a match as "Acton 2–1 Burton", or "Acton v Burton" before kick-off.

    The results of a shoot-out and of a tie follow: "Acton 2–1 Burton (pens 4–3, agg.
    3–3)". Another version may have written a team without them. `name` writes the name
    of a team.
    """
    home, away = score["home"], score["away"]
    between = result(home["score"], away["score"]) or "v"
    line = f"{name(home['name'])} {between} {name(away['name'])}"
    further = further_results(score)
    return f"{line} ({further})" if further else line


def further_results(score: Fields) -> str:
    """Return the results beside the score: "pens 4–3, agg. 3–3"; mostly empty."""
    home, away = score["home"], score["away"]
    further = {
        "pens": shoot_out(score),
        "agg.": result(home.get("aggregate"), away.get("aggregate")),
    }
    return ", ".join(f"{kind} {goals}" for kind, goals in further.items() if goals)


def _rounded(size: float, decimals: int, separator: Literal["", ","]) -> str:
    if not 0 <= decimals <= MAX_DECIMALS:
        decimals = 0 if decimals < 0 else MAX_DECIMALS
    # A half has one binary digit more than decimals, and few other numbers have so few.
    if ldexp(size, decimals + 1).is_integer():
        half = Decimal(float(size)).quantize(_PLACES[decimals], context=_EXACT)
        return f"{half:{separator}f}"
    return f"{size:{separator}.{decimals}f}"


def _is_nonzero(digits: str) -> bool:
    return digits.strip("0.,") != ""


def _iso(at: int | None) -> str | None:
    """Return epoch milliseconds as "2026-03-05 19:45:07+00:00", or None.

    It is None for an instant that isn't known and for one after the year 9999.
    """
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at // 1000, UTC).isoformat(" ")
    except (ValueError, OverflowError, OSError):
        return None
