"""The board as text: what a terminal shows where a browser shows the page."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from feed.streams.text import UNPRINTABLE, signed, time_of

Fields = dict[str, Any]


def text_board(state: Fields, root: str) -> str:
    """Return the state as readable tables and three lines that say how to go on.

    `state` is what `/api/state` answers, `root` the URL that the client used.
    """
    lines = [_title(state), ""]
    if not (state["prices"] or state["scores"]):
        lines += ["Nothing has been published yet.", ""]
    if state["prices"]:
        lines += [*_table(PRICE_HEADS, map(_quote, state["prices"])), ""]
    for competition, scores in _by_competition(state["scores"]).items():
        lines += [competition, *_table(SCORE_HEADS, map(_score, scores)), ""]
    lines += [_notice(notice) for notice in state["notices"]]
    lines += _hints(root)
    return "\n".join(line.rstrip() for line in lines) + "\n"


# A head's first letter of alignment: < left, > right.
PRICE_HEADS = ("<Symbol", "<Name", ">Last", "<", ">Change", ">%", ">Low", ">High")
SCORE_HEADS = ("<When", ">Home", ">", "<", "<Away")


def _title(state: Fields) -> str:
    said = ["Liveboard", f"as of {time_of(state['at'])} UTC"]
    if state["source"] == "simulator":
        said.append("simulated data")
    said += [_printable(f"{m['market']} {m['status']}") for m in state["markets"]]
    return " · ".join(said)


def _quote(quote: Fields) -> tuple[str, ...]:
    decimals, change = quote["decimals"], quote["change"]
    return (
        quote["symbol"],
        quote["name"] or "",
        _number(quote["price"], decimals),
        "▲" if (change or 0) > 0 else "▼" if (change or 0) < 0 else " ",
        signed(change, decimals),
        signed(quote["change_percent"], 2),
        _number(quote["low"], decimals),
        _number(quote["high"], decimals),
    )


def _score(score: Fields) -> tuple[str, ...]:
    home, away = score["home"], score["away"]
    return (
        _when(score),
        home["name"],
        _number(home["score"], 0),
        _number(away["score"], 0),
        away["name"],
    )


def _when(score: Fields) -> str:
    if score["status"] == "NS":
        kick_off = score["kick_off"]
        return "NS" if kick_off is None else time_of(kick_off)[:5]
    if score["minute"] is None or score["status"] not in ("1H", "2H", "ET"):
        return str(score["status"])
    stoppage = f"+{score['stoppage']}" if score["stoppage"] else ""
    return f"{score['minute']}{stoppage}′"


def _notice(notice: Fields) -> str:
    body = f": {notice['body']}" if notice["body"] else ""
    return _printable(f"{notice['level'].upper()}  {notice['title']}{body}")


def _hints(root: str) -> list[str]:
    return [
        f"Follow it        curl -N {root}stream.txt",
        f"As SSE or JSON   curl -N {root}stream   curl -N {root}stream.ndjson",
        f"Just a few       curl -N '{root}stream?symbols=ACME,BOLT&events=price'",
    ]


def _by_competition(scores: list[Fields]) -> dict[str, list[Fields]]:
    found: dict[str, list[Fields]] = {}
    for score in sorted(scores, key=lambda score: score["kick_off"] or 0):
        found.setdefault(_printable(score["competition"] or "Matches"), []).append(
            score
        )
    return found


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    titles = tuple(head[1:] for head in heads)
    cells = [titles, *(tuple(map(_printable, row)) for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            _pad(cell, width, head[0])
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        for row in cells
    ]


def _pad(cell: str, width: int, align: str) -> str:
    space = " " * (width - _width(cell))
    return space + cell if align == ">" else cell + space


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text (Unicode Annex 11)."""
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _printable(text: str) -> str:
    return UNPRINTABLE.sub(" ", text)
