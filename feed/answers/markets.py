"""Answers about markets: whether they trade, and until when."""

from feed.answers.inquiry import Inquiry
from feed.answers.phrases import Phrase, counted, paragraph, phrase, sentence, shown
from feed.answers.state import State
from feed.answers.times import duration, time_of
from feed.events.shapes import MarketState

MARKETS_SHOWN = 4


def answer_market(inquiry: Inquiry, state: State) -> Phrase:
    """Return how the markets stand that a question names, or all of them."""
    named = [it.key for it in inquiry.of("market")] or market_keys(state)
    if not named:
        return sentence("no market is on the board")
    sentences = [market_sentence(state.markets[it], state) for it in named]
    more = len(sentences) - MARKETS_SHOWN
    if more > 0:
        sentences[MARKETS_SHOWN:] = [
            sentence(f"{counted(more, 'more market')} are listed")
        ]
    return paragraph(*sentences)


def market_keys(state: State) -> list[str]:
    """Return the keys of the markets in order."""
    return sorted(state.markets)


def market_sentence(market: MarketState, state: State) -> Phrase:
    """Return how a market stands: "The market MAIN is open until 14:20 UTC …"."""
    slot = ("market", market.market)
    status = state.figure(slot, "status", shown(market.status).lower())
    name = phrase("the market ", state.name(slot, market.market))
    if market.until is None:
        return sentence(name, " is ", status)
    now = state.board.now
    until = state.figure(slot, "until", time_of(market.until, now))
    if market.until <= now:
        return sentence(name, " is ", status, "; that was to end at ", until)
    left = state.figure(slot, "until", duration(market.until - now))
    return sentence(name, " is ", status, " until ", until, ", for another ", left)


def market_note(key: str | None, state: State) -> Phrase:
    """Return a sentence on a symbol's market if it doesn't trade now."""
    market = state.markets.get(key or "")
    if market is None or market.status == "open":
        return []
    return market_sentence(market, state)
