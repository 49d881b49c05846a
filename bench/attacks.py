"""What attacks cost a board in memory: `make bench ARGS=--attacks`.

Each attack starts a board of its own and opens many connections that read nothing, or
publishes more than a board should keep. The memory of the worker is measured before,
during and after. The exit code is 1 if an attack takes more than the documents say
(docs/security.md, "Memory and connections"), or if `/healthz` doesn't respond within a
second again before the deadline of a response is over.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bench import machine
from bench.firehose import await_worker, memory_of
from bench.peers import ROOT, free_port

MIB = 1 << 20
TOKEN = "attacks"
HEALTHY = 1.0  # seconds in which `/healthz` must respond
SETTLING = 3.0  # seconds in which the board sends what the kernel takes
DEADLINE = 35.0  # seconds after which no response waits for its reader any more
AROUND = 48 * MIB  # what the allocator may keep
STREAM = 45 << 10  # bytes of a stream that isn't read
LARGE = json.dumps("x" * (MIB - 100)).encode()
WIDE = ",".join(f"SYMBOL{number:04}" for number in range(200))


@dataclass(frozen=True)
class Attack:
    """One attack: its requests are sent, and nothing is read.

    `bound` is how many bytes the worker may take meanwhile. `prepare` is called before
    the memory is measured, `publish` afterwards.
    """

    name: str
    bound: int
    requests: list[bytes] = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[int], None] = lambda port: None
    publish: Callable[[int], None] = lambda port: None


@dataclass
class Cost:
    """The memory of the worker in bytes, and how long `/healthz` took at last."""

    before: int
    during: int = 0
    after: int = 0
    health: float = 0.0


def main() -> int:
    """Run all attacks, print what they cost, and return the exit code."""
    machine.raise_file_limit()
    print("| attack | before | during | after | bound | /healthz |")
    print("| --- | --- | --- | --- | --- | --- |")
    failed = 0
    for attack in attacks():
        cost = measure(attack)
        grew = max(cost.during, cost.after) - cost.before
        failed += grew > attack.bound or cost.health > HEALTHY
        figures = (cost.before, cost.during, cost.after, attack.bound)
        shown = " | ".join(f"{figure / MIB:.0f} MiB" for figure in figures)
        print(f"| {attack.name} | {shown} | {cost.health:.2f} s |", flush=True)
    return 1 if failed else 0


def attacks() -> Iterator[Attack]:
    """Yield the attacks, each with what it may cost."""
    css = request("/static/styles/board.css") * 100
    yield Attack("1015 clients pipeline", AROUND, [css] * 1015, {"MAX_STREAMS": "10"})
    streams = {
        "of one view": request("/stream?after=0"),
        "with gzip": request("/stream?after=0", "Accept-Encoding: gzip\r\n"),
    }
    for name, asked in streams.items():
        bound = 2000 * STREAM + AROUND
        yield Attack(f"2000 streams {name}", bound, [asked] * 2000, prepare=fill)
    views = [request(f"/stream?after=0&symbols=S{n}") for n in range(2000)]
    bound = 2000 * STREAM + 32 * MIB + AROUND
    yield Attack("2000 streams of a view each", bound, views, prepare=fill)
    # All filters together may have ten names for each stream of MAX_STREAMS.
    wide = [request(f"/stream?symbols={WIDE},S{n}") for n in range(1000)]
    yield Attack("1000 streams of 200 names each", 1000 * STREAM + AROUND, wide)
    states = [request("/api/state")] * 500
    yield Attack("500 whole states", AROUND, states, prepare=fill)
    large = [request(f"/stream?pace={n}") for n in range(1, 60)] * 4
    bound = 100 * MIB + AROUND
    yield Attack("236 streams of large data", bound, large, prepare=fill_with_large)
    yield Attack("300 MB to one key", 64 * MIB + AROUND, publish=publish_to_one_key)
    yield Attack("300 MB to many keys", 128 * MIB + AROUND, publish=fill_with_large)
    yield Attack("12 000 idempotency keys", AROUND, publish=publish_with_keys)


def measure(attack: Attack) -> Cost:
    """Return what an attack costs a board of its own."""
    with board(attack.env) as (port, worker), contextlib.ExitStack() as held:
        attack.prepare(port)
        cost = Cost(memory_of(worker))
        attack.publish(port)
        for each in attack.requests:
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            client.send(each)
        began = time.monotonic()
        while True:
            cost.health = time_of_health(port)
            cost.during = max(cost.during, memory_of(worker))
            passed = time.monotonic() - began
            if passed > (SETTLING if cost.health < HEALTHY else DEADLINE):
                break
            time.sleep(0.1)
        held.close()
        time.sleep(SETTLING)
        cost.after = memory_of(worker)
    return cost


@contextlib.contextmanager
def board(env: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run a board; yield its port and the process id of its worker."""
    port = free_port()
    settings = {"PORT": str(port), "HOST": "127.0.0.1", "PUBLISH_TOKEN": TOKEN, **env}
    command = [sys.executable, "-m", "gunicorn", "app:app", "--log-level", "error"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield port, await_worker(process.pid, port)
        finally:
            process.send_signal(signal.SIGTERM)


def request(path: str, headers: str = "") -> bytes:
    """Return the bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: board\r\n{headers}\r\n".encode()


def time_of_health(port: int) -> float:
    """Return for how many seconds `/healthz` takes to respond; at most `DEADLINE`."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    with contextlib.closing(connection), contextlib.suppress(TimeoutError):
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    return time.monotonic() - began


def fill(port: int) -> None:
    """Fill the log with ordinary events, of 2000 keys."""
    for batch in range(20):
        events = (
            {"event": "own", "key": f"{batch % 2}-{n}", "data": {"text": "x" * 400}}
            for n in range(1000)
        )
        body = b"\n".join(json.dumps(event).encode() for event in events)
        publish(port, [("POST", "/api/publish", body)])


def fill_with_large(port: int) -> None:
    """Publish a megabyte to each of 300 keys, most of which the board refuses."""
    publish(port, [("PUT", f"/api/keys/own/{n}", LARGE) for n in range(300)])


def publish_to_one_key(port: int) -> None:
    """Publish 300 times a megabyte to one key."""
    publish(port, [("PUT", "/api/keys/own/1", LARGE)] * 300)


def publish_with_keys(port: int) -> None:
    """Publish with more idempotency keys than are remembered."""
    publish(port, [("PUT", "/api/keys/own/1", b"1")] * 12_000, key_length=200)


def publish(
    port: int, requests: list[tuple[str, str, bytes]], key_length: int = 0
) -> None:
    """Publish by one connection, whatever the board answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/x-ndjson",
    }
    with contextlib.closing(connection):
        for number, (method, path, body) in enumerate(requests):
            key = {"Idempotency-Key": f"{number:0{key_length}}"} if key_length else {}
            connection.request(method, path, body, headers | key)
            connection.getresponse().read()


if __name__ == "__main__":
    sys.exit(main())
