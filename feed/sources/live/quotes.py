"""The quotes of one source of prices: fields of a ticker become the whole quote.

Strategy: a ticker is completed by the rules that hold for published prices, so
`change`, `decimals` and late trades are the same however a price comes in.
"""

from collections.abc import Iterable

import msgspec

from feed.events.event import Event
from feed.events.reading import read_shape
from feed.events.shapes import Quote
from feed.publishing.completion import complete
from feed.sources.live.reading import Fields

SET_BACK = 60_000  # ms; a price that is older by more comes from a clock that was set


class Quotes:
    """The newest quote of each symbol, continued from the board's state."""

    def __init__(self, market: str, state: Iterable[Event] = ()) -> None:
        self._newest: dict[str, Event] = {}
        for event in state:
            shape = read_shape(event) if event.type == "price" else None
            if isinstance(shape, Quote) and shape.market == market:
                self._newest[shape.symbol] = event

    def update(self, given: Fields, now: int) -> Quote | None:
        """Return the symbol's quote with the given fields at `now` (epoch ms).

        Return None if they make no quote, or if nothing but its instant has changed.
        """
        given = {name: value for name, value in given.items() if value is not None}
        if "price" not in given:
            return None
        newest = self._newest.get(given["symbol"])
        given["at"] = self._instant(given.get("at", now), newest, now)
        if given.get("volume", 0) < 0:
            del given["volume"]
        try:
            quote = complete("price", given, newest, now)
        except msgspec.ValidationError:
            return None
        if not isinstance(quote, Quote) or self._is_known(quote, newest):
            return None
        self._newest[quote.symbol] = quote.event()
        return quote

    @property
    def symbols(self) -> set[str]:
        """The symbols that have a quote."""
        return {*self._newest}

    def _instant(self, at: int, newest: Event | None, now: int) -> int:
        """Return the instant of a quote, by a clock that may be wrong.

        A clock that is ahead must not make prices of a time to come. After one that was
        set back, all prices would be late.
        """
        last = None if newest is None else read_shape(newest)
        if isinstance(last, Quote) and at < last.at - SET_BACK:
            return min(last.at, now)
        return min(at, now)

    def _is_known(self, quote: Quote, newest: Event | None) -> bool:
        last = None if newest is None else read_shape(newest)
        return isinstance(last, Quote) and _state_of(quote) == _state_of(last)


def _state_of(quote: Quote) -> Fields:
    """Return the fields of a quote but its instant and its late trade."""
    return msgspec.structs.asdict(quote) | {"at": None, "late": None}
