"""Health checks and figures, for platforms and for those who operate a board."""

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from werkzeug.exceptions import NotFound

from feed.answers.answers import RULES, Answers
from feed.answers.figures import END_REASONS
from feed.feed import Feed
from serving.figures import Figure, FiguresFolder, Kind, add_up
from serving.sink import dropped_lines
from web import the_feed
from web.problems import problem

REFUSALS = ("limit", "client", "views", "restart")
# Why a request with a wrong token was refused: the token, or too many guesses before.
WRONG_TOKENS = ("token", "guesses")
# The request targets under which the figures are served (RFC 9112, 3.2.1 and 3.2.2).
METRICS_TARGET = re.compile(r"(https?://[^/?#]+)?/metrics(\?.*)?")

KINDS: dict[str, Kind] = {"counter": "counter", "histogram": "histogram"}

WRITE_INTERVAL = 1.0  # seconds from one copy of a worker's figures to the next

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
    shared: SharedFigures | None = current_app.extensions.get("figures")
    registry = _own_figures(the_feed()) if shared is None else shared.combine()
    PlatformCollector(registry=registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def share_figures(app: Flask, folder: Path) -> None:
    """Make this worker's figures readable by the other workers.

    What was counted in the last second is written when the feed closes.
    """
    feed: Feed = app.extensions["feed"]
    shared = app.extensions["figures"] = SharedFigures(feed, FiguresFolder(folder))
    threading.Thread(target=shared.run, name="figures", daemon=True).start()
    feed.call_at_close(shared.write)


def _own_figures(feed: Feed) -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(FeedCollector(feed))
    return registry


class SharedFigures:
    """A worker's figures and, from their files, those of the other workers.

    The streams keep their counts in memory, where counting is cheap. The file is
    written once a second, and before this worker responds to `/metrics`.
    """

    def __init__(self, feed: Feed, folder: FiguresFolder) -> None:
        self._own = _own_figures(feed)
        self._folder = folder
        self._worker = f"{os.getpid()}-{time.time_ns()}"

    def run(self) -> None:
        """Write the file at regular intervals; never returns."""
        while True:
            self.write()
            time.sleep(WRITE_INTERVAL)

    def write(self) -> None:
        """Write the current figures to the file."""
        self._folder.write(self._worker, _figures_of(self._own.collect()))

    def combine(self) -> CollectorRegistry:
        """Return the figures of all workers, and how many files can't be read."""
        self.write()
        others, failed = self._folder.read(but=self._worker)
        unreadable = _gauge(
            "figures_unreadable", "Files of workers' figures that can't be read", failed
        )
        own = _figures_of([*self._own.collect(), unreadable])
        registry = CollectorRegistry()
        registry.register(CombinedFigures([*own, *others]))
        return registry


class CombinedFigures(Collector):
    """The figures of all workers, combined."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self._figures = [*figures]

    def collect(self) -> Iterator[Metric]:
        """Yield each figure with the name and type that it has with one worker."""
        families: dict[tuple[str, Kind], Metric] = {}
        for figure in add_up(self._figures):
            family = families.get((figure.family, figure.kind))
            if family is None:
                family = Metric(figure.family, figure.help, figure.kind)
                families[figure.family, figure.kind] = family
            family.add_sample(figure.name, dict(figure.labels), figure.value)
        yield from families.values()


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
        kinds = {kind: totals.refused_requests[kind] for kind in WRONG_TOKENS}
        yield _counters("refused", "Requests with a wrong token", "reason", kinds)
        yield _counter(
            "connections_refused",
            "Connections or requests beyond MAX_CONNECTIONS_PER_CLIENT",
            totals.refused_connections,
        )
        yield _counter(
            "unreadable", "Entries in Redis that can't be read", self._feed.unreadable
        )
        published = self._feed.published
        yield _counters("events", "Events appended to the log", "type", published)
        yield _counter("delivered", "Events sent to streams", totals.events)
        yield _counter("frames", "Frames sent to streams", totals.frames)
        yield _counter("bytes", "Bytes sent to streams, before HTTP", totals.bytes)
        yield _counter("gaps", "Times a stream fell behind", totals.gaps)
        yield _counter("dropped", "Superseded events left out", totals.dropped)
        yield _counter("lost", "Un-keyed events no longer retained", totals.lost)
        yield _counter("log_lines_dropped", "Log lines dropped", dropped_lines())
        yield from _answer_figures(self._feed.answers)
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


def _figures_of(families: Iterable[Metric]) -> Iterator[Figure]:
    """Yield the samples of metrics, as they are written to the files."""
    for family in families:
        kind = KINDS.get(family.type, "gauge")
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            name, help = family.name, family.documentation
            yield Figure(name, kind, help, sample.name, labels, sample.value)


def _answer_figures(answers: Answers) -> Iterator[Metric]:
    figures = answers.figures
    yield _gauge("answers", "Answers being given now", len(answers))
    name, help = "liveboard_answers", "Answers that have ended"
    ended = CounterMetricFamily(name, help, labels=["by", "reason"])
    for by, reason in product(sorted({RULES, answers.by}), END_REASONS):
        ended.add_metric([by, reason], figures.ended[by, reason])
    yield ended
    yield HistogramMetricFamily(
        "liveboard_answer_first_word_seconds",
        "Seconds from a question to the first word of its answer",
        buckets=figures.buckets(),
        sum_value=figures.first_word_seconds,
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
