"""What a log must tell, said the plain way: keep everything, look at all of it.

The property tests hold the log and the streams against this.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import strategies as st

from feed.events.event import Event, EventId, gone, keyed, unkeyed
from feed.log import Log
from feed.streams.view import View

START = 1_700_000_000_000
SYMBOLS = ("A", "B", "C", "D")
MATCHES = ("m1", "m2")
KEYED = ("price", "score", "ticket")
OWN = ("note", "ticket")  # the types that publishers chose
TYPES = ("price", "score", "incident", "note", "ticket", "gone")

News = tuple[str, str, int]
"""What is to be published: a type, a subject, and the ms that passed before it."""

news = st.tuples(
    st.sampled_from(["price", "price", *TYPES, "gone of a ticket"]),
    st.sampled_from(SYMBOLS + MATCHES),
    st.sampled_from([0, 0, 0, 1, 7]),
)

views = st.builds(
    View,
    symbols=st.none() | st.frozensets(st.sampled_from(SYMBOLS), min_size=1),
    matches=st.none() | st.frozensets(st.sampled_from(MATCHES), min_size=1),
    events=st.none() | st.frozensets(st.sampled_from([*TYPES, "other"]), min_size=1),
)


@dataclass
class World:
    """A log, and beside it every event that it was ever given."""

    log: Log
    now: int = START
    told: list[Event] = field(default_factory=list)

    def tell(self, batch: list[News]) -> None:
        """Publish a batch; each event's data is unlike any other's."""
        for type, subject, passed in batch:
            self.now += passed
            event = self._event(type, subject)
            (id,) = self.log.append([event], self.now)
            self.told.append(event.with_id(id))

    def after(self, cursor: EventId, view: View) -> list[Event]:
        """Return every event after a cursor that a view shows."""
        return [e for e in self.told if e.id > cursor and view.selects(e)]

    def state(self, view: View) -> dict[tuple[str, str], str]:
        """Return what one that saw every event holds, by type and key."""
        held: dict[tuple[str, str], str] = {}
        for event in self.after(EventId(0, 0), view):
            fold(held, event.type, event.data.decode())
        return held

    def names(self, view: View) -> set[str]:
        """Return the event names under which a view shows all that it selects."""
        asked = view.events or frozenset()
        shown = {event.type for event in self.after(EventId(0, 0), view)}
        wrapped = {type for type in shown if type in OWN and type not in asked}
        if "other" not in asked or not wrapped:
            return shown
        return shown - wrapped | {"other"}

    def _event(self, type: str, subject: str) -> Event:
        data = msgspec.json.encode({"n": len(self.told), "subject": subject})
        if type in KEYED:
            return keyed(type, subject, data)
        if type == "gone of a ticket":
            return gone("ticket", subject, self.now)
        if type == "gone":
            return gone("price" if subject in SYMBOLS else "score", subject, self.now)
        return unkeyed(type, data, subject)


def fold(held: dict[tuple[str, str], str], type: str, data: str) -> None:
    """Apply an event to what a client holds, as a client does: from its data alone."""
    fields: dict[str, Any] = json.loads(data)
    if type == "other":
        data = msgspec.json.encode(fields["data"]).decode()
        fold(held, fields["event"], data)
    elif type in KEYED:
        held[type, fields["subject"]] = data
    elif type == "gone":
        held.pop((fields["event"], fields["key"]), None)
