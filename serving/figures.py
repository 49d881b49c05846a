"""The figures of several workers: each writes its own to a file, and reads the others.

Theory of operation: the figures are a side matter, so nothing here can harm a worker. A
file is replaced as a whole, once a second, and never mapped into memory: on a full disk
that is an error to log, and not a signal that kills. A file that can't be read is
counted and left out, and a folder that has vanished is made again. The worker that
responds to `/metrics` takes its own figures from memory.

When a worker has ended, the master adds its counters to those of the workers that ended
before, and drops its gauges.
"""

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

Combination = Literal["sum", "max", "min"]

SUFFIX = ".figures"
ENDED = f"ended{SUFFIX}"
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
    counts: bool  # whether it is a counter
    help: str
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


Series = tuple[str, tuple[tuple[str, str], ...]]  # a sample's name and labels


class FiguresFolder:
    """The folder in which the workers of one master share their figures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def write(self, pid: int, figures: Iterable[Figure]) -> None:
        """Write the figures of a worker; if that fails, log it once."""
        try:
            self._replace(f"{pid}{SUFFIX}", [*figures])
        except OSError as error:
            if not self._failed:
                logger.warning(
                    "The figures of this worker can't be shared with the others: %s",
                    error,
                )
            self._failed = True
        else:
            self._failed = False

    def read(self, but: int) -> tuple[list[Figure], int]:
        """Return the figures of all workers but one, and how many files failed."""
        found: list[Figure] = []
        failed = 0
        for path in self._paths():
            # A name with a dot in front is a file that is being written.
            if path.name == f"{but}{SUFFIX}" or path.name.startswith("."):
                continue
            try:
                found += _read(path)
            except FileNotFoundError:  # its worker has just ended
                continue
            except (OSError, msgspec.MsgspecError):
                failed += 1
        return found, failed

    def end(self, pid: int) -> str | None:
        """Keep the counters of a worker that has ended, and drop its gauges.

        Return what prevented that, or None.
        """
        path = self._folder / f"{pid}{SUFFIX}"
        try:
            counters = [each for each in _read(path) if each.counts]
            self._replace(ENDED, add_up([*self._read_ended(), *counters]))
        except FileNotFoundError:  # it never wrote any
            return None
        except (OSError, msgspec.MsgspecError) as error:
            return str(error)
        finally:
            self._remove(pid)
        return None

    def clear(self) -> None:
        """Remove the files of an earlier master."""
        for path in self._paths():
            if path.suffix == SUFFIX:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _remove(self, pid: int) -> None:
        for name in (f"{pid}{SUFFIX}", f".{pid}{SUFFIX}"):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()

    def _paths(self) -> list[Path]:
        try:
            return sorted(self._folder.iterdir())
        except OSError:  # it has vanished; the next `write` makes it again
            return []

    def _read_ended(self) -> list[Figure]:
        try:
            return _read(self._folder / ENDED)
        except (FileNotFoundError, msgspec.MsgspecError):
            return []

    def _replace(self, name: str, figures: list[Figure]) -> None:
        self._folder.mkdir(0o700, exist_ok=True)
        written = self._folder / f".{name}"
        try:
            written.write_bytes(msgspec.json.encode(figures))
            written.replace(self._folder / name)
        except OSError:
            with contextlib.suppress(OSError):  # of a full disk it takes a part
                written.unlink()
            raise


def add_up(figures: Iterable[Figure]) -> list[Figure]:
    """Return one figure for all that have the same name and labels."""
    combined: dict[Series, Figure] = {}
    for figure in figures:
        series = figure.name, figure.labels
        before = combined.get(series)
        combined[series] = figure if before is None else _combine(before, figure)
    return [*combined.values()]


def _read(path: Path) -> list[Figure]:
    return msgspec.json.decode(path.read_bytes(), type=list[Figure])


def _combine(one: Figure, other: Figure) -> Figure:
    values = one.value, other.value
    how = COMBINATIONS.get(one.family, "sum")
    value = (
        max(values) if how == "max" else min(values) if how == "min" else sum(values)
    )
    return msgspec.structs.replace(one, value=value)
