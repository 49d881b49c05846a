"""The state of a client: a stream folded by key, which must agree with `/api/state`.

This module knows the feed only from its contract (`docs/feed.md`) and from the data of
events.
"""

import json
import time
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

from tests.helpers.harness import Board, until
from tests.helpers.sse import Parsed

ClientState = dict[tuple[str, str], dict[str, Any]]
Id = tuple[int, int]

CONTROL = frozenset({"hello", "heartbeat", "gap", "bye", "end"})
KEYED = {
    "price": "symbol",
    "score": "match",
    "market": "market",
    "notice": "notice",
    "source": "source",
}
SECTIONS = {
    "price": "prices",
    "score": "scores",
    "market": "markets",
    "notice": "notices",
    "source": "sources",
}
TYPES = (*KEYED, "incident", "gone", *sorted(CONTROL))
"""Every event type that the simulator sends."""
ENOUGH = 100  # events; the simulator's catch-up has about 45, and the rest is live


def id_of(text: str) -> Id:
    """Return an event id as its two numbers, which ids are compared by."""
    ms, _, seq = text.partition("-")
    return int(ms), int(seq)


def of_the_log(events: Iterable[Parsed]) -> list[Parsed]:
    """Return the events without the control events, which are about the stream."""
    return [event for event in events if event.event not in CONTROL]


def age(event: Parsed) -> float:
    """Return how many seconds ago an event happened, by this machine's clock."""
    at: int = json.loads(event.data)["at"]
    return time.time() - at / 1000


def fold(state: ClientState, events: Iterable[Parsed]) -> ClientState:
    """Apply events to a client's state as every client must; return the state."""
    for event in events:
        data = json.loads(event.data)
        if event.event == "hello" and data["resume"] == "fresh":
            state.clear()
        elif event.event == "gone":
            state.pop((data["event"], data["key"]), None)
        elif event.event in KEYED:
            state[event.event, data[KEYED[event.event]]] = data
    return state


def server_state(board: Board, query: str = "") -> tuple[Id, ClientState]:
    """Return the id of `/api/state`, and its newest data of each key."""
    status, _, body = board.get(f"/api/state{query}")
    assert status == 200
    found = json.loads(body)
    return id_of(found["id"]), {
        (type, data[KEYED[type]]): data
        for type, section in SECTIONS.items()
        for data in found[section]
    }


def assert_agrees(board: Board, events: Iterator[Parsed]) -> list[Parsed]:
    """Read a stream past the id of `/api/state`, and compare both as of that id.

    Return the events read. They must be of the feed's types and contain no `gap`.
    """
    read = [next(events) for _ in range(ENOUGH)]
    assert read[0].event == "hello"
    id, expected = server_state(board)
    while read[-1].event in CONTROL or id_of(read[-1].id) <= id:
        read.append(next(events))
    assert {event.event for event in read} <= {*TYPES} - {"gap", "bye", "end"}
    news = takewhile(lambda event: id_of(event.id) <= id, of_the_log(read))
    assert fold({}, news) == expected
    assert expected
    return read


def assert_polls_to_the_state(board: Board, state: ClientState, cursor: str) -> None:
    """Resume past the ids of `/api/state`, and compare both as of those ids.

    A key that was compacted to a later event is left out: its state as of then is
    unknown.
    """

    def agrees() -> bool:
        nonlocal cursor
        id, expected = server_state(board)
        if id <= id_of(cursor):
            return False  # nothing has happened since, so a poll would show nothing
        with board.stream("/stream?once=1", {"Last-Event-ID": cursor}) as stream:
            hello, *news, end = stream.read_all()
        assert (hello.event, end.event) == ("hello", "end")
        greeting = json.loads(hello.data)
        cursor = greeting["tail"]
        later = [event for event in news if id_of(event.id) > id]
        fold(state, [hello, *(event for event in news if id_of(event.id) <= id)])
        unknown = set() if greeting["resume"] == "replayed" else {*map(slot_of, later)}
        assert without(state, unknown) == without(expected, unknown)
        fold(state, later)
        return True

    for _ in range(3):  # after the first, each poll brings little, and all of it
        until(agrees, why="the board publishes more")


def slot_of(event: Parsed) -> tuple[str, str]:
    """Return the type and key of an event; the key is "" if it has none."""
    data = json.loads(event.data)
    if event.event == "gone":
        return data["event"], data["key"]
    return event.event, data[KEYED[event.event]] if event.event in KEYED else ""


def without(state: ClientState, slots: set[tuple[str, str]]) -> ClientState:
    return {slot: data for slot, data in state.items() if slot not in slots}
