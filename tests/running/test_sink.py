"""A log that nobody reads, and a full disk, cost lines of the log and nothing else."""

import os
import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.sink import Sink
from tests.helpers.boards import metrics
from tests.helpers.harness import Board

LINE = f"{'x' * 99}\n"
PIPE = 65_536  # bytes that a pipe takes on Linux


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


class Unread(Board):
    """A board whose log goes to a pipe that nobody reads."""

    def __init__(self, **env: str) -> None:
        super().__init__("app:app", None, **env)
        board = f"{sys.executable} -m gunicorn app:app"
        self._command = ["sh", "-c", f"{board} 2>&1 | sleep 600"]


def test_a_board_whose_log_nobody_reads_serves_on() -> None:
    with Unread(SPEED="10") as board, board.stream() as stream:
        for _ in range(300):  # two lines each, of which the pipe takes some 500
            with board.stream("/stream?once=1&symbols=ZZZZ") as short:
                short.read_all(5)
        assert board.get("/healthz", seconds=2)[0] == 200
        assert stream.read_for(1)
        assert metrics(board)["liveboard_log_lines_dropped_total"] > 0


def test_lines_that_are_missing_are_counted_and_reported(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    sink = Sink(writer)
    for _ in range(1000):
        sink.write(LINE)
    taken = os.read(reader, 2 * PIPE)
    assert len(taken) + sink.dropped * len(LINE) == 1000 * len(LINE)
    assert 0 < sink.dropped < 500
    sink.write("here again\n")
    sink.write("and again\n")
    expected = f"Lines of the log missing here: {sink.dropped}\nhere again\nand again\n"
    assert os.read(reader, PIPE).decode() == expected


def test_a_line_that_was_written_in_part_is_completed(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    sink = Sink(writer)
    long = f"{'y' * (PIPE + 10_000)}\n"
    sink.write(long)
    sink.write("too early\n")
    first = os.read(reader, 2 * PIPE)
    sink.write("next\n")
    assert (first + os.read(reader, PIPE)).decode() == (
        f"{long}Lines of the log missing here: 1\nnext\n"
    )


def test_a_socket_that_nobody_reads_is_not_waited_for() -> None:
    reader, writer = socket.socketpair()
    with reader, writer:
        sink = Sink(writer.fileno())
        for _ in range(10_000):
            sink.write(LINE)
        assert sink.dropped > 0
        assert writer.getblocking()


def test_a_pipe_that_others_write_to_stays_as_it_is(pipe: tuple[int, int]) -> None:
    Sink(pipe[1]).write(LINE)
    assert os.get_blocking(pipe[1])


def test_a_full_disk_drops_lines_and_raises_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "log").open("wb") as file:
        sink = Sink(file.fileno())
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * len(LINE), before[1]))
        try:
            for _ in range(5):
                sink.write(LINE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sink.write("here again\n")
    assert sink.dropped == 3
    assert (tmp_path / "log").read_text() == (
        f"{LINE}{LINE}Lines of the log missing here: 3\nhere again\n"
    )


def test_a_reader_that_is_gone_raises_nothing() -> None:
    gone, writer = os.pipe()
    os.close(gone)
    sink = Sink(writer)
    sink.write(LINE)
    os.close(writer)
    assert sink.dropped == 1
