"""Moving the instants in the data of an event, for a replay. All else is unchanged.

The instants are the fields of the type `Instant` in the event's shape. All other
values, and the fields that this version does not know, are copied as bytes, so that a
recording of any version is played as it was recorded.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Raw

from feed.events.shapes import Instant

Move = Callable[[int], int]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode


class _Names(NamedTuple):
    """The names of a shape's fields, and of those that are instants or hold shapes."""

    all: tuple[str, ...]
    instants: tuple[str, ...]
    shapes: tuple[str, ...]
    lists: tuple[str, ...]


def move_instants(data: bytes, shape: msgspec.Struct, move: Move, now: int) -> bytes:
    """Return `data`, which was read as `shape`, with each instant moved by `move`.

    A field that `data` lacks is added: `at` is `now`, and any other one has the value
    that it has in `shape`.
    """

    def moved(raw: Raw, part: msgspec.Struct) -> Raw:
        return Raw(move_instants(bytes(raw), part, move, now))

    fields, names = _decode(data), _names(type(shape))
    for name in names.instants:
        instant = getattr(shape, name)
        if instant is not None and name in fields:
            fields[name] = Raw(_encode(move(instant)))
    for name in names.shapes:
        part = getattr(shape, name)
        if part is not None and name in fields:
            fields[name] = moved(fields[name], part)
    for name in names.lists:
        if name in fields:
            parts = map(moved, _decode_list(fields[name]), getattr(shape, name))
            fields[name] = Raw(b"[%b]" % b",".join(map(bytes, parts)))
    for name in names.all:
        if name not in fields:
            missing = now if name == "at" else getattr(shape, name)
            fields[name] = Raw(_encode(missing))
    return _encode(fields)


@cache
def _names(shape: type[msgspec.Struct]) -> _Names:
    fields = msgspec.structs.fields(shape)
    return _Names(
        tuple(field.name for field in fields),
        tuple(field.name for field in fields if is_instant(field.type)),
        tuple(field.name for field in fields if _is_shape(field.type)),
        tuple(field.name for field in fields if _is_list(field.type)),
    )


def _is_shape(annotation: Any) -> bool:
    """Return whether a field has a shape, or a shape or null."""
    return any(
        isinstance(part, type) and issubclass(part, msgspec.Struct)
        for part in (annotation, *get_args(annotation))
    )


def is_instant(annotation: Any) -> bool:
    """Return whether a field has an instant, or an instant or null."""
    return bool(annotation == Instant) or Instant in get_args(annotation)


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_origin(annotation) is list
