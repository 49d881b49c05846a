"""What the streams of this process did since its start, for the log and `/metrics`."""

from collections import Counter

import msgspec

from feed.streams.frame import Frame


class Totals(msgspec.Struct):
    """Counts; `refused` by reason, `dropped` and `lost` as the clients were told."""

    opened: int = 0
    frames: int = 0
    events: int = 0
    bytes: int = 0
    gaps: int = 0
    dropped: int = 0
    lost: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)

    def count(self, frame: Frame, gzip: bool, times: int = 1) -> None:
        """Note a frame, sent so many times."""
        self.frames += times
        self.events += frame.events * times
        self.bytes += len(frame.body(gzip)) * times
