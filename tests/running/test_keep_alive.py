"""No request is lost on the connection of a stream that has ended.

A proxy or a client that keeps its connections in a pool uses that connection for the
next request. If that is a POST, nobody repeats it. All clients here ask at the same
time, at one board.
"""

import contextlib
import http.client
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.boards import a_board
from tests.helpers.harness import LOOPBACK, Board, Server
from tests.helpers.proxies import ShippedCaddy, ShippedNginx, ShippedVarnish

AUTHORIZED = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
EVENT = json.dumps({"event": "ticket", "key": "1", "data": 1}).encode()
SCORE = {"home": {"name": "H"}, "away": {"name": "A"}, "status": "FT"}
ONCE, OVER = "/stream.ndjson?once=1", "/stream/matches/over"
PAUSES = (0.0, 0.005, 0.04)  # seconds between the end of a stream and the POST
ROUNDS = 200


def alternate(port: int, paths: Iterable[str], pause: float) -> list[int]:
    """Read a stream to its end, then POST, again and again; return the statuses."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
    statuses = []
    with contextlib.closing(connection):
        for path in paths:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.read()
            time.sleep(pause)
            connection.request("POST", "/api/publish", EVENT, AUTHORIZED)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    return statuses


def alternate_at_all(ports: Iterable[int], paths: list[str]) -> list[list[int]]:
    """Do that at each port, with each pause, all at the same time."""
    cases = [*itertools.product(ports, PAUSES)]
    with ThreadPoolExecutor(len(cases)) as pool:
        asked = [pool.submit(alternate, port, paths, wait) for port, wait in cases]
        return [each.result() for each in asked]


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with a_board(FEED="published", PUBLISH_TOKEN="secret", TRUSTED_PROXIES="1") as it:
        body = json.dumps(SCORE).encode()
        assert it.request("PUT", "/api/scores/over", AUTHORIZED, body)[0] == 201
        yield it


def test_after_once_and_end_no_post_is_lost_through_any_proxy(board: Board) -> None:
    proxies: list[Server] = [
        ShippedNginx(board, board),
        ShippedCaddy(board, board),
        ShippedVarnish(board),
    ]
    with contextlib.ExitStack() as held:
        for proxy in proxies:
            held.callback(proxy.stop)
            proxy.start()
        ports = [proxy.wait_ready().port for proxy in proxies]
        found = alternate_at_all([board.port, *ports], [ONCE, OVER] * (ROUNDS // 2))
    assert found == [[201] * ROUNDS] * 12


def test_after_full_no_post_is_lost() -> None:
    settings = {"FEED": "published", "PUBLISH_TOKEN": "secret", "MAX_STREAMS": "1"}
    with a_board(**settings) as board, board.stream() as only:
        only.events(1)
        found = alternate_at_all([board.port], ["/stream"] * ROUNDS)
    assert found == [[201] * ROUNDS] * 3


def test_after_age_no_post_is_lost() -> None:
    settings = {"FEED": "published", "PUBLISH_TOKEN": "secret"}
    # A stream that the fan-out serves ends up to a second after its age.
    with a_board(**settings, MAX_STREAM_AGE="0.05") as board:
        found = alternate_at_all([board.port] * 20, ["/stream"] * (ROUNDS // 20))
    assert found == [[201] * (ROUNDS // 20)] * 60
