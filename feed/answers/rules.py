"""Rules that answer questions from the board alone, without a model.

Theory of operation: a question is first understood (`feed/answers/inquiry.py`): the
names in it, its time, and its cues. The first of the rules below whose condition holds
writes the answer. Each figure and name in an answer is taken from the board and refers
to its place there. There is no clock and no I/O: the same question to the same board
has the same answer.
"""

from collections.abc import Callable

import msgspec

from feed.answers.goals import answer_cards, answer_goals, answer_most_goals
from feed.answers.inquiry import Inquiry, understand
from feed.answers.manners import (
    absent,
    decline_advice,
    decline_forecast,
    decline_reason,
    give_up,
    greet,
    help_with,
    introduce,
    is_greeting,
    missing_note,
    no_pins,
    tell_time,
)
from feed.answers.markets import answer_market
from feed.answers.matches import answer_lists, answer_matches
from feed.answers.movers import (
    answer_breadth,
    answer_listing,
    answer_movers,
    is_ranking,
)
from feed.answers.names import Named, Names
from feed.answers.own import answer_own
from feed.answers.phrases import Phrase, paragraph
from feed.answers.piece import Board, Piece, Question
from feed.answers.quotes import answer_symbols
from feed.answers.situation import (
    age_note,
    answer_changes,
    answer_health,
    answer_notices,
    answer_overview,
    empty_board,
)
from feed.answers.state import State

Rule = Callable[[Inquiry, State], Phrase]


def answer(question: Question, board: Board) -> list[Piece]:
    """Return the answer to a question about the board, in full sentences.

    Nothing but the arguments decides the answer, and there is one for every question.
    """
    state = State(board)
    names = Names(state)
    inquiry = understand(question, state, names)
    reply = _reply_to_other(inquiry, state)
    if reply:
        return reply
    if not board.newest:
        return paragraph(empty_board(), age_note(state))
    sentences = _apply_rules(inquiry, state, names)
    is_about_age = inquiry.has("newest") or _asks_health(inquiry)
    return paragraph(sentences, [] if is_about_age else age_note(state))


def _reply_to_other(inquiry: Inquiry, state: State) -> Phrase:
    """Return the answer to a greeting, or to a question that isn't about the board."""
    if is_greeting(inquiry):
        return greet(inquiry)
    if inquiry.names and not inquiry.implied:
        return []
    if inquiry.has("help"):
        return help_with(state)
    if inquiry.has("identity"):
        return introduce()
    return tell_time(state.board.now) if inquiry.has("hour") else []


def _apply_rules(inquiry: Inquiry, state: State, names: Names) -> Phrase:
    """Return the answer of the first rule that applies."""
    if inquiry.missing and (inquiry.implied or not inquiry.names):
        asks = inquiry.has("doing", "stock", *_OF_QUOTES, *_OF_MATCHES)
        is_clear = asks or inquiry.unknown == len(inquiry.missing)
        return absent(inquiry, state, names) if is_clear else give_up(state)
    if _asks_threshold(inquiry):
        return give_up(state)
    is_own = _names_own(inquiry)  # an unknown word may be one of their data
    note = missing_note(inquiry) if inquiry.missing and not is_own else []
    for applies, rule in _RULES:
        if applies(inquiry):
            sentences = rule(inquiry, state)
            if sentences:
                return paragraph(note, sentences)
    return give_up(state)


def _asks_threshold(inquiry: Inquiry) -> bool:
    """Whether a question is about values beyond a number, which no rule answers."""
    numbers = any(word.isdecimal() for word in inquiry.words.split())
    return numbers and inquiry.has("threshold") and not _names_own(inquiry)


def _asks_health(inquiry: Inquiry) -> bool:
    if inquiry.names and not inquiry.implied:
        return False
    return inquiry.has("newest") or (
        inquiry.has("health") and inquiry.has("health_state")
    )


def _asks_advice(inquiry: Inquiry) -> bool:
    return inquiry.has("advice")


def _asks_forecast(inquiry: Inquiry) -> bool:
    return inquiry.has("forecast")


def _asks_why(inquiry: Inquiry) -> bool:
    return inquiry.has("why")


def _names_own(inquiry: Inquiry) -> bool:
    return _names(inquiry, "own", "type")


def _asks_notices(inquiry: Inquiry) -> bool:
    return inquiry.has("notice") or _names(inquiry, "notice")


def _asks_ranking(inquiry: Inquiry) -> bool:
    several = len(inquiry.of("symbol")) != 1 or inquiry.implied
    return several and is_ranking(inquiry) and not _names(inquiry, "club", "match")


def _asks_changes(inquiry: Inquiry) -> bool:
    named = inquiry.names and not inquiry.implied
    return not named and inquiry.has("changes") and not inquiry.has(*_OF_MATCHES)


def _names_goals(inquiry: Inquiry) -> bool:
    """Whether a question is about the goals of clubs or of a competition."""
    timed = inquiry.window is not None or inquiry.has("last_goal")
    if _names(inquiry, "club", "match"):
        return timed and inquiry.has("goals")
    return _names(inquiry, "competition") and inquiry.has("goals")


def _names_match(inquiry: Inquiry) -> bool:
    if inquiry.implied:
        single = not inquiry.has("count") and not _PLURAL & {*inquiry.words.split()}
        return single and bool(inquiry.of("match")) and inquiry.has(*_OF_MATCHES)
    if inquiry.of("symbol") and not inquiry.has(*_OF_MATCHES):
        return False
    return bool(inquiry.of("club", "match"))


def _names_symbol(inquiry: Inquiry) -> bool:
    if inquiry.implied:
        single = not inquiry.has("market", "stock", "sector", "count", *_OF_MATCHES)
        asked = inquiry.has(*_OF_SYMBOLS) or inquiry.window is not None
        return single and bool(inquiry.of("symbol")) and asked
    return bool(inquiry.of("symbol"))


def _lists_sector(inquiry: Inquiry) -> bool:
    asked = inquiry.has("list", "count") and inquiry.has("stock", "up", "down", "flat")
    return _names(inquiry, "sector") and asked


def _names_sector(inquiry: Inquiry) -> bool:
    return _names(inquiry, "sector")


def _names_competition(inquiry: Inquiry) -> bool:
    return _names(inquiry, "competition")


def _asks_market_mood(inquiry: Inquiry) -> bool:
    asked = inquiry.has("market") and inquiry.has("doing", "overview")
    return asked and not inquiry.has("market_hours", "match", "when")


def _asks_market(inquiry: Inquiry) -> bool:
    if inquiry.has("match", "goals", "cards"):
        return False
    hours = inquiry.has("market_hours") and not inquiry.has("score", "kick_off")
    return _names(inquiry, "market") or inquiry.has("market") or hours


def _asks_most_goals(inquiry: Inquiry) -> bool:
    return inquiry.has("goals") and inquiry.has("most")


def _asks_goals(inquiry: Inquiry) -> bool:
    return inquiry.has("goals", "last_goal")


def _asks_cards(inquiry: Inquiry) -> bool:
    return inquiry.has("cards")


def _asks_pins(inquiry: Inquiry) -> bool:
    return inquiry.has("pins")


def _asks_listing(inquiry: Inquiry) -> bool:
    some = inquiry.has("list", "count") and inquiry.has("stock", "up", "down", "flat")
    return (some or inquiry.has("sector")) and not inquiry.has("match")


def _asks_matches(inquiry: Inquiry) -> bool:
    if inquiry.has("match", "score", "kick_off", "halted"):
        return True
    return inquiry.has("live", "next", "over") and not inquiry.has(
        "price", "stock", "overview"
    )


def _asks_prices(inquiry: Inquiry) -> bool:
    return inquiry.has("price", "stock")


def _asks_overview(inquiry: Inquiry) -> bool:
    return inquiry.has("overview")


def _is_row(inquiry: Inquiry) -> bool:
    return inquiry.implied


def _has_time(inquiry: Inquiry) -> bool:
    return inquiry.window is not None


def _names(inquiry: Inquiry, *kinds: str) -> bool:
    return not inquiry.implied and bool(inquiry.of(*kinds))


def _answer_why(inquiry: Inquiry, state: State) -> Phrase:
    row = _answer_row(inquiry, state) if inquiry.names else []
    return paragraph(decline_reason(), row)


def _answer_market_mood(inquiry: Inquiry, state: State) -> Phrase:
    mood = answer_breadth(inquiry, state) if state.quotes else []
    return paragraph(answer_market(inquiry, state), mood)


def _answer_pins(inquiry: Inquiry, state: State) -> Phrase:
    pins = [Named("symbol", it) for it in inquiry.pins if it in state.quotes]
    if not pins:
        return no_pins()
    return answer_symbols(msgspec.structs.replace(inquiry, names=tuple(pins)), state)


def _answer_row(inquiry: Inquiry, state: State) -> Phrase:
    """Return the state of the first row that a question is about."""
    kind = inquiry.names[0].kind
    rule = {"symbol": answer_symbols, "own": answer_own, "notice": answer_notices}
    rules = {**rule, "club": answer_matches, "match": answer_matches}
    return rules[kind](inquiry, state) if kind in rules else []


_OF_MATCHES = (
    *("goals", "last_goal", "cards", "subs", "score", "minute", "kick_off", "halted"),
)
_OF_QUOTES = (
    *("price", "high", "low", "range", "day", "volume", "open_price"),
    *("previous_close", "bid", "change", "currency"),
)
_OF_SYMBOLS = (*_OF_QUOTES, "about_company", "doing")
_PLURAL = {"matches", "games", "fixtures", "results", "scores", "teams", "clubs"}

_RULES: tuple[tuple[Callable[[Inquiry], bool], Rule], ...] = (
    (_asks_forecast, decline_forecast),
    (_asks_advice, decline_advice),
    (_asks_why, _answer_why),
    (_names_own, answer_own),
    (_asks_health, answer_health),
    (_asks_notices, answer_notices),
    (_asks_ranking, answer_movers),
    (_asks_changes, answer_changes),
    (_names_goals, answer_goals),
    (_names_match, answer_matches),
    (_names_symbol, answer_symbols),
    (_lists_sector, answer_listing),
    (_names_sector, answer_breadth),
    (_asks_market_mood, _answer_market_mood),
    (_asks_most_goals, answer_most_goals),
    (_asks_goals, answer_goals),
    (_asks_cards, answer_cards),
    (_asks_pins, _answer_pins),
    (_names_competition, answer_lists),
    (_asks_market, answer_market),
    (_asks_listing, answer_listing),
    (_asks_matches, answer_lists),
    (_asks_prices, answer_breadth),
    (_asks_overview, answer_overview),
    (_is_row, _answer_row),
    (_has_time, answer_changes),
)
"""The rules in order: when each applies, and how it answers."""
