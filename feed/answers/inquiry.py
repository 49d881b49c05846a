"""What a question asks for: the names in it, its time, and its cues.

A question may leave out what the conversation says: "and BOLT?" asks about BOLT what
the last question asked about another symbol, and "it" is what the last question was
about, or the row that the question was asked from.
"""

import re

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA

from feed.answers.cues import SPELLINGS, VOCABULARY, find_cues
from feed.answers.names import Found, Named, Names
from feed.answers.piece import Question
from feed.answers.state import State
from feed.answers.times import Window, find_window
from feed.answers.words import QUESTION_READ, Word, read_words

TURNS_READ = 3  # earlier questions that a question can refer to
ANSWER_READ = 300  # characters of the last answer in which "it" is looked for
ALONE = 2  # words beside the names; if they mean nothing, they are meant as a name
NAMES_MISSED = 4  # words for names that aren't on the board
WORDS_CORRECTED = 8  # words of a question that are compared with the vocabulary
SHORT_QUESTION = 4  # words; a longer question doesn't need the one before it
MOST_LISTED = 20  # "the top 500" are not so many

KINDS_OF_ROW = {"price": "symbol", "score": "match", "notice": "notice"}
# Cues that ask something of a name, so a question with one of them is complete.
WEAK = frozenset({"doing", "list", "it", "follows", "when", "why", "live", "next"})

_BEFORE_NAMES_TEXT = (
    "of for is are does do did has about in on at with v vs versus against and or "
    "than many between by compare price stock share symbol club team which"
)
BEFORE_NAMES = frozenset(_BEFORE_NAMES_TEXT.split())

_TOP = re.compile(r"\b(?:top|bottom|first|best|worst|biggest|largest|last) (\d{1,3})\b")


class Inquiry(msgspec.Struct, frozen=True):
    """A question, understood as far as it could be.

    `words` are its words in a form that can be compared, without names and spelt right;
    `written` are all of them. `names` are the things on the board that it names, or
    that "it" refers to. They are `implied` if neither is in the question. `missing` are
    the words that stand where a name would, and are none on the board; `unknown` is the
    number of all words that mean nothing. `count` is the number of things that it asks
    for: "the top 3". `pins` are the asker's symbols.
    """

    words: str = ""
    written: str = ""
    names: tuple[Named, ...] = ()
    window: Window | None = None
    cues: frozenset[str] = frozenset()
    missing: tuple[Word, ...] = ()
    unknown: int = 0
    count: int | None = None
    pins: tuple[str, ...] = ()
    implied: bool = False

    def has(self, *cues: str) -> bool:
        """Return whether the question has one of these cues."""
        return not self.cues.isdisjoint(cues)

    def of(self, *kinds: str) -> list[Named]:
        """Return the named things of these kinds."""
        return [named for named in self.names if named.kind in kinds]


def understand(question: Question, state: State, names: Names) -> Inquiry:
    """Return the meaning of a question, given the turns before it."""
    inquiry = _read(question.text, question.symbols, state, names)
    turns = question.turns[-TURNS_READ:]
    if not _depends(inquiry):
        return inquiry
    before = None
    if turns:
        earlier = Question(turns[-1].question, None, question.symbols, turns[:-1])
        before = understand(earlier, state, names)
    return _completed(inquiry, before, question, state, names)


def _read(text: str, pins: tuple[str, ...], state: State, names: Names) -> Inquiry:
    line = " ".join(text[:QUESTION_READ].split())
    window, rest = find_window(line, state.board.now)
    asked = read_words(rest)
    found = names.find(asked, VOCABULARY)
    alone = len(found.rest) <= ALONE
    words, missing, unknown = _corrected(found, alone)
    top = _TOP.search(words)
    return Inquiry(
        words,
        " ".join(word.text for word in asked),
        tuple(found.names),
        window,
        find_cues(words),
        missing,
        unknown,
        min(int(top[1]), MOST_LISTED) if top else None,
        pins,
    )


def _corrected(found: Found, alone: bool) -> tuple[str, tuple[Word, ...], int]:
    """Return the words that aren't names, spelt right, and those that stand for names.

    The number of all words that mean nothing comes with them.

    A word that means nothing stands for a name if it follows a word such as "of", is
    written as a name, or is nearly the whole question (`alone`).
    """
    corrected: list[str] = []
    missing: list[Word] = []
    unknown = 0
    for word in found.rest:
        meant = word.text
        if meant not in VOCABULARY and unknown < WORDS_CORRECTED:
            meant = _meant(meant)
        before = corrected[-1] if corrected else ""
        corrected.append(meant)
        if meant not in VOCABULARY and not meant.isdecimal():
            unknown += 1
            follows = before in BEFORE_NAMES or (missing and before == missing[-1].text)
            if alone or follows or _looks_like_name(word, before):
                missing.append(word)
    return " ".join(corrected), tuple(missing[:NAMES_MISSED]), unknown


def _looks_like_name(word: Word, before: str) -> bool:
    written = word.written
    return written.startswith("$") or (bool(before) and written[:1].isupper())


def _meant(word: str) -> str:
    """Return the word of the vocabulary that is meant by one with a letter wrong."""
    if word in VOCABULARY or len(word) < 4:
        return word
    best = process.extractOne(word, SPELLINGS, scorer=OSA.distance, score_cutoff=1)
    if best is None or best[0][0] != word[0]:
        return word
    # A word of four letters with another letter in it is probably another word.
    is_other = len(word) == 4 and sorted(best[0]) != sorted(word)
    return word if is_other and len(best[0]) == 4 else str(best[0])


def _depends(inquiry: Inquiry) -> bool:
    """Return whether a question may depend on the turn before it."""
    return not inquiry.names or inquiry.has("it", "follows") or not _asks(inquiry)


def _asks(inquiry: Inquiry) -> bool:
    return bool(inquiry.cues - WEAK)


def _completed(
    inquiry: Inquiry,
    before: Inquiry | None,
    question: Question,
    state: State,
    names: Names,
) -> Inquiry:
    """Return a question whose missing parts are taken from its context."""
    things = inquiry.names or _meant_by_it(inquiry, before, question, state, names)
    is_short = len(inquiry.words.split()) + len(inquiry.names) <= SHORT_QUESTION
    if before and is_short and not inquiry.missing and not inquiry.has(*_OWN_WORDS):
        cues, window = inquiry.cues, inquiry.window
        if not _asks(inquiry):
            cues, window = cues | before.cues, window or before.window
            things = things or before.names
        inquiry = msgspec.structs.replace(inquiry, cues=cues, window=window)
    said = inquiry.names or inquiry.has("it", "follows")
    implied = bool(things) and not said
    return msgspec.structs.replace(inquiry, names=tuple(things), implied=implied)


def _meant_by_it(
    inquiry: Inquiry,
    before: Inquiry | None,
    question: Question,
    state: State,
    names: Names,
) -> tuple[Named, ...]:
    if question.about and question.about in state.board.newest:
        type, key = question.about
        kind = KINDS_OF_ROW.get(type)
        return (Named(kind, key) if kind else Named("own", key, type),)
    if not inquiry.has("it", "follows") or before is None:
        return ()
    if before.names:
        return before.names
    words = read_words(question.turns[-1].answer[:ANSWER_READ])
    return tuple(names.find(words, VOCABULARY).names[:1])


_OWN_WORDS = ("greeting", "thanks", "farewell", "help", "identity", "hour", "praise")
