"""Event streams parsed as a browser parses them.

The parser follows the WHATWG HTML standard, section 9.2.6 "Interpreting an event
stream". It shares no code with the server, so that both can't have the same fault.
"""

import codecs
import re
from dataclasses import dataclass

LINE_END = re.compile("\r\n|\r|\n")
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True)
class Parsed:
    """An event as it was dispatched; `id` is the last event id at that moment."""

    event: str
    data: str
    id: str


class Parser:
    """Turns the bytes of one stream into events, in whatever pieces they arrive.

    `last_event_id` is the value that a browser would send as `Last-Event-ID`. `retry`
    is the reconnection time in milliseconds, or None until the server sets it.
    `comments` are the comment lines so far, without their colon.
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry: int | None = None
        self.comments: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._at_start = True
        self._after_cr = False
        self._line = ""
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, data: bytes) -> list[Parsed]:
        """Return the events that the stream's next bytes complete.

        An incomplete event at the end of the stream is discarded, as the standard asks.
        """
        text = self._decoder.decode(data)
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix(BOM)
        found = (self._interpret(line) for line in self._lines(text))
        return [event for event in found if event is not None]

    def _lines(self, text: str) -> list[str]:
        """Return the complete lines, which end in CR LF, LF or CR and nothing else."""
        if not text:
            return []
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        *lines, self._line = LINE_END.split(self._line + text)
        return lines

    def _interpret(self, line: str) -> Parsed | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments.append(line[1:])
            return None
        field, _, value = line.partition(":")
        self._process(field, value.removeprefix(" "))
        return None

    def _process(self, field: str, value: str) -> None:
        match field:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value)

    def _dispatch(self) -> Parsed | None:
        self.last_event_id = self._id
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        # The standard's data buffer is empty only where there was no data line:
        # each adds its value and a line feed, and the last line feed is taken off.
        if not data:
            return None
        return Parsed(event, "\n".join(data), self._id)
