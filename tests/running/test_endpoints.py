"""The contract (`docs/feed.md`), endpoint by endpoint, as clients meet it over HTTP."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from feed.streams.view import LAST_EVENT_ID
from tests.helpers.client_state import KEYED, fold, id_of, of_the_log, server_state
from tests.helpers.harness import Board, Stream, until
from tests.helpers.sse import Parsed

PRICE = (
    "symbol name currency market sector source price decimals change change_percent "
    "previous_close open high low bid ask volume late at"
)
SCORE = (
    "match competition source home away status minute stoppage kick_off "
    "period_started at incidents"
)


@pytest.fixture(scope="module")
def still() -> Iterator[Board]:
    """Yield a board without a source, which shows only the events of these tests."""
    with Board("tests.helpers.nasty_app:app", HEARTBEAT="1") as board:
        yield board


@pytest.fixture(scope="module")
def fast() -> Iterator[Board]:
    """Yield a board on which a match lasts some 5 s."""
    with Board(SPEED="100", SEED="21", HEARTBEAT="0.5") as board:
        yield board


# --- /stream: the answer's form


@pytest.mark.parametrize(
    "path, accept, expected",
    [
        ("/stream", "", "text/event-stream; charset=utf-8"),
        ("/stream", "*/*", "text/event-stream; charset=utf-8"),
        ("/stream", "text/event-stream", "text/event-stream; charset=utf-8"),
        ("/stream", "application/x-ndjson", "application/x-ndjson"),
        ("/stream", "text/plain", "text/plain; charset=utf-8"),
        ("/stream", "text/plain;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("/stream", "text/html, */*;q=0.1", "text/event-stream; charset=utf-8"),
        ("/stream.ndjson", "text/event-stream", "application/x-ndjson"),
        ("/stream.txt", "text/event-stream", "text/plain; charset=utf-8"),
    ],
)
def test_accept_or_the_suffix_chooses_the_wire_format(
    board: Board, path: str, accept: str, expected: str
) -> None:
    status, headers, body = board.get(f"{path}?once=1", {"Accept": accept})
    assert status == 200
    assert headers["content-type"] == expected
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert headers["vary"] == "Accept, Accept-Encoding"
    opens = {"t": b"hello  ", "a": b'{"id":null,"event":"hello",'}
    if "event-stream" in expected:
        assert re.match(rb"retry: \d{4}\nevent: hello\ndata: \{.*\}\n\n", body)
    else:
        assert body.startswith(opens[expected[0]])


def test_the_three_formats_tell_the_same(still: Board) -> None:
    sse = of_the_log(still.stream("/stream?once=1").read_all())
    ndjson = [
        json.loads(line)
        for line in still.get("/stream.ndjson?once=1")[2].split(b"\n")[:-1]
    ]
    assert [(e.id, e.event, json.loads(e.data)) for e in sse] == [
        (line["id"], line["event"], line["data"]) for line in ndjson[1:-1]
    ]
    text = still.get("/stream.txt?once=1")[2].decode().splitlines()
    assert [line.split()[0] for line in text] == [line["event"] for line in ndjson]
    assert all(f"[{e.id}]" in line for e, line in zip(sse, text[1:-1], strict=True))


@pytest.mark.parametrize(
    "query, parameter, words",
    [
        ("symbol=ACME", "symbol", "Did you mean symbols?"),
        ("Events=price", "Events", "Did you mean events?"),
        ("since=5", "since", "symbols, matches, events, name, after, pace, once"),
        ("after=yesterday", "after", "not an event id"),
        ("after=", "after", "not an event id"),
        ("after=-1", "after", "not an event id"),
        ("after=1-2-3", "after", "not an event id"),
        ("pace=61", "pace", "from 0 to 60"),
        ("pace=-1", "pace", "from 0 to 60"),
        ("pace=nan", "pace", "from 0 to 60"),
        ("once=yes", "once", "neither 1 nor 0"),
        ("symbols=", "symbols", "names nothing"),
        ("symbols=A&symbols=B", "symbols", "given twice"),
        ("events=Price", "events", "can't be an event type"),
    ],
)
def test_a_parameter_that_cannot_be_understood_is_named(
    board: Board, query: str, parameter: str, words: str
) -> None:
    for path in ("/stream", "/stream.txt"):
        status, headers, body = board.get(f"{path}?{query}")
        problem = json.loads(body)
        assert (status, problem["status"]) == (400, 400)
        assert headers["content-type"] == "application/problem+json"
        assert problem["parameter"] == parameter
        assert problem["title"]
        assert words in problem["detail"]


@pytest.mark.parametrize("cursor", ["nonsense", "", "999999999999999-0", "1-0"])
def test_a_last_event_id_that_means_nothing_here_begins_anew(
    board: Board, cursor: str
) -> None:
    with board.stream("/stream?once=1", {"Last-Event-ID": cursor}) as stream:
        hello = json.loads(stream.events(1)[0].data)
    assert (hello["resume"], hello["dropped"], hello["lost"]) == ("fresh", None, None)


@pytest.mark.parametrize("name", ["after", *LAST_EVENT_ID])
def test_the_header_wins_over_a_cursor_in_the_query(board: Board, name: str) -> None:
    first, second = (e.id for e in live(board.stream(), 2))
    with board.stream(f"/stream?{name}={first}", {"Last-Event-ID": second}) as stream:
        hello, *_, event = stream.read_until(lambda e: bool(of_the_log([e])))
    assert json.loads(hello.data)["after"] == second
    assert id_of(event.id) > id_of(second)


@pytest.mark.parametrize("name", LAST_EVENT_ID)
def test_a_client_that_sends_its_cursor_in_the_query_is_resumed(
    board: Board, name: str
) -> None:
    (event,) = live(board.stream(), 1)
    for path in ("/stream", "/stream.ndjson", "/stream.txt"):
        with board.stream(f"{path}?once=1&after=1&{name}={event.id}") as stream:
            stream.read_all()
        assert b"replayed" in stream.raw
        assert event.id.encode() in stream.raw.split(b"replayed")[1].split(b"\n")[0]


def test_a_bare_instant_is_a_cursor(board: Board) -> None:
    (event,) = live(board.stream(), 1)
    ms = id_of(event.id)[0]
    with board.stream(f"/stream?once=1&after={ms}") as stream:
        hello, *read = stream.read_all()
    assert json.loads(hello.data)["resume"] == "replayed"
    assert id_of(read[0].id)[0] >= ms
    assert event in read


def test_a_stream_opened_with_a_body_or_a_method_of_its_own_is_no_stream(
    board: Board,
) -> None:
    status, headers, _ = board.request("POST", "/stream", body=b"x")
    assert status == 405
    assert "GET" in headers["allow"]
    assert headers["content-type"] == "application/problem+json"


# --- /stream: which events, and when


def test_a_view_shows_what_it_names_and_nothing_else(fast: Board) -> None:
    tail = json.loads(fast.get("/api/state")[2])["id"]
    with fast.stream("/stream?symbols=ACME,BOLT&matches=none&events=price,score") as s:
        read = of_the_log(s.events(200, 30))
    assert {e.event for e in read} == {"price"}
    assert {json.loads(e.data)["symbol"] for e in read} == {"ACME", "BOLT"}
    with fast.stream(f"/stream?events=incident,score&after={tail}") as stream:
        read = stream.read_until(lambda e: e.event == "incident", 30)
        read = of_the_log(read + stream.events(200, 30))
    kinds = {e.event for e in read}
    assert {"incident", "score"} <= kinds <= {"incident", "score", "gone"}


def test_a_filtered_stream_resumes_cheaply_from_its_heartbeats(fast: Board) -> None:
    """The ids of its heartbeats follow the log, although its view shows no events."""
    with fast.stream("/stream?symbols=ZZZZ&events=price") as stream:
        hello, *beats = stream.events(4)
    assert [e.event for e in beats] == ["heartbeat"] * 3
    ids = [id_of(e.id) for e in beats]
    assert ids == sorted({*ids})
    assert id_of(json.loads(hello.data)["tail"]) < ids[0]
    headers = {"Last-Event-ID": beats[-1].id}
    with fast.stream("/stream?symbols=ZZZZ&events=price&once=1", headers) as stream:
        hello, end = stream.read_all()
    answer = json.loads(hello.data)
    assert (answer["resume"], answer["after"], answer["lost"]) == (
        "replayed",
        beats[-1].id,
        0,
    )
    assert end.event == "end"


def test_at_a_pace_frames_come_no_faster_and_the_state_is_right(fast: Board) -> None:
    """A frame has each key once, so no key comes more often than frames do."""
    seen = Counter[tuple[str, str]]()

    def is_seventh(event: Parsed) -> bool:
        if event.event not in KEYED:
            return False
        key = event.event, subject(event)
        seen[key] += 1
        return seen[key] == 7

    opened = time.monotonic()
    with fast.stream("/stream?pace=0.5") as stream:
        state = fold({}, stream.read_until(is_seventh, 30))
        # The catch-up and six frames, each of another half second by the clock.
        assert time.monotonic() - opened > 4 * 0.5
        id, expected = server_state(fast)
        rest = stream.read_until(lambda e: bool(e.id) and id_of(e.id) > id)
        # The frame with that event ends before the id that the board is at by now.
        end, _ = server_state(fast)
        rest += stream.read_until(lambda e: bool(e.id) and id_of(e.id) > end)
    # Values that were superseded within the pace came as the newer ones.
    fold(state, rest)
    newer = {(e.event, subject(e)) for e in rest if e.event in KEYED}
    gone = {
        (json.loads(e.data)["event"], json.loads(e.data)["key"])
        for e in rest
        if e.event == "gone"
    }
    assert {key: data for key, data in state.items() if key not in newer} == {
        key: data for key, data in expected.items() if key not in newer | gone
    }


def subject(event: Parsed) -> str:
    return str(json.loads(event.data)[KEYED[event.event]])


def live(stream: Stream, n: int) -> list[Parsed]:
    """Return `n` of a stream's events from after its catch-up, and close it."""
    with stream:
        tail = id_of(json.loads(stream.events(1)[0].data)["tail"])
        stream.read_until(lambda e: bool(e.id) and id_of(e.id) >= tail)
        read: list[Parsed] = []
        while len(read) < n:
            read += of_the_log(stream.events(1))
        return read


# --- /stream/matches/<id>


def test_the_stream_of_a_match_tells_it_to_its_end_and_then_204(fast: Board) -> None:
    match, stream = stream_of_one(fast, "2H")
    with stream:
        hello, *read, end = stream.read_all(20)
        assert stream.complete
    assert json.loads(hello.data)["resume"] == "fresh"
    assert json.loads(end.data) == {"reason": "complete"}
    events = of_the_log(read)
    assert {e.event for e in events} <= {"score", "incident", "gone"}
    assert {json.loads(e.data)["match"] for e in events if e.event != "gone"} == {match}
    score = json.loads([e for e in events if e.event == "score"][-1].data)
    assert score["status"] == "FT"
    assert score["incidents"][-1]["kind"] == "full_time"
    path, last = f"/stream/matches/{match}", events[-1].id
    until(lambda: fast.get(path)[0] == 404, why="the match is retired")
    with fast.stream(path, {"Last-Event-ID": last}) as again:
        rest = of_the_log(again.read_all())
    assert {e.event for e in rest} <= {"gone"}
    retired = rest[-1].id if rest else last
    assert fast.get(path, {"Last-Event-ID": retired})[0] == 204
    status, _, body = fast.get(f"{path}?after={retired}")
    assert (status, body) == (204, b"")


def test_the_stream_of_a_match_that_is_over_is_its_last_event_and_an_end(
    fast: Board,
) -> None:
    match, stream = stream_of_one(fast, "FT")
    with stream:
        hello, score, *_, end = stream.read_all()
    assert (hello.event, score.event, end.event) == ("hello", "score", "end")
    assert fast.get(f"/stream/matches/{match}?after={score.id}")[0] in (200, 204)


def test_the_stream_of_an_unknown_match_is_404(board: Board) -> None:
    status, headers, body = board.get("/stream/matches/nobody")
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert "'nobody'" in json.loads(body)["detail"]
    status, _, body = board.get("/stream/matches/nobody?symbols=ACME")
    assert (status, json.loads(body)["parameter"]) == (400, "symbols")


def stream_of_one(board: Board, status: str) -> tuple[str, Stream]:
    """Return a match that has this status, or has just had it, and its stream."""
    match = until(lambda: match_that_is(board, status), why=f"a match that is {status}")
    stream = board.stream(f"/stream/matches/{match}")
    if match and stream.status == 200:
        return match, stream
    stream.close()  # it was retired in the meantime
    return stream_of_one(board, status)


def match_that_is(board: Board, status: str) -> str | None:
    scores = json.loads(board.get("/api/state?events=score")[2])["scores"]
    found = [score for score in scores if score["status"] == status]
    return max(found, key=lambda score: score["at"])["match"] if found else None


# --- /api/state


def test_the_state_is_whole(board: Board) -> None:
    status, headers, body = board.get("/api/state")
    state = json.loads(body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert " ".join(state) == "id at source prices scores markets notices sources other"
    assert state["source"] == "simulator"
    assert len(state["prices"]) == 30
    for price in state["prices"]:
        assert " ".join(price) == PRICE
        change = price["price"] - price["previous_close"]
        assert price["change"] == pytest.approx(
            change, abs=10 ** -price["decimals"] / 2
        )
    for score in state["scores"]:
        assert " ".join(score) == SCORE
    assert [market["market"] for market in state["markets"]] == ["MAIN"]


def test_the_state_takes_filters(board: Board) -> None:
    def sections(query: str) -> dict[str, list[str]]:
        state = json.loads(board.get(f"/api/state?{query}")[2])
        return {
            "prices": [price["symbol"] for price in state["prices"]],
            "scores": [score["match"] for score in state["scores"]],
            "markets": [market["market"] for market in state["markets"]],
        }

    def filtered(query: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Return the whole state and the part that `query` selects, of one moment."""
        before, found, after = sections(""), sections(query), sections("")
        return (before, found) if before == after else filtered(query)

    whole, found = filtered("symbols=BOLT,ACME,ZZZZ")
    assert found == {**whole, "prices": ["ACME", "BOLT"]}
    scores = json.loads(board.get("/api/state")[2])["scores"]
    one = next(score["match"] for score in scores if score["status"] == "NS")
    whole, found = filtered(f"matches={one}")
    assert found == {**whole, "scores": [one]}
    assert sections("events=market") == {
        "prices": [],
        "scores": [],
        "markets": ["MAIN"],
    }
    status, _, body = board.get("/api/state?after=5")
    assert (status, json.loads(body)["parameter"]) == (400, "after")


def test_the_states_etag_is_its_id(still: Board) -> None:
    _, headers, body = still.get("/api/state")
    etag = headers["etag"]
    assert etag == f'"{json.loads(body)["id"]}"'
    for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        status, received, body = still.get("/api/state", {"If-None-Match": sent})
        assert (status, body, received["etag"]) == (304, b"", etag)
    assert still.get("/api/state", {"If-None-Match": '"1-0"'})[0] == 200


def test_an_event_of_a_users_own_type_is_in_the_state_under_other(still: Board) -> None:
    state = json.loads(still.get("/api/state")[2])
    assert state["source"] == "published"
    assert state["prices"] == state["scores"] == []
    first = next(other for other in state["other"] if other["event"] == "first")
    assert (first["key"], first["data"]) == ("first", 1)
    assert id_of(first["id"]) < id_of(state["id"])


def test_other_selects_a_users_own_types_in_a_stream_and_in_the_state(
    still: Board,
) -> None:
    reply = json.loads(still.get("/api/state?events=other")[2])
    assert reply == json.loads(still.get("/api/state?events=other,first")[2])
    assert reply["other"] == json.loads(still.get("/api/state")[2])["other"]
    with still.stream("/stream?once=1&events=other") as stream:
        wrapped = [json.loads(e.data) for e in stream.read_all() if e.event == "other"]
    first = {"event": "first", "key": "first", "data": 1}
    assert first in wrapped
    with still.stream("/stream?once=1&events=other,first") as stream:
        reply = stream.read_all()
    assert ("first", "1") in [(event.event, event.data) for event in reply]
    others = [json.loads(event.data) for event in reply if event.event == "other"]
    assert others == [each for each in wrapped if each != first]
    answer = still.get("/stream.ndjson?once=1&events=other")[2]
    lines = [json.loads(line) for line in answer.splitlines()]
    assert [line["data"] for line in lines if line["event"] == "other"] == wrapped


# --- /api/history


def test_the_history_is_candles_oldest_first(board: Board) -> None:
    status, _, body = board.get("/api/history/ACME")
    history = json.loads(body)
    assert status == 200
    assert [*history] == ["symbol", "interval", "id", "candles"]
    assert (history["symbol"], history["interval"]) == ("ACME", 60)
    assert len(history["candles"]) > 5
    begun = [candle[0] for candle in history["candles"]]
    assert begun == sorted({*begun})
    for at, open, high, low, close, volume in history["candles"]:
        assert at % 60_000 == 0
        assert low <= min(open, close) <= max(open, close) <= high
        assert volume >= 0
    assert id_of(history["id"])
    few = json.loads(board.get("/api/history/ACME?interval=5&limit=3")[2])
    assert few["interval"] == 5
    assert len(few["candles"]) == 3


@pytest.mark.parametrize(
    "path, status, words",
    [
        ("ZZZZ", 404, "'ZZZZ'"),
        ("ACME?interval=7", 400, "interval"),
        ("ACME?interval=0", 400, "interval"),
        ("ACME?interval=x", 400, "interval"),
        ("ACME?limit=0", 400, "limit"),
        ("ACME?limit=999999", 400, "limit"),
        ("ACME?intervall=60", 400, "intervall"),
    ],
)
def test_a_history_that_cannot_be_given_says_why(
    board: Board, path: str, status: int, words: str
) -> None:
    got, headers, body = board.get(f"/api/history/{path}")
    assert (got, headers["content-type"]) == (status, "application/problem+json")
    assert words in json.loads(body)["detail"]


# --- The board itself, health and figures


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"User-Agent": "Mozilla"}])
def test_a_terminal_gets_a_table_and_three_hints(
    board: Board, headers: dict[str, str]
) -> None:
    status, received, body = board.get("/", headers)
    assert (status, received["content-type"]) == (200, "text/plain; charset=utf-8")
    assert received["vary"] == "Accept"
    lines = body.decode().splitlines()
    assert lines[0].startswith("Liveboard · as of ")
    assert "simulated data" in lines[0]
    assert [
        line for line in lines if re.match(r"ACME\s+Acme Anvil Works\s+1\d\d", line)
    ]
    assert sum(f"curl -N {board.url}/stream" in line for line in lines) >= 2
    assert "stream?symbols=ACME" in lines[-1]
    assert "\x1b" not in body.decode()


def test_a_browser_gets_the_page(board: Board) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    status, headers, body = board.get("/", browser)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert {*headers["vary"].split(", ")} == {"Accept", "Accept-Encoding"}
    assert b"Acme Anvil Works" in body
    assert "default-src 'none'" in headers["content-security-policy"]


def test_health_and_readiness_are_said_in_words(board: Board) -> None:
    assert board.get("/healthz")[::2] == (200, b"ok\n")
    assert board.get("/readyz")[::2] == (200, b"ready\n")
    status, headers, body = board.get("/nowhere")
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["status"] == 404


def test_every_figure_of_the_contract_is_told(board: Board) -> None:
    with board.stream() as stream:
        stream.events(60)
        status, headers, body = board.get("/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    figures = {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in body.decode().splitlines()
        if not line.startswith("#")
    }
    for name in (
        'liveboard_streams_refused_total{reason="client"}',
        'liveboard_streams_refused_total{reason="limit"}',
        'liveboard_streams_refused_total{reason="restart"}',
        "liveboard_gaps_total",
        "liveboard_dropped_total",
        "liveboard_lost_total",
        "liveboard_slowest_stream_seconds",
    ):
        assert figures[name] >= 0
    for name in (
        "liveboard_streams",
        "liveboard_streams_total",
        'liveboard_events_total{type="price"}',
        'liveboard_events_total{type="score"}',
        "liveboard_frames_total",
        "liveboard_bytes_total",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ):
        assert figures[name] > 0
    assert 0 <= figures["liveboard_newest_event_seconds"] < 5


def test_every_answer_forbids_sniffing(board: Board) -> None:
    for path in ("/", "/stream?once=1", "/api/state", "/metrics", "/nowhere"):
        assert board.get(path)[1]["x-content-type-options"] == "nosniff"
