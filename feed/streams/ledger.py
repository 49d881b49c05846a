"""How much a stream has sent, and the checksum that its gzip stream ends with.

Theory of operation: the fan-out keeps one ledger for all streams that are sent the same
bytes. The difference between two pages of that ledger, one from when a stream joined
and one from when it left, is what that stream was sent. Counts are subtracted. The
checksum needs a little algebra: a CRC is the remainder of a division of polynomials, so
the CRC of A followed by B is that of A, shifted by the length of B, xor that of B.
"""

import struct
from typing import NamedTuple
from zlib import crc32

GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952, section 2.3
POLYNOMIAL = 0xEDB88320  # of CRC-32, bits reversed (RFC 1952, section 8)


class Ledger(NamedTuple):
    """Events of the log, bytes sent, and checksum and length before compression."""

    events: int = 0
    sent: int = 0
    crc: int = 0
    length: int = 0

    def wrote(self, events: int, sent: int, zipped: bytes = b"") -> "Ledger":
        """Return this after one more write; `zipped` is what gzip compressed of it."""
        return Ledger(
            self.events + events,
            self.sent + sent,
            crc32(zipped, self.crc) if zipped else self.crc,
            self.length + len(zipped),
        )

    def plus(self, later: "Ledger") -> "Ledger":
        """Return the ledger of these writes and of `later` ones."""
        return self.followed(Ledger(), later)

    def followed(self, joined: "Ledger", left: "Ledger") -> "Ledger":
        """Return this after the writes between two pages of another ledger."""
        length = left.length - joined.length
        return Ledger(
            self.events + left.events - joined.events,
            self.sent + left.sent - joined.sent,
            _shifted(self.crc ^ joined.crc, length) ^ left.crc,
            self.length + length,
        )


def gzip_trailer(ledger: Ledger) -> bytes:
    """Return the end of a gzip stream: a last block, checksum, length (RFC 1952)."""
    return b"\x03\0" + struct.pack("<II", ledger.crc, ledger.length & 0xFFFFFFFF)


def _shifted(crc: int, length: int) -> int:
    """Return a CRC, shifted by `length` bytes that follow.

    This is its product with x to the power of 8 · length, modulo the polynomial.
    """
    power, bits = crc, 8 * length
    while bits and power:
        lowest = bits & -bits
        power = _product(_POWERS[lowest.bit_length() - 1], power)
        bits -= lowest
    return power


def _product(one: int, other: int) -> int:
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = one << 1 & 0xFFFFFFFF
        other = other >> 1 ^ (POLYNOMIAL if other & 1 else 0)
    return product


def _squares(power: int, count: int) -> list[int]:
    found = [power]
    while len(found) < count:
        found.append(_product(found[-1], found[-1]))
    return found


_ONE = 1 << 31  # the polynomial 1, bits reversed
_POWERS = _squares(_ONE >> 1, 64)  # x to the power of 1, 2, 4, 8 …
