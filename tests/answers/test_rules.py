"""The rules' answers: questions as people put them, and what an answer must say."""

from feed.answers.piece import Question
from feed.answers.rules import answer
from feed.answers.suggestions import suggestions
from tests.helpers.asked import ask, board_of, published_board, simulated_board


def test_an_empty_board_says_that_it_is_empty() -> None:
    assert ask("price of ACME", board_of([])) == (
        "The board is empty: nothing has been published yet."
    )


def test_every_suggested_question_gets_an_answer() -> None:
    for board in (simulated_board(), published_board()):
        for about in (None, *board.newest):
            questions = suggestions(board, about)
            assert len({*questions}) == 3
            for question in questions:
                told = ask(question, board)
                assert "can't be answered" not in told, question
                assert "isn't on the board" not in told, question


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
