"""Keys under `/api/keys`, and how long what is published stays."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from feed.clock import now_ms
from feed.events.event import Event
from feed.log import Log
from feed.publishing.batch import Batch, Refused
from tests.helpers.harness import Board

NOW = now_ms()
LATER = NOW + 60_000
BEARER = {"Authorization": "Bearer secret"}
TEAMS = {"home": {"name": "A"}, "away": {"name": "B"}, "status": "1H"}


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with Board(FEED="published", PUBLISH_TOKEN="secret", MAX_KEYS="50") as board:
        yield board


def batch(max_keys: int = 10) -> Batch:
    return Batch(Log(10, NOW), max_keys, NOW)


def of_line(**envelope: Any) -> Event:
    """Return the event of a line of NDJSON."""
    it = batch()
    it.add_lines(json.dumps(envelope).encode())
    [event] = it.events
    return event


def of_key(type: str, key: str, body: bytes, ttl: float | None = None) -> Event:
    """Return the event of a PUT."""
    it = batch()
    it.add_key(type, key, body, ttl)
    [event] = it.events
    return event


# --- ttl and until


@pytest.mark.parametrize(
    "ttl, ms", [(0.1, 100), (5, 5000), (31_536_000, 31_536 * 10**6)]
)
def test_a_ttl_counts_from_the_instant_of_receipt(ttl: float, ms: int) -> None:
    for event in (
        of_line(event="typing", key="4711", data={"agent": "Mia"}, ttl=ttl),
        of_line(event="price", data={"symbol": "A", "price": 5}, ttl=ttl),
        of_line(event="score", key="m", data=TEAMS, ttl=ttl),
        of_key("typing", "4711", b"1", ttl),
        of_key("price", "A", b"5", ttl),
        of_key("market", "MAIN", b'{"status":"open","until":%d}' % LATER, ttl),
    ):
        assert event.until == NOW + ms
    assert of_line(event="typing", key="4711", data=1, ttl=None).until is None


@pytest.mark.parametrize("given", [{"ttl": 60}, {"until": LATER}])
def test_a_notice_has_its_expiry_in_its_data(given: dict[str, float]) -> None:
    for data in ({"title": "t"}, {"title": "t", "until": None}):
        event = of_line(event="notice", key="n", data=data, **given)
        assert json.loads(event.data)["until"] == event.until == LATER
    same = of_line(
        event="notice", key="n", data={"title": "t", "until": LATER}, **given
    )
    assert same.until == LATER


def test_the_until_of_a_recorded_event_is_its_expiry() -> None:
    assert of_line(event="typing", key="4711", data=1, until=LATER).until == LATER


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"ttl": 0.09}, "$[0].ttl", "0.09 is not from 0.1 to 31536000 seconds; leave it"),
    ({"ttl": 31_536_001}, "$[0].ttl", "31536001.0 is not from 0.1"),
    ({"ttl": -5}, "$[0].ttl", "-5.0 is not from 0.1"),
    ({"ttl": "5"}, "$[0].ttl", "Expected `float | null`, got `str`"),
    ({"ttl": True}, "$[0].ttl", "Expected `float | null`, got `bool`"),
    ({"ttl": 5, "until": LATER}, "$[0].ttl", "has both `ttl` and `until`; leave one"),
    ({"ttl": 5, "key": None}, "$[0].ttl", "only a key can expire"),
    ({"until": LATER, "key": None}, "$[0].until", "only a key can expire"),
    ({"until": NOW - 7000}, "$[0].until", "it was over 7 s ago, so the key would be"),
    ({"until": NOW // 1000}, "$[0].until", f"looks like seconds; .* {NOW // 1000}000"),
    ({"until": "soon"}, "$[0].until", "Expected `int | null`, got `str`"),
    (
        {"event": "incident", "data": {"match": "m", "incident": "1", "kind": "goal"}}
        | {"key": None, "ttl": 5},
        "$[0].ttl",
        "only a key can expire",
    ),
    (
        {"event": "gone", "data": {"event": "a", "key": "b"}, "key": None, "ttl": 5},
        "$[0].ttl",
        "only a key can expire",
    ),
    (
        {"event": "notice", "data": {"title": "t", "until": LATER}, "ttl": 5},
        "$[0].data.until",
        "has both `ttl` and `until`; leave one",
    ),
]


@pytest.mark.parametrize("given, place, words", REFUSALS, ids=range(len(REFUSALS)))
def test_an_invalid_expiry_is_refused_with_its_place(
    given: dict[str, Any], place: str, words: str
) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        of_line(**{"event": "typing", "key": "4711", "data": 1, **given})
    assert refusal.value.place == place


# --- PUT /api/keys


@pytest.mark.parametrize(
    "body",
    [b"null", b"-0.5e3", b'"text"', b'{"a":{"a":[1,2]},"a":1}', b"[]", b'{"b" : 1 }'],
)
def test_a_key_of_an_own_type_takes_any_json_as_it_is(body: bytes) -> None:
    event = of_key("ticket", "4711", b"\r\n " + body + b"\n")
    assert event == Event("ticket", body, ("ticket", "4711"), "4711")
    assert of_key("ticket", "4711", b'{"a":\n1}').data == b'{"a": 1}'


def test_a_type_of_the_catalogue_is_completed_under_any_url() -> None:
    notice = json.loads(of_key("notice", "n", b'{"title":"t"}').data)
    assert (notice["notice"], notice["level"]) == ("n", "info")
    assert json.loads(of_key("price", "A", b"5").data)["symbol"] == "A"
    assert json.loads(of_key("market", "M", b'{"status":"open"}').data)["market"] == "M"


@pytest.mark.parametrize(
    "type, key, body, place, words",
    [
        ("Ticket", "1", b"1", "the URL", "event type 'Ticket': a letter a-z"),
        ("hello", "1", b"1", "the URL", "is the server's own; take another"),
        ("message", "1", b"1", "the URL", "is EventSource's own; take another"),
        ("ticket", "a\nb", b"1", "the URL", "no control characters"),
        ("ticket", "x" * 201, b"1", "the URL", "1 to 200 characters, not 201"),
        ("ticket", "1", b"", "$", "nothing is there; JSON is expected"),
        ("ticket", "1", b"a=b", "$", "no JSON in UTF-8"),
        ("ticket", "1", b"[" * 65 + b"]" * 65, "$", "more than 64 levels"),
        ("incident", "1", b"{}", "the URL", "have no key; use POST /api/publish"),
        ("notice", "1", b'"t"', "$", "expected an object, got a string"),
        ("notice", "1", b"{}", "$", "missing required field `title`"),
        ("notice", "1", b'{"notice":"2"}', "the URL", "the data's notice is another"),
        ("market", "1", b'{"status":"shut"}', "$.status", "it can be open, halted"),
    ],
)
def test_an_impossible_key_is_refused_with_its_place(
    type: str, key: str, body: bytes, place: str, words: str
) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        of_key(type, key, body)
    assert refusal.value.place == place


def test_max_keys_bounds_the_keys_that_are_put() -> None:
    it = batch(max_keys=1)
    it.add_key("ticket", "1", b"1")
    it.add_key("ticket", "1", b"2", 5)
    with pytest.raises(Refused, match="MAX_KEYS keys already"):
        it.add_key("ticket", "2", b"1", 5)


def put(board: Board, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    sent = BEARER | {name.replace("_", "-"): value for name, value in headers.items()}
    status, _, answer = board.request("PUT", path, sent, body)
    return status, json.loads(answer)


def others(board: Board) -> dict[str, Any]:
    state = json.loads(board.get("/api/state")[2])
    return {each["key"]: each for each in state["other"]}


def test_a_key_is_put_replaced_and_retired_as_curl_does_it(board: Board) -> None:
    """With -d, curl calls every body a form."""
    url = f"{board.url}/api/keys/ticket/4711"
    for body in ('{"subject":"Printer on fire"}', '{"subject":"50%25+a=b&c"}'):
        command = ["curl", "-sX", "PUT", url, "-H", "Authorization: Bearer secret"]
        done = subprocess.run([*command, "-d", body], capture_output=True, check=True)
        assert json.loads(done.stdout)["published"] == 1
        assert others(board)["4711"]["data"] == json.loads(body)
    status, _, answer = board.request("DELETE", "/api/keys/ticket/4711", BEARER)
    assert (status, json.loads(answer)["published"]) == (200, 1)
    assert others(board) == {}


def test_a_put_with_an_idempotency_key_and_another_ttl_is_another_request(
    board: Board,
) -> None:
    path = "/api/keys/once/1"
    first = put(board, f"{path}?ttl=600", b"1", Idempotency_Key="a")
    assert first[0] == 201
    assert put(board, f"{path}?ttl=600", b"1", Idempotency_Key="a") == first
    for other in (path, f"{path}?ttl=601"):
        status, problem = put(board, other, b"1", Idempotency_Key="a")
        assert (status, problem["place"]) == (422, "Idempotency-Key")
    assert board.request("DELETE", path, BEARER)[0] == 200


@pytest.mark.parametrize(
    "query, words, parameter",
    [
        ("ttl=0", "'0' is not a number of seconds from 0.1 to 31536000", "ttl"),
        ("ttl=-1", "is not a number of seconds", "ttl"),
        ("ttl=nan", "is not a number of seconds", "ttl"),
        ("ttl=", "is not a number of seconds", "ttl"),
        ("ttl=5&ttl=5", "is given twice", "ttl"),
        ("ttl=5&until=6", "PUT takes only `ttl`", None),
    ],
)
def test_an_invalid_ttl_in_the_url_is_refused(
    board: Board, query: str, words: str, parameter: str | None
) -> None:
    for path in ("/api/keys/typing/1", "/api/prices/A", "/api/scores/m"):
        status, problem = put(board, f"{path}?{query}", b"1")
        assert (status, problem.get("parameter")) == (400, parameter)
        assert words in problem["detail"]
    status, _, answer = board.request("POST", f"/api/publish?{query}", BEARER, b"1")
    assert status == 400
    assert "`ttl` of an event stands beside its data" in json.loads(answer)["detail"]


def test_a_key_with_a_ttl_is_retired_soon_after_its_instant(board: Board) -> None:
    """The events say when; how soon the retirement follows is for tests/log."""
    before = now_ms()
    with board.stream("/stream?events=typing,gone") as stream:
        [hello] = stream.events(1)
        assert put(board, "/api/keys/typing/4711?ttl=0.3", b'{"agent":"Mia"}')[0] == 201
        shown, retired = stream.events(2)
    assert (shown.event, shown.data) == ("typing", '{"agent":"Mia"}')
    it = json.loads(retired.data)
    assert (retired.event, it["event"], it["key"]) == ("gone", "typing", "4711")
    tail = json.loads(hello.data)["tail"]
    path = f"/stream.ndjson?events=typing,gone&once=1&after={tail}"
    _, line, gone, _ = map(json.loads, board.get(path)[2].splitlines())
    assert line == {
        "id": shown.id,
        "event": "typing",
        "key": "4711",
        "until": line["until"],
        "data": {"agent": "Mia"},
    }
    assert before + 300 <= line["until"] <= it["at"]
    assert gone == {"id": retired.id, "event": "gone", "data": it}
