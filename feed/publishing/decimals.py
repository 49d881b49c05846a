"""The number of decimals that a price needs.

Theory of operation: a price is a double, and its shortest text may have digits that
nobody wrote. A sum such as 0.1 + 0.2 is off in the 17th digit, and a number that was a
32-bit float is off in the 8th, such as 101.2300033569336. So a price that has more than
12 digits is written with fewer: with those that make the same 32-bit float, if the
price is one, and else with 12.
"""

import struct
from decimal import Decimal

EXACT_DIGITS = 12  # of a double; sums of thousands of doubles are off in the 13th
FLOAT_DIGITS = range(6, 10)  # of a 32-bit float: 9 are enough for any of them
MOST_DIGITS = 8  # decimals after the zeros that a small price begins with
MOST_DECIMALS = 20


def needed_decimals(price: float) -> int:
    """Return how many decimals show a price up to 1e15 without rounding.

    There are up to 8 of them, and more for a price below 0.1: its zeros don't count.
    """
    shortest = Decimal(_shortest(price)).normalize()
    decimals = -int(shortest.as_tuple().exponent)
    zeros = max(-shortest.adjusted() - 1, 0)
    return max(min(decimals, zeros + MOST_DIGITS, MOST_DECIMALS), 0)


def _shortest(price: float) -> str:
    """Return the digits of a price that somebody may have written."""
    text = f"{price:.{EXACT_DIGITS}g}"
    if float(text) == price or _as_float(price) != price:
        return text
    texts = (f"{price:.{digits}g}" for digits in FLOAT_DIGITS)
    return next(text for text in texts if _as_float(float(text)) == price)


def _as_float(price: float) -> float:
    """Return the 32-bit float that is nearest to a price."""
    nearest: float = struct.unpack("f", struct.pack("f", price))[0]
    return nearest
