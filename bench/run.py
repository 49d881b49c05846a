"""Run the benchmark: `make bench`, or in about a minute `make bench QUICK=1`.

Each server runs alone on one core and is loaded from another. Repeats are interleaved
(A B A B), so that other work of the machine affects all servers alike.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

from bench import attacks, machine, report
from bench.load import Figures, Timing, measure
from bench.peers import SERVERS, Server
from bench.shapes import SHAPES, Shape, curves, steady

FULL = Timing(warmup=2, window=8)
QUICK = Timing(warmup=0.6, window=2, quick=True)
REPEATS = 3
PYTHON_PACKAGES = (
    "gunicorn",
    "gevent",
    "flask",
    "sse-starlette",
    "uvicorn",
    "flask-sse",
)
BUSY = 0.5  # load average before the start above which figures are doubtful
FAULTS = (
    *("lost", "twice", "torn", "failed", "decoded_wrong", "healthz_errors", "wrong"),
    "questions_refused",
)
FLOODS = (1, 20)  # events per write of the floor, to find the client's own limit


def main(words: Sequence[str] | None = None) -> None:
    """Run the selected measurements; print and write the results."""
    asked = _arguments(words)
    if not sys.platform.startswith("linux"):
        sys.exit("bench: this needs Linux: figures come from /proc, load from epoll.")
    # SIGTERM raises SystemExit, so that the servers are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    machine.raise_file_limit()
    if asked.attacks:
        sys.exit(attacks.main())
    os.sched_setaffinity(0, {machine.cores()[1]})
    timing = QUICK if asked.quick else FULL
    if asked.window:
        timing = replace(timing, window=asked.window)
    repeats = asked.repeats or (1 if asked.quick else REPEATS)
    missing = {name: why for name in asked.servers if (why := SERVERS[name].missing())}
    for name, why in missing.items():
        _report_progress(f"{name} is missing: {why}")
    servers = [SERVERS[name] for name in asked.servers if name not in missing]
    run: report.Run = {
        "machine": machine.described(),
        "versions": _versions(),
        "missing": missing,
        "repeats": repeats,
        "window": timing.window,
        "client": {},
        "shapes": [],
        "curves": [],
    }
    if os.getloadavg()[0] > BUSY:
        _report_progress(
            f"The machine is busy (load {os.getloadavg()[0]:.1f}): figures may suffer."
        )
    run["client"] = _client_limit(timing, asked.scale)
    shapes = [shape.scaled(asked.scale) for shape in _chosen(asked)]
    for shape in shapes:
        run["shapes"].append(_measured(shape, servers, timing, repeats))
    if asked.curves:
        run["curves"] = _curves(servers, timing, asked.scale)
    print(report.markdown(run))
    for path in report.write(run):
        _report_progress(f"written: {path.relative_to(path.parent.parent.parent)}")


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    names = [shape.name for shape in SHAPES]
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in about a minute")
    parser.add_argument("--shapes", type=_list_of(names), help=", ".join(names))
    parser.add_argument(
        "--servers",
        type=_list_of([*SERVERS]),
        default=[*SERVERS],
        help=", ".join(SERVERS),
    )
    parser.add_argument("--curves", action="store_true", help="what costs grow with")
    parser.add_argument("--attacks", action="store_true", help="what attacks cost")
    parser.add_argument("--repeats", type=int, help=f"default {REPEATS}, quick 1")
    parser.add_argument("--window", type=float, help="seconds that are measured")
    parser.add_argument(
        "--scale", type=float, default=1, help="of the streams: a trial"
    )
    return parser.parse_args(words)


def _list_of(names: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = [part for part in text.split(",") if part]
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {names}")
        return chosen

    return parse


def _chosen(asked: argparse.Namespace) -> list[Shape]:
    """Return the shapes named on the command line, or all; in a quick run, fewer."""
    if asked.shapes is not None:
        return [shape for shape in SHAPES if shape.name in asked.shapes]
    if asked.curves:
        return []
    return [shape for shape in SHAPES if shape.quick or not asked.quick]


def _measured(
    shape: Shape, servers: list[Server], timing: Timing, repeats: int
) -> report.Run:
    """Measure every server under one shape, in turns, and return the medians."""
    wanted = [s for s in servers if shape.servers is None or s.name in shape.servers]
    if timing.quick and shape.rate > 100:
        # A server that can't follow this rate would only fill its queues.
        wanted = [s for s in wanted if s.name in ("floor", "liveboard")]
    every: dict[str, list[Figures]] = {server.name: [] for server in wanted}
    for turn in range(repeats):
        for server in wanted:
            every[server.name].append(_one(server, shape, timing, turn, repeats))
    return {
        "name": shape.name,
        "title": shape.title,
        "kind": shape.kind,
        "streams": shape.streams,
        "rate": shape.rate,
        "servers": {
            server.name: {"title": server.title(), **_median(every[server.name])}
            for server in wanted
        },
        "repeats": every,
    }


def _one(
    server: Server, shape: Shape, timing: Timing, turn: int = 0, turns: int = 1
) -> Figures:
    """Measure once; if a server fails, the others are measured all the same."""
    began = time.monotonic()
    try:
        figures = measure(server, shape, timing)
        if shape.asking:
            alone = measure(server, replace(shape, asking=0), timing)
            figures["p99_us_alone"] = alone.get("p99_us")
    except (RuntimeError, OSError, ValueError) as error:
        figures = {"remark": f"failed: {str(error).splitlines()[0]}"}
        _report_progress(str(error))
    _report_progress(
        f"{shape.title}: {server.name} ({turn + 1}/{turns}): "
        f"{figures.get('events_per_cpu') or 0:,.0f} events per CPU-second, "
        f"{time.monotonic() - began:.0f} s {figures.get('remark', '')}"
    )
    return figures


def _median(every: list[Figures]) -> Figures:
    """Return the median of each figure, the maximum of faults, the first of texts."""
    merged: Figures = {}
    for name in dict.fromkeys(name for figures in every for name in figures):
        found = [figures[name] for figures in every if figures.get(name) is not None]
        if name in FAULTS and found:
            merged[name] = max(found)
        elif all(isinstance(each, int | float) for each in found) and found:
            merged[name] = statistics.median(found)
        else:
            merged[name] = next(filter(None, found), None)
    merged["remark"] = merged.get("remark") or ""
    return merged


def _client_limit(timing: Timing, scale: float) -> dict[str, Figures]:
    """Return the client's own limit, measured on a floor that never pauses."""
    found = {}
    for flood in FLOODS:
        shape = replace(
            steady(500, 50).scaled(scale),
            title=f"The client's own limit, {flood} events at once",
            due=0,
            env={"FLOOD": str(flood)},
        )
        got = _one(SERVERS["floor"], shape, replace(timing, warmup=0.5, window=1.5))
        if got.get("client_cpu"):
            got["events_per_client_cpu"] = got["events"] / got["client_cpu"]
            found[str(flood)] = got
    return found


def _curves(servers: list[Server], timing: Timing, scale: float) -> list[report.Run]:
    points = []
    for axis, value, shape in curves():
        trial = shape.scaled(scale) if axis != "streams" or scale < 1 else shape
        for server in servers:
            if shape.servers is None or server.name in shape.servers:
                got = _one(server, trial, timing)
                points.append(
                    {
                        "axis": axis,
                        "value": value,
                        "server": server.name,
                        "figures": got,
                    }
                )
    return points


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in PYTHON_PACKAGES}
    compiler = machine.output_of("cc", "--version").partition("\n")[0]
    return {**found, "node": machine.output_of("node", "--version"), "cc": compiler}


def _report_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
