"""Answers about the whole board: notices, recent changes, an overview, its source."""

from feed.answers.goals import goals_since
from feed.answers.inquiry import Inquiry
from feed.answers.markets import market_keys, market_sentence
from feed.answers.matches import goal_sentence, match_line, matches_by_phase
from feed.answers.movers import SYMBOLS_OVER_TIME, answer_breadth, answer_movers
from feed.answers.own import noun
from feed.answers.phrases import (
    LISTED,
    TEXT_SHOWN,
    Part,
    Phrase,
    counted,
    listed,
    paragraph,
    phrase,
    quoted,
    sentence,
    shortened,
    shown,
)
from feed.answers.state import State
from feed.answers.times import SECOND, Window, duration, recent, time_of
from feed.events.reading import read_shape
from feed.events.shapes import Notice, SourceState
from feed.streams.written import whole

NOTICES_SHOWN = 3
GOALS_SHOWN = 3
OWN_SHOWN = 3
# The age of the newest event, in seconds, from which on an answer says that it is old.
# A source within the server always has something new.
OLD_BOARD = 30
OLD_PUBLISHED = 900
LEVEL_NAMES = {
    "info": "notice",
    "success": "success notice",
    "warning": "warning",
    "critical": "critical notice",
}
SOURCES = {
    "simulator": "the simulator, so the companies, clubs and players are invented",
    "replay": "a recording that is replayed",
    "published": "what is published to this board",
    "live": "public services on the Internet",
}


def answer_notices(inquiry: Inquiry, state: State) -> Phrase:
    """Return the notices that a question names, or the newest ones."""
    keys = [it.key for it in inquiry.of("notice")] or [*state.notices][::-1]
    notices = [it for key in keys[:NOTICES_SHOWN] if (it := state.notice(key))]
    if not notices:
        return sentence("there is no notice on the board")
    head: Phrase = []
    if not inquiry.of("notice") and len(keys) > 1:
        head = sentence(f"there are {whole(len(keys))} notices on the board")
        if len(keys) > NOTICES_SHOWN:
            head = paragraph(head, sentence("the newest come first"))
    if inquiry.has("count") and head:
        return head
    return paragraph(head, *(notice_sentence(it, state) for it in notices))


def notice_sentence(notice: Notice, state: State) -> Phrase:
    """Return a notice with its level, its title, its text and its end."""
    slot = ("notice", notice.notice)
    level = LEVEL_NAMES.get(notice.level, f"{shown(notice.level)} notice")
    at = state.figure(slot, "at", time_of(notice.at, state.board.now))
    parts: list[Part] = [f"{_article(level)} {level} published at ", at, " says "]
    parts += [state.figure(slot, "title", quoted(notice.title))]
    body = shown(notice.body or "", TEXT_SHOWN)
    if body:
        parts += [": ", state.figure(slot, "body", quoted(body, TEXT_SHOWN))]
    if notice.until is None:
        return sentence(*parts)
    until = state.figure(slot, "until", time_of(notice.until, state.board.now))
    return paragraph(sentence(*parts), sentence("it stands until ", until))


def answer_health(inquiry: Inquiry, state: State) -> Phrase:
    """Return the source and the age of the data, and whether the log is followed."""
    board = state.board
    if not board.newest:
        return paragraph(_source(state), sentence("nothing has been published yet"))
    age = duration(int(board.newest_event_age * SECOND))
    ago = f"{age} ago" if board.newest_event_age >= 1 else "less than a second ago"
    since = "nothing has come since" if is_old(state) else "the board is up to date"
    newest = f"the newest event arrived {ago}"
    if board.away:
        return paragraph(_source(state), sentence(newest), away_note(state))
    faults = _source_faults(state)
    freshness = newest if faults else f"{newest}; {since}"
    return paragraph(_source(state), sentence(freshness), *faults)


def _source_faults(state: State) -> list[Phrase]:
    """Return which sources aren't live, and why."""
    newest = state.board.newest.items()
    shapes = (read_shape(event) for (type, _), event in newest if type == "source")
    faulty = [
        it for it in shapes if isinstance(it, SourceState) and it.status != "live"
    ]
    return [_source_fault(it) for it in faulty]


def _source_fault(source: SourceState) -> Phrase:
    reason = shown(source.detail or source.status, TEXT_SHOWN)
    return sentence(f"{shown(source.source)} isn't live: {reason}")


def away_note(state: State) -> Phrase:
    """Return that the log can't be followed, if so; its state may be outdated then."""
    if not state.board.away:
        return []
    reason = shown(state.board.away, TEXT_SHOWN).rstrip(".")
    when = time_of(state.board.as_of.ms, state.board.now)
    return sentence(
        f"the board can't follow its log now ({reason}), so this is its state of {when}"
    )


def age_note(state: State) -> Phrase:
    """Return that the board is away or that its newest event is old, if so."""
    if state.board.away:
        return away_note(state)
    if not is_old(state):
        return []
    age = duration(int(state.board.newest_event_age * SECOND))
    return sentence(f"the newest event on the board is {age} old")


def is_old(state: State) -> bool:
    """Return whether a board with this source should have newer events."""
    within = state.board.feed in ("simulator", "replay")
    limit = OLD_BOARD if within else OLD_PUBLISHED
    return bool(state.board.newest) and state.board.newest_event_age >= limit


def answer_changes(inquiry: Inquiry, state: State) -> Phrase:
    """Return the changes since a time: prices, goals, notices and other keys."""
    window = inquiry.window or recent(state.board.now)
    asked = Inquiry(window=Window(window.since, _span_of(window)), pins=inquiry.pins)
    sentences = [
        _moves(asked, state),
        *_goals(asked, state),
        *_new_notices(window, state),
        _new_own(window, state),
    ]
    changes = paragraph(*sentences)
    return changes or sentence(f"nothing has changed on the board {_span_of(window)}")


def answer_overview(inquiry: Inquiry, state: State) -> Phrase:
    """Return the board in a few sentences."""
    sentences = [
        market_sentence(state.markets[it], state) for it in market_keys(state)[:2]
    ]
    if state.quotes:
        sentences.append(answer_breadth(Inquiry(), state))
    sentences.append(_matches(state))
    count = len(state.notices)
    if count:
        verb = "is" if count == 1 else "are"
        sentences.append(sentence(f"there {verb} {counted(count, 'notice')}"))
    sentences.append(_own_types(state))
    return paragraph(*sentences)


def empty_board() -> Phrase:
    """Return that there is nothing on the board yet."""
    return sentence("the board is empty: nothing has been published yet")


def _source(state: State) -> Phrase:
    source = SOURCES.get(state.board.feed, f"the source {quoted(state.board.feed)}")
    return sentence(f"the data comes from {source}")


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" else "a"


def _span_of(window: Window) -> str:
    return window.said.replace("at ", "since ", 1) if window.instant else window.said


def _moves(inquiry: Inquiry, state: State) -> Phrase:
    if not state.quotes or len(state.quotes) > SYMBOLS_OVER_TIME:
        return []
    return answer_movers(inquiry, state)


def _goals(inquiry: Inquiry, state: State) -> list[Phrase]:
    goals = goals_since(inquiry.window, inquiry, state)
    sentences = [goal_sentence(*each, state) for each in goals[: -GOALS_SHOWN - 1 : -1]]
    more = len(goals) - len(sentences)
    if more:
        verb = "was" if more == 1 else "were"
        sentences.append(
            sentence(f"before, {counted(more, 'more goal')} {verb} scored")
        )
    if not sentences and state.scores and inquiry.window:
        sentences.append(sentence(f"no goal has been scored {inquiry.window.said}"))
    return sentences


def _new_notices(window: Window, state: State) -> list[Phrase]:
    keys = [key for key, it in state.notices.items() if it.id.ms >= window.since]
    notices = [state.notice(key) for key in keys[: -NOTICES_SHOWN - 1 : -1]]
    return [notice_sentence(it, state) for it in notices if it]


def _new_own(window: Window, state: State) -> Phrase:
    changed: list[Part] = []
    for type, keys in state.own_types.items():
        new = [key for key, it in keys.items() if it.id.ms >= window.since]
        if new:
            newest = new[: -LISTED - 2 : -1]
            names = [state.name((type, key), key) for key in newest]
            few = shortened(names, len(new))
            changed.append(phrase(f"{noun(type, len(new))} ", few))
    if not changed:
        return []
    return sentence("new or changed are ", listed(changed[:OWN_SHOWN]))


def _matches(state: State) -> Phrase:
    live, following = (matches_by_phase(state, it) for it in ("live", "next"))
    lines = [match_line(it, state) for key in live[:LISTED] if (it := state.score(key))]
    if not live and not following:
        return []
    if not live:
        first = state.score(following[0])
        line = match_line(first, state) if first else []
        return sentence("no match is on now; the next is ", line)
    verb = "is" if len(live) == 1 else "are"
    head = f"{counted(len(live), 'match', 'matches')} {verb} on now: "
    more: list[Part] = []
    if len(live) > LISTED:
        more = [f"{whole(len(live) - LISTED)} more"]
    return sentence(head, listed([*lines, *more]))


def _own_types(state: State) -> Phrase:
    counts: list[Part] = [
        f"{whole(len(keys))} {noun(type, len(keys))}"
        for type, keys in state.own_types.items()
    ]
    if not counts:
        return []
    verb = "is" if len(state.own_types) == 1 and counts[0] == "1" else "are"
    return sentence(f"there {verb} also ", shortened(counts, len(counts), "more types"))
