"""Feed the board from a CSV file of prices, ten rows a second.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    python examples/from_csv.py examples/prices.csv

The first row names the columns: `symbol`, `price` and other fields of a quote. Further
columns are left out. The file may be as a spreadsheet saves it:

- separated by commas, semicolons, tabs or `|`, also with a first line `sep=;`;
- in UTF-8, UTF-16 or Windows-1252, with any line ends, and compressed by gzip;
- with a decimal point or a decimal comma, and with thousands that are separated by the
  other one, by spaces or by apostrophes. If every number can be read in two ways, such
  as 1.234, set `DECIMAL` to `.` or `,`;
- with empty cells, blank rows, and lines that begin with `#`, which are ignored.

If a row can't be read, all such rows are reported and nothing is published. If the
board refuses a row, its reason is shown and the feed ends. The exit status is 1 then.
`BOARD` is the board's address, if it is another one than that of `make run`.
"""

import csv
import gzip
import io
import os
import re
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from board import Refused, put_price

TEXTS = {"symbol", "name", "currency", "market", "sector"}
AMOUNTS = {"price", "previous_close", "open", "high", "low", "bid", "ask"}
NUMBERS = AMOUNTS | {"volume", "change", "change_percent", "decimals", "at"}
SHOWN = 20  # rows that can't be read; further ones are only counted
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # the beginning of a file in UTF-16
SPACING = re.compile(r"[\s'\u2019]")  # between thousands; a no-break space is a \s
# Numbers by their decimal mark; the other mark may separate their thousands.
PATTERNS = {
    mark: re.compile(
        rf"[-+]?(\d+|[1-9]\d{{0,2}}([{other}]\d{{3}})+)([{mark}]\d+)?(e[-+]?\d+)?", re.I
    )
    for mark, other in (".,", ",.")
}


def read_text(path: str) -> str:
    """Return the text of a file, whichever encoding it has."""
    data = Path(path).read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    if data.startswith(UTF_16):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def is_ignored(line: str) -> bool:
    """Return whether a line has no cells, is a comment, or names the separator."""
    return not line.strip(" \t,;|") or line.startswith(("#", "sep="))


def find_separator(text: str) -> str:
    """Return the character that separates the names of the columns."""
    names = next((line for line in text.splitlines() if not is_ignored(line)), "")
    return max(",;\t|", key=names.count)


def read_rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each row, and the number of the line on which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [
            (reader.line_num, [cell.strip() for cell in cells])
            for cells in reader
            if not is_ignored(separator.join(cells))
        ]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error


def read_header(line: int, cells: list[str]) -> list[str]:
    """Return the names of the columns; ValueError if a necessary one is missing."""
    names = [re.sub(r"\W+", "_", cell.lower()) for cell in cells]
    for name in ("symbol", "price"):
        if name not in names:
            found = ", ".join(names)[:80] or "none"
            raise ValueError(f"line {line}: no column is named {name}, only: {found}")
    if further := [name for name in names if name not in TEXTS | NUMBERS]:
        print(f"Columns that are left out: {', '.join(further)}", file=sys.stderr)
    return names


def find_decimal_mark(numbers: list[str], separator: str) -> str:
    """Return the mark with which most numbers can be read, "" if both do for all."""
    points, commas = (
        sum(pattern.fullmatch(SPACING.sub("", text)) is not None for text in numbers)
        for pattern in PATTERNS.values()
    )
    if points != commas:
        return "." if points > commas else ","
    has_comma = any("," in text for text in numbers)
    return "." if separator == "," and not has_comma else ""


def read_number(text: str, mark: str) -> float:
    """Return a number; ValueError if the text is none with this decimal mark."""
    digits = SPACING.sub("", text)
    if mark not in PATTERNS and PATTERNS.keys() & {*digits}:
        raise ValueError(f"the decimal mark of {text!r} is unclear; set DECIMAL to it")
    mark, other = (",", ".") if mark == "," else (".", ",")
    if not PATTERNS[mark].fullmatch(digits):
        raise ValueError(f"{text!r} is no number with the decimal mark {mark}")
    number = float(digits.replace(other, "").replace(mark, "."))
    return int(number) if number.is_integer() else number


def read_quote(names: list[str], cells: list[str], mark: str) -> dict[str, Any]:
    """Return a row as the fields of a quote; ValueError if it can't be read."""
    if any(cells[len(names) :]):
        raise ValueError("more cells than columns; quote a cell that has a separator")
    row = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
    for name in ("symbol", "price"):
        if name not in row:
            raise ValueError(f"no {name}; fill that cell, or put a # before the row")
    numbers = {name: read_number(row[name], mark) for name in NUMBERS & row.keys()}
    return {name: row[name] for name in TEXTS & row.keys()} | numbers


def read_quotes(path: str) -> tuple[list[tuple[int, dict[str, Any]]], list[str]]:
    """Return the quotes of a file with their lines, and what is wrong with the others.

    OSError or ValueError if the file can't be read at all.
    """
    text = read_text(path)
    separator = find_separator(text)
    [names, *rows] = read_rows(text, separator) or [(1, [])]
    columns = read_header(*names)
    cells = [pair for _, row in rows for pair in zip(columns, row, strict=False)]
    numbers = [cell for name, cell in cells if name in NUMBERS and cell]
    mark = os.environ.get("DECIMAL") or find_decimal_mark(numbers, separator)
    quotes, problems = [], []
    for line, row in rows:
        try:
            quotes.append((line, read_quote(columns, row, mark)))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    return quotes, problems


def main(path: str) -> None:
    """Publish the quotes of a file, or exit with what is wrong with it."""
    try:
        quotes, problems = read_quotes(path)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        sys.exit(f"{path}: {error}")
    if problems:
        further = len(problems) - SHOWN
        more = [f"... and {further} more lines"] if further > 0 else []
        lines = "\n".join([*problems[:SHOWN], *more])
        sys.exit(f"{path}: nothing is published, because of\n{lines}")
    for line, quote in quotes:
        try:
            put_price(quote["symbol"], quote)
        except Refused as error:
            sys.exit(f"{path}, line {line}: {error}")
        time.sleep(0.1)


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
