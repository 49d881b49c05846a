"""A real board of the world's prices and scores: nothing of it waits for a network."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.helpers.harness import Board, until
from tests.helpers.world_servers import (
    CoinbaseServer,
    EspnServer,
    KrakenServer,
    OpenLigaServer,
)
from tests.sources.test_live_scores import goal, league_goal, league_match, match

SOURCES = {"Kraken", "Coinbase", "ESPN", "OpenLigaDB"}


class Running(NamedTuple):
    """A board, and the servers of its sources."""

    board: Board
    kraken: KrakenServer
    coinbase: CoinbaseServer
    espn: EspnServer
    openligadb: OpenLigaServer

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.board.get("/api/state")[2])
        return found

    def statuses(self) -> dict[str, str]:
        return {each["source"]: each["status"] for each in self.state()["sources"]}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(kind())
            for kind in (KrakenServer, CoinbaseServer, EspnServer, OpenLigaServer)
        ]
        kraken, coinbase, espn, openligadb = servers
        assert isinstance(kraken, KrakenServer) and isinstance(espn, EspnServer)
        assert isinstance(coinbase, CoinbaseServer)
        assert isinstance(openligadb, OpenLigaServer)
        espn.matches["eng.1"] = [match("1-0", goal("37'"))]
        openligadb.matches["bl1"] = [league_match(league_goal(1, 0, 10))]
        kraken.beat = 1.0
        board = Board(
            FEED="live",
            HEARTBEAT="0.5",
            PRICES="kraken:BTC/USD,ETH/EUR coinbase:BTC-USD",
            SCORES="espn:eng.1 openligadb:bl1",
            KRAKEN_URL=kraken.url,
            COINBASE_URL=coinbase.url,
            ESPN_URL=espn.url,
            OPENLIGADB_URL=openligadb.url,
        )
        stack.enter_context(board)
        it = Running(board, kraken, coinbase, espn, openligadb)
        until(lambda: it.statuses() == dict.fromkeys(SOURCES, "live"))
        until(lambda: len(it.state()["scores"]) == 2)
        yield it


def test_the_board_shows_all_sources_and_where_each_row_is_from(
    running: Running,
) -> None:
    state = running.state()
    assert state["source"] == "live"
    rows = state["prices"] + state["scores"] + state["markets"]
    assert {row["source"] for row in rows} == SOURCES
    assert {row["symbol"] for row in state["prices"]} == {
        *("BTC/USD", "ETH/EUR", "BTC-USD")
    }
    text = running.board.get("/", {"Accept": "text/plain"})[2].decode()
    assert "91,250.2" in text and "Riverton FC" in text
    assert "simulated" not in text


def test_sources_that_write_a_byte_a_second_delay_nothing(running: Running) -> None:
    slow = running.coinbase, running.espn, running.openligadb
    for server in slow:
        server.drips = True
        server.disconnect()
    asked = [len(server.requests) for server in slow]
    with running.board.stream("/stream?events=heartbeat") as quiet:
        quiet.events(2)  # `hello` is the first one
        until(lambda: len(running.coinbase.requests) > asked[0], why="it drips")
        with running.board.stream("/stream?events=price&symbols=BTC/USD") as prices:
            prices.read_until(lambda event: event.event == "price")
            for price in (1.5, 2.5, 3.5):
                running.kraken.prices["BTC/USD"] = price
                running.kraken.send(running.kraken.ticker("BTC/USD"))
                [event] = [it for it in prices.events(1) if it.event == "price"]
                assert json.loads(event.data)["price"] == price
                assert running.board.get("/healthz")[0] == 200
        beats = quiet.events(3)
    assert {event.event for event in beats} == {"heartbeat"}
    for server in slow:
        server.drips = False


def test_a_source_that_is_gone_is_named_everywhere_and_heals(running: Running) -> None:
    running.kraken.beat = 0
    running.kraken.__exit__()
    until(lambda: running.statuses()["Kraken"] == "away")
    stated = running.board.get("/stream.txt?events=source&once=1")[2].decode()
    assert "Kraken is away since" in stated
    assert "Kraken is away. It doesn't accept connections." in running.board.log()
    with KrakenServer(running.kraken.port) as back:
        back.prices["BTC/USD"] = 7.5
        back.beat = 1.0
        until(lambda: running.statuses()["Kraken"] == "live", 90)
        prices = {row["symbol"]: row["price"] for row in running.state()["prices"]}
    assert prices["BTC/USD"] == 7.5


def test_real_prices_and_a_simulated_league_are_one_board() -> None:
    with KrakenServer() as kraken:
        kraken.beat = 1.0
        with Board(PRICES="kraken:BTC/USD", KRAKEN_URL=kraken.url) as board:

            def state() -> Any:
                return json.loads(board.get("/api/state")[2])

            until(lambda: state()["prices"])
            found = state()
            assert [row["source"] for row in found["prices"]] == ["Kraken"]
            assert {row["source"] for row in found["scores"]} == {"simulator"}
            assert found["source"] == "live"
            names = {each["source"]: each["status"] for each in found["sources"]}
            assert names == {"Kraken": "live", "simulator": "live"}
            board.term()
            board.wait_exit()
