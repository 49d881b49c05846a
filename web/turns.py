"""Turns: long work of one request lets all others run meanwhile.

A worker has one thread, in which streams and requests take turns whenever they wait for
a socket. Making a page of five thousand rows never waits, so it pauses by itself.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

PAUSE_EVERY = 0.002  # seconds of work after which the others get their turn

T = TypeVar("T")


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """Yield `items`; between two of them, let others run if a turn is over."""
    began = time.perf_counter()
    for item in items:
        yield item
        if time.perf_counter() - began > PAUSE_EVERY:
            give_turn()
            began = time.perf_counter()


def give_turn() -> None:
    """Let other threads run, and other requests and streams under gevent."""
    time.sleep(0)
