"""The log compared with the model, whatever is published, cut off or evicted."""

import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feed import log as log_module
from feed.events.event import Event, EventId, gone, keyed, unkeyed
from feed.log import Log, Read
from feed.streams.view import View
from tests.helpers.model import START, Draft, LogModel, apply_event, drafts, views

FEW = 3


@pytest.fixture(autouse=True, scope="module")
def small_memory() -> Any:
    """Shorten the log's memory of evicted and retired events for a short test."""
    patch = pytest.MonkeyPatch()
    patch.setattr(log_module, "RETIREMENTS", FEW)
    patch.setattr(log_module, "EVICTIONS", FEW)
    yield
    patch.undo()


class Reader:
    """A client that breaks off after a given number of events, and resumes."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.cursor: EventId | None = None
        self.state: dict[tuple[str, str], str] = {}
        self.unkeyed: list[EventId] = []

    def read(self, model: LogModel, compact: bool, cut: int | None) -> None:
        selects = None if self.view.selects_all else self.view.selects
        read = model.log.read(self.cursor, selects, compact)
        check_promise(model, self.cursor, self.view, read)
        if read.resume == "fresh":
            self.state.clear()
            self.unkeyed.clear()
            self.cursor = None
        for event in read.events[:cut]:
            assert self.cursor is None or event.id > self.cursor
            self.cursor = event.id
            apply_event(self.state, event.type, event.data.decode())
            if event.slot is None:
                self.unkeyed.append(event.id)
        if cut is None:
            self.cursor = read.tail


def check_promise(
    model: LogModel, cursor: EventId | None, view: View, read: Read
) -> None:
    """Compare `dropped` and `lost` with every event that was ever published."""
    assert all(a.id < b.id for a, b in pairwise(read.events))
    if cursor is None or read.resume == "fresh":
        assert (read.dropped, read.lost) == (None, None)
        return
    due = model.after(cursor, view)
    if read.resume == "replayed":
        assert read.events == due
        assert (read.dropped, read.lost) == (0, 0)
    elif read.dropped is None:
        floor = model.log.statistics().floor
        assert cursor < floor
        evicted = [e for e in due if e.slot is None and e.id <= floor]
        assert read.lost in (len(evicted), None)
        if len([e for e in model.published if not e.slot and e.id <= floor]) <= FEW:
            assert read.lost == len(evicted)
    else:
        assert [e for e in read.events if not e.slot] == [e for e in due if not e.slot]
        assert read.dropped == len(due) - len(read.events)
        assert read.lost == 0


@settings(max_examples=400)
@given(
    backlog=st.integers(1, 30),
    view=views | st.just(View()),
    rounds=st.lists(
        st.tuples(
            st.lists(drafts, max_size=25),
            st.booleans(),
            st.none() | st.integers(0, 12),
        ),
        max_size=12,
    ),
)
@example(
    backlog=4,
    view=View(),
    rounds=[
        ([("price", "A", 0)], False, None),
        ([("gone", key, 0) for key in "ABCD"], True, None),
    ],
)
def test_a_reader_that_breaks_off_and_resumes_ends_as_one_that_saw_every_event(
    backlog: int, view: View, rounds: list[tuple[list[Draft], bool, int | None]]
) -> None:
    model, reader = LogModel(Log(backlog, START)), Reader(view)
    for batch, compact, cut in rounds:
        model.publish(batch)
        reader.read(model, compact, cut)
    reader.read(model, compact=False, cut=None)
    assert reader.state == model.state(view)
    assert len(reader.unkeyed) == len(set(reader.unkeyed))
    assert reader.unkeyed == sorted(reader.unkeyed)


@settings(max_examples=200)
@given(
    backlog=st.integers(1, 30),
    batch=st.lists(drafts, max_size=120),
    rest=st.lists(drafts, max_size=30),
)
def test_a_log_that_took_anothers_place_reads_as_that_one_does(
    backlog: int, batch: list[Draft], rest: list[Draft]
) -> None:
    model, other = LogModel(Log(backlog, START)), Log(backlog, 0)
    model.publish(batch)
    other.load_snapshot(model.log.take_snapshot(backlog))
    known = model.log.tail
    model.publish(rest)
    other.extend(model.log.read(known).events if len(rest) <= backlog else [])
    if other.tail != model.log.tail:
        return
    assert other.read(None) == model.log.read(None)
    for cursor in [EventId(START, 0), *(event.id for event in model.published)]:
        mine, its = model.log.read(cursor), other.read(cursor)
        assert (its.resume, its.events, its.dropped) == (
            mine.resume,
            mine.events,
            mine.dropped,
        )
        assert its.lost in (mine.lost, None)


def test_events_under_ids_of_their_own_come_only_above_the_tail() -> None:
    log = Log(10, START)
    log.extend([unkeyed("note", b"1").with_id(EventId(START, 1))])
    with pytest.raises(ValueError, match="tail"):
        log.extend([unkeyed("note", b"1").with_id(EventId(START, 1))])


@settings(max_examples=200)
@given(backlog=st.integers(1, 30), batch=st.lists(drafts, max_size=120), data=st.data())
def test_unkeyed_events_within_retention_come_once_each_in_order(
    backlog: int, batch: list[Draft], data: st.DataObject
) -> None:
    model = LogModel(Log(backlog, START))
    model.publish(batch)
    ids = [EventId(START, 0), *(event.id for event in model.published)]
    cursor = data.draw(st.sampled_from(ids))
    read = model.log.read(cursor, compact=True)
    retained = model.published[-backlog:]
    if read.resume != "fresh":
        shown = [event for event in read.events if event.slot is None]
        assert shown == [e for e in retained if e.slot is None and e.id > cursor]


@given(batch=st.lists(drafts, min_size=1, max_size=60))
def test_ids_increase_strictly_even_when_the_clock_runs_backward(
    batch: list[Draft],
) -> None:
    log, now, ids = Log(1000, START), START, []
    for type, subject, passed in batch:
        now -= passed  # backward
        ids += log.append([unkeyed("note", b"1", type + subject)], now)
    assert all(a < b for a, b in pairwise([EventId(START, 0), *ids]))


def test_ids_compare_as_two_numbers() -> None:
    log = Log(1000, START)
    ids = log.append([unkeyed("note", b"1")] * 12, START)
    assert str(ids[9]) == f"{START}-10"
    assert [e.id for e in log.read(ids[8]).events] == ids[9:]


def test_a_new_page_gets_the_newest_event_of_each_key_in_id_order() -> None:
    log = Log(100, START)
    events = [
        quote("A", 1),
        quote("B", 2),
        unkeyed("incident", b"{}", "m1"),
        quote("A", 3),
        gone("price", "B", START),
    ]
    log.append(events, START + 1)
    read = log.read(None)
    assert read.resume == "fresh"
    assert [(e.type, e.data) for e in read.events] == [("price", b"3")]


def test_a_cursor_below_the_floor_gets_the_compacted_log() -> None:
    log = Log(3, START)
    first, *_ = log.append([quote("A", n) for n in range(9)], START + 1)
    read = log.read(first)
    assert read.resume == "compacted"
    assert [e.data for e in read.events] == [b"8"]
    assert (read.dropped, read.lost) == (None, 0)


def test_unkeyed_events_that_were_evicted_are_counted_as_lost() -> None:
    log = Log(2, START)
    cursor = log.tail
    log.append([unkeyed("incident", b"1", match) for match in "aabcd"], START + 1)
    read = log.read(cursor)
    assert (read.resume, read.dropped, read.lost) == ("compacted", None, 3)
    assert log.read(cursor, lambda event: event.subject == "a").lost == 2
    log.append([unkeyed("incident", b"1", "e")], START + 1)  # the fourth is too many
    assert log.read(cursor).lost is None


def test_a_cursor_of_another_log_gets_all_anew() -> None:
    log = Log(10, START)
    log.append([quote("A", 1)], START + 1)
    before, future = EventId(START - 1, 0), EventId(START + 2, 0)
    assert log.read(before).resume == log.read(future).resume == "fresh"


def test_an_id_between_two_of_this_log_is_another_logs_and_an_instant_is_not() -> None:
    log = Log(10, START)
    log.append([quote("A", 1)], START + 1)
    log.append([quote("B", 1)], START + 9)
    assert log.read(EventId(START + 5, 0)).resume == "fresh"
    read = log.read(EventId.parse(str(START + 5)))
    assert (read.resume, [e.subject for e in read.events]) == ("replayed", ["B"])


def test_a_cursor_from_before_the_remembered_retirements_gets_all_anew() -> None:
    log = Log(2, START)
    (cursor,) = log.append([quote("A", 1)], START + 1)
    for key in "ABCD":  # one more than the log remembers, see small_memory
        log.append([quote(key, 1), gone("price", key, START)], START + 2)
    assert log.read(cursor).resume == "fresh"


def test_a_key_that_was_retired_while_a_reader_slept_is_named_to_it() -> None:
    log = Log(2, START)
    (cursor,) = log.append([quote("A", 1)], START + 1)
    log.append([gone("price", "A", START + 2)], START + 2)
    log.append([quote("B", n) for n in range(9)], START + 3)
    read = log.read(cursor)
    assert read.resume == "compacted"
    assert [e.type for e in read.events] == ["gone", "price"]


def test_a_waiting_reader_is_woken_by_an_append_and_only_then() -> None:
    log = Log(10, START)
    assert not log.wait(log.tail, timeout=0)
    cursor = log.tail
    log.append([quote("A", 1)], START + 1)
    assert log.wait(cursor, timeout=0)


def test_memory_stays_bounded_by_the_backlog_and_the_keys() -> None:
    log = Log(50, START)
    for n in range(5000):
        log.append([quote(str(n), n), gone("price", str(n), n)], START + n)
        log.append([unkeyed("note", b"1")], START + n)
    figures = log.statistics()
    assert (figures.retained, figures.keys, figures.retired) == (50, 0, 3)
    assert len(log._retained) < 200
    assert len(log._unkeyed) <= 50


def quote(symbol: str, n: int) -> Event:
    """Return a `price` event of which only the number matters."""
    return keyed("price", symbol, str(n).encode())


def test_the_newest_unkeyed_events_are_found_among_a_bounded_number() -> None:
    log = Log(backlog=10, start=START)
    kinds = ["note", "note", "goal", "note", "goal", "goal"]
    ids = log.append([unkeyed(kind, b"1") for kind in kinds], START)
    log.append([keyed("ticket", "1", b"1")], START)

    def found(most: int, searched: int) -> list[EventId]:
        notes = log.newest_unkeyed(most, searched, lambda event: event.type == "note")
        return [event.id for event in notes]

    assert found(2, 6) == [ids[3], ids[1]]
    assert found(9, 3) == [ids[3]]
    log.append([keyed("ticket", "1", b"1") for _ in range(9)], START)  # evicts
    assert found(9, 9) == []


@given(
    backlog=st.integers(1, 30),
    batch=st.lists(drafts, max_size=60),
    since=st.integers(0, 60),
    compact=st.booleans(),
    most=st.integers(1, 5),
)
def test_a_read_that_is_cut_goes_on_where_it_was_cut(
    backlog: int, batch: list[Draft], since: int, compact: bool, most: int
) -> None:
    model = LogModel(Log(backlog, START))
    model.publish(batch)
    ids = [EventId(START, 0), *(event.id for event in model.published)]
    for cursor in (None, ids[min(since, len(ids) - 1)]):
        whole = model.log.read(cursor, compact=compact)
        read = model.log.read(cursor, None, compact, most)
        assert (read.resume, read.lost, read.tail) == (
            *(whole.resume, whole.lost),
            whole.tail,
        )
        events = [*read.events]
        while read.is_cut:
            assert len(read.events) == most
            rest = model.log.read_on(read, events[-1].id, None, most)
            assert rest is not None
            assert rest.lost in (0, None)
            read = rest
            events += read.events
        assert events == whole.events


sizes = st.lists(st.tuples(st.sampled_from("ABCD*"), st.integers(0, 9)), max_size=30)


@given(sizes, st.integers(1, 6), st.integers(1, 20))
def test_retained_events_are_bounded_by_number_and_by_bytes(
    batch: list[tuple[str, int]], backlog: int, most: int
) -> None:
    log = Log(backlog, START, most)
    for key, size in batch:
        data = b"x" * size
        event = unkeyed("note", data) if key == "*" else keyed("own", key, data)
        if size == 0 and key != "*":
            event = gone("own", key, START)
        room = log.room_for([event])
        log.append([event], START)
        retained, figures = log.take_snapshot(backlog).retained, log.statistics()
        assert 0 < len(retained) <= backlog
        assert figures.retained == len(retained) == min(room, figures.retained)
        assert figures.retained_bytes == sum(len(it.data) for it in retained)
        assert figures.retained_bytes <= most or len(retained) == 1
        newest = log.take_snapshot(0).newest
        assert figures.keys_bytes == sum(len(it.data) for it in newest)
        assert room == backlog or len(retained) == room
        loaded = Log(backlog, 0, most)
        loaded.load_snapshot(log.take_snapshot(backlog))
        assert loaded.statistics().keys_bytes == figures.keys_bytes
        assert loaded.statistics().retained_bytes == figures.retained_bytes


def test_a_log_that_is_loaded_retains_no_more_than_its_own_bounds() -> None:
    large, small = Log(100, START), Log(5, 0, 30)
    ids = large.append([unkeyed("note", b"x" * 10) for _ in range(20)], START)
    small.load_snapshot(large.take_snapshot(100))
    assert [event.id for event in small.take_snapshot(100).retained] == ids[-3:]
    assert small.read(ids[-4]).resume == "replayed"
    assert small.read(ids[-5]).lost == 1


def test_the_memory_of_an_evicted_event_is_freed_at_once() -> None:
    log, data = Log(1000, START, 100), b"x" * 90
    referenced = sys.getrefcount(data)
    log.append([unkeyed("note", data)], START)
    assert sys.getrefcount(data) > referenced
    log.append([unkeyed("note", b"x" * 20)], START)
    assert sys.getrefcount(data) == referenced
