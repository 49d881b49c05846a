"""What a page holds and does while it stays open, by the browser's own figures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from playwright.sync_api import CDPSession, Page

# Runs before the page's own scripts: each task that took over 50 ms, as it ended.
WATCH_TASKS = """
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      window.longTasks.push({ startTime, duration });
    }
  }).observe({ type: "longtask", buffered: true });
"""


@dataclass(frozen=True)
class Held:
    """What a page holds, once all that it doesn't need is collected."""

    heap: float  # MB
    nodes: int
    listeners: int

    def __sub__(self, other: Self) -> "Held":
        return Held(
            self.heap - other.heap,
            self.nodes - other.nodes,
            self.listeners - other.listeners,
        )


class Watched:
    """A page under the eye of its browser: what it holds, how busy it is."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        # Of the processor, so that what else the machine does isn't counted.
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.add_init_script(WATCH_TASKS)

    def held(self) -> Held:
        """Collect the garbage; return what is left."""
        for _ in range(2):  # what finalizers let go of goes the second time
            self._session.send("HeapProfiler.collectGarbage")
        found = self._metrics()
        return Held(
            found["JSHeapUsedSize"] / 1e6,
            int(found["Nodes"]),
            int(found["JSEventListeners"]),
        )

    def busy(self, act: Callable[[], object]) -> float:
        """Return which share of the time the main thread worked meanwhile."""
        before = self._metrics()
        act()
        after = self._metrics()
        worked = after["TaskDuration"] - before["TaskDuration"]
        return worked / (after["Timestamp"] - before["Timestamp"])

    def long_tasks(self, since: float) -> list[dict[str, float]]:
        """Return the tasks over 50 ms that began after so many ms of the page."""
        found: list[dict[str, float]] = self._page.evaluate(
            "(since) => longTasks.filter(({ startTime }) => startTime > since)", since
        )
        return found

    def now(self) -> float:
        """Return the page's own time, in ms since it was opened."""
        return float(self._page.evaluate("() => performance.now()"))

    def _metrics(self) -> dict[str, float]:
        answer = self._session.send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in answer["metrics"]}
