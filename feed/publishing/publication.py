"""The changes that a batch makes: to the log, to the history, and to expiring keys."""

from collections.abc import Iterable
from typing import Self

from feed.events.catalogue import CATALOGUE, News, encode
from feed.events.event import Event
from feed.events.reading import read_shape
from feed.events.shapes import Quote
from feed.history import Mark, mark_of


class Publication:
    """Events to publish, each encoded once, and their changes besides the log.

    `marks` are the changes of the history. `expiries` has, for each event, the instant
    (epoch ms) at which its key is to be retired; None for a key that stays. Both are
    read from a shape without encoding it. Only events from Redis or from a recording
    have no shape, so their data is decoded.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.marks: list[Mark] = []
        self.expiries: list[int | None] = []

    @classmethod
    def of(cls, news: Iterable[News]) -> Self:
        """Return the publication of `news`, in order."""
        publication = cls()
        for each in news:
            publication.add(each)
        return publication

    def add(self, news: News) -> Event:
        """Add one event at the end, and return it; InvalidEvent if it is too long."""
        event = encode(news)
        mark = news if isinstance(news, Quote) else mark_of(event)
        self.events.append(event)
        if mark is not None:
            self.marks.append(mark)
        self.expiries.append(expiry_of(event, news))
        return event


def expiry_of(event: Event, news: News | None = None) -> int | None:
    """Return when (epoch ms) the event's key is to be retired; None if it stays.

    `news` is the shape of the event, if the caller has it.
    """
    row = CATALOGUE.get(event.type)
    if row is None or row.expires_at is None:
        return None
    shape = read_shape(event) if news is None or isinstance(news, Event) else news
    return None if shape is None else getattr(shape, row.expires_at)
