"""The description of the HTTP interface for programs, as OpenAPI 3.2.

Strategy: a field is described once, by the struct that reads or writes it. URLs,
parameters and statuses are written in `openapi.yaml`; this module adds the schemas of
the structs. A new field or a new event type therefore needs no change in either file.
"""

from collections.abc import Callable
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from feed.answers.piece import Piece
from feed.events.catalogue import CATALOGUE, KNOWN, SECTIONS
from feed.events.control import CONTROLS
from feed.events.event import BROWSER_TYPES, CONTROL_TYPES, GONE, MESSAGE, OTHER
from feed.events.shapes import Amount, Instant
from feed.events.wrapping import Wrapped
from feed.publishing.batch import Retirement
from feed.publishing.completion import required_fields
from web import the_feed
from web.answers import AnswerBegun, AnswerSoFar, Asked
from web.api import Other
from web.problems import Problem
from web.publish import PublishedIds

Schema = dict[str, Any]

DESCRIPTION = Path(__file__).with_suffix(".yaml")
REF = "#/components/schemas/{name}"
SHAPES_BY_TYPE: dict[str, type[msgspec.Struct]] = {
    **{name: row.shape for name, row in CATALOGUE.items()},
    GONE: Retirement,
    OTHER: Wrapped,
    **CONTROLS,
}
SHAPES_OF_ANSWER: dict[str, type[msgspec.Struct]] = {MESSAGE: Piece, **CONTROLS}
PUBLIC = ("/healthz", "/readyz")  # never need a token
DESCRIBED_SHAPES = (
    *SHAPES_BY_TYPE.values(),
    *(Asked, AnswerBegun, AnswerSoFar),
    *(PublishedIds, Other, Problem),
)

blueprint = Blueprint("openapi", __name__, url_prefix="/api")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the description of this interface."""
    feed = the_feed()
    body = _document(feed.streams.version, bool(feed.settings.view_tokens))
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@cache  # the first request reads the file; a worker that is never asked doesn't
def _document(version: str, guarded: bool) -> bytes:
    written = msgspec.yaml.decode(DESCRIPTION.read_bytes())
    derived = {"info": {"version": version}, "components": {"schemas": _schemas()}}
    document = _merge(derived, written)
    if guarded:
        document = _merge(document, _guard(document["paths"]))
    return msgspec.json.encode(document) + b"\n"


def _guard(paths: Schema) -> Schema:
    """Return what a description also has if reading needs a token (VIEW_TOKEN)."""
    refusals = {
        "401": {"$ref": "#/components/responses/Unauthorized"},
        "429": {"$ref": "#/components/responses/TooManyRequests"},
    }
    return {
        "security": [{"token": []}, {"password": []}],
        "components": {
            "securitySchemes": {"password": {"type": "http", "scheme": "basic"}}
        },
        "paths": {
            path: {
                method: {"security": []} if path in PUBLIC else {"responses": refusals}
                for method in methods
            }
            for path, methods in paths.items()
        },
    }


def _merge(derived: Schema, written: Schema) -> Schema:
    """Return the union of two JSON objects, at every depth; `written` wins."""
    merged = {**derived, **written}
    for name in derived.keys() & written.keys():
        if isinstance(derived[name], dict) and isinstance(written[name], dict):
            merged[name] = _merge(derived[name], written[name])
    return merged


def _schemas() -> dict[str, Schema]:
    """Return the schemas that follow from the structs and from the event types."""
    [amount, instant, *_], shapes = msgspec.json.schema_components(
        (Amount, Instant, *DESCRIBED_SHAPES), ref_template=REF
    )
    for shape in shapes.values():
        # Python 3.11 and 3.12 keep the indentation of a docstring.
        shape["description"] = cleandoc(shape["description"])
    return {
        **shapes,
        **{_title(type): _published(type, shapes) for type in CATALOGUE},
        "PublishedTeam": shapes["Team"],
        "PublishedIncidentOfScore": shapes["Incident"],
        "PublishedOther": {"properties": {"event": {"not": {"enum": _taken()}}}},
        "PublishedEvent": {"anyOf": _envelopes()},
        "StreamEvent": {"anyOf": [*_items(SHAPES_BY_TYPE, _in_text), _unknown_item()]},
        "StreamLine": {"anyOf": [*_items(SHAPES_BY_TYPE, _ref), _unknown_item()]},
        "AnswerEvent": {"anyOf": _items(SHAPES_OF_ANSWER, _in_text)},
        "AnswerLine": {"anyOf": _items(SHAPES_OF_ANSWER, _ref)},
        "State": _state(instant),
        "Amount": amount,
    }


def _published(type: str, shapes: dict[str, Schema]) -> Schema:
    """Return the shape of a type as it may be published: with fewer required fields.

    The key may be given beside the data, so the data doesn't need it.
    """
    row = CATALOGUE[type]
    required = [name for name in required_fields(type) if name != row.key]
    return {**shapes[row.shape.__name__], "required": required}


def _taken() -> list[str]:
    """Return the event types that a publisher can't use for events of its own."""
    return sorted(CONTROL_TYPES | BROWSER_TYPES | KNOWN | {OTHER})


def _envelopes() -> list[Schema]:
    """Return the alternatives of an event that is published, one for each type."""
    known = [
        _envelope(name, _title(name), keyed=row.key is not None)
        for name, row in CATALOGUE.items()
    ]
    gone = _envelope(GONE, Retirement.__name__, keyed=False)
    return [*known, gone, _ref("PublishedOther")]


def _envelope(type: str, data: str, *, keyed: bool) -> Schema:
    properties = {"event": {"const": type}, "data": _ref(data)}
    if keyed:
        properties["key"] = {"anyOf": [_ref("Key"), {"type": "null"}]}
        properties |= {"ttl": _ref("Ttl"), "until": _ref("Until")}
    return {"type": "object", "properties": properties, "required": ["event", "data"]}


def _items(
    shapes: dict[str, type[msgspec.Struct]], write: Callable[[str], Schema]
) -> list[Schema]:
    """Return the alternatives of an event in a stream, one for each type.

    `write` returns the schema of data that has a schema of a given name.
    """
    return [
        {"properties": {"event": {"const": type}, "data": write(shape.__name__)}}
        for type, shape in shapes.items()
    ]


def _unknown_item() -> Schema:
    """Return the alternative of an event whose type the publisher chose."""
    return {"properties": {"event": {"not": {"enum": [*SHAPES_BY_TYPE]}}}}


def _in_text(name: str) -> Schema:
    """Return the schema of a text that is JSON with the schema `name`."""
    return {"contentMediaType": "application/json", "contentSchema": _ref(name)}


def _state(instant: Schema) -> Schema:
    """Return the members of `/api/state` that follow from the event types."""
    shapes = {SECTIONS[type]: CATALOGUE[type].shape for type in SECTIONS}
    sections = {
        name: {"type": "array", "items": _ref(shape.__name__)}
        for name, shape in (shapes | {OTHER: Other}).items()
    }
    return {
        "properties": {"at": instant, **sections},
        "required": ["id", "at", "source", *sections],
    }


def _ref(name: str) -> Schema:
    return {"$ref": REF.format(name=name)}


def _title(type: str) -> str:
    return f"Published{type.title()}"
