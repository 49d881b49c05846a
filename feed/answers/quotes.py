"""Answers about symbols: a quote, its day, its last minutes, and comparisons."""

from collections.abc import Callable, Sequence

from feed.answers.inquiry import Inquiry
from feed.answers.markets import market_note
from feed.answers.phrases import (
    Part,
    Phrase,
    listed,
    paragraph,
    phrase,
    sentence,
    shown,
)
from feed.answers.piece import Piece
from feed.answers.spans import Span, price_at, read_span
from feed.answers.state import State
from feed.answers.times import MINUTE_MS, Window, time_of
from feed.events.shapes import Quote
from feed.streams.written import direction, percent, price, whole

OLD_QUOTE = 5 * MINUTE_MS  # from this age on, the time of the last trade is said
COMPARED = 5  # symbols at most


def answer_symbols(inquiry: Inquiry, state: State) -> Phrase:
    """Return the answer about the symbols that a question names."""
    symbols = [named.key for named in inquiry.of("symbol")]
    quotes = [quote for it in symbols if (quote := state.quote(it))]
    if not quotes:
        return sentence("the quote of ", shown(symbols[0]), " can't be read")
    if inquiry.window:
        return _over_time(quotes[:COMPARED], inquiry.window, state)
    if len(quotes) > 1 and not _asked_fields(inquiry):
        return compare(quotes[:COMPARED], inquiry, state)
    return paragraph(*(_about(it, inquiry, state) for it in quotes[:COMPARED]))


def quote_sentence(quote: Quote, state: State) -> Phrase:
    """Return a quote: "Acme (ACME) is at 123.65 EUR, up 0.25 (+0.20%) on …"."""
    parts: list[Part] = [long_name(quote, state), " is at ", _price(quote, state)]
    if quote.change is not None and quote.previous_close is not None:
        parts += [", ", _change(quote, state)]
    if quote.at and state.board.now - quote.at >= OLD_QUOTE:
        last = time_of(quote.at, state.board.now)
        parts += ["; its last trade was at ", _figure(quote, state, "at", last)]
    return sentence(*parts)


def long_name(quote: Quote, state: State) -> Phrase:
    """Return a company with its symbol: "Acme Anvil Works (ACME)"."""
    symbol = short_name(quote.symbol, state)
    if not quote.name or quote.name == quote.symbol:
        return [symbol]
    return phrase(_figure(quote, state, "name", shown(quote.name)), " (", symbol, ")")


def short_name(symbol: str, state: State) -> Piece:
    """Return a symbol with its ref."""
    return state.name(("price", symbol), symbol)


def compare(quotes: Sequence[Quote], inquiry: Inquiry, state: State) -> Phrase:
    """Return a comparison of quotes: by price if that is asked, else by change."""
    if inquiry.has("dearer") and len({quote.currency for quote in quotes}) == 1:
        return _compare_prices(quotes, state)
    each = [
        phrase(
            long_name(it, state), " is at ", _price(it, state), *_in_percent(it, state)
        )
        for it in quotes
    ]
    return paragraph(sentence(listed(each)), _compare_changes(quotes, state))


def _over_time(quotes: Sequence[Quote], window: Window, state: State) -> Phrase:
    if window.instant:
        return paragraph(*(_at_instant(it, window, state) for it in quotes))
    return paragraph(*(_moved(it, window, state) for it in quotes))


def _moved(quote: Quote, window: Window, state: State) -> Phrase:
    span = read_span(state.board, quote.symbol, window.since)
    name = long_name(quote, state)
    if span is None:
        return sentence("the board has no past prices of ", name, " yet")
    if not span.traded:
        return sentence(
            *(name, " hasn't traded ", window.said),
            *("; it is at ", _price(quote, state)),
        )
    return _describe_span(quote, span, window, state)


def _describe_span(quote: Quote, span: Span, window: Window, state: State) -> Phrase:
    begun = f" (the board's prices begin at {time_of(span.begin, state.board.now)})"
    said = window.said + ("" if span.complete else begun)
    parts: list[Part] = [said, ", ", long_name(quote, state)]
    parts += [_move_of(quote, span, state)]
    extremes: list[Part] = [
        phrase("a low of ", _written(quote, span.low, state)),
        phrase("a high of ", _written(quote, span.high, state)),
    ]
    if span.volume >= 1:
        traded = _figure(quote, state, None, whole(span.volume))
        extremes.append(phrase("a volume of ", traded))
    return sentence(*parts, ", with ", listed(extremes))


def _move_of(quote: Quote, span: Span, state: State) -> Phrase:
    """Return how far a price has moved: " has risen by 0.78 (+0.63%) from …"."""
    move = span.last - span.first
    way = direction(move, quote.decimals)
    if way == "flat":
        return phrase(" is back where it began, at ", _last(quote, span, state))
    verb = {"up": " has risen by ", "down": " has fallen by "}[way]
    parts: list[Part] = [verb, _written(quote, abs(move), state)]
    if span.first:
        share = percent(move / span.first * 100)
        parts += [" (", _figure(quote, state, None, share), ")"]
    begun = _written(quote, span.first, state)
    return phrase(*parts, " from ", begun, " to ", _last(quote, span, state))


def _last(quote: Quote, span: Span, state: State) -> Phrase:
    """Return the last price of a span: the quote's, unless that was corrected."""
    if span.last == quote.price:
        return _price(quote, state)
    return phrase(_written(quote, span.last, state), *_money(quote, state))


def _written(quote: Quote, value: float, state: State) -> Piece:
    """Return a past price, or a difference of prices."""
    return _figure(quote, state, None, price(value, quote.decimals))


def _at_instant(quote: Quote, window: Window, state: State) -> Phrase:
    value = price_at(state.board, quote.symbol, window.since)
    name = long_name(quote, state)
    if value is None:
        return sentence(
            *("the board doesn't know the price of ", name, f" {window.said}; "),
            *("now it is at ", _price(quote, state)),
        )
    then = _figure(quote, state, None, price(value, quote.decimals))
    money = _money(quote, state)
    return sentence(
        *(window.said, ", ", name, " was at ", then, *money),
        *("; now it is at ", _price(quote, state)),
    )


def _about(quote: Quote, inquiry: Inquiry, state: State) -> Phrase:
    fields = _asked_fields(inquiry)
    if fields:
        return paragraph(*(make(quote, state) for make in fields))
    if inquiry.has("about_company") and not inquiry.has("price", "change", "doing"):
        return paragraph(_company(quote, state), quote_sentence(quote, state))
    note = market_note(quote.market, state)
    if inquiry.has("change") and quote.change is None:
        note = paragraph(sentence("its previous close isn't known"), note)
    return paragraph(quote_sentence(quote, state), note)


def _asked_fields(inquiry: Inquiry) -> list[Callable[[Quote, State], Phrase]]:
    """Return the sentences for the fields that a question asks for."""
    if inquiry.has("range") or (inquiry.has("high") and inquiry.has("low")):
        return [quote_sentence, _day]
    fields = [make for cue, make in _FIELDS.items() if inquiry.has(cue)]
    return fields or ([quote_sentence, _day] if inquiry.has("day") else [])


def _day(quote: Quote, state: State) -> Phrase:
    if quote.low is None or quote.high is None:
        return sentence(
            "the range of ", short_name(quote.symbol, state), " isn't known"
        )
    parts: list[Part] = ["this session, it"]
    if quote.open is not None:
        parts += [" opened at ", _of(quote, state, "open"), " and"]
    low, high = _of(quote, state, "low"), _of(quote, state, "high")
    parts += [" has moved between ", low, " and ", high]
    if quote.volume is not None:
        traded = _figure(quote, state, "volume", whole(quote.volume))
        parts += [" on a volume of ", traded]
    return sentence(*parts)


def _high(quote: Quote, state: State) -> Phrase:
    return _field(quote, state, "high", "the session high of ")


def _low(quote: Quote, state: State) -> Phrase:
    return _field(quote, state, "low", "the session low of ")


def _opened(quote: Quote, state: State) -> Phrase:
    return _field(quote, state, "open", "the opening price of ")


def _closed(quote: Quote, state: State) -> Phrase:
    return _field(quote, state, "previous_close", "the previous close of ")


def _field(quote: Quote, state: State, field: str, name: str) -> Phrase:
    subject = phrase(name, long_name(quote, state))
    if getattr(quote, field) is None:
        return sentence(subject, " isn't known; it is at ", _price(quote, state))
    value = _of(quote, state, field)
    now = phrase("; it is now at ", _of(quote, state, "price"))
    return sentence(subject, " is ", value, *_money(quote, state), now)


def _volume(quote: Quote, state: State) -> Phrase:
    name = long_name(quote, state)
    if quote.volume is None:
        return sentence("the volume of ", name, " isn't known")
    traded = _figure(quote, state, "volume", whole(quote.volume))
    return sentence("the volume of ", name, " this session is ", traded)


def _bid(quote: Quote, state: State) -> Phrase:
    name = long_name(quote, state)
    if quote.bid is None or quote.ask is None:
        return sentence("the bid and ask prices of ", name, " aren't both known")
    spread = price(quote.ask - quote.bid, quote.decimals)
    return sentence(
        *("buyers bid ", _of(quote, state, "bid"), " for ", name, " and sellers ask "),
        *(_of(quote, state, "ask"), *_money(quote, state)),
        *(", a spread of ", _figure(quote, state, None, spread)),
    )


def _currency(quote: Quote, state: State) -> Phrase:
    if quote.currency is None:
        return sentence("the currency of ", long_name(quote, state), " isn't known")
    code = _figure(quote, state, "currency", shown(quote.currency))
    return sentence("the prices of ", long_name(quote, state), " are in ", code)


def _company(quote: Quote, state: State) -> Phrase:
    symbol = short_name(quote.symbol, state)
    name = _figure(quote, state, "name", shown(quote.name or quote.symbol))
    parts: list[Part] = [symbol, " is "]
    parts += ["the symbol of ", name] if quote.name else ["a symbol on this board"]
    if quote.sector:
        parts += [
            " in the sector ",
            _figure(quote, state, "sector", shown(quote.sector)),
        ]
    if quote.market:
        market = _figure(quote, state, "market", shown(quote.market))
        parts += [", " if quote.sector else " ", "traded on the market ", market]
    return sentence(*parts)


def _compare_prices(quotes: Sequence[Quote], state: State) -> Phrase:
    first, *others = sorted(quotes, key=lambda it: it.price, reverse=True)
    parts = [phrase(long_name(it, state), " at ", _price(it, state)) for it in others]
    verb = " costs more than " if len(others) == 1 else " costs most, before "
    return sentence(
        *("at ", _price(first, state), ", ", long_name(first, state)),
        *(verb, listed(parts)),
    )


def _compare_changes(quotes: Sequence[Quote], state: State) -> Phrase:
    known = [it for it in quotes if it.change_percent is not None]
    if len(known) < 2:
        return []
    ranked = sorted(known, key=lambda it: it.change_percent or 0, reverse=True)
    best, worst = ranked[0], ranked[-1]
    lead = (best.change_percent or 0) - (worst.change_percent or 0)
    points = price(lead, 2)
    if points == price(0, 2):
        return sentence("since the previous close, they have moved alike")
    names = short_name(best.symbol, state), short_name(worst.symbol, state)
    ahead = _figure(best, state, None, points)
    if len(known) == 2:
        return sentence(
            *("since the previous close, ", names[0], " has done better than "),
            *(names[1], " by ", ahead, " percentage points"),
        )
    return sentence(
        *("since the previous close, ", names[0], " has done best and "),
        *(names[1], " worst, ", ahead, " percentage points apart"),
    )


def _in_percent(quote: Quote, state: State) -> list[Part]:
    if quote.change_percent is None:
        return []
    share = _figure(quote, state, "change_percent", percent(quote.change_percent))
    return [" (", share, ")"]


def _change(quote: Quote, state: State) -> Phrase:
    """Return the change: "up 0.25 (+0.20%) on the previous close of 123.40"."""
    close = _of(quote, state, "previous_close")
    way = direction(quote.change, quote.decimals)
    if way == "flat":
        return phrase("unchanged from the previous close of ", close)
    size = price(abs(quote.change or 0), quote.decimals)
    return phrase(
        *(f"{way} ", _figure(quote, state, "change", size), *_in_percent(quote, state)),
        *(" on the previous close of ", close),
    )


def _price(quote: Quote, state: State) -> Phrase:
    return phrase(_of(quote, state, "price"), *_money(quote, state))


def _money(quote: Quote, state: State) -> list[Part]:
    if not quote.currency:
        return []
    return [" ", _figure(quote, state, "currency", shown(quote.currency, 12))]


def _of(quote: Quote, state: State, field: str) -> Piece:
    """Return a price field of a quote as the page writes it."""
    return _figure(quote, state, field, price(getattr(quote, field), quote.decimals))


def _figure(quote: Quote, state: State, field: str | None, text: str) -> Piece:
    return state.figure(("price", quote.symbol), field, text)


_FIELDS: dict[str, Callable[[Quote, State], Phrase]] = {
    "high": _high,
    "low": _low,
    "open_price": _opened,
    "previous_close": _closed,
    "volume": _volume,
    "bid": _bid,
    "currency": _currency,
}
