"""One measurement: a server under one shape of load."""

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine, slow
from bench.asking import Askers
from bench.pages import Loaders
from bench.peers import CACHE, START, Running, Server, running
from bench.servers.ticks import FIRST
from bench.shapes import Shape

CLIENT = CACHE / "bench-bin" / "client"
CONNECT = 60.0  # seconds that all streams may take to open
CURSORS = 200  # different cursors in the storm
SETTLE = 0.3  # seconds after the first stream, before anything is measured
HEALTH_EVERY = 0.2  # seconds between two looks at /healthz
CLIENT_BOUND = 0.9  # of its core; a busier client may limit the figures

Figures = dict[str, Any]


@dataclass(frozen=True)
class Timing:
    """Seconds of warm-up and of the window that counts."""

    warmup: float
    window: float
    quick: bool = False

    def window_for(self, shape: Shape) -> float:
        """Return the window in seconds; some shapes need a longer one."""
        needed = min(shape.window, 10) if self.quick else shape.window
        return max(self.window, needed)


def measure(server: Server, shape: Shape, timing: Timing) -> Figures:
    """Return the figures of one server under one shape; RuntimeError if it fails."""
    shape = shape.scaled(min(server.most / shape.streams, 1))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        go = folder / "go"
        with running(server, shape.streams, shape.server_env, go) as started:
            _await_first_bytes(started.port)
            if shape.kind == "gzip" and not _compresses(started.port):
                return {"remark": "not supported: no Content-Encoding"}
            if shape.kind == "slow":
                go.touch()
                return slow.figures(started.port, timing.window_for(shape))
            if shape.kind == "pages":
                go.touch()
                return _pages(started.port, timing.window_for(shape))
            run = _Run(server, shape, timing, started, folder, go)
            figures = run.figures()
    return {"streams": shape.streams, **figures}


def _pages(port: int, seconds: float) -> Figures:
    """Return the times of `/healthz` while clients load large pages."""
    loaders, health = Loaders(port), _Health(port)
    time.sleep(seconds)
    return {"connected": 1, **health.figures(), **loaders.figures()}


class _Run:
    """A client that loads a running server, and the server's CPU time meanwhile."""

    def __init__(
        self,
        server: Server,
        shape: Shape,
        timing: Timing,
        started: Running,
        folder: Path,
        go: Path,
    ) -> None:
        self.server = server
        self.shape = shape
        self.timing = timing
        self.started = started
        self.folder = folder
        self.go = go
        self.storm = shape.kind == "storm" and server.name == "liveboard"
        self.newest = -1

    def figures(self) -> Figures:
        """Run the load and return its figures."""
        port, pids = self.started.port, self.started.pids
        if self.storm:
            self.go.touch()
            values = self._cursors()
        else:
            values = [*self.shape.values]
        command = self._client(values)
        health = _Health(port) if self.shape.health and self._is_liveboard else None
        decoder = _Decoder(port) if self.shape.kind == "gzip" else None
        askers = Askers(port, self.shape.asking) if self.shape.asking else None
        memory_before = machine.pss_bytes(pids)
        cpu_before = machine.cpu_seconds(pids)
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {machine.cores()[1]}),
        ) as client:
            try:
                lines = _lines(client)
                connected = next(lines)
                # Workers may have started until now, but no more start from here on.
                pids = self.started.pids
                cpu_connected = machine.cpu_seconds(pids)
                self.go.touch()
                if not self.storm:
                    next(lines)
                cpu_start = cpu_before if self.storm else machine.cpu_seconds(pids)
                memory_start = machine.pss_bytes(pids) if self.shape.stalled else 0
                next(lines)
                cpu = machine.cpu_seconds(pids) - cpu_start
                memory = machine.pss_bytes(pids)
                sockets = machine.socket_bytes()
                still_open = _open_streams(port) if self.shape.stalled else 0
                result = next(lines)
                client.communicate(b"\n", timeout=10)
            except StopIteration:
                raise RuntimeError("the client ended early: see above") from None
            finally:
                client.kill()
        streams = max(result["connected"], 1)
        figures = {
            **self._rates(result, cpu),
            "memory_per_stream": (memory - memory_before) / streams,
            "memory_total": memory,
            "socket_bytes": sockets,
            "accepted_per_second": connected["streams"] / connected["seconds"],
            "accepted_per_cpu": connected["streams"]
            / max(cpu_connected - cpu_before, 0.005),
            **result,
        }
        if self.shape.kind == "storm":
            # Only the opening counts: old events have no delay, and cost little.
            figures |= {"events_per_cpu": None, "delays": 0}
        if self.shape.stalled:
            grown = memory - memory_start
            figures["memory_per_stalled"] = grown / self.shape.stalled
            # A client that doesn't read doesn't see that its stream was closed.
            figures["stalled_torn"] = result["connected"] - still_open
        if health:
            figures |= health.figures()
        if decoder:
            figures |= decoder.figures()
        if askers:
            figures |= askers.figures()
        figures["remark"] = "; ".join(self._remarks(figures))
        return figures

    @property
    def _is_liveboard(self) -> bool:
        return self.server.name == "liveboard"

    def _client(self, values: list[str]) -> list[str]:
        """Return the client's command; write its request and values to files."""
        shape = self.shape
        request, listed = self.folder / "request", self.folder / "values"
        request.write_bytes(_request(shape.path, shape.header).encode())
        listed.write_text("".join(value + "\n" for value in values))
        # All of few streams are sampled; of many, enough to see one late in a hundred.
        sample = max(shape.streams // 200, 1)
        options: dict[str, object] = {
            "port": self.started.port,
            "streams": shape.streams,
            "request-file": request,
            "sample": sample,
            "warmup": self.timing.warmup,
            "window": self.timing.window_for(shape),
            "connect-timeout": CONNECT,
            "first": shape.first,
        }
        if values:
            options["values"] = listed
        if self.storm:
            options |= {"until": self.newest, "window": CONNECT}
        extra = [*shape.client]
        if shape.stalled:
            extra[extra.index("--stalled") + 1] = str(shape.stalled)
        given = [
            word for name, value in options.items() for word in (f"--{name}", value)
        ]
        return [str(CLIENT), *map(str, given), *extra]

    def _cursors(self) -> list[str]:
        """Return cursors about 1000 events old, each with the number of its event."""
        time.sleep(1)  # for some events beyond those that were in the log before
        found = json.loads(_get(self.started.port, "/bench/cursors"))
        ids, numbers = found["ids"], found["numbers"]
        self.newest = numbers[-1]
        age = self.shape.age
        old = range(-age - CURSORS // 2, -age + CURSORS // 2)
        return [f"{ids[place]}\t{numbers[place]}" for place in old]

    def _rates(self, result: Figures, cpu: float) -> Figures:
        window, events = result["window"], result["events"]
        reading = result["connected"] - self.shape.stalled
        due = self.shape.due_per_stream * reading * window
        return {
            "cpu": cpu,
            "cpu_share": cpu / window,
            "events_per_cpu": events / cpu if cpu and events else None,
            "events_per_second": events / window,
            "share_of_due": events / due if due and not self.storm else None,
            "bytes_per_event": result["bytes"] / events if events else None,
            "events_per_read": events / result["reads"] if result["reads"] else None,
            "client_share": result["client_cpu"] / window,
        }

    def _remarks(self, figures: Figures) -> Iterator[str]:
        """Yield remarks that a reader of the figures must know."""
        wanted = self.shape.streams
        if figures["connected"] < wanted:
            yield f"{wanted - figures['connected']} streams not opened"
        if figures["torn"]:
            yield f"{figures['torn']} streams broken off: {figures['why']}"
        if figures["lost"]:
            yield f"{figures['lost']} events lost"
        if figures["twice"]:
            yield f"{figures['twice']} events twice"
        due = figures["share_of_due"]
        whole = not {"--sparse", "--opaque"} & {*self.shape.client}
        if whole and due is not None and due < 0.95:
            yield f"saturated: {due:.0%} of what was due"
        if figures["client_share"] > CLIENT_BOUND:
            yield f"client at {figures['client_share']:.0%} of its core"
        if self.storm and figures["resumed"] < wanted:
            yield f"{wanted - figures['resumed']} not resumed"
        if self.shape.kind == "idle" and figures["stream_bytes_min"] <= 0:
            yield "a stream without a heartbeat"
        if not self.started.alive():
            yield "the server ended"


class _Health:
    """Measures the time of `/healthz`, from its creation on."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._times: list[float] = []
        self._errors = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def figures(self) -> Figures:
        """Stop, and return the median and the longest time, in seconds."""
        self._over.set()
        self._thread.join(10)
        times = self._times or [float("nan")]
        return {
            "healthz_median": statistics.median(times),
            "healthz_max": max(times),
            "healthz_errors": self._errors,
        }

    def _run(self) -> None:
        while not self._over.wait(HEALTH_EVERY):
            began = time.monotonic()
            try:
                _get(self._port, "/healthz")
            except (OSError, http.client.HTTPException):
                self._errors += 1
            self._times.append(time.monotonic() - began)


class _Decoder:
    """Reads one compressed stream, and checks that it contains every event once."""

    def __init__(self, port: int) -> None:
        self._socket = _ask(port, "Accept-Encoding: gzip\r\n")
        self._over = threading.Event()
        self._raw = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def figures(self) -> Figures:
        """Stop, and return how many events were decoded and how many were wrong."""
        self._over.set()
        self._thread.join(10)
        self._socket.close()
        head, _, body = bytes(self._raw).partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            body = _unchunked(body)
        text = zlib.decompressobj(wbits=31).decompress(body)
        numbers = [int(part[:7]) for part in text.split(b'{"n":')[1:]]
        wanted = range(FIRST, FIRST + len(numbers))
        wrong = sum(a != b for a, b in zip(numbers, wanted, strict=True))
        return {"decoded": len(numbers), "decoded_wrong": wrong}

    def _run(self) -> None:
        self._socket.settimeout(0.2)
        while not self._over.is_set():
            try:
                got = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            if not got:
                return
            self._raw += got


def _lines(client: "subprocess.Popen[bytes]") -> Iterator[Figures]:
    assert client.stdout is not None
    return map(json.loads, iter(client.stdout.readline, b""))


def _request(path: str, header: str) -> str:
    start = f"GET {path} HTTP/1.1\r\nHost: bench\r\n"
    return f"{start}Accept: text/event-stream\r\n{header}\r\n"


def _ask(port: int, header: str) -> socket.socket:
    """Open a stream and return its socket, with nothing read yet."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(_request("/stream", header).encode())
    return sock


def _await_first_bytes(port: int) -> None:
    """Open one stream and wait for its first bytes, then close it.

    A worker may still be starting behind an open port. The memory that a server needs
    for its first stream then doesn't count as memory of a stream.
    """
    with _ask(port, "") as sock:
        sock.settimeout(START)
        if not sock.recv(4096):
            raise RuntimeError("the server closed the first stream")
    time.sleep(SETTLE)


def _compresses(port: int) -> bool:
    with _ask(port, "Accept-Encoding: gzip\r\n") as sock:
        got = b""
        while b"\r\n\r\n" not in got and (more := sock.recv(4096)):
            got += more
    return b"content-encoding: gzip" in got.partition(b"\r\n\r\n")[0].lower()


def _open_streams(port: int) -> int:
    """Return the number of open streams from Liveboard's metrics."""
    found = re.search(rb"^liveboard_streams (\d+)", _get(port, "/metrics"), re.M)
    return int(found[1]) if found else 0


def _unchunked(body: bytes) -> bytes:
    """Return the bytes of a chunked body, without an incomplete last chunk."""
    parts = []
    while True:
        size, _, rest = body.partition(b"\r\n")
        if not size or len(rest) < int(size, 16) + 2:
            return b"".join(parts)
        parts.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
