"""The catalogue: one row for each event type that Liveboard itself knows.

Whatever differs from one event type to another reads this table, so a new event type is
a shape in `feed/events/shapes.py` and a row here. An event type that has no row is a
publisher's own: its data is carried as it is, and no filter narrows it.
"""

from typing import Any, Literal

import msgspec

from feed.events.event import GONE, Event
from feed.events.shapes import Incident, MarketState, Notice, Quote, Score, SourceState

Shape = Quote | Score | Incident | MarketState | Notice | SourceState
News = Shape | Event
"""Something to publish: a shape, or an event that is already encoded."""

Filter = Literal["symbols", "matches"]


class EventType(msgspec.Struct, frozen=True):
    """The properties in which event types differ.

    `key` is the field of the shape that names the event's key, None for an un-keyed
    event; the data of a keyed event always has its key. `selected_by` is the
    parameter that narrows the events of this type to some subjects. `section` is where
    `/api/state` lists the keys. `expires_at` is the field with the instant at which the
    server retires the key. `to_come` are the fields with instants that usually lie in
    the future: a replay publishes such an event again when its instants have moved.
    `defaults` has the values of fields that may be left out but are never null, except
    for `at`.
    """

    shape: type[Shape]
    key: str | None = None
    selected_by: Filter | None = None
    section: str | None = None
    expires_at: str | None = None
    to_come: tuple[str, ...] = ()
    defaults: dict[str, Any] = {}


CATALOGUE: dict[str, EventType] = {
    "price": EventType(
        Quote,
        key="symbol",
        selected_by="symbols",
        section="prices",
        defaults={"decimals": 2},
    ),
    "score": EventType(
        Score,
        key="match",
        selected_by="matches",
        section="scores",
        to_come=("kick_off", "period_started"),
        defaults={"incidents": []},
    ),
    "incident": EventType(Incident, selected_by="matches"),
    "market": EventType(
        MarketState, key="market", section="markets", to_come=("until",)
    ),
    "notice": EventType(
        Notice,
        key="notice",
        section="notices",
        expires_at="until",
        to_come=("until",),
        defaults={"level": "info"},
    ),
    "source": EventType(SourceState, key="source", section="sources"),
}

KNOWN = frozenset({*CATALOGUE, GONE})
"""The event types whose data Liveboard understands; all others are publishers' own."""

BY_SYMBOL, BY_MATCH = (
    frozenset(name for name, row in CATALOGUE.items() if row.selected_by == parameter)
    for parameter in ("symbols", "matches")
)
"""The event types that each parameter narrows. Every event is looked up in these."""

SECTIONS: dict[str, str] = {
    name: row.section for name, row in CATALOGUE.items() if row.section
}
"""The section of `/api/state` for each keyed event type."""


def encode(news: News) -> Event:
    """Return news as an event; raise InvalidEvent if it is too long."""
    return news if isinstance(news, Event) else news.event()
