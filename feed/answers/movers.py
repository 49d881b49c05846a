"""Answers about many symbols: the largest rises and falls, counts, a sector."""

from collections.abc import Iterable, Mapping
from operator import itemgetter

from feed.answers.inquiry import Inquiry
from feed.answers.phrases import (
    LISTED,
    Part,
    Phrase,
    counted,
    listed,
    paragraph,
    phrase,
    sentence,
    shortened,
    shown,
)
from feed.answers.piece import Piece
from feed.answers.quotes import long_name, quote_sentence, short_name
from feed.answers.spans import FEW_CANDLES, read_span
from feed.answers.state import QuoteHead, State
from feed.answers.times import Window
from feed.streams.written import direction, percent, price, whole

RANKED = 3  # symbols that are named if a question doesn't say how many
SYMBOLS_OVER_TIME = 300  # their histories are read for one answer

Ranking = list[tuple[str, float]]
"""Symbols with the value by which they are ordered, the greatest first."""
Scope = tuple[Mapping[str, QuoteHead], str]
"""The quotes that a question is about, and the words for them: "in Energy"."""


def answer_movers(inquiry: Inquiry, state: State) -> Phrase:
    """Return which symbols rose or fell most, were traded most or cost most."""
    quotes, scope = _scope(inquiry, state)
    if not quotes:
        return sentence(f"there are no prices{scope} on the board")
    if inquiry.has("active"):
        return _most_traded(inquiry, quotes, scope, state)
    if inquiry.has("expensive", "cheap"):
        return _dearest(inquiry, quotes, scope, state)
    if inquiry.window and len(quotes) > SYMBOLS_OVER_TIME:
        return sentence(
            f"over a time, the board compares at most {SYMBOLS_OVER_TIME} symbols, "
            f"and there are {len(quotes):,}{scope}; name a sector or some symbols"
        )
    changes = _changes(quotes, inquiry.window, state)
    if not changes:
        return sentence(_without_changes(inquiry, scope))
    falls = inquiry.has("faller", "down")
    rises = inquiry.has("riser", "up")
    rises = rises or (inquiry.has("top") and not (falls or inquiry.has("mover")))
    both = rises == falls
    sentences = []
    if both or rises:
        sentences.append(_rose(changes, inquiry, scope, state))
    if both or falls:
        sentences.append(_fell(changes, inquiry, scope, state, again=both))
    return paragraph(*sentences)


def answer_breadth(inquiry: Inquiry, state: State) -> Phrase:
    """Return how many symbols are up and down, and the best and worst of them."""
    quotes, scope = _scope(inquiry, state)
    if not quotes:
        return sentence(f"there are no prices{scope} on the board")
    if len(quotes) == 1:
        quote = state.quote(next(iter(quotes)))
        return quote_sentence(quote, state) if quote else []
    return paragraph(_breadth(quotes, scope), _extremes(quotes, state))


def answer_listing(inquiry: Inquiry, state: State) -> Phrase:
    """Return the symbols that a question is about, or their number, or the sectors."""
    quotes, scope = _scope(inquiry, state)
    if inquiry.has("sector") and not inquiry.of("sector"):
        return _list_sectors(state)
    ways = [way for way in ("up", "down", "flat") if inquiry.has(way)]
    names = [
        symbol
        for symbol, it in sorted(quotes.items())
        if not ways or (it.change is not None and _way(it) in ways)
    ]
    words = " or ".join("unchanged" if way == "flat" else way for way in ways)
    if inquiry.has("count") or not names:
        verb = "is" if len(names) == 1 else "are"
        found = f" {verb} {words}" if words else f" {verb} on the board"
        of = f" of the {whole(len(quotes))}" if words and len(quotes) > 1 else ""
        return sentence(f"{whole(len(names))}{of} {_symbols(quotes)}{scope}{found}")
    shortly = shortened(
        [short_name(it, state) for it in names[: LISTED + 1]], len(names)
    )
    are = f" are {words}: " if words else " are on the board: "
    if len(names) == 1:
        are = f" is {words}: " if words else " is on the board: "
    return sentence(counted(len(names), "symbol"), scope, are, shortly)


def is_ranking(inquiry: Inquiry) -> bool:
    """Return whether a question asks which symbols stand out."""
    ranks = inquiry.has("riser", "faller", "mover", "stock") and inquiry.has("most")
    nouns = {"risers", "gainers", "losers", "fallers", "movers", "winners"}
    nouns |= {"riser", "gainer", "loser", "faller", "mover", "winner"}
    named = bool(nouns & {*inquiry.words.split()})
    moved = inquiry.window is not None and inquiry.has("riser", "faller")
    return ranks or named or moved or inquiry.has("active", "expensive", "cheap")


def extremes(quotes: Mapping[str, QuoteHead]) -> tuple[str, str] | None:
    """Return the symbols that rose and fell most; None if no change is known."""
    ranking = _by_change(quotes)
    return (ranking[0][0], ranking[-1][0]) if ranking else None


def _scope(inquiry: Inquiry, state: State) -> Scope:
    sectors = [it.key for it in inquiry.of("sector")]
    if sectors:
        chosen = {s: q for s, q in state.quotes.items() if q.sector in sectors}
        return chosen, f" in {' and '.join(shown(it) for it in sectors)}"
    symbols = [it.key for it in inquiry.of("symbol")]
    if len(symbols) > 1:
        return {s: state.quotes[s] for s in symbols if s in state.quotes}, ""
    if inquiry.has("pins"):
        pins = [it for it in inquiry.pins if it in state.quotes]
        return {it: state.quotes[it] for it in pins}, " among your pins"
    return state.quotes, ""


def _changes(
    quotes: Mapping[str, QuoteHead], window: Window | None, state: State
) -> Ranking:
    if window is None:
        return _by_change(quotes)
    spans = {s: read_span(state.board, s, window.since, FEW_CANDLES) for s in quotes}
    moves = [
        (symbol, (span.last - span.first) / span.first * 100)
        for symbol, span in spans.items()
        if span and span.traded and span.first
    ]
    return sorted(moves, key=itemgetter(1), reverse=True)


def _by_change(quotes: Mapping[str, QuoteHead]) -> Ranking:
    known = [
        (symbol, it.change_percent)
        for symbol, it in quotes.items()
        if it.change_percent is not None
    ]
    return sorted(known, key=itemgetter(1), reverse=True)


def _without_changes(inquiry: Inquiry, scope: str) -> str:
    if inquiry.window:
        return f"no symbol{scope} has traded {_said(inquiry)}"
    return f"no change{scope} is known {_said(inquiry)}"


def _rose(changes: Ranking, inquiry: Inquiry, scope: str, state: State) -> Phrase:
    rose = [each for each in changes if direction(each[1], 2) == "up"]
    said = _said(inquiry)
    if rose:
        return _ranked(rose, inquiry, scope, "risen", state)
    best = _with_change(changes[0], inquiry, state)
    return sentence(f"no symbol{scope} has risen {said}; the best is ", best)


def _fell(
    changes: Ranking, inquiry: Inquiry, scope: str, state: State, again: bool
) -> Phrase:
    fell = [each for each in reversed(changes) if direction(each[1], 2) == "down"]
    said = _said(inquiry)
    if fell:
        return _ranked(fell, inquiry, scope, "fallen", state, again)
    worst = _with_change(changes[-1], inquiry, state)
    return sentence(f"no symbol{scope} has fallen {said}; the weakest is ", worst)


def _ranked(
    changes: Ranking,
    inquiry: Inquiry,
    scope: str,
    verb: str,
    state: State,
    again: bool = False,
) -> Phrase:
    """Return the first symbols in order; `again` leaves the time out."""
    (symbol, change), *others = changes[: inquiry.count or RANKED]
    quote = state.quote(symbol)
    name = long_name(quote, state) if quote else short_name(symbol, state)
    field = None if inquiry.window else "change_percent"
    size = state.figure(("price", symbol), field, f"{price(abs(change), 2)}%")
    said = "" if again else f"{_said(inquiry)}, "
    first = phrase(said, name, f" has {verb} most{scope}, by ", size)
    if not others:
        return sentence(first)
    behind = listed([_with_change(each, inquiry, state) for each in others])
    return sentence(first, ", followed by ", behind)


def _with_change(each: tuple[str, float], inquiry: Inquiry, state: State) -> Phrase:
    symbol, change = each
    field = None if inquiry.window else "change_percent"
    size = state.figure(("price", symbol), field, percent(change))
    return phrase(short_name(symbol, state), " (", size, ")")


def _said(inquiry: Inquiry) -> str:
    if inquiry.window is None:
        return "since the previous close"
    said = inquiry.window.said
    return said.replace("at ", "since ", 1) if inquiry.window.instant else said


def _most_traded(
    inquiry: Inquiry, quotes: Mapping[str, QuoteHead], scope: str, state: State
) -> Phrase:
    known = [(s, it.volume) for s, it in quotes.items() if it.volume is not None]
    ranking = sorted(known, key=itemgetter(1), reverse=True)[: inquiry.count or RANKED]
    if not ranking:
        return sentence(f"no volume{scope} is known")
    firsts = [True] + [False] * (len(ranking) - 1)
    top, *others = [
        phrase(
            *(short_name(symbol, state), " with a volume of " if first else " with "),
            state.figure(("price", symbol), "volume", whole(volume)),
        )
        for first, (symbol, volume) in zip(firsts, ranking, strict=True)
    ]
    behind: list[Part] = [", followed by ", listed(others)] if others else []
    return sentence(f"the most traded symbol{scope} this session is ", top, *behind)


def _dearest(
    inquiry: Inquiry, quotes: Mapping[str, QuoteHead], scope: str, state: State
) -> Phrase:
    cheap = inquiry.has("cheap")
    ranking = sorted(quotes.items(), key=lambda it: it[1].price, reverse=not cheap)
    items = [
        phrase(short_name(symbol, state), " at ", _price_of(symbol, quote, state))
        for symbol, quote in ranking[: inquiry.count or RANKED]
    ]
    word = "lowest" if cheap else "highest"
    behind: list[Part] = [", followed by ", listed(items[1:])] if items[1:] else []
    return sentence(f"the {word} price{scope} is that of ", items[0], *behind)


def _breadth(quotes: Mapping[str, QuoteHead], scope: str) -> Phrase:
    known = [it for it in quotes.values() if it.change is not None]
    ways = [_way(it) for it in known]
    counts: list[Part] = [
        f"{whole(count) if count else 'none'} {'is' if count < 2 else 'are'} {word}"
        for way, word in (("up", "up"), ("down", "down"), ("flat", "unchanged"))
        if (count := ways.count(way)) or way != "flat"
    ]
    unknown = len(quotes) - len(known)
    total = f"{whole(len(quotes))} symbols{scope}"
    if not known:
        return sentence(f"of the {total}, no change is known")
    without = f"; the change of {whole(unknown)} isn't known" if unknown else ""
    return sentence(f"of the {total}, ", listed(counts), without)


def _way(quote: QuoteHead) -> str:
    """Return the direction of a change, after rounding if that can matter."""
    change = quote.change or 0.0
    if abs(change) >= 10.0**-quote.decimals:
        return "up" if change > 0 else "down"
    return direction(change, quote.decimals)


def _extremes(quotes: Mapping[str, QuoteHead], state: State) -> Phrase:
    found = extremes(quotes)
    if found is None:
        return []
    best, worst = ((it, quotes[it].change_percent or 0.0) for it in found)
    if best == worst:
        return sentence(
            "the only known change is that of ", _with_change(best, Inquiry(), state)
        )
    return sentence(
        *("the best is ", _with_change(best, Inquiry(), state)),
        *(" and the weakest ", _with_change(worst, Inquiry(), state)),
    )


def _list_sectors(state: State) -> Phrase:
    sectors = sorted({it.sector for it in state.quotes.values() if it.sector})
    if not sectors:
        return sentence("no sector is on the board")
    if len(sectors) == 1:
        return sentence("the only sector on the board is ", shown(sectors[0]))
    names: list[Part] = [shown(it) for it in sectors]
    listed_ = shortened(names, len(names))
    return sentence(f"there are {whole(len(sectors))} sectors on the board: ", listed_)


def _price_of(symbol: str, quote: QuoteHead, state: State) -> Phrase:
    slot = ("price", symbol)
    value: list[Piece] = [
        state.figure(slot, "price", price(quote.price, quote.decimals))
    ]
    if not quote.currency:
        return value
    return phrase(value, " ", state.figure(slot, "currency", shown(quote.currency, 12)))


def _symbols(quotes: Iterable[str]) -> str:
    return "symbol" if len([*quotes]) == 1 else "symbols"
