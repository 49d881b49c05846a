"""Fill a support desk: tickets arrive, agents type and answer, and tickets are solved.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    python examples/desk.py

The page shows the tickets, the agents that are typing, and the activity. The board
knows nothing about desks: "ticket" and "typing" are names of our own. The server
retires a key after its time to live, so an agent who stops typing needs no second
request. The first argument is the number of seconds between two steps. Ctrl-C retires
the tickets and stops.
"""

import contextlib
import os
import random
import sys
import time
from collections.abc import Iterator

from board import publish, put, retire

SUBJECTS = (
    *("Printer on fire", "Can’t log in", "Invoice is missing", "The page is blank"),
    *("Parcel didn’t arrive", "Wrong size", "App crashes at start", "Refund, please"),
)
AGENTS = ("Mia", "Noah", "Ines", "Tomás")
PRIORITIES = ("low", "normal", "high", "urgent")
DESK = 8  # tickets at once

rng = random.Random(os.environ.get("SEED"))


def publish_note(text: str) -> None:
    """Publish an event without a key: one line of the activity."""
    publish({"event": "note", "data": {"text": text}})


def steps_of(key: str, pause: float) -> Iterator[None]:
    """Publish the life of one ticket, one step for each `next`."""
    now = int(time.time() * 1000)
    subject, messages, agent = rng.choice(SUBJECTS), 1, rng.choice(AGENTS)
    ticket = {"subject": subject, "status": "open", "agent": None, "messages": 1}
    ticket |= {"priority": rng.choice(PRIORITIES), "opened_at": now}
    put("ticket", key, ticket)
    publish_note(f"{key} arrived: {subject}")
    yield
    for status in rng.choice((["pending"], ["pending", "open", "pending"])):
        if status == "pending":
            put("typing", key, {"who": f"{agent} is typing…"}, ttl=max(3 * pause, 1))
            yield
        messages += 1
        ticket |= {"status": status, "messages": messages, "agent": agent}
        put("ticket", key, ticket)
        yield
    if rng.random() < 0.2:
        put("ticket", key, ticket | {"status": "breached"})
        data = {"title": f"Ticket {key} waits too long", "level": "warning"}
        publish(
            {"event": "notice", "key": key, "data": data, "ttl": max(10 * pause, 1)}
        )
        yield
    put("ticket", key, ticket | {"status": "solved"})
    publish_note(f"{agent} solved {key}")
    yield
    retire("ticket", key)


def main(pause: float) -> None:
    """Take one step of a random ticket every `pause` seconds, until Ctrl-C."""
    tickets: dict[str, Iterator[None]] = {}
    number = 4711
    try:
        while True:
            if len(tickets) < DESK:
                tickets[str(number)] = steps_of(str(number), pause)
                number += 1
            key = rng.choice([*tickets])
            if next(tickets[key], "over") == "over":
                del tickets[key]
            time.sleep(pause)
    except KeyboardInterrupt:
        for key in tickets:
            retire("ticket", key)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
