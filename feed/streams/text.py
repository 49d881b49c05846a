"""Events as lines that a person reads: `curl -N host/stream.txt`.

A line never contains a control character, so that no publisher can send commands to a
reader's terminal.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from unicodedata import category

import msgspec

from feed.streams.written import (
    ARROWS,
    FIRST_STRONG_ISOLATE,
    POP_ISOLATE,
    RIGHT_TO_LEFT,
    UNKNOWN,
    Fields,
    clock,
    date,
    isolated,
    moment,
    percent,
    price,
    result,
    score_line,
    signed,
)

# The Unicode categories of invisible characters that have an effect: controls, formats
# such as those that reverse the direction of writing, ends of lines and paragraphs.
ACTING = frozenset({"Cc", "Cf", "Zl", "Zp"})
JOINER = "\u200d"  # a format character that only joins several emoji into one
ISOLATE = re.compile(
    f"({FIRST_STRONG_ISOLATE}[^{FIRST_STRONG_ISOLATE}{POP_ISOLATE}]*{POP_ISOLATE})"
)
HAS_RIGHT_TO_LEFT = re.compile(f"[{RIGHT_TO_LEFT}]")


def line(type: str, words: str, id: str | None) -> bytes:
    """Return a line: the event type, the event in words, and the id to resume from."""
    text = f"{type:<9} {words}" + (f"  [{id}]" if id else "")
    return printable(text).encode("utf-8", "replace") + b"\n"


def printable(text: str) -> str:
    """Return a text with spaces in place of characters that could control a terminal.

    All published or requested text passes through here on its way to a terminal or log.
    What `isolated` adds to a name that is written from right to left stays.
    """
    if text.isprintable():  # nearly every text is, and the check is cheap
        return text
    parts = ISOLATE.split(text)  # an isolate is at every other place
    return "".join(
        _isolate(it) if at % 2 else _tamed(it) for at, it in enumerate(parts)
    )


def _isolate(text: str) -> str:
    """Return an isolate, whose ends keep a name from turning the words around it."""
    if not HAS_RIGHT_TO_LEFT.search(text):
        return _tamed(text)
    return text[0] + _tamed(text[1:-1]) + text[-1]


def _tamed(text: str) -> str:
    return "".join(" " if _acts(character) else character for character in text)


def _acts(character: str) -> bool:
    return category(character) in ACTING and character != JOINER


def words_of(json: bytes) -> str:
    """Return the text of a part of an answer, with no control character but LF."""
    lines = msgspec.json.decode(json)["text"].split("\n")
    return "\n".join(map(printable, lines))


def describe(type: str, json: bytes) -> str:
    """Return an event of the log in words, given its type and its JSON."""
    data = msgspec.json.decode(json)
    try:
        return _DESCRIBE.get(type, _describe_other)(data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # A publisher's own data under one of these types is written as JSON.
        return _describe_other(data)


def describe_fields(fields: Mapping[str, Any]) -> str:
    """Return `name=value` pairs, which are the words for a control event."""
    return " ".join(
        f"{name}={UNKNOWN if value is None else value}"
        for name, value in fields.items()
    )


def _describe_price(quote: Fields) -> str:
    decimals = quote["decimals"]
    change = signed(quote["change"], decimals)
    return (
        f"{clock(quote['at'])}  {isolated(quote['symbol']):<6} "
        f"{price(quote['price'], decimals):>10}  {ARROWS.get(change[0], '■')} "
        f"{change}  {percent(quote['change_percent'])}"
    )


def _describe_score(score: Fields) -> str:
    return (
        f"{clock(score['at'])}  {score['status']:<3} {moment(score):>6}"
        f"  {score_line(score)}"
    )


def _describe_incident(incident: Fields) -> str:
    player = isolated(incident["player"] or "")
    by = " ".join(part for part in (incident["team"], player) if part)
    kind = incident["kind"].replace("_", " ")
    stands = result(incident["home_score"], incident["away_score"])
    match = isolated(incident["match"])
    beginning = f"{clock(incident['at'])}  {moment(incident):>10}  {match}"
    return "  ".join(part for part in (beginning, kind, by, stands) if part)


def _describe_market(market: Fields) -> str:
    words = f"{clock(market['at'])}  {isolated(market['market'])} is {market['status']}"
    until = market["until"]
    if until is None:
        return words
    is_same_day = date(until)[:10] == date(market["at"])[:10]
    return f"{words} until {clock(until) if is_same_day else date(until)}"


def _describe_source(source: Fields) -> str:
    detail = f": {source['detail']}" if source["detail"] else ""
    since = f"{source['status']} since {clock(source['since'])}"
    return f"{clock(source['at'])}  {source['source']} is {since}{detail}"


def _describe_notice(notice: Fields) -> str:
    body = f": {isolated(notice['body'])}" if notice["body"] else ""
    return (
        f"{clock(notice['at'])}  {notice['level']}  {isolated(notice['title'])}{body}"
    )


def _describe_gone(gone: Fields) -> str:
    return f"{clock(gone['at'])}  {gone['event']} {isolated(gone['key'])}"


def _describe_wrapped(wrapped: Fields) -> str:
    """Return the type, the key if there is one, and the data of an `other` event."""
    name, key = wrapped["event"], wrapped["key"]
    names = name if key is None else f"{name} {isolated(key)}"
    return f"{names}  {_describe_other(wrapped['data'])}"


def _describe_other(data: object) -> str:
    return msgspec.json.encode(data).decode()


_DESCRIBE: dict[str, Callable[[Any], str]] = {
    "price": _describe_price,
    "score": _describe_score,
    "incident": _describe_incident,
    "market": _describe_market,
    "notice": _describe_notice,
    "source": _describe_source,
    "gone": _describe_gone,
    "other": _describe_wrapped,
}
