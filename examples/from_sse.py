"""Feed the board from another feed of server-sent events, whose data is JSON.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    python examples/from_sse.py 'http://127.0.0.1:8001/stream?events=price'

An event has the type that it has there, and its data stands on one line. `BOARD` is
the board's address, if it is another one than that of `make run`. From a Liveboard,
`python -m feed record URL | python -m feed publish - --to URL` does the same, and
outlives broken connections.
"""

import json
import os
import sys
from urllib.request import Request, urlopen

CONTROL = {"hello", "heartbeat", "gap", "bye", "end"}  # a Liveboard's control events
url = os.environ.get("BOARD", "http://127.0.0.1:8000") + "/api/publish"
headers = {"Authorization": "Bearer " + os.environ["PUBLISH_TOKEN"]}
fields: dict[str, str] = {"event": "message"}
for line in urlopen(sys.argv[1]):
    name, _, value = line.decode().rstrip("\r\n").partition(":")
    fields[name] = value.removeprefix(" ")
    if not line.strip():
        if fields["event"] not in CONTROL and "data" in fields:
            event = {"event": fields["event"], "data": json.loads(fields["data"])}
            urlopen(Request(url, json.dumps(event).encode(), headers)).close()
        fields = {"event": "message"}
