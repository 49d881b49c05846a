"""Valid events are accepted, and invalid ones are refused where they enter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.events.event import DATA_LENGTH, EventId, InvalidEvent, gone, keyed, unkeyed

ids = st.builds(EventId, st.integers(0, 10**15 - 1), st.integers(0, 10**20 - 1))


@given(ids)
def test_an_id_reads_back_as_it_was_written(id: EventId) -> None:
    assert EventId.parse(str(id)) == id


@given(ids, ids)
def test_ids_order_as_two_numbers(one: EventId, other: EventId) -> None:
    assert (one < other) == ((one.ms, one.seq) < (other.ms, other.seq))


def test_a_bare_instant_stands_before_every_event_of_its_millisecond() -> None:
    instant = EventId.parse("1700000000000")
    assert instant < EventId.parse("1700000000000-0")
    assert instant > EventId.parse("1699999999999-99")
    assert str(instant) == "1700000000000"


@pytest.mark.parametrize(
    "text",
    ["", "-", "1-", "-1", "1-2-3", "a", "1.5", " 1", "1\n", "1-1\r", "١", "9" * 16],
)
def test_a_garbled_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an event id"):
        EventId.parse(text)


@pytest.mark.parametrize(
    "type",
    [
        *("", "Price", "1st", "a b", "a\nb", "a\r", "a" * 65, "é"),
        *("hello", "bye", "gone", "other", "open", "error", "message"),
    ],
)
def test_a_type_that_cannot_be_sent_or_is_the_servers_own_is_refused(type: str) -> None:
    with pytest.raises(InvalidEvent):
        keyed(type, "key", b"1")


@pytest.mark.parametrize(
    "key",
    [
        *("", "a\nb", "a\rb", "a\0b", "\x1b[1m", "a" * 201),
        *("\x9b1m", "a\x85b", "a\u2028b", "a\u2029b"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused(key: str) -> None:
    with pytest.raises(InvalidEvent):
        keyed("price", key, b"1")
    with pytest.raises(InvalidEvent):
        unkeyed("incident", b"1", key)
    with pytest.raises(InvalidEvent):
        gone("price", key, 0)


@pytest.mark.parametrize("data", [b"1\n", b"\r1", b"\0", b" " * (DATA_LENGTH + 1)])
def test_data_that_is_not_one_line_or_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        unkeyed("note", data)


def test_a_gone_event_stands_in_the_slot_that_it_retires() -> None:
    event = gone("price", "ACME", 5)
    assert event.retires
    assert event.slot == keyed("price", "ACME", b"1").slot
    assert event.data == b'{"event":"price","key":"ACME","at":5}'
