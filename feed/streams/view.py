"""A subscriber's choice: which events, at what pace, in which wire format.

Theory of operation: streams with equal views share their frames, so a view is a frozen
value that serves as a key. Its hash is cached, because a view may name a thousand
symbols. `web/query.py` builds views from the parameters of a URL, and only valid ones.
"""

from typing import Literal, get_args

import msgspec

from feed.clock import now_ms
from feed.events.catalogue import BY_MATCH, BY_SYMBOL, KNOWN, Filter
from feed.events.event import GONE, OTHER, Event, EventId
from feed.events.wrapping import wrap

WireFormat = Literal["sse", "ndjson", "text", "words"]
WIRE_FORMATS: tuple[WireFormat, ...] = get_args(WireFormat)


LAST_EVENT_ID = ("lastEventId", "lastEventID", "last_event_id", "Last-Event-ID")
"""The parameters in which clients that can't set headers send `Last-Event-ID`."""


class View(msgspec.Struct, frozen=True, cache_hash=True, weakref=True):
    """A choice of events, a pace, and a wire format.

    None chooses all. `pace` is in seconds between frames; 0 sends every event at once.
    """

    symbols: frozenset[str] | None = None
    matches: frozenset[str] | None = None
    events: frozenset[str] | None = None
    pace: float = 0.0
    wire: WireFormat = "sse"

    @property
    def selects_all(self) -> bool:
        """Whether this view shows every event."""
        return self.symbols is self.matches is self.events is None

    def selects(self, event: Event) -> bool:
        """Whether this view shows `event`. It shows `gone` for the keys it shows."""
        type = event.slot[0] if event.slot else event.type
        if (
            self.events is not None
            and type not in self.events
            and event.type not in self.events
            and (OTHER not in self.events or type in KNOWN)
        ):
            return False
        if type in BY_SYMBOL:
            return self.symbols is None or event.subject in self.symbols
        if type in BY_MATCH:
            return self.matches is None or event.subject in self.matches
        return True

    @property
    def wraps_some(self) -> bool:
        """Whether this view shows some events as `other` events."""
        return self.events is not None and OTHER in self.events

    def wraps(self, event: Event) -> bool:
        """Whether this view shows `event`, which it selects, as an `other` event.

        True for an event of a publisher's own type that `events` does not name.
        """
        return (
            self.events is not None
            and OTHER in self.events
            and event.type not in KNOWN
            and (event.type not in self.events or event.type == OTHER)
        )

    def shown(self, event: Event) -> Event:
        """Return `event`, which this view selects, as this view shows it."""
        return wrap(event) if self.wraps(event) else event

    @property
    def weight(self) -> int:
        """The number of names in this view, and one for the view itself.

        The memory that a view costs beside its streams is in proportion to it.
        """
        chosen = (self.symbols, self.matches, self.events)
        return 1 + sum(len(names) for names in chosen if names is not None)

    def routes(self) -> list["Route"]:
        """Return the routes of all events that this view may show (see `routes_of`)."""
        found: list[Route] = []
        if self._admits(BY_SYMBOL):
            found += [("symbols", name) for name in self.symbols or [None]]
        if self._admits(BY_MATCH):
            found += [("matches", name) for name in self.matches or [None]]
        if self.events is None or self.events - BY_SYMBOL - BY_MATCH:
            found.append(UNFILTERED)
        return found

    def _admits(self, types: frozenset[str]) -> bool:
        """Whether this view may show an event of one of `types`, or its `gone`."""
        return self.events is None or bool(self.events & {*types, GONE})

    def __str__(self) -> str:
        parts = [
            f"{name}={','.join(sorted(chosen))}"
            for name in ("symbols", "matches", "events")
            if (chosen := getattr(self, name)) is not None
        ]
        if self.pace:
            parts.append(f"pace={self.pace:g}")
        return " ".join([self.wire, *parts])


Route = tuple[Filter | None, str | None]
"""The way of an event to the views that may show it: a filter, and one of its subjects.

The subject is None for the views that the filter does not narrow. Events that no filter
narrows share one route.
"""
UNFILTERED: Route = (None, None)
_UNFILTERED_ONLY = (UNFILTERED,)


def routes_of(event: Event) -> tuple[Route, ...]:
    """Return the routes of an event: each view that shows it has at least one of them.

    Thanks to routes, an event is compared only with the views that may show it.
    """
    type = event.slot[0] if event.slot else event.type
    if type in BY_SYMBOL:
        return ("symbols", event.subject), ("symbols", None)
    if type in BY_MATCH:
        return ("matches", event.subject), ("matches", None)
    return _UNFILTERED_ONLY


def resolve_cursor(cursor: EventId | None, tail: EventId) -> EventId | None:
    """Return the cursor at which a reader of this log continues.

    A reader may give an instant (epoch ms) instead of an id. If nothing has happened
    since, that instant is beyond the log's tail, and the reader continues at the tail.
    """
    if cursor and cursor.seq < 0 and tail < cursor and cursor.ms <= now_ms():
        return tail
    return cursor


class Subscription(msgspec.Struct, frozen=True):
    """A request for a stream.

    It continues after `cursor`; `once` ends it after the catch-up. `match` is set for
    the stream of one match, which ends with that match. By its `name` the client can
    close it in a request of its own.
    """

    view: View
    cursor: EventId | None = None
    once: bool = False
    match: str | None = None
    gzip: bool = False
    name: str | None = None
