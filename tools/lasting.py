"""The memory and CPU time of a page that stays open, measured by its browser."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from playwright.sync_api import CDPSession, Page

# Runs before the page's own scripts, and records each task of more than 50 ms.
RECORD_LONG_TASKS = """
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      window.longTasks.push({ startTime, duration });
    }
  }).observe({ type: "longtask", buffered: true });
"""


@dataclass(frozen=True)
class Footprint:
    """The memory of a page after garbage collection."""

    heap: float  # MB
    nodes: int
    listeners: int

    def __sub__(self, other: Self) -> "Footprint":
        return Footprint(
            self.heap - other.heap,
            self.nodes - other.nodes,
            self.listeners - other.listeners,
        )


class PageMonitor:
    """Measures one page: its footprint, and how busy its main thread is."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        # CPU time, so that other work of the machine isn't counted.
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.add_init_script(RECORD_LONG_TASKS)

    def footprint(self) -> Footprint:
        """Collect the garbage, then return the footprint."""
        for _ in range(2):  # the second time collects what finalizers released
            self._session.send("HeapProfiler.collectGarbage")
        found = self._metrics()
        return Footprint(
            found["JSHeapUsedSize"] / 1e6,
            int(found["Nodes"]),
            int(found["JSEventListeners"]),
        )

    def load_during(self, act: Callable[[], object]) -> float:
        """Return the share of the time of `act` in which the main thread worked."""
        before = self._metrics()
        act()
        after = self._metrics()
        worked = after["TaskDuration"] - before["TaskDuration"]
        return worked / (after["Timestamp"] - before["Timestamp"])

    def long_tasks(self, since: float) -> list[dict[str, float]]:
        """Return the tasks of more than 50 ms that started after this page time."""
        found: list[dict[str, float]] = self._page.evaluate(
            "(since) => longTasks.filter(({ startTime }) => startTime > since)", since
        )
        return found

    def now(self) -> float:
        """Return the page time: ms since the page was opened."""
        return float(self._page.evaluate("() => performance.now()"))

    def _metrics(self) -> dict[str, float]:
        answer = self._session.send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in answer["metrics"]}
