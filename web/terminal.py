"""The board as text, for a client that doesn't ask for HTML, such as `curl`."""

import unicodedata
from collections.abc import Iterable

from feed.streams.text import printable
from feed.streams.written import (
    FIRST_STRONG_ISOLATE,
    POP_ISOLATE,
    UNKNOWN,
    Fields,
    arrow,
    clock,
    isolated,
    price,
    signed,
)
from web.cells import Cell, cut
from web.format import by_competition, minute
from web.panels import Detail, Happening, Panel
from web.sources import SourceFault, day_words, faults_of, simulated_words
from web.times import page_time
from web.turns import in_turns

LONGEST_CELL = 40  # characters of a text in the table of an own type
LONGEST_ADDRESS = 120  # characters of an address, which is of no use when it is cut
LONGEST_DETAIL = 1000  # characters of a field in the detail of a row


def text_board(state: Fields, root: str, curl: str) -> str:
    """Return the state as readable tables, and three lines that say how to follow it.

    `state` is the answer of `/api/state`, with the `panels`, the `activity` and the
    `details` of publishers' own types. `root` is the URL that the client used, and
    `curl` the command that may read the board.
    """
    lines = [_title(state), *map(_fault, faults_of(state["sources"])), ""]
    if not any(state[section] for section in SHOWN):
        lines += ["Nothing has been published yet.", ""]
    if state["prices"]:
        lines += [*_table(PRICE_HEADS, map(_price_row, state["prices"])), ""]
        if day_change := day_words(state["prices"]):
            lines += [day_change, ""]
    for competition, scores in by_competition(state["scores"]):
        heading = _shown(competition or "Other matches")
        lines += [heading, *_table(SCORE_HEADS, map(_score_row, scores)), ""]
    for panel in state["panels"]:
        lines += [*_panel(panel), ""]
    for detail in state["details"]:
        lines += [*_detail(detail), ""]
    if state["activity"]:
        lines += ["Activity", *map(_happening, state["activity"]), ""]
    lines += [_notice(notice) for notice in state["notices"]]
    lines += _hints(state, root, curl)
    return "\n".join(line.rstrip() for line in lines) + "\n"


# The first character of a head is its column's alignment: < is left, > is right.
PRICE_HEADS = (
    "<Symbol",
    "<Name",
    ">Last",
    "<",
    ">Change",
    ">%",
    ">Low",
    ">High",
    "<",
)
SCORE_HEADS = ("<When", ">Home", ">", "<", "<Away", "<")
OUT_OF_DATE = "out of date"

SHOWN = ("prices", "scores", "panels", "details", "activity")


def _title(state: Fields) -> str:
    parts = ["Liveboard", f"as of {clock(state['at'])} UTC"]
    simulated = simulated_words(state["prices"], state["scores"])
    if simulated:
        parts.append(simulated.lower())
    parts += [
        printable(f"{isolated(m['market'])} {m['status']}") for m in state["markets"]
    ]
    return " · ".join(parts)


def _fault(fault: SourceFault) -> str:
    """Return what is wrong with a source: "Kraken: no answer since 14:03:12 UTC."."""
    return printable(f"{fault.words} {clock(fault.since)} UTC. {fault.detail}")


def _price_row(quote: Fields) -> tuple[str, ...]:
    decimals, change = quote["decimals"], quote["change"]
    return (
        quote["symbol"],
        quote["name"] or "",
        price(quote["price"], decimals),
        arrow(change, decimals),
        signed(change, decimals),
        signed(quote["change_percent"], 2),
        price(quote["low"], decimals),
        price(quote["high"], decimals),
        OUT_OF_DATE if quote.get("is_old") else "",
    )


def _score_row(score: Fields) -> tuple[str, ...]:
    home, away = score["home"], score["away"]
    return (
        minute(score),
        home["name"],
        _goals(home["score"]),
        _goals(away["score"]),
        away["name"],
        OUT_OF_DATE if score.get("is_old") else "",
    )


def _goals(score: int | None) -> str:
    return UNKNOWN if score is None else str(score)


def _panel(panel: Panel) -> list[str]:
    """Return the table of an own type under its name and the number of its keys."""
    heads = tuple(
        f"{'>' if it.kind == 'number' else '<'}{it.head}" for it in panel.columns
    )
    rows = ((cut(row.key, LONGEST_CELL), *map(_cell, row.cells)) for row in panel.rows)
    lines = [printable(f"{panel.title} · {panel.count:,}"), *_table(heads, rows)]
    if panel.left_out:
        lines.append(f"… and {panel.left_out:,} more")
    return lines


def _cell(cell: Cell, longest: int = LONGEST_CELL) -> str:
    if cell.kind == "time":
        return f"{cell.text} ({cell.age})"
    return cut(cell.text, LONGEST_ADDRESS if cell.kind == "link" else longest)


def _detail(detail: Detail) -> list[str]:
    """Return all fields of a row, one a line, under the type and the key."""
    rows = ((head, _cell(cell, LONGEST_DETAIL)) for head, cell in detail.fields)
    lines = [
        printable(f"{detail.title} {isolated(detail.key)}"),
        *_table(("<", "<"), rows)[1:],
    ]
    if detail.left_out:
        lines.append(f"… and {detail.left_out:,} more fields")
    return lines


def _happening(happening: Happening) -> str:
    parts = page_time(happening.at, "clock"), happening.title, happening.text
    return "  ".join(map(printable, parts))


def _notice(notice: Fields) -> str:
    body = f": {isolated(notice['body'])}" if notice["body"] else ""
    title = isolated(notice["title"])
    return printable(f"{notice['level'].upper()}  {title}{body}")


def _hints(state: Fields, root: str, curl: str) -> list[str]:
    curl = f"{curl} -N"
    types = ",".join(panel.type for panel in state["panels"][:2])
    is_own = types and not state["prices"]
    few = f"events={types}" if is_own else "symbols=ACME,BOLT&events=price"
    return [
        f"Follow it        {curl} {root}stream.txt",
        f"As SSE or JSON   {curl} {root}stream   {curl} {root}stream.ndjson",
        f"Just a few       {curl} '{root}stream?{few}'",
    ]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    titles = tuple(_shown(head[1:]) for head in heads)
    cells = [titles, *(tuple(map(_shown, row)) for row in in_turns(rows))]
    columns = in_turns(zip(*cells, strict=True))
    widths = [max(map(_width, column)) for column in columns]
    return [
        "  ".join(
            _pad(cell, width, head[0])
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        for row in in_turns(cells)
    ]


def _pad(cell: str, width: int, align: str) -> str:
    space = " " * (width - _width(cell))
    return space + cell if align == ">" else cell + space


def _shown(text: str) -> str:
    return printable(isolated(text))


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text (Unicode Annex 11)."""
    return sum(
        0
        if unicodedata.combining(c) or c in (FIRST_STRONG_ISOLATE, POP_ISOLATE)
        else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
