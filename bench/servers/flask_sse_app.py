"""flask-sse with Redis: each subscriber has a Redis connection; gunicorn, gevent.

Until the events begin it publishes `ready` now and then, because flask-sse sends no
headers before the first event.
"""

import os
import threading
import time

from flask import Flask
from flask_sse import sse

from bench.servers import ticks

READY_EVERY = 0.2  # seconds

app = Flask(__name__)
app.config["REDIS_URL"] = os.environ["REDIS_URL"]
app.register_blueprint(sse, url_prefix="/stream")


def publish_ready(seconds: float) -> None:
    """Sleep, and publish an event so that waiting subscribers get their headers."""
    time.sleep(max(seconds, READY_EVERY))
    sse.publish({}, type="ready")


def publish() -> None:
    """Publish every event to Redis, which passes it to all subscribers."""
    number = ticks.FIRST
    with app.app_context():
        ticks.wait_for_go(publish_ready)
        for due_us, count in ticks.rounds():
            for tick in ticks.ticks(number, count, due_us):
                sse.publish(tick.data, type="tick", id=tick.id)
            number += count


threading.Thread(target=publish, daemon=True).start()
