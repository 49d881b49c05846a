"""Reading events back: the data may have been written by another version of Liveboard.

Theory of operation: publishing checks data strictly, but what is in a shared log or in
a recording is there already. A newer version may have written fields that this one
does not know, an older one may have left fields out. So data is read leniently, by a
copy of its shape that ignores unknown fields, fills in missing ones and takes any text
for a status or a kind. If the data cannot be read even so, the code that needs it skips
the event. The event itself is still sent to every client, byte for byte.
"""

import builtins
import logging
import operator
import types
import typing
from copy import deepcopy
from functools import cache, partial, reduce
from types import GenericAlias, NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec

from feed.events.catalogue import CATALOGUE, Shape
from feed.events.event import Event

Fields = dict[str, Any]

MISSING: Fields = {"at": 0}  # every shape has `at`, but some versions don't write it

# MsgspecError: it isn't JSON, or not of this shape. UnicodeDecodeError: it isn't UTF-8.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_reported: set[str] = set()

logger = logging.getLogger("liveboard.reading")


def read_shape(event: Event) -> Shape | None:
    """Return the data of an event as its shape; None if this version can't read it.

    `event` is of a type of the catalogue. The first event that cannot be read is
    logged, one for each event type.
    """
    try:
        return decode_shape(event.type, event.data)
    except UNREADABLE as error:
        report_unreadable(event.type, error)
        return None


def decode_shape(type: str, data: bytes) -> Shape:
    """Return data as the shape of an event type; one of `UNREADABLE` if it isn't one.

    A missing field has its default, is null, or is 0 if it is `at`.
    """
    shape: Shape = msgspec.json.decode(data, type=lenient(type))
    return shape


def read_fields(type: str, value: object) -> Fields | None:
    """Return all fields of the shape of an event type; None if `value` isn't readable.

    `value` is decoded JSON. Fields that this version does not know are left out.
    """
    try:
        shape = msgspec.convert(value, lenient(type))
    except msgspec.ValidationError as error:
        report_unreadable(type, error)
        return None
    fields: Fields = msgspec.to_builtins(shape)
    return fields


def report_unreadable(type: str, error: Exception) -> None:
    """Log that data of an event type cannot be read; once for each event type."""
    if type not in _reported:
        _reported.add(type)
        logger.warning(
            "The data of a %s event can't be read, and is passed on as it is: %s. "
            "Another version of Liveboard may have written it. Further ones aren't "
            "logged.",
            type,
            error,
        )


@cache
def lenient(type: str) -> Any:
    """Return the subclass of the shape of an event type that reads it leniently."""
    row = CATALOGUE[type]
    return _lenient_struct(row.shape, {**MISSING, **row.defaults})


def _lenient_struct(shape: Any, defaults: Fields) -> Any:
    fields = [
        (field.name, _lenient_type(field.type), _default(field, defaults))
        for field in msgspec.structs.fields(shape)
    ]
    return msgspec.defstruct(
        f"Lenient{shape.__name__}",
        fields,
        bases=(shape,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=False,
    )


def _default(field: msgspec.structs.FieldInfo, defaults: Fields) -> Any:
    """Return the value of a field that is missing; NODEFAULT if it is required."""
    if field.name in defaults:
        return msgspec.field(default_factory=partial(deepcopy, defaults[field.name]))
    return None if NoneType in get_args(field.type) else msgspec.NODEFAULT


def _lenient_type(annotation: Any) -> Any:
    """Return a type without the limits that a later version may have extended."""
    arguments = get_args(annotation)
    match get_origin(annotation):
        case typing.Literal:
            return str
        case typing.Annotated:
            return Annotated[_lenient_type(arguments[0]), *arguments[1:]]
        case typing.Union | types.UnionType:
            return reduce(operator.or_, map(_lenient_type, arguments))
        case builtins.list:
            return GenericAlias(list, (_lenient_type(arguments[0]),))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _lenient_struct(annotation, MISSING)
    return annotation
