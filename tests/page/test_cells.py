"""The fields of publishers' own types, written as the table of cases says.

The page's scripts are tested with the same table.
"""

import json
from typing import Any

import pytest

from tests.helpers.harness import ROOT
from web.address import is_own, type_of, view_of
from web.cells import (
    MISSING,
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

CASES: dict[str, Any] = json.loads((ROOT / "tests/page/own_types.json").read_text())
NOW: int = CASES["now"]


@pytest.mark.parametrize("section", ["titles", "heads"])
def test_types_and_fields_have_the_titles_of_the_table(section: str) -> None:
    for name, title in CASES[section]:
        assert title_of(name) == title


def test_a_field_is_written_as_the_table_says() -> None:
    for case in CASES["cells"]:
        cell = cell_of(case["name"], case["value"], NOW)
        expected = case["kind"], case["text"], case.get("tone", ""), case.get("age", "")
        assert (cell.kind, cell.text, cell.tone, cell.age) == expected, case
    assert (MISSING.kind, MISSING.text) == ("missing", "")


def test_a_long_text_is_cut_after_whole_characters() -> None:
    for case in CASES["cuts"]:
        whole = case["repeat"] * case["times"]
        cell = cell_of("subject", whole, NOW)
        assert cell.text == whole
        assert cell.is_cut == case["cut"]
        assert cell.beginning == (case["text"] * 120 + "…" if case["cut"] else whole)


def test_a_table_has_the_columns_of_its_rows() -> None:
    for case in CASES["columns"]:
        rows = [fields_of(row) for row in case["rows"]]
        columns = columns_of(rows)
        cells = [
            {
                name: cell_of(name, fields[name], NOW) if name in fields else MISSING
                for name in columns
            }
            for fields in rows
        ]
        decimals = {name: decimals_of(name, cells) for name in columns}
        assert columns == case["columns"], case
        assert trend_of(columns, cells) == case["trend"], case
        assert {name: most for name, most in decimals.items() if most is not None} == (
            case["decimals"]
        ), case


def test_numbers_of_a_column_have_its_decimals() -> None:
    for case in CASES["padded"]:
        assert number(case["value"], case["decimals"]) == case["text"]


def test_an_event_without_a_key_is_one_line() -> None:
    for case in CASES["activity"]:
        assert happening(case["data"], NOW) == case["text"], case


def test_views_and_pages_have_the_urls_of_the_table() -> None:
    for type, view in CASES["views"]:
        assert (view_of(type), type_of(view)) == (view, type)
    for type, key, path in CASES["pages"]:
        assert address(key, f"k/{type}") == path
    assert not is_own("price") and not is_own("gone") and not is_own("Ticket")


def test_names_that_are_numbers_come_first_as_in_a_browser() -> None:
    data = {"b": 1, "10": 2, "2": 3, "01": 4, "4294967295": 5, "4294967294": 6}
    expected = ["2", "10", "4294967294", "b", "01", "4294967295"]
    assert [*fields_of(data)] == expected
    assert columns_of([fields_of(data)]) == expected


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"1e400", "1e400"),
        (b"[" * 5000, "[" * 5000),
        (b'"\xff"', '"\N{REPLACEMENT CHARACTER}"'),
        (b"1" + b"0" * 400, 10**400),
    ],
)
def test_data_of_another_version_is_shown_even_if_it_cannot_be_decoded(
    data: bytes, text: object
) -> None:
    assert decode(data) == text
    assert cell_of("value", decode(data), NOW).beginning


def test_an_integer_beyond_a_double_is_written_as_in_a_browser() -> None:
    assert (number(10**400), number(-(10**400))) == ("∞", "−∞")
