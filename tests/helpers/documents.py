"""The project's documents read as data: their tables, code blocks and headings."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.harness import ROOT

README = ROOT / "README.md"
TOUR = ROOT / "docs/tour.md"
FEED = ROOT / "docs/feed.md"
DEPLOY = ROOT / "docs/deploy.md"
REPLAY = ROOT / "docs/replay.md"
BOARDS = ROOT / "docs/boards.md"
ASK = ROOT / "docs/ask.md"
SECURITY = ROOT / "docs/security.md"
DOCUMENTS = (README, TOUR, FEED, DEPLOY, REPLAY, BOARDS, ASK, SECURITY)


def defined_in(path: Path) -> set[str]:
    """Return the functions and classes of a Python or JavaScript file.

    A method is named with its class, as in `Log.append`.
    """
    text = path.read_text()
    if path.suffix == ".py":
        return {*_python_names(ast.parse(text), "")}
    return {*_script_names(text)}


def _python_names(tree: ast.AST, prefix: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield prefix + node.name
            yield from _python_names(node, f"{prefix}{node.name}.")


def _script_names(text: str) -> Iterator[str]:
    inside = ""
    for line in text.splitlines():
        if found := re.match(r"(?:export )?(?:async )?(class|function) (\w+)", line):
            inside = found[2] if found[1] == "class" else ""
            yield found[2]
        elif inside and (found := re.match(r"  (?:get |set |async )?(#?\w+)\(", line)):
            yield f"{inside}.{found[1]}"


@dataclass
class Table:
    """A table of a document, and the heading above it."""

    heading: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        at = self.head.index(name)
        return [row[at] for row in self.rows]

    def by_name(self) -> dict[str, dict[str, str]]:
        """Return the rows by the name in backticks in their first cell."""
        return {
            bare(row[0]): dict(zip(self.head, row, strict=True)) for row in self.rows
        }


def tables(document: Path) -> list[Table]:
    """Return the tables of a document, in order."""
    found: list[Table] = []
    heading, inside = "", False
    for line in outside_blocks(document):
        if line.startswith("#"):
            heading = bare(line.lstrip("# "))
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" |")]
        if not inside:
            found.append(Table(heading, cells))
        elif set(cells[0]) != {"-"}:
            assert len(cells) == len(found[-1].head), line
            found[-1].rows.append(cells)
        inside = True
    return found


def table_headed(head: str, document: Path = FEED) -> Table:
    """Return the only table whose first column has this head."""
    [table] = [table for table in tables(document) if table.head[0] == head]
    return table


def settings_table(document: Path) -> dict[str, dict[str, str]]:
    return table_headed("variable", document).by_name()


def outside_blocks(document: Path) -> Iterator[str]:
    """Yield the lines outside code blocks."""
    inside = False
    for line in document.read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield line


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks in a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text(), re.M | re.S)
    return [body for name, body in found if name == language]


def spans(cells: list[str]) -> list[str]:
    """Return the texts in backticks."""
    return [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]


def bare(cell: str) -> str:
    return cell.strip().strip("`")
