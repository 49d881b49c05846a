"""Whatever fails, no stream loses an event or gets one twice; see `make faults`."""

from contextlib import closing
from itertools import islice

from tools.faults import rows


def test_nothing_is_lost_or_comes_twice_and_the_source_goes_on_in_ten_seconds() -> None:
    """`test_relay.py` tests the last three faults, with fewer boards and streams."""
    with closing(
        rows(streams=60, boards=2, long=0, short=1.5, hurry=True)
    ) as measuring:
        measured = [*islice(measuring, 8)]
    assert len(measured) == 8
    assert [row.fault for row in measured if row.lost or row.twice] == []
    assert all(row.received == row.published * row.streams > 0 for row in measured)
    assert [row.fault for row in measured if row.prices > 10] == []
