"""Boards of which a test needs little, and what a running one says of itself."""

import contextlib
import urllib.request
from collections.abc import Iterator

from tests.helpers.harness import Board

LOGS = {"TZ": "UTC"}  # of a board whose log is read for the time


@contextlib.contextmanager
def a_board(**env: str) -> Iterator[Board]:
    """Run a board of whose end nothing is asked: an orderly one takes a second."""
    with Board("app:app", None, **LOGS | env) as board:
        yield board
        board.kill()


def metrics(board: Board) -> dict[str, float]:
    """Return every figure of `/metrics`, by its name and labels."""
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
