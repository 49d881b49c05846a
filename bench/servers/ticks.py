"""The published events: all of one size, each with a number and a due time.

Events fall due in rounds, so that a server may send several at once. An event carries
the time at which its round was due and not the time at which it was published, so that
a server can't hide a delay by keeping its publisher waiting.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

FIRST = 1_000_000  # the first number; all numbers have the same length
POLL = 0.02  # seconds between two checks for the file `GO`

RATE = float(os.environ.get("RATE", "20"))  # events a second
ROUNDS = min(float(os.environ.get("ROUNDS", "50")), RATE)  # rounds a second
GO = os.environ.get("GO", "")  # events begin when this file exists


class Tick(NamedTuple):
    """One event: its number, its id of the form `<ms>-<seq>`, its JSON."""

    number: int
    id: str
    data: str


def wait_for_go(sleep: Callable[[float], object] = time.sleep) -> None:
    """Return once the file `GO` is there."""
    while GO and not Path(GO).exists():
        sleep(POLL)


def rounds(sleep: Callable[[float], object] = time.sleep) -> Iterator[tuple[int, int]]:
    """Yield each round when it is due: its time (epoch µs) and its number of events.

    A late caller gets the missed rounds at once, one after the other.
    """
    if not RATE:
        return
    began, done, published = time.time(), 0, 0
    while True:
        done += 1
        next_round = began + done / ROUNDS
        ahead = next_round - time.time()
        if ahead > 0:
            sleep(ahead)
        due = int(done * RATE / ROUNDS + 1e-6)
        yield int(next_round * 1e6), due - published
        published = due


def ticks(first: int, count: int, due_us: int) -> list[Tick]:
    """Return `count` events from number `first` on; with id and name 130 bytes each."""
    return [
        Tick(first + seq, f"{due_us // 1000}-{seq}", tick_json(first + seq, due_us))
        for seq in range(count)
    ]


def tick_json(number: int, due_us: int) -> str:
    """Return the data of one event: 90 bytes."""
    price = 100 + number * 7919 % 1000 / 100
    return (
        f'{{"n":{number},"us":{due_us},"symbol":"ACME","price":{price:.2f},'
        '"market":"XETR","lot":7}'
    )


def price_json(symbol: str, number: int, due_us: int) -> str:
    """Return a complete quote, as a board shows it: about 330 bytes."""
    price = 100 + number * 7919 % 1000 / 100
    return (
        f'{{"n":{number},"us":{due_us},"symbol":"{symbol}","name":"Acme Industries",'
        f'"currency":"EUR","market":"XETR","sector":"Industry","price":{price:.2f},'
        f'"decimals":2,"change":{price - 100:.2f},"change_percent":{price - 100:.2f},'
        '"previous_close":100.00,"open":100.00,"high":110.00,"low":100.00,'
        f'"bid":{price - 0.01:.2f},"ask":{price + 0.01:.2f},"volume":{number},'
        f'"at":{due_us // 1000}}}'
    )
