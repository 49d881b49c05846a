"""The figures are a side matter: whatever befalls their files, the board runs."""

import logging
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import figures
from serving.figures import Figure, FiguresFolder, Kind
from tests.helpers.boards import metrics
from tests.helpers.harness import Board, until
from tests.helpers.redis_server import RedisServer

UNREADABLE = "liveboard_figures_unreadable"
OPENED = "liveboard_streams_total"
OPEN = "liveboard_streams"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def board(server: RedisServer, tmp_path: Path) -> Iterator[Board]:
    """Yield a board of two workers whose figures are in `tmp_path / "figures"`."""
    folder = tmp_path / "figures"
    folder.mkdir()
    env = {
        "REDIS_URL": server.url,
        "REDIS_PREFIX": f"{tmp_path.name}:",
        "FEED": "published",
        "WEB_CONCURRENCY": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
    }
    with Board("app:app", None, **env) as board:
        until(lambda: len(board.worker_pids()) == 2, why="both workers run")
        until(lambda: len([*folder.iterdir()]) >= 2, why="both have written")
        yield board


def counts(board: Board, name: str, value: float) -> bool:
    """Whether whichever worker answers says the same: both see each other's figures."""
    return all(metrics(board).get(name) == value for _ in range(6))


def test_files_that_cannot_be_read_are_counted_and_left_out(
    board: Board, tmp_path: Path
) -> None:
    folder = tmp_path / "figures"
    with board.stream() as stream:
        stream.events(1)
        (folder / "gauge_livesum_99999.db").touch()
        (folder / "99999.figures").write_bytes(b'[["liveboard_streams",fal')
        (folder / "99998.figures").mkdir()
        until(lambda: counts(board, UNREADABLE, 3), 5, "they are counted")
        until(lambda: counts(board, OPEN, 1), 5, "the others are read")


def test_a_folder_that_vanished_is_made_again(board: Board, tmp_path: Path) -> None:
    with board.stream() as stream:
        stream.events(1)
        shutil.rmtree(tmp_path / "figures")
        assert metrics(board)[UNREADABLE] == 0
        until(lambda: counts(board, OPEN, 1), 5, "both share their figures again")
        until(lambda: counts(board, OPENED, 1), 5)


def test_a_folder_that_cannot_be_written_costs_only_the_others_figures(
    board: Board, tmp_path: Path
) -> None:
    workers = board.worker_pids()
    shutil.rmtree(tmp_path / "figures")
    (tmp_path / "figures").write_text("a file")
    with board.stream() as stream:
        stream.events(1)
        until(lambda: board.log().count("can't be shared with the others") == 2, 5)
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: len({*board.worker_pids()} - {*workers}) == 1, why="a new one")
        until(lambda: board.log().count("can't be shared with the others") == 3, 10)
        assert metrics(board)[UNREADABLE] == 0
    assert board.log().count("Booting worker") == 3


def test_a_worker_that_died_keeps_its_counters_and_leaves_no_file(
    board: Board, tmp_path: Path
) -> None:
    with board.stream() as stream:
        stream.events(1)
        until(lambda: counts(board, OPENED, 1), 5, "it is written")
        before = board.worker_pids()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
    until(lambda: len({*board.worker_pids()} - {*before}) == 2, why="both are replaced")
    until(lambda: counts(board, OPEN, 0), why="the gauges are gone")
    assert counts(board, OPENED, 1)
    until(lambda: files(board, tmp_path), 5, "the new workers have written theirs")


def files(board: Board, tmp_path: Path) -> bool:
    """Whether there are the files of the present workers, one of old ones, no more."""
    names = {path.name.partition("-")[0] for path in (tmp_path / "figures").iterdir()}
    return names == {*map(str, board.worker_pids())} | {"ended.figures"}


def figure(name: str, value: float, counts: bool = True) -> Figure:
    kind: Kind = "counter" if counts else "gauge"
    return Figure(name, kind, "", name, (("type", "price"),), value)


def test_on_a_full_disk_the_figures_of_before_stay_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = FiguresFolder(tmp_path)
    folder.write("1-a", [figure("a", 1)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        folder.write("1-a", [figure("a", 2)])
        folder.write("1-a", [figure("a", 3)])
        folder.end(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "File too large" in warnings[0].getMessage()
    assert [*tmp_path.iterdir()] == []


def test_the_counters_of_workers_that_ended_are_added_up(tmp_path: Path) -> None:
    folder = FiguresFolder(tmp_path)
    for worker, value in (("1-a", 3), ("2-a", 4), ("1-b", 5)):
        folder.write(worker, [figure("c", value), figure("g", 9, counts=False)])
        assert folder.end(int(worker[0])) is None
    assert folder.end(3) is None  # it never wrote any
    assert folder.read() == ([figure("c", 12)], 0)


def test_a_worker_that_ends_while_its_file_is_read_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whatever step of the master the reader looks, there are 7."""
    folder = FiguresFolder(tmp_path)
    for worker, value in (("1-a", 3), ("2-a", 4)):
        folder.write(worker, [figure("c", value)])
    read: list[float] = []

    def look(path: Path) -> None:
        read.append(sum(each.value for each in FiguresFolder(tmp_path).read()[0]))
        path.unlink()

    monkeypatch.setattr(figures, "_remove", look)
    folder.end(1)
    folder.end(2)
    read.append(sum(each.value for each in folder.read()[0]))
    assert read == [7, 7, 7]


def test_the_files_of_an_earlier_master_are_removed_and_others_are_not(
    tmp_path: Path,
) -> None:
    folder = FiguresFolder(tmp_path)
    folder.write("1-a", [figure("c", 1)])
    (tmp_path / "mine.txt").touch()
    folder.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
