"""The panels: a table for each of publishers' own types, and the activity.

Theory of operation: ten thousand rows, or rows of a megabyte, must not make a page that
takes long to make or to load. So every part of it is bounded: the rows, the bytes that
are decoded, and the characters that are shown. Types share them equally, so that one
can't displace another. The rows that are left out are counted. The page's script
fetches them, and without a script a sentence says how many there are.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, groupby, islice, zip_longest
from operator import itemgetter
from typing import Any, Literal, TypeVar

import msgspec

from feed.events.catalogue import KNOWN
from feed.events.event import Event, Slot
from feed.log import Log
from web.address import Selection, view_of
from web.cells import (
    MISSING,
    Cell,
    Kind,
    cell_of,
    columns_of,
    decimals_of,
    decode,
    fields_of,
    happening,
    number,
    title_of,
    trend_of,
)
from web.format import address
from web.turns import in_turns

ROWS_OF_TYPE = 200  # on a page, as of prices
ROWS_OF_ALL = 500  # on a page
DECODED_BYTES = 8 << 20  # of data that one request decodes
SHOWN_CHARACTERS = 400_000  # in the cells of a page
DETAIL_CHARACTERS = 1_200_000  # of the fields of one row: more than one event may have
FIELD_CHARACTERS = 1000  # characters that take as long to render as a field's markup
INDENTED_BYTES = 8192  # of data; indenting deep arrays makes them 60 times as long
BOOT_BYTES = 256 << 10  # of data that a page has as JSON, for its script
BOOT_ROW_BYTES = 16 << 10  # of one event's data
SEARCHED_FIELDS = 100  # of a row
SEARCHED_CHARACTERS = 10_000  # of a field
ACTIVITY = 50  # events without a key on a page
SEARCHED_EVENTS = 2000  # newest events without a key that are searched for them
LINES, MOST_LINES = 3, 10  # by which a panel grows, and up to which; as in panel.js
NO_VALUE = frozenset({"missing", "null", "nested"})

T = TypeVar("T")


class Column(msgspec.Struct, frozen=True):
    """A column of a panel. `kind` is that of its first value; "key" for the keys.

    `by` names it in a URL. `sort` is its order: "ascending", "descending" or "none".
    `href` is the URL of the next order.
    """

    kind: Kind | Literal["key"]
    by: str
    head: str
    sort: str
    href: str


class PanelRow(msgspec.Struct, frozen=True):
    """A key of a type, the path of its page, and its cells, one for each field."""

    key: str
    href: str
    cells: list[Cell]


class Panel(msgspec.Struct, frozen=True):
    """The table of one type.

    `count` is the number of the type's keys, and `left_out` that of the rows that the
    selection may show but the panel lacks. `trend` is the field with a trend, or None.
    """

    type: str
    title: str
    count: int
    columns: list[Column]
    rows: list[PanelRow]
    left_out: int
    trend: str | None

    @property
    def lines(self) -> int:
        """The number of rows for which the panel has room, as in panels/panel.js."""
        return min(math.ceil(max(len(self.rows), 1) / LINES) * LINES, MOST_LINES)


class Happening(msgspec.Struct, frozen=True):
    """An event without a key, in one line, and its instant (epoch ms)."""

    at: int
    title: str
    text: str


class Detail(msgspec.Struct, frozen=True):
    """Everything about a key: a head and a cell for each field.

    `left_out` is the number of fields that are missing, since they exceed the bounds.
    """

    key: str
    title: str
    fields: list[tuple[str, Cell]]
    left_out: int


def own_events(events: Iterable[Event]) -> list[Event]:
    """Return the keyed events of own types, sorted by type and key."""
    own = (it for it in events if it.slot and it.slot[0] not in KNOWN)
    return sorted(own, key=_slot_of)


def own_types(events: list[Event]) -> dict[str, str]:
    """Return the title of each own type by the view that shows it."""
    types = dict.fromkeys(_slot_of(event)[0] for event in events)
    return {view_of(type): title_of(type) for type in types}


def panels_of(events: list[Event], selection: Selection, now: int) -> list[Panel]:
    """Return the panels that the selection shows.

    `events` are those of `own_events`. `now` (epoch ms) is for the ages of times.
    """
    groups = _by_type(events)
    if selection.view != "both":
        shown = selection.own_type
        groups = {type: own for type, own in groups.items() if type == shown}
    room = _Room(len(groups))
    smallest_first = sorted(groups, key=lambda type: len(groups[type]))
    panels = {
        type: _make_panel(type, groups[type], selection, room, now)
        for type in smallest_first
    }
    return [
        panels[type] for type in groups if panels[type].left_out or panels[type].rows
    ]


def activity_of(log: Log, selection: Selection) -> list[Happening]:
    """Return the un-keyed events that the selection shows, the newest one first."""
    if selection.view not in ("both", "activity"):
        return []
    lines = (_happening(event) for event in newest_unkeyed(log))
    return [it for it in lines if selection.finds(it.title, it.text)]


def detail_of(event: Event, now: int) -> Detail:
    """Return the detail of a key from its newest event, at `now` (epoch ms)."""
    type, key = _slot_of(event)
    fields = fields_of(decode(event.data))
    indent = 2 if len(event.data) <= INDENTED_BYTES else None
    written = (
        (title_of(name), _whole(name, value, now, indent))
        for name, value in fields.items()
    )
    shown = [*_within(DETAIL_CHARACTERS, written, _count_field)]
    return Detail(key, title_of(type), shown, len(fields) - len(shown))


def newest_unkeyed(log: Log) -> list[Event]:
    """Return the newest un-keyed events of own types, the newest one first."""
    return log.newest_unkeyed(
        ACTIVITY, SEARCHED_EVENTS, lambda event: event.type not in KNOWN
    )


def boot_of(events: list[Event], log: Log) -> dict[str, Any]:
    """Return the data of a page for its script: rows, and events without a key.

    `other` is as in `/api/state`, but lacks the `left_out` rows beyond the bounds. In
    `activity`, the newest event is last, and large data is replaced by its line.
    """
    rows = _boot_rows(events)
    activity = [
        {"id": str(it.id), "event": it.type, "data": _brief(it)}
        for it in reversed(newest_unkeyed(log))
    ]
    return {
        "other": [
            {"id": str(it.id), "event": type, "key": key, "data": decode(it.data)}
            for it in rows
            for type, key in [_slot_of(it)]
        ],
        "left_out": len(events) - len(rows),
        "activity": activity,
    }


class _Room:
    """The room that is left within the bounds of a page, for the remaining types.

    Each type may take an equal share; what it doesn't need is shared by the others.
    """

    def __init__(self, types: int) -> None:
        self._types = types
        self._rows = ROWS_OF_ALL
        self._bytes = DECODED_BYTES
        self._characters = SHOWN_CHARACTERS

    @property
    def rows(self) -> int:
        """How many rows the next type may show."""
        return max(min(self._rows // self._types, ROWS_OF_TYPE), 1)

    @property
    def bytes(self) -> int:
        """How many bytes of its data may be decoded."""
        return self._bytes // self._types

    @property
    def characters(self) -> int:
        """How many characters it may show."""
        return self._characters // self._types

    def take(self, rows: int, bytes: int, characters: int) -> None:
        """Note how much one type took."""
        self._types -= 1
        self._rows -= rows
        self._bytes -= bytes
        self._characters -= characters


class _Fields(msgspec.Struct, frozen=True):
    """A key of a type, and the fields of its data by name."""

    key: str
    fields: dict[str, Any]


class _Cells(msgspec.Struct, frozen=True):
    """A key of a type, and its cells by column."""

    key: str
    cells: dict[str, Cell]


def _make_panel(
    type: str, own: list[Event], selection: Selection, room: _Room, now: int
) -> Panel:
    chooses = selection.order_of(type) is not None or selection.q.strip() != ""
    some = own if chooses else own[: room.rows]
    decoded = [*_within(room.bytes, some, _count_bytes)]
    read = [_read(event) for event in in_turns(decoded)]
    names = columns_of(row.fields for row in read)
    found = _choose(read, type, selection, now)
    cells = [_write(row, names, now) for row in in_turns(found[: room.rows])]
    rows = [*_within(room.characters, cells, _count_characters)]
    room.take(
        rows=len(rows),
        bytes=sum(map(_count_bytes, decoded)),
        characters=sum(map(_count_characters, rows)),
    )
    written = [row.cells for row in rows]
    return Panel(
        type=type,
        title=title_of(type),
        count=len(own),
        columns=[
            _column("key", type, "", selection),
            *(
                _column(_kind_of(name, written), type, name, selection)
                for name in names
            ),
        ],
        rows=_align(type, rows, names),
        left_out=len(found) - len(rows) + len(own) - len(read),
        trend=trend_of(names, written),
    )


def _choose(
    rows: list[_Fields], type: str, selection: Selection, now: int
) -> list[_Fields]:
    """Return the rows that the selection shows, in its order."""
    found = [row for row in in_turns(rows) if _is_found(row, selection, now)]
    order = selection.order_of(type)
    return found if order is None else _sorted(found, *order, now)


def _column(
    kind: Kind | Literal["key"], type: str, name: str, selection: Selection
) -> Column:
    """Return a column. Its head selects the usual order, then the other one, then none.

    The usual order of numbers and times descends, that of texts and keys ascends.
    """
    rises, falls = f"{type}:{name}", f"-{type}:{name}"
    orders = [falls, rises] if kind in ("number", "time") else [rises, falls]
    following = dict(zip(orders, [orders[1], ""], strict=True))
    ways = {rises: "ascending", falls: "descending"}
    by = following.get(selection.by, orders[0])
    return Column(
        kind=kind,
        by=rises,
        head=title_of(type if kind == "key" else name),
        sort=ways.get(selection.by, "none"),
        href="/" + selection.query(by=by),
    )


def _kind_of(name: str, rows: Iterable[Mapping[str, Cell]]) -> Kind:
    """Return the kind of the first value of a column that isn't null."""
    kinds = (row[name].kind for row in rows)
    return next((kind for kind in kinds if kind not in NO_VALUE), "null")


def _align(type: str, rows: list[_Cells], names: list[str]) -> list[PanelRow]:
    """Return rows in which the numbers of a column have the same decimals."""
    most = {name: decimals_of(name, (row.cells for row in rows)) for name in names}
    return [
        PanelRow(
            key=row.key,
            href=address(row.key, f"k/{type}"),
            cells=[_pad(row.cells[name], most[name] or 0) for name in names],
        )
        for row in rows
    ]


def _pad(cell: Cell, decimals: int) -> Cell:
    if cell.value is None:
        return cell
    return msgspec.structs.replace(cell, text=number(cell.value, decimals))


def _is_found(row: _Fields, selection: Selection, now: int) -> bool:
    if not selection.q.strip():
        return True
    fields = islice(row.fields.items(), SEARCHED_FIELDS)
    cells = (cell_of(name, value, now) for name, value in fields)
    texts = (it.text[:SEARCHED_CHARACTERS] for it in cells if it.kind != "nested")
    return selection.finds(row.key, *texts)


def _sorted(rows: list[_Fields], field: str, descends: bool, now: int) -> list[_Fields]:
    """Return rows in the order of a field: numbers, then texts, then all without one.

    Those without a value are last in both directions, and equal rows stay as they are.
    """
    if not field:
        return sorted(rows, key=lambda row: row.key, reverse=descends)
    ranked = [(_rank(row, field, now), row) for row in in_turns(rows)]
    known = [it for it in ranked if it[0] is not None]
    known.sort(key=itemgetter(0), reverse=descends)
    return [row for _, row in known] + [row for rank, row in ranked if rank is None]


def _rank(row: _Fields, field: str, now: int) -> tuple[int, Any] | None:
    if field not in row.fields:
        return None
    cell = cell_of(field, row.fields[field], now)
    if cell.kind in ("null", "nested"):
        return None
    value = cell.at if cell.kind == "time" else cell.value
    return (1, cell.text) if value is None else (0, value)


def _read(event: Event) -> _Fields:
    return _Fields(_slot_of(event)[1], fields_of(decode(event.data)))


def _write(row: _Fields, names: list[str], now: int) -> _Cells:
    fields = row.fields
    return _Cells(
        row.key,
        {
            name: cell_of(name, fields[name], now) if name in fields else MISSING
            for name in names
        },
    )


def _whole(name: str, value: Any, now: int, indent: int | None) -> Cell:
    """Return how a detail shows a field: arrays and objects as JSON."""
    if isinstance(value, dict | list) and value:
        return Cell("nested", json.dumps(value, indent=indent, ensure_ascii=False))
    return cell_of(name, value, now)


def _happening(event: Event) -> Happening:
    return Happening(
        at=event.id.ms,
        title=title_of(event.type),
        text=happening(decode(event.data), event.id.ms),
    )


def _brief(event: Event) -> Any:
    """Return the data of an event without a key; its line if the data is large."""
    small = len(event.data) <= BOOT_ROW_BYTES
    return decode(event.data) if small else _happening(event).text


def _boot_rows(events: list[Event]) -> list[Event]:
    """Return the rows that a page has for its script.

    They are the first row of each type, then the second of each, and so on. So each
    type has some, and a type with few rows leaves room to the others.
    """
    groups = [own[:ROWS_OF_TYPE] for own in _by_type(events).values()]
    turns = chain.from_iterable(zip_longest(*groups))
    small = (it for it in turns if it and len(it.data) <= BOOT_ROW_BYTES)
    rows = _within(BOOT_BYTES, islice(small, ROWS_OF_ALL), _count_bytes)
    return sorted(rows, key=_slot_of)


def _by_type(events: list[Event]) -> dict[str, list[Event]]:
    groups = groupby(events, key=lambda event: _slot_of(event)[0])
    return {type: [*own] for type, own in groups}


def _within(room: int, items: Iterable[T], size: Callable[[T], int]) -> Iterator[T]:
    """Yield those of `items` for which there is room, in their order."""
    for item in items:
        if size(item) <= room:
            room -= size(item)
            yield item


def _count_bytes(event: Event) -> int:
    return len(event.data)


def _count_characters(row: _Cells) -> int:
    """Return the characters of a row; its key is also in attributes and in a URL."""
    return 3 * len(row.key) + sum(len(cell.beginning) for cell in row.cells.values())


def _count_field(field: tuple[str, Cell]) -> int:
    head, cell = field
    return len(head) + len(cell.text) + FIELD_CHARACTERS


def _slot_of(event: Event) -> Slot:
    return event.slot or (event.type, "")
