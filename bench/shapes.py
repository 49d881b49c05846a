"""The shapes of load: numbers of streams, rates of events, and special cases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bench.servers.ticks import FIRST

LIVEBOARD = ("floor", "liveboard")
ALONE = ("liveboard",)
FOLLOWING = ("floor", "liveboard", "nchan", "better-sse")


@dataclass(frozen=True)
class Shape:
    """One load.

    `due` is the number of events a second that one stream should receive. Events fall
    due `rounds` times a second. `env` is passed to the server. `values` replace `{}` in
    the path or the header, one value per stream in turn. `first` is the number of the
    first event that a stream must receive (-1: any).
    """

    name: str
    title: str
    streams: int
    rate: float
    rounds: float = 50
    servers: tuple[str, ...] | None = None
    kind: str = "steady"
    due: float = -1
    path: str = "/stream"
    header: str = ""
    values: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    client: tuple[str, ...] = ()
    first: int = FIRST
    window: float = 0  # seconds at least, if the usual window is too short
    health: bool = False
    stalled: int = 0
    asking: int = 0  # clients that ask, read the answer to its end, and ask again
    age: int = 0  # events that a cursor of the storm is old
    quick: bool = False  # whether it is part of a quick run

    @property
    def due_per_stream(self) -> float:
        """Events a second that one stream should receive."""
        return self.rate if self.due < 0 else self.due

    @property
    def server_env(self) -> dict[str, str]:
        """The environment variables that describe the load to the server."""
        load = {"RATE": f"{self.rate:g}", "ROUNDS": f"{self.rounds:g}"}
        return {**load, **self.env}

    def scaled(self, scale: float) -> "Shape":
        """Return this shape with fewer streams, for a trial."""
        if scale == 1:
            return self
        streams = max(int(self.streams * scale), 10)
        stalled = max(int(self.stalled * scale), 1) if self.stalled else 0
        asking = max(int(self.asking * scale), 1) if self.asking else 0
        title = f"{self.title} (here {grouped(streams)})"
        return replace(
            self, streams=streams, stalled=stalled, asking=asking, title=title
        )


def grouped(number: float) -> str:
    """Return a whole number; from 10 000 on, with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f" if number >= 10_000 else "")


def steady(streams: int, rate: float, **more: Any) -> Shape:
    """Return a plain shape: this many streams, with this many events a second each."""
    name = f"{streams}x{rate:g}"
    title = f"{grouped(streams)} streams, {rate:g} events/s"
    return Shape(name, title, streams, rate, **more)


def symbols_shape(name: str, title: str, views: int, rate: float) -> Shape:
    """Return a shape in which 1000 symbols are divided among this many views."""
    symbols = 1000
    shares = (
        ",".join(f"S{number:04d}" for number in range(view, symbols, views))
        for view in range(views)
    )
    return Shape(
        name,
        title,
        streams=2000,
        rate=rate,
        rounds=20,
        servers=ALONE,
        due=rate / views,
        path="/stream?symbols={}",
        values=tuple(shares),
        env={"SYMBOLS": str(symbols), "VIEWS": str(views)},
    )


def storm(name: str, age: int, rate: float = 20, **more: Any) -> Shape:
    """Return a shape in which all streams open at once, with cursors of this age."""
    return Shape(
        name,
        f"5000 streams at once, each with a cursor {age} events old, {rate:g} events/s",
        5000,
        rate,
        kind="storm",
        servers=LIVEBOARD,
        header="Last-Event-ID: {}\r\n",
        env={"PREFILL": "2000"},
        client=("--parallel", "100000"),
        age=age,
        **more,
    )


def slow(symbols: int, rate: float) -> Shape:
    """Return a shape of one reader with a tenth of the feed's bandwidth."""
    name = f"slow-{symbols}"
    title = (
        f"a reader of a tenth of the bandwidth of {grouped(symbols)} symbols "
        f"at {rate:g} quotes/s"
    )
    env = {"SYMBOLS": str(symbols)}
    return Shape(name, title, 1, rate, kind="slow", servers=ALONE, env=env, window=60)


SHAPES = (
    steady(2000, 20, quick=True),
    steady(2000, 100),
    steady(2000, 1000, quick=True),
    steady(15_000, 5, servers=FOLLOWING, health=True),
    symbols_shape("views", "1000 views, a symbol each", 1000, 1000),
    storm("storm", 200, quick=True),
    storm("storm-old", 1000),
    storm("storm-still", 200, rate=1),
    Shape(
        "idle",
        f"{grouped(10_000)} streams, heartbeats only",
        10_000,
        0,
        kind="idle",
        servers=ALONE,
        env={"HEARTBEAT": "10"},
        window=20,
    ),
    Shape(
        "paced",
        "2000 streams, pace=0.5, 100 symbols at 1000 quotes/s",
        2000,
        1000,
        servers=ALONE,
        due=200,
        path="/stream?pace=0.5",
        env={"SYMBOLS": "100"},
        client=("--sparse",),
        first=-1,
    ),
    Shape("plain", "10 events a frame", 2000, 200, rounds=20, servers=ALONE),
    Shape(
        "gzip",
        "10 events a frame, Accept-Encoding: gzip",
        2000,
        200,
        rounds=20,
        kind="gzip",
        servers=ALONE,
        header="Accept-Encoding: gzip\r\n",
        client=("--opaque",),
    ),
    Shape(
        "stalled",
        "2000 streams, 100 of them read nothing",
        2000,
        100,
        servers=ALONE,
        stalled=100,
        # A log that is full from the start doesn't grow during the measurement.
        env={"BACKLOG": "2000", "PREFILL": "3000"},
        first=FIRST + 3000,
        client=("--stalled", "100"),
        window=60,
    ),
    Shape(
        "answers",
        "2000 streams, 20 events/s, and 200 answers at once",
        2000,
        20,
        servers=ALONE,
        asking=200,
        # Each client that asks has an address of its own.
        env={"MAX_STREAMS": "2300", "MAX_ANSWERS": "300", "TRUSTED_PROXIES": "1"},
    ),
    slow(30, 1000),
    slow(3000, 3000),
    Shape(
        "pages",
        "ten clients that load the largest page of 5000 symbols over and over, "
        "100 quotes/s",
        10,
        100,
        servers=ALONE,
        kind="pages",
        env={"SYMBOLS": "5000", "PREFILL": "5000"},
    ),
)


def curves() -> Iterator[tuple[str, float, Shape]]:
    """Yield the points of the curves: the axis, the value on it, the shape."""
    for views in (1, 10, 100, 1000):
        shape = symbols_shape(f"views-{views}", f"{views} views", views, 200)
        yield "views", views, shape
    for streams in (100, 300, 1000, 3000, 10_000):
        yield "streams", streams, steady(streams, 20, servers=LIVEBOARD)
    for rate in (10, 30, 100, 300, 1000):
        yield "rate", rate, steady(2000, rate, servers=LIVEBOARD)
    for retained in (200, 2000, 20_000):
        yield (
            "retained",
            retained,
            replace(
                steady(2000, 20, servers=ALONE),
                name=f"retained-{retained}",
                title=f"{retained} events retained",
                env={"BACKLOG": str(retained), "PREFILL": str(retained)},
                first=FIRST + retained,
            ),
        )
