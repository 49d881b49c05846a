"""Servers that speak the protocols of the real sources, with faults as switches.

They are written from the public descriptions of the protocols, share no code with the
board and run on plain sockets, so that a test can break a protocol anywhere. Each is a
context manager that listens on loopback, and notes a request before its first byte.
"""

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme

from tests.helpers.harness import LOOPBACK

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE, PING = 1, 8, 9

Json = dict[str, Any]


class Served:
    """One connection of a client, with its request's path and headers."""

    def __init__(self, connection: socket.socket, path: str, headers: Json) -> None:
        self.connection = connection
        self.path = path
        self.headers = headers

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.connection.sendall(data)

    def reply(
        self, status: str, body: bytes = b"", more: str = "", kind: str = "text/html"
    ) -> None:
        """Write a whole response; the connection stays open."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
        head += f"Content-Length: {len(body)}\r\n{more}\r\n"
        self.write(head.encode() + body)


class WorldServer:
    """Accepts connections, and serves each in a thread of its own.

    `port` may be that of an earlier server, which then seems to be back. With an
    `authority` it speaks TLS for localhost.
    """

    def __init__(self, port: int = 0, authority: trustme.CA | None = None) -> None:
        self._listener = socket.create_server((LOOPBACK, port))
        self.port: int = self._listener.getsockname()[1]
        self._context: ssl.SSLContext | None = None
        if authority is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(self._context)
        self.changed = threading.Condition()
        self.requests: list[Served] = []
        self.refusal: tuple[str, str] | None = None  # a status, and header lines
        self.drips = False  # whether an answer comes a byte a second
        self._open: set[socket.socket] = set()

    @property
    def host(self) -> str:
        """The host and the port of the server."""
        name = LOOPBACK if self._context is None else "localhost"
        return f"{name}:{self.port}"

    def wait(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Wait until a condition holds that changes with requests."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds)

    def disconnect(self) -> None:
        """Break all connections off, without a word (as by close code 1006)."""
        with self.changed:
            sockets = [*self._open]
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(self, served: Served) -> bool:
        """Answer one request; return whether another one may follow."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.disconnect()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve_all, args=[connection], daemon=True
            ).start()

    def _serve_all(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with self.changed:
                self._open.add(connection)
            try:
                with connection:
                    while self._serve_one(connection):
                        pass
            finally:
                with self.changed:
                    self._open.discard(connection)

    def _serve_one(self, connection: socket.socket) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(1)
            if not part:
                return False
            head += part
        line, *fields = head.decode().rstrip().split("\r\n")
        pairs = (field.partition(": ") for field in fields)
        headers = {name.lower(): value for name, _, value in pairs}
        served = Served(connection, line.split(" ")[1], headers)
        with self.changed:
            self.requests.append(served)
            self.changed.notify_all()
        if self.refusal is not None:
            status, more = self.refusal
            served.reply(status, b"<html>no</html>", more)
            return True
        if self.drips:
            self._drip(connection)
            return False
        return self.serve(served)

    def _drip(self, connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" * 99:
            connection.sendall(bytes([byte]))
            time.sleep(1 if self.drips else 0)


class TickerServer(WorldServer):
    """A server of WebSockets (RFC 6455): `said` has the messages of its clients."""

    def __init__(self, port: int = 0, authority: trustme.CA | None = None) -> None:
        super().__init__(port, authority)
        self.said: list[Json] = []
        self._clients: list[socket.socket] = []
        self._sending = threading.Lock()

    @property
    def url(self) -> str:
        """The address for a WebSocket."""
        return f"{'ws' if self._context is None else 'wss'}://{self.host}"

    @property
    def clients(self) -> int:
        """How many clients have subscribed, ever."""
        return len(self._clients)

    @property
    def connected(self) -> int:
        """How many clients that have subscribed are connected now."""
        with self.changed:
            return sum(client in self._open for client in self._clients)

    def send(self, *messages: Json) -> None:
        """Send messages to the last client that has subscribed."""
        for message in messages:
            self.send_raw(frame_of(TEXT, json.dumps(message).encode()))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are to the last client that has subscribed."""
        with self._sending:
            self._clients[-1].sendall(data)

    def close(self, code: int) -> None:
        """Send the last client a close frame."""
        self.send_raw(frame_of(CLOSE, struct.pack("!H", code)))

    def serve(self, served: Served) -> bool:
        if served.headers.get("upgrade") != "websocket":
            return self.serve_http(served)
        key = served.headers["sec-websocket-key"] + GUID
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        served.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept.encode()
        )
        self.greet(served)
        for message in _messages(served.connection):
            self._hear(served.connection, json.loads(message))
        return False

    def serve_http(self, served: Served) -> bool:
        """Answer a request that is no WebSocket."""
        served.reply("404 Not Found")
        return True

    def greet(self, served: Served) -> None:
        """Send what the server sends on its own."""

    def answer(self, said: Json) -> Iterator[Json]:
        """Yield what the server sends back after a message of a client."""
        raise NotImplementedError

    def _hear(self, connection: socket.socket, said: Json) -> None:
        answers = [*self.answer(said)]
        with self.changed:
            self.said.append(said)
            if connection not in self._clients:
                self._clients.append(connection)
        with self._sending:
            for answer in answers:
                connection.sendall(frame_of(TEXT, json.dumps(answer).encode()))
        with self.changed:
            self.changed.notify_all()


class KrakenServer(TickerServer):
    """Kraken: `prices` has the last price of each pair that it knows.

    Pairs in `mute` are acknowledged and have no snapshot. `is_silent` stops everything
    after the handshake. With `beat`, a heartbeat comes that often, in seconds.
    """

    def __init__(self, port: int = 0, authority: trustme.CA | None = None) -> None:
        super().__init__(port, authority)
        self.prices: dict[str, float] = {"BTC/USD": 91250.2, "ETH/EUR": 3105.5}
        self.decimals = 1
        self.mute: set[str] = set()
        self.system = "online"
        self.is_silent = False
        self.at: str | None = None
        self.beat = 0.0

    def greet(self, served: Served) -> None:
        if not self.is_silent:
            status = json.dumps(self.status()).encode()
            served.write(frame_of(TEXT, status))
        if self.beat:
            threading.Thread(target=self._keep_alive, daemon=True).start()

    def _keep_alive(self) -> None:
        """Send heartbeats until nobody is connected."""
        self.wait(lambda: self.connected)
        with contextlib.suppress(OSError):
            while self.connected:
                self.heartbeat()
                time.sleep(self.beat)

    def status(self) -> Json:
        """Return the message about the state of the exchange."""
        data = [{"system": self.system, "api_version": "v2", "version": "2.0.10"}]
        return {"channel": "status", "type": "update", "data": data}

    def ticker(self, symbol: str, kind: str = "update", **changes: Any) -> Json:
        """Return a ticker with the symbol's price."""
        last = self.prices[symbol]
        row = {
            **{"symbol": symbol, "bid": last - 0.1, "ask": last + 0.1, "last": last},
            **{"volume": 812.5, "low": last - 9, "high": last + 9, "change": -2.0},
            **{"change_pct": -0.2, "timestamp": self.at or _now()},
        }
        return {"channel": "ticker", "type": kind, "data": [{**row, **changes}]}

    def answer(self, said: Json) -> Iterator[Json]:
        if said.get("method") != "subscribe" or self.is_silent:
            return
        for symbol in said["params"]["symbol"]:
            if symbol not in self.prices:
                error = f"Currency pair not supported {symbol}"
                yield {
                    **{"method": "subscribe", "success": False, "error": error},
                    **{"symbol": symbol, "req_id": said["req_id"]},
                }
                continue
            result = {"channel": "ticker", "symbol": symbol, "snapshot": True}
            yield {"method": "subscribe", "result": result, "success": True}
            if symbol not in self.mute:
                yield self.ticker(symbol, "snapshot")

    def heartbeat(self) -> None:
        """Send a heartbeat."""
        self.send({"channel": "heartbeat"})

    def serve_http(self, served: Served) -> bool:
        pairs = {
            symbol.replace("/", ""): {"wsname": symbol, "pair_decimals": self.decimals}
            for symbol in self.prices
        }
        body = json.dumps({"error": [], "result": pairs}).encode()
        served.reply("200 OK", body, kind="application/json")
        return True


class CoinbaseServer(TickerServer):
    """Coinbase: `prices` has the last price of each product that it knows."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.prices: dict[str, float] = {"BTC-USD": 91250.25}

    def ticker(self, product: str) -> Json:
        """Return a ticker, whose numbers are texts."""
        price = self.prices[product]
        return {
            **{"type": "ticker", "product_id": product, "price": str(price)},
            **{"open_24h": str(price - 250), "high_24h": str(price + 9)},
            **{"low_24h": str(price - 300), "volume_24h": "1234.5", "time": _now()},
        }

    def answer(self, said: Json) -> Iterator[Json]:
        for product in said["product_ids"]:
            if product in self.prices:
                yield {"type": "subscriptions", "channels": []}
                yield self.ticker(product)
            else:
                reason = f"{product} is not a valid product"
                message = "Failed to subscribe"
                yield {"type": "error", "message": message, "reason": reason}


class ScoreServer(WorldServer):
    """A server of JSON by HTTP; `times` has the instants of its requests.

    `bodies` has the answers by the beginning of the path; the longest one counts.
    """

    def __init__(self, port: int = 0, authority: trustme.CA | None = None) -> None:
        super().__init__(port, authority)
        self.bodies: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """The address for requests."""
        return f"{'http' if self._context is None else 'https'}://{self.host}"

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in their order."""
        with self.changed:
            return [served.path for served in self.requests]

    def serve(self, served: Served) -> bool:
        found = [path for path in self.bodies if served.path.startswith(path)]
        if not found:
            served.reply("404 Not Found", b"<html>unknown</html>")
            return True
        body = self.bodies[max(found, key=len)]
        kind = "text/html" if body.startswith(b"<") else "application/json"
        served.reply("200 OK", body, kind=kind)
        return True


class EspnServer(ScoreServer):
    """ESPN's scoreboard: `matches` has those of today by league, as they are listed."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.matches: dict[str, list[Json]] = {"eng.1": []}
        self.most = 1000  # events in one answer

    def serve(self, served: Served) -> bool:
        parts = urlsplit(served.path)
        league = parts.path.split("/")[1]
        matches = self.matches.get(league)  # once: a test may replace it meanwhile
        if served.path in self.bodies or matches is None:
            return super().serve(served)
        [day] = parse_qs(parts.query)["dates"]
        today = time.strftime("%Y%m%d", time.gmtime()) == day
        events = matches[: self.most] if today else []
        body = {"leagues": [{"name": "Upper League"}], "events": events}
        served.reply("200 OK", json.dumps(body).encode(), kind="application/json")
        return True


class OpenLigaServer(ScoreServer):
    """OpenLigaDB: `matches` has the current match day by league."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.matches: dict[str, list[Json]] = {"bl1": []}
        self.changed_at = "2026-11-18T12:00:00"

    def serve(self, served: Served) -> bool:
        what, league = served.path.split("/")[1:3]
        matches = self.matches.get(league)
        if matches is None:
            return super().serve(served)
        body: object = matches
        if what == "getlastchangedate":
            body = self.changed_at
        served.reply("200 OK", json.dumps(body).encode(), kind="application/json")
        return True


def frame_of(opcode: int, data: bytes) -> bytes:
    """Return a frame of a server (RFC 6455, section 5.2)."""
    head = bytes([0x80 | opcode])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return head + bytes([126]) + struct.pack("!H", len(data)) + data
    return head + bytes([127]) + struct.pack("!Q", len(data)) + data


def _messages(connection: socket.socket) -> Iterator[bytes]:
    """Yield the text messages of a client until it closes."""
    reader = connection.makefile("rb")
    while head := reader.read(2):
        opcode, length = head[0] & 15, head[1] & 127
        if length == 126:
            [length] = struct.unpack("!H", reader.read(2))
        mask = reader.read(4)
        data = bytes(
            byte ^ mask[index % 4] for index, byte in enumerate(reader.read(length))
        )
        if opcode == CLOSE:
            return
        if opcode == TEXT:
            yield data


def _now() -> str:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{stamp}.{int(now % 1 * 1e6):06}Z"
