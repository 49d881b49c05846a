"""Keepers store answers outside the process that gives them.

`Feed` chooses one of two: `KeptAlone`, which keeps nothing, or `KeptInRedis`, through
which an answer can be read, resumed and stopped in any process of a board.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from feed.answers.answer import Answer
from feed.events.control import End
from feed.events.event import Event
from feed.publishing.idempotency import Idempotency


class Addition(NamedTuple):
    """What is added to an answer at once: events, and perhaps the end."""

    answer: Answer
    events: list[Event]
    ending: End | None


class Keeper(Protocol):
    """The answers of all processes of a board."""

    def recall(self, idempotency: Idempotency) -> Answer | None:
        """Return the answer to an earlier request with this key; None if it is new.

        Raise KeyReused if that request was a different one, and Unavailable if
        earlier requests can't be looked up now.
        """

    def begin(self, answer: Answer, idempotency: Idempotency | None) -> Answer:
        """Keep an answer that begins, and return it.

        If another process has just begun one for the same idempotency key, return that
        one. Raise Unavailable if nothing can be kept now.
        """

    def add(self, additions: list[Addition]) -> None:
        """Keep additions that are about to be appended to answers of this process."""

    def find(self, id: str) -> Answer | None:
        """Return an answer that another process gives or has given."""

    def stop(self, answer: Answer) -> None:
        """Ask the process that gives an answer to stop it."""

    def forget(self, answers: list[Answer]) -> None:
        """Stop keeping answers of this process."""

    def run(self, stop: Callable[[Answer], None], ending: threading.Event) -> None:
        """Follow other processes, and `stop` what they ask, until `ending` is set."""

    def close(self) -> None:
        """Close the keeper's connections."""


class KeptAlone:
    """A `Keeper` for a process that is the only one: it has all answers itself."""

    def recall(self, idempotency: Idempotency) -> Answer | None:
        """Return None: no other process has answers."""
        return None

    def begin(self, answer: Answer, idempotency: Idempotency | None) -> Answer:
        """Return the answer."""
        return answer

    def add(self, additions: list[Addition]) -> None:
        """Do nothing."""

    def find(self, id: str) -> Answer | None:
        """Return None: no other process has answers."""
        return None

    def stop(self, answer: Answer) -> None:
        """Do nothing: no other process gives answers."""

    def forget(self, answers: list[Answer]) -> None:
        """Do nothing."""

    def run(self, stop: Callable[[Answer], None], ending: threading.Event) -> None:
        """Return at once: no other process asks for anything."""

    def close(self) -> None:
        """Do nothing: this keeper has no connections."""
