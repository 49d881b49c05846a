"""However the board is started: it is right, or it says in one line that it isn't."""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.boards import metrics, status
from tests.helpers.harness import LOOPBACK, ROOT, Board, Process, until
from tests.helpers.redis_server import RedisServer

CONFIGURATION = str(ROOT / "gunicorn.conf.py")
HOW = f"start it with `gunicorn app:app` in {ROOT}"


class Door(Board):
    """A board that is started by a command of its own, in a folder of its own."""

    def __init__(self, *command: str, cwd: Path = ROOT, **env: str) -> None:
        super().__init__("app:app", None, **env)
        port = str(self.port)
        words = [word.replace("{port}", port) for word in command]
        self._command = [sys.executable, "-m", *words]
        self._cwd = cwd


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def logs_seen(board: Board) -> set[str]:
    """Return what the logs that answer say of prices: one text if it is one log."""
    return {prices(board) for _ in range(20)}


def prices(board: Board) -> str:
    """Return what a process's log has of companies that keep their values."""
    quotes = json.loads(board.get("/api/state?events=price")[2])["prices"]
    return str([(quote["symbol"], quote["previous_close"]) for quote in quotes])


def said(board: Board, what: str, times: int) -> bool:
    return board.log().count(what) == times


def one_worker(board: Board) -> bool:
    return len(board.worker_pids()) == 1


# --- Without Redis


def test_sigttin_starts_no_second_log() -> None:
    with Board() as board:
        for times in (1, 2):
            board.send(signal.SIGTTIN)
            until(partial(said, board, "2 workers: running 1 worker", times))
        assert one_worker(board)
        assert len(logs_seen(board)) == 1


def test_the_workers_of_the_command_line_are_one_after_a_reload_too() -> None:
    with Door("gunicorn", "--workers", "2", "app:app") as board:
        assert board.log().count("2 workers: running 1 worker") == 1
        old = board.worker_pids()
        board.send(signal.SIGHUP)
        until(lambda: not {*old} & {*board.worker_pids()}, why="the old one ends")
        assert board.log().count("Booting worker") == 2
        assert one_worker(board)
        assert board.log().count("2 workers: running 1 worker") == 2
        assert len(logs_seen(board)) == 1


def test_sigusr2_starts_no_second_log() -> None:
    with Board() as board:
        board.send(signal.SIGUSR2)
        until(lambda: "liveboard: without REDIS_URL a second master" in board.log())
        until(lambda: one_worker(board), why="the second master is gone")
        assert board.log().count("Booting worker") == 1
        assert "Traceback" not in board.log()
        assert len(logs_seen(board)) == 1


# --- With Redis


def test_sigusr2_starts_the_board_again_beside_the_old_one(server: RedisServer) -> None:
    env = {"REDIS_URL": server.url, "REDIS_PREFIX": "again:", "FEED": "published"}
    with Board("app:app", None, **env) as board:
        (worker,) = board.worker_pids()
        board.send(signal.SIGUSR2)
        until(lambda: board.log().count("Booting worker") == 2, why="a second master")
        (second,) = {*board.worker_pids()} - {worker}
        board.term()
        board.wait_exit()
        try:
            until(lambda: status(f"{board.url}/readyz") == 200, why="it serves alone")
            assert "ImportError" not in board.log()
        finally:
            os.kill(second, signal.SIGTERM)
            until(lambda: status(f"{board.url}/readyz") is None, why="it ends")


def test_a_worker_more_adds_its_figures(server: RedisServer) -> None:
    env = {"REDIS_URL": server.url, "REDIS_PREFIX": "more:", "FEED": "published"}
    with Board("app:app", None, **env) as board:
        one = metrics(board)["process_open_fds"]
        board.send(signal.SIGTTIN)
        until(lambda: metrics(board)["process_open_fds"] > 1.5 * one)


# --- Other ways to start it


def test_gunicorn_without_the_boards_configuration_is_refused(tmp_path: Path) -> None:
    door = Door("gunicorn", "--chdir", str(ROOT), "app:app", cwd=tmp_path)
    try:
        door.start().wait_exit(30)
        assert door.exit_code
        lines = [line for line in door.log().splitlines() if "liveboard:" in line]
    finally:
        Process.stop(door)
    assert lines == [
        f"liveboard: gunicorn didn't read gunicorn.conf.py: {HOW}, or add "
        f"`--config {CONFIGURATION}`"
    ]


def test_gunicorn_elsewhere_with_the_boards_configuration_is_right(
    tmp_path: Path,
) -> None:
    command = ("gunicorn", "-c", CONFIGURATION, "--chdir", str(ROOT), "app:app")
    with Door(*command, cwd=tmp_path) as board, board.stream() as stream:
        stream.events(1)
        assert board.get("/healthz", seconds=2)[0] == 200


@pytest.mark.parametrize(
    "options", [["-k", "sync"], ["-k", "gevent"], ["-k", "gthread"]]
)
def test_a_worker_that_a_stream_blocks_is_refused(options: list[str]) -> None:
    door = Door("gunicorn", *options, "app:app")
    try:
        door.start().wait_exit(30)
        assert door.exit_code
        (line,) = re.findall(r"^liveboard: .*", door.log(), re.M)
    finally:
        Process.stop(door)
    assert line == (
        f"liveboard: the worker class {options[1]!r} can't serve streams: start "
        "gunicorn without --worker-class"
    )


def test_flasks_development_server_is_right() -> None:
    with Door("flask", "--app", "app", "run", "--port", "{port}") as board:
        with board.stream() as stream, board.stream() as other:
            stream.events(1), other.events(1)
            assert board.get("/healthz", seconds=2)[0] == 200
        assert "start it with" not in board.log()


def test_flasks_server_without_threads_is_refused() -> None:
    command = ("--app", "app", "run", "--without-threads", "--port", "{port}")
    with Answering("flask", *command) as board:
        for path in ("/stream", "/api/state"):
            code, _, body = board.get(path, seconds=5)
            assert code == 503
            assert HOW in json.loads(body)["detail"]
        (line,) = [line for line in board.log().splitlines() if HOW in line]
        assert "one stream would block it" in line


def test_waitress_serves_and_says_once_what_it_lacks() -> None:
    command = ("waitress", "--host", LOOPBACK, "--port", "{port}", "app:app")
    with Door(*command) as board, board.stream() as stream:
        stream.events(1)
        assert board.get("/healthz", seconds=2)[0] == 200
        # waitress writes all lines of a program a second time, in its own form.
        (line,) = re.findall(rf"^[0-9].*{re.escape(HOW)}", board.log(), re.M)
        assert "The server waitress isn't made for streams" in line


class Answering(Door):
    """A board that counts as ready once it answers anything."""

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz", seconds=2)[0] > 0
        except OSError:
            return False
