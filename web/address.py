"""The selection in a page's URL: view, symbols, search, filter and sort.

A view is `both`, `prices`, `scores`, `activity`, or a publisher's own event type, with
`type:` before it if it is called like one of the others.

`static/controls/address.js` has the same rules for the page in a browser, and a test
compares the two. People pass such URLs on, and tools add parameters to them, so a value
that isn't valid is ignored.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from feed.events.catalogue import KNOWN
from feed.events.event import TYPE_NAME
from feed.events.goals import phase
from feed.streams.written import Fields, direction
from web.format import by_symbol
from web.turns import in_turns

LEAGUE_VIEWS = ("both", "prices", "scores")
VIEWS = (*LEAGUE_VIEWS, "activity")
TYPE = "type:"  # before the view of a type that is called like one of `VIEWS`
FILTERS = ("all", "pinned", "up", "down", "live", "finished", "upcoming")
SORT_LABELS = {
    "symbol": "Symbol",
    "-change_percent": "Top gainers",
    "change_percent": "Top losers",
    "-price": "Highest price",
    "-volume": "Most traded",
    "-at": "Newest first",
}
"""The choices in the list of sorts. The heads of the columns offer the other ones."""

SORT_FIELDS = ("symbol", "name", "price", "change", "change_percent", "volume", "at")
PHASE_OF_FILTER = {"live": "live", "finished": "over", "upcoming": "upcoming"}
# Letters that aren't a plain one with a mark, and what people type for them.
PLAIN = str.maketrans({"ı": "i", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "ς": "σ"})
APART = re.compile(r"[\s\-\u2010-\u2015\u2212]+")  # spaces and dashes
LONGEST_SEARCH = LONGEST_FIELD = 200  # characters
MOST_SYMBOLS = 200  # as many as a stream can select


class Selection(msgspec.Struct, frozen=True):
    """The part of the board to show.

    Only the browser knows the pins, so the filter "pinned" leaves nothing out here.
    `sort` orders the prices. `by` orders the table of one own type: it is the type, a
    colon, and a field or nothing for the key, with a "-" before it to descend.
    """

    view: str = "both"
    symbols: tuple[str, ...] = ()
    sort: str = "symbol"
    q: str = ""
    filter: str = "all"
    by: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "Selection":
        """Return the selection of a URL's parameters."""
        view, symbols, sort, search, filter, by = (
            parameters.get(name, "")
            for name in ("view", "symbols", "sort", "q", "filter", "by")
        )
        return cls(
            view=view if view in VIEWS or type_of(view) else "both",
            symbols=tuple(it for it in symbols.split(",") if it)[:MOST_SYMBOLS],
            sort=sort if sort.removeprefix("-") in SORT_FIELDS else "symbol",
            q=search[:LONGEST_SEARCH],
            filter=filter if filter in FILTERS else "all",
            by=by if _is_order(by) else "",
        )

    def query(self, **changes: Any) -> str:
        """Return the query, "?…" or nothing, of a URL that selects this with `changes`.

        Parameters that have their default value are left out.
        """
        changed = msgspec.structs.replace(self, **changes)
        values = {
            name: ",".join(value) if name == "symbols" else value
            for name, value in msgspec.structs.asdict(changed).items()
            if value != getattr(Selection(), name)
        }
        parts = [f"{name}={quote(value, safe=',')}" for name, value in values.items()]
        return "?" + "&".join(parts) if parts else ""

    def prices(self, quotes: Iterable[Fields]) -> list[Fields]:
        """Return the selected quotes in the selected order, unknown values last."""
        ordered = in_turns(by_symbol(quotes))
        selected = [quote for quote in ordered if self._shows_quote(quote)]
        field = self.sort.removeprefix("-")
        known = [quote for quote in selected if quote[field] is not None]
        unknown = [quote for quote in selected if quote[field] is None]
        known.sort(key=lambda quote: quote[field], reverse=self.sort.startswith("-"))
        return known + unknown

    def without_filter(self) -> "Selection":
        """Return the selection that a filter selects from."""
        return msgspec.structs.replace(self, filter="all")

    @property
    def own_type(self) -> str | None:
        """The publisher's own event type that the view shows; None for another view."""
        return type_of(self.view)

    def order_of(self, type: str) -> tuple[str, bool] | None:
        """Return the field that orders an own type's table, and whether it descends.

        The field is empty for the key. The result is None if `by` is of another type.
        """
        named, colon, field = self.by.removeprefix("-").partition(":")
        return (field, self.by.startswith("-")) if colon and named == type else None

    def scores(self, scores: Iterable[Fields]) -> list[Fields]:
        """Return the selected matches."""
        return [score for score in in_turns(scores) if self._shows_score(score)]

    def _shows_quote(self, quote: Fields) -> bool:
        if self.symbols and quote["symbol"] not in self.symbols:
            return False
        if self.filter in ("up", "down"):
            way = direction(quote["change"], quote["decimals"])
            if way != self.filter:
                return False
        return self.finds(quote["symbol"], quote["name"])

    def _shows_score(self, score: Fields) -> bool:
        wanted = PHASE_OF_FILTER.get(self.filter)
        if wanted and phase(score) != wanted:
            return False
        names = (score[side]["name"] for side in ("home", "away"))
        return self.finds(score["competition"], *names)

    def finds(self, *texts: str | None) -> bool:
        """Return whether the words of the search are in `texts`, in any order."""
        words = _plain(self.q).split()
        text = _plain("\n".join(text or "" for text in texts)) if words else ""
        return all(word in text for word in words)


def view_of(type: str) -> str:
    """Return the view that shows a publisher's own event type."""
    return TYPE + type if type in VIEWS else type


def type_of(view: str) -> str | None:
    """Return the own event type that a view shows; None if the view shows no such."""
    type = view.removeprefix(TYPE)
    return type if is_own(type) and view_of(type) == view else None


def is_own(type: str) -> bool:
    """Return whether an event type of this name is a publisher's own."""
    return type not in KNOWN and TYPE_NAME.fullmatch(type) is not None


def _plain(text: str) -> str:
    """Return a text without accents, capitals, dots and dashes."""
    if not text.isascii():
        spelt = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in spelt if not _is_mark(c))
    lower = text.lower().translate(PLAIN)
    return APART.sub(" ", re.sub("[.'’]", "", lower))


def _is_mark(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "M" or category == "Cf"


def _is_order(by: str) -> bool:
    type, colon, field = by.removeprefix("-").partition(":")
    return bool(colon) and is_own(type) and len(field) <= LONGEST_FIELD


def phase_counts(scores: Iterable[Fields]) -> dict[str, int]:
    """Return how many matches each filter of a phase selects, by its name."""
    phases = [phase(score) for score in scores]
    return {name: phases.count(of) for name, of in PHASE_OF_FILTER.items()}
