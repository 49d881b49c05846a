"""What a client holds: it folds a stream by key, and agrees with `/api/state`.

It knows the feed only from its contract (`docs/feed.md`) and from each event's data.
"""

import json
import time
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

from tests.helpers.harness import Board, until
from tests.helpers.sse import Parsed

Held = dict[tuple[str, str], dict[str, Any]]
Id = tuple[int, int]

CONTROL = frozenset({"hello", "heartbeat", "gap", "bye", "end"})
KEYED = {"price": "symbol", "score": "match", "market": "market", "notice": "notice"}
SECTIONS = {
    "price": "prices",
    "score": "scores",
    "market": "markets",
    "notice": "notices",
}
TYPES = (*KEYED, "incident", "gone", *sorted(CONTROL))
"""All that the simulator sends."""
ENOUGH = 100  # events: the simulator's catch-up is some 45, the rest is live


def id_of(text: str) -> Id:
    """Return an event id as the two numbers that it is compared as."""
    ms, _, seq = text.partition("-")
    return int(ms), int(seq)


def of_the_log(events: Iterable[Parsed]) -> list[Parsed]:
    """Return what happened, without what the server says about the stream."""
    return [event for event in events if event.event not in CONTROL]


def age(event: Parsed) -> float:
    """Return how many seconds ago an event happened, by the clock of this machine."""
    at: int = json.loads(event.data)["at"]
    return time.time() - at / 1000


def fold(held: Held, events: Iterable[Parsed]) -> Held:
    """Apply events, as every client must, to what is held; return that."""
    for event in events:
        data = json.loads(event.data)
        if event.event == "hello" and data["resume"] == "fresh":
            held.clear()
        elif event.event == "gone":
            held.pop((data["event"], data["key"]), None)
        elif event.event in KEYED:
            held[event.event, data[KEYED[event.event]]] = data
    return held


def state(board: Board, query: str = "") -> tuple[Id, Held]:
    """Return what `/api/state` says: its id, and the newest data of each key."""
    status, _, body = board.get(f"/api/state{query}")
    assert status == 200
    told = json.loads(body)
    return id_of(told["id"]), {
        (type, data[KEYED[type]]): data
        for type, section in SECTIONS.items()
        for data in told[section]
    }


def assert_agrees(board: Board, events: Iterator[Parsed]) -> list[Parsed]:
    """Read a stream to beyond an id that `/api/state` names, and compare as of then.

    Return what was read. There must be no `gap`, and nothing but the feed's types.
    """
    read = [next(events) for _ in range(ENOUGH)]
    assert read[0].event == "hello"
    id, expected = state(board)
    while read[-1].event in CONTROL or id_of(read[-1].id) <= id:
        read.append(next(events))
    assert {event.event for event in read} <= {*TYPES} - {"gap", "bye", "end"}
    news = takewhile(lambda event: id_of(event.id) <= id, of_the_log(read))
    assert fold({}, news) == expected
    assert expected
    return read


def assert_polls_to_the_state(board: Board, held: Held, cursor: str) -> None:
    """Resume to beyond ids that `/api/state` names, and compare as of then.

    Of a key that was compacted to what came later nobody knows what it was then.
    """

    def agrees() -> bool:
        nonlocal cursor
        id, expected = state(board)
        if id <= id_of(cursor):
            return False  # nothing has happened since: it would tell nothing
        with board.stream("/stream?once=1", {"Last-Event-ID": cursor}) as stream:
            hello, *news, end = stream.read_all()
        assert (hello.event, end.event) == ("hello", "end")
        told = json.loads(hello.data)
        cursor = told["tail"]
        later = [event for event in news if id_of(event.id) > id]
        fold(held, [hello, *(event for event in news if id_of(event.id) <= id)])
        unknown = set() if told["resume"] == "replayed" else {*map(slot_of, later)}
        assert without(held, unknown) == without(expected, unknown)
        fold(held, later)
        return True

    for _ in range(3):  # from then on each poll tells little, and must tell all of it
        until(agrees, why="the board goes on")


def slot_of(event: Parsed) -> tuple[str, str]:
    """Return the type and key that an event is of; no key where it has none."""
    data = json.loads(event.data)
    if event.event == "gone":
        return data["event"], data["key"]
    return event.event, data[KEYED[event.event]] if event.event in KEYED else ""


def without(held: Held, slots: set[tuple[str, str]]) -> Held:
    return {slot: data for slot, data in held.items() if slot not in slots}
