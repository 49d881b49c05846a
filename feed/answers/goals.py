"""Answers about goals and red cards in all matches of the board."""

from operator import itemgetter

from feed.answers.inquiry import Inquiry
from feed.answers.matches import (
    Goal,
    goal_sentence,
    goals_of,
    match_line,
    named_matches,
    scorers_sentence,
)
from feed.answers.phrases import (
    LISTED,
    Phrase,
    counted,
    in_competition,
    listed,
    paragraph,
    phrase,
    sentence,
    shown,
)
from feed.answers.state import State
from feed.answers.times import Window
from feed.events.goals import LIVE, UPCOMING
from feed.events.shapes import Score

MATCHES_READ = 100  # the newest; their incidents are read for one answer

Goals = list[tuple[Score, Goal]]


def answer_goals(inquiry: Inquiry, state: State) -> Phrase:
    """Return the goals since a time, or the last ones, of all matches or of some."""
    goals = goals_since(inquiry.window, inquiry, state)
    said = f" {inquiry.window.said}" if inquiry.window else ""
    if not goals and inquiry.window:
        return sentence(f"no goal has been scored{said}")
    if not goals:
        return sentence("no goal is known of any match on the board")
    newest = goals[-1:] if _is_last(inquiry) else goals[-LISTED:]
    sentences = [goal_sentence(score, goal, state) for score, goal in reversed(newest)]
    if _is_last(inquiry):
        return paragraph(*sentences)
    verb = "has" if len(goals) == 1 else "have"
    some = f"; these are the last {LISTED}" if len(goals) > LISTED else ""
    if inquiry.has("count"):
        some = ""
    total = sentence(
        f"{counted(len(goals), 'goal')} {verb} been scored",
        f"{_where(inquiry, state)}{said}{some}",
    )
    if inquiry.has("count"):
        return total
    return paragraph(total, *sentences)


def goals_since(window: Window | None, inquiry: Inquiry, state: State) -> Goals:
    """Return the goals that stand, oldest first, each with its match."""
    since = window.since if window else 0
    found = [
        (score, goal)
        for score in _matches(since, inquiry, state)
        for goal in goals_of(score)
        if goal["at"] >= since
    ]
    return sorted(found, key=lambda it: it[1]["at"])


def answer_cards(inquiry: Inquiry, state: State) -> Phrase:
    """Return which sides have red cards, over all matches."""
    carded: list[Score] = []
    for match in state.scores:
        score = state.score(match) if len(carded) < LISTED else None
        if score and (score.home.red_cards or score.away.red_cards):
            carded.append(score)
    if not carded:
        return sentence("no side on the board has a red card")
    return paragraph(*(_red_cards_of(score, state) for score in carded))


def answer_most_goals(inquiry: Inquiry, state: State) -> Phrase:
    """Return the match with the most goals."""
    totals = [
        (match, it.home.score + it.away.score)
        for match, it in state.scores.items()
        if it.home.score is not None and it.away.score is not None
    ]
    match, most = max(totals, key=itemgetter(1), default=("", 0))
    score = state.score(match)
    if not most or score is None:
        return sentence("no goal is known of any match on the board")
    total = state.figure(("score", match), None, str(most))
    return paragraph(
        sentence(
            "the match with the most goals, ", total, ", is ", match_line(score, state)
        ),
        scorers_sentence(score, state),
    )


def _matches(since: int, inquiry: Inquiry, state: State) -> list[Score]:
    if inquiry.of("club", "match"):
        return named_matches(inquiry, state)
    competitions = {it.key for it in inquiry.of("competition")}
    keys = [
        match
        for match, it in state.scores.items()
        if it.at >= since
        and it.status not in UPCOMING
        and (not competitions or it.competition in competitions)
        and (not inquiry.has("live") or it.status in LIVE)
    ]
    return [it for key in keys[-MATCHES_READ:] if (it := state.score(key))]


def _where(inquiry: Inquiry, state: State) -> str:
    if inquiry.of("club", "match"):
        return " there"
    competitions = [in_competition(it.key) for it in inquiry.of("competition")]
    if competitions:
        return " and".join(competitions)
    if inquiry.has("live"):
        return " in the matches on now"
    some = len(state.scores) > MATCHES_READ
    return f" in the {MATCHES_READ} newest matches" if some else ""


def _is_last(inquiry: Inquiry) -> bool:
    return inquiry.has("last_goal") and not inquiry.window


def _red_cards_of(score: Score, state: State) -> Phrase:
    slot = ("score", score.match)
    sides = [
        phrase(
            state.figure(slot, f"{side}.name", shown(team.name)),
            " have ",
            state.figure(slot, f"{side}.red_cards", str(team.red_cards)),
            " red card" if team.red_cards == 1 else " red cards",
        )
        for side, team in (("home", score.home), ("away", score.away))
        if team.red_cards
    ]
    return sentence("in ", match_line(score, state), ", ", listed(sides))
