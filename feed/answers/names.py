"""Names in a question: symbols, companies, clubs and all other keys of the board.

Theory of operation: all names are folded at once, as the lines of one text, and looked
up by the words of the question, the longest first. Another word may be part of a name,
which a search in that text finds, or a misspelt part, which is looked for among the
distinct words of all names. Only these last steps depend on the number of names,
and they run in C. The number of words for which they are taken is limited.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler

from feed.answers.state import State
from feed.answers.words import Word, folded
from feed.events.event import Slot

NAME_READ = 48  # characters of a name that are compared
WORDS_OF_NAME = 8  # words of a name that are compared
WORDS_GUESSED = 6  # unknown words of a question that are looked for in names
COMPARISONS = 80_000  # of unknown words with the words of names
ALIKE = 0.4  # least similarity (0 to 1) of the nearest name
_COMMON_PARTS_TEXT = (
    "united city town rovers stars athletic albion thistle wanderers rangers "
    "systems networks labs foods power lines works group holdings"
)
COMMON_PARTS = frozenset(_COMMON_PARTS_TEXT.split())
SHARED_BY = 3  # names; a word that more names share identifies none


class Named(msgspec.Struct, frozen=True, gc=False):
    """A thing with a name.

    `kind` is `symbol`, `sector`, `market`, `club`, `match`, `competition`, `notice`,
    `type` or `own`. The latter is a key of a publisher's own type, and `type` is that
    type. `key` is the key on the board, or the name of what has no key.
    """

    kind: str
    key: str
    type: str = ""

    @property
    def slot(self) -> Slot:
        """The slot of a thing that is a key of the board."""
        types = {"symbol": "price", "match": "score", "own": self.type}
        return types.get(self.kind, self.kind), self.key


class Found(NamedTuple):
    """The names in a question, and the words that aren't part of them, in order."""

    names: list[Named]
    rest: list[Word]


class NamePart(NamedTuple):
    """A word of a question that is a part of names, and its place in the question."""

    at: int
    word: str
    names: list[Named]


class Names:
    """The names on a board."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._namesakes: dict[str, list[Named]] = {}

    def find(self, words: Sequence[Word], known: frozenset[str]) -> Found:
        """Return the names in the words of a question.

        `known` are words that mean something themselves. One of them is a name only if
        it is the whole question or is written with a capital within it.
        """
        named: list[tuple[int, Named]] = []
        rest: dict[int, Word] = {}
        shouted = all(word.written.isupper() for word in words[:8])
        at = 0
        while at < len(words):
            taken, found = self._longest(words, at, known, shouted)
            named += [(at, it) for it in found]
            if not taken:
                rest[at] = words[at]
            at += taken or 1
        unknown = {at: it for at, it in rest.items() if _is_unknown(it, known)}
        parts = self._find_parts(unknown, known, shouted)
        named += [(part.at, it) for part in _agreed(parts) for it in part.names]
        for part in parts:
            del rest[part.at]
        in_order = [it for _, it in sorted(named, key=itemgetter(0))]
        return Found([*dict.fromkeys(in_order)], [*rest.values()])

    def nearest(self, text: str, kinds: frozenset[str]) -> Named | None:
        """Return the thing of some kinds whose name is most alike, if any is alike."""
        choices = [n for n, it in self._phrases.items() if it.kind in kinds]
        best = process.extractOne(
            folded(text).strip()[:NAME_READ],
            choices,
            scorer=JaroWinkler.normalized_similarity,
            score_cutoff=ALIKE,
        )
        return self._phrases[best[0]] if best else None

    def _longest(
        self, words: Sequence[Word], at: int, known: frozenset[str], shouted: bool
    ) -> tuple[int, list[Named]]:
        """Return the longest name that begins at a word, and its number of words."""
        for count in range(min(WORDS_OF_NAME, len(words) - at), 0, -1):
            name = " ".join(word.text for word in words[at : at + count])
            found = self._things(name)
            if found and count == 1:
                found = self._usable(found, words, at, known, shouted)
            if found:
                return count, found
        return 0, []

    def _usable(
        self,
        found: list[Named],
        words: Sequence[Word],
        at: int,
        known: frozenset[str],
        shouted: bool,
    ) -> list[Named]:
        """Return which names of one word are meant, given the words around it."""
        word = words[at]
        if len(words) == 1:
            return found
        if word.text.isdecimal():
            before = words[at - 1].text if at else ""
            of_type = [it for it in found if it.type and before in plurals(it.type)]
            return of_type or [it for it in found if word.written.startswith("#")]
        if word.text in known or len(word.text) == 1:
            is_name = word.written[:1].isupper() and at and not shouted
            if is_name or word.written.startswith("$"):
                return found
            return [it for it in found if it.kind == "type"]
        return found

    def _find_parts(
        self, words: dict[int, Word], known: frozenset[str], shouted: bool
    ) -> list[NamePart]:
        """Return which unknown words are parts of names, as written or misspelt.

        What looks like a symbol isn't taken for a misspelling of another one. "United"
        alone doesn't make an unknown club a known one.
        """
        parts = []
        for at, word in [*words.items()][:WORDS_GUESSED]:
            found = self._containing(word.text)
            is_symbol = word.written.isupper() and not shouted
            if not found and not is_symbol:
                spelt = self._spelt(word.text, len(words), known)
                found = self._named(spelt) if spelt else []
            if found:
                parts.append(NamePart(at, word.text, found))
        if len(parts) == len(words):
            return parts
        return [part for part in parts if part.word not in COMMON_PARTS]

    def _named(self, word: str) -> list[Named]:
        return self._things(word) or self._containing(word)

    def _containing(self, word: str) -> list[Named]:
        """Return the names that have a word, or else a word that begins with it.

        There are none if more than a few names have it.
        """
        if len(word) < 3:
            return []
        return self._lines_with(f" {word} ") or (
            self._lines_with(f" {word}") if len(word) > 3 else []
        )

    def _lines_with(self, pattern: str) -> list[Named]:
        found: list[Named] = []
        text = self._text
        at = text.find(pattern)
        while at >= 0:
            found += self._line_at(at)
            if len(found) > SHARED_BY:
                return []
            at = text.find(pattern, at + 1)
        return [*dict.fromkeys(found)]

    def _line_at(self, position: int) -> list[Named]:
        begin = self._text.rfind("\n", 0, position) + 1
        end = self._text.find("\n", position)
        return self._things(self._text[begin:end].strip())

    def _spelt(self, word: str, unknown: int, known: frozenset[str]) -> str | None:
        """Return the word of the names that a word is a misspelling of, if any."""
        allowed = _errors_allowed(word)
        if not allowed or len(self._words) * min(unknown, WORDS_GUESSED) > COMPARISONS:
            return None
        best = process.extractOne(
            word, self._words, scorer=OSA.distance, score_cutoff=allowed
        )
        if best is None or (allowed == 1 and best[0][0] != word[0]):
            return None
        meant = process.extractOne(word, known, scorer=OSA.distance, score_cutoff=1)
        return None if meant and meant[1] < best[1] else str(best[0])

    def _things(self, name: str) -> list[Named]:
        """Return the things of a folded name."""
        first = self._phrases.get(name)
        return [first, *self._namesakes.get(name, ())] if first else []

    @cached_property
    def _phrases(self) -> dict[str, Named]:
        """The first named thing of each folded name; see `_namesakes` for others."""
        names: list[str] = []
        things: list[Named] = []
        every = (_price_names, _match_names, _other_names)
        for name, named in chain.from_iterable(make(self._state) for make in every):
            names.append(name[:NAME_READ].replace("\n", " "))
            things.append(named)
        phrases: dict[str, Named] = {}
        for line, named in zip(
            folded("\n".join(names)).split("\n"), things, strict=False
        ):
            name = line.strip()
            if phrases.setdefault(name, named) != named:
                self._namesakes.setdefault(name, []).append(named)
        phrases.pop("", None)
        return phrases

    @cached_property
    def _text(self) -> str:
        """All folded names, each on a line between spaces."""
        return "\n" + "".join(f" {name} \n" for name in self._phrases)

    @cached_property
    def _words(self) -> list[str]:
        """The distinct words of all names that are long enough to be misspelt."""
        return [word for word in dict.fromkeys(self._text.split()) if len(word) > 3]


def plurals(noun: str) -> tuple[str, ...]:
    """Return a noun, and its plural as it is probably formed."""
    if noun.endswith("y"):
        return noun, noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun, noun + "es"
    return noun, noun + "s"


def _price_names(state: State) -> Iterator[tuple[str, Named]]:
    for symbol, quote in state.quotes.items():
        named = Named("symbol", symbol)
        yield symbol, named
        if quote.name:
            yield quote.name, named
    sectors = {quote.sector for quote in state.quotes.values() if quote.sector}
    for sector in sorted(sectors):
        yield sector, Named("sector", sector)


def _match_names(state: State) -> Iterator[tuple[str, Named]]:
    competitions: set[str] = set()
    clubs: dict[str, str | None] = {}
    for match, score in state.scores.items():
        yield match, Named("match", match)
        for team in (score.home, score.away):
            clubs[team.name] = team.code
        if score.competition:
            competitions.add(score.competition)
    for club, code in clubs.items():
        yield club, Named("club", club)
        if code:
            yield code, Named("club", club)
    for competition in sorted(competitions):
        yield competition, Named("competition", competition)


def _other_names(state: State) -> Iterator[tuple[str, Named]]:
    for market in state.markets:
        yield market, Named("market", market)
    for key in state.notices:
        yield key, Named("notice", key)
    for type, keys in state.own_types.items():
        for form in plurals(type):
            yield form, Named("type", type)
        for key in keys:
            yield key, Named("own", key, type)


def _agreed(parts: Iterable[NamePart]) -> list[NamePart]:
    """Return the parts of different names, each with the names that its words share."""
    agreed: list[NamePart] = []
    for part in parts:
        shared = [it for it in part.names if agreed and it in agreed[-1].names]
        if shared:
            agreed[-1] = NamePart(agreed[-1].at, "", shared)
        else:
            agreed.append(part)
    return agreed


def _is_unknown(word: Word, known: frozenset[str]) -> bool:
    return word.text not in known and not word.text.isdecimal()


def _errors_allowed(word: str) -> int:
    """Return how many letters of a word may be wrong: the longer it is, the more."""
    return sum(len(word) >= length for length in (4, 7, 11))
