"""Whether a reader is slow, and what that means for what its stream sends next.

Theory of operation: TCP has no message that says "I am slow". The only sign is that a
write waits, because the buffers between server and reader are full. So a reader is slow
once a single write to it has waited too long. From then on its stream may skip
superseded events sooner, and it sends small frames: bytes in a buffer grow old, and
events that are not yet written can still be replaced by newer ones.

Small frames wait less, so a short wait does not show that the reader has become quick.
Nor does one write without a wait: it may have found room in a buffer. A slow reader is
therefore judged once it has received everything there is. If all writes since the last
such moment waited little in total, it is quick again.

This module reads no clock: callers pass the seconds that they measured.
"""

import msgspec

SMALL_FRAME = 8 << 10  # bytes; half of what the socket may hold unsent


class Bounds(msgspec.Struct, frozen=True):
    """The figures that are promised in `docs/feed.md`, "Falling behind".

    A stream is behind with more than `behind` events to come, and that of a slow reader
    with more than `behind_slow`. `slow_write` is how many seconds a write may wait for
    its reader. `fresh_for` is for how many seconds a slow reader is sent events as they
    were read from the log. `small_frame` is how many bytes end a slow reader's frame.
    """

    behind: int = 1_000
    behind_slow: int = 50
    slow_write: float = 0.1
    fresh_for: float = 1.0
    small_frame: int = SMALL_FRAME


BOUNDS = Bounds()


class Slowness(msgspec.Struct, frozen=True):
    """What is known of one reader. Streams of quick readers share one such value.

    `waited` is for how many seconds, in total, writes to a slow reader have waited
    since it last had everything; None if nothing was written to it since.
    """

    bounds: Bounds
    is_slow: bool = False
    waited: float | None = None

    def after_write(self, waited: float) -> "Slowness":
        """Return this after a write that waited so many seconds."""
        if self.is_slow:
            return Slowness(self.bounds, True, (self.waited or 0.0) + waited)
        if waited > self.bounds.slow_write:
            return Slowness(self.bounds, True, waited)
        return self

    def after_everything(self) -> "Slowness":
        """Return this now that the reader has everything there is."""
        if self.waited is None:
            return self
        return Slowness(self.bounds, is_slow=self.waited > self.bounds.slow_write)

    def is_behind(self, pending: int, paced: bool) -> bool:
        """Whether the stream must skip superseded events, with `pending` to come.

        A quick reader's paced stream never has to: all of its frames skip them.
        """
        if self.is_slow:
            return pending > self.bounds.behind_slow
        return pending > self.bounds.behind and not paced

    def is_outdated(self, age: float) -> bool:
        """Whether events read `age` seconds ago are too old to be sent as they are."""
        return self.is_slow and age > self.bounds.fresh_for
