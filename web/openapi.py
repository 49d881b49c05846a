"""The description of the HTTP interface for programs, as OpenAPI 3.1.

Strategy: a field is described once, by the struct that reads or writes it. URLs,
parameters and statuses are written in `openapi.yaml`; this module adds the schemas of
the structs. A new field or a new event type therefore needs no change in either file.
"""

from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from feed.events.control import Bye, End, Gap, Heartbeat, Hello
from feed.events.event import BROWSER_TYPES, CONTROL_TYPES
from feed.events.shapes import Amount, Instant
from feed.publishing.batch import Retirement
from feed.publishing.completion import KINDS, KNOWN
from web import the_feed
from web.api import SECTIONS, Other
from web.problems import Problem
from web.publish import Answer

Schema = dict[str, Any]

DESCRIPTION = Path(__file__).with_suffix(".yaml")
REF = "#/components/schemas/{name}"
CONTROLS = (Hello, Heartbeat, Gap, Bye, End)
SHAPES_BY_TYPE: dict[str, type[msgspec.Struct]] = {
    **{type: kind.shape for type, kind in KINDS.items()},
    "gone": Retirement,
    **{control.__name__.lower(): control for control in CONTROLS},
}
DESCRIBED_SHAPES = (*SHAPES_BY_TYPE.values(), Answer, Other, Problem)

blueprint = Blueprint("openapi", __name__, url_prefix="/api")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the description of this interface."""
    body = _document(the_feed().streams.version)
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@cache  # the first request reads the file; a worker that is never asked doesn't
def _document(version: str) -> bytes:
    written = msgspec.yaml.decode(DESCRIPTION.read_bytes())
    derived = {"info": {"version": version}, "components": {"schemas": _schemas()}}
    return msgspec.json.encode(_merge(derived, written)) + b"\n"


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
        **{_title(type): _published(type, shapes) for type in KINDS},
        "PublishedTeam": shapes["Team"],
        "PublishedIncidentOfScore": shapes["Incident"],
        "PublishedOther": {"properties": {"event": {"not": {"enum": _taken()}}}},
        "PublishedEvent": {"anyOf": _envelopes()},
        "StreamEvent": {"anyOf": _stream_events()},
        "State": _state(instant),
        "Amount": amount,
    }


def _published(type: str, shapes: dict[str, Schema]) -> Schema:
    """Return the shape of a type as it may be published: with fewer required fields.

    The key may be given beside the data, so the data doesn't need it.
    """
    kind = KINDS[type]
    required = [name for name in kind.required if name != kind.key]
    return {**shapes[kind.shape.__name__], "required": required}


def _taken() -> list[str]:
    """Return the event types that a publisher can't use for events of its own."""
    return sorted(CONTROL_TYPES | BROWSER_TYPES | KNOWN)


def _envelopes() -> list[Schema]:
    """Return the alternatives of an event that is published, one for each type."""
    known = [
        _envelope(type, _title(type), keyed=bool(KINDS[type].key)) for type in KINDS
    ]
    gone = _envelope("gone", Retirement.__name__, keyed=False)
    return [*known, gone, _ref("PublishedOther")]


def _envelope(type: str, data: str, *, keyed: bool) -> Schema:
    properties = {"event": {"const": type}, "data": _ref(data)}
    if keyed:
        properties["key"] = {"anyOf": [_ref("Key"), {"type": "null"}]}
    return {"type": "object", "properties": properties, "required": ["event", "data"]}


def _stream_events() -> list[Schema]:
    """Return the alternatives of an event in a stream, one for each type."""
    known = [
        {
            "properties": {
                "event": {"const": type},
                "data": {
                    "contentMediaType": "application/json",
                    "contentSchema": _ref(shape.__name__),
                },
            }
        }
        for type, shape in SHAPES_BY_TYPE.items()
    ]
    return [*known, {"properties": {"event": {"not": {"enum": [*SHAPES_BY_TYPE]}}}}]


def _state(instant: Schema) -> Schema:
    """Return the members of `/api/state` that follow from the event types."""
    shapes = {SECTIONS[type]: KINDS[type].shape for type in SECTIONS} | {"other": Other}
    sections = {
        name: {"type": "array", "items": _ref(shape.__name__)}
        for name, shape in shapes.items()
    }
    return {
        "properties": {"at": instant, **sections},
        "required": ["id", "at", "source", *sections],
    }


def _ref(name: str) -> Schema:
    return {"$ref": REF.format(name=name)}


def _title(type: str) -> str:
    return f"Published{type.title()}"
