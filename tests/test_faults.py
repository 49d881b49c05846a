"""Whatever dies, no stream misses an event or sees one twice; see `make faults`."""

import pytest

from tests.faults import Row, rows


@pytest.fixture(scope="module")
def measured() -> list[Row]:
    """Return what each fault did to a few streams."""
    return [*rows(streams=60, boards=2, long=6, short=2)]


def test_nothing_is_lost_and_nothing_comes_twice(measured: list[Row]) -> None:
    assert len(measured) == 8
    assert [row.fault for row in measured if row.lost or row.twice] == []
    assert all(row.received == row.published * row.streams > 0 for row in measured)


def test_the_source_goes_on_within_ten_seconds(measured: list[Row]) -> None:
    assert [row.fault for row in measured if row.prices > 10] == []
