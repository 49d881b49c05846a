"""The HTTP interface as OpenAPI 3.1, for programs: what can be asked, and what comes.

Strategy: a field is described once, in the code that reads or writes it. What stands
here is only which of the shapes goes where, under which status.
"""

from functools import cache
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from feed.events.control import Bye, End, Gap, Heartbeat, Hello
from feed.events.event import BROWSER_TYPES, CONTROL_TYPES, KEY_LENGTH, TYPE_NAME
from feed.events.shapes import Amount, Quote, Team
from feed.history import BASE, MAX_INTERVAL
from feed.publishing.batch import KINDS, KNOWN, MAX_EVENTS, Envelope, Retirement
from feed.streams.view import (
    MATCH_PARAMETERS,
    MAX_PACE,
    STATE_PARAMETERS,
    STREAM_PARAMETERS,
)
from feed.streams.wire import WIRES
from web import the_feed
from web.api import MAX_CANDLES, SECTIONS, Other
from web.problems import PROBLEM, Problem
from web.publish import IDEMPOTENCY_KEY, NDJSON, Answer

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"
CONTROLS = (Hello, Heartbeat, Gap, Bye, End)
EVENTS: dict[str, type[msgspec.Struct]] = {
    **{type: kind.shape for type, kind in KINDS.items()},
    "gone": Retirement,
    **{control.__name__.lower(): control for control in CONTROLS},
}
SHAPES = (*EVENTS.values(), Envelope, Answer, Other, Problem)
EVENT_ID = {"type": "string", "pattern": "^[0-9]{1,15}(-[0-9]{1,20})?$"}
KEY = {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH}
TEXT: Schema = {"type": "string"}

blueprint = Blueprint("openapi", __name__, url_prefix="/api")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the description of this interface."""
    described = _described(the_feed().streams.version)
    response = Response(described, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@cache
def _described(version: str) -> bytes:
    schemas = _shapes()
    body = {
        "openapi": "3.1.0",
        "info": {
            "title": "Liveboard",
            "version": version,
            "summary": "Prices and match scores, live: one resumable log of events.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            **_streams(),
            **_reading(),
            **_health(),
            **_publishing(),
        },
        "components": {
            "schemas": {**schemas, **_published(schemas)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(body) + b"\n"


# --- What can be asked


def _streams() -> Schema:
    kinds = (wire.content_type.partition(";")[0] for wire in WIRES.values())
    schemas = (_event_of_a_stream(), TEXT, TEXT)
    sse, ndjson, text = (
        {kind: schema} for kind, schema in zip(kinds, schemas, strict=True)
    )
    last = _header("Last-Event-ID", "The cursor; it wins over `after`.", TEXT)
    parameters = [*map(_parameter, STREAM_PARAMETERS), last]
    of_match = [_path("match"), *map(_parameter, MATCH_PARAMETERS), last]
    once = {"200": _answer("The stream, as `Accept` prefers it.", sse | ndjson | text)}
    return {
        "/stream": _get("Follow events", parameters, once | _refusals(400)),
        "/stream.ndjson": _get(
            "Follow events as NDJSON",
            parameters,
            {"200": _answer("An object a line.", ndjson)} | _refusals(400),
        ),
        "/stream.txt": _get(
            "Follow events as lines for people",
            parameters,
            {"200": _answer("An event a line.", text)} | _refusals(400),
        ),
        "/stream/matches/{match}": _get(
            "Follow one match until it is over",
            of_match,
            once | _refusals(400, 404) | {"204": _answer("There is no more.")},
        ),
    }


def _reading() -> Schema:
    etag = _header("If-None-Match", "An `ETag` from before.", TEXT)
    unchanged = {"304": _answer("Nothing has happened since.")}
    page: Schema = {"text/html": TEXT, "text/plain": TEXT}
    described: Schema = {"application/json": {"type": "object"}}
    return {
        "/": _get("The board", [], {"200": _answer("A page, or a table.", page)}),
        "/api/state": _get(
            "The newest event of each key",
            [*map(_parameter, STATE_PARAMETERS), etag],
            {"200": _answer("The state.", _json(_state()))}
            | unchanged
            | _refusals(400),
        ),
        "/api/history/{symbol}": _get(
            "A symbol's candles, oldest first",
            [_path("symbol"), _parameter("interval"), _parameter("limit")],
            {"200": _answer("The candles.", _json(_history()))} | _refusals(400, 404),
        ),
        "/api/openapi.json": _get(
            "This description",
            [etag],
            {"200": _answer("OpenAPI 3.1.", described)} | unchanged,
        ),
    }


def _health() -> Schema:
    fine = {"200": _answer("In words or figures.", {"text/plain": TEXT})}
    return {
        "/healthz": _get("Whether the process runs", [], fine),
        "/readyz": _get("Whether requests are welcome", [], fine | _refusals(503)),
        "/metrics": _get("Figures for Prometheus", [], fine),
    }


def _publishing() -> Schema:
    retry = {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"}
    once = _header("Idempotency-Key", "The same for each retry of a request.", retry)
    refusals = _refusals(400, 401, 403, 404, 408, 413, 415, 422, 503)
    answer = _answer("Published, under these ids.", _json(_ref(Answer)))

    def described(what: str, status: str, names: list[str], body: Schema) -> Schema:
        asked = {"requestBody": {"required": True, "content": body}} if body else {}
        return {
            "summary": what,
            "parameters": [*map(_path, names), once],
            **asked,
            "responses": {status: answer, **refusals},
            "security": [{"token": []}],
        }

    def short(what: str, name: str, body: Schema) -> Schema:
        return {
            "put": described(f"Publish {what}", "201", [name], _json(body)),
            "delete": described(f"Retire {what}", "200", [name], {}),
        }

    line = f"Such an object a line, up to {MAX_EVENTS}."
    event = {"$ref": REF.format(name="PublishedEvent")}
    score = {"$ref": REF.format(name="PublishedScore")}
    return {
        "/api/publish": {
            "post": described(
                "Publish events, all or none",
                "201",
                [],
                _json(event) | {NDJSON: {"schema": {**TEXT, "description": line}}},
            )
        },
        "/api/prices/{symbol}": short("a price", "symbol", _published_price()),
        "/api/scores/{match}": short("a match", "match", score),
        "/api/keys/{type}/{key}": {
            "delete": described("Retire any key", "200", ["type", "key"], {})
        },
    }


# --- Of what shape


def _shapes() -> dict[str, Schema]:
    _, schemas = msgspec.json.schema_components(SHAPES, ref_template=REF)
    return schemas


def _event_of_a_stream() -> Schema:
    """Return an event as an EventSource hands it out; its data is JSON in a string."""

    def known(type: str, shape: type[msgspec.Struct]) -> Schema:
        data = {"contentMediaType": "application/json", "contentSchema": _ref(shape)}
        return {"properties": {"event": {"const": type}, "data": data}}

    own = {"properties": {"event": {"not": {"enum": [*EVENTS]}}}}
    return {
        "type": "object",
        "properties": {
            "id": EVENT_ID,
            "event": TEXT,
            "data": TEXT,
            "retry": {"type": "integer"},
        },
        "required": ["event", "data"],
        "anyOf": [*(known(*each) for each in EVENTS.items()), own],
    }


def _published(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Return the shapes as they may be published: with less than they are shown with.

    The key may stand beside the data, so that no shape needs it.
    """
    found = {}
    for type, kind in KINDS.items():
        needed = [name for name in kind.required if name != kind.key]
        found[type] = {**schemas[kind.shape.__name__], "required": needed}
    name = Team.__name__
    nullable = schemas[name]["properties"]
    needed = [field for field, its in nullable.items() if "anyOf" not in its]
    found["team"] = {**schemas[name], "required": needed}
    team, incident = _named("team"), _named("incident")
    # What happened in a match is the match's.
    within = [name for name in found["incident"]["required"] if name != "match"]
    found["incident_of_score"] = {**found["incident"], "required": within}
    incident = _named("incident_of_score")
    properties = found["score"]["properties"]
    incidents = {**properties["incidents"], "items": incident}
    own = {"home": team, "away": team, "incidents": incidents}
    found["score"] = {**found["score"], "properties": properties | own}
    found["event"] = {"anyOf": [*map(_envelope, KINDS), _gone(), _own()]}
    return {_title(name): schema for name, schema in found.items()}


def _envelope(type: str) -> Schema:
    keyed = {"key": {"anyOf": [KEY, {"type": "null"}]}} if KINDS[type].key else {}
    return _object(event={"const": type}, data=_named(type), **keyed)


def _gone() -> Schema:
    return _object(event={"const": "gone"}, data=_ref(Retirement))


def _own() -> Schema:
    taken = sorted(CONTROL_TYPES | BROWSER_TYPES | KNOWN)
    name = {"type": "string", "pattern": f"^{TYPE_NAME.pattern}$"}
    return _object(
        event={**name, "not": {"enum": taken}},
        data={},
        key={"anyOf": [KEY, {"type": "null"}]},
    )


def _object(**properties: Schema) -> Schema:
    needed = [name for name in properties if name != "key"]
    return {"type": "object", "properties": properties, "required": needed}


def _published_price() -> Schema:
    [amount], _ = msgspec.json.schema_components([Amount])
    return {"anyOf": [amount, _named("price")]}


def _state() -> Schema:
    sections = {
        section: {"type": "array", "items": _ref(KINDS[type].shape)}
        for type, section in SECTIONS.items()
    }
    other = {"type": "array", "items": _ref(Other)}
    at = _shapes()[Quote.__name__]["properties"]["at"]
    return _object(id=EVENT_ID, at=at, source=TEXT, **sections, other=other)


def _history() -> Schema:
    candle = {"type": "array", "items": {"type": "number"}}
    candles = {"type": "array", "items": candle}
    return _object(
        symbol=TEXT, interval={"type": "integer"}, id=EVENT_ID, candles=candles
    )


# --- How OpenAPI writes it


PARAMETERS: dict[str, tuple[str, Schema]] = {
    "symbols": ("Of prices, only these; names separated by commas.", TEXT),
    "matches": ("Of scores and incidents, only these.", TEXT),
    "events": ("Only these types.", TEXT),
    "after": ("The cursor: an event's id.", EVENT_ID),
    "pace": (
        "At most one frame each so many seconds, compacted.",
        {"type": "number", "minimum": 0, "maximum": MAX_PACE, "default": 0},
    ),
    "once": ("1: the catch-up, then the end.", {"enum": ["0", "1"], "default": "0"}),
    "interval": (
        "Seconds of a candle.",
        {
            "type": "integer",
            "minimum": BASE,
            "maximum": MAX_INTERVAL,
            "multipleOf": BASE,
            "default": 60,
        },
    ),
    "limit": (
        "Candles at most, the newest.",
        {"type": "integer", "minimum": 1, "maximum": MAX_CANDLES, "default": 500},
    ),
}
REFUSALS = {
    400: "A parameter or the body can't be understood.",
    401: "The token is missing or wrong.",
    403: "Publishing is off.",
    404: "There is no such match, symbol, key or URL.",
    408: "The body didn't arrive in time.",
    413: "The body is too large.",
    415: "The body has a Content-Encoding.",
    422: "An event hasn't its shape; `place` says where.",
    503: "The server is about to end, or can't reach what it shares its log by.",
}


def _get(summary: str, parameters: list[Schema], responses: Schema) -> Schema:
    described = {"summary": summary, "parameters": parameters, "responses": responses}
    return {"get": described}


def _parameter(name: str) -> Schema:
    description, schema = PARAMETERS[name]
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": KEY}


def _header(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _answer(description: str, content: Schema | None = None) -> Schema:
    if content is None:
        return {"description": description}
    kinds = {
        kind: its if "schema" in its else {"schema": its}
        for kind, its in content.items()
    }
    return {"description": description, "content": kinds}


def _refusals(*statuses: int) -> Schema:
    content = {PROBLEM: {"schema": _ref(Problem)}}
    return {str(status): _answer(REFUSALS[status], content) for status in statuses}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(shape: type[msgspec.Struct]) -> Schema:
    return {"$ref": REF.format(name=shape.__name__)}


def _named(type: str) -> Schema:
    return {"$ref": REF.format(name=_title(type))}


def _title(type: str) -> str:
    return "Published" + "".join(map(str.title, type.split("_")))
