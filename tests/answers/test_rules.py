"""The rules' answers: questions as people put them, and what an answer must say."""

import re

import msgspec
import pytest

from feed.answers.piece import Board, Question, Turn
from feed.answers.rules import answer
from feed.answers.suggestions import suggestions
from feed.events.event import Event, Slot, keyed
from feed.events.shapes import SourceState
from tests.answers.questions import PUBLISHED, SIMULATED, Asked
from tests.helpers.asked import (
    AFTERNOON,
    ask,
    board_of,
    own,
    published_board,
    published_events,
    simulated_board,
)
from tests.helpers.harness import ROOT
from tests.helpers.nasty import KEYS, TEXTS

PINS = ("ACME", "BOLT", "no longer on the board")
DEPTH = 60  # levels of JSON


def rows(asked: tuple[Asked, ...]) -> list[tuple[str, Asked]]:
    return [(question, row) for row in asked for question in row.questions]


@pytest.mark.parametrize(("question", "row"), rows(SIMULATED))
def test_the_simulators_board_is_asked(question: str, row: Asked) -> None:
    check(ask(question, simulated_board(), symbols=PINS), row)


@pytest.mark.parametrize(("question", "row"), rows(PUBLISHED))
def test_a_published_board_is_asked(question: str, row: Asked) -> None:
    check(ask(question, published_board()), row)


def check(answered: str, row: Asked) -> None:
    assert [text for text in row.says if text not in answered] == [], answered
    assert [text for text in row.never if text in answered] == [], answered


def test_there_are_at_least_150_questions() -> None:
    assert len(rows(SIMULATED)) + len(rows(PUBLISHED)) >= 150


BRENT, GOLD = ("price", "BRN"), ("price", "XAU")
MATCH = ("score", "acton-burton")


@pytest.mark.parametrize(
    ("about", "turns", "question", "answered"),
    [
        (BRENT, [], "how is it doing?", "Brent crude (BRN) is at 82.44 USD"),
        (BRENT, [], "high?", "The session high of Brent crude (BRN) is 82.60 USD"),
        (BRENT, [], "last 10 minutes", "Brent crude (BRN) has risen by 0.34"),
        (BRENT, [], "who rose most?", "has risen most"),
        (BRENT, [], "how is gold?", "Gold (XAU) is at"),
        (MATCH, [], "who scored?", "Acton lead Burton 2–1"),
        (MATCH, [], "how does this match stand?", "Acton lead Burton 2–1"),
        (MATCH, [], "which matches are over?", "4 matches are over"),
        (
            ("ticket", "4711"),
            [],
            "what is its status?",
            "Ticket 4711 has status “open”.",
        ),
        (("price", "gone"), [], "how is it?", "can't be answered"),
        (None, ["how is brent"], "and gold?", "Gold (XAU) is at"),
        (None, ["brent high"], "and gold?", "The session high of Gold (XAU)"),
        (None, ["brent last 10 minutes"], "and gold?", "Gold (XAU) has fallen by 1.40"),
        (None, ["how is brent"], "and its volume?", "The volume of Brent crude (BRN)"),
        (None, ["brent", "and gold?"], "how high was it?", "high of Gold (XAU)"),
        (None, ["did epsom win"], "and hove?", "Hove beat Goole"),
    ],
)
def test_a_question_leaves_out_what_is_known(
    about: Slot | None, turns: list[str], question: str, answered: str
) -> None:
    board = published_board()
    earlier = [Turn(turn, ask(turn, board)) for turn in turns]
    assert answered in ask(question, board, about, turns=earlier)


def test_it_refers_to_the_name_in_the_last_answer() -> None:
    board = published_board()
    turn = Turn("who rose most?", ask("who rose most?", board))
    answered = ask("what is its volume?", board, turns=[turn])
    assert answered == "The volume of Brent crude (BRN) this session is 4,800."


def test_an_empty_board_says_that_it_is_empty() -> None:
    for question in ("price of ACME", "who scored", "", "ticket 1"):
        assert ask(question, board_of([])) == (
            "The board is empty: nothing has been published yet."
        )


def test_a_board_that_is_away_or_old_says_so() -> None:
    board = published_board()
    away = msgspec.structs.replace(board, away="Redis is loading its data")
    assert ask("brent", away).endswith(
        "The board can't follow its log now (Redis is loading its data), so this is "
        "its state of 14:04 UTC."
    )
    old = msgspec.structs.replace(board, newest_event_age=7260.0)
    assert ask("brent", old).endswith("The newest event on the board is 2 hours old.")
    assert "arrived 2 hours ago; nothing has come since" in ask("how old is it", old)
    simulated = msgspec.structs.replace(simulated_board(), newest_event_age=45.0)
    assert ask("ACME", simulated).endswith(
        "The newest event on the board is 45 seconds old."
    )


def test_an_answer_about_the_source_names_those_that_are_not_live() -> None:
    at, why = 1_772_739_907_250, "It doesn't accept connections."
    states = [
        SourceState("Kraken", "away", at, why, at),
        SourceState("ESPN", "live", at, None, at),
    ]
    said = ask(
        "is the board up to date?",
        board_of(map(SourceState.event, states), feed="live"),
    )
    assert "comes from public services on the Internet" in said
    assert said.endswith("Kraken isn't live: It doesn't accept connections.")
    assert "up to date" not in said and "ESPN" not in said


def test_suggested_questions_are_answered() -> None:
    for board in (simulated_board(), published_board(), board_of([])):
        for about in (None, *board.newest):
            questions = suggestions(board, about)
            assert len({*questions}) == 3
            for question in questions:
                answered = ask(question, board, about)
                assert "can't be answered" not in answered, question
                assert "isn't on the board" not in answered, question


def test_each_figure_of_a_quote_refers_to_its_field() -> None:
    board = simulated_board()
    pieces = answer(Question("price of ACME"), board)
    fields = [(it.ref.key, it.ref.field) for it in pieces if it.ref]
    assert fields == [
        *(("ACME", "name"), ("ACME", None), ("ACME", "price"), ("ACME", "currency")),
        *(("ACME", "change"), ("ACME", "change_percent"), ("ACME", "previous_close")),
    ]
    assert {it.ref.id for it in pieces if it.ref} == {
        str(board.newest["price", "ACME"].id)
    }


def test_the_examples_of_the_document_are_real() -> None:
    answered = {}
    for question, written in examples():
        boards = simulated_board(), published_board()
        assert written in [ask(question, board) for board in boards], question
        answered[question] = written
    assert len(answered) > 20


def examples() -> list[tuple[str, str]]:
    """Return the questions in `docs/ask.md` with their answers, on one line each."""
    text = (ROOT / "docs" / "ask.md").read_text()
    section = text.partition("## What you can ask the board")[2].partition("\n## ")[0]
    found = re.findall(r"^> (.+)\n((?:[^`\n].*\n)+)", section, re.MULTILINE)
    return [(question, " ".join(lines.split())) for question, lines in found]


def test_no_question_and_no_data_makes_it_fail_or_write_a_control_character() -> None:
    board = hostile_board()
    for key in {slot[1] for slot in board.newest}:
        for form in (
            "{}",
            "ticket {}",
            "price of {}",
            "how many {}s are {}",
            "goals {}",
        ):
            check_line(ask(form.format(key, key), board))
    for question in (
        *TEXTS,
        "\x00",
        "\ud800",
        "9" * 500,
        "last 9 days " * 40,
        "it " * 160,
    ):
        check_line(ask(question, board, turns=[Turn(question, question)] * 4))


def check_line(answered: str) -> None:
    assert answered
    assert answered.isprintable(), repr(answered)
    assert len(answered) < 4000


def hostile_board() -> Board:
    deep = b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
    data = [deep, b"[" * DEPTH + b"]" * DEPTH, b"1e308", b"-0.0", b'"\\u202e\\u0000"']
    data += [b"1" * 400, b'{"":{"":null},"a.b":[[1]],"\\n":"\\u2028"}', b"null", b"[]"]
    events = [keyed("ticket", f"k{at}", each) for at, each in enumerate(data)]
    large = own("ticket", "large", "x" * 500_000)
    unreadable = [
        Event(it, b"{]", (it, "bad"), "bad") for it in ("price", "score", "notice")
    ]
    misnamed = [
        Event(it.type, it.data, (it.type, "misnamed"), "misnamed")
        for it in published_events()
        if it.type in ("price", "score", "market", "notice")
    ]
    keys = [Event("note", b"1", ("note", key), key) for key in KEYS]
    return board_of(
        [*published_events(), *events, large, *keys, *unreadable, *misnamed],
        now=AFTERNOON,
    )
