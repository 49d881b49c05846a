"""Plot how the costs grow: `python -m bench.curves RESULTS.json`.

This draws the curves of one run (`make bench ARGS=--curves`) into `docs/curves.svg`. It
uses no plotting library, so that the file is small and its colours follow the reader's
light or dark scheme. It also prints the tables of `docs/performance.md`.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from bench.report import table
from bench.shapes import grouped

PLOT = Path(__file__).parent.parent / "docs" / "curves.svg"
AXES = {
    "views": "views (2000 streams, 200 quotes/s)",
    "streams": "streams (20 events/s)",
    "rate": "events/s (2000 streams)",
    "retained": "events retained (2000 streams, 20 events/s)",
}
NAMES = {"liveboard": "Liveboard", "floor": "the floor"}
COLUMNS = ("", "server", "µs of CPU an event", "CPU", "p50 / p99, ms")
WIDTH, HEIGHT = 360, 236  # pixels of a panel
LEFT, RIGHT, TOP, BOTTOM = 44, 82, 26, 42  # margins around the plot
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #444 }
.title { font-weight: 600; font-size: 12px }
.grid { stroke: #8886; stroke-width: .5 }
path { fill: none; stroke-width: 2 }
.liveboard { stroke: #1a6fd4 } circle.liveboard, text.liveboard { fill: #1a6fd4 }
.floor { stroke: #808488; stroke-dasharray: 5 3 }
circle.floor, text.floor { fill: #808488 }
text.liveboard, text.floor { stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #ccc }
.liveboard { stroke: #6cb0ff } circle.liveboard, text.liveboard { fill: #6cb0ff }
}
"""

Point = dict[str, Any]


class Panel(NamedTuple):
    """One plot of the figure; both axes are logarithmic."""

    left: float
    top: float
    low: tuple[float, float]
    high: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a point in the panel."""
        across = _share(x, self.low[0], self.high[0])
        up = _share(y, self.low[1], self.high[1])
        wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return self.left + LEFT + across * wide, self.top + TOP + (1 - up) * tall


def main() -> None:
    """Draw the plot and print the tables of the run on the command line."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    points = json.loads(Path(sys.argv[1]).read_text())["curves"]
    if not points:
        sys.exit(f"{sys.argv[1]}: that run has no curves: make bench ARGS=--curves")
    PLOT.write_text(drawn(points))
    for axis in AXES:
        rows = [_row(point) for point in points if point["axis"] == axis]
        print(table((AXES[axis], *COLUMNS[1:]), rows), end="\n\n")


def drawn(points: list[Point]) -> str:
    """Return the figure as SVG, with a panel for each axis."""
    panels = "\n".join(
        line
        for number, axis in enumerate(AXES)
        for line in _panel(axis, points, number % 2 * WIDTH, number // 2 * HEIGHT)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} '
        f'{2 * HEIGHT}" width="{2 * WIDTH}" height="{2 * HEIGHT}" role="img">\n'
        "<title>Microseconds of CPU an event, over views, streams, events a second "
        f"and events retained</title>\n<style>{STYLE}</style>\n{panels}\n</svg>\n"
    )


def _panel(axis: str, points: list[Point], left: int, top: int) -> Iterator[str]:
    mine = [point for point in points if point["axis"] == axis]
    values = sorted({point["value"] for point in mine})
    costs = [_cost(point) for point in mine]
    low = 10 ** math.floor(math.log10(min(costs)))
    high = 10 ** math.ceil(math.log10(max(costs)))
    panel = Panel(left, top, (values[0], low), (values[-1], high))
    yield _text(left + LEFT, top + 14, "µs of CPU an event", "title")
    middle = left + (LEFT + WIDTH - RIGHT) / 2
    yield _text(middle, top + HEIGHT - 8, AXES[axis], anchor="middle")
    for decade in range(round(math.log10(low)), round(math.log10(high)) + 1):
        y = panel.at(values[0], 10.0**decade)[1]
        yield _line(left + LEFT, y, left + WIDTH - RIGHT, y)
        yield _text(left + LEFT - 6, y + 4, f"{10.0**decade:g}", anchor="end")
    for value in values:
        x, y = panel.at(value, low)
        yield _text(x, y + 16, grouped(value), anchor="middle")
    for server in dict.fromkeys(point["server"] for point in mine):
        some = [point for point in mine if point["server"] == server]
        places = [panel.at(point["value"], _cost(point)) for point in some]
        yield from _curve(server, places)


def _curve(server: str, places: list[tuple[float, float]]) -> Iterator[str]:
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path class="{server}" d="M{steps}"/>'
    for x, y in places:
        yield f'<circle class="{server}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    x, y = places[-1]
    beside = y + (13 if server == "floor" else -1)  # curves that end close together
    yield _text(x + 8, beside, NAMES[server], server)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:g}" y1="{y1:.1f}" x2="{x2:g}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text{named} {at}>{escape(text)}</text>"


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


def _cost(point: Point) -> float:
    """Return the CPU time per delivered event, in microseconds."""
    return 1e6 / float(point["figures"]["events_per_cpu"])


def _row(point: Point) -> Iterable[str]:
    got = point["figures"]
    share = got["cpu_share"] * 100
    return (
        grouped(point["value"]),
        NAMES[point["server"]],
        f"{_cost(point):.2f}",
        f"{share:.0f} %" if share >= 10 else f"{share:.1f} %",
        f"{got['p50_us'] / 1000:.0f} / {got['p99_us'] / 1000:.0f}",
    )


if __name__ == "__main__":
    main()
