"""Boards whose log is read for its times, and the figures of a running board."""

import urllib.request
from collections.abc import Mapping

from tests.helpers.harness import Board


def a_board(**env: str) -> Board:
    """Return a board that writes the times of its log in UTC."""
    return Board("app:app", None, **{"TZ": "UTC"} | env)


def metrics(board: Board, headers: Mapping[str, str] | None = None) -> dict[str, float]:
    """Return the figures of `/metrics`, by their names and labels."""
    lines = board.get("/metrics", headers)[2].decode().splitlines()
    figures = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in figures}


def open_streams(board: Board) -> int:
    """Return the number of streams that the board counts as open."""
    return int(metrics(board)["liveboard_streams"])


def status(url: str) -> int | None:
    """Return the status of a GET; None if nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            found: int = answer.status
            return found
    except OSError:
        return None
