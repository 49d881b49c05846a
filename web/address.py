"""The selection in a page's URL: view, symbols, search, filter and sort.

`static/controls/address.js` has the same rules for the page in a browser, and a test
compares the two. People pass such URLs on, and tools add parameters to them, so a value
that isn't valid is ignored.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from feed.streams.written import Fields, direction
from web.format import by_symbol, phase

VIEWS = ("both", "prices", "scores")
FILTER_LABELS = {
    "all": "All",
    "pinned": "Pinned",
    "up": "Up",
    "down": "Down",
    "live": "Live",
    "finished": "Finished",
    "upcoming": "Upcoming",
}
SORT_LABELS = {
    "symbol": "Symbol",
    "-change_percent": "Risen most",
    "change_percent": "Fallen most",
    "-price": "Highest price",
    "-volume": "Most traded",
    "-at": "Newest first",
}
"""The choices in the list of sorts. The heads of the columns offer the other ones."""

SORT_FIELDS = ("symbol", "name", "price", "change", "change_percent", "volume", "at")
PHASE_OF_FILTER = {"live": "live", "finished": "over", "upcoming": "upcoming"}
LONGEST_SEARCH = 200  # characters


class Selection(msgspec.Struct, frozen=True):
    """The part of the board to show.

    Only the browser knows the pins, so the filter "pinned" leaves nothing out here.
    """

    view: str = "both"
    symbols: tuple[str, ...] = ()
    sort: str = "symbol"
    q: str = ""
    filter: str = "all"

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "Selection":
        """Return the selection of a URL's parameters."""
        view, symbols, sort, search, filter = (
            parameters.get(name, "")
            for name in ("view", "symbols", "sort", "q", "filter")
        )
        return cls(
            view=view if view in VIEWS else "both",
            symbols=tuple(symbol for symbol in symbols.split(",") if symbol),
            sort=sort if sort.removeprefix("-") in SORT_FIELDS else "symbol",
            q=search[:LONGEST_SEARCH],
            filter=filter if filter in FILTER_LABELS else "all",
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
        selected = [quote for quote in by_symbol(quotes) if self._shows_quote(quote)]
        field = self.sort.removeprefix("-")
        known = [quote for quote in selected if quote[field] is not None]
        unknown = [quote for quote in selected if quote[field] is None]
        known.sort(key=lambda quote: quote[field], reverse=self.sort.startswith("-"))
        return known + unknown

    def scores(self, scores: Iterable[Fields]) -> list[Fields]:
        """Return the selected matches."""
        return [score for score in scores if self._shows_score(score)]

    def _shows_quote(self, quote: Fields) -> bool:
        if self.symbols and quote["symbol"] not in self.symbols:
            return False
        way = direction(quote["change"], quote["decimals"])
        if self.filter in ("up", "down") and way != self.filter:
            return False
        return self._finds(quote["symbol"], quote["name"])

    def _shows_score(self, score: Fields) -> bool:
        wanted = PHASE_OF_FILTER.get(self.filter)
        if wanted and phase(score) != wanted:
            return False
        names = (score[side]["name"] for side in ("home", "away"))
        return self._finds(score["competition"], *names)

    def _finds(self, *texts: str | None) -> bool:
        """Return whether one of `texts` contains the search."""
        search = self.q.strip().lower()
        return any(search in (text or "").lower() for text in texts)
