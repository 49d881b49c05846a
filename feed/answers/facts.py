"""The figures and names of the data that a model was sent, by how they are written."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from feed.answers.piece import Ref
from feed.answers.prompt import Prompt, Row, find_names, write_instant
from feed.events.catalogue import CATALOGUE

LONGEST_NAME = 80  # characters; the beginning of a possible name is kept back
SMALL = 100  # whole numbers below it are only looked up in named rows
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T((\d\d:\d\d):\d\d)Z")
NUMBER = re.compile(r"(?<!\w)(\d+(?:[.,]\d+)*)( ?%)?(?!\w)")
SEPARATORS = re.compile("['’\u00a0\u202f\u2009]")
# The fields of Liveboard's own types that hold prose; the others hold ids and codes.
PROSE = {"title", "body", "name", "player", "competition", "sector"}


class Fact(msgspec.Struct, frozen=True):
    """A figure in the data sent: its value, and the row and field that it stands in.

    `in_text` says whether it is a part of a text there.
    """

    row: int
    field: str
    value: Decimal
    percent: bool = False
    in_text: bool = False


class Facts:
    """The figures and names that can be looked up, and the rows that were named."""

    def __init__(self, prompt: Prompt) -> None:
        self._rows = prompt.rows
        self._figures: dict[Decimal, list[Fact]] = defaultdict(list)
        self._moments: dict[str, tuple[int, str] | None] = {}
        self._names: dict[str, int] = {}
        self._recency = {i: 0 for i, row in enumerate(prompt.rows) if row.named}
        self._add_moment(write_instant(prompt.now), None)
        for index, row in enumerate(prompt.rows):
            self._add_row(index, row)
        longest_first = sorted(self._names, key=len, reverse=True)
        self._any_name = re.compile(
            f"(?:{'|'.join(map(re.escape, longest_first))})(?!\\w)"
        )
        self._begins = {n[:end] for n in self._names for end in range(1, len(n) + 1)}

    def may_become_name(self, text: str) -> bool:
        """Whether a text is the beginning of a name, or a name that may continue."""
        return text in self._begins

    def match_name(self, text: str, at: int) -> str | None:
        """Return the longest name that stands in a text at a place."""
        found = self._any_name.match(text, at) if self._names else None
        return found[0] if found else None

    def place_of(self, name: str) -> Ref:
        """Return the row that has a name, which is thereby named."""
        index = self._names[name]
        self._recency[index] = max(self._recency.values(), default=0) + 1
        return self._ref(index, None)

    def find_moment(self, text: str) -> Ref | bool:
        """Return the place of a time or date; True if it is that of the question."""
        if text not in self._moments:
            return False
        place = self._moments[text]
        return True if place is None else self._ref(*place)

    def find_figure(self, text: str) -> Ref | None:
        """Return the place of a figure, best in the row that was named last."""
        number, percent = text.rstrip("% \u00a0\u202f\u2009"), text.endswith("%")
        found = [
            fact
            for value in read_number(number)
            for fact in self._figures.get(abs(value), ())
            if number[0].isdigit() or fact.value * value >= 0
        ]
        if percent:
            found = [fact for fact in found if fact.percent]
        elif number.isdigit() and int(number) < SMALL:
            found = [fact for fact in found if fact.row in self._recency]
        if not found:
            return None
        best = max(found, key=self._judge)
        return self._ref(best.row, best.field or None)

    def _judge(self, fact: Fact) -> tuple[int, bool]:
        return self._recency.get(fact.row, -1), not fact.in_text

    def _ref(self, index: int, field: str | None) -> Ref:
        row = self._rows[index]
        return Ref(row.event, row.key, field, row.id)

    def _add_row(self, index: int, row: Row) -> None:
        for name in find_names(row.event, row.key, row.data):
            if 1 < len(name) <= LONGEST_NAME and not name.isdigit():
                self._names.setdefault(name, index)
        if row.key.isdigit():
            self._add_figure(Fact(index, "", Decimal(row.key)))
        for field, value in walk(row.data):
            self._add_value(index, row, field, value)

    def _add_value(self, index: int, row: Row, field: str, value: Any) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            percent = "percent" in field
            self._add_figure(Fact(index, field, Decimal(repr(value)), percent))
        elif not isinstance(value, str):
            return
        elif INSTANT.fullmatch(value):
            self._add_moment(value, (index, field))
        elif row.event not in CATALOGUE or field.rpartition(".")[2] in PROSE:
            for number, percent in NUMBER.findall(value):
                for each in read_number(number):
                    self._add_figure(Fact(index, field, each, bool(percent), True))

    def _add_figure(self, fact: Fact) -> None:
        for value in {*_roundings(fact.value)}:
            self._figures[abs(value)].append(fact)

    def _add_moment(self, instant: str, place: tuple[int, str] | None) -> None:
        found = INSTANT.fullmatch(instant)
        if found:
            for text in (instant, *found.groups()):
                self._moments.setdefault(text, place)


def walk(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value in data that isn't an object or array, with its path."""
    if isinstance(data, dict):
        children: Iterable[tuple[Any, Any]] = data.items()
    elif isinstance(data, list):
        children = enumerate(data)
    else:
        yield path, data
        return
    for name, child in children:
        yield from walk(child, f"{path}.{name}" if path else str(name))


def read_number(text: str) -> Iterator[Decimal]:
    """Yield the numbers that a text can mean: 1,234 is one thousand, or one and a bit.

    A sign may stand before it; thousands may be separated in any of the usual ways.
    """
    text = SEPARATORS.sub("", text.replace("−", "-"))
    for thousands, point in ((",", "."), (".", ",")):
        whole, _, part = text.partition(point)
        groups = whole.lstrip("+-").split(thousands)
        separated = len(groups[0]) <= 3 and all(len(it) == 3 for it in groups[1:])
        if (len(groups) == 1 or separated) and not {",", "."} & {*part}:
            yield Decimal(f"{whole.replace(thousands, '')}.{part or 0}")


def _roundings(value: Decimal) -> Iterator[Decimal]:
    """Yield a value, and the value rounded to each smaller number of decimals."""
    yield value
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int):
        for decimals in range(1, min(-exponent, 5)):
            yield value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
