"""Health and figures: what a platform and an operator ask."""

from collections.abc import Iterator

from flask import Blueprint, Response
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from feed.clock import now_ms
from feed.feed import Feed
from web import the_feed
from web.problems import problem

REFUSALS = ("limit", "client", "restart")

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 while the process runs, at the stream limit too."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 where new requests are welcome, else 503 with the reason."""
    if the_feed().leaving:
        return problem(503, "Not ready", "The server is restarting.")
    return Response("ready\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the process's figures as Prometheus text."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(FeedCollector(the_feed()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


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
        appended = self._feed.log.statistics().appended
        yield _counters("events", "Events appended to the log", "type", appended)
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
