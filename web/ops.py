"""Health and figures: what a platform and an operator ask."""

import threading
import time
from collections.abc import Iterator
from typing import Literal

from flask import Blueprint, Flask, Response, current_app
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

from feed.clock import now_ms
from feed.feed import Feed
from web import the_feed
from web.problems import problem

REFUSALS = ("limit", "client", "restart")

SHARED_EVERY = 1.0  # seconds between two copies of a worker's figures
# How gauges of several workers become one, where they aren't added up.
GATHERED: dict[str, Literal["livemax", "livemin"]] = {
    "liveboard_slowest_stream_seconds": "livemax",
    "liveboard_newest_event_seconds": "livemax",
    "process_start_time_seconds": "livemin",
    "process_max_fds": "livemin",
}

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 while the process runs, at the stream limit too."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 where new requests are welcome, else 503 with the reason."""
    reason = the_feed().unready
    if reason:
        return problem(503, "Not ready", reason)
    return Response("ready\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the figures of all workers together, as Prometheus text."""
    share = current_app.extensions.get("share")
    if share is None:
        registry = _own_figures(the_feed())
    else:
        share.write()
        registry = CollectorRegistry()
        registry.register(Gathered())
    PlatformCollector(registry=registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def share_figures(app: Flask) -> None:
    """Let the figures of several workers be gathered: this one's are written down.

    By prometheus-client's multiprocess mode, which gunicorn.conf.py switches on.
    """
    share = app.extensions["share"] = Share(app.extensions["feed"])
    threading.Thread(target=share.run, name="figures", daemon=True).start()


def _own_figures(feed: Feed) -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(FeedCollector(feed))
    return registry


class Share:
    """A worker's share of the figures, in files that every worker reads.

    Nothing is counted here: once a second, and when they are asked for, the figures
    are copied.
    """

    def __init__(self, feed: Feed) -> None:
        self._figures = _own_figures(feed)
        self._copies: dict[str, Gauge] = {}

    def run(self) -> None:
        """Write the figures down, for ever."""
        while True:
            self.write()
            time.sleep(SHARED_EVERY)

    def write(self) -> None:
        """Write the figures down as they stand."""
        for family in self._figures.collect():
            for sample in family.samples:
                copy = self._copies.get(sample.name) or self._copy(family, sample)
                if sample.labels:
                    copy.labels(**sample.labels).set(sample.value)
                else:
                    copy.set(sample.value)

    def _copy(self, family: Metric, sample: Sample) -> Gauge:
        # What was counted by a worker that ended still counts; what was open doesn't.
        mode = "sum" if family.type == "counter" else GATHERED.get(family.name)
        copy = self._copies[sample.name] = Gauge(
            sample.name,
            family.documentation,
            [*sample.labels],
            registry=None,
            multiprocess_mode=mode or "livesum",
        )
        return copy


class Gathered(Collector):
    """The figures that the workers have written down, put together."""

    def collect(self) -> Iterator[Metric]:
        """Yield each figure under the name and type that one worker gives it."""
        for copy in MultiProcessCollector(None).collect():  # type: ignore[no-untyped-call]  # it has no types
            counted = copy.name.endswith("_total")
            name = copy.name.removesuffix("_total")
            family = Metric(name, copy.documentation, "counter" if counted else "gauge")
            family.samples = copy.samples
            yield family


class FeedCollector(Collector):
    """The feed's figures, read when they are asked for."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        """Yield every figure that starts with `liveboard_`."""
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
            "For how long the slowest stream's write has waited",
            streams.slowest(),
        )
        yield _gauge(
            "newest_event_seconds",
            "Age of the newest event",
            max(now_ms() - self._feed.log.tail.ms, 0) / 1000,
        )


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"liveboard_{name}", what, value=value)


def _counter(name: str, what: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"liveboard_{name}", what, value=value)


def _counters(
    name: str, what: str, label: str, values: dict[str, int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"liveboard_{name}", what, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
