"""How the page writes times: in UTC, for its script to write them in the reader's zone.

`static/times.js` has the same rules, and a test compares the two. A time that isn't
today's has its date.
"""

from datetime import UTC, datetime
from typing import Literal

from feed.clock import now_ms
from feed.streams.written import UNKNOWN

Form = Literal["clock", "hours", "until", "date", "day"]

WEEK = 7  # days; a time that is nearer has the name of its day as its date
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def write_time(at: int | None, form: Form, now: int) -> str:
    """Return an instant (epoch ms) as it is written at `now` (epoch ms).

    "hours" is "19:45", and with the date if it isn't today's "Mon 06:51", "5 Mar 06:51"
    or "5 Mar 2027 06:51". "until" is "until 19:45". "clock" has seconds if it is
    today's: "14:03:07". "date" is the whole date: "Thu 5 Mar 2026, 19:45". "day" is
    "today" or "on Thu 5 Mar". It is "–" if the instant is unknown or after 9999.
    """
    there = _datetime_of(at)
    if there is None:
        return UNKNOWN
    if form == "date":
        return (
            f"{_weekday(there)} {_day_and_month(there)} {_year(there)}, {there:%H:%M}"
        )
    day = _day_beside(there, _datetime_of(now))
    if form == "day":
        return f"on {_weekday(there)} {_day_and_month(there)}" if day else "today"
    if form == "clock" and not day:
        return f"{there:%H:%M:%S}"
    return f"{'until ' if form == 'until' else ''}{day}{day and ' '}{there:%H:%M}"


def page_time(at: int | None, form: Form, now: int | None = None) -> str:
    """Return an instant as the page writes it at `now`, by default the present."""
    return write_time(at, form, now_ms() if now is None else now)


def iso_time(at: int) -> str:
    """Return an instant for the `datetime` of an element: "2026-03-05T19:45:07Z".

    It is empty after the year 9999.
    """
    there = _datetime_of(at)
    return "" if there is None else f"{_year(there)}{there:-%m-%dT%H:%M:%SZ}"


def _day_beside(there: datetime, now: datetime | None) -> str:
    """Return the date of a time as far as a reader needs it; empty if it is today's."""
    distance = None if now is None else (there.date() - now.date()).days
    if distance == 0:
        return ""
    if distance is not None and abs(distance) < WEEK:
        return _weekday(there)
    is_this_year = now is not None and there.year == now.year
    return _day_and_month(there) + ("" if is_this_year else f" {_year(there)}")


def _weekday(there: datetime) -> str:
    return WEEKDAYS[there.weekday()]


def _day_and_month(there: datetime) -> str:
    return f"{there.day} {MONTHS[there.month - 1]}"


def _year(there: datetime) -> str:
    return f"{there.year:04}"


def _datetime_of(at: int | None) -> datetime | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
