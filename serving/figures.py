"""The figures of several workers: each writes its own to a file, and reads the others.

Theory of operation: the figures are a side matter, so nothing here can harm a worker. A
file is replaced as a whole, once a second, and never mapped into memory: on a full disk
that is an error to log, and not a signal that kills. A file that can't be read is
counted and left out, and a folder that has vanished is made again. The worker that
responds to `/metrics` takes its own figures from memory.

When a worker has ended, the master adds its counters to those of the workers that ended
before, and drops its gauges. The file of these sums names the files that it contains,
and is read last. So a counter is neither missed nor counted twice if a worker ends
while the files are read.
"""

import contextlib
import logging
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec

Combination = Literal["sum", "max", "min"]
Kind = Literal["counter", "gauge", "histogram"]

SUFFIX = ".figures"
ENDED = f"ended{SUFFIX}"
REMEMBERED_PIDS = (
    100  # names of files that a reader may have listed before they were removed
)
# How the gauges of several workers are combined; those that are missing are added up.
COMBINATIONS: dict[str, Combination] = {
    "liveboard_slowest_stream_seconds": "max",
    "liveboard_newest_event_seconds": "max",
    "process_start_time_seconds": "min",
    "process_max_fds": "min",
}

logger = logging.getLogger("liveboard.figures")


class Figure(msgspec.Struct, frozen=True, array_like=True):
    """One sample of one worker; `family` is the name of the metric it belongs to."""

    family: str
    kind: Kind
    help: str
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    @property
    def counts(self) -> bool:
        """Whether it only ever grows, so that it is kept when its worker ends."""
        return self.kind != "gauge"


class Ended(msgspec.Struct, frozen=True):
    """The counters of the workers that have ended; `files` had the latest of them."""

    files: list[str]
    figures: list[Figure]


Series = tuple[str, tuple[tuple[str, str], ...]]  # a sample's name and labels


class FiguresFolder:
    """The folder in which the workers of one master share their figures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def write(self, worker: str, figures: Iterable[Figure]) -> None:
        """Write the figures of a worker; if that fails, log it once.

        The name of a worker is `<pid>-<text>`. The text makes it unique, since a later
        worker may get the same pid.
        """
        try:
            self._replace(f"{worker}{SUFFIX}", [*figures])
        except OSError as error:
            if not self._failed:
                logger.warning(
                    "The figures of this worker can't be shared with the others: %s",
                    error,
                )
            self._failed = True
        else:
            self._failed = False

    def read(self, but: str = "") -> tuple[list[Figure], int]:
        """Return the figures of all workers but one, and how many files failed."""
        found: dict[str, list[Figure]] = {}
        failed = 0
        for path in self._paths():
            # A name with a dot in front is a file that is being written.
            if path.name in (ENDED, f"{but}{SUFFIX}") or path.name.startswith("."):
                continue
            try:
                found[path.name] = _read(path)
            except FileNotFoundError:  # its worker has just ended
                continue
            except (OSError, msgspec.MsgspecError):
                failed += 1
        try:
            ended = self._read_ended()
        except (OSError, msgspec.MsgspecError):
            ended, failed = Ended([], []), failed + 1
        lists = [found[name] for name in found.keys() - {*ended.files}]
        return [*chain(ended.figures, *lists)], failed

    def end(self, pid: int) -> str | None:
        """Keep the counters of a worker that has ended, and drop its gauges.

        Return what prevented that, or None.
        """
        for path in self._paths():
            if path.name.startswith(f"{pid}-"):
                try:
                    self._keep_counters(path)
                except (OSError, msgspec.MsgspecError) as error:
                    return str(error)
                finally:
                    _remove(path)
            elif path.name.startswith(f".{pid}-"):
                _remove(path)
        return None

    def clear(self) -> None:
        """Remove the files of an earlier master."""
        for path in self._paths():
            if path.suffix == SUFFIX:
                _remove(path)

    def _keep_counters(self, path: Path) -> None:
        counters = [figure for figure in _read(path) if figure.counts]
        ended = Ended([], [])
        with contextlib.suppress(msgspec.MsgspecError):  # begin again
            ended = self._read_ended()
        files = [*ended.files, path.name][-REMEMBERED_PIDS:]
        self._replace(ENDED, Ended(files, add_up([*ended.figures, *counters])))

    def _paths(self) -> list[Path]:
        try:
            return sorted(self._folder.iterdir())
        except OSError:  # it has vanished; the next `write` makes it again
            return []

    def _read_ended(self) -> Ended:
        try:
            data = (self._folder / ENDED).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return Ended([], [])
        return msgspec.json.decode(data, type=Ended)

    def _replace(self, name: str, figures: list[Figure] | Ended) -> None:
        self._folder.mkdir(0o700, exist_ok=True)
        written = self._folder / f".{name}"
        try:
            written.write_bytes(msgspec.json.encode(figures))
            written.replace(self._folder / name)
        except OSError:
            _remove(written)  # it may have been written in part
            raise


def add_up(figures: Iterable[Figure]) -> list[Figure]:
    """Return one figure for all that have the same name and labels."""
    combined: dict[Series, Figure] = {}
    for figure in figures:
        series = figure.name, figure.labels
        before = combined.get(series)
        combined[series] = figure if before is None else _combine(before, figure)
    return [*combined.values()]


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _read(path: Path) -> list[Figure]:
    return msgspec.json.decode(path.read_bytes(), type=list[Figure])


def _combine(one: Figure, other: Figure) -> Figure:
    values = one.value, other.value
    how = COMBINATIONS.get(one.family, "sum")
    value = (
        max(values) if how == "max" else min(values) if how == "min" else sum(values)
    )
    return msgspec.structs.replace(one, value=value)
