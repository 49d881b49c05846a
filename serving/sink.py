"""Where log lines go: to a file descriptor, without ever waiting for its reader.

Theory of operation: a worker serves all of its streams in one thread. If nobody reads
the pipe behind standard error, a plain write waits as soon as the pipe is full, and
with it every stream. So a line is written only if the system takes it at once, and is
otherwise dropped and counted; the pipe itself is the queue. The next line that is
written comes after one that says how many are missing. A full disk is treated the same.
"""

import contextlib
import os
import stat
import sys
from functools import cache
from select import PIPE_BUF, POLLOUT, poll

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2

# `poll` is taken at the import, which comes before gevent replaces it by one that lets
# other greenlets run: a log line may be written where that isn't possible.


class Sink:
    """A text stream for `logging.StreamHandler` that drops what it can't write."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = _reopen(descriptor)
        self._rest = b""  # of a line that was written in part
        self._unreported = 0
        self.dropped = 0

    def write(self, text: str) -> None:
        """Write a line, or drop it."""
        line = text.encode(errors="backslashreplace")
        if self._unreported:
            line = b"Lines of the log missing here: %d\n%b" % (
                self._unreported,
                line,
            )
        self._rest = self._send(self._rest)
        rest = line if self._rest else self._send(line)
        if rest == line:
            self.dropped += 1
            self._unreported += 1
        else:
            self._rest, self._unreported = rest, 0

    def flush(self) -> None:
        """Do nothing, because nothing is buffered."""

    def _send(self, data: bytes) -> bytes:
        """Write what can be written at once, and return the rest."""
        with contextlib.suppress(OSError):  # no space is left, or the reader is gone
            while data and self._takes():
                # A pipe that is ready takes this much without waiting.
                data = data[os.write(self._descriptor, data[:PIPE_BUF]) :]
        return data

    def _takes(self) -> bool:
        ready = poll()
        ready.register(self._descriptor, POLLOUT)
        return bool(ready.poll(0))


@cache
def sink(descriptor: int) -> Sink:
    """Return the one sink of this process for a file descriptor."""
    return Sink(descriptor)


def dropped_lines() -> int:
    """Return how many lines of the log this process has dropped."""
    return sum(each.dropped for each in map(sink, (STANDARD_OUTPUT, STANDARD_ERROR)))


def _reopen(descriptor: int) -> int:
    """Return a descriptor of the same pipe or terminal that never waits (Linux).

    Several workers write to one pipe, so another one may fill it after `poll`. The
    descriptor itself can't be changed, since other programs may use it, too. Where the
    pipe can't be opened again, as with a socket, the descriptor is used as it is.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
    with contextlib.suppress(OSError):
        mode = os.fstat(descriptor).st_mode
        if sys.platform == "linux" and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return os.open(f"/proc/self/fd/{descriptor}", flags)
    return descriptor
