"""Malicious requests: each gets its answer, and leaves no trace.

Strategy: a table of raw requests against a real board, each with the status and place
that the contract gives it. They are written to the socket byte for byte, since no
client would send most of them.
"""

import contextlib
import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from feed.clock import now_ms
from tests.helpers.client_state import of_the_log
from tests.helpers.harness import LOOPBACK, ROOT, Board, clean_environment, until
from tests.helpers.memory import memory, peak

MAX_KEYS = 300
MIB = 1 << 20
TOKEN = "secret"
BEARER = f"Authorization: Bearer {TOKEN}"
REFUSED = {400, 401, 403, 404, 405, 408, 413, 415, 422}
DOCUMENTED = {201, *REFUSED}
BENEATH = {400, 414, 417, 431, 501}  # by gunicorn, for invalid HTTP
ROOM = 24 * MIB  # that a worker's memory may grow by: allocators keep some
GIB = 1 << 30


class Hostile(NamedTuple):
    """A request and its answer; `place` is None if the answer has none."""

    name: str
    status: int
    place: str | None = None
    body: bytes = b""
    method: str = "POST"
    path: str = "/api/publish"
    headers: tuple[str, ...] = (BEARER,)
    length: bool = True


def event(name: str, place: str, body: str, status: int = 422) -> Hostile:
    return Hostile(name, status, place, body.encode())


def of(type: str, name: str, place: str, data: str) -> Hostile:
    """Return an event of a type with this data; `place` is within that."""
    text = f'{{"event":"{type}","data":{data}}}'
    return Hostile(f"{type}: {name}", 422, f"$.data{place}", text.encode())


def own(name: str, place: str, event: str = '"x"', key: str = "null") -> Hostile:
    text = f'{{"event":{event},"key":{key},"data":1}}'
    return Hostile(name, 422, place, text.encode())


def raw(name: str, place: str, body: bytes, status: int = 400) -> Hostile:
    return Hostile(name, status, place, body)


def lines(name: str, status: int, place: str, *each: bytes) -> Hostile:
    headers = (BEARER, "Content-Type: application/x-ndjson")
    return Hostile(name, status, place, b"\n".join(each), headers=headers)


def put(name: str, status: int, place: str | None, path: str, body: bytes) -> Hostile:
    return Hostile(name, status, place, body, "PUT", path)


def asked(name: str, status: int, place: str | None, *headers: str) -> Hostile:
    """Return a good event under other headers."""
    return Hostile(name, status, place, GOOD, headers=headers)


def beneath(name: str, status: int, *headers: str, body: bytes = b"") -> Hostile:
    """Return invalid HTTP, which is refused before the board sees it."""
    return Hostile(name, status, None, body, headers=headers, length=False)


GOOD = b'{"event":"x","data":1}'
SCORE = '"match":"m","away":{"name":"B"},"status":"NS"'
PRICE = '"symbol":"A","price"'

NO_JSON = [
    raw("nothing", "$", b""),
    raw("a space", "$", b" "),
    raw("one byte", "$", b"{"),
    raw("a NUL", "$", b"\0"),
    raw("NUL bytes", "$", b"\0" * 1000),
    raw("NaN", "$", b'{"event":"x","data":NaN}'),
    raw("Infinity", "$", b'{"event":"x","data":Infinity}'),
    raw("less than that", "$", b'{"event":"x","data":-Infinity}'),
    raw("a byte order mark", "$", b"\xef\xbb\xbf" + GOOD),
    raw("UTF-16", "$", GOOD.decode().encode("utf-16")),
    raw("no UTF-8", "$.data", b'{"event":"x","data":"\xff"}'),
    raw("overlong UTF-8", "$.data", b'{"event":"x","data":"\xc0\xaf"}'),
    raw("a surrogate in UTF-8", "$.data", b'{"event":"x","data":"\xed\xa0\x80"}'),
    raw("no UTF-8 in a name", "$.data", b'{"event":"x","data":{"\xff":1}}'),
    raw("a lone surrogate", "$", b'{"event":"x","data":"\\ud800"}'),
    raw("its other half", "$", b'{"event":"x","data":"\\udc00"}'),
    raw("a raw line break", "$", b'{"event":"x","data":"\n"}'),
    raw("a raw CR", "$", b'{"event":"x","data":"\r"}'),
    raw("a raw NUL", "$", b'{"event":"x","data":"\0"}'),
    raw("something behind it", "$", GOOD + b"x"),
    raw("two events in one", "$", GOOD + GOOD),
    raw("a comment", "$", b'{"event":"x",/* */"data":1}'),
    raw("a comma too many", "$", b'{"event":"x","data":[1,]}'),
    raw("single quotes", "$", b"{'event':'x','data':1}"),
    raw("a form", "$", b"event=x&data=1"),
    raw("XML", "$", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
    raw("cut in the middle", "$", b'{"event":"x","data":"abc'),
]
NESTED = [
    raw(
        "65 levels", "$.data", b'{"event":"x","data":%b}' % (b"[" * 65 + b"]" * 65), 422
    ),
    raw("100 000 levels", "$", b'{"event":"x","data":%b}' % (b"[" * 10**5), 422),
    raw(
        "objects all the way", "$", b'{"event":"x","data":%b' % (b'{"a":' * 10**5), 422
    ),
    raw("an array of that", "$", b"[" * 10**6, 422),
]
SHAPELESS = [
    event("an array", "$", "[]"),
    event("an array of events", "$", f"[{GOOD.decode()}]"),
    event("null", "$", "null"),
    event("a number", "$", "5"),
    event("a string", "$", '"event"'),
    event("no data", "$", '{"event":"x"}'),
    event("no event", "$", '{"data":1}'),
    event("one field too many", "$", '{"event":"x","data":1,"id":"9-9"}'),
    event("given twice, of which the last counts", "$.event",
          '{"event":"x","event":"hello","data":1}'),
    *(own(f"of the type {name}", "$.event", f'"{name}"')
      for name in ("hello", "heartbeat", "gap", "bye", "end", "other",
                   "error", "open", "message")),
    own("of a long type", "$.event", f'"{"x" * 65}"'),
    own("of an endless type", "$.event", f'"{"x" * 10**6}"'),
    own("of an empty type", "$.event", '""'),
    own("of a type in capitals", "$.event", '"X"'),
    own("of a type that forges a field", "$.event", '"x\\nid: 9-9"'),
    own("of a type that forges an event", "$.event", '"x\\r\\n\\r\\ndata: forged"'),
    own("of a number as its type", "$.event", "5"),
    own("of a type out of Cyrillic", "$.event", '"рrice"'),
    own("with an empty key", "$.key", key='""'),
    own("with a key of 201 characters", "$.key", key=f'"{"k" * 201}"'),
    own("with a huge key", "$.key", key=f'"{"k" * 10**6}"'),
    own("with a line break in its key", "$.key", key='"a\\nb"'),
    own("with a line break behind its key", "$.key", key='"a\\n"'),
    own("with a CR in its key", "$.key", key='"a\\rdata: forged"'),
    own("with a NUL in its key", "$.key", key='"a\\u0000"'),
    own("with an escape code in its key", "$.key", key='"\\u001b[2J"'),
    own("with a number as its key", "$.key", key="5"),
]  # fmt: skip
WRONG_DATA = [
    of("price", "a string", ".price", f'{{{PRICE}:"1"}}'),
    of("price", "null", ".price", f"{{{PRICE}:null}}"),
    of("price", "a boolean", ".price", f"{{{PRICE}:true}}"),
    of("price", "an array", ".price", f"{{{PRICE}:[1]}}"),
    of("price", "1e400", "", f"{{{PRICE}:1e400}}"),
    of("price", "5000 digits", "", f"{{{PRICE}:{'9' * 5000}}}"),
    of("price", "1e16", ".price", f"{{{PRICE}:1e16}}"),
    of("price", "-1e16", ".price", f"{{{PRICE}:-1e16}}"),
    of("price", "no price", "", '{"symbol":"A"}'),
    of("price", "no symbol", "", '{"price":1}'),
    of("price", "no object", "", "[1]"),
    of("price", "too many decimals", ".decimals", f'{{{PRICE}:1,"decimals":21}}'),
    of("price", "fewer than none", ".decimals", f'{{{PRICE}:1,"decimals":-1}}'),
    of("price", "half a decimal", ".decimals", f'{{{PRICE}:1,"decimals":2.5}}'),
    of("price", "less than no volume", ".volume", f'{{{PRICE}:1,"volume":-1}}'),
    of("price", "before all time", ".at", f'{{{PRICE}:1,"at":-1}}'),
    of("price", "after all time", ".at", f'{{{PRICE}:1,"at":9000000000000000}}'),
    of("price", "__proto__", "", f'{{{PRICE}:1,"__proto__":{{"x":1}}}}'),
    of("price", "a long name", ".name", f'{{{PRICE}:1,"name":"{"n" * 201}"}}'),
    of("price", "an empty name", ".name", f'{{{PRICE}:1,"name":""}}'),
    of("price", "a broken name", ".name", f'{{{PRICE}:1,"name":"a\\nb"}}'),
    of("price", "a symbol that forges", ".symbol", '{"symbol":"A\\n\\n","price":1}'),
    of("score", "no home", ".home", f"{{{SCORE}}}"),
    of("score", "a nameless home", ".home", f'{{{SCORE},"home":{{}}}}'),
    of("score", "its home a string", ".home", f'{{{SCORE},"home":"A"}}'),
    of("score", "-1 goals", ".home.score",
       f'{{{SCORE},"home":{{"name":"A","score":-1}}}}'),
    of("score", "10 000 goals", ".home.score",
       f'{{{SCORE},"home":{{"name":"A","score":10000}}}}'),
    of("score", "another status", ".status",
       '{"match":"m","home":{"name":"A"},"away":{"name":"B"},"status":"WON"}'),
    of("score", "501 incidents", ".incidents",
       f'{{{SCORE},"home":{{"name":"A"}},"incidents":[{",".join(["{}"] * 501)}]}}'),
    of("score", "a wrong incident", ".incidents[0].kind",
       f'{{{SCORE},"home":{{"name":"A"}},'
       '"incidents":[{"incident":"1","kind":"riot"}]}'),
    of("incident", "no match", "", '{"incident":"1","kind":"goal"}'),
    of("incident", "of a third team", ".team",
       '{"match":"m","incident":"1","kind":"goal","team":"third"}'),
    of("market", "another status", ".status", '{"market":"M","status":"ajar"}'),
    of("notice", "no title", "", '{"notice":"n"}'),
    of("notice", "a title of two lines", ".title", '{"notice":"n","title":"a\\nb"}'),
    of("notice", "another level", ".level",
       '{"notice":"n","title":"t","level":"panic"}'),
    of("notice", "a long body", ".body",
       f'{{"notice":"n","title":"t","body":"{"b" * 4001}"}}'),
    of("notice", "until tomorrow", ".until",
       '{"notice":"n","title":"t","until":"tomorrow"}'),
    of("gone", "of nothing", ".key", '{"event":"price","key":"nobody"}'),
    of("gone", "of the server", ".key", '{"event":"hello","key":"x"}'),
    of("gone", "without a key", "", '{"event":"price"}'),
]  # fmt: skip
IN_LINES = [
    lines("1001 lines", 422, "$[1000]", *[GOOD] * 1001),
    lines("500 000 empty lines", 400, "$", *[b""] * 500_000),
    lines("an array in a line", 422, "$[0]", b"[" + GOOD + b"]"),
    lines("a bad third line", 422, "$[2].event", GOOD, b"", GOOD,
          b'{"event":"X","data":1}', GOOD),
    lines("a line cut in two by CR", 400, "$[1]", GOOD, b'{"event":"x","data":"a\rb"}'),
    lines("two events in a line", 400, "$[0]", GOOD + b"\r" + GOOD),
    lines("half a last line", 400, "$[1]", GOOD, GOOD[:-5]),
    lines("a key too many", 422, "$[1].key", GOOD, b'{"event":"x","key":"","data":1}'),
]  # fmt: skip
TOO_MUCH = [
    put("a byte more than 1 MiB", 413, None, "/api/prices/A", b"1" + b" " * MIB),
    Hostile("a gzip bomb", 415, None, gzip.compress(b"0" * (64 * MIB), 9),
            headers=(BEARER, "Content-Encoding: gzip")),
    asked("a coding", 415, None, BEARER, "Content-Encoding: br"),
    asked("a coding twice", 415, None, BEARER, "Content-Encoding: gzip, gzip"),
]  # fmt: skip
WRONG_TOKENS = [
    asked("no token", 401, None),
    asked("an empty one", 401, None, "Authorization:"),
    asked("the word alone", 401, None, "Authorization: Bearer"),
    asked("another", 401, None, "Authorization: Bearer wrong"),
    asked("one that is cut", 401, None, f"Authorization: Bearer {TOKEN[:-1]}"),
    asked("one that is longer", 401, None, f"Authorization: Bearer {TOKEN}x"),
    asked("two", 401, None, f"Authorization: Bearer {TOKEN},{TOKEN}"),
    asked("two headers", 401, None, BEARER, BEARER),
    asked("a huge one", 401, None, f"Authorization: Bearer {'x' * 8000}"),
    asked("no ASCII", 401, None, "Authorization: Bearer s\xe9cret"),
    asked("a password", 401, None, "Authorization: Basic c2VjcmV0OnNlY3JldA=="),
    asked("in a cookie", 401, None, f"Cookie: Authorization=Bearer {TOKEN}"),
    Hostile("in the query", 401, None, GOOD, path=f"/api/publish?token={TOKEN}",
            headers=()),
    Hostile("in the query too", 400, None, GOOD, path=f"/api/publish?token={TOKEN}"),
]  # fmt: skip
WRONG_RETRIES = [
    asked(f"an idempotency key {name}", 422, "Idempotency-Key", BEARER,
          f"Idempotency-Key: {key}")
    for name, key in (
        ("that is empty", ""),
        ("with a space", "a b"),
        ("of 201 characters", "k" * 201),
        ("that is no ASCII", "\xff\xfe"),
        ("with a tab", "a\tb"),
    )
]  # fmt: skip
PATHS = [
    put("a NUL in the URL", 422, "the URL", "/api/prices/%00", b"1"),
    put("a line break in the URL", 422, "the URL", "/api/prices/A%0Adata:x", b"1"),
    put("CR LF in the URL", 422, "the URL", "/api/prices/A%0D%0A%0D%0A", b"1"),
    put("a CR in the URL", 422, "the URL", "/api/prices/A%0Ddata:x", b"1"),
    put("no UTF-8 in the URL", 400, None, "/api/prices/%FF", b"1"),
    put("a surrogate in the URL", 400, None, "/api/prices/%ED%A0%80", b"1"),
    put("a long key in the URL", 422, "the URL", f"/api/prices/{'k' * 201}", b"1"),
    put("another symbol", 422, "the URL", "/api/prices/A", b'{"symbol":"B","price":1}'),
    put("a score in a price", 422, "$", "/api/prices/A", b'{"price":1,"home":{}}'),
    put("a string as price", 422, "$", "/api/prices/A", b'"1"'),
    put("an object as price", 422, "$.price", "/api/prices/A", b'{"price":{}}'),
    put("no key", 404, None, "/api/prices/", b"1"),
    put("a fragment in the URL", 400, None, "/api/prices/A#B", b"1"),
    put("a way up", 404, None, "/api/../../etc/passwd", b"1"),
    Hostile("a type of script", 404, None, b"", "DELETE",
            "/api/keys/%3Cscript%3E/%3Cimg%3E"),
    Hostile("what the server says", 404, None, b"", "DELETE", "/api/keys/hello/x"),
    Hostile("what is gone", 404, None, b"", "DELETE", "/api/keys/gone/x"),
]  # fmt: skip
NO_HTTP = [
    beneath("a length in words", 400, BEARER, "Content-Length: five"),
    beneath("a negative length", 400, BEARER, "Content-Length: -1"),
    beneath("a signed length", 400, BEARER, "Content-Length: +22", body=GOOD),
    beneath("two lengths", 400, BEARER, "Content-Length: 22", "Content-Length: 5"),
    beneath("a length and chunks", 400, BEARER, "Content-Length: 22",
            "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    beneath("a transfer of its own", 501, BEARER, "Transfer-Encoding: squeezed"),
    beneath("a chunk of no size", 400, BEARER, "Transfer-Encoding: chunked",
            body=b"size\r\n"),
    beneath("a chunk less than none", 400, BEARER, "Transfer-Encoding: chunked",
            body=b"-1\r\n"),
    beneath("an endless size of a chunk", 400, BEARER, "Transfer-Encoding: chunked",
            body=b"0" * 20_000),
    beneath("a chunk without its end", 400, BEARER, "Transfer-Encoding: chunked",
            body=b"2\r\n{}xx0\r\n\r\n"),
    beneath("a header without colon", 400, BEARER, "no header"),
    beneath("a folded header", 400, BEARER, "X: a\r\n b"),
    beneath("a space before the colon", 400, "Authorization : Bearer x"),
    beneath("a NUL in a header", 400, BEARER, "X: a\0b"),
    beneath("an expectation of its own", 417, BEARER, "Expect: mercy"),
    beneath("a huge header", 431, BEARER, f"X: {'x' * 9000}"),
    beneath("a thousand headers", 431, BEARER, *(f"X{i}: 1" for i in range(1000))),
    Hostile("a huge path", 414, path=f"/api/prices/{'x' * 9000}", length=False),
    Hostile("a method of its own", 400, method="PO\tST", length=False),
]  # fmt: skip
TABLE = [
    *NO_JSON,
    *NESTED,
    *SHAPELESS,
    *WRONG_DATA,
    *IN_LINES,
    *TOO_MUCH,
    *WRONG_TOKENS,
    *WRONG_RETRIES,
    *PATHS,
    *NO_HTTP,
]


@pytest.fixture(scope="module")
def attacked() -> Iterator[Board]:
    with Board(
        FEED="published",
        PUBLISH_TOKEN=TOKEN,
        MAX_KEYS=str(MAX_KEYS),
        BACKLOG="100",
        HEARTBEAT="1",
        GUNICORN_CMD_ARGS="--access-logfile -",
    ) as board:
        yield board


def test_the_table_has_its_sixty_rows_and_more() -> None:
    assert len(TABLE) == len({it.name for it in TABLE}) > 150


@pytest.mark.parametrize("it", TABLE, ids=lambda it: it.name.replace(" ", "-"))
def test_each_gets_its_answer_and_leaves_no_trace(attacked: Board, it: Hostile) -> None:
    before = log_of(attacked)
    status, headers, body = send(attacked, it)
    assert status == it.status
    if it in NO_HTTP and "problem" not in headers["content-type"]:
        assert status in BENEATH
    else:
        assert headers["content-type"] == "application/problem+json"
        problem = json.loads(body)
        assert problem["status"] == status
        assert problem.get("place") == it.place
        assert problem["title"]
        assert len(problem["detail"]) < 600
        assert it.place is None or problem["detail"].startswith(it.place)
    assert TOKEN.encode() not in body
    assert log_of(attacked) == before


def test_a_path_cannot_write_a_line_or_an_escape_into_the_access_log(
    attacked: Board,
) -> None:
    forged = (
        "/x%0a6.6.6.6%20%22POST%20/api/publish%22%20201%0d%1b%5d0;pwn%07%C2%9b%FF%25"
    )
    agent = "a\x9bb\x85c\u00ad\td"
    assert attacked.get(forged, {"User-Agent": agent})[0] == 400
    line = until(
        lambda: [it for it in attacked.log().split("\n") if "6.6.6.6" in it],
        why="it is logged",
    )
    assert len(line) == 1
    assert f'"GET {forged.upper()} HTTP/1.1" 400' in line[0].upper()
    assert line[0].endswith('"a b c  d"')
    assert line[0].isprintable()


def test_after_all_of_it_the_streams_go_on_and_the_memory_is_as_before(
    attacked: Board,
) -> None:
    [worker] = attacked.worker_pids()
    for it in TABLE:
        send(attacked, it)
    used, before = memory(worker), log_of(attacked)
    with attacked.stream("/stream") as stream:
        stream.events(1)
        for it in TABLE * 2:
            send(attacked, it)
        assert log_of(attacked) == before
        assert publish(attacked, b'{"event":"after","data":"all of it"}') == 201
        read = stream.read_until(lambda event: event.event == "after")
    assert {event.event for event in read} <= {"heartbeat", "after"}
    assert memory(worker) < used + ROOM
    assert attacked.worker_pids() == [worker]
    for word in ("Traceback", "ERROR", "failed", TOKEN):
        assert word not in attacked.log()


@pytest.mark.parametrize(
    "text",
    [
        "data: forged\n\nevent: forged\nid: 9-9\nretry: 1\n: comment",
        "\r\revent: price\rdata: {}\r\r",
        "\u2028event: forged\u2029\x85\x0b\x0c",
        "\0\x1b[2J\x1b]0;title\x07",
        "</script><script>alert(1)</script>",
    ],
)
def test_what_would_forge_an_event_is_no_more_than_text(
    attacked: Board, text: str
) -> None:
    """A publisher's data is sent unchanged, and is one event to every reader."""
    with attacked.stream("/stream?events=forgery") as stream:
        stream.events(1)
        line = {"event": "forgery", "data": {text: text}}
        assert publish(attacked, json.dumps(line).encode()) == 201
        assert publish(attacked, b'{"event":"forgery","data":"end"}') == 201
        first, second = of_the_log(stream.read_until(lambda e: e.data == '"end"'))
    assert json.loads(first.data) == {text: text}
    assert second.id > first.id
    lines = attacked.get("/stream.txt?once=1")[2].decode()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", lines)


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/../b", "%2e%2e", "..", "C:\\x"])
def test_a_key_that_looks_like_a_path_is_a_key(attacked: Board, key: str) -> None:
    line = {"event": "price", "key": key, "data": {"price": 1}}
    assert publish(attacked, json.dumps(line).encode()) == 201
    prices = json.loads(attacked.get("/api/state")[2])["prices"]
    assert key in [price["symbol"] for price in prices]
    line = {"event": "gone", "data": {"event": "price", "key": key}}
    assert publish(attacked, json.dumps(line).encode()) == 201


def test_ten_thousand_symbols_fill_the_board_to_max_keys_and_no_further(
    attacked: Board,
) -> None:
    [worker] = attacked.worker_pids()
    used = memory(worker)
    count = len(keys_of(attacked))
    refused = 0
    for start in range(0, 10_000, 100):
        many = (
            b'{"event":"price","key":"S%d","data":{"price":1}}' % number
            for number in range(start, start + 100)
        )
        status, _, body = send(attacked, lines("many", 0, "", *many))
        refused += status == 422
        if status == 422:
            assert "MAX_KEYS" in json.loads(body)["detail"]
    assert len(keys_of(attacked)) == count + (MAX_KEYS - count) // 100 * 100
    assert refused == 100 - (MAX_KEYS - count) // 100
    assert memory(worker) < used + ROOM
    known = b'{"event":"price","key":"S1","data":{"price":2}}'
    assert publish(attacked, known) == 201
    retired = (  # to leave room for the tests that come after this one
        b'{"event":"gone","data":{"event":"price","key":"S%d"}}' % number
        for number in range((MAX_KEYS - count) // 100 * 100)
    )
    assert send(attacked, lines("all", 201, "", *retired))[0] == 201
    assert len(keys_of(attacked)) == count


# --- Random requests


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["price", "score", "notice", "gone", "x"]) | documents,
        "key": documents,
        "data": documents,
    },
)
bodies = st.one_of(
    st.binary(max_size=200),
    documents.map(lambda it: json.dumps(it).encode()),
    envelopes.map(lambda it: json.dumps(it).encode()),
)


@settings(max_examples=150)
@given(
    bodies,
    st.sampled_from(["/api/publish", "/api/prices/P", "/api/scores/P"]),
    st.sampled_from(["application/json", "application/x-ndjson", ""]),
)
def test_whatever_comes_gets_an_answer_of_the_contract(
    attacked: Board, body: bytes, path: str, kind: str
) -> None:
    before = log_of(attacked)
    method = "POST" if path == "/api/publish" else "PUT"
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    status, headers, answer = attacked.request(method, path, sent, body)
    assert status in DOCUMENTED
    reply = json.loads(answer)
    assert (status == 201) is (headers["content-type"] == "application/json")
    assert (log_of(attacked) == before) is (status != 201)
    if status == 201:
        assert log_of(attacked) == reply["ids"][-1]


# --- Bodies that don't come, or don't end


@pytest.fixture(scope="module")
def impatient() -> Iterator[Board]:
    """Yield a board that waits half a second for a body, not thirty."""
    with Board("tests.publishing.impatient_app:app", PUBLISH_TOKEN=TOKEN) as board:
        yield board


@pytest.mark.parametrize(
    "sent, status",
    [
        ("Content-Length: 6\r\n\r\n101", 408),
        ("Content-Length: 6\r\n\r\n", 408),
        ("Transfer-Encoding: chunked\r\n\r\n6\r\n101", 408),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\n101\r\n", 408),
        ("Transfer-Encoding: chunked\r\n\r\n", 408),
    ],
)
def test_a_body_that_does_not_come_is_waited_for_no_longer(
    impatient: Board, sent: str, status: int
) -> None:
    """Half a price is a price too: it must not be published."""
    with connected(impatient, "PUT /api/prices/HALF", BEARER, sent) as client:
        got, _, body = answer_of(client)
    assert (got, json.loads(body)["status"]) == (status, status)
    assert "0.5 seconds" in json.loads(body)["detail"]
    assert keys_of(impatient) == []


def test_a_body_that_drips_without_end_is_given_up(impatient: Board) -> None:
    chunked = "Transfer-Encoding: chunked\r\n\r\n"
    with connected(impatient, "PUT /api/prices/DRIP", BEARER, chunked) as client:
        drip = threading.Thread(target=send_slowly, args=(client, b"1\r\n1\r\n"))
        drip.start()
        assert answer_of(client)[0] == 408
    drip.join(60)
    assert keys_of(impatient) == []


@pytest.mark.parametrize(
    "sent",
    [
        "Content-Length: 6\r\n\r\n101",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n101\r\n",
        "Transfer-Encoding: chunked\r\n\r\n6\r\n101",
    ],
)
def test_a_body_that_broke_off_is_not_published(attacked: Board, sent: str) -> None:
    before = log_of(attacked)
    with connected(attacked, "PUT /api/prices/HALF", BEARER, sent) as client:
        client.shutdown(socket.SHUT_WR)
        status, _, body = answer_of(client)
    assert (status, "broke off" in json.loads(body)["detail"]) == (400, True)
    assert log_of(attacked) == before


def test_half_of_a_batch_is_not_published_where_it_is_cut_between_lines(
    attacked: Board,
) -> None:
    before = log_of(attacked)
    kind = "Content-Type: application/x-ndjson"
    head = f"Content-Length: {3 * len(GOOD) + 2}\r\n\r\n"
    with connected(attacked, "POST /api/publish", BEARER, kind, head) as client:
        client.sendall(GOOD + b"\n" + GOOD + b"\n")
        client.shutdown(socket.SHUT_WR)
        assert answer_of(client)[0] == 400
    assert log_of(attacked) == before


def test_a_body_in_chunks_is_measured_too(attacked: Board) -> None:
    before = log_of(attacked)
    chunked = "Transfer-Encoding: chunked\r\n\r\n"
    for length, status in ((MIB, 201), (MIB + 1, 413)):
        with connected(attacked, "POST /api/publish", BEARER, chunked) as client:
            body = GOOD.ljust(length)
            client.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            assert answer_of(client)[0] == status
        assert (log_of(attacked) == before) is (status == 413)
        before = log_of(attacked)


@pytest.mark.parametrize(
    "head, token",
    [
        (f"Content-Length: {GIB}\r\n\r\n", BEARER),
        (f"Transfer-Encoding: chunked\r\n\r\n{GIB:x}\r\n", BEARER),
        (f"Content-Length: {GIB}\r\n\r\n", "X: no token"),
        (f"Transfer-Encoding: chunked\r\n\r\n{GIB:x}\r\n", "X: no token"),
    ],
)
def test_a_gigabyte_is_refused_at_the_limit_and_takes_no_memory(
    attacked: Board, head: str, token: str
) -> None:
    """It is sent as fast as the server takes it, until the server closes."""
    [worker] = attacked.worker_pids()
    highest, before = peak(worker), log_of(attacked)
    kind = "Content-Type: application/x-ndjson"
    block = (GOOD + b"\n") * 40_000
    with (
        attacked.stream("/stream") as stream,
        connected(attacked, "POST /api/publish", token, kind, head) as client,
    ):
        stream.events(1)
        answers: list[int] = []
        read = threading.Thread(target=lambda: answers.append(answer_of(client)[0]))
        read.start()
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < GIB:
                sent += client.send(block)
        read.join(60)
        assert publish(attacked, b'{"event":"beside","data":1}') == 201
        stream.read_until(lambda event: event.event == "beside")
    assert answers == [413 if token == BEARER else 401]
    assert peak(worker) < highest + ROOM
    assert log_of(attacked) > before


def test_a_firehose_leaves_the_memory_as_it_was() -> None:
    """For some seconds; `python -m bench.firehose` does it for five minutes."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.firehose", "5"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 requests refused" in done.stdout


# --- The page


PAYLOADS = (
    "<script>window.hostile=1</script>",
    "</script><script>window.hostile=1</script>",
    '<img src=x onerror="window.hostile=1">',
    "\"><svg onload='window.hostile=1'>",
    "javascript:window.hostile=1",
    "<!--<script>window.hostile=1//",
    "{{7*7}}${window.hostile=1}",
    "&lt;b&gt;&#60;b&#62;",
    "<style>*{display:none}</style>",
    "<iframe srcdoc='<script>parent.hostile=1</script>'>",
    "<a href=javascript:window.hostile=1>x</a>",
    "\u202eevil\u202c <base href=//evil.example>",
)


def test_markup_in_any_text_is_shown_as_it_is_and_nothing_runs(page: Page) -> None:
    """Neither the HTML nor the events of the stream may run a script."""
    with Board(FEED="published", PUBLISH_TOKEN=TOKEN) as board:
        fill(board, PAYLOADS[:1], "written")
        shown = fill(board, PAYLOADS, "written")
        page.goto(board.url)
        until_shown(page, shown)
        shown = fill(board, PAYLOADS, "streamed")
        until_shown(page, shown)
        assert page.evaluate("() => window.hostile") is None
        foreign = "img[src=x], iframe, base, svg[onload], [href^='javascript:'], main b"
        assert page.locator(foreign).count() == 0
        assert page.locator("style").count() == 0
        page.close()  # before the board, as the page logs an error when that ends


def fill(board: Board, payloads: tuple[str, ...], when: str) -> list[str]:
    """Publish markup in every text field; return the texts that the page must show."""
    shown = ["__proto__", "constructor"]
    sent: list[dict[str, Any]] = [
        {"event": "price", "key": symbol, "data": {"price": 1}} for symbol in shown
    ]
    for number, payload in enumerate(payloads):

        def text(name: str, payload: str = payload, number: int = number) -> str:
            return f"{payload} {when} {name} {number}"

        quote = {name: text(name) for name in ("name", "currency", "market", "sector")}
        sent.append(
            {"event": "price", "data": {"symbol": text("symbol"), "price": 1} | quote}
        )
        team = {"code": text("code"), "score": 1, "red_cards": 0}
        goal = {"incident": text("incident"), "kind": "goal", "team": "home"}
        sent.append(
            {
                "event": "score",
                "data": {
                    "match": text("match"),
                    "competition": text("competition"),
                    "home": team | {"name": text("home")},
                    "away": team | {"name": text("away")},
                    "status": "1H",
                    "minute": 5,
                    "incidents": [goal | {"player": text("player"), "minute": 3}],
                },
            }
        )
        market = {"market": text("exchange"), "status": "open"}
        sent.append({"event": "market", "data": market})
        notice = {name: text(name) for name in ("notice", "title", "body", "topic")}
        latest = {"at": now_ms() + number}
        sent.append({"event": "notice", "data": notice | latest})
        shown += map(text, ("symbol", "name", "competition", "home", "away", "player"))
    shown += map(text, ("exchange", "title", "body"))  # of notices the newest, at least
    body = b"\n".join(json.dumps(line).encode() for line in sent)
    assert send(board, lines("all", 201, "", body))[0] == 201
    return shown


def until_shown(page: Page, texts: list[str]) -> None:
    """Wait for texts; in a sentence, a name has no control of the direction."""
    missing = """(texts) => {
      const plain = (text) => text.replace(/[\\u202a-\\u202e\\u2066-\\u2069]/g, "");
      const shown = plain(document.body.textContent).replace(/\\s+/g, " ");
      return texts.filter((text) => !shown.includes(plain(text)));
    }"""
    until(lambda: not page.evaluate(missing, texts), 20, "every text on the page")


# --- Sending it


def send(board: Board, it: Hostile) -> tuple[int, dict[str, str], bytes]:
    """Send the bytes of a request; return status, headers and body of the answer."""
    length = (f"Content-Length: {len(it.body)}",) if it.length else ()
    head = (*it.headers, *length, "\r\n")
    with connected(board, f"{it.method} {it.path}", *head) as client:
        with contextlib.suppress(ConnectionError):  # it may know enough already
            client.sendall(it.body)
        return answer_of(client)


@contextlib.contextmanager
def connected(board: Board, asked: str, *head: str) -> Iterator[socket.socket]:
    """Yield a connection on which a request was begun; `head` ends as it is to."""
    with socket.create_connection((LOOPBACK, board.port), 20) as client:
        opening = [f"{asked} HTTP/1.1", "Host: board", "Connection: close", *head]
        client.sendall("\r\n".join(opening).encode("latin-1"))
        yield client


def answer_of(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers (lower-case names) and body, up to the announced end."""
    answer = client.makefile("rb")
    status = int(answer.readline().split()[1])
    headers = {}
    while line := answer.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, answer.read(int(headers.get("content-length", 0)))


def send_slowly(client: socket.socket, part: bytes) -> None:
    with contextlib.suppress(OSError):
        for _ in range(1000):
            client.sendall(part)
            time.sleep(0.02)


def publish(board: Board, body: bytes) -> int:
    return send(board, Hostile("", 201, body=body))[0]


def log_of(board: Board) -> str:
    return str(json.loads(board.get("/api/state")[2])["id"])


def keys_of(board: Board) -> list[str]:
    state = json.loads(board.get("/api/state")[2])
    keys = [price["symbol"] for price in state["prices"]]
    for section in ("scores", "markets", "notices", "other"):
        keys += [str(each) for each in state[section]]
    return keys
