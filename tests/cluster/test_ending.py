"""How a worker ends: streams say `bye`, the lock is free, the figures are written."""

import contextlib
import http.client
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feed.cluster.relay import Relay
from feed.feed import Feed
from feed.log import Unavailable
from feed.settings import Settings
from serving.figures import FiguresFolder
from tests.helpers.harness import LOOPBACK, Board, Stream, until
from tests.helpers.redis_server import RedisServer

EXITS = 40
WORKERS = 10
APP = "tests.cluster.leaders_app:app"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Yield a Redis; every worker has a prefix of its own there."""
    with RedisServer() as server:
        yield server


def leaders(server: RedisServer, workers: int, **env: str) -> Board:
    """Return a board whose workers each lead a log of their own."""
    settings = {"REDIS_URL": server.url, "WEB_CONCURRENCY": str(workers)} | env
    return Board(APP, None, FEED="published", HEARTBEAT="0.5", **settings)


def is_locked(server: RedisServer, prefix: str) -> bool:
    return bool(server.ask("EXISTS", f"{prefix}leader"))


def is_gone(pid: int) -> bool:
    """Whether a process has ended, even if its parent hasn't noticed (Linux)."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        )
    except FileNotFoundError:
        return True


def test_the_lock_is_free_whenever_a_leader_has_ended(server: RedisServer) -> None:
    chance = random.Random(10)
    left: list[int] = []
    exits = 0
    with leaders(server, WORKERS, REDIS_PREFIX="x:") as board:
        while exits < EXITS:
            pids = until(lambda: leading(server, board), 60, "every worker leads")
            with contextlib.ExitStack() as streams:
                if exits % (2 * WORKERS):  # some of the workers have a stream
                    for _ in range(WORKERS):
                        streams.enter_context(board.stream()).events(1)
                # Most of them come just before the worker checks for the signal:
                # then it is gone at once.
                due = {pid: next_look(pid) - chance.random() ** 4 for pid in pids}
                left += [pid for pid in end_at(due) if is_locked(server, f"x:{pid}:")]
            exits += len(pids)
    assert left == []


def leading(server: RedisServer, board: Board) -> list[int]:
    """Return the workers' process ids once each of them leads; else nothing."""
    pids = board.worker_pids()
    lead = all(is_locked(server, f"x:{pid}:") for pid in pids)
    return pids if lead and len(pids) == WORKERS else []


def next_look(pid: int) -> float:
    """Return when (monotonic) a worker that sleeps for a second will be awake again.

    Before it sleeps it sets the time of its heartbeat file (Linux).
    """
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # another one was closed meanwhile
            if "wgunicorn-" in os.readlink(path):
                return path.stat().st_mtime + 1
    raise AssertionError("there is no heartbeat file")


def end_at(due: dict[int, float]) -> Iterator[int]:
    """Terminate each process at its instant; yield each as soon as it is gone."""
    signalled: set[int] = set()
    while due:
        for pid, instant in [*due.items()]:
            if pid not in signalled and time.monotonic() >= instant:
                os.kill(pid, signal.SIGTERM)
                signalled.add(pid)
            if is_gone(pid):
                del due[pid]
                yield pid
        time.sleep(0.002)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"])
def test_whatever_ends_the_workers_streams_say_bye_and_nothing_is_left(
    server: RedisServer, tmp_path: Path, number: str
) -> None:
    prefix = f"{number}:"
    figures = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "REDIS_PREFIX": prefix}
    with (
        leaders(server, 2, **figures) as board,
        contextlib.ExitStack() as opened,
    ):
        until(lambda: len(board.worker_pids()) == 2, why="both workers run")
        workers = board.worker_pids()
        locks = [f"{prefix}{pid}:" for pid in workers]
        until(lambda: all(is_locked(server, lock) for lock in locks), 30)
        streams = [opened.enter_context(board.stream()) for _ in range(6)]
        for stream in streams:
            stream.events(1)
        began = time.monotonic()
        board.send(signal.Signals[number])
        assert [farewell(stream) for stream in streams] == ["restart"] * 6
        until(lambda: all(is_gone(pid) for pid in workers), why="the workers end")
        assert time.monotonic() - began < 5
        assert not any(is_locked(server, lock) for lock in locks)
        assert written(tmp_path, "liveboard_streams_total") == 6
        assert board.log().count("totals at the end: 0 streams open") == 2


def farewell(stream: Stream) -> str:
    """Return the reason that a stream gives in its `bye`."""
    last = stream.read_all(5)[-1]
    assert last.event == "bye"
    reason: str = json.loads(last.data)["reason"]
    return reason


def written(folder: Path, name: str) -> float:
    """Return a figure that the workers have written down, of all of them together."""
    figures, failed = FiguresFolder(folder).read()
    assert not failed
    return sum(figure.value for figure in figures if figure.name == name)


def test_a_request_that_is_answered_meanwhile_still_publishes(
    server: RedisServer,
) -> None:
    token = "secret"
    with leaders(server, 1, REDIS_PREFIX="late:", PUBLISH_TOKEN=token) as board:
        (worker,) = board.worker_pids()
        body = b'{"event":"note","data":"late"}'
        client = http.client.HTTPConnection(LOOPBACK, board.port, timeout=10)
        with contextlib.closing(client):
            client.putrequest("POST", "/api/publish")
            client.putheader("Authorization", f"Bearer {token}")
            client.putheader("Content-Length", str(len(body)))
            client.endheaders(body[:10])
            until(lambda: is_locked(server, f"late:{worker}:"), why="it leads")
            board.term()
            until(lambda: not is_locked(server, f"late:{worker}:"), why="it drains")
            client.send(body[10:])
            answer = client.getresponse()
            assert answer.status == 201
            (id,) = json.loads(answer.read())["ids"]
        ((kept, fields),) = server.ask("XRANGE", f"late:{worker}:events", "-", "+")
        assert (kept.decode(), fields[b"data"]) == (id, b'"late"')
        assert board.wait_exit() < 5


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_a_master_that_ends_leaves_no_folder_behind(
    server: RedisServer, tmp_path: Path, number: str
) -> None:
    with leaders(server, 2, REDIS_PREFIX="folder:", TMPDIR=str(tmp_path)) as board:
        until(lambda: len(board.worker_pids()) == 2, why="both workers run")
        workers = board.worker_pids()
        assert [*tmp_path.glob("liveboard-figures-*")]
        board.send(signal.SIGHUP)  # which reads gunicorn.conf.py again
        until(lambda: all(is_gone(pid) for pid in workers), why="the old workers end")
        until(lambda: len(board.worker_pids()) == 2, why="both new workers run")
        workers = board.worker_pids()
        board.send(signal.Signals[number])
        until(lambda: all(is_gone(pid) for pid in workers), why="the workers end")
        until(lambda: not [*tmp_path.glob("liveboard-figures-*")], 5)


class DevelopmentServer(Board):
    """`flask run` doesn't call gunicorn's hooks."""

    def __init__(self, **env: str) -> None:
        super().__init__("app:app", None, **env)
        options = ["--app", "app", "run", "--port", str(self.port)]
        self._command = [sys.executable, "-m", "flask", *options]


def test_another_server_than_gunicorn_ends_in_order_too(server: RedisServer) -> None:
    env = {"REDIS_URL": server.url, "REDIS_PREFIX": "flask:", "FEED": "published"}
    with DevelopmentServer(**env) as board, board.stream() as stream:
        stream.events(1)
        until(lambda: is_locked(server, "flask:"), why="it leads")
        board.send(signal.SIGINT)
        assert farewell(stream) == "restart"
        assert board.wait_exit() < 5
        assert not is_locked(server, "flask:")


def test_a_lock_is_given_back_if_the_leadership_could_not_begin(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[bytes] = []

    def fail(_: Relay, token: bytes) -> None:
        attempts.append(token)
        raise Unavailable("Redis can't be reached")

    monkeypatch.setattr(Relay, "begin_leadership", fail)
    settings = Settings(feed="published", redis_url=server.url, redis_prefix="failing:")
    with started(Feed(settings, "1")):
        # A lock that is left expires after 5 seconds.
        until(lambda: len(attempts) >= 3, 9, "it tries again and again")
    assert not is_locked(server, "failing:")


@contextlib.contextmanager
def started(feed: Feed) -> Iterator[Feed]:
    feed.start()
    try:
        yield feed
    finally:
        feed.close()
