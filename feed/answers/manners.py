"""Answers to greetings, thanks and requests for help, and to unanswerable questions."""

from feed.answers.inquiry import Inquiry
from feed.answers.matches import match_sentence, named_matches
from feed.answers.names import Named, Names
from feed.answers.phrases import (
    Phrase,
    listed,
    paragraph,
    phrase,
    quoted,
    sentence,
    shown,
)
from feed.answers.quotes import long_name, quote_sentence
from feed.answers.state import State
from feed.answers.suggestions import suggest
from feed.streams.written import hours

WORDS_REPEATED = 40  # characters of an unknown name that an answer repeats
ABOUT_MATCHES = ("goals", "cards", "score", "match", "kick_off", "minute", "subs")
NEAR_MATCHES = frozenset({"club", "competition"})
NEAR_PRICES = frozenset({"symbol", "sector"})
EVERY_KIND = NEAR_MATCHES | NEAR_PRICES | {"market", "notice", "own", "type", "match"}
GREETINGS = ("greeting", "thanks", "farewell", "praise")


def is_greeting(inquiry: Inquiry) -> bool:
    """Return whether a question is nothing but a greeting, thanks or a farewell."""
    few = len(inquiry.words.split()) <= 6
    is_alone = not (inquiry.names or inquiry.missing or inquiry.has("health"))
    return few and is_alone and inquiry.has(*GREETINGS)


def greet(inquiry: Inquiry) -> Phrase:
    """Return a sentence to a greeting, to thanks or to a farewell."""
    if inquiry.has("thanks", "praise"):
        return sentence("you are welcome")
    if inquiry.has("farewell"):
        return sentence("goodbye")
    return sentence("hello; ask about anything that is on the board")


def help_with(state: State) -> Phrase:
    """Return a summary of possible questions, with examples."""
    return paragraph(
        sentence(
            "you can ask about prices, matches, markets, notices and everything else "
            "on this board, now or since a time, and what rose or fell most"
        ),
        _suggested(state, "try"),
    )


def introduce() -> Phrase:
    """Return how answers are made, for a question about the answerer."""
    return sentence(
        "these answers are written by rules from what is on the board, "
        "so each figure can be checked there"
    )


def tell_time(now: int) -> Phrase:
    """Return the time of day."""
    return sentence(f"it is {hours(now)} UTC")


def decline_advice(inquiry: Inquiry, state: State) -> Phrase:
    """Return that the board gives no advice, with the quote that was asked about."""
    return _declined("this board gives no advice", inquiry, state)


def decline_forecast(inquiry: Inquiry, state: State) -> Phrase:
    """Return that the board doesn't know the future, with the quote of now."""
    return _declined("this board shows what is, not what will be", inquiry, state)


def decline_reason() -> Phrase:
    """Return that the board doesn't know reasons."""
    return sentence("this board shows what happened, not why")


def absent(inquiry: Inquiry, state: State, names: Names) -> Phrase:
    """Return that something isn't on the board, and the nearest name that is."""
    kinds = NEAR_MATCHES if inquiry.has(*ABOUT_MATCHES) else NEAR_PRICES
    nearest = names.nearest(" ".join(it.text for it in inquiry.missing), kinds)
    nearest = nearest or names.nearest(inquiry.missing[0].text, EVERY_KIND)
    if nearest is None:
        return paragraph(missing_note(inquiry), _suggested(state, "you can ask"))
    near = describe_name(nearest, state)
    return sentence(_missing(inquiry), "; the nearest name is ", near)


def missing_note(inquiry: Inquiry) -> Phrase:
    """Return that the names in a question that mean nothing aren't on the board."""
    return sentence(_missing(inquiry))


def no_pins() -> Phrase:
    """Return that there are no pinned symbols."""
    return sentence("none of your pins is on the board")


def give_up(state: State) -> Phrase:
    """Return that a question isn't understood, with three that can be answered."""
    return _suggested(
        state, "that question can't be answered from the board; you can ask"
    )


def describe_name(named: Named, state: State) -> Phrase:
    """Return a name as an answer writes it, with a ref if it has a key."""
    if named.kind == "symbol":
        quote = state.quote(named.key)
        return long_name(quote, state) if quote else phrase(shown(named.key))
    if named.slot in state.board.newest:
        kind = f"{shown(named.type)} " if named.kind == "own" else ""
        return phrase(kind, state.name(named.slot, named.key))
    return phrase(shown(named.key))


def _declined(words: str, inquiry: Inquiry, state: State) -> Phrase:
    symbols = inquiry.of("symbol")
    quote = state.quote(symbols[0].key) if len(symbols) == 1 else None
    if quote:
        return sentence(words, "; ", quote_sentence(quote, state))
    matches = named_matches(inquiry, state)
    if len(matches) == 1:
        return sentence(words, "; ", match_sentence(matches[0], state))
    return sentence(words)


def _suggested(state: State, words: str) -> Phrase:
    questions = [quoted(it, 120) for it in suggest(state, None)]
    return sentence(f"{words} ", listed(questions, "or")) if questions else []


def _missing(inquiry: Inquiry) -> str:
    text = " ".join(dict.fromkeys(word.written for word in inquiry.missing))
    return f"{quoted(text, WORDS_REPEATED)} isn't on the board"
