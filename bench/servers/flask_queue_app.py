"""A plain Flask queue per subscriber, as most tutorials write it; gunicorn, gevent."""

import queue
import threading
from collections.abc import Iterator

from flask import Flask, Response

from bench.servers import ticks

app = Flask(__name__)
subscribers: set["queue.SimpleQueue[str]"] = set()


@app.get("/stream")
def stream() -> Response:
    """Stream every event to one subscriber."""
    return Response(frames(), mimetype="text/event-stream")


def frames() -> Iterator[str]:
    """Yield one event after the other, until the subscriber leaves."""
    mine: queue.SimpleQueue[str] = queue.SimpleQueue()
    subscribers.add(mine)
    try:
        yield "retry: 2000\n\n"
        while True:
            yield mine.get()
    finally:
        subscribers.discard(mine)


def publish() -> None:
    """Put every event into every subscriber's queue."""
    number = ticks.FIRST
    ticks.wait_for_go()
    for due_us, count in ticks.rounds():
        for tick in ticks.ticks(number, count, due_us):
            frame = f"id: {tick.id}\nevent: tick\ndata: {tick.data}\n\n"
            for subscriber in [*subscribers]:
                subscriber.put(frame)
        number += count


threading.Thread(target=publish, daemon=True).start()
