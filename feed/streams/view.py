"""What a subscriber asked for: which events, at what pace, in which wire format.

Strategy: parsing and refusing stand together, so a view that exists is a valid one.
Streams with equal views share their frames; hence a view is a frozen, hashable value.
"""

from typing import Literal, get_args

import msgspec

from feed.events.event import Event, EventId

WireFormat = Literal["sse", "ndjson", "text"]
WIRE_FORMATS: tuple[WireFormat, ...] = get_args(WireFormat)


class View(msgspec.Struct, frozen=True, cache_hash=True, weakref=True):
    """Which events a subscriber sees, how often, and as what bytes.

    None means all. `pace` is seconds between frames, 0 for every event at once.
    """

    symbols: frozenset[str] | None = None
    matches: frozenset[str] | None = None
    events: frozenset[str] | None = None
    pace: float = 0.0
    wire: WireFormat = "sse"

    @property
    def selects_all(self) -> bool:
        """Whether no event is left out."""
        return self.symbols is self.matches is self.events is None

    def selects(self, event: Event) -> bool:
        """Whether this view shows `event`; a `gone` event where it showed the key."""
        kind = event.slot[0] if event.slot else event.type
        if (
            self.events is not None
            and kind not in self.events
            and event.type not in self.events
        ):
            return False
        if kind == "price":
            return self.symbols is None or event.subject in self.symbols
        if kind in ("score", "incident"):
            return self.matches is None or event.subject in self.matches
        return True

    def routes(self) -> list["Route"]:
        """Return where events that this view may show pass by (see `routes_of`)."""
        found: list[Route] = []
        if self._admits("price"):
            found += [("price", name) for name in self.symbols or [None]]
        if self._admits("score", "incident"):
            found += [("match", name) for name in self.matches or [None]]
        if self.events is None or self.events - {"price", "score", "incident"}:
            found.append(("other", None))
        return found

    def _admits(self, *types: str) -> bool:
        return self.events is None or bool(self.events & {*types, "gone"})

    def __str__(self) -> str:
        parts = [
            f"{name}={','.join(sorted(chosen))}"
            for name in ("symbols", "matches", "events")
            if (chosen := getattr(self, name)) is not None
        ]
        if self.pace:
            parts.append(f"pace={self.pace:g}")
        return " ".join([self.wire, *parts])


Route = tuple[str, str | None]
"""A way that events take: of one symbol or match, of all, or of whatever else."""


def routes_of(event: Event) -> tuple[Route, ...]:
    """Return an event's routes: a view that shows it has at least one of them.

    So that an event is held against the views that may show it, not against all.
    """
    kind = event.slot[0] if event.slot else event.type
    if kind == "price":
        return ("price", event.subject), ("price", None)
    if kind in ("score", "incident"):
        return ("match", event.subject), ("match", None)
    return (("other", None),)


class Subscription(msgspec.Struct, frozen=True):
    """What a subscriber asked for; `match` is set on the stream of one match."""

    view: View
    cursor: EventId | None = None
    once: bool = False
    match: str | None = None
    gzip: bool = False
