"""Figures for Prometheus: the rules and the dashboard, with the real program."""

import json
import re
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.helpers.documents import table_headed
from tests.helpers.harness import (
    LOOPBACK,
    Board,
    Server,
    clean_environment,
    free_port,
    until,
)
from tests.helpers.proxies import DEPLOY_FILES, find_program, replace_all
from tests.helpers.redis_server import RedisServer

CONFIGURATION = DEPLOY_FILES / "prometheus.yml"
RULES = DEPLOY_FILES / "alerts.yml"
EXPECTATIONS = Path(__file__).with_name("alerts.yml")
DASHBOARD = DEPLOY_FILES / "grafana-dashboard.json"
OLD = "LiveboardNewestEventOld"
# A histogram is asked for by the names of its parts.
METRIC = re.compile(r"\bliveboard_[a-z_]+?(?=(?:_bucket|_sum|_count)?\b)")
TOKEN = "metrics-token-012345"
PUBLISH = {"Authorization": "Bearer publish-token-012345"}


class Prometheus(Server):
    """A real Prometheus with the files of deploy/ and one board.

    Only addresses, tokens and times differ, so that the tests needn't wait. A second
    job reads the same board with the token as a password.
    """

    def __init__(self, board: Board) -> None:
        self.port = free_port()
        super().__init__([], clean_environment())
        address = f"127.0.0.1:{board.port}"
        second = f"""
  - job_name: by-password
    static_configs:
      - targets: [{address}]
    basic_auth: {{ username: any, password: {TOKEN} }}
"""
        shipped = CONFIGURATION.read_text() + second
        changes = {
            "scrape_interval: 15s": "scrape_interval: 500ms",
            "evaluation_interval: 15s": "evaluation_interval: 500ms",
            "- board-1:8000": f"- {address}",
            "          - board-2:8000\n": "",
            "#authorization:": "authorization:",
            "#  credentials_file:": "  credentials_file:",
        }
        (self.folder / "prometheus.yml").write_text(replace_all(shipped, changes))
        (self.folder / "alerts.yml").write_text(
            replace_all(RULES.read_text(), {"for: 1m": "for: 1s", "> 60\n": "> 2\n"})
        )
        (self.folder / "liveboard-token").write_text(f"{TOKEN}\n")
        self._command = [
            find_program("prometheus"),
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address={LOOPBACK}:{self.port}",
        ]

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of its API."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression, now."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def rules(self) -> dict[str, dict[str, Any]]:
        """Return the state of each rule, by its name."""
        groups = self.ask("rules")["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Publisher(threading.Thread):
    """Publishes a price several times a second, until it is stopped."""

    def __init__(self, board: Board) -> None:
        super().__init__(daemon=True)
        self._board = board
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.2):
            self._board.request("PUT", "/api/prices/ACME", PUBLISH, b"1")

    def stop(self) -> None:
        self._stopped.set()
        self.join(10)


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    """Yield a board of two workers, whose figures need a token."""
    with RedisServer() as redis:
        env = {
            "FEED": "published",
            "WEB_CONCURRENCY": "2",
            "REDIS_URL": redis.url,
            "METRICS_TOKEN": TOKEN,
            "PUBLISH_TOKEN": PUBLISH["Authorization"].removeprefix("Bearer "),
        }
        with Board("app:app", None, **env) as board:
            until(lambda: len(board.worker_pids()) == 2, why="both workers run")
            yield board


def test_prometheus_reads_the_board_and_its_alert_fires_when_the_source_stops(
    board: Board,
) -> None:
    publisher = Publisher(board)
    publisher.start()
    with Prometheus(board) as prometheus, board.stream():
        until(lambda: len(prometheus.query("up == 1")) == 2, 30, "both jobs read it")
        until(
            lambda: all_rules_were_evaluated(prometheus), 30, "each rule is evaluated"
        )
        until(lambda: prometheus.rules()[OLD]["state"] == "inactive", 30, "it rests")
        until(lambda: silent_panels(prometheus) == [], 30, "each panel has a series")
        publisher.stop()
        until(lambda: prometheus.rules()[OLD]["state"] == "firing", 30, "it fires")
        [alert] = prometheus.rules()[OLD]["alerts"][:1]
        assert alert["labels"]["severity"] == "critical"
        summary = f"127.0.0.1:{board.port} shows old data"
        assert alert["annotations"]["summary"] == summary


def all_rules_were_evaluated(prometheus: Prometheus) -> bool:
    """Whether Prometheus has evaluated every shipped rule, without an error."""
    rules = prometheus.rules()
    assert {*rules} == {*rule_names()}
    return {rule["health"] for rule in rules.values()} == {"ok"}


def silent_panels(prometheus: Prometheus) -> list[str]:
    """Return the expressions of the dashboard that have no series."""
    return [it for it in expressions() if not prometheus.query(it)]


def rule_names() -> list[str]:
    groups = msgspec.yaml.decode(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return [rule.get("alert") or rule["record"] for rule in rules]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> list[str]:
    """Return what the dashboard asks for if all boards are chosen."""
    targets = [target for panel in panels() for target in panel["targets"]]
    return [target["expr"].replace("$instance", ".*") for target in targets]


def promtool(*arguments: str | Path) -> None:
    """Run promtool; AssertionError with its output if it finds a fault."""
    command = [find_program("promtool"), *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


def test_each_rule_fires_on_its_figures_and_none_on_a_healthy_board() -> None:
    promtool("check", "rules", RULES)
    promtool("check", "config", CONFIGURATION)
    promtool("test", "rules", EXPECTATIONS)
    expected = EXPECTATIONS.read_text()
    assert [name for name in rule_names() if expected.count(name) < 1] == []


def test_rules_and_dashboard_name_every_figure_and_no_other() -> None:
    documented = {row.partition("{")[0] for row in table_headed("metric").by_name()}
    recorded = [name for name in rule_names() if ":" in name]
    for recording in recorded:
        assert any(recording in expression for expression in expressions()), recording
    in_rules = {*METRIC.findall(RULES.read_text())}
    in_dashboard = {*METRIC.findall("\n".join(expressions()))}
    assert in_rules == documented
    assert in_dashboard <= documented
    rules = msgspec.yaml.decode(RULES.read_text())["groups"][0]["rules"]
    shown = {rule["record"]: {*METRIC.findall(rule["expr"])} for rule in rules}
    assert documented == in_dashboard | {*set().union(*shown.values())}


def test_the_dashboard_is_complete_and_its_panels_do_not_overlap() -> None:
    places = set[tuple[int, int]]()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & places, panel["title"]
        places |= cells
    ids = [panel["id"] for panel in panels()]
    titles = [(panel["title"], panel["type"]) for panel in panels()]
    assert len({*ids}) == len(ids) and len({*titles}) == len(titles)
