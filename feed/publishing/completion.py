"""How what was published becomes one of the shapes that the board itself shows."""

import math
from collections.abc import Callable
from decimal import Decimal
from types import NoneType
from typing import Any, NamedTuple, get_args

import msgspec

from feed.events.event import Event
from feed.events.shapes import (
    MAX_AMOUNT,
    Incident,
    MarketState,
    Notice,
    Quote,
    Score,
    Team,
)

AHEAD = 60_000  # ms by which a publisher's clock may be fast

Fields = dict[str, Any]
Shape = Quote | Score | MarketState | Notice | Incident


class Kind(NamedTuple):
    """A type that the board knows: the field that is its key, and how to complete it.

    `required` are the fields that there is no default for.
    """

    shape: type[Shape]
    key: str | None
    required: tuple[str, ...]
    complete: Callable[[Fields, Event | None, int], Shape]


def _quote(given: Fields, held: Event | None, now: int) -> Quote:
    """Return a quote: what isn't given is as in the last one, or worked out."""
    before = {} if held is None else msgspec.json.decode(held.data, type=Fields)
    for name in ("at", "change", "change_percent"):
        before.pop(name, None)
    first = {"decimals": _decimals(given.get("price"))}
    filled = {**_unknown(Quote), **first, "at": now, **before, **given}
    quote = msgspec.convert(filled, Quote)
    if quote.at > now + AHEAD:
        # A chart would wait until then for its next candle.
        raise msgspec.ValidationError(
            "Expected an instant, no later than now - at `$.at`"
        )
    price, close = quote.price, quote.previous_close
    quote = msgspec.structs.replace(
        quote,
        high=price if quote.high is None else max(quote.high, price),
        low=price if quote.low is None else min(quote.low, price),
    )
    if close is None:
        return quote
    change = price - close
    share = change / abs(close) * 100 if close else math.inf
    return msgspec.structs.replace(
        quote,
        change=_rounded(change, quote.decimals),
        change_percent=_rounded(share, 2),
    )


def _score(given: Fields, _: Event | None, now: int) -> Score:
    filled = {**_unknown(Score), "at": now, "incidents": [], **given}
    for side in ("home", "away"):
        filled[side] = _completed(filled.get(side), _unknown(Team))
    common = {**_unknown(Incident), "match": filled.get("match"), "at": filled["at"]}
    incidents = filled["incidents"]
    if isinstance(incidents, list):
        filled["incidents"] = [_completed(each, common) for each in incidents]
    return msgspec.convert(filled, Score)


def _incident(given: Fields, _: Event | None, now: int) -> Incident:
    return msgspec.convert({**_unknown(Incident), "at": now, **given}, Incident)


def _market(given: Fields, _: Event | None, now: int) -> MarketState:
    return msgspec.convert({**_unknown(MarketState), "at": now, **given}, MarketState)


def _notice(given: Fields, _: Event | None, now: int) -> Notice:
    filled = {**_unknown(Notice), "level": "info", "at": now, **given}
    return msgspec.convert(filled, Notice)


KINDS = {
    "price": Kind(Quote, "symbol", ("symbol", "price"), _quote),
    "score": Kind(Score, "match", ("match", "home", "away", "status"), _score),
    "incident": Kind(Incident, None, ("match", "incident", "kind"), _incident),
    "market": Kind(MarketState, "market", ("market", "status"), _market),
    "notice": Kind(Notice, "notice", ("notice", "title"), _notice),
}


KNOWN = {*KINDS, "gone"}


def _unknown(shape: type[msgspec.Struct]) -> Fields:
    """Return the fields of a shape that may be unknown, as null."""
    fields = msgspec.structs.fields(shape)
    return {field.name: None for field in fields if NoneType in get_args(field.type)}


def _completed(given: object, defaults: Fields) -> object:
    return {**defaults, **given} if isinstance(given, dict) else given


def _rounded(change: float, decimals: int) -> float | None:
    """Return a change as it is shown; None for one so large that it means nothing."""
    if abs(change) > MAX_AMOUNT:
        return None
    return round(change, decimals) + 0.0  # never -0.0


def _decimals(price: object) -> int:
    """Return how many decimals to show of a symbol whose first price this is."""
    exponent = Decimal(repr(price)).as_tuple().exponent if is_number(price) else 0
    return min(max(-int(exponent), 2), 8)


def is_number(value: object) -> bool:
    """Return whether a value of JSON is a number; `true` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
