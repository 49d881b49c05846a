"""The examples feed a real board, run as their docstrings say."""

import ast
import base64
import contextlib
import csv
import gzip
import http.server
import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.harness import LOOPBACK, ROOT, Board, clean_environment, until
from tests.helpers.sse import Parsed

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
FILLED = {
    ("other", "ticket", "open"),
    ("other", "ticket", "pending"),
    ("other", "ticket", "solved"),
    ("other", "typing", None),
    ("other", "note", None),
    ("gone", "typing", None),
    ("gone", "ticket", None),
}
PRICES = ROOT / "examples/prices.csv"


@pytest.fixture(scope="module")
def taker() -> Iterator[Board]:
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        yield board


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


def metrics(board: Board) -> dict[str, Any]:
    found = json.loads(board.get("/api/state")[2])["other"]
    return {it["key"]: it["data"] for it in found if it["event"] == "metric"}


def test_figures_of_a_service_become_rows_and_counters_get_a_rate(empty: Board) -> None:
    command = shown("from_prometheus.py").replace("http://127.0.0.1:8000", empty.url)
    feeding = start(f"INTERVAL=0.2 exec {command}", empty)
    key = "liveboard_events_total type=metric"
    try:
        until(lambda: metrics(empty).get(key, {}).get("rate"), 30, "a counter grows")
        rows = metrics(empty)
        assert feeding.poll() is None
    finally:
        feeding.terminate()
        feeding.wait()
    until(lambda: metrics(empty) == {}, 30, "figures that are read no more are gone")
    assert rows[key]["name"] == "liveboard_events_total"
    assert rows[key]["labels"] == "type=metric"
    assert rows[key]["value"] > 0
    streams = {"name": "liveboard_streams", "labels": "", "value": 0, "rate": None}
    assert rows["liveboard_streams"] == streams
    assert all(name.startswith("liveboard_") for name in rows)


def test_odd_figures_are_shown_and_none_at_all_is_an_error(taker: Board) -> None:
    text = b'# TYPE a gauge\na NaN\na{b="x\\ny"} 1\nc{d="e"} +Inf\nz 0.12345\n'
    with serving(text, "text/plain") as address:
        url = f"http://me:hu%2Fsh@{address}"
        command = f"INTERVAL=9 exec python examples/from_prometheus.py {url} 'a' '[cz]'"
        feeding = start(command, taker)
        try:
            until(lambda: "z" in metrics(taker), 30, "the last row")
        finally:
            feeding.terminate()
            feeding.wait()
        missing = run("from_prometheus.py", url, "nothing", BOARD=taker.url)
    rows = metrics(taker)
    assert {key: row["value"] for key, row in rows.items()} == {
        "a": None,
        "c d=e": None,
        "z": 0.123,
    }
    assert missing.returncode == 1
    assert b"has no figure called nothing" in missing.stderr
    with serving(b"<html>", "text/html") as address:
        url = f"http://me:hu%2Fsh@{address}"
        wrong = run("from_prometheus.py", url, "*", BOARD=taker.url)
    assert wrong.returncode == 1
    assert b"these aren't figures" in wrong.stderr and b"hu/sh" not in wrong.stderr


def test_a_desk_fills_itself_and_is_empty_after_ctrl_c(empty: Board) -> None:
    seen: set[object] = set()

    def is_full(event: Parsed) -> bool:
        happened = json.loads(event.data)
        fields = happened.get("data")
        status = fields.get("status") if isinstance(fields, dict) else None
        seen.add((event.event, happened.get("event"), status))
        return seen >= FILLED

    command = f"exec {shown('desk.py')} 0"
    with empty.stream("/stream?events=other,notice") as stream:
        desk = start(command, empty)
        try:
            stream.read_until(is_full)
            desk.send_signal(signal.SIGINT)
            assert desk.wait(60) == 0
        finally:
            desk.kill()
            desk.wait()
    assert json.loads(empty.get("/api/state?events=ticket")[2])["other"] == []


def run(
    example: str, *arguments: str, typed: bytes = b"", **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run an example to its end; it never ends by an exception."""
    found = subprocess.run(
        [sys.executable, f"examples/{example}", *arguments],
        cwd=ROOT,
        input=typed,
        env=clean_environment(**{"PUBLISH_TOKEN": "secret", **env}),
        capture_output=True,
        timeout=60,
    )
    assert b"Traceback" not in found.stderr, found.stderr.decode()
    return found


@pytest.mark.parametrize(
    ("content", "decimal", "expected"),
    [
        ("\ufeffsymbol,price\nA,1.25\n".encode(), "", {"A": 1.25}),
        (b"Symbol ;Price\r\nA;1.061,10\r\nB;99,5\r\n", "", {"A": 1061.1, "B": 99.5}),
        (b"symbol;price\nA;99.5\nB;1,061.10\n", "", {"A": 99.5, "B": 1061.1}),
        ("symbol\tprice\nA\t1\u202f234,5\n".encode("utf-16"), "", {"A": 1234.5}),
        (b"sep=|\nsymbol|price\nA|1'234.50\n", "", {"A": 1234.5}),
        ("symbol,price\nZürich,7\n".encode("cp1252"), "", {"Zürich": 7}),
        (gzip.compress(b"symbol,price\nA,1\n", mtime=0), "", {"A": 1}),
        (b'symbol,price\r"A,B",1\rC,"1,084.5"\r', "", {"A,B": 1, "C": 1084.5}),
        (b"# of today\n\nsymbol,price\n\n#A,x\nB,2\n,,\n", "", {"B": 2}),
        (b"symbol,price\nA,1.084\n", "", {"A": 1.084}),
        (b"symbol;price\nA;1.084\nB;0.9\n", "", {"A": 1.084, "B": 0.9}),
        (b"symbol;price\nA;1.084\n", ".", {"A": 1.084}),
        (b"symbol;price\nA;1.084\n", ",", {"A": 1084}),
        (b"symbol;price\nA;1.2E+05\nB;-3\n", "", {"A": 120000, "B": -3}),
    ],
    ids=itertools.count(),
)
def test_a_csv_file_may_be_as_a_spreadsheet_saves_it(
    content: bytes,
    decimal: str,
    expected: dict[str, float],
    taker: Board,
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    found = run("from_csv.py", str(path), BOARD=taker.url, DECIMAL=decimal)
    assert (found.returncode, found.stderr) == (0, b"")
    shown = {name: price["price"] for name, price in prices(taker).items()}
    assert {name: shown[name] for name in expected} == expected


def test_numbers_and_empty_cells_of_a_csv_file_become_fields_of_a_quote(
    taker: Board, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "Symbol,Name,Previous Close,Volume,ISIN,Price\n"
        "Q1,1984,1.5,108656,DE0,2\nQ1,,,,,3,,\n"
    )
    found = run("from_csv.py", str(path), BOARD=taker.url)
    assert found.stderr == b"Columns that are left out: isin\n"
    price = prices(taker)["Q1"]
    assert (price["name"], price["volume"], price["change"]) == ("1984", 108656, 1.5)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"symbol,price\nA,61,10\n", ["line 2: more cells than columns; quote"]),
        (
            b"symbol,price\nA,\n,1\nC,2\nD,n/a\n",
            [
                "line 2: no price; fill",
                "line 3: no symbol; fill",
                "line 5: 'n/a' is no number",
            ],
        ),
        (
            b"symbol;price\nA;1.084\nB;12\n",
            ["line 2: the decimal mark of '1.084' is unclear; set DECIMAL"],
        ),
        (b"symbol;price\nA;1,5\nB;2.25\nC;3,5", ["line 3: '2.25' is no number"]),
        (b"A,1\n", ["line 1: no column is named symbol, only: a, 1"]),
        (b'[{"symbol":"A","price":1}]', ["line 1: no column is named symbol"]),
        (b"", ["line 1: no column is named symbol, only: none"]),
        (gzip.compress(b"symbol,price\n", mtime=0)[:-8], ["Compressed file ended"]),
        (b'symbol,price\nA,"' + b"1" * 200_000, ["line 2: field larger than"]),
        (b"symbol,price\n" + b"A,x\n" * 30, ["line 2: ", "... and 10 more lines"]),
    ],
    ids=itertools.count(),
)
def test_a_csv_file_that_cannot_be_read_is_refused_with_line_and_remedy(
    content: bytes, lines: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    found = run("from_csv.py", str(path), BOARD="127.0.0.1:1")
    assert found.returncode == 1
    assert found.stderr.startswith(f"{path}: ".encode())
    for line in lines:
        assert line in found.stderr.decode()


def test_lines_of_standard_input_are_published_or_named(taker: Board) -> None:
    typed = (
        b"\xef\xbb\xbfS1 1\r\n\r\n  \n# comment\nBrent Crude\t81.20\n"
        b"S2 1,5\nS3\nS\xff 1\nS4 nan\nS5 1e16\n\xef\xbb\xbfS6 .5"
    )
    found = run("from_stdin.py", typed=typed, BOARD=taker.url)
    assert found.returncode == 1
    refused = found.stderr.decode().splitlines()
    assert [line.partition(": ")[0] for line in refused] == [
        f"line {number}" for number in (6, 7, 8, 9, 10)
    ]
    assert "'S2 1,5' is no line such as ACME 101.24" in refused[0]
    # The board's own reason:
    assert "Expected `float` <= 1000000000000000" in refused[4]
    shown = {name: price["price"] for name, price in prices(taker).items()}
    assert (shown["S1"], shown["Brent Crude"], shown["S6"]) == (1, 81.2, 0.5)
    assert not shown.keys() & {"S2", "S3", "S4", "S5"}


@contextlib.contextmanager
def serving(body: bytes, kind: str = "text/event-stream") -> Iterator[str]:
    """Yield the address of a feed that only me:hu/sh may read."""
    expected = f"Basic {base64.b64encode(b'me:hu/sh').decode()}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers["Authorization"] == expected
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body if allowed else b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{LOOPBACK}:{server.server_port}/feed?x=1"
        server.shutdown()


def test_any_feed_of_the_standard_feeds_the_board(empty: Board) -> None:
    body = (
        b"\xef\xbb\xbf: comment\r\nid\r\nretry: 5\r\nx-unknown: 1\r\nevent:Trade\r\n"
        b"data:[1,\r\ndata: 2]\r\n\r\n"
        b"data: plain text\n\n"
        b"event: message\ndata\n\n"
        b"event: no data\n\n"
        b"event: heartbeat\ndata: {}\n\n"
        b"event: bad name\ndata: 1\n\n"
        b"event: price\rdata: {}\r\r"
        b'event: price\ndata: {"symbol":"A","price":2}\n\ndata: cut off'
    )
    with serving(body) as address, empty.stream("/stream") as stream:
        assert stream.events(1)[0].event == "hello"
        found = run("from_sse.py", f"http://me:hu%2Fsh@{address}", BOARD=empty.url)
        events = stream.read_until(lambda event: event.event == "price")
    assert [(event.event, json.loads(event.data)) for event in events[:-1]] == [
        ("trade", [1, 2]),
        ("update", "plain text"),
        ("update", ""),
    ]
    assert found.returncode == 1
    name, fields = found.stderr.decode().splitlines()
    assert name.startswith("line 21: $.event: ")
    assert fields.startswith("line 24: $.data: ") and "symbol" in fields


@pytest.mark.parametrize(
    ("user", "kind", "words"),
    [
        ("me:hu%2Fsh@", "text/html", "that is text/html, not text/event-stream"),
        ("me:hush@", "text/event-stream", "HTTP status 401 Unauthorized"),
    ],
)
def test_a_feed_that_is_none_or_refuses_is_named_without_its_password(
    user: str, kind: str, words: str
) -> None:
    with serving(b"<html>", kind) as address:
        found = run("from_sse.py", user + address, BOARD="127.0.0.1:1")
    assert found.returncode == 1
    name = address.partition("/")[0]
    assert found.stderr.decode() == f"{name}: {words}\n"


def test_a_password_that_spoils_its_url_is_not_shown() -> None:
    found = run("from_sse.py", "http://me:hush/@127.0.0.1:1/", BOARD="127.0.0.1:1")
    assert found.returncode == 1
    assert found.stderr.startswith(b"That isn't a URL")
    assert b"hush" not in found.stderr


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PUBLISH_TOKEN": "wrong"}, "Authorization: Bearer"),
        ({"PUBLISH_TOKEN": ""}, "Set PUBLISH_TOKEN"),
        ({"BOARD": "me:hush@127.0.0.1:1"}, "must not contain a password"),
        ({"BOARD": "http://a.invalid"}, "would travel to http://a.invalid unencrypted"),
        ({"BOARD": "127.0.0.1:1"}, "http://127.0.0.1:1: [Errno"),
    ],
)
def test_an_example_that_may_not_publish_says_why(
    env: dict[str, str], words: str, taker: Board
) -> None:
    found = run("from_stdin.py", typed=b"A 1\n", **{"BOARD": taker.url, **env})
    assert found.returncode == 1
    assert words in found.stderr.decode()
    assert "hush" not in found.stderr.decode()


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_is_short(path: Path) -> None:
    tree = ast.parse(path.read_text())
    beside = (ast.Import, ast.ImportFrom)
    body = [node for node in tree.body[1:] if not isinstance(node, beside)]
    lines = sum((node.end_lineno or 0) - node.lineno + 1 for node in body)
    most = {"from_csv.py": 120, "from_stdin.py": 16, "desk.py": 60, "board.py": 64}
    assert lines <= most.get(path.name, 50)
