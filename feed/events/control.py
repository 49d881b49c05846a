"""Control events: they describe the stream itself, and are not in the log."""

from typing import Literal, get_args

import msgspec

Resume = Literal["fresh", "replayed", "compacted"]
Farewell = Literal["restart", "full", "age"]


class Hello(msgspec.Struct, frozen=True):
    """The first event of every stream: how the stream continues the client's state."""

    resume: Resume
    after: str | None
    tail: str
    dropped: int | None
    lost: int | None
    heartbeat: float
    pace: float
    source: str
    version: str
    at: int


class Heartbeat(msgspec.Struct, frozen=True):
    """The stream is alive, although nothing else was sent for a while.

    With `feed`, no new events can arrive, because the shared log is away.
    """

    at: int
    feed: Literal["away"] | msgspec.UnsetType = msgspec.UNSET


class Gap(msgspec.Struct, frozen=True):
    """The stream fell behind from one id to another, and was compacted."""

    from_: str = msgspec.field(name="from")
    to: str
    dropped: int | None
    lost: int | None


class Bye(msgspec.Struct, frozen=True):
    """The server ends the stream; come back after `retry_ms` milliseconds."""

    reason: Farewell
    retry_ms: int


class Cited(msgspec.Struct, frozen=True):
    """The newest event of a key that an answer refers to, and that event's id."""

    event: str
    key: str
    id: str


class End(msgspec.Struct, frozen=True):
    """The stream is complete; don't come back.

    At the end of an answer, `detail` is a sentence that says why it isn't complete, or
    null; `sources` are what the answer refers to, and `at` is when it ended.
    """

    reason: str
    detail: str | msgspec.UnsetType | None = msgspec.UNSET
    sources: list[Cited] | msgspec.UnsetType = msgspec.UNSET
    at: int | msgspec.UnsetType = msgspec.UNSET


Control = Hello | Heartbeat | Gap | Bye | End
CONTROLS: dict[str, type[Control]] = {
    shape.__name__.lower(): shape for shape in get_args(Control)
}
"""The control events by their event types."""
