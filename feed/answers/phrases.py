"""Phrases and sentences made of pieces: words, figures, and names with their refs.

A phrase is a list of pieces. Neighbouring words without a ref become one piece, so an
answer has no more pieces than its refs require.
"""

import re
from collections.abc import Iterable, Sequence

from feed.answers.piece import Piece
from feed.streams.text import printable
from feed.streams.written import isolated, whole

NAME_SHOWN = 80  # characters of a name in an answer; a name may have 200
TEXT_SHOWN = 200  # characters of a publisher's longer text in an answer
LISTED = 5  # items of a list; the rest is counted

Phrase = list[Piece]
Part = str | Piece | Phrase

_SPACES = re.compile(r"\s+")
_ENDS = (".", "?", "!", "…", ".”", "?”", "!”")


def phrase(*parts: Part) -> Phrase:
    """Return parts as one phrase, without empty pieces."""
    pieces: Phrase = []
    for piece in _pieces(parts):
        if pieces and piece.ref is None and pieces[-1].ref is None:
            pieces[-1] = Piece(pieces[-1].text + piece.text)
        elif piece.text:
            pieces.append(piece)
    return pieces


def sentence(*parts: Part) -> Phrase:
    """Return parts as a sentence: its first word has a capital, its end a full stop.

    A name keeps its first letter as it is.
    """
    pieces = phrase(*parts)
    if pieces and pieces[0].ref is None:
        text = pieces[0].text
        pieces[0] = Piece(text[:1].upper() + text[1:])
    return pieces if plain(pieces).endswith(_ENDS) else phrase(pieces, ".")


def paragraph(*sentences: Phrase) -> Phrase:
    """Return sentences with a space between them; empty ones are left out."""
    return joined([each for each in sentences if each], " ")


def listed(items: Sequence[Part], last: str = "and") -> Phrase:
    """Return items as a list in words: "a, b and c"."""
    return joined(items, ", ", f" {last} ")


def joined(items: Sequence[Part], between: str, last: str = "") -> Phrase:
    """Return items with words between them, and `last` before the last one."""
    parts: list[Part] = []
    for index, item in enumerate(items):
        if index:
            parts.append((last or between) if index == len(items) - 1 else between)
        parts.append(item)
    return phrase(*parts)


def shortened(items: Sequence[Part], total: int, more: str = "more") -> Phrase:
    """Return the first of `total` items as a list in words, and how many follow.

    No more than one item beyond `LISTED` is needed.
    """
    if total <= LISTED + 1:
        return listed(items)
    return listed([*items[:LISTED], f"{whole(total - LISTED)} {more}"])


def plain(pieces: Iterable[Piece]) -> str:
    """Return the text of pieces."""
    return "".join(piece.text for piece in pieces)


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: "no symbols", "1 symbol", "30 symbols"."""
    if count == 1:
        return f"1 {noun}"
    return f"{whole(count) if count else 'no'} {plural or noun + 's'}"


def shown(text: str, length: int = NAME_SHOWN) -> str:
    """Return a text on one line, without control characters, and cut to a length.

    A name that is written from right to left turns no words around it.
    """
    return isolated(one_line(text, length))


def one_line(text: str, length: int = NAME_SHOWN) -> str:
    """Return a text on one line, without control characters, and cut to a length."""
    line = _SPACES.sub(" ", printable(text[: 2 * length])).strip()
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def quoted(text: str, length: int = NAME_SHOWN) -> str:
    """Return a text between quotation marks: “text”."""
    return f"“{shown(text, length)}”"


def _pieces(parts: Iterable[Part]) -> Iterable[Piece]:
    for part in parts:
        if isinstance(part, str):
            yield Piece(part)
        elif isinstance(part, Piece):
            yield part
        else:
            yield from part


def in_competition(name: str) -> str:
    """Return where a match is played: " in the Shire Cup", " in Serie A"."""
    ends = ("league", "cup", "trophy", "shield", "championship", "division")
    the = "the " if name.lower().endswith(ends) else ""
    return f" in {the}{shown(name)}"
