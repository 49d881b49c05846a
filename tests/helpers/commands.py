"""Commands run as their users run them, with or without a terminal."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.helpers.harness import ROOT, clean_environment, until

WINDOW = struct.pack("HHHH", 24, 100, 0, 0)  # rows and columns


class Command:
    """A running `python ...`; a context manager that kills it on exit.

    `out` and `err` are its output so far. With `terminal`, both go to a terminal and
    are in `err`. `typed` is written to its standard input, which then stays open.
    """

    def __init__(
        self, *arguments: str, terminal: bool = False, typed: bytes = b"", **env: str
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="liveboard-")
        self._out = Path(self._folder.name) / "out"
        self._err = Path(self._folder.name) / "err"
        self._terminal = _Terminal() if terminal else None
        given = subprocess.PIPE if typed else subprocess.DEVNULL
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=clean_environment(**env),
                stdin=given,
                stdout=self._terminal.theirs if self._terminal else out,
                stderr=self._terminal.theirs if self._terminal else err,
            )
        if self._terminal:
            self._terminal.begin()
        if typed:
            self.enter(typed)

    @property
    def out(self) -> bytes:
        """Its standard output so far."""
        return self._out.read_bytes()

    @property
    def err(self) -> str:
        """Its standard error, or the output on its terminal, so far."""
        if self._terminal:
            return self._terminal.shown.decode(errors="replace")
        return self._err.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def enter(self, text: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin
        self._process.stdin.close()

    def wait_for_text(self, words: str, seconds: float = 60) -> None:
        """Wait until `err` contains these words."""
        until(lambda: words in self.err, seconds, f"{words!r} in {self.err!r}")

    def interrupt(self) -> int:
        """Send SIGINT, as Ctrl-C does; return the exit status."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self, seconds: float = 60) -> int:
        """Wait until it exits; return the exit status."""
        status = self._process.wait(seconds)
        if self._terminal:
            self._terminal.end()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(self.err)
        self._process.kill()
        self.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._folder.cleanup()


class _Terminal:
    """A terminal, and everything that was written to it."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, WINDOW)
        self.shown = b""
        self._thread = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> None:
        """Close this process's copy of the program's end, and start reading."""
        os.close(self.theirs)
        self._thread.start()

    def end(self) -> None:
        """Wait until everything that was written has been read."""
        self._thread.join(10)

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 4096):
                self.shown += data
        except OSError:
            pass  # on Linux this means that the other end was closed
        os.close(self._ours)
