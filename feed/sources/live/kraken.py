"""Kraken's tickers, WebSocket API v2: a pure reader of its frames.

The protocol is public: https://docs.kraken.com/exchange/api-reference/spot-websocket-v2

Theory of operation: a subscription may be acknowledged and then stay mute for ever. So
a connection is sound only while frames come (a heartbeat comes each second), and while
no symbol stays in `unpriced` for long: its snapshot hasn't come. The connection
(`feed/sources/live/ticker.py`) keeps the time of both.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from feed.events.catalogue import News
from feed.events.event import Event
from feed.events.shapes import MarketState
from feed.sources.conditions import KRAKEN
from feed.sources.live.quotes import Quotes
from feed.sources.live.reading import (
    Fields,
    fields_of,
    instant,
    number,
    objects_in,
    read_json,
    text,
    whole,
)

ASSETS = {
    "BTC": "Bitcoin",
    "ETH": "Ether",
    "SOL": "Solana",
    "XRP": "XRP",
    "ADA": "Cardano",
    "DOGE": "Dogecoin",
    "DOT": "Polkadot",
    "LTC": "Litecoin",
    "LINK": "Chainlink",
    "AAPLx": "Apple, tokenized",
    "TSLAx": "Tesla, tokenized",
    "NVDAx": "NVIDIA, tokenized",
    "SPYx": "S&P 500 fund, tokenized",
}

OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # as `AssetPairs` calls them


class Kraken:
    """Reads the frames of one connection after another.

    `symbols` are pairs such as BTC/USD. `state` is the board from which it continues.
    """

    name = KRAKEN
    first_price = 5.0  # seconds from the subscription to the snapshot

    def __init__(self, symbols: Sequence[str], state: Iterable[Event] = ()) -> None:
        self.symbols = tuple(symbols)
        self._quotes = Quotes("KRAKEN", state)
        self._decimals: dict[str, int] = {}
        self._status: str | None = None  # of the market, as last published
        self.refused: set[str] = set()  # pairs that Kraken doesn't know
        self.unpriced: set[str] = set()  # no price has come on this connection
        self.tickers = 0  # that were read
        self.lag: int | None = None  # ms from the last price to its arrival
        self.is_halted = False

    @property
    def needs_pairs(self) -> bool:
        """Whether the decimals of a symbol are unknown, so that they should be read."""
        return not {*self.symbols} <= {*self._decimals, *self.refused}

    def read_pairs(self, body: bytes) -> None:
        """Take the decimals of each pair from an answer of `AssetPairs`."""
        result = fields_of(fields_of(read_json(body)).get("result"))
        for pair in objects_in([*result.values()]):
            name, decimals = (
                text(pair.get("wsname")),
                whole(pair.get("pair_decimals"), 0, 20),
            )
            if name and decimals is not None:
                parts = (OLD_NAMES.get(part, part) for part in name.split("/"))
                self._decimals["/".join(parts)] = decimals

    def begin(self) -> list[str]:
        """Return the frames to send on a new connection."""
        wanted = [each for each in self.symbols if each not in self.refused]
        self.unpriced = {*wanted}
        request = {
            "method": "subscribe",
            "params": {
                "channel": "ticker",
                "symbol": wanted,
                "event_trigger": "trades",
                "snapshot": True,
            },
            "req_id": 1,
        }
        return [msgspec.json.encode(request).decode()] if wanted else []

    def read(self, frame: bytes | str, now: int) -> list[News]:
        """Return the events that a frame makes, which arrived at `now` (epoch ms)."""
        message = fields_of(read_json(frame))
        if message.get("method") == "subscribe":
            self._acknowledge(message)
        elif message.get("channel") == "status":
            return self._change_status(message, now)
        elif message.get("channel") == "ticker":
            rows = objects_in(message.get("data"))
            quotes = (self._quotes.update(self._fields(row, now), now) for row in rows)
            return [quote for quote in quotes if quote is not None]
        return []

    @property
    def deselected(self) -> set[str]:
        """The symbols on the board that are no longer asked for."""
        return self._quotes.symbols - {*self.symbols}

    def shows(self, symbol: str) -> bool:
        """Return whether the board has a price of a symbol."""
        return symbol in self._quotes.symbols

    def _acknowledge(self, message: Fields) -> None:
        result = fields_of(message.get("result"))
        symbol = text(result.get("symbol")) or text(message.get("symbol"))
        error = text(message.get("error")) or ""
        # Other errors, such as that of a limit, may be over at the next connection.
        if symbol in self.symbols and "pair" in error.lower():
            self.refused.add(symbol)
            self.unpriced.discard(symbol)

    def _change_status(self, message: Fields, now: int) -> list[News]:
        systems = [text(row.get("system")) for row in objects_in(message.get("data"))]
        system = next(filter(None, reversed(systems)), None)
        if system is None:
            return []
        status: Literal["open", "halted"] = "open" if system == "online" else "halted"
        if status == self._status:
            return []
        self._status, self.is_halted = status, status == "halted"
        return [MarketState("KRAKEN", status, None, KRAKEN, now)]

    def _fields(self, row: Fields, now: int) -> Fields:
        """Return the fields of a quote that a ticker has.

        `change` is over 24 hours. There is no close, so `previous_close` is the price
        of a day ago.
        """
        symbol = text(row.get("symbol"))
        if symbol not in self.symbols:
            return {}
        at = instant(row.get("timestamp"))
        # The first ticker of a connection has the last price, however old that is.
        is_new = symbol not in self.unpriced and at is not None
        self.lag = now - at if is_new and at is not None else self.lag
        self.unpriced.discard(symbol)
        self.tickers += 1
        base, _, currency = symbol.partition("/")
        last, change = number(row.get("last")), number(row.get("change"))
        day_ago = None if last is None or change is None else last - change
        return {
            "symbol": symbol,
            "name": ASSETS.get(base),
            "currency": currency or None,
            "market": "KRAKEN",
            "source": KRAKEN,
            "price": last,
            "decimals": self._decimals.get(symbol),
            "previous_close": None if day_ago is None else round(day_ago, 10),
            "high": number(row.get("high")),
            "low": number(row.get("low")),
            "bid": number(row.get("bid")),
            "ask": number(row.get("ask")),
            "volume": number(row.get("volume")),
            "at": at,
        }
