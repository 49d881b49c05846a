"""The tests' own parser of event streams, by the standard's examples and worse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.sse import Parsed, Parser


def parse(stream: bytes) -> list[Parsed]:
    return Parser().feed(stream)


def data_of(stream: bytes) -> list[str]:
    return [event.data for event in parse(stream)]


# The examples of the standard's section 9.2.6.


def test_data_lines_are_joined_by_a_line_feed() -> None:
    stream = b"data: YHOO\ndata: +2\ndata: 10\n\n"
    assert parse(stream) == [Parsed("message", "YHOO\n+2\n10", "")]


def test_a_comment_four_blocks_and_an_id_that_is_reset() -> None:
    stream = (
        b": test stream\n\n"
        b"data: first event\nid: 1\n\n"
        b"data:second event\nid\n\n"
        b"data:  third event\n\n"
    )
    assert parse(stream) == [
        Parsed("message", "first event", "1"),
        Parsed("message", "second event", ""),
        Parsed("message", " third event", ""),
    ]


def test_data_without_a_value_makes_an_empty_event_and_the_last_block_none() -> None:
    assert data_of(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_one_space_after_the_colon_is_ignored() -> None:
    assert data_of(b"data:test\n\ndata: test\n\n") == ["test", "test"]


def test_named_events_are_those_of_the_introduction() -> None:
    stream = b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n"
    assert [event.event for event in parse(stream)] == ["add", "remove"]


# Line ends.


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_each_line_end_of_the_standard_ends_a_line(end: bytes) -> None:
    stream = end.join([b"id: 7", b"data: a", b"data: b", b"", b""])
    assert parse(stream) == [Parsed("message", "a\nb", "7")]


def test_line_ends_may_be_mixed() -> None:
    assert data_of(b"data: a\r\ndata: b\rdata: c\n\r\n") == ["a\nb\nc"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c"])
def test_what_only_looks_like_a_line_end_is_text(separator: str) -> None:
    assert data_of(f"data: a{separator}b\n\n".encode()) == [f"a{separator}b"]


def test_a_carriage_return_at_a_cut_ends_its_line_once() -> None:
    parser = Parser()
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"\n") == []
    assert parser.feed(b"\r") == [Parsed("message", "a", "")]
    assert parser.feed(b"\ndata: b\n\n") == [Parsed("message", "b", "")]


# Decoding.


def test_one_leading_byte_order_mark_is_dropped() -> None:
    mark = "\ufeff".encode()
    assert data_of(mark + b"data: a\n\n") == ["a"]
    assert data_of(mark + mark + b"data: a\n\n") == []
    assert data_of(b"data: " + mark + b"a\n\n") == ["\ufeffa"]


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert data_of(b"data: a\xff\xe2\x82b\n\n") == ["a\ufffd\ufffdb"]


# Fields.


def test_a_block_without_data_dispatches_nothing_but_its_id_stands() -> None:
    parser = Parser()
    assert parser.feed(b"event: price\nid: 5\n\n") == []
    assert parser.last_event_id == "5"
    assert parser.feed(b"data: a\n\n") == [Parsed("message", "a", "5")]


def test_an_id_counts_only_when_its_block_is_complete() -> None:
    parser = Parser()
    parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")
    assert parser.last_event_id == "1"


def test_an_id_with_nul_is_ignored() -> None:
    assert parse(b"id: 1\nid: 2\x003\ndata: a\n\n") == [Parsed("message", "a", "1")]


@pytest.mark.parametrize("bad", ["", "-1", "+1", "1.5", "1 ", "0x10", "١٢", "1e3"])
def test_retry_takes_ascii_digits_only(bad: str) -> None:
    parser = Parser()
    parser.feed(f"retry: 2500\nretry: {bad}\n".encode())
    assert parser.retry == 2500


def test_names_of_fields_are_compared_exactly() -> None:
    assert parse(b"Data: a\n data: b\ndata : c\nunknown: d\n\n") == []


def test_comments_are_kept_apart() -> None:
    parser = Parser()
    assert parser.feed(b":\n: hi\n:data: a\n\n") == []
    assert parser.comments == ["", " hi", "data: a"]


# Any cut.

fields = st.sampled_from([b"data", b"id", b"event", b"retry", b"", b"12", b"a\0b"])
marks = st.sampled_from([b":", b": ", b" ", b"\r", b"\n", b"\r\n", b"\n\n"])
letters = st.sampled_from([b"\xff", b"\xe2\x82", "\ufeffé€😀\u2028".encode()])
pieces = st.one_of(fields, marks, letters)


@given(
    st.one_of(st.lists(pieces).map(b"".join), st.binary()),
    st.lists(st.integers(min_value=0, max_value=80)),
)
def test_however_a_stream_is_cut_it_says_the_same(
    stream: bytes, places: list[int]
) -> None:
    whole, cut = Parser(), Parser()
    expected = whole.feed(stream)
    found, start = [], 0
    for place in [*sorted(places), len(stream)]:
        found += cut.feed(stream[start:place])
        start = max(start, place)
    assert found == expected
    assert (cut.last_event_id, cut.retry, cut.comments) == (
        whole.last_event_id,
        whole.retry,
        whole.comments,
    )
