"""Refusing published fields: which values are valid, and the unit of an instant.

Theory of operation: the decoder says which value is wrong. What it leaves out follows
from the shape that the value belongs to: the values that a field can have, and the
fields that there are. An instant in seconds is a valid number, so instants are checked
before the decoder sees them.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, TypeGuard, get_args, get_origin

import msgspec

from feed.events.instants import is_instant

EARLIEST = 10**11  # ms, in 1973; a lower number is an instant in seconds
LATEST = 10**14  # ms, in 5138; a higher number is one in microseconds or nanoseconds
# How much an instant of these centuries is in another unit, and what makes it ms.
UNITS = {
    "seconds": (10**8, EARLIEST, 1000),
    "microseconds": (LATEST, 10**17, 1 / 1000),
    "nanoseconds": (10**17, 10**20, 1 / 1_000_000),
}
LISTED_CHARACTERS = 200  # characters of the decoder's message
FIELD = re.compile(r"\.([a-z_]+)")

Struct = type[msgspec.Struct]


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a JSON value is a number; `true` is not one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_instants(given: object, shape: Struct, place: str = "$") -> None:
    """Raise ValidationError if an instant among the published fields is none in ms."""
    if not isinstance(given, dict):
        return
    for field in msgspec.structs.fields(shape):
        value, path = given.get(field.name), f"{place}.{field.name}"
        inner = _shape_in(field.type)
        if is_instant(field.type):
            check_instant(value, path)
        elif inner is not None and isinstance(value, list):
            for index, each in enumerate(value):
                check_instants(each, inner, f"{path}[{index}]")
        elif inner is not None:
            check_instants(value, inner, path)


def check_instant(value: object, path: str) -> None:
    """Raise ValidationError if the value of an instant is none in ms."""
    if isinstance(value, str):
        raise refusal_of("an instant is a number of epoch milliseconds", path)
    if not is_number(value) or EARLIEST <= value < LATEST:
        return
    for unit, (least, most, in_ms) in UNITS.items():
        if least <= value < most:
            meant = round(value * in_ms)
            problem = f"{value} looks like {unit}; an instant is in epoch milliseconds"
            raise refusal_of(f"{problem}: {meant}", path)
    problem = f"an instant is in epoch milliseconds, from {EARLIEST} to {LATEST - 1}"
    raise refusal_of(f"{problem}; null if it isn't known", path)


def refusal_of(problem: str, path: str) -> msgspec.ValidationError:
    """Return an error in the form of the decoder's own."""
    return msgspec.ValidationError(f"{problem} - at `{path}`")


def explain(message: str, path: str, shape: Any) -> str:
    """Return the decoder's message, with what is valid at `path` of the shape."""
    message = message[:LISTED_CHARACTERS]
    if message.startswith("Expected `str` matching"):
        message = "no control characters or line breaks"
    found = _type_at(path, shape)
    inner = _shape_in(found)
    if "unknown field" in message and inner is not None:
        return f"{message}; there are {', '.join(inner.__struct_fields__)}"
    values = ", ".join(_literals(found))
    return f"{message}; it can be {values}" if values else message


def _shape_in(annotation: Any) -> Struct | None:
    """Return the shape in a field's type, such as in `list[Incident]`; else None."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    return next(filter(None, map(_shape_in, get_args(annotation))), None)


def _type_at(path: str, shape: Any) -> Any:
    """Return the type of what is at a JSON path; None if the path leaves the shape."""
    found = shape
    for name in FIELD.findall(path):
        inner = _shape_in(found)
        types = {} if inner is None else _types(inner)
        found = types.get(name)
    return found


def _types(shape: Struct) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(shape)}


def _literals(annotation: Any) -> Iterator[str]:
    """Yield the values that a field's type lists."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from _literals(part)
