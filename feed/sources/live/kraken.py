"""Kraken's tickers, WebSocket API v2: a pure reader of its frames.

The protocol is public: https://docs.kraken.com/exchange/api-reference/spot-websocket-v2

Theory of operation: a subscription may be acknowledged and then stay mute for ever. So
a connection is only sound while frames come (a heartbeat comes each second), and while
each symbol has had its snapshot soon after its acknowledgement. `overdue` judges that;
whoever has the connection asks it and connects anew.
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
    objects_in,
    read_json,
    text,
    whole,
)

KRAKEN_URL = "wss://ws.kraken.com/v2"
PAIRS_URL = "https://api.kraken.com/0/public/AssetPairs"

DEAD_AFTER = 10_000  # ms without a frame, after which the connection is dead
SNAPSHOT_DUE = 5_000  # ms from an acknowledgement to the symbol's first snapshot
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


class Kraken:
    """Reads the frames of one connection after another.

    `symbols` are pairs such as BTC/USD. `state` is the board from which it continues.
    """

    market = "KRAKEN"

    def __init__(self, symbols: Sequence[str], state: Iterable[Event] = ()) -> None:
        self._symbols = tuple(symbols)
        self._quotes = Quotes("KRAKEN", state)
        self._decimals: dict[str, int] = {}
        self._status: str | None = None  # of the market, as last published
        self.refused: dict[str, str] = {}  # reasons of Kraken's, by symbol
        self._heard_at = 0
        self._awaited: dict[str, int] = {}  # when a symbol's snapshot is overdue

    def read_pairs(self, body: bytes) -> None:
        """Take the decimals of each pair from an answer of `AssetPairs`."""
        result = fields_of(fields_of(read_json(body)).get("result"))
        for pair in objects_in([*result.values()]):
            name, decimals = (
                text(pair.get("wsname")),
                whole(pair.get("pair_decimals"), 0, 20),
            )
            if name and decimals is not None:
                self._decimals[name] = decimals

    def begin(self, now: int) -> list[str]:
        """Return the frames to send on a new connection at `now` (epoch ms)."""
        self._heard_at = now
        self._awaited.clear()
        wanted = [each for each in self._symbols if each not in self.refused]
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
        self._heard_at = now
        message = fields_of(read_json(frame))
        if message.get("method") == "subscribe":
            self._acknowledge(message, now)
        elif message.get("channel") == "status":
            return self._change_status(message, now)
        elif message.get("channel") == "ticker":
            rows = objects_in(message.get("data"))
            quotes = (self._quotes.update(self._fields(row), now) for row in rows)
            return [quote for quote in quotes if quote is not None]
        return []

    def overdue(self, now: int) -> str | None:
        """Return why the connection is to be made anew at `now` (epoch ms), or None."""
        if now - self._heard_at > DEAD_AFTER:
            return "nothing comes"
        late = sorted(symbol for symbol, due in self._awaited.items() if due < now)
        return f"no price of {', '.join(late)} comes" if late else None

    def _acknowledge(self, message: Fields, now: int) -> None:
        result = fields_of(message.get("result"))
        symbol = text(result.get("symbol")) or text(message.get("symbol"))
        if symbol not in self._symbols:
            return
        if message.get("success") is True:
            self._awaited[symbol] = now + SNAPSHOT_DUE
        else:
            self.refused[symbol] = text(message.get("error")) or "not accepted"

    def _change_status(self, message: Fields, now: int) -> list[News]:
        systems = [text(row.get("system")) for row in objects_in(message.get("data"))]
        system = next(filter(None, reversed(systems)), None)
        if system is None:
            return []
        status = "open" if system == "online" else "halted"
        if status == self._status:
            return []
        self._status = status
        fields = {"market": "KRAKEN", "status": status, "until": None, "at": now}
        return [msgspec.convert(fields, MarketState)]

    def _fields(self, row: Fields) -> Fields:
        """Return the fields of a quote that a ticker has.

        `change` is over 24 hours. There is no close, so `previous_close` is the price
        of a day ago.
        """
        symbol = text(row.get("symbol"))
        if symbol not in self._symbols:
            return {}
        self._awaited.pop(symbol, None)
        base, _, currency = symbol.partition("/")
        last, change = number(row.get("last")), number(row.get("change"))
        day_ago = None if last is None or change is None else last - change
        return {
            "symbol": symbol,
            "name": ASSETS.get(base),
            "currency": currency or None,
            "market": "KRAKEN",
            "price": last,
            "decimals": self._decimals.get(symbol),
            "previous_close": None if day_ago is None else round(day_ago, 10),
            "high": number(row.get("high")),
            "low": number(row.get("low")),
            "bid": number(row.get("bid")),
            "ask": number(row.get("ask")),
            "volume": number(row.get("volume")),
            "at": instant(row.get("timestamp")),
        }
