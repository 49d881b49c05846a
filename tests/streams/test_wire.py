"""Encoded events are read back unchanged, for any event that may be published."""

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feed.events.control import Bye, End, Gap, Heartbeat, Hello
from feed.events.event import (
    BROWSER_TYPES,
    CONTROL_TYPES,
    DATA_LENGTH,
    KEY_LENGTH,
    Event,
    EventId,
    InvalidEvent,
    gone,
    keyed,
    unkeyed,
)
from feed.events.wrapping import wrap
from feed.streams.text import printable
from feed.streams.wire import WIRES, name_of
from tests.helpers.sse import Parsed, Parser

SSE, NDJSON, TEXT = WIRES["sse"], WIRES["ndjson"], WIRES["text"]
# Characters that some program, terminal or str.splitlines() treats specially.
JOINER = "\u200d"
ODD = "\r\n\0\t\v\f\x1b\x7f\x85\u200b\u2028\u2029\u202e\u2066\ufeff:;{}\"'\\ é😀"
SHAPED = ["price", "score", "incident", "market", "notice"]

texts = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(
    allow_nan=False, allow_infinity=False
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner),
    max_leaves=10,
)
jsons = st.builds(
    lambda value, plain: json.dumps(value, ensure_ascii=plain).encode(),
    values,
    st.booleans(),
)
types = st.from_regex(r"[a-z][a-z0-9_.-]{0,63}", fullmatch=True).filter(
    lambda name: name not in CONTROL_TYPES | BROWSER_TYPES | {"gone", "other"}
)
keys = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=KEY_LENGTH
)
ids = st.builds(EventId, st.integers(0, 10**15 - 1), st.integers(0, 2**64 - 1))
events = st.builds(
    lambda event, id: event.with_id(id),
    st.builds(keyed, types, keys, jsons)
    | st.builds(unkeyed, types, jsons, st.none() | keys)
    | st.builds(gone, types, keys, st.integers(0, 10**15)),
    ids,
)
controls = st.sampled_from(
    [
        Hello("fresh", None, "1-0", None, None, 10, 0, "simulator", "1", 5),
        Heartbeat(5),
        Gap("1-0", "2-0", 3, None),
        Bye("full", 20_000),
        End("complete"),
    ]
)


@given(st.lists(events), st.data())
def test_an_event_that_is_encoded_and_parsed_is_the_same(
    published: list[Event], data: st.DataObject
) -> None:
    encoded = b"".join(map(SSE.event, published))
    cuts = data.draw(st.lists(st.integers(0, len(encoded)), max_size=6).map(sorted))
    parser, read = Parser(), []
    for start, end in zip([0, *cuts], [*cuts, len(encoded)], strict=True):
        read += parser.feed(encoded[start:end])
    assert read == [Parsed(e.type, e.data.decode(), str(e.id)) for e in published]
    assert parser.comments == []
    assert parser.retry is None


@given(events)
def test_an_event_is_three_lines_and_a_blank_one(event: Event) -> None:
    lines = SSE.event(event).split(b"\n")
    names = [line.partition(b": ")[0] for line in lines]
    assert names == [b"id", b"event", b"data", b"", b""]
    assert b"\r" not in SSE.event(event)


@given(st.none() | ids, controls, st.integers(0, 10**6), events)
def test_a_control_event_moves_the_cursor_only_with_an_id(
    id: EventId | None, control: Any, retry: int, before: Event
) -> None:
    parser = Parser()
    parser.feed(SSE.event(before))
    (read,) = parser.feed(SSE.retry(retry) + SSE.control(control, id))
    assert read.event == name_of(control)
    assert read.id == str(before.id if id is None else id)
    assert json.loads(read.data) == msgspec.to_builtins(control)
    assert parser.retry == retry


@given(st.lists(events, max_size=5))
def test_a_line_of_ndjson_is_the_same_event(published: list[Event]) -> None:
    *lines, rest = b"".join(map(NDJSON.event, published)).split(b"\n")
    assert rest == b""
    assert [json.loads(line) for line in lines] == [
        {"id": str(e.id), "event": e.type, **key_of(e), "data": json.loads(e.data)}
        for e in published
    ]


def key_of(event: Event) -> dict[str, str]:
    """Return the key that a line must name, since the data may not."""
    own = event.slot is not None and event.type not in {*SHAPED, "gone"}
    return {"key": event.slot[1]} if event.slot and own else {}


@given(types | st.sampled_from(SHAPED), keys, jsons, ids, st.integers(0, 10**15))
def test_an_expiry_is_in_ndjson_and_nowhere_else(
    type: str, key: str, data: bytes, id: EventId, until: int
) -> None:
    """The data of a notice has its own; all other bytes are those without an expiry."""
    plain = keyed(type, key, data).with_id(id)
    expiring = keyed(type, key, data, until).with_id(id)
    for one, other in ((plain, expiring), (wrap(plain), wrap(expiring))):
        assert SSE.event(one) == SSE.event(other)
        assert TEXT.event(one) == TEXT.event(other)
        assert b'"until":' not in NDJSON.event(one).removesuffix(
            b'"data":%b}\n' % one.data
        )
        shown = {} if other.type == "notice" else {"until": until}
        assert json.loads(NDJSON.event(other)) == json.loads(NDJSON.event(one)) | shown


@given(types, st.none() | keys, jsons, ids)
def test_a_wrapped_event_is_the_same_event_in_each_format(
    type: str, key: str | None, data: bytes, id: EventId
) -> None:
    event = unkeyed(type, data) if key is None else keyed(type, key, data)
    other = wrap(event.with_id(id))
    expected = {"event": type, "key": key, "data": json.loads(data)}
    (read,) = Parser().feed(SSE.event(other))
    assert (read.event, read.id) == ("other", str(id))
    assert json.loads(read.data) == expected
    assert read.data.endswith(data.decode() + "}")
    line = json.loads(NDJSON.event(other))
    assert line == {"id": str(id), "event": "other", "data": expected}
    assert_one_harmless_line(TEXT.event(other), "other", id)


def test_as_text_a_wrapped_event_is_its_type_its_key_and_its_data() -> None:
    ticket = wrap(keyed("ticket", "4711", b'{"text": "Hi"}').with_id(EventId(1, 0)))
    assert TEXT.event(ticket) == b'other     ticket 4711  {"text":"Hi"}  [1-0]\n'
    token = wrap(unkeyed("token", b'"Hi"').with_id(EventId(1, 1)))
    assert TEXT.event(token) == b'other     token  "Hi"  [1-1]\n'


@given(st.none() | ids, controls)
def test_a_control_event_is_a_line_of_ndjson(id: EventId | None, control: Any) -> None:
    line = NDJSON.control(control, id)
    assert line.endswith(b"\n")
    assert json.loads(line) == {
        "id": None if id is None else str(id),
        "event": name_of(control),
        "data": msgspec.to_builtins(control),
    }
    assert NDJSON.retry(5) == TEXT.retry(5) == b""


@given(events)
def test_as_text_an_event_is_one_line_that_no_terminal_obeys(event: Event) -> None:
    assert_one_harmless_line(TEXT.event(event), event.type, event.id)


@given(st.none() | ids, controls)
def test_as_text_a_control_event_is_one_line_too(
    id: EventId | None, control: Any
) -> None:
    assert_one_harmless_line(TEXT.control(control, id), name_of(control), id)


fields = {
    "price": "symbol price decimals change change_percent at",
    "score": "status minute stoppage home away at",
    "incident": "kind team player minute stoppage match home_score away_score at",
    "market": "market status until at",
    "notice": "level title body at",
}
team = st.fixed_dictionaries({"name": texts | numbers, "score": texts | numbers})
likely = st.integers(0, 2**64 - 1) | texts | numbers | st.lists(texts) | team


def test_as_text_a_price_of_a_billion_decimals_is_no_line_without_end() -> None:
    published = {"symbol": "A", "price": 1, "change": 1, "change_percent": 1, "at": 1}
    for decimals in (10**9, 10**30, -1):
        data = json.dumps({**published, "decimals": decimals}).encode()
        line = TEXT.event(unkeyed("price", data).with_id(EventId(1, 0)))
        assert_one_harmless_line(line, "price", EventId(1, 0))
        assert len(line) < 200


@given(st.sampled_from(SHAPED), st.data(), ids)
@example("incident", None, EventId(1, 0))
@example("notice", None, EventId(1, 0))
def test_as_text_a_shape_that_is_not_ours_is_a_line_all_the_same(
    type: str, data: st.DataObject | None, id: EventId
) -> None:
    names = fields[type].split()
    shape = st.fixed_dictionaries(dict.fromkeys(names, likely))
    published = data.draw(shape) if data else dict.fromkeys(names, 10**17)
    event = unkeyed(type, json.dumps(published).encode()).with_id(id)
    assert_one_harmless_line(TEXT.event(event), type, id)


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\n", "\x1b", "\ud800"])
def test_no_key_and_no_type_holds_what_ends_a_line(character: str) -> None:
    for text in (character, f"A{character}", f"A{character}event: forged"):
        with pytest.raises(InvalidEvent):
            keyed("note", text, b"1")
        with pytest.raises(InvalidEvent):
            unkeyed("note", b"1", text)
    for name in (character, f"note{character}", f"note{character}data: forged"):
        with pytest.raises(InvalidEvent):
            keyed(name, "A", b"1")
        with pytest.raises(InvalidEvent):
            unkeyed(name, b"1")
        with pytest.raises(InvalidEvent):
            gone(name, "A", 1)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\0"])
def test_no_data_holds_a_raw_line_end_or_nul(end: bytes) -> None:
    for data in (end, b'"a' + end + b'b"', b'{"a":1}' + end):
        with pytest.raises(InvalidEvent):
            unkeyed("note", data)
        with pytest.raises(InvalidEvent):
            keyed("note", "A", data)


def test_data_beyond_its_bound_is_refused_and_at_its_bound_is_not() -> None:
    assert unkeyed("note", b'"%b"' % (b"x" * (DATA_LENGTH - 2)))
    with pytest.raises(InvalidEvent):
        unkeyed("note", b'"%b"' % (b"x" * (DATA_LENGTH - 1)))


def assert_one_harmless_line(line: bytes, type: str, id: EventId | None) -> None:
    text = line.decode()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert text.startswith(type)
    assert id is None or text.endswith(f"  [{id}]\n")
    acting = ("Cc", "Cf", "Cs", "Zl", "Zp")
    found = {c for c in text[:-1] if unicodedata.category(c) in acting}
    assert found <= {JOINER}


def test_characters_that_act_on_a_terminal_become_spaces_and_all_others_stay() -> None:
    """Every character is tried; U+200D joins emoji, and acts on nothing."""
    for first in range(0, 0x110000, 0x1000):
        text = "".join(map(chr, range(first, first + 0x1000)))
        for before, after in zip(text, printable(text), strict=True):
            acts = unicodedata.category(before) in ("Cc", "Cf", "Zl", "Zp")
            assert after == (" " if acts and before != JOINER else before)
