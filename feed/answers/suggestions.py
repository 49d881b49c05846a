"""Questions to suggest: three that the board can answer now."""

from collections.abc import Iterator

from feed.answers.matches import matches_by_phase
from feed.answers.movers import extremes
from feed.answers.names import plurals
from feed.answers.phrases import one_line, shown
from feed.answers.piece import Board
from feed.answers.state import State
from feed.events.event import Slot
from feed.events.goals import UPCOMING

SUGGESTED = 3
NAME_SUGGESTED = 40  # characters; a question with a longer name is hard to read


def suggestions(board: Board, about: Slot | None) -> list[str]:
    """Return three questions that the board can answer, about one of its keys if given.

    An empty board has the questions that can always be asked.
    """
    return suggest(State(board), about)


def suggest(state: State, about: Slot | None) -> list[str]:
    """Return three questions that state can answer, see `suggestions`."""
    kinds = [_about(state, about), _prices(state), _matches(state), _others(state)]
    questions = dict.fromkeys(_in_turn([it for it in kinds if it]))
    return [*questions, *_ALWAYS][:SUGGESTED]


def _in_turn(kinds: list[list[str]]) -> Iterator[str]:
    """Yield the first question of each kind, then the second, and so on."""
    for index in range(SUGGESTED):
        yield from (kind[index] for kind in kinds if len(kind) > index)


def _about(state: State, about: Slot | None) -> list[str]:
    if about is None or about not in state.board.newest:
        return []
    type, key = about
    if type == "price" and key in state.quotes:
        symbol = _short(key)
        return (
            [f"How is {symbol} doing?", f"What did {symbol} do in the last hour?"]
            if symbol
            else []
        )
    if type == "score" and key in state.scores:
        return _of_match(state, key)
    return []


def _prices(state: State) -> list[str]:
    if not state.quotes:
        return []
    found = extremes(state.quotes)
    symbol = _short(found[0] if found else next(reversed(state.quotes)))
    risers = ["Which symbols rose most?"] if found else []
    return [*risers, *([f"How is {symbol} doing?"] if symbol else [])]


def _matches(state: State) -> list[str]:
    live = matches_by_phase(state, "live")
    if live:
        return [*_of_match(state, live[0]), "Which matches are on now?"]
    if matches_by_phase(state, "next"):
        return ["Which matches come next?"]
    return ["Which matches are over?"] if state.scores else []


def _of_match(state: State, match: str) -> list[str]:
    score = state.scores[match]
    home, away = _short(score.home.name), _short(score.away.name)
    if not (home and away):
        return []
    if score.status in UPCOMING:
        return [f"When does {home} v {away} kick off?"]
    return [f"How does {home} v {away} stand?", f"Who scored in {home} v {away}?"]


def _others(state: State) -> list[str]:
    types = [f"How many {plurals(it)[1]} are there?" for it in state.own_types]
    notices = ["What do the notices say?"] if state.notices else []
    markets = ["Until when is the market open?"] if state.markets else []
    return [*notices, *types, *markets]


def _short(name: str) -> str:
    """Return a name that fits into a question, or nothing."""
    fits = len(name) <= NAME_SUGGESTED and one_line(name) == name
    return shown(name) if fits else ""


_ALWAYS = (
    "What is on the board?",
    "What changed in the last 10 minutes?",
    "How old is the data?",
)
