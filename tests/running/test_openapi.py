"""The description of the interface, compared with routes and a running server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV32SpecValidator

from app import create_app
from feed.clock import now_ms
from feed.events.catalogue import CATALOGUE
from feed.events.control import CONTROLS
from feed.events.event import KEY_LENGTH, TYPE_NAME
from feed.feed import Feed
from feed.history import BASE, MAX_INTERVAL
from feed.publishing.batch import MAX_EVENTS, Batch, Refused
from feed.publishing.completion import required_fields
from feed.publishing.lifetime import MAX_TTL, MIN_TTL
from feed.publishing.refusals import EARLIEST, LATEST
from feed.settings import Settings
from tests.helpers.documents import FEED, bare, tables
from tests.helpers.harness import ROOT, Board, clean_environment
from web.answers import ASK_PARAMETERS, READ_PARAMETERS
from web.api import MAX_LIMIT
from web.openapi import _document
from web.publish import IDEMPOTENCY_KEY, NDJSON
from web.query import (
    MATCH_PARAMETERS,
    MAX_PACE,
    STATE_PARAMETERS,
    STREAM_NAME,
    STREAM_PARAMETERS,
)

Schema = dict[str, Any]

LEAST: dict[str, Schema] = {
    "price": {"symbol": "A", "price": 1},
    "score": {
        "match": "m",
        "home": {"name": "A"},
        "away": {"name": "B"},
        "status": "1H",
    },
    "incident": {"match": "m", "incident": "1", "kind": "goal"},
    "market": {"market": "M", "status": "open"},
    "notice": {"notice": "n", "title": "t"},
    "source": {"source": "s", "status": "away", "since": 1_795_393_895_363},
}
"""Of each type what its data needs and no more."""

# Statuses that are faults of any server: 5xx, and those that aren't described.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def description(open_boards: Iterator[Board]) -> Schema:
    board = next(open_boards)
    status, headers, body = board.get("/api/openapi.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert board.get("/api/openapi.json", {"If-None-Match": headers["etag"]})[0] == 304
    document: Schema = json.loads(body)
    return document


@pytest.fixture(scope="module")
def filled() -> Iterator[Board]:
    """Yield a board with an event of each type, and keys of a type of one's own."""
    sent = {"Authorization": "Bearer secret"}
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        for type, data in LEAST.items():
            body = json.dumps({"event": type, "data": data}).encode()
            assert board.request("POST", "/api/publish", sent, body)[0] == 201
        for key in ("1?ttl=600", "2"):
            path = f"/api/keys/ticket/{key}"
            assert board.request("PUT", path, sent, b"1")[0] == 201
        yield board


@pytest.mark.parametrize("guarded", [False, True])
def test_the_description_is_openapi_3_2(guarded: bool) -> None:
    text = _document("1", guarded)
    document = json.loads(text)
    assert document["openapi"] == "3.2.0"
    assert [*OpenAPIV32SpecValidator(document).iter_errors()] == []
    misspelt = json.loads(text.replace(b'"itemSchema"', b'"itemSchemas"'))
    assert [*OpenAPIV32SpecValidator(misspelt).iter_errors()], "it looks into streams"


@pytest.mark.parametrize(
    ("path", "kind", "item"),
    [
        ("/stream?once=1", "ndjson", "StreamLine"),
        ("/stream?once=1&events=other,gone", "ndjson", "StreamLine"),
        ("/stream?once=1", "sse", "StreamEvent"),
        ("/ask?q=how+is+A&pace=0", "ndjson", "AnswerLine"),
        ("/ask?q=how+is+A&pace=0", "sse", "AnswerEvent"),
    ],
)
def test_each_event_of_a_stream_is_as_it_is_described(
    filled: Board, description: Schema, path: str, kind: str, item: str
) -> None:
    mime_type = NDJSON if kind == "ndjson" else "text/event-stream"
    body = filled.get(path, {"Accept": mime_type})[2]
    blocks = body.decode().strip().split("\n" if kind == "ndjson" else "\n\n")
    events = [json.loads(each) if kind == "ndjson" else fields(each) for each in blocks]
    check = of_schema(description, item)
    assert len(events) > 2
    for event in events:
        check.validate(event)
        if kind == "sse" and event.get("event") in CONTROLS:
            name = CONTROLS[event["event"]].__name__
            of_schema(description, name).validate(json.loads(event["data"]))
    assert not check.is_valid({"id": 5, "event": "price", "data": {}})


def fields(block: str) -> Schema:
    """Return the fields of a server-sent event whose data has one line."""
    found: Schema = dict(line.split(": ", 1) for line in block.splitlines())
    return found | {"retry": int(found["retry"])} if "retry" in found else found


def of_schema(description: Schema, name: str) -> Draft202012Validator:
    """Return the validator of a schema of the description."""
    return Draft202012Validator(
        {
            "$ref": f"#/components/schemas/{name}",
            "components": description["components"],
        }
    )


def test_every_route_is_described_and_no_other(description: Schema) -> None:
    served: dict[str, set[str]] = {}
    for rule in create_app(Settings(feed="published")).url_map.iter_rules():
        path = re.sub("<(key:)?(.*?)>", r"{\2}", rule.rule)
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        # A DELETE takes any key; what it is called depends on the type.
        path = re.sub("(?<=prices/){key}", "{symbol}", path)
        path = re.sub("(?<=scores/){key}", "{match}", path)
        served.setdefault(path, set()).update(method.lower() for method in methods)
    described = {path: {*methods} for path, methods in description["paths"].items()}
    assert {path: served[path] for path in described} == described
    # The page has more URLs and files, which are no interface.
    stable = ("/api", "/stream", "/healthz", "/readyz", "/metrics")
    assert {path for path in served if path.startswith(stable)} <= {*described}


def test_every_reference_is_defined_and_every_definition_is_referred_to(
    description: Schema,
) -> None:
    named = {*re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(description))}
    components = description["components"]
    defined = {(kind, name) for kind in components for name in components[kind]}
    # A security scheme is referred to by its name alone.
    assert defined - {("securitySchemes", "token")} == named


def test_the_bounds_and_patterns_are_those_of_the_code(description: Schema) -> None:
    components = description["components"]
    schemas, parameters = components["schemas"], components["parameters"]
    assert parameters["pace"]["schema"]["maximum"] == MAX_PACE
    interval, limit = (parameters[name]["schema"] for name in ("interval", "limit"))
    assert (interval["minimum"], interval["multipleOf"]) == (BASE, BASE)
    assert interval["maximum"] == MAX_INTERVAL
    assert (limit["minimum"], limit["maximum"]) == (1, MAX_LIMIT)
    for ttl in (parameters["ttl"]["schema"], schemas["Ttl"]):
        assert (ttl["minimum"], ttl["maximum"]) == (MIN_TTL, MAX_TTL)
    instant = schemas["Until"]
    assert (instant["minimum"], instant["maximum"]) == (EARLIEST, LATEST - 1)
    key = parameters["IdempotencyKey"]["schema"]["pattern"]
    assert key == f"^{IDEMPOTENCY_KEY.pattern}$"
    assert parameters["name"]["schema"]["pattern"] == f"^{STREAM_NAME.pattern}$"
    assert schemas["Key"]["maxLength"] == KEY_LENGTH
    own = schemas["PublishedOther"]["properties"]["event"]
    assert own["pattern"] == f"^{TYPE_NAME.pattern}$"
    body = description["paths"]["/api/publish"]["post"]["requestBody"]["content"]
    assert f"up to {MAX_EVENTS} " in body[NDJSON]["description"]


def test_a_url_takes_the_parameters_of_the_code(description: Schema) -> None:
    asked = {
        "/stream": STREAM_PARAMETERS,
        "/stream.ndjson": STREAM_PARAMETERS,
        "/stream.txt": STREAM_PARAMETERS,
        "/stream/matches/{match}": MATCH_PARAMETERS,
        "/stream/answers/{answer}": READ_PARAMETERS,
        "/ask": (*ASK_PARAMETERS, "match"),
        "/api/state": STATE_PARAMETERS,
        "/api/history/{symbol}": ("interval", "limit"),
    }
    put = ("/api/prices/{symbol}", "/api/scores/{match}", "/api/keys/{type}/{key}")
    parameters = description["components"]["parameters"]
    for path, methods in description["paths"].items():
        for method, its in methods.items():
            names = (each["$ref"].rpartition("/")[2] for each in its["parameters"])
            given = [parameters[name] for name in names]
            in_path = [each["name"] for each in given if each["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)
            in_query = [each["name"] for each in given if each["in"] == "query"]
            takes_ttl = method == "put" and path in put
            assert in_query == [*asked.get(path, ["ttl"] * takes_ttl)], path


def test_publishing_is_described_with_the_statuses_of_the_document(
    description: Schema,
) -> None:
    of_streams, of_publishing = (
        {bare(row["status"]) for row in table.by_name().values()}
        for table in tables(FEED)
        if table.head == ["status", "when"]
    )
    for path, methods in description["paths"].items():
        for method, its in methods.items():
            statuses = {*its["responses"]}
            if its.get("security"):
                success = "200" if method == "delete" else "201"
                assert statuses == of_publishing | {success}, path
            elif path.startswith("/stream"):
                assert statuses <= of_streams


def test_every_field_of_what_is_published_is_one_of_what_is_shown(
    description: Schema,
) -> None:
    schemas = description["components"]["schemas"]
    for type, row in CATALOGUE.items():
        shown = schemas[row.shape.__name__]["properties"]
        published = schemas[f"Published{type.title()}"]["properties"]
        assert {*published} == {*shown} == {*row.shape.__struct_fields__}


@pytest.mark.parametrize("type", CATALOGUE)
def test_what_is_described_as_needed_is_needed_and_nothing_else(
    description: Schema, type: str
) -> None:
    schema = description["components"]["schemas"][f"Published{type.title()}"]
    needed = {*schema["required"], CATALOGUE[type].key} - {None}
    assert needed == {*LEAST[type]} == {*required_fields(type)}
    check_needed(type, LEAST[type], LEAST[type])


@pytest.mark.parametrize(
    ("name", "within", "least"),
    [
        ("PublishedTeam", "home", {"name": "A"}),
        ("PublishedIncidentOfScore", "incidents", {"incident": "1", "kind": "goal"}),
    ],
)
def test_what_is_described_as_needed_within_a_score_is_needed_and_nothing_else(
    description: Schema, name: str, within: str, least: Schema
) -> None:
    assert {*description["components"]["schemas"][name]["required"]} == {*least}
    inner = dict(least)
    outer = {"home": inner, "incidents": [inner]}[within]
    check_needed("score", {**LEAST["score"], within: outer}, inner)


def check_needed(type: str, data: Schema, needed: Schema) -> None:
    """Check that data is published, and refused without any field of `needed`.

    `needed` is `data` itself or an object within it.
    """
    publish(type, data)
    for name in [*needed]:
        value = needed.pop(name)
        with pytest.raises(Refused):
            publish(type, data)
        needed[name] = value


def publish(type: str, data: Schema) -> None:
    it = Feed(Settings(feed="published"), "1")
    batch = Batch(it.log, 10, now_ms())
    batch.add_object(json.dumps({"event": type, "data": data}).encode())
    it.publish(batch.events)


def test_the_server_keeps_to_its_description(tmp_path: Path) -> None:
    """Streams take part too: each is ended by its age, some hundredths of a second."""
    with Board(
        FEED="published", PUBLISH_TOKEN="secret", MAX_STREAM_AGE="0.05", MAX_KEYS="100"
    ) as board:
        for type, data in LEAST.items():
            body = json.dumps({"event": type, "data": data}).encode()
            sent = {"Authorization": "Bearer secret"}
            assert board.request("POST", "/api/publish", sent, body)[0] == 201
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"{board.url}/api/openapi.json",
                *("--header", "Authorization: Bearer secret"),
                *("--checks", ",".join(CHECKS)),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "5"),
                *("--seed", "1", "--generation-deterministic", "--no-color"),
                "--continue-on-failure",
                *("--suppress-health-check", "all", "--request-timeout", "60"),
            ],
            cwd=tmp_path,
            env=clean_environment(PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    tested = re.search(r"Operations:\s+(\d+) selected / (\d+) total", run.stdout)
    assert tested, run.stdout[-3000:]
    assert tested[1] == tested[2]
    assert "Traceback" not in board.log()
