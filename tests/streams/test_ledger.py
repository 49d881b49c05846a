"""Ledgers add up, and so do their checksums."""

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from feed.streams.ledger import Ledger

writes = st.lists(st.binary(max_size=300), max_size=8)


def ledger_of(parts: list[bytes]) -> Ledger:
    total = Ledger()
    for part in parts:
        total = total.wrote(2, len(part), part)
    return total


@given(writes)
def test_a_ledger_sums_its_entries(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    assert ledger_of(parts) == Ledger(
        2 * len(parts), len(whole), crc32(whole), len(whole)
    )


@given(before=writes, after=writes)
def test_two_ledgers_add_up(before: list[bytes], after: list[bytes]) -> None:
    assert ledger_of(before).plus(ledger_of(after)) == ledger_of(before + after)


@given(own=writes, missed=writes, shared=writes)
def test_a_newcomer_adds_what_it_shared_to_what_was_its_own(
    own: list[bytes], missed: list[bytes], shared: list[bytes]
) -> None:
    joined, left = ledger_of(missed), ledger_of(missed + shared)
    assert ledger_of(own).followed(joined, left) == ledger_of(own + shared)
