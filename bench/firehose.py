"""A publisher that never pauses: `python -m bench.firehose [SECONDS] [PUBLISHERS]`.

This starts a board with a short log and sends it full batches for five minutes, as fast
as the board accepts them, while one subscriber never reads. The flow control of the
connections must hold the publishers back, so that the worker's memory doesn't grow. The
memory is printed during the run; the exit code is 1 if it grew.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import ROOT, free_port

FULL = 300.0  # seconds
BATCH = 1000  # events of one request, the maximum
GROWTH = 32 << 20  # bytes; more is a leak, less can come from the allocator
TOKEN = "firehose"
SYMBOLS = 100
WARM_UP = 0.2  # share of the time in which the worker may allocate what it needs


@dataclass
class Run:
    """The number of events sent, and the memory of the worker over time."""

    events: int = 0
    refused: int = 0
    memory: list[int] = field(default_factory=list)

    def growth(self) -> int:
        """Return by how many bytes the worker grew after it had warmed up."""
        begun = int(len(self.memory) * WARM_UP)
        return max(self.memory[begun:]) - self.memory[begun]


def main(seconds: float = FULL, publishers: int = 2) -> int:
    """Run it, print it, and return the exit code."""
    port = free_port()
    env = os.environ | {
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "FEED": "published",
        "PUBLISH_TOKEN": TOKEN,
        "BACKLOG": "1000",
    }
    command = [sys.executable, "-m", "gunicorn", "app:app", "--log-level", "warning"]
    with subprocess.Popen(command, cwd=ROOT, env=env) as board:
        try:
            run = flood(port, await_worker(board.pid, port), seconds, publishers)
        finally:
            board.send_signal(signal.SIGTERM)
    print(
        f"{run.events} events in {seconds:g} s, {run.events / seconds:.0f} a second, "
        f"{run.refused} requests refused; "
        f"memory grew by {run.growth() / 2**20:.1f} MiB"
    )
    return 1 if run.refused or not run.events or run.growth() > GROWTH else 0


def flood(port: int, worker: int, seconds: float, publishers: int) -> Run:
    """Publish without a pause on several connections; return the figures."""
    run, ends = Run(), time.monotonic() + seconds
    body = _batch()
    threads = [
        threading.Thread(target=_publish, args=(port, body, ends, run))
        for _ in range(publishers)
    ]
    shown = 0.0
    with socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.sendall(b"GET /stream HTTP/1.1\r\nHost: board\r\n\r\n")
        for thread in threads:
            thread.start()
        while time.monotonic() < ends:
            time.sleep(min(0.2, seconds / 50))
            run.memory.append(memory_of(worker))
            if time.monotonic() > shown + 10:
                shown = time.monotonic()
                memory = run.memory[-1] / 2**20
                print(f"{run.events} events, {memory:.0f} MiB", flush=True)
        for thread in threads:
            thread.join()
    return run


def _publish(port: int, body: bytes, ends: float, run: Run) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/x-ndjson",
    }
    while time.monotonic() < ends:
        connection.request("POST", "/api/publish", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 201:
            run.events += BATCH
        else:
            run.refused += 1
    connection.close()


def _batch() -> bytes:
    lines = (
        {
            "event": "price",
            "key": f"S{number % SYMBOLS}",
            "data": {"price": number / 100, "name": "x" * 200, "previous_close": 5},
        }
        for number in range(BATCH)
    )
    return b"\n".join(json.dumps(line).encode() for line in lines)


def await_worker(parent: int, port: int) -> int:
    """Wait until the board answers; return its worker's process id (Linux)."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.1)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/readyz")
            connection.getresponse().read()
        except OSError:
            continue
        tasks = Path(f"/proc/{parent}/task").glob("*/children")
        return int(
            next(pids for task in tasks if (pids := task.read_text().split()))[0]
        )
    raise RuntimeError("the board did not start")


def memory_of(pid: int) -> int:
    """Return the bytes of memory that a process uses (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)
    if not found:
        raise RuntimeError("the worker is gone")
    return int(found[1]) * 1024


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(*map(float, arguments[:1]), *map(int, arguments[1:2])))
