"""What a page's URL selects: view, symbols, search, filter, sort.

`static/controls/address.js` has the same rules for the page in motion, and a test
compares the two. People pass a page's URL on, and tools add parameters to it, so a
value that isn't valid counts as not given.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from feed.streams.written import Fields, direction
from web.format import by_symbol, phase

VIEWS = ("both", "prices", "scores")
FILTERS = {
    "all": "All",
    "pinned": "Pinned",
    "up": "Up",
    "down": "Down",
    "live": "Live",
    "finished": "Finished",
    "upcoming": "Upcoming",
}
SORTS = {
    "symbol": "Symbol",
    "-change_percent": "Risen most",
    "change_percent": "Fallen most",
    "-price": "Highest price",
    "-volume": "Most traded",
    "-at": "Newest first",
}
"""What the list of sorts offers; the heads of the columns offer the others."""

FIELDS = ("symbol", "name", "price", "change", "change_percent", "volume", "at")
PHASES = {"live": "live", "finished": "over", "upcoming": "upcoming"}
LONGEST = 200  # characters of a search


class Selection(msgspec.Struct, frozen=True):
    """What is chosen of the board; pins are the browser's, so it knows none."""

    view: str = "both"
    symbols: tuple[str, ...] = ()
    sort: str = "symbol"
    q: str = ""
    filter: str = "all"

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Selection":
        """Return what a URL's parameters select."""
        view, chosen = asked.get("view", ""), asked.get("filter", "")
        sort = asked.get("sort", "")
        return cls(
            view=view if view in VIEWS else "both",
            symbols=tuple(part for part in asked.get("symbols", "").split(",") if part),
            sort=sort if sort.removeprefix("-") in FIELDS else "symbol",
            q=asked.get("q", "")[:LONGEST],
            filter=chosen if chosen in FILTERS else "all",
        )

    def query(self, **changes: Any) -> str:
        """Return the URL's query, "?…" or nothing, with some of it changed."""
        wanted = msgspec.structs.replace(self, **changes)
        parts = {
            name: ",".join(value) if name == "symbols" else value
            for name, value in msgspec.structs.asdict(wanted).items()
            if value != getattr(Selection(), name)
        }
        said = [f"{name}={quote(value, safe=',')}" for name, value in parts.items()]
        return "?" + "&".join(said) if said else ""

    def prices(self, quotes: Iterable[Fields]) -> list[Fields]:
        """Return the quotes that are chosen, in the order that is asked for."""
        chosen = [quote for quote in by_symbol(quotes) if self._shows_quote(quote)]
        field = self.sort.removeprefix("-")
        known = [quote for quote in chosen if quote[field] is not None]
        unknown = [quote for quote in chosen if quote[field] is None]
        known.sort(key=lambda quote: quote[field], reverse=self.sort.startswith("-"))
        return known + unknown

    def scores(self, scores: Iterable[Fields]) -> list[Fields]:
        """Return the matches that are chosen."""
        return [score for score in scores if self._shows_score(score)]

    def _shows_quote(self, quote: Fields) -> bool:
        if self.symbols and quote["symbol"] not in self.symbols:
            return False
        way = direction(quote["change"], quote["decimals"])
        if self.filter in ("up", "down") and way != self.filter:
            return False
        return self._found(quote["symbol"], quote["name"])

    def _shows_score(self, score: Fields) -> bool:
        if self.filter in PHASES and phase(score) != PHASES[self.filter]:
            return False
        names = (score[side]["name"] for side in ("home", "away"))
        return self._found(score["competition"], *names)

    def _found(self, *texts: str | None) -> bool:
        wanted = self.q.strip().lower()
        return any(wanted in (text or "").lower() for text in texts)
