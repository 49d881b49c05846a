"""A recording plays back: its events with its spacing, at instants of now."""

import gzip
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.events.control import Bye, Control, Heartbeat, Hello
from feed.events.event import MAX_TYPES, Event, EventId, Slot, gone, keyed, unkeyed
from feed.events.shapes import Incident, Late, MarketState, Notice, Quote, Score, Team
from feed.events.wrapping import wrap
from feed.feed import Feed
from feed.publishing.completion import required_fields
from feed.settings import InvalidSetting, Settings
from feed.sources.recording import LONGEST, Damage, Record, RecordingReader
from feed.sources.replay import EVENTS, REPORTS, Replay
from feed.streams.wire import WIRES
from tests.helpers.harness import ROOT, Board, until

T0 = 1_700_000_000_000  # when it was recorded
NOW = 1_800_000_000_000  # when it is played

Format = Literal["ndjson", "sse"]
both_formats = pytest.mark.parametrize("format", ["ndjson", "sse"])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
ids = st.builds(EventId, st.integers(0, 10**15 - 1), st.integers(0, 10**20 - 1))
datas = json_values.map(lambda value: json.dumps(value).encode())


def quote(symbol: str = "ACME", price: float = 100.0, at: int = T0) -> Quote:
    blank = dict.fromkeys(Quote.__struct_fields__)
    known = {"symbol": symbol, "price": price, "decimals": 2, "at": at}
    return msgspec.convert({**blank, **known}, Quote)


def incident(at: int) -> Incident:
    return Incident("m", "1", "kick_off", None, None, 1, None, 0, 0, at)


def score(at: int, period_started: int, status: Literal["1H", "FT"] = "1H") -> Score:
    home, away = (Team(name, None, 0, 0, None, None) for name in "HA")
    begun = period_started
    return Score(
        "m",
        None,
        None,
        home,
        away,
        status,
        5,
        None,
        begun,
        begun,
        at,
        [incident(begun)],
    )


def hello(tail: int, at: int, resume: Literal["fresh", "replayed"] = "fresh") -> Hello:
    return Hello(resume, None, f"{tail}-0", None, None, 10.0, 0.0, "s", "v", at)


def at(ms: int, event: Event | Quote, seq: int = 0) -> Event:
    """Return an event with the id of that many ms after `T0`."""
    event = event.event() if isinstance(event, Quote) else event
    return event.with_id(EventId(T0 + ms, seq))


def saved(events: Iterable[Event | Control], format: Format = "ndjson") -> bytes:
    """Return these events as a saved stream."""
    wire = WIRES[format]
    return b"".join(
        wire.event(each) if isinstance(each, Event) else wire.control(each, None)
        for each in events
    )


def records(text: bytes) -> list[Record]:
    return [
        each for each in RecordingReader(io.BytesIO(text)) if isinstance(each, Record)
    ]


def damages(text: bytes) -> list[Damage]:
    return [
        each for each in RecordingReader(io.BytesIO(text)) if isinstance(each, Damage)
    ]


class Playing:
    """A replay of a file in `folder`, and the instant of its last step."""

    def __init__(
        self,
        folder: Path,
        recording: bytes | Iterable[Event | Control],
        *,
        speed: float = 1,
        loop: bool = False,
        max_keys: int = 5000,
        max_bytes: int = 1 << 20,
        place: bytes = b"",
    ) -> None:
        path = folder / "day.ndjson"
        path.write_bytes(
            recording if isinstance(recording, bytes) else saved(recording)
        )
        self.now = NOW
        self._replay = Replay(path, loop, speed, max_keys, place, max_bytes=max_bytes)

    def after(self, ms: int) -> list[Event]:
        """Return the events of a step `ms` later."""
        self.now += ms
        return self._replay.step(self.now)

    def names(self, ms: int) -> list[str]:
        """Return types and subjects of the events of a step `ms` later."""
        return [f"{each.type} {each.subject}" for each in self.after(ms)]

    def close(self) -> None:
        self._replay.close()


Play = Callable[..., Playing]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Yield `Playing` for a recording; its file is closed at the end."""
    with ExitStack() as stack:

        def begin(
            recording: bytes | Iterable[Event | Control], **options: Any
        ) -> Playing:
            playing = Playing(tmp_path, recording, **options)
            stack.callback(playing.close)
            return playing

        yield begin


@contextmanager
def fed(path: Path, **settings: float) -> Iterator[Feed]:
    """Yield a feed that replays a file and doesn't run by itself."""
    given = {"feed": "replay", "recording": str(path), **settings}
    feed = Feed(msgspec.convert(given, Settings), "1")
    assert isinstance(feed.source, Replay)
    with closing(feed.source):
        yield feed


def data(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.data)
    return found


# Reading


@given(ids, datas)
def test_an_event_is_read_back_as_it_was_sent(id: EventId, data: bytes) -> None:
    event = unkeyed("note", data).with_id(id)
    as_json, as_text = saved([event], "ndjson"), saved([event], "sse")
    for recording in (as_json, as_text, b"\xef\xbb\xbf" + as_json, b"\n" + as_text):
        [record] = records(recording)
        assert (record.type, record.data, record.id) == ("note", data, id)
        assert not damages(recording)


@given(st.lists(datas, min_size=1, max_size=5), st.integers(0), st.booleans())
def test_a_recording_cut_anywhere_has_all_before_the_cut(
    datas: list[bytes], place: int, sse: bool
) -> None:
    events = [at(i, unkeyed("note", data)) for i, data in enumerate(datas)]
    format: Format = "sse" if sse else "ndjson"
    text = saved(events, format)
    text = text[: place % (len(text) + 1)]
    whole = text.count(b"\n\n") if sse else text.count(b"\n")
    found = [record.data for record in records(text)]
    assert found[:whole] == datas[:whole]
    assert len(found) <= whole + (not sse)  # a whole object needs no line end
    assert found == datas[: len(found)]
    # Without a whole event, it may as well be another file than a recording.
    assert [damage.cut for damage in damages(text)] in ([], [whole > 0])


@given(
    st.binary(max_size=300) | st.text(alphabet="{}:\"'id evntdat\n\r,1").map(str.encode)
)
def test_any_bytes_are_events_or_damage(text: bytes) -> None:
    last = text.count(b"\n") + 1
    for each in RecordingReader(io.BytesIO(text)):
        assert each is None or 1 <= each.line <= last


@both_formats
def test_a_damaged_line_is_named_and_its_neighbours_are_read(format: Format) -> None:
    events = [at(i, quote(f"S{i}")) for i in range(3)]
    text = saved(events, format).replace(b'"symbol":"S1"', b'"symbol":"\xff\xfe}')
    lines = text.split(b"\n")
    [broken] = [i for i, line in enumerate(lines) if b"\xff" in line]
    if format == "ndjson":
        [damage] = damages(text)
        assert (damage.line, damage.cut) == (broken + 1, False)
    found = [record.data for record in records(text) if b"\xff" not in record.data]
    assert found == [events[0].data, events[2].data]


def test_a_line_that_is_neither_is_damage() -> None:
    text = b"id: 1-0\nx vent: price\ndata: {}\n\nid: 2-0\ndata: 1\n\n<html>\n"
    assert [damage.line for damage in damages(text)] == [2, 8]
    assert [record.line for record in records(text)] == [5]


@pytest.mark.parametrize(
    "text",
    [
        b"source: a\nevent: note\ndata: 1\n\n",
        b"event: note\nx-trace: 1\ndata: 1\n\n",
        b"event: note\r\ndata: 1\r\n: comment\r\ntag:\r\n\r\n",
        b'\xef\xbb\xbf\n\r\n \n{"event":"note","data":1,"more":2}\r\n\n',
        b'{"event":"note","data":1}\n\xef\xbb\xbf',
    ],
)
def test_unknown_fields_comments_and_blank_lines_are_ignored(text: bytes) -> None:
    [record] = records(text)
    assert (record.type, record.data) == ("note", b"1")
    assert not damages(text)


NOTE = b'{"event":"note","data":1}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (gzip.compress(NOTE, mtime=0), "gzip -dc"),
        (b"PK\x03\x04" + NOTE, "unzip -p"),
        (NOTE.decode().encode("utf-16"), "iconv -f UTF-16"),
        (b"[" + NOTE.strip() + b"]", "jq -c '.[]'"),
        (b"\xef\xbb\xbf [\n" + NOTE + b"]\n", "jq -c '.[]'"),
        (b"[" + b"1," * LONGEST + b"1]", "jq -c '.[]'"),
        (b"event: note\rdata: 1\r\r", "tr '\\r' '\\n'"),
        (NOTE.replace(b"\n", b"\r") * 2, "tr '\\r' '\\n'"),
        (b"symbol,price", "neither NDJSON"),
        (b"WARNING: no recording\nINFO: at all\n", "neither NDJSON"),
        (b"WARNING: no recording", "neither NDJSON"),
        (NOTE[:20], "truncated"),
        (b"data: 1\n", "a blank line ends an event"),
        (b"data: 1", "a blank line ends an event"),
        (b'{"symbol":"ACME"}', "missing required field `event`"),
    ],
)
def test_a_file_that_is_no_recording_is_damage_with_the_remedy(
    text: bytes, words: str
) -> None:
    [damage] = damages(text)
    assert (damage.line, damage.cut) == (1, False)
    assert words in damage.reason
    assert not records(text)


@pytest.mark.parametrize(
    ("end", "cut"),
    [
        (NOTE[:20], True),
        (b"event: no", True),
        (b"data: 1\n", True),
        (b"\0" * 100, True),
        (b'{"symbol":"ACME"}', False),
        (b"symbol,price\n", False),
        (b"WARNING: disk full\n", False),
    ],
)
def test_only_what_can_be_a_part_of_an_event_is_cut_off(end: bytes, cut: bool) -> None:
    [damage] = damages(NOTE + end)
    assert (damage.line, damage.cut) == (2, cut)


def test_an_event_is_not_read_if_one_of_its_lines_is_too_long() -> None:
    text = b"event: note\ndata: [1,\ndata: " + b" " * LONGEST + b"2,\ndata: 3]\n\n"
    [damage] = damages(text)
    assert damage.line == 3
    assert not records(text)


def test_an_event_behind_an_object_is_named_by_its_line() -> None:
    [_, record] = records(NOTE + b"data: 1\n\n")
    assert record.line == 2


def test_a_line_of_any_length_is_passed_over_in_pieces() -> None:
    long = b'{"event":"note","data":"' + b"x" * 3 * LONGEST + b'"}\n'
    text = long + saved([at(0, quote())])
    [damage], [record] = damages(text), records(text)
    assert (damage.line, record.line) == (1, 2)
    assert len([*RecordingReader(io.BytesIO(text))]) > 4


def test_an_endless_event_is_given_up() -> None:
    text = b"data: 1\n" * (LONGEST // 8) + b"\n" + saved([at(0, quote())], "sse")
    [damage], [record] = damages(text), records(text)
    assert damage.reason == f"the event is longer than {LONGEST} bytes"
    assert record.type == "price"


# Playing


@both_formats
def test_both_formats_play_alike(play: Play, format: Format) -> None:
    events: list[Event | Control] = [
        hello(T0 + 1, T0 + 1),
        at(0, quote("ACME")),
        at(1, score(T0, T0).event()),
        at(2, incident(T0).event()),
        at(3, unkeyed("note", b'{"a": 1}')),
        at(4, gone("price", "ACME", T0 + 4)),
        Bye("restart", 1000),
    ]
    playing = play(saved(events, format))
    played = playing.after(0) + playing.after(10)
    assert [event.type for event in played] == [
        "price",
        "score",
        "incident",
        "note",
        "gone",
    ]
    slots = [event.slot for event in played]
    assert slots == [("price", "ACME"), ("score", "m"), None, None, ("price", "ACME")]
    assert [e.subject for e in played] == ["ACME", "m", "m", None, "ACME"]
    assert played[3].data == b'{"a": 1}'


@pytest.mark.parametrize("speed", [0.5, 1, 10, 1000])
def test_events_come_with_the_spacing_of_their_ids(play: Play, speed: float) -> None:
    apart = int(2000 * speed)
    events = [at(i * apart, quote(f"S{i}")) for i in range(3)]
    playing = play(events, speed=speed)
    assert playing.names(0) == ["price S0"]
    assert playing.names(1999) == []
    assert playing.names(1) == ["price S1"]
    assert playing.names(2000) == ["price S2"]


def test_at_speed_0_events_come_as_fast_as_steps(play: Play) -> None:
    events = [at(i * 3_600_000, quote(f"S{i}")) for i in range(EVENTS + 1)]
    playing = play(events, speed=0)
    assert len(playing.after(0)) == EVENTS
    [last] = playing.after(50)
    assert data(last)["at"] == NOW + 50 - EVENTS * 3_600_000


def test_a_step_is_bounded_and_the_recording_goes_slower(play: Play) -> None:
    """The rest must not come in a burst when there is time again."""
    dense = [at(i // 500, quote(), i % 500) for i in range(4 * EVENTS)]
    playing = play([*dense, at(1000, quote("LAST"))], speed=1000)
    assert [len(playing.after(50)) for _ in range(4)] == [EVENTS] * 4
    assert playing.names(0) == []
    assert playing.names(1) == ["price LAST"]


def test_a_step_reads_so_much_and_no_more(play: Play) -> None:
    text = b"\n" * 1_000_000 + saved([at(0, quote())])
    playing = play(text)
    assert playing.after(0) == []
    assert any(playing.after(1) for _ in range(5))


def test_a_machine_that_slept_does_not_burst(play: Play) -> None:
    events = [at(i * 1000, quote(f"S{i}")) for i in range(3600)]
    playing = play(events)
    playing.after(0)
    assert playing.names(3_000_000) == []
    assert playing.names(1000) == ["price S1"]


def test_what_has_instants_to_come_is_told_anew_after_a_sleep(play: Play) -> None:
    market = MarketState("MAIN", "open", T0 + 60_000, None, T0).event()
    playing = play([at(0, market), at(0, quote(), 1), at(90_000, quote())])
    playing.after(0)
    [event] = playing.after(3_000_000)
    assert data(event)["until"] == NOW + 3_000_000 + 60_000


def test_a_key_that_expires_is_published_again_after_a_sleep(play: Play) -> None:
    typing = keyed("typing", "4711", b"1", T0 + 8000)
    retired = gone("typing", "4711", T0 + 4000)
    playing = play([at(0, typing), at(0, quote(), 1), at(4000, retired)])
    playing.after(0)
    [event] = playing.after(3_000_000)
    assert (event.subject, event.until) == ("4711", NOW + 3_000_000 + 8000)
    assert playing.names(4000) == ["gone 4711"], "before it expires"


def test_a_whole_state_plays_at_once_however_old_its_events(play: Play) -> None:
    events: list[Event | Control] = [
        hello(T0, T0 + 500),
        at(-86_400_000, quote("OLD", at=T0 - 86_400_000)),
        at(0, quote("NEW")),
        at(1500, quote("LIVE")),
    ]
    playing = play(events)
    old, new = playing.after(0)
    assert (old.subject, new.subject) == ("OLD", "NEW")
    assert data(old)["at"] == NOW - 500 - 86_400_000
    assert playing.names(999) == []
    assert playing.names(1) == ["price LIVE"]


def test_a_key_that_a_later_whole_state_lacks_is_retired(play: Play) -> None:
    """As when the server was restarted while it was recorded."""
    events: list[Event | Control] = [
        hello(T0, T0),
        at(0, quote("STAYS")),
        at(0, quote("GOES"), 1),
        hello(T0 + 1000, T0 + 1000),
        at(1000, quote("STAYS")),
        at(2000, quote("NEXT")),
    ]
    playing = play(events)
    assert playing.names(0) == ["price STAYS", "price GOES"]
    assert playing.names(1000) == ["price STAYS", "gone GOES"]
    assert playing.names(1000) == ["price NEXT"]


def test_instants_move_as_the_ids_do(play: Play) -> None:
    events = [
        at(0, quote(at=T0 - 4)),
        at(1000, score(T0 + 990, T0 - 600_000).event()),
        at(2000, Notice("n", "t", None, "info", None, T0 + 60_000, T0).event()),
    ]
    playing = play(events, speed=10)
    first, match, notice = playing.after(0) + playing.after(100) + playing.after(100)
    assert data(first)["at"] == NOW
    assert data(match)["at"] == NOW + 99
    assert data(match)["kick_off"] == data(match)["period_started"] == NOW - 60_000
    [began] = data(match)["incidents"]
    assert began["at"] == NOW - 60_000
    assert data(notice)["until"] == NOW + 6000


@both_formats
def test_a_time_to_live_moves_as_the_ids_do(play: Play, format: Format) -> None:
    """Server-sent events don't carry it: there the recorded `gone` retires the key."""
    typing = keyed("typing", "4711", b'{"until":1}', T0 + 5000)
    price = msgspec.structs.replace(quote().event(), until=T0 + 6000)
    events = [
        at(0, wrap(typing)),
        at(0, price, 1),
        at(0, keyed("typing", "x", b"1"), 2),
    ]
    wrapped, quoted, *_ = play(saved(events, format), speed=10).after(0)
    assert (wrapped.type, wrapped.data) == ("typing", b'{"until":1}')
    found = wrapped.until, quoted.until
    assert found == ((None, None) if format == "sse" else (NOW + 500, NOW + 600))


def test_a_line_with_a_ttl_expires_so_long_after_it_is_played(play: Play) -> None:
    line = b'{"id":"%d-0","event":"typing","key":"4711","ttl":5,"data":1}\n'
    playing = play(line % T0 + line % (T0 + 1000), speed=2)
    assert [event.until for event in playing.after(0)] == [NOW + 2500]
    assert [event.until for event in playing.after(700)] == [NOW + 3200]


def test_the_instant_of_a_late_trade_moves_with_its_quote(play: Play) -> None:
    late = msgspec.structs.replace(quote(at=T0), late=Late(7, T0 - 5000))
    [played] = play([at(0, late)]).after(0)
    assert data(played)["late"] == {"price": 7, "at": NOW - 5000}


def test_a_recording_of_another_version_is_played_and_only_its_instants_moved(
    play: Play,
) -> None:
    """Each field that a quote may lack is missing once, and each quote has new ones."""
    fields = msgspec.to_builtins(quote("ACME"))
    optional = fields.keys() - {*required_fields("price")}
    text = b""
    for name in sorted(optional):
        more = {"new": 7.0, **fields, "until": T0, "newer": {"at": T0}}
        del more[name]
        line = msgspec.json.encode({"id": f"{T0}-0", "event": "price", "data": more})
        text += line.replace(b'"new":7.0', b'"new":7.00e0') + b"\n"
    played = play(text).after(0)
    assert len(played) == len(optional)
    for name, event in zip(sorted(optional), played, strict=True):
        default = {"decimals": 2, "at": NOW}.get(name)
        expected = {**fields, "at": NOW, name: default}
        expected |= {"new": 7.0, "until": T0, "newer": {"at": T0}}
        assert data(event) == expected
        assert b'"new":7.00e0' in event.data, "the bytes of a value stay the same"
        assert event.slot == ("price", "ACME")


def test_a_match_of_another_version_is_played_with_its_new_status(play: Play) -> None:
    incident = {"match": "m", "incident": "1", "kind": "dance", "at": T0, "new": 1}
    match: dict[str, Any] = {
        **{"match": "m", "status": "VAR", "incidents": [incident]},
        **{"home": {"name": "H", "new": 1}, "away": {"name": "A"}},
        **{"kick_off": T0 - 60_000, "at": T0, "at_home": T0},
    }
    [played] = play([at(0, keyed("score", "m", msgspec.json.encode(match)))]).after(0)
    fields = data(played)
    assert (fields["kick_off"], fields["at"], fields["at_home"]) == (
        NOW - 60_000,
        NOW,
        T0,
    )
    assert (fields["status"], fields["minute"]) == ("VAR", None)
    [its] = fields["incidents"]
    assert its == {**dict.fromkeys(Incident.__struct_fields__), **incident, "at": NOW}
    nobody = dict.fromkeys(Team.__struct_fields__)
    assert fields["home"] == {**nobody, "name": "H", "new": 1}


def test_data_of_a_type_of_ones_own_is_left_alone(play: Play) -> None:
    event = unkeyed("temperature", b'{"at":1,"until":2}')
    [played] = play([at(0, event)]).after(0)
    assert played.data == event.data


def test_an_own_type_has_the_key_that_its_line_has(play: Play) -> None:
    line = b'{"id":"1-0","event":"temperature","key":"hall-2","data":21.5}\n'
    [played] = play(line).after(0)
    assert played == keyed("temperature", "hall-2", b"21.5")


@both_formats
def test_an_event_that_was_recorded_wrapped_is_played_as_itself(
    play: Play, format: Format
) -> None:
    events = [
        at(0, wrap(keyed("ticket", "4711", b'{"text": "Hi"}'))),
        at(0, wrap(unkeyed("token", b"1")), 1),
        at(0, gone("ticket", "4711", T0), 2),
    ]
    ticket, token, retired = play(saved(events, format)).after(0)
    assert ticket == keyed("ticket", "4711", b'{"text": "Hi"}')
    assert token == unkeyed("token", b"1")
    assert (retired.type, retired.slot) == ("gone", ("ticket", "4711"))


def test_an_own_type_of_the_name_other_is_no_wrapped_event(play: Play) -> None:
    text = b'{"event":"other","data":{"event":"x"}}\n{"event":"other","data":5}\n'
    assert [record.type for record in records(text)] == ["other", "other"]
    assert play(text).after(0) == []


def test_data_of_several_lines_becomes_one(play: Play) -> None:
    text = b'id: 1-0\nevent: note\ndata: {"a":\ndata:  1}\n\n'
    [played] = play(text).after(0)
    assert played == unkeyed("note", b'{"a":1}')


def test_events_without_an_id_of_ours_come_with_the_one_before(play: Play) -> None:
    text = (
        saved([at(0, quote("A")), at(1000, quote("B"))], "sse")
        + b"id: abc\nevent: note\ndata: 1\n\n"
        + saved([at(2000, quote("C"))], "sse")
    )
    playing = play(text)
    assert playing.names(0) == ["price A"]
    assert playing.names(1000) == ["price B", "note None"]
    assert playing.names(1000) == ["price C"]


def test_recordings_one_after_the_other_play_in_the_files_order(play: Play) -> None:
    newer = [at(86_400_000, quote("A")), at(86_401_000, quote("B"))]
    older = [at(0, quote("C")), at(1000, quote("D"))]
    playing = play([*newer, *older])
    assert playing.names(0) == ["price A"]
    assert playing.names(1000) == ["price B", "price C"]
    assert playing.names(1000) == ["price D"]


@pytest.mark.parametrize("type", ["notice", "typing"])
def test_a_key_past_its_time_is_retired_once(tmp_path: Path, type: str) -> None:
    event = keyed("typing", "n", b"1", T0 + 1000)
    if type == "notice":
        event = Notice("n", "t", None, "info", None, T0 + 1000, T0).event()
    path = tmp_path / "day.ndjson"
    path.write_bytes(
        saved(
            [
                at(0, event),
                at(1001, gone(type, "n", T0 + 1000)),
                at(2000, quote()),
            ]
        )
    )
    for speed, last in ((1.0, 2000), (0.0, 0)):
        with fed(path, speed=speed) as feed:
            for ms in (0, 1000, 1100, last, 3000):
                feed.step(NOW + ms)
            counted = feed.log.statistics().appended
        assert counted == {"source": 1, type: 1, "gone": 1, "price": 1}


def test_a_loop_begins_again_with_new_ids(tmp_path: Path, play: Play) -> None:
    path = tmp_path / "day.ndjson"
    path.write_bytes(saved([at(0, quote("A")), at(3000, quote("B"))]))
    playing = play(path.read_bytes(), loop=True)
    assert playing.names(0) == ["price A"]
    for _ in range(5):
        assert playing.names(3000) == ["price B"]
        assert playing.names(999) == []
        assert playing.names(1) == ["price A"]
    with fed(path, loop=True, speed=0) as feed:
        start = feed.log.tail
        for ms in range(3):
            feed.step(NOW + ms)
        found = [event.id for event in feed.log.read(start).events]
    assert len(found) == 1 + 3 * EVENTS  # with that of the source
    assert found == sorted({*found})


def test_a_loop_of_nothing_ends(play: Play) -> None:
    playing = play([hello(T0, T0)], loop=True, speed=0)
    assert playing.after(0) == playing.after(50) == []
    assert playing._replay._script.over


def test_a_key_that_the_beginning_lacks_is_retired_when_it_loops(
    play: Play,
) -> None:
    events: list[Event | Control] = [
        hello(T0, T0),
        at(0, quote("A")),
        at(1000, quote("LATE")),
    ]
    playing = play(events, loop=True)
    assert playing.names(0) == ["price A"]
    assert playing.names(1000) == ["price LATE"]
    assert playing.names(1000) == ["price A", "gone LATE"]


# Damaged recordings, and the end


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log lines of replays: another test's feed may not have ended yet."""
    records = (each for each in caplog.records if each.name == "liveboard.replay")
    return [record.getMessage() for record in records]


@both_formats
def test_a_damaged_line_is_logged_with_its_number_and_skipped(
    play: Play, caplog: pytest.LogCaptureFixture, format: Format
) -> None:
    caplog.set_level(logging.INFO, "liveboard")
    text = saved([at(i, quote(f"S{i}")) for i in range(4)], format)
    text = text.replace(b'"price":100.0', b'"price":"much"', 1)
    half = text[: -len(saved([at(3, quote("S3"))], format)) + 40]
    playing = play(half)
    assert playing.names(0) + playing.names(10) == ["price S1", "price S2"]
    first, cut, end = logged(caplog)
    begins = {"ndjson": (1, 4), "sse": (1, 15)}[format]
    assert f"day.ndjson, line {begins[0]}: skipped: " in first
    assert "`$.price`" in first
    assert f"day.ndjson, line {begins[1]}: skipped: " in cut
    assert end.endswith("was played: 2 events, 2 lines skipped; the board stays")


def test_a_file_of_nothing_but_damage_does_not_fill_the_log(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    playing = play(b"rubbish\n" * 10_000)
    caplog.set_level(logging.INFO, "liveboard")
    playing.after(0)
    assert len(logged(caplog)) == REPORTS + 2
    assert "0 events, 10000 lines skipped" in logged(caplog)[-1]


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"price","data":{"symbol":"ACME"}}',
        b'{"event":"gone","data":{"key":"ACME"}}',
        b'{"event":"Price","data":1}',
        b'{"event":"note","key":"a\\nb","data":1}',
        b'{"event":"note","key":"","data":1}',
        b'{"event":"note","data":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"event":"note","data":' + b"[" * 99 + b"]" * 99 + b"}",
        b'{"event":"note","data":"\xff"}',
        b'{"event":"note"}',
        b'{"event":"hello","data":{"resume":"fresh","tail":"x","at":1}}',
        b'{"event":"price","data":{"at":NaN}}',
        b'{"event":"note","data":1e999}',
        b"data: not json\n",
    ],
)
def test_a_line_that_says_nothing_playable_is_skipped(
    play: Play, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    playing = play(line + b"\n" + saved([at(0, quote("NEXT"))]))
    assert playing.names(0) == ["price NEXT"]
    assert "line 1: skipped: " in caplog.text


def test_an_instant_beyond_all_numbers_is_damage(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    line = saved([at(0, quote())]).replace(
        f'"at":{T0}'.encode(), b'"at":1' + b"0" * 400
    )
    playing = play(line + saved([at(0, quote("NEXT"))]))
    assert playing.names(0) == ["price NEXT"]
    assert "line 1: skipped: " in caplog.text


def test_more_keys_than_may_be_held_are_skipped(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    events = [
        at(0, quote("A")),
        at(1, quote("B")),
        at(2, quote("C")),
        at(3, gone("price", "A", T0)),
        at(4, quote("C")),
    ]
    playing = play(events, max_keys=2)
    assert playing.names(0) + playing.names(9) == [
        "price A",
        "price B",
        "gone A",
        "price C",
    ]
    assert "line 3: skipped: MAX_KEYS=2" in caplog.text


def test_more_data_than_all_keys_may_have_is_skipped(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    def own(ms: int, key: str, size: int) -> Event:
        return at(ms, keyed("own", key, b'"%b"' % (b"x" * size)))

    events = [own(0, "A", 600), own(1, "B", 500), own(2, "A", 300), own(3, "B", 500)]
    playing = play(events, max_bytes=1000)
    names = playing.names(0) + playing.names(9)
    assert names == ["own A", "own A", "own B"]
    assert "line 2: skipped: the data of all keys would exceed" in caplog.text


def test_more_types_than_may_be_counted_are_skipped(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    events = [at(0, unkeyed(f"t{i}", b"1"), i) for i in range(MAX_TYPES + 5)]
    assert len(play(events).after(0)) == MAX_TYPES
    assert f"line {MAX_TYPES + 1}: skipped: " in caplog.text


def test_a_long_silence_is_announced(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "liveboard")
    play([at(0, quote()), at(7_200_000, quote())], speed=2).after(0)
    assert "line 2: the next event comes in 3600 s" in caplog.text


# Another process continues


class Begun:
    """Replays of one file, one after the other; each ends as if it were killed."""

    def __init__(self, path: Path, loop: bool, speed: float) -> None:
        self.published: list[Event] = []
        self.place = b""
        self._path = path
        self._options = loop, speed, 5000
        self._replay = Replay(path, *self._options)

    def step(self, now: int, published: bool = True) -> None:
        """Let it step; the other processes get its events, or not."""
        events = self._replay.step(now)
        if events and published:
            self.published += events
            self.place = self._replay.place

    def follow(self, now: int) -> None:
        """Let another process continue from the published events."""
        self.close()
        newest = [*fold_events(self.published).values()]
        self._replay = Replay(self._path, *self._options, self.place, newest, now)

    def close(self) -> None:
        self._replay.close()


def fold_events(events: Iterable[Event]) -> dict[Slot, Event]:
    """Return the newest event of each key that isn't retired."""
    newest = {event.slot: event for event in events if event.slot}
    return {slot: event for slot, event in newest.items() if not event.retires}


def said(events: Iterable[Event]) -> list[tuple[str, str | None, bytes]]:
    """Return all that readers see; but a retirement is at the instant of its step."""
    return [(e.type, e.subject, b"" if e.retires else e.data) for e in events]


kinds = st.sampled_from(
    ["A", "B", "note", "score", "notice", "typing", "gone", "bad", "beat"]
)
lines = st.tuples(st.integers(0, 2000), kinds | st.just("fresh"))


def recorded(drawn: list[tuple[int, str]], format: Format) -> bytes:
    """Return a recording of these, each so many ms after the one before."""
    ms, text = 0, saved([at(0, quote("A"))], format)
    for n, (apart, kind) in enumerate(drawn):
        ms += apart
        now, ends = T0 + ms, T0 + ms + 60_000
        events: dict[str, list[Event | Control]] = {
            "note": [at(ms, unkeyed("note", b"%d" % n), n)],
            "score": [at(ms, score(now, T0 + n).event(), n)],
            "notice": [
                at(ms, Notice("n", "t", None, "info", None, ends, now).event(), n)
            ],
            "typing": [at(ms, keyed("typing", "t", b"%d" % n, ends), n)],
            "gone": [at(ms, gone("price", "A", now), n)],
            "beat": [Heartbeat(now)],
            "fresh": [
                hello(now, now),
                at(ms - 9, quote("B", n + 1)),
                at(ms, quote("C", n + 1)),
            ],
        }
        usual: list[Event | Control] = [at(ms, quote(kind, n + 1), n)]
        text += b"rubbish\n" if kind == "bad" else b""
        text += b"" if kind == "bad" else saved(events.get(kind, usual), format)
    return text


@settings(max_examples=60)
@given(
    st.lists(lines, max_size=8),
    st.lists(st.tuples(st.integers(0, 2400), st.sampled_from("..kx")), max_size=12),
    st.sampled_from(["ndjson", "sse"]),
    st.sampled_from([(0, False), (1, False), (1, True), (10, False), (10, True)]),
    st.sampled_from([EVENTS, 1]),
)
def test_another_goes_on_where_one_was_killed(
    drawn: list[tuple[int, str]],
    steps: list[tuple[int, str]],
    format: Format,
    how: tuple[int, bool],
    most: int,
) -> None:
    """As if there had been one: `k` kills after a step, `x` before it is published."""
    speed, loop = how
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("feed.sources.replay.EVENTS", most)
        path = Path(folder) / "day.ndjson"
        path.write_bytes(recorded(drawn, format))
        one, several = (Begun(path, loop, speed) for _ in range(2))
        with closing(one), closing(several):
            now, missed = NOW, False
            for apart, kill in [(0, "."), *steps, *[(2400, ".")] * 8]:
                now += apart
                missed = kill == "x" and not missed  # else it would stand still
                one.step(now)
                several.step(now, not missed)
                if kill != ".":
                    several.follow(now)
    expected, found = said(one.published), said(several.published)
    if most < EVENTS:  # what was missed makes it slower, and a state may come again
        fresh = "fresh" in {kind for _, kind in drawn}
        types = {"note"} if fresh else {"note", "price"}
        expected, found = (
            [(type, subject, b"") for type, subject, _ in each if type in types]
            for each in (expected, found)
        )
    elif speed and not loop:
        assert len(found) >= len(expected)
    length = min(len(found), len(expected))
    assert found[:length] == expected[:length]


def test_another_recording_begins_anew(tmp_path: Path, play: Play) -> None:
    path = tmp_path / "other.ndjson"
    path.write_bytes(saved([at(0, quote("A")), at(1000, quote("B"))]))
    with closing(Replay(path, False, 1, 5000)) as other:
        assert other.step(NOW)
        place = other.place
        with closing(Replay(path, False, 1, 5000, place, (), NOW)) as same:
            assert same.step(NOW) == []
    playing = play([at(0, quote("A")), at(1000, quote("C"))], place=place)
    assert playing.names(0) == ["price A"]
    assert play([at(0, quote("A"))], place=b"{}").names(0) == ["price A"]


def test_one_that_goes_on_in_a_long_silence_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    path.write_bytes(saved([at(0, quote("A")), at(3_600_000, quote("B"))]))
    with closing(Begun(path, False, 1)) as begun:
        begun.step(NOW)
        begun.follow(NOW + 3_599_000)
        begun.step(NOW + 3_599_500)
        assert len(begun.published) == 1
        begun.step(NOW + 3_600_000)
        assert data(begun.published[-1])["at"] == NOW


def test_one_that_goes_on_after_a_night_does_not_burst(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    market = MarketState("MAIN", "open", T0 + 60_000, None, T0).event()
    events = [at(i * 1000, quote(f"S{i}")) for i in range(1, 60)]
    path.write_bytes(saved([at(0, market), *events]))
    with closing(Begun(path, False, 1)) as begun:
        begun.step(NOW)
        begun.follow(NOW + 30_000_000)
        for ms in (0, 999, 1000):
            begun.step(NOW + 30_000_000 + ms)
    names = [f"{each.type} {each.subject}" for each in begun.published]
    assert names == ["market MAIN", "market MAIN", "price S1", "price S2"]
    assert data(begun.published[1])["until"] == NOW + 30_000_000 + 59_000


@pytest.mark.parametrize("speed", [0, 1])
def test_one_that_had_ended_stays_at_its_end(tmp_path: Path, speed: float) -> None:
    path = tmp_path / "day.ndjson"
    events: list[Event | Control] = [at(0, score(T0, T0).event()), Heartbeat(T0)]
    path.write_bytes(saved(events) + b"rubbish\n")
    with closing(Begun(path, False, speed)) as begun:
        begun.step(NOW)
        begun.follow(NOW + 30_000_000)
        begun.step(NOW + 30_000_000)
        begun.step(NOW + 30_001_000)
    assert len(begun.published) == 1


# Settings


def test_a_replay_is_a_file_and_may_be_looped(tmp_path: Path) -> None:
    path = tmp_path / "my day.ndjson"
    path.touch()
    once = Settings.from_env({"FEED": f"replay:{path}"})
    assert (once.feed, once.recording, once.loop) == ("replay", str(path), False)
    assert Settings.from_env({"FEED": f"replay:{path}?loop=1"}).loop
    assert not Settings.from_env({"FEED": f"replay:{path}?loop=0"}).loop


def test_a_replay_and_nothing_else_may_be_as_fast_as_it_can(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    path.touch()
    assert Settings.from_env({"FEED": f"replay:{path}", "SPEED": "0"}).speed == 0
    with pytest.raises(InvalidSetting, match="SPEED"):
        Settings.from_env({"FEED": "published", "SPEED": "0"})


@pytest.mark.parametrize(
    "value",
    ["replay", "replay:", "replay:?loop=1", "replay:{}?loop=yes", "replay:{}?speed=2"],
)
def test_a_replay_that_is_named_wrongly_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "day.ndjson"
    path.touch()
    with pytest.raises(InvalidSetting, match="FEED"):
        Settings.from_env({"FEED": value.format(path)})


def test_a_recording_that_cannot_be_read_stops_the_start_with_one_line(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for feed, speed, words in (
        (f"replay:{tmp_path}/none.ndjson", "1", "none.ndjson': No such file"),
        (f"replay:{tmp_path}", "1", "is not a file with a recording"),
        (f"replay:{tmp_path}/pipe", "1", "is not a file with a recording"),
        ("simulator", "0", "SPEED='0' is less than 0.01"),
    ):
        board = Board(FEED=feed, SPEED=speed)
        with pytest.raises(AssertionError), board:
            pass
        assert words in board.log()
        assert "Traceback" not in board.log()
        [line] = board.log().splitlines()
        assert line.startswith(("liveboard: FEED: ", "liveboard: SPEED="))


# In numbers, and in a real server

PLAY = """
import sys, time
from pathlib import Path
from feed.feed import Feed
from feed.settings import Settings
feed = Feed(Settings(feed="replay", recording=sys.argv[1], speed=0, backlog=100), "1")
now, tail = int(time.time() * 1000), None
while tail != feed.log.tail:
    tail, now = feed.log.tail, now + 50
    feed.step(now)
# Not `ru_maxrss`, in which Linux includes the memory of the parent process.
_, _, peak = Path("/proc/self/status").read_text().partition("VmHWM:")
print(peak.split()[0], feed.log.statistics().appended)
"""


def test_a_big_file_plays_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    block = saved([at(0, quote()), at(0, unkeyed("note", b'"%s"' % (b"x" * 40_000)))])
    peaks = {}
    for megabytes in (2, 200):
        times = (megabytes << 20) // len(block)
        with path.open("wb") as file:
            for _ in range(times):
                file.write(block)
        command = [sys.executable, "-c", PLAY, str(path)]
        said = subprocess.check_output(command, cwd=ROOT, text=True)
        peak, _, appended = said.partition(" ")
        assert appended.strip() == str({"source": 1, "price": times, "note": times})
        peaks[megabytes] = int(peak)  # KiB
    assert peaks[200] < peaks[2] + 8 * 1024


def test_a_board_that_plays_as_fast_as_it_can_serves_others(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    path.write_bytes(saved([at(i, quote(f"S{i % 50}", i + 1)) for i in range(20_000)]))
    with Board(FEED=f"replay:{path}?loop=1", SPEED="0") as board:
        with board.stream() as stream:
            [hello] = stream.events(1)
            assert json.loads(hello.data)["source"] == "replay"
            found = stream.events(5000, 30)
            assert board.get("/healthz")[0] == 200
        assert len(json.loads(board.get("/api/state")[2])["prices"]) == 50
        assert "Traceback" not in board.log()
    ages = [json.loads(e.data)["at"] for e in found if e.event == "price"]
    assert min(ages) > T0 + 1_000_000_000  # of now, not of when it was recorded


def test_the_end_of_a_recording_leaves_the_board_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    path.write_bytes(saved([at(0, quote("A")), at(100, quote("B"))]) + b'{"id":"17')
    with Board(FEED=f"replay:{path}") as board:
        until(lambda: "was played: 2 events, 1 lines" in board.log(), why="the end")
        assert "line 3: skipped: cut off" in board.log()
        state = json.loads(board.get("/api/state")[2])
        assert [price["symbol"] for price in state["prices"]] == ["A", "B"]
        assert board.get("/readyz")[0] == 200
