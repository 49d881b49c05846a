"""`python -m feed live`: write the world's prices and scores to standard output.

The lines are those of `/stream.ndjson`, so they can be recorded and replayed, or sent
to a board: `python -m feed live | python -m feed publish - --to URL`.
"""

import os
import signal
import sys
import time
from typing import NoReturn

from feed.backend import TICK
from feed.clock import now_ms
from feed.commands.board import Misuse, print_note
from feed.commands.record import Closed, Output, Stopped, Unwritable, discard_output
from feed.events.catalogue import encode
from feed.log import Log
from feed.settings import InvalidSetting, Settings
from feed.sources.conditions import opening_events
from feed.sources.source import Source, make_source
from feed.streams.wire import WIRES

RETAINED = 10  # events that the log keeps; it only gives them their ids


def write_live(prices: str, scores: str) -> int:
    """Write what happens until a signal comes; return the exit status.

    `prices` and `scores` have the form of PRICES and SCORES, which they default to.
    """
    given = {"PRICES": prices, "SCORES": scores}
    chosen = {name: text for name, text in given.items() if text}
    try:
        settings = Settings.from_env({**os.environ, "FEED": "live", **chosen})
    except InvalidSetting as error:
        raise Misuse(str(error)) from error
    output = Output(sys.stdout.buffer)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, output.stop)
    source = make_source(settings, now_ms())
    try:
        source.start()
        _write(source, output)
    except Stopped as stopped:
        return 128 + stopped.number
    except Closed:
        discard_output()
        return 0
    except Unwritable as error:
        print_note(str(error))
        discard_output()
        return 1
    finally:
        source.close()


def _write(source: Source, output: Output) -> NoReturn:
    log, opening = Log(RETAINED, now_ms()), opening_events(source, (), now_ms())
    while True:
        now = now_ms()
        events = [*map(encode, [*opening, *source.step(now)])]
        opening = []
        ids = log.append(events, now) if events else []
        for event, id in zip(events, ids, strict=True):
            output.write(WIRES["ndjson"].event(event.with_id(id)))
        time.sleep(TICK)
