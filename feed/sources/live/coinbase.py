"""Coinbase Exchange's tickers, by WebSocket: a pure reader of its frames.

The protocol is public: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from collections.abc import Iterable, Sequence

import msgspec

from feed.events.catalogue import News
from feed.events.event import Event
from feed.events.shapes import MarketState
from feed.sources.live.quotes import Quotes
from feed.sources.live.reading import (
    Fields,
    fields_of,
    instant,
    number,
    read_json,
    text,
)

COINBASE_URL = "wss://ws-feed.exchange.coinbase.com"

DEAD_AFTER = 10_000  # ms without a frame; each product has a heartbeat a second
FIRST_PRICE_DUE = 15_000  # ms from a subscription to the first price of each product


class Coinbase:
    """Reads the frames of one connection after another.

    `symbols` are products such as BTC-USD. It continues from the board's `state`.
    """

    market = "COINBASE"

    def __init__(self, symbols: Sequence[str], state: Iterable[Event] = ()) -> None:
        self._symbols = tuple(symbols)
        self._quotes = Quotes("COINBASE", state)
        self._is_open = False
        self.refused: dict[str, str] = {}
        self._heard_at = 0
        self._awaited: dict[str, int] = {}

    def begin(self, now: int) -> list[str]:
        """Return the frames to send on a new connection at `now` (epoch ms)."""
        self._heard_at = now
        wanted = [each for each in self._symbols if each not in self.refused]
        self._awaited = dict.fromkeys(wanted, now + FIRST_PRICE_DUE)
        # One request for each product: a request with one bad product is refused whole.
        return [_subscription(product) for product in wanted]

    def read(self, frame: bytes | str, now: int) -> list[News]:
        """Return the events that a frame makes, which arrived at `now` (epoch ms)."""
        self._heard_at = now
        message = fields_of(read_json(frame))
        kind = message.get("type")
        if kind == "error":
            self._refuse(message)
        if kind != "ticker":
            return []
        quote = self._quotes.update(self._fields(message), now)
        if quote is None:
            return []
        return [quote] if self._is_open else [self._open(now), quote]

    def overdue(self, now: int) -> str | None:
        """Return why the connection is to be made anew at `now` (epoch ms), or None."""
        if now - self._heard_at > DEAD_AFTER:
            return "nothing comes"
        late = sorted(symbol for symbol, due in self._awaited.items() if due < now)
        return f"no price of {', '.join(late)} comes" if late else None

    def _open(self, now: int) -> MarketState:
        self._is_open = True
        return MarketState("COINBASE", "open", None, now)

    def _refuse(self, message: Fields) -> None:
        """Remember the product that an error names; other errors name none."""
        reason = text(message.get("reason")) or text(message.get("message")) or ""
        for product in self._awaited:
            if product in reason.split() or f"{product} " in f"{reason} ":
                self.refused[product] = reason
        for product in self.refused:
            self._awaited.pop(product, None)

    def _fields(self, row: Fields) -> Fields:
        symbol = text(row.get("product_id"))
        if symbol not in self._symbols:
            return {}
        self._awaited.pop(symbol, None)
        return {
            "symbol": symbol,
            "currency": symbol.rpartition("-")[2] or None,
            "market": "COINBASE",
            "price": number(row.get("price")),
            "previous_close": number(row.get("open_24h")),
            "high": number(row.get("high_24h")),
            "low": number(row.get("low_24h")),
            "bid": number(row.get("best_bid")),
            "ask": number(row.get("best_ask")),
            "volume": number(row.get("volume_24h")),
            "at": instant(row.get("time")),
        }


def _subscription(product: str) -> str:
    request = {
        "type": "subscribe",
        "product_ids": [product],
        "channels": ["ticker", "heartbeat"],
    }
    return msgspec.json.encode(request).decode()
