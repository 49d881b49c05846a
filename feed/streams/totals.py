"""What this process has sent since its start, as counts for `/metrics` and the log."""

from collections import Counter

import msgspec

from feed.streams.frame import Frame


class Totals(msgspec.Struct):
    """The counts; `refused` by reason, `dropped` and `lost` as reported to clients.

    `refused` counts streams, `refused_requests` requests with a wrong token, and
    `refused_connections` what an address had beyond its limit of connections.
    """

    opened: int = 0
    frames: int = 0
    events: int = 0
    bytes: int = 0
    gaps: int = 0
    dropped: int = 0
    lost: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    refused_requests: Counter[str] = msgspec.field(default_factory=Counter)
    refused_connections: int = 0

    def count_frame(self, frame: Frame, gzip: bool, times: int = 1) -> None:
        """Count a frame that was sent so many times."""
        self.frames += times
        self.events += frame.events * times
        self.bytes += len(frame.body(gzip)) * times
