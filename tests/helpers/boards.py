"""Boards for tests that don't look at their end, and the figures of a running one."""

import contextlib
import urllib.request
from collections.abc import Iterator

from tests.helpers.harness import Board

LOGS = {"TZ": "UTC"}  # the setting of a board whose log is read for its times


@contextlib.contextmanager
def a_board(**env: str) -> Iterator[Board]:
    """Run a board, and kill it at the end: an orderly end would take a second."""
    with Board("app:app", None, **LOGS | env) as board:
        yield board
        board.kill()


def metrics(board: Board) -> dict[str, float]:
    """Return the figures of `/metrics`, by their names and labels."""
    lines = board.get("/metrics")[2].decode().splitlines()
    figures = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in figures}


def open_streams(board: Board) -> int:
    return int(metrics(board)["liveboard_streams"])


def status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            found: int = answer.status
            return found
    except OSError:
        return None
