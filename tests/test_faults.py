"""Whatever dies, no stream misses an event or sees one twice; see `make faults`."""

from tests.faults import rows


def test_nothing_is_lost_or_comes_twice_and_the_source_goes_on_in_ten_seconds() -> None:
    measured = [*rows(streams=60, boards=2, long=6, short=2)]
    assert len(measured) == 8
    assert [row.fault for row in measured if row.lost or row.twice] == []
    assert all(row.received == row.published * row.streams > 0 for row in measured)
    assert [row.fault for row in measured if row.prices > 10] == []
