"""Real sources and several processes: one connects, and the next one goes on."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from feed.cluster.leader import LOCK_TIME, STAND_BY
from tests.helpers.harness import Board, Stream, until
from tests.helpers.redis_server import RedisServer
from tests.helpers.world_servers import EspnServer, KrakenServer
from tests.sources.test_live_scores import goal, match

PREFIX = "world:"
GOALS = [goal(f"{minute}'", f"Player {minute}") for minute in (10, 20, 30, 40)]


class Boards(NamedTuple):
    """Two boards with one log, and the servers of its sources."""

    redis: RedisServer
    kraken: KrakenServer
    espn: EspnServer
    both: tuple[Board, Board]

    def leader(self) -> int:
        """Return the process id of the worker that leads; 0 if none does."""
        words = (self.redis.ask("GET", f"{PREFIX}leader") or b"").split()
        return int(words[1]) if words else 0

    def leading_and_following(self) -> tuple[Board, Board]:
        """Wait until one of the boards leads; return both, that one first."""
        one, other = self.both
        leading = until(lambda: [it for it in self.both if self.is_leading(it)])
        return (one, other) if one in leading else (other, one)

    def is_leading(self, board: Board) -> bool:
        return board.alive and self.leader() in board.worker_pids()

    def change(self, price: float, goals: int) -> None:
        """Change the price and the score at the sources."""
        self.kraken.prices["BTC/USD"] = price
        self.espn.matches["eng.1"] = [match(f"{goals}-0", *GOALS[:goals])]


@pytest.fixture(scope="module")
def boards() -> Iterator[Boards]:
    with RedisServer() as redis, KrakenServer() as kraken, EspnServer() as espn:
        kraken.beat = 1.0

        def board() -> Board:
            return Board(
                REDIS_URL=redis.url,
                REDIS_PREFIX=PREFIX,
                FEED="live",
                PRICES="kraken:BTC/USD",
                KRAKEN_URL=kraken.url,
                SCORES="espn:eng.1",
                ESPN_URL=espn.url,
            )

        one, other = board(), board()
        it = Boards(redis, kraken, espn, (one, other))
        it.change(1.5, 1)
        with one, other:
            until(lambda: kraken.connected == 1)
            yield it


def test_a_new_leader_goes_on_and_every_goal_is_told_once(boards: Boards) -> None:
    assert LOCK_TIME + STAND_BY < 6  # seconds until the next one connects
    leading, following = boards.leading_and_following()
    first = until(lambda: newest(following, 1.5))
    assert (boards.kraken.connected, boards.kraken.clients) == (1, 1)

    def die() -> None:
        leading.kill()

    take_over(boards, following, die, 2.5, 2)
    leading.start().wait_ready()
    leading, following = boards.leading_and_following()
    stopped = boards.leader()
    take_over(boards, following, lambda: os.kill(stopped, signal.SIGSTOP), 3.5, 3)
    os.kill(stopped, signal.SIGCONT)
    # The one that was stopped finds out that another leads, and lets go.
    until(lambda: boards.kraken.connected == 1)
    leading, following = boards.leading_and_following()
    take_over(boards, following, leading.term, 4.5, 4)
    with following.stream(f"/stream?after={first}&once=1") as stream:
        read = stream.read_all()
    told = [json.loads(event.data) for event in read if event.event == "incident"]
    assert [(it["incident"], it["minute"]) for it in told] == [
        *(("2", 20), ("3", 30), ("4", 40))
    ]


def take_over(
    boards: Boards, following: Board, end: Callable[[], None], price: float, goals: int
) -> None:
    """End the leader; check that the board that follows has what comes after it."""
    with following.stream("/stream?events=price,incident") as stream:
        stream.events(2)  # `hello` and the price
        boards.change(price, goals)
        end()
        read_until_price(stream, price)
    until(lambda: newest(following, price))
    until(lambda: len(scores(following)) == goals)


def read_until_price(stream: Stream, price: float) -> None:
    stream.read_until(
        lambda event: (
            event.event == "price" and json.loads(event.data)["price"] == price
        )
    )


def newest(board: Board, price: float) -> str:
    """Return the cursor of a board that shows a price; empty if it doesn't yet."""
    state = json.loads(board.get("/api/state")[2])
    shown = [row["price"] for row in state["prices"]]
    goals = [row["incidents"] for row in state["scores"]]
    return str(state["id"]) if shown == [price] and goals else ""


def scores(board: Board) -> list[object]:
    """Return the incidents of the match on a board."""
    [score] = json.loads(board.get("/api/state")[2])["scores"]
    return list(score["incidents"])
