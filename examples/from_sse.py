"""Feed the board from another feed of server-sent events.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    python examples/from_sse.py 'http://127.0.0.1:8001/stream?events=price'

An event keeps its type, in lower case; one without a type is published as an `update`.
Data that isn't JSON is published as a string. The format is that of the standard: data
of several lines, comments, unknown fields, any line ends. An event that the board
refuses is reported with its line and the board's reason, and the exit status is 1 then.
A user and a password in the URL are sent as Basic authorization.

`BOARD` is the board's address, if it is another one than that of `make run`. From a
Liveboard, `python -m feed record URL | python -m feed publish - --to URL` does the
same, and outlives broken connections.
"""

import io
import json
import sys
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

from board import Refused, explain, publish
from source import read_request

SSE = "text/event-stream"
CONTROL = {"hello", "heartbeat", "gap", "bye", "end"}  # a Liveboard's control events
UNNAMED = {"": "update", "message": "update"}  # a board doesn't publish messages


def read_lines(asked: Request) -> Iterator[str]:
    """Yield the lines of a stream, as the standard decodes them; exit if it breaks."""
    try:
        stream = urlopen(asked)
        kind = stream.headers.get_content_type()
        if kind != SSE:
            sys.exit(f"{asked.host}: that is {kind}, not {SSE}")
        yield from io.TextIOWrapper(stream, "utf-8-sig", "replace")
    except (OSError, HTTPException) as error:
        sys.exit(f"{asked.host}: {explain(error)}")


def decode(text: str) -> Any:
    """Return decoded JSON, or the text itself if it isn't JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


if len(sys.argv) != 2:
    sys.exit(__doc__)
refused, type, data = 0, "", []
for number, line in enumerate(read_lines(read_request(sys.argv[1], SSE)), 1):
    name, _, value = line.rstrip("\n").partition(":")
    if name == "event":
        type = value.removeprefix(" ").lower()
    elif name == "data":
        data.append(value.removeprefix(" "))
    elif line == "\n":
        if data and type not in CONTROL:
            event = {"event": UNNAMED.get(type, type), "data": decode("\n".join(data))}
            try:
                publish(event)
            except Refused as error:
                refused += 1
                print(f"line {number}: {error}", file=sys.stderr)
        type, data = "", []
sys.exit(1 if refused else 0)
