"""Names: a class or a constant that has two meanings makes a reader look twice."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.helpers.harness import ROOT

STANDS_IN = re.compile(r"export \* from| as Present\b")  # the names of the last release


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for name, path in [*python_classes(), *script_classes()]:
        places[name].append(path)
    # The page's `Board`, `Stream`, … are twins of the server's, in another language.
    twice = {
        name: at for name, at in places.items() if len({*map(suffix, at)}) < len(at)
    }
    assert len(places) > 100
    assert twice == {}


def test_no_two_constants_of_one_name_have_two_values() -> None:
    values: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name, value, path in [*python_constants(), *script_constants()]:
        values[name, suffix(path)].setdefault(value, path)
    assert len(values) > 150
    assert {name: at for name, at in values.items() if len(at) > 1} == {}


def python_classes() -> Iterator[tuple[str, str]]:
    for path, tree in python_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield node.name, path


def python_constants() -> Iterator[tuple[str, str, str]]:
    for path, tree in python_modules():
        for node in tree.body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id.isupper():
                        yield target.id, ast.unparse(node.value), path


def python_modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("feed", "serving", "web"):
        for path in (ROOT / folder).rglob("*.py"):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def script_classes() -> Iterator[tuple[str, str]]:
    for path, text in script_modules():
        for name in re.findall(r"^(?:export )?class (\w+)", text, re.M):
            yield name, path


def script_constants() -> Iterator[tuple[str, str, str]]:
    constant = re.compile(r"^(?:export )?const ([A-Z][A-Z_]+) = ([^;]+);", re.M)
    for path, text in script_modules():
        for name, value in constant.findall(text):
            yield name, value, path


def script_modules() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "static").rglob("*.js"):
        text = path.read_text()
        if "vendor" not in path.parts and not STANDS_IN.search(text):
            yield str(path.relative_to(ROOT)), text


def suffix(path: str) -> str:
    return path.rpartition(".")[2]
