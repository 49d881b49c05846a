"""Sources of prices against servers that speak their protocols, with all their faults.

For each fault: what is published, what `source` says, and that it heals by itself.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from functools import partial

import msgspec
import pytest
import trustme

from feed.sources.live.faults import Fault
from feed.sources.live.line import SourceLine, trusted
from tests.helpers.world import QUICK, World
from tests.helpers.world_servers import (
    TEXT,
    CoinbaseServer,
    KrakenServer,
    frame_of,
)

PAIRS = "kraken:BTC/USD,ETH/EUR"
SILENCE = msgspec.structs.replace(QUICK, silence=0.3)
AT_ONCE = msgspec.structs.replace(QUICK, patience=0.01)
LIVE = ("live", None)


@pytest.fixture
def kraken() -> Iterator[KrakenServer]:
    with KrakenServer() as server:
        yield server


def both_live(world: World) -> bool:
    return world.state_of("Kraken") == LIVE and len(world.quotes) == 2


def test_prices_come_with_their_decimals_and_the_market_is_open(
    kraken: KrakenServer,
) -> None:
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        quote = world.quotes["BTC/USD"]
        assert (quote.price, quote.decimals, quote.source) == (91250.2, 1, "Kraken")
        assert world.markets["KRAKEN"].status == "open"
        kraken.prices["BTC/USD"] = 91251.0
        kraken.send(kraken.ticker("BTC/USD"))
        world.until(lambda: world.quotes["BTC/USD"].price == 91251)
        assert world.states == [("Kraken", "live")]
        agents = {served.headers["user-agent"] for served in kraken.requests}
    [agent] = agents
    assert agent.startswith("Liveboard")


def test_a_symbol_that_stays_mute_is_asked_for_anew_and_named(
    kraken: KrakenServer,
) -> None:
    kraken.mute.add("ETH/EUR")
    with World(AT_ONCE, PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        detail = "No price of ETH/EUR comes."
        until_heartbeat(world, kraken, lambda: kraken.clients >= 2)
        # Nothing on the board is old, so the source goes on.
        until_heartbeat(
            world, kraken, lambda: world.state_of("Kraken") == ("live", detail)
        )
        assert [*world.quotes] == ["BTC/USD"]
        kraken.mute.clear()
        until_heartbeat(world, kraken, lambda: both_live(world))


def test_a_symbol_of_the_board_that_falls_mute_makes_the_source_late(
    kraken: KrakenServer,
) -> None:
    with World(AT_ONCE, PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        kraken.mute.add("ETH/EUR")
        kraken.disconnect()
        detail = "No price of ETH/EUR comes."
        until_heartbeat(
            world, kraken, lambda: world.state_of("Kraken") == ("late", detail)
        )
        kraken.mute.clear()
        until_heartbeat(world, kraken, lambda: world.state_of("Kraken") == LIVE)


def until_heartbeat(world: World, kraken: KrakenServer, condition: object) -> None:
    """Wait for a condition while a heartbeat and a price come now and then."""

    def holds() -> bool:
        try:
            kraken.heartbeat()
            kraken.send(kraken.ticker("BTC/USD"))
        except (IndexError, OSError):
            pass  # nobody is connected now
        time.sleep(0.02)
        assert callable(condition)
        return bool(condition())

    world.until(holds)


def test_a_connection_without_a_heartbeat_is_mute_and_made_anew(
    kraken: KrakenServer,
) -> None:
    with World(SILENCE, PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: world.state_of("Kraken")[0] == "live")
        kraken.is_silent = True
        said = "mute", "Nothing has come for 0.3 s."
        world.until(lambda: world.state_of("Kraken") == said)
        was, state = kraken.clients, world.sources["Kraken"]
        assert state.since <= state.at - 200  # since the last price
        world.until(lambda: len(kraken.requests) > was + 2)
        kraken.is_silent = False
        world.until(lambda: world.state_of("Kraken")[0] == "live")


@pytest.mark.parametrize("how", ["1001", "1006", "half a frame", "half a number"])
def test_a_connection_that_ends_is_made_anew_and_nothing_looks_stale(
    kraken: KrakenServer, how: str
) -> None:
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        kraken.prices["BTC/USD"] = 5.5
        if how == "1001":
            kraken.close(1001)
        elif how == "half a frame":
            kraken.send_raw(frame_of(TEXT, b'{"channel":"heartbeat"}')[:9])
        elif how == "half a number":
            kraken.send_raw(frame_of(TEXT, b"x" * 70_000)[:3])
        kraken.disconnect()
        world.until(lambda: world.quotes["BTC/USD"].price == 5.5)
        assert {*world.states} == {("Kraken", "live")}


@pytest.mark.parametrize(
    "frame",
    [
        frame_of(TEXT, b"{}")[:1] + struct.pack("!BQ", 127, 2**40) + b"x" * 9_000_000,
        frame_of(TEXT, b"\xff\xfe"),
        frame_of(11, b""),
    ],
    ids=["endless", "no text", "reserved"],
)
def test_a_frame_that_breaks_the_protocol_ends_the_connection_only(
    kraken: KrakenServer, frame: bytes
) -> None:
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        kraken.prices["BTC/USD"] = 5.5
        with contextlib.suppress(OSError):  # the client closes before it has all
            kraken.send_raw(frame)
        world.until(lambda: world.quotes["BTC/USD"].price == 5.5)


def test_a_server_that_is_gone_is_away_since_its_last_price_until_it_is_back() -> None:
    with KrakenServer() as kraken, World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        kraken.__exit__()
        away = "away", "It doesn't accept connections."
        world.until(lambda: world.state_of("Kraken") == away)
        gone = world.sources["Kraken"]
        assert world.quotes["BTC/USD"].at <= gone.at and gone.since <= gone.at
        with KrakenServer(kraken.port) as back:
            back.prices["BTC/USD"] = 5.5
            world.until(lambda: world.quotes["BTC/USD"].price == 5.5)
            world.until(lambda: world.state_of("Kraken") == LIVE)
        assert world.states == [("Kraken", each) for each in ("live", "away", "live")]


def test_a_certificate_that_is_not_trusted_is_refused() -> None:
    with (
        KrakenServer(authority=trustme.CA()) as server,
        World(PRICES=PAIRS, KRAKEN_URL=server.url) as world,
    ):
        said = "refused", "Its certificate isn't trusted."
        world.until(lambda: world.state_of("Kraken") == said)


def test_prices_come_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    with KrakenServer(authority=authority) as server:
        authority.configure_trust(trusted())
        try:
            with World(PRICES=PAIRS, KRAKEN_URL=server.url) as world:
                world.until(lambda: both_live(world))
        finally:
            trusted.cache_clear()


def test_a_name_that_cannot_be_found_is_away_until_it_can(
    kraken: KrakenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = socket.getaddrinfo

    def fail(*_: object, **__: object) -> object:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        said = "away", "Its name can't be found."
        world.until(lambda: world.state_of("Kraken") == said)
        monkeypatch.setattr(socket, "getaddrinfo", find)
        world.until(lambda: both_live(world))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("200 OK", ("refused", "It doesn't speak the protocol.")),
        ("301 Moved", ("refused", "It doesn't speak the protocol.")),
        ("403 Forbidden", ("refused", "It refuses the request (status 403).")),
        ("503 Busy", ("away", "It can't answer now (status 503).")),
    ],
)
def test_a_server_that_answers_with_http_is_named_by_its_status(
    kraken: KrakenServer, status: str, said: tuple[str, str]
) -> None:
    kraken.refusal = status, "Location: http://127.0.0.1:1/\r\n"
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: world.state_of("Kraken") == said)
        kraken.refusal = None
        world.until(lambda: both_live(world))


def test_a_server_that_asks_for_fewer_requests_gets_none_for_so_long(
    kraken: KrakenServer,
) -> None:
    kraken.refusal = "429 Too Many Requests", "Retry-After: 1\r\n"
    sockets: list[float] = []

    def note() -> bool:
        asked = [it for it in kraken.requests if "upgrade" in it.headers]
        if len(asked) > len(sockets):
            sockets.append(time.monotonic())
        return len(sockets) == 2

    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(note)
        said = "refused", "It asks for fewer requests (status 429)."
        assert world.state_of("Kraken") == said
    assert sockets[1] - sockets[0] > 0.9


def test_maintenance_halts_the_market_and_the_source_is_live(
    kraken: KrakenServer,
) -> None:
    kraken.system = "maintenance"
    kraken.mute = {"BTC/USD", "ETH/EUR"}
    with World(AT_ONCE, PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: world.state_of("Kraken") == LIVE)
        world.until(lambda: world.markets["KRAKEN"].status == "halted")
        kraken.heartbeat()
        kraken.system = "online"
        kraken.mute = set()
        kraken.disconnect()
        world.until(lambda: both_live(world))
        world.until(lambda: world.markets["KRAKEN"].status == "open")


def test_an_unknown_pair_is_named_and_the_others_go_on(kraken: KrakenServer) -> None:
    prices = "kraken:BTC/USD,NONE/USD"
    with World(PRICES=prices, KRAKEN_URL=kraken.url) as world:
        said = "live", "It doesn't know NONE/USD."
        kraken.wait(lambda: kraken.clients)
        world.until(lambda: world.quotes)
        kraken.send(kraken.ticker("BTC/USD"))
        world.until(lambda: world.state_of("Kraken") == said)
        [notice] = world.notices.values()
        assert notice.title == "Kraken doesn't know NONE/USD"


def test_a_source_that_knows_none_of_the_names_is_refused(kraken: KrakenServer) -> None:
    with World(PRICES="kraken:NONE/USD", KRAKEN_URL=kraken.url) as world:
        said = "refused", "It knows none of the names in PRICES."
        world.until(lambda: world.state_of("Kraken") == said)


def test_prices_that_are_old_make_the_source_late(kraken: KrakenServer) -> None:
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        kraken.at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
        kraken.send(kraken.ticker("BTC/USD", last=5.5))
        world.until(lambda: world.state_of("Kraken")[0] == "late")
        assert world.state_of("Kraken")[1] == "Its prices are 10 min old."
        kraken.at = None
        kraken.send(kraken.ticker("BTC/USD"))
        world.until(lambda: world.state_of("Kraken") == LIVE)


def test_a_server_that_writes_a_byte_a_second_delays_no_other_source(
    kraken: KrakenServer,
) -> None:
    with CoinbaseServer() as slow:
        slow.drips = True
        prices = f"{PAIRS} coinbase:BTC-USD"
        with World(
            SILENCE, PRICES=prices, KRAKEN_URL=kraken.url, COINBASE_URL=slow.url
        ) as world:
            said = "mute", "Nothing has come for 0.3 s."
            world.until(lambda: world.state_of("Coinbase") == said)
            for price in (1.5, 2.5, 3.5):
                kraken.prices["BTC/USD"] = price
                world.until(lambda: sent(kraken))
                world.until(partial(has_price, world, price))
            slow.drips = False
            world.until(lambda: world.state_of("Coinbase") == LIVE)
            assert world.quotes["BTC-USD"].price == 91250.25


def has_price(world: World, price: float) -> bool:
    return world.quotes["BTC/USD"].price == price


def sent(kraken: KrakenServer) -> bool:
    """Send a price; return whether somebody was connected."""
    try:
        kraken.send(kraken.ticker("BTC/USD"))
    except (IndexError, OSError):
        return False
    return True


def test_coinbase_is_told_apart_from_an_unknown_product() -> None:
    with CoinbaseServer() as coinbase:
        prices = "coinbase:BTC-USD,NOPE-USD"
        with World(PRICES=prices, COINBASE_URL=coinbase.url) as world:
            world.until(lambda: world.notices and world.quotes)
            coinbase.send(coinbase.ticker("BTC-USD"))
            said = "live", "It doesn't know NOPE-USD."
            world.until(lambda: world.state_of("Coinbase") == said)
            assert world.markets["COINBASE"].status == "open"


def test_the_next_leader_goes_on_from_the_board(kraken: KrakenServer) -> None:
    with World(PRICES=PAIRS, KRAKEN_URL=kraken.url) as world:
        world.until(lambda: both_live(world))
        state = [each.event() for each in world.quotes.values()]
        state += [each.event() for each in world.sources.values()]
    with World(PRICES="kraken:BTC/USD", KRAKEN_URL=kraken.url, state=state) as world:
        kraken.prices["BTC/USD"] = 5.5
        world.until(lambda: "BTC/USD" in world.quotes)
        assert world.gone == ["ETH/EUR"]
        assert world.states == []  # it was live, and still is


def test_a_closed_line_takes_no_socket() -> None:
    line = SourceLine()
    line.close()
    with socket.socket() as sock, pytest.raises(Fault, match="closing"):
        line.hold(sock)
