"""Completion: published fields become one of the shapes that the board itself shows.

A publisher may leave out most fields. A field that may be null is then null, `at` is
the instant of receipt, and the fields of a quote are those of the symbol's last quote.

A price whose `at` is older than that of the last quote is late. The quote then stays as
it is, and reports the price as its `late` trade.
"""

import math
from collections.abc import Callable
from types import NoneType
from typing import Any, get_args

import msgspec

from feed.events.catalogue import CATALOGUE, Shape
from feed.events.event import Event
from feed.events.reading import read_shape
from feed.events.shapes import MAX_AMOUNT, Incident, Late, Quote, Score, Team
from feed.publishing.decimals import needed_decimals
from feed.publishing.lifetime import check_is_ahead
from feed.publishing.refusals import check_instants, is_number, refusal_of

AHEAD = 60_000  # ms; how far ahead a publisher's clock may be

Fields = dict[str, Any]

Complete = Callable[[Fields, Event | None, int], Shape]
"""Makes a shape from the published fields, the key's newest event, and the instant of
receipt (epoch ms). Raises ValidationError if the fields are not valid."""


def complete(type: str, given: Fields, newest: Event | None, now: int) -> Shape:
    """Return the published fields of an event type of the catalogue as a shape.

    `newest` is the newest event of the key, or None, and `now` is the instant of
    receipt (epoch ms). Raise ValidationError if the fields are not valid.
    """
    row = CATALOGUE[type]
    check_instants(given, row.shape)
    special = _SPECIAL.get(type)
    if special is not None:
        return special(given, newest, now)
    fields = {**_unknown(row.shape), **row.defaults, "at": now, **given}
    shape = msgspec.convert(fields, row.shape)
    if row.expires_at is not None:
        check_is_ahead(getattr(shape, row.expires_at), now, f"$.{row.expires_at}")
    return shape


def required_fields(type: str) -> tuple[str, ...]:
    """Return the fields that have no default, so that a publisher must give them."""
    row = CATALOGUE[type]
    filled = {"at", *_unknown(row.shape), *row.defaults}
    return tuple(name for name in row.shape.__struct_fields__ if name not in filled)


def _quote(given: Fields, newest: Event | None, now: int) -> Quote:
    """Return a quote; fields that are not given are those of the last one.

    `change` and `change_percent` are computed.
    """
    last = None if newest is None else _last_quote(newest)
    before = {} if last is None else _lasting(last)
    filled = {
        **{**_unknown(Quote), **CATALOGUE["price"].defaults, "at": _receipt(last, now)},
        **{**before, **_without_negative_zero(given)},
    }
    quote = msgspec.convert(filled, Quote)
    _check_times(quote, now)
    if last is not None and quote.at < last.at <= now + AHEAD:
        return _with_computed(_with_late(last, quote), last, grows=True)
    return _with_computed(quote, last, grows="decimals" not in given)


def _last_quote(newest: Event) -> Quote | None:
    shape = read_shape(newest)
    return shape if isinstance(shape, Quote) else None


def _lasting(last: Quote) -> Fields:
    """Return the fields of the last quote that are those of the next one, too.

    The next one may come from elsewhere, so its source isn't taken from the last one.
    """
    fields = msgspec.structs.asdict(last)
    for name in ("at", "source", "late", "change", "change_percent"):
        del fields[name]
    return fields


def _receipt(last: Quote | None, now: int) -> int:
    """Return the instant of a price that came without one.

    It is at least that of the last quote, so that the price isn't late by a publisher's
    clock that is ahead, unless that clock is ahead by more than it may be.
    """
    is_ahead = last is not None and now < last.at <= now + AHEAD
    return last.at if last is not None and is_ahead else now


def _check_times(quote: Quote, now: int) -> None:
    """Raise ValidationError if the quote or its late trade is of a time to come."""
    if quote.at > now + AHEAD:  # a chart would show no new candle until then
        ahead = f"it is {(quote.at - now) // 1000} s ahead of the board's clock"
        raise refusal_of(f"{ahead}; up to {AHEAD // 1000} s are accepted", "$.at")
    if quote.late is not None and quote.late.at > quote.at:
        raise refusal_of("a late trade is older than the quote's `at`", "$.late.at")


def _with_late(last: Quote, quote: Quote) -> Quote:
    """Return the last quote with the price of an older one as its late trade."""
    volumes = [each.volume for each in (last, quote) if each.volume is not None]
    news = {"late": Late(quote.price, quote.at), "volume": max(volumes, default=None)}
    return Quote(**msgspec.structs.asdict(last) | news)


def _with_computed(quote: Quote, last: Quote | None, *, grows: bool) -> Quote:
    """Return a quote with the fields that follow from its price and its last close."""
    prices = [quote.price] if quote.late is None else [quote.price, quote.late.price]
    decimals = _grown(last, quote.decimals, prices) if grows else quote.decimals
    quote = msgspec.structs.replace(
        quote,
        decimals=decimals,
        high=max(prices if quote.high is None else [quote.high, *prices]),
        low=min(prices if quote.low is None else [quote.low, *prices]),
    )
    price, close = quote.price, quote.previous_close
    if close is None:
        return quote
    change = price - close
    share = change / abs(close) * 100 if close else math.inf
    return msgspec.structs.replace(
        quote,
        change=_rounded(change, quote.decimals),
        change_percent=_rounded(share, 2),
    )


def _grown(last: Quote | None, decimals: int, prices: list[float]) -> int:
    """Return the decimals of a quote that came without them.

    They grow with the prices, but those that a publisher gave are kept if they were
    fewer than the last price needed.
    """
    if last is not None and last.decimals < needed_decimals(last.price):
        return decimals
    return max(decimals, *map(needed_decimals, prices))


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


def _without_negative_zero(value: Any) -> Any:
    """Return published fields with 0 in place of -0, which is a float's own."""
    if isinstance(value, dict):
        return {name: _without_negative_zero(part) for name, part in value.items()}
    return 0 if is_number(value) and value == 0 else value
