"""The examples feed a real board, run as their docstrings say."""

import ast
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.harness import ROOT, Board, clean_environment, until

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRICES = ROOT / "examples/prices.csv"


@pytest.fixture
def empty() -> Iterator[Board]:
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        yield board


def shown(example: str) -> str:
    """Return the command that an example's docstring shows, the board's own aside."""
    source = (ROOT / "examples" / example).read_text()
    text = ast.get_docstring(ast.parse(source)) or ""
    commands = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    exported, started, command = commands
    assert exported == "export PUBLISH_TOKEN=secret"
    assert started == "FEED=published make run"
    return command


def start(command: str, board: Board) -> subprocess.Popen[bytes]:
    """Run a command in the project's folder, with the `python` of these tests."""
    env = clean_environment(BOARD=board.url, PUBLISH_TOKEN="secret")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    return subprocess.Popen(["bash", "-c", command], cwd=ROOT, env=env)


def prices(board: Board) -> dict[str, Any]:
    found = json.loads(board.get("/api/state")[2])["prices"]
    return {price["symbol"]: price for price in found}


def test_a_csv_file_feeds_the_board(empty: Board) -> None:
    assert start(shown("from_csv.py"), empty).wait(60) == 0
    with PRICES.open(newline="") as file:
        last = {row["symbol"]: row for row in csv.DictReader(file)}
    found = prices(empty)
    assert {*found} == {*last}
    for symbol, row in last.items():
        price = found[symbol]
        assert (price["name"], price["currency"]) == (row["name"], row["currency"])
        assert price["price"] == float(row["price"])
        change = float(row["price"]) - float(row["previous_close"])
        assert price["change"] == pytest.approx(change)


def test_standard_input_feeds_the_board(empty: Board) -> None:
    command = shown("from_stdin.py")
    assert start(command, empty).wait(60) == 0
    assert start(command.replace("ACME 101.24", "B/2 7"), empty).wait(60) == 0
    found = {symbol: price["price"] for symbol, price in prices(empty).items()}
    assert found == {"ACME": 101.24, "B/2": 7}


def test_another_feed_feeds_the_board(board: Board, empty: Board) -> None:
    command = shown("from_sse.py").replace("http://127.0.0.1:8001", board.url)
    feeding = start("exec " + command, empty)
    try:
        until(lambda: len(prices(empty)) == 30, 30, "all symbols")
        before = prices(empty)
        until(lambda: prices(empty) != before, 30, "a new price")
        assert feeding.poll() is None
    finally:
        feeding.terminate()
        feeding.wait()


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_has_about_ten_lines_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text())
    beside = (ast.Import, ast.ImportFrom)
    body = [node for node in tree.body[1:] if not isinstance(node, beside)]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in body) <= 12
