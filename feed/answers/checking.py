"""A model's text, cut into pieces: each figure and name is looked up in the data sent.

Theory of operation: text comes in deltas that end anywhere, within a figure or a name
too. What may still grow into a longer figure or name is kept back until the next
character decides; both are bounded. A figure that stands in the data gets a `ref`, any
other is marked `unchecked`. These are figures: each run of digits with its sign,
separators and per cent sign, a time (10:23) and a date (2026-11-28). These are not: the
numbers of a list at the start of a line, and numbers in words ("two").

Small whole numbers stand everywhere on a board, so one of up to two digits is only
looked up in rows that the question or the answer names.
"""

import re
from collections.abc import Iterator

from feed.answers.facts import Facts
from feed.answers.piece import Piece, Ref
from feed.streams.text import printable

GROWING = 48  # characters of a figure that may still grow

SPACES = "\u00a0\u202f\u2009"  # that separate thousands
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?|\d?\d:\d\d(:\d\d)?)(?!\d)"
)
_FIGURE = re.compile(
    rf"((?<!\w)[+\-−])?\d+([.,'’{SPACES}]\d+)*([ {SPACES}]?%)?(?P<unit>[A-Za-z]\w*)?"
)
_MAY_GROW = re.compile(rf"[+\-−]?(\d[\w.,:'’%\-−{SPACES}]*[ {SPACES}]?)?")
_LIST_NUMBER = re.compile(r"\d{1,2}[.)](?=\s)")
_MAY_BE_LIST_NUMBER = re.compile(r"\d{1,2}[.)]?")
_PLAIN = re.compile(r"[^\W\d]+|[^\w+\-−]+|.", re.DOTALL)


class Checker:
    """Cuts one answer into pieces, given the data that the model was sent."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._text = ""  # that is kept back, after the last character before it
        self._at = 0  # where it begins
        self._line_is_empty = True  # up to there

    def add(self, text: str) -> list[Piece]:
        """Return the pieces that are certain now that `text` follows."""
        self._text = self._text[max(self._at - 1, 0) :] + _clean(text)
        self._at = min(self._at, 1)
        return [*self._cut(final=False)]

    def finish(self) -> list[Piece]:
        """Return the text that was kept back, since nothing follows."""
        return [*self._cut(final=True)]

    def _cut(self, final: bool) -> Iterator[Piece]:
        while self._at < len(self._text):
            if not final and self._may_grow():
                return
            yield self._take_piece()

    def _may_grow(self) -> bool:
        rest = self._text[self._at :]
        if self._facts.may_become_name(rest) and self._at_boundary():
            return True
        if self._line_is_empty and _MAY_BE_LIST_NUMBER.fullmatch(rest):
            return True
        return len(rest) < GROWING and bool(_MAY_GROW.fullmatch(rest))

    def _at_boundary(self) -> bool:
        before = self._text[self._at - 1 : self._at]
        return not before.isalnum()

    def _take_piece(self) -> Piece:
        text, at = self._text, self._at
        if self._at_boundary() and (name := self._facts.match_name(text, at)):
            return self._take(len(name), self._facts.place_of(name))
        if self._line_is_empty and (number := _LIST_NUMBER.match(text, at)):
            return self._take(len(number[0]))
        if moment := _MOMENT.match(text, at):
            return self._take_figure(moment[0], self._facts.find_moment(moment[0]))
        if figure := _FIGURE.match(text, at):
            lettered = self._has_letters(figure)
            ref = None if lettered else self._facts.find_figure(figure[0])
            return self._take_figure(figure[0], ref)
        plain = _PLAIN.match(text, at)
        return self._take(len(plain[0]) if plain else 1)

    def _has_letters(self, figure: re.Match[str]) -> bool:
        """Whether letters stand next to a figure, so that it may mean another one."""
        before = self._text[self._at - 1 : self._at]
        return bool(figure["unit"]) or (before.isascii() and before.isalpha())

    def _take_figure(self, figure: str, found: Ref | bool | None) -> Piece:
        ref = found if isinstance(found, Ref) else None
        return self._take(len(figure), ref, unchecked=not found)

    def _take(
        self, length: int, ref: Ref | None = None, unchecked: bool = False
    ) -> Piece:
        taken = self._text[self._at : self._at + length]
        self._at += length
        line = taken.rpartition("\n")[2]
        self._line_is_empty = not line.strip() and (
            "\n" in taken or self._line_is_empty
        )
        return Piece(taken, ref, unchecked)


def _clean(text: str) -> str:
    """Return a text without control characters, except for line breaks."""
    return "\n".join(map(printable, text.replace("\r", "").split("\n")))
