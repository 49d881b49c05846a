"""Coinbase Exchange's tickers, by WebSocket: a pure reader of its frames.

The protocol is public: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from collections.abc import Iterable, Sequence

import msgspec

from feed.events.catalogue import News
from feed.events.event import Event
from feed.events.shapes import MarketState
from feed.sources.conditions import COINBASE
from feed.sources.live.quotes import Quotes
from feed.sources.live.reading import (
    Fields,
    fields_of,
    instant,
    number,
    read_json,
    text,
)


class Coinbase:
    """Reads the frames of one connection after another.

    `symbols` are products such as BTC-USD. It continues from the board's `state`.
    """

    name = COINBASE
    first_price = 15.0  # seconds from a subscription to the product's first price

    def __init__(self, symbols: Sequence[str], state: Iterable[Event] = ()) -> None:
        self.symbols = tuple(symbols)
        self._quotes = Quotes("COINBASE", state)
        self._is_open = False
        self.refused: set[str] = set()  # products that Coinbase doesn't know
        self.unpriced: set[str] = set()  # no price has come on this connection
        self.tickers = 0  # that were read
        self.lag: int | None = None  # ms from the last price to its arrival
        self.is_halted = False

    def begin(self) -> list[str]:
        """Return the frames to send on a new connection."""
        wanted = [each for each in self.symbols if each not in self.refused]
        self.unpriced = {*wanted}
        # One request for each product: a request with one bad product is refused whole.
        return [_subscription(product) for product in wanted]

    def read(self, frame: bytes | str, now: int) -> list[News]:
        """Return the events that a frame makes, which arrived at `now` (epoch ms)."""
        message = fields_of(read_json(frame))
        kind = message.get("type")
        if kind == "error":
            self._refuse(message)
        if kind != "ticker":
            return []
        quote = self._quotes.update(self._fields(message, now), now)
        if quote is None:
            return []
        return [quote] if self._is_open else [self._open(now), quote]

    @property
    def deselected(self) -> set[str]:
        """The symbols on the board that are no longer asked for."""
        return self._quotes.symbols - {*self.symbols}

    def shows(self, symbol: str) -> bool:
        """Return whether the board has a price of a symbol."""
        return symbol in self._quotes.symbols

    def _open(self, now: int) -> MarketState:
        self._is_open = True
        return MarketState("COINBASE", "open", None, COINBASE, now)

    def _refuse(self, message: Fields) -> None:
        """Remember the product that an error names; other errors name none."""
        reason = text(message.get("reason")) or text(message.get("message")) or ""
        words = {word.strip(".,:;'\"()") for word in reason.split()}
        self.refused |= self.unpriced & words
        self.unpriced -= self.refused

    def _fields(self, row: Fields, now: int) -> Fields:
        symbol = text(row.get("product_id"))
        if symbol not in self.symbols:
            return {}
        at = instant(row.get("time"))
        # The first ticker of a connection has the last price, however old that is.
        is_new = symbol not in self.unpriced and at is not None
        self.lag = now - at if is_new and at is not None else self.lag
        self.unpriced.discard(symbol)
        self.tickers += 1
        return {
            "symbol": symbol,
            "currency": symbol.rpartition("-")[2] or None,
            "market": "COINBASE",
            "source": COINBASE,
            "price": number(row.get("price")),
            "previous_close": number(row.get("open_24h")),
            "high": number(row.get("high_24h")),
            "low": number(row.get("low_24h")),
            "bid": number(row.get("best_bid")),
            "ask": number(row.get("best_ask")),
            "volume": number(row.get("volume_24h")),
            "at": at,
        }


def _subscription(product: str) -> str:
    request = {
        "type": "subscribe",
        "product_ids": [product],
        "channels": ["ticker", "heartbeat"],
    }
    return msgspec.json.encode(request).decode()
