"""Show chosen figures of a service on the board: its own, or those of any `/metrics`.

    export PUBLISH_TOKEN=secret
    FEED=published make run
    python examples/from_prometheus.py http://127.0.0.1:8000/metrics 'liveboard_*'

The names of figures may have `*` and `?`. Every 5 seconds (`INTERVAL`), each sample is
published as a `metric`: its name, labels and value, and the rate at which a counter
grows, per second. A service that can't be reached is reported, and asked again; its
figures are gone after three times that interval. A user and a password in the URL are
sent as Basic authorization, as of `http://:TOKEN@host`.

`BOARD` is the board's address, if it is another one than that of `make run`. The
example needs the package `prometheus-client`, which `make run` installs into `.venv`.
"""

import math
import os
import sys
import time
from fnmatch import fnmatchcase
from http.client import HTTPException
from urllib.request import Request, urlopen

from board import Refused, explain, publish
from prometheus_client.parser import text_string_to_metric_families
from source import read_request

INTERVAL = float(os.environ.get("INTERVAL", "5"))  # seconds
GONE_AFTER = 3 * INTERVAL  # seconds that a figure is shown after it was last read

Counted = dict[str, tuple[float, float]]  # by key: an instant in seconds, and a value


def show(asked: Request, names: list[str], counted: Counted) -> int:
    """Publish the figures with these names; return how many there are."""
    with urlopen(asked, timeout=10) as answer:
        families = [*text_string_to_metric_families(answer.read().decode())]
    now, shown = time.monotonic(), 0
    for family in families:
        for name, labels, value, *_ in family.samples:
            if not any(fnmatchcase(name, wanted) for wanted in names):
                continue
            words = ", ".join(f"{label}={it}" for label, it in labels.items())
            key = f"{name} {words}".strip()
            since, before = counted.get(key, (now, value))
            grown = (value - before) / (now - since) if since < now else None
            rate = grown if family.type == "counter" and value >= before else None
            counted[key] = now, value
            publish_row(
                key, {"name": name, "labels": words, "value": value, "rate": rate}
            )
            shown += 1
    return shown


def publish_row(key: str, row: dict[str, str | float | None]) -> None:
    """Publish a row; JSON has no number for NaN and infinity."""
    for field, value in row.items():
        if isinstance(value, float):
            row[field] = round(value, 3) if math.isfinite(value) else None
    try:
        publish({"event": "metric", "key": key, "data": row, "ttl": GONE_AFTER})
    except Refused as error:
        print(f"{key}: {error}", file=sys.stderr)


if len(sys.argv) < 3:
    sys.exit(__doc__)
asked, names = read_request(sys.argv[1]), sys.argv[2:]
counted: Counted = {}
while True:
    try:
        if not show(asked, names, counted):
            sys.exit(f"{asked.host} has no figure called {' or '.join(names)}")
    except (OSError, HTTPException) as error:
        print(f"{asked.host}: {explain(error)}", file=sys.stderr)
    except ValueError as error:
        sys.exit(f"{asked.host}: these aren't figures: {error}")
    time.sleep(INTERVAL)
