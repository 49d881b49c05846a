"""Health checks and figures, for platforms and for those who operate a board."""

import re
import threading
import time
from collections.abc import Iterator
from typing import Literal

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from werkzeug.exceptions import NotFound

from feed.feed import Feed
from web import the_feed
from web.problems import problem

REFUSALS = ("limit", "client", "restart")
# The request targets under which the figures are served (RFC 9112, 3.2.1 and 3.2.2).
METRICS_TARGET = re.compile(r"(https?://[^/?#]+)?/metrics(\?.*)?")

WRITE_INTERVAL = 1.0  # seconds from one copy of a worker's figures to the next
# How the gauges of several workers are combined; those that are missing are added up.
GAUGE_MODES: dict[str, Literal["livemax", "livemin"]] = {
    "liveboard_slowest_stream_seconds": "livemax",
    "liveboard_newest_event_seconds": "livemax",
    "process_start_time_seconds": "livemin",
    "process_max_fds": "livemin",
}

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Respond with 200 while the process runs, even if no more streams are admitted."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Respond with 200 if the server accepts new requests, else 503 and the reason."""
    reason = the_feed().unready
    if reason:
        return problem(503, "Not ready", reason)
    return Response("ready\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Respond with the figures of all workers combined, as Prometheus text.

    404 if the path is spelled otherwise, as `//metrics` or `/%6Detrics`: HAProxy and
    Varnish compare the path as it was sent with the one that they hide.
    """
    if not METRICS_TARGET.fullmatch(request.environ.get("RAW_URI", "/metrics")):
        raise NotFound
    copies = current_app.extensions.get("figures")
    if copies is None:
        registry = _own_figures(the_feed())
    else:
        copies.write()
        registry = CollectorRegistry()
        registry.register(CombinedFigures())
    PlatformCollector(registry=registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def share_figures(app: Flask) -> None:
    """Make this worker's figures readable by the other workers.

    It uses prometheus-client's multiprocess mode, which gunicorn.conf.py enables. What
    was counted in the last second is written when the feed closes.
    """
    copies = app.extensions["figures"] = FigureCopies(app.extensions["feed"])
    threading.Thread(target=copies.run, name="figures", daemon=True).start()
    app.extensions["feed"].call_at_close(copies.write)


def _own_figures(feed: Feed) -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(FeedCollector(feed))
    return registry


class FigureCopies:
    """Copies of a worker's figures, in files that every worker reads.

    The streams keep their counts in memory, where counting is cheap. The copies are
    written once a second, and before this worker responds to `/metrics`.
    """

    def __init__(self, feed: Feed) -> None:
        self._figures = _own_figures(feed)
        self._copies: dict[str, Gauge] = {}

    def run(self) -> None:
        """Write the copies at regular intervals; never returns."""
        while True:
            self.write()
            time.sleep(WRITE_INTERVAL)

    def write(self) -> None:
        """Write the current figures to the files."""
        for family in self._figures.collect():
            for sample in family.samples:
                copy = self._copies.get(sample.name) or self._add_copy(family, sample)
                if sample.labels:
                    copy.labels(**sample.labels).set(sample.value)
                else:
                    copy.set(sample.value)

    def _add_copy(self, family: Metric, sample: Sample) -> Gauge:
        # The counters of a worker that has ended are still added up, its gauges aren't.
        mode = "sum" if family.type == "counter" else GAUGE_MODES.get(family.name)
        copy = self._copies[sample.name] = Gauge(
            sample.name,
            family.documentation,
            [*sample.labels],
            registry=None,
            multiprocess_mode=mode or "livesum",
        )
        return copy


class CombinedFigures(Collector):
    """The figures of all workers, combined from their copies."""

    def collect(self) -> Iterator[Metric]:
        """Yield each figure with the name and type that it has with one worker."""
        for copy in MultiProcessCollector(None).collect():  # type: ignore[no-untyped-call]  # it has no types
            counted = copy.name.endswith("_total")
            name = copy.name.removesuffix("_total")
            family = Metric(name, copy.documentation, "counter" if counted else "gauge")
            family.samples = copy.samples
            yield family


class FeedCollector(Collector):
    """The figures of the feed, read whenever they are collected."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        """Yield every figure whose name starts with `liveboard_`."""
        streams, totals = self._feed.streams, self._feed.streams.totals
        yield _gauge("streams", "Streams open now", len(streams))
        yield _counter("streams", "Streams opened", totals.opened)
        reasons = {reason: totals.refused[reason] for reason in REFUSALS}
        yield _counters("streams_refused", "Streams refused", "reason", reasons)
        published = self._feed.published
        yield _counters("events", "Events appended to the log", "type", published)
        yield _counter("delivered", "Events sent to streams", totals.events)
        yield _counter("frames", "Frames sent to streams", totals.frames)
        yield _counter("bytes", "Bytes sent to streams, before HTTP", totals.bytes)
        yield _counter("gaps", "Times a stream fell behind", totals.gaps)
        yield _counter("dropped", "Superseded events left out", totals.dropped)
        yield _counter("lost", "Un-keyed events no longer retained", totals.lost)
        yield _gauge(
            "slowest_stream_seconds",
            "Seconds that the slowest stream's current write has waited",
            streams.slowest(),
        )
        yield _gauge(
            "newest_event_seconds",
            "Age of the newest event in seconds",
            self._feed.newest_event_age,
        )


def _gauge(name: str, help: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"liveboard_{name}", help, value=value)


def _counter(name: str, help: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"liveboard_{name}", help, value=value)


def _counters(
    name: str, help: str, label: str, values: dict[str, int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"liveboard_{name}", help, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
