"""A model of the log that keeps every event and looks at all of them.

The property tests compare the log and the streams with it.
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

Draft = tuple[str, str, int]
"""An event to publish: its type, its subject, and the ms that pass before it."""

drafts = st.tuples(
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
class LogModel:
    """A log, and beside it a list of every event that was published to it."""

    log: Log
    now: int = START
    published: list[Event] = field(default_factory=list)

    def publish(self, batch: list[Draft]) -> None:
        """Publish a batch in which no two events have the same data."""
        for type, subject, passed in batch:
            self.now += passed
            event = self._event(type, subject)
            (id,) = self.log.append([event], self.now)
            self.published.append(event.with_id(id))

    def after(self, cursor: EventId, view: View) -> list[Event]:
        """Return every event after the cursor that the view selects."""
        return [e for e in self.published if e.id > cursor and view.selects(e)]

    def state(self, view: View) -> dict[tuple[str, str], str]:
        """Return the state of a client that received every event, by type and key."""
        state: dict[tuple[str, str], str] = {}
        for event in self.after(EventId(0, 0), view):
            apply_event(state, event.type, event.data.decode())
        return state

    def names(self, view: View) -> set[str]:
        """Return the event names under which a view shows all that it selects."""
        asked = view.events or frozenset()
        shown = {event.type for event in self.after(EventId(0, 0), view)}
        wrapped = {type for type in shown if type in OWN and type not in asked}
        if "other" not in asked or not wrapped:
            return shown
        return shown - wrapped | {"other"}

    def _event(self, type: str, subject: str) -> Event:
        data = msgspec.json.encode({"n": len(self.published), "subject": subject})
        if type in KEYED:
            return keyed(type, subject, data)
        if type == "gone of a ticket":
            return gone("ticket", subject, self.now)
        if type == "gone":
            return gone("price" if subject in SYMBOLS else "score", subject, self.now)
        return unkeyed(type, data, subject)


def apply_event(state: dict[tuple[str, str], str], type: str, data: str) -> None:
    """Apply an event to a client's state as a client does, from its data alone."""
    fields: dict[str, Any] = json.loads(data)
    if type == "other":
        data = msgspec.json.encode(fields["data"]).decode()
        apply_event(state, fields["event"], data)
    elif type in KEYED:
        state[type, fields["subject"]] = data
    elif type == "gone":
        state.pop((fields["event"], fields["key"]), None)
