"""Liveboard as it is in production, and a thread that publishes into it.

    FEED=published python -m gunicorn bench.servers.liveboard_app:app

Importing `app` makes the application from the environment. Besides the variables of
`ticks`, it reads SYMBOLS (publish quotes of this many symbols instead of ticks), VIEWS
(divide the symbols into this many equal shares; numbers are consecutive within a share)
and PREFILL (publish this many events before the first stream opens).
"""

import os
import threading
import time

from app import app
from bench.servers import ticks
from feed.events.event import Event, keyed, unkeyed

SYMBOLS = int(os.environ.get("SYMBOLS", "0"))
VIEWS = int(os.environ.get("VIEWS", "1"))
PREFILL = int(os.environ.get("PREFILL", "0"))

feed = app.extensions["feed"]


@app.get("/bench/cursors")
def cursors() -> dict[str, object]:
    """Return the id and number of every event that the log retains."""
    retained = feed.log.read(feed.log.statistics().floor).events
    numbers = [int(event.data[5:12]) for event in retained]
    return {"ids": [str(event.id) for event in retained], "numbers": numbers}


def publish() -> None:
    """Publish for ever: first the events of PREFILL at once, then at the rate."""
    number = ticks.FIRST
    if PREFILL:
        now_us = time.time_ns() // 1000
        feed.publish([_tick(tick) for tick in ticks.ticks(number, PREFILL, now_us)])
        number += PREFILL
    ticks.wait_for_go()
    for due_us, count in ticks.rounds():
        if SYMBOLS:
            events = [_price(number + i - ticks.FIRST, due_us) for i in range(count)]
        else:
            events = [_tick(tick) for tick in ticks.ticks(number, count, due_us)]
        feed.publish(events)
        number += count


def _tick(tick: ticks.Tick) -> Event:
    return unkeyed("tick", tick.data.encode())


def _price(n: int, due_us: int) -> Event:
    """Return quote number `n`; the shares take turns."""
    symbol = f"S{n % SYMBOLS:04d}"
    data = ticks.price_json(symbol, ticks.FIRST + n // VIEWS, due_us)
    return keyed("price", symbol, data.encode())


threading.Thread(target=publish, name="publisher", daemon=True).start()
