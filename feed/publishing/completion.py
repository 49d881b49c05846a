"""Completion: published fields become one of the shapes that the board itself shows.

A publisher may leave out most fields. A field that may be null is then null, `at` is
the instant of receipt, and the fields of a quote are those of the symbol's last quote.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from types import NoneType
from typing import Any, get_args

import msgspec

from feed.events.catalogue import CATALOGUE, Shape
from feed.events.event import Event
from feed.events.reading import read_shape
from feed.events.shapes import MAX_AMOUNT, Incident, Quote, Score, Team

AHEAD = 60_000  # ms; how far ahead a publisher's clock may be
MOST_DECIMALS = 8  # of a symbol's first price

Fields = dict[str, Any]

Complete = Callable[[Fields, Event | None, int], Shape]
"""Makes a shape from the published fields, the key's newest event, and the instant of
receipt (epoch ms). Raises ValidationError if the fields are not valid."""


def complete(type: str, given: Fields, newest: Event | None, now: int) -> Shape:
    """Return the published fields of an event type of the catalogue as a shape.

    `newest` is the newest event of the key, or None, and `now` is the instant of
    receipt (epoch ms). Raise ValidationError if the fields are not valid.
    """
    special = _SPECIAL.get(type)
    if special is not None:
        return special(given, newest, now)
    shape = CATALOGUE[type].shape
    defaults = CATALOGUE[type].defaults
    return msgspec.convert({**_unknown(shape), **defaults, "at": now, **given}, shape)


def required_fields(type: str) -> tuple[str, ...]:
    """Return the fields that have no default, so that a publisher must give them."""
    row = CATALOGUE[type]
    filled = {"at", *_unknown(row.shape), *row.defaults}
    return tuple(name for name in row.shape.__struct_fields__ if name not in filled)


def _quote(given: Fields, newest: Event | None, now: int) -> Quote:
    """Return a quote; fields that are not given are those of the last one.

    `change` and `change_percent` are computed.
    """
    last = None if newest is None else read_shape(newest)
    before = {} if last is None else msgspec.structs.asdict(last)
    for name in ("at", "change", "change_percent"):
        before.pop(name, None)
    first = {"decimals": _decimals(given.get("price"))}
    filled = {**_unknown(Quote), **first, "at": now, **before, **given}
    quote = msgspec.convert(filled, Quote)
    if quote.at > now + AHEAD:
        # A chart would show no new candle until that instant.
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
    filled = {**_unknown(Score), **CATALOGUE["score"].defaults, "at": now, **given}
    for side in ("home", "away"):
        filled[side] = _completed(filled.get(side), _unknown(Team))
    common = {**_unknown(Incident), "match": filled.get("match"), "at": filled["at"]}
    incidents = filled["incidents"]
    if isinstance(incidents, list):
        filled["incidents"] = [_completed(each, common) for each in incidents]
    return msgspec.convert(filled, Score)


_SPECIAL: dict[str, Complete] = {"price": _quote, "score": _score}


def _unknown(shape: type[msgspec.Struct]) -> Fields:
    """Return the fields of a shape that may be null, each as null."""
    fields = msgspec.structs.fields(shape)
    return {field.name: None for field in fields if NoneType in get_args(field.type)}


def _completed(given: object, defaults: Fields) -> object:
    return {**defaults, **given} if isinstance(given, dict) else given


def _rounded(change: float, decimals: int) -> float | None:
    """Return a rounded change; None if it is beyond the limit of an amount."""
    if abs(change) > MAX_AMOUNT:
        return None
    return round(change, decimals) + 0.0  # never -0.0


def _decimals(price: object) -> int:
    """Return the number of decimals for a symbol whose first price this is."""
    exponent = Decimal(repr(price)).as_tuple().exponent if is_number(price) else 0
    fewest: int = CATALOGUE["price"].defaults["decimals"]
    return min(max(-int(exponent), fewest), MOST_DECIMALS)


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number; `true` is not one."""
    return isinstance(value, int | float) and not isinstance(value, bool)
