"""What `python -m feed doctor` says of a board behind good proxies and bad ones.

All proxies stand in front of one board, and all doctors measure at the same time.
"""

import contextlib
import re
from typing import NamedTuple

import pytest

from feed.commands import doctor
from feed.commands.doctor import judge_clock, judge_headers
from tests.helpers.commands import Command
from tests.helpers.harness import Board, Nginx, Server
from tests.helpers.proxies import (
    ShippedApache,
    ShippedCaddy,
    ShippedHaproxy,
    ShippedNginx,
    ShippedVarnish,
)
from tests.helpers.proxy import Proxy

CHECKS = [
    "headers",
    "clock",
    "first byte",
    "compression",
    "ticks",
    "resuming",
    "keep-alive",
    "heartbeat",
]
GOOD = ("none", "nginx", "haproxy", "caddy", "varnish", "apache")
# For each proxy that does harm: the checks that find trouble, and a pattern of what the
# first of them says.
BAD = {
    "nginx that packs again": ({"compression"}, "Exclude text/event-stream"),
    "nginx that reads for 3 s": ({"heartbeat"}, r"cut after [23]\.\d s of silence"),
    "nginx that forgets": ({"resuming"}, "Last-Event-ID doesn't reach the board"),
    "nginx before two logs": ({"resuming"}, "same REDIS_URL"),
    "haproxy that waits": ({"first byte"}, "option http-no-delay"),
    "varnish that unpacks": ({"first byte"}, "COMPRESS=0"),
    "a proxy that buffers": ({"first byte", "compression"}, "proxy_buffering off"),
    "a proxy that cuts": ({"ticks"}, r"cut after 29\d\d\d bytes"),
    "a proxy that hangs up": ({"keep-alive"}, "promised to be kept"),
}
LOCATION = """server {
    listen 127.0.0.1:@port@;
    location / {
        proxy_pass http://127.0.0.1:@board@;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        %s
    }
}"""
PACKING = """
    proxy_ignore_headers X-Accel-Buffering;
    proxy_set_header Accept-Encoding "";
    gzip on;
    gzip_proxied any;
    gzip_types text/event-stream;
"""


class Report(NamedTuple):
    """What a doctor said; `found` is the mark and the sentences of each check."""

    status: int
    found: dict[str, tuple[str, str]]
    end: str

    def trouble(self) -> set[str]:
        return {check for check, (mark, _) in self.found.items() if mark == "trouble"}


def nginx_that(board: Board, does: str) -> Nginx:
    return Nginx(LOCATION % does, board=str(board.port))


def servers(one: Board, other: Board) -> dict[str, Server]:
    """Return the proxies that are programs; they are not started yet."""
    return {
        "nginx": ShippedNginx(one, one),
        "haproxy": ShippedHaproxy(one, one),
        "caddy": ShippedCaddy(one, one),
        "varnish": ShippedVarnish(one),
        "apache": ShippedApache(one),
        "nginx that packs again": nginx_that(one, PACKING),
        "nginx that reads for 3 s": nginx_that(one, "proxy_read_timeout 3s;"),
        "nginx that forgets": nginx_that(one, 'proxy_set_header Last-Event-ID "";'),
        "nginx before two logs": ShippedNginx(one, other),
        "haproxy that waits": ShippedHaproxy(
            one, one, changes={"option http-no-delay": ""}
        ),
        "varnish that unpacks": ShippedVarnish(
            one, changes={"return (pipe);": "", "return (pass);": ""}
        ),
    }


def examine_all() -> dict[str, Report]:
    """Return what the doctors say that measure behind all proxies at the same time."""
    settings = {"HEARTBEAT": "4", "SPEED": "5", "TRUSTED_PROXIES": "1"}
    with contextlib.ExitStack() as held:
        one = held.enter_context(Board("app:app", None, SEED="1", **settings))
        other = held.enter_context(Board("app:app", None, SEED="2", **settings))
        running = servers(one, other)
        for server in running.values():
            held.callback(server.stop)
            server.start()
        urls = {name: it.wait_ready().url for name, it in running.items()}
        urls["none"] = one.url
        for name in BAD.keys() - urls.keys():
            proxy = held.enter_context(Proxy(one.port))
            proxy.holds = 10**6 if name.endswith("buffers") else 0
            proxy.cut_after = 30_000 if name.endswith("cuts") else None
            proxy.hangs_up = name.endswith("hangs up")
            urls[name] = proxy.url
        doctors = {
            name: held.enter_context(Command("-m", "feed", "doctor", url))
            for name, url in urls.items()
        }
        return {name: read_report(command) for name, command in doctors.items()}


def read_report(command: Command) -> Report:
    status = command.wait(60)
    *lines, end = command.out.decode().splitlines() or [""]
    found = [re.fullmatch(r"(\w+) +([\w -]+): (.*)", line) for line in lines]
    parts = [match.groups() for match in found if match]
    assert len(parts) == len(lines) > 0, command.out.decode() + command.err
    return Report(status, {check: (mark, text) for mark, check, text in parts}, end)


def test_the_doctor_clears_the_shipped_proxies_and_says_what_others_do_to_streams() -> (
    None
):
    """One test, so that what it needs is started only once."""
    reports = examine_all()
    assert {*reports} == {*GOOD, *BAD}
    assert all([*report.found] == CHECKS for report in reports.values())
    none: set[str] = set()
    expected = dict.fromkeys(GOOD, none) | {name: BAD[name][0] for name in BAD}
    assert {name: report.trouble() for name, report in reports.items()} == expected
    for name in GOOD:
        assert {mark for mark, _ in reports[name].found.values()} == {"ok"}, name
        assert (reports[name].status, reports[name].end) == (0, "No trouble found.")
    for name, (trouble, words) in BAD.items():
        first = next(check for check in CHECKS if check in trouble)
        assert re.search(words, reports[name].found[first][1]), name
        assert reports[name].status == 1
        count = f"{len(trouble)} of {len(CHECKS)} checks found trouble."
        assert reports[name].end == count


def test_the_doctor_says_which_clock_is_wrong_from_five_seconds_on() -> None:
    assert judge_clock(4.9).mark == "ok"
    assert judge_clock(-5.1).mark == "trouble"
    assert "5.100 s behind" in judge_clock(-5.1).text
    assert "5.100 s ahead" in judge_clock(5.1).text


def test_the_doctor_finds_a_cache_and_headers_that_were_changed() -> None:
    sent = {"cache-control": "no-cache, no-transform"}
    assert judge_headers(sent).mark == "ok"
    assert judge_headers(sent | {"age": "0"}).mark == "ok"
    for changed, words in (
        ({"cache-control": "no-cache"}, "lacks no-transform"),
        ({}, "lacks no-cache and no-transform"),
        (sent | {"age": "7"}, "comes from a cache"),
        (sent | {"content-encoding": "gzip"}, "doesn't accept it"),
    ):
        finding = judge_headers(changed)
        assert finding.mark == "trouble"
        assert words in finding.text


def test_the_doctor_says_why_nothing_can_be_measured(board: Board) -> None:
    with Command("-m", "feed", "doctor", "http://127.0.0.1:1") as command:
        assert command.wait() == 1
        assert "Connection refused" in command.err
    with Command("-m", "feed", "doctor", f"{board.url}/static") as command:
        assert command.wait() == 1
        assert "404" in command.err
    with (
        Board(FEED="published", MAX_STREAMS="1") as full,
        full.stream(),
        Command("-m", "feed", "doctor", full.url) as command,
    ):
        assert command.wait() == 1
        assert "bye (full)" in command.err


def test_the_doctor_says_what_it_can_not_see_in_its_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        Board(FEED="published", HEARTBEAT="15") as quiet,
        Command("-m", "feed", "doctor", quiet.url, terminal=True) as command,
    ):
        monkeypatch.setattr(doctor, "LIMIT", 12)
        assert doctor.examine(quiet.url) == 0
        out = capsys.readouterr().out
        assert "ticks: not known, because few events came in 4 s." in out
        assert "HEARTBEAT is 15 s, which is longer than this command waits." in out
        command.wait_for_text("Waiting for a heartbeat ...")
        assert command.interrupt() == 130
