"""The figures as one table in Markdown, as JSON, and as a plot."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.load import Figures
from bench.shapes import grouped

RESULTS = Path(__file__).parent / "results"
COLUMNS = (
    "server",
    "events per CPU-s",
    "÷ floor",
    "Liveboard ÷ it",
    "events/s",
    "CPU",
    "p50 / p99 / max, ms",
    "KB a stream",
    "accepted/s (per CPU-s)",
    "bytes an event",
    "client's CPU",
    "remarks",
)
CURVE_COLUMNS = (
    "over",
    "value",
    "server",
    "events per CPU-s",
    "CPU",
    "µs of CPU an event",
    "p50 / p99 / max, ms",
    "KB a stream",
    "remarks",
)
COLOURS = ("#9aa0a6", "#1a73e8", "#e8710a", "#188038", "#a142f4", "#d93025", "#12828f")

Run = dict[str, Any]
"""The results of `bench.run`: machine, versions, missing, client, shapes, curves."""


def markdown(run: Run) -> str:
    """Return all results as Markdown."""
    rows = [row for shape in run["shapes"] for row in _shape_rows(shape)]
    parts = [
        "## Liveboard and its peers",
        _describe(run["machine"]),
        "Versions: " + _describe(run["versions"]),
        *(f"Missing: {name}: {why}" for name, why in run["missing"].items()),
        _describe_client(run["client"]),
        f"Median of {run['repeats']}, windows of {run['window']:g} s. Events per "
        "CPU-second of the server's process tree (user + system); delays from the "
        "instant an event was due; memory is PSS, without socket buffers.",
    ]
    if rows:
        parts.append(table(COLUMNS, rows))
    parts += [said for shape in run["shapes"] if (said := _beyond(shape, run))]
    if run["curves"]:
        rows = [_curve_row(point) for point in run["curves"]]
        parts += ["## What costs grow with", table(CURVE_COLUMNS, rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(run: Run) -> list[Path]:
    """Write JSON, Markdown and the plot, and return their paths."""
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / run["machine"]["date"].replace(" ", "-").replace(":", "")
    paths = [stem.with_suffix(".json"), stem.with_suffix(".md")]
    paths[0].write_text(json.dumps(run, indent=1, default=str) + "\n")
    paths[1].write_text(markdown(run))
    plot = stem.with_suffix(".svg")
    if _plot(run, plot):
        paths.append(plot)
    return paths


def _shape_rows(shape: Run) -> Iterable[Sequence[str]]:
    """Yield a heading row, then a row for each server."""
    yield (f"**{shape['title']}**", *("",) * (len(COLUMNS) - 1))
    servers: dict[str, Figures] = shape["servers"]
    floor = servers.get("floor", {}).get("events_per_cpu")
    board = servers.get("liveboard", {}).get("events_per_cpu")
    for name, got in servers.items():
        own = got.get("events_per_cpu")
        title = got.get("title", name)
        if got.get("streams", shape["streams"]) != shape["streams"]:
            title += f" ({got['streams']} streams)"
        yield (
            title,
            _count(own),
            _ratio(own, floor),
            "" if name == "liveboard" else _ratio(board, own),
            _count(got.get("events_per_second")),
            _share(got.get("cpu_share")),
            _delays(got),
            _number(got.get("memory_per_stream"), 1024, 1),
            _accepted(got),
            _number(got.get("bytes_per_event"), 1, 0),
            _share(got.get("client_share")),
            got.get("remark", ""),
        )


def _beyond(shape: Run, run: Run) -> str:
    """Return the figures of a special shape that have no column."""
    got: Figures = shape["servers"].get("liveboard", {})
    said = [_describe_one(shape, got)] if "connected" in got else []
    plain = next((s for s in run["shapes"] if s["name"] == "plain"), None)
    if shape["name"] == "gzip" and plain and "connected" in got:
        beside = plain["servers"].get("liveboard", {})
        if beside.get("bytes"):
            said.append(
                "gzip beside plain: "
                f"{_rate(got, 'bytes') / _rate(beside, 'bytes'):.2f} of the bytes, "
                f"{_rate(got, 'cpu') / _rate(beside, 'cpu'):.2f} times the CPU; "
                f"{got['decoded']:.0f} events decoded from one stream, "
                f"{got['decoded_wrong']} of them wrong."
            )
    return "\n".join(f"- {line}" for line in said if line)


def _describe_one(shape: Run, got: Figures) -> str:
    title = f"{shape['title']}: "
    if "healthz_max" in got:
        pages = f"{got['pages']} pages; " if "pages" in got else ""
        return (
            f"{title}{pages}`/healthz` took {got['healthz_median'] * 1000:.0f} ms "
            f"(median), {got['healthz_max'] * 1000:.0f} ms at the most, "
            f"{got['healthz_errors']} errors."
        )
    if shape["kind"] == "storm":
        return (
            f"{title}{got['resumed']:.0f} resumed after {got['resumed_after']:.2f} s, "
            f"{got['lost']} events lost, {got['twice']} twice, "
            f"{got['accepted_per_second']:.0f} accepted a second "
            f"({got['resumed'] / max(got['cpu'], 0.01):.0f} resumed a CPU-second)."
        )
    if shape["kind"] == "idle":
        return f"{title}{got['cpu_share']:.1%} of a core."
    if shape["kind"] == "slow":
        return (
            f"{title}{got['bandwidth'] / 1000:.0f} KB/s for {got['window']:.0f} s, "
            f"{got['received']} quotes received; {got['old_median']:.2f} s old in the "
            f"median, {got['old_p99']:.2f} s at the 99th percentile, "
            f"{got['old_max']:.2f} s at most; a quote of each symbol at least every "
            f"{got['unseen_max']:.1f} s; {got['wrong']} symbols wrong in the end."
        )
    if "answers" in got:
        ratio = _ratio(got.get("p99_us"), got.get("p99_us_alone"))
        return (
            f"{title}{got['answers']:.0f} answers, {got['words_per_second']:.0f} words "
            f"a second, {got['questions_refused']} refused; the 99th percentile of the "
            f"delays is {ratio} times that without answers."
        )
    if "memory_per_stalled" in got:
        return (
            f"{title}{got['memory_per_stalled'] / 1024:.1f} KB grown for each that is "
            f"stalled; {got['stalled_torn']:.0f} of them broken off."
        )
    return ""


def _curve_row(point: Run) -> Sequence[str]:
    got: Figures = point["figures"]
    own = got.get("events_per_cpu")
    return (
        point["axis"],
        f"{point['value']:g}",
        point["server"],
        _count(own),
        _share(got.get("cpu_share")),
        f"{1e6 / own:.2f}" if own else "",
        _delays(got),
        _number(got.get("memory_per_stream"), 1024, 1),
        got.get("remark", ""),
    )


def _describe_client(client: Figures) -> str:
    if not client:
        return ""
    taken = "; ".join(
        f"{_count(got['events_per_client_cpu'])} events in "
        f"{_count(got['events_per_client_cpu'] / got['events_per_read'])} reads"
        for got in client.values()
    )
    return f"The client itself takes in, per second of its own CPU: {taken}."


def table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _describe(named: dict[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in named.items())


def _rate(got: Figures, name: str) -> float:
    """Return a figure per second of the window; never 0, so that it can divide."""
    return float(got[name] / got["window"]) or 1e-9


def _count(figure: float | None) -> str:
    """Return a number rounded to three digits."""
    if not figure:
        return "–"
    digits = max(int(math.log10(abs(figure))) - 2, 0)
    return grouped(round(figure, -digits))


def _ratio(one: float | None, other: float | None) -> str:
    return f"{one / other:.2f}" if one and other else "–"


def _share(figure: float | None) -> str:
    return (
        "–" if figure is None else f"{figure:.0%}" if figure > 0.1 else f"{figure:.1%}"
    )


def _number(figure: float | None, unit: float, digits: int) -> str:
    return "–" if figure is None else f"{figure / unit:.{digits}f}"


def _delays(got: Figures) -> str:
    if not got.get("delays"):
        return "–"
    return " / ".join(
        f"{got[name] / 1000:.0f}" for name in ("p50_us", "p99_us", "max_us")
    )


def _accepted(got: Figures) -> str:
    if not got.get("accepted_per_second"):
        return "–"
    per_cpu = _count(got["accepted_per_cpu"])
    return f"{_count(got['accepted_per_second'])} ({per_cpu})"


def _plot(run: Run, path: Path) -> bool:
    """Draw events per CPU-second for each server; False without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    mpl.use("svg")
    from matplotlib import pyplot

    shapes = [s for s in run["shapes"] if _drawn(s)]
    axes = sorted({point["axis"] for point in run["curves"]})
    panels = bool(shapes) + len(axes)
    if not panels:
        return False
    figure, places = pyplot.subplots(
        panels, figsize=(9, 3.6 * panels), squeeze=False, layout="constrained"
    )
    rest = [place for row in places for place in row]
    if shapes:
        _draw_bars(rest.pop(0), shapes)
    for axis, place in zip(axes, rest, strict=True):
        _draw_curve(place, axis, run["curves"])
    figure.suptitle(f"{run['machine']['processor']}, {run['machine']['date']}")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True


def _drawn(shape: Run) -> bool:
    servers = shape["servers"].values()
    return sum(bool(got.get("events_per_cpu")) for got in servers) > 1


def _draw_bars(place: Any, shapes: list[Run]) -> None:
    names = [*dict.fromkeys(name for shape in shapes for name in shape["servers"])]
    width = 0.85 / len(names)
    for number, name in enumerate(names):
        heights = [
            shape["servers"].get(name, {}).get("events_per_cpu") or float("nan")
            for shape in shapes
        ]
        middles = [
            at + (number - (len(names) - 1) / 2) * width for at in range(len(shapes))
        ]
        colour = COLOURS[number % len(COLOURS)]
        place.bar(middles, heights, width * 0.92, label=name, color=colour)
    place.set_yscale("log")
    place.set_xticks(
        range(len(shapes)), [shape["title"] for shape in shapes], fontsize=8
    )
    place.set_ylabel("events per CPU-second")
    place.legend(fontsize=7, ncols=4, frameon=False)
    place.spines[["top", "right"]].set_visible(False)


def _draw_curve(place: Any, axis: str, points: list[Run]) -> None:
    mine = [point for point in points if point["axis"] == axis]
    for server in dict.fromkeys(point["server"] for point in mine):
        drawn = [
            (point["value"], 1e6 / point["figures"]["events_per_cpu"])
            for point in mine
            if point["server"] == server and point["figures"].get("events_per_cpu")
        ]
        if drawn:
            place.plot(*zip(*drawn, strict=True), marker="o", label=server)
    place.set_xscale("log")
    place.set_yscale("log")
    place.set_xlabel(axis)
    place.set_ylabel("µs of CPU an event")
    place.legend(fontsize=7, frameon=False)
    place.spines[["top", "right"]].set_visible(False)
