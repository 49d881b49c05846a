"""Words: a question and the names on the board, in one form that can be compared.

That form is lower case without accents, with a space in place of every other character.
"""

import re
import unicodedata

import msgspec

QUESTION_READ = 500  # characters of a question; a longer one is refused
WORDS_READ = 120

_MARKS = re.compile("[\u0300-\u036f]+")
_NO_WORD = re.compile(r"[^\w\n]+")
_POSSESSIVE = re.compile(r"['’ʼ](?:s\b)?", re.IGNORECASE)


class Word(msgspec.Struct, frozen=True):
    """A word of a question, and the text between spaces that it was written in."""

    text: str
    written: str


def folded(text: str) -> str:
    """Return the words of a text in lower case without accents, one space apart.

    Lines stay lines.
    """
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFD", text))
    return _NO_WORD.sub(" ", text.casefold())


def read_words(question: str) -> list[Word]:
    """Return the words of a question in order. "What's" is the word "what"."""
    plain = _POSSESSIVE.sub("", question)
    words = [
        Word(text, written.strip("?!.,;:()[]\"'“”„‘’…"))
        for written in plain.split()
        for text in folded(written).split()
    ]
    return words[:WORDS_READ]
