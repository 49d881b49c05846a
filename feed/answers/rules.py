"""Answers by rules: a question in plain words, answered from the board alone."""

import re

import msgspec

from feed.answers.piece import Board, Piece, Question, Ref
from feed.events.event import Event
from feed.streams.written import price, score_line

WORD = re.compile(r"\w+")


def answer(question: Question, board: Board) -> list[Piece]:
    """Return the pieces of the answer to a question, from the board as it is.

    The question names a symbol or a match by its key, or is `about` one.
    """
    words = {word.casefold() for word in WORD.findall(question.text)}
    for event in board.newest.values():
        named = event.subject is not None and event.subject.casefold() in words
        if event.slot and (named or event.slot == question.about):
            if event.type == "price":
                return _quote(event)
            if event.type == "score":
                return _score(event)
    return [Piece("I can answer for a symbol or a match that is on the board now.")]


def _quote(event: Event) -> list[Piece]:
    quote = msgspec.json.decode(event.data)
    amount = price(quote["price"], quote["decimals"])
    return [
        _piece(quote["symbol"], event),
        Piece(" stands at"),
        _piece(f" {amount}", event, "price"),
        Piece(" now."),
    ]


def _score(event: Event) -> list[Piece]:
    score = msgspec.json.decode(event.data)
    return [Piece("The score:"), _piece(f" {score_line(score)}", event), Piece(".")]


def _piece(text: str, event: Event, field: str | None = None) -> Piece:
    key = event.subject or ""
    return Piece(text, Ref(event.type, key, field, str(event.id)))
