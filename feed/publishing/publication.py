"""The changes that a batch makes: to the log, and to the history."""

from collections.abc import Iterable
from typing import Self

import msgspec

from feed.events.catalogue import News, encode
from feed.events.event import Event
from feed.events.shapes import Quote
from feed.history import Mark, mark_of


class Publication:
    """Events to publish, each encoded once, and their changes besides the log.

    `marks` are the changes of the history. They are read from a shape without decoding
    it. Only events from Redis or from a recording have no shape, so their data is
    decoded.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.marks: list[Mark] = []

    @classmethod
    def of(cls, news: Iterable[News]) -> Self:
        """Return the publication of `news`, in order."""
        publication = cls()
        for each in news:
            publication.add(each)
        return publication

    def add(self, news: News, until: int | None = None) -> Event:
        """Add one event at the end, and return it; InvalidEvent if it is too long.

        Its key is retired at the instant `until` (epoch ms), if one is given.
        """
        event = encode(news)
        if until is not None:
            event = msgspec.structs.replace(event, until=until)
        mark = news if isinstance(news, Quote) else mark_of(event)
        self.events.append(event)
        if mark is not None:
            self.marks.append(mark)
        return event
