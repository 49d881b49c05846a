"""The load where there is no C compiler: `client.c` in Python, slower, told the same.

The same options, the same lines of JSON; see `client.c` for what is checked and how.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import select
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

EVENT = re.compile(rb'\{"n":(\d+),"us":(\d+),')
HEAD = 40  # bytes from '{' to past the two numbers, at most
BUFFER = 256 << 10  # bytes of one read
PER_SOURCE = 10_000  # connections from one source address
STALLED_RCVBUF = 4096
HOLD = 30.0  # seconds to wait for the line on stdin at the end
NO_LINGER = struct.pack("ii", 1, 0)
BIND_ADDRESS_NO_PORT = 24
IN, OUT = selectors.EVENT_READ, selectors.EVENT_WRITE


@dataclass(slots=True)
class Stream:
    """One connection, and what came on it."""

    number: int
    last: int
    sampled: bool
    stalls: bool
    state: str = "unused"
    sock: socket.socket = field(init=False)
    carry: bytes = b""
    events: int = 0
    bytes: int = 0
    resumed: bool = False


class Client:
    """All streams, and the loop that serves them."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.request = Path(asked.request_file).read_bytes()
        self.values = _values(asked)
        self.selector = selectors.DefaultSelector()
        self.counting = asked.until >= 0
        self.seen: Counter[str] = Counter()
        self.delays: list[int] = []
        self.why = ""
        every = asked.streams // asked.stalled if asked.stalled else 0
        self.streams = [self._stream(number, every) for number in range(asked.streams)]
        self.stdin_watched = True
        try:
            self.selector.register(0, IN, None)
        except (OSError, ValueError):
            self.stdin_watched = False

    def run(self) -> None:
        """Open, warm up, measure, and say so."""
        asked = self.asked
        began, cpu = time.monotonic(), time.process_time()
        took = self._connect_all()
        seen = self.seen
        streams, failed = seen["connected"], seen["failed"]
        _say(phase="connected", streams=streams, failed=failed, seconds=took)
        resumed_after = -1.0
        if asked.until >= 0:
            until = time.monotonic() + asked.window
            while seen["resumed"] < streams and time.monotonic() < until:
                self._serve(until)
            resumed_after = time.monotonic() - began
        else:
            self._serve_for(asked.warmup)
            _say(phase="start")
            began, cpu = time.monotonic(), time.process_time()
            self.counting = True
            self._serve_for(asked.window)
        window, cpu = time.monotonic() - began, time.process_time() - cpu
        self.counting = False
        _say(phase="end")
        self._say_result(window, cpu, resumed_after)
        until = time.monotonic() + HOLD
        while self.stdin_watched and time.monotonic() < until:
            if self._serve(until):
                return

    def _stream(self, number: int, every: int) -> Stream:
        stalls = bool(every) and number % every == every - 1
        stalls = stalls and number // every < self.asked.stalled
        last = -1 if self.asked.first < 0 else self.asked.first - 1
        if self.values:
            last = self.values[number % len(self.values)][1]
        sampled = number % self.asked.sample == 0 and not stalls
        return Stream(number, last, sampled, stalls)

    def _connect_all(self) -> float:
        began = time.monotonic()
        until, waiting = began + self.asked.connect_timeout, iter(self.streams)
        opened, seen, total = 0, self.seen, len(self.streams)
        while time.monotonic() < until:
            done = seen["connected"] + seen["failed"]
            if done == total:
                break
            while opened < total and opened - done < self.asked.parallel:
                self._open(next(waiting))
                opened += 1
            self._serve(until)
        return time.monotonic() - began

    def _open(self, stream: Stream) -> None:
        sock = stream.sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # An end by RST leaves no TIME_WAIT, so that runs can follow each other.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        if stream.stalls:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_RCVBUF)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
            sock.bind((f"127.0.1.{1 + stream.number // PER_SOURCE}", 0))
        stream.state = "connecting"
        sock.connect_ex((self.asked.host, self.asked.port))
        self.selector.register(sock, IN | OUT, stream)

    def _serve(self, until: float) -> bool:
        """Serve what is ready until then; return whether stdin had something to say."""
        told = False
        wait = min(max(until - time.monotonic(), 0), 0.1)
        for key, _ in self.selector.select(wait):
            stream = key.data
            if stream is None:
                told = True
            elif stream.state == "connecting":
                self._ask(stream)
            else:
                self._take(stream)
        return told

    def _serve_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._serve(until)

    def _ask(self, stream: Stream) -> None:
        error = stream.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._give_up(stream, os.strerror(error))
            return
        request = self.request
        if self.values:
            value = self.values[stream.number % len(self.values)][0]
            request = request.replace(b"{}", value.encode(), 1)
        stream.sock.send(request)
        stream.state = "asked"
        self.selector.modify(stream.sock, IN, stream)

    def _take(self, stream: Stream) -> None:
        try:
            got = stream.sock.recv(BUFFER)
        except BlockingIOError:
            return
        except OSError as error:
            self._give_up(stream, error.strerror or "failed")
            return
        if not got:
            self._give_up(stream, "the server closed a stream")
            return
        if stream.state == "asked":
            if got[9:12] != b"200":
                self._give_up(stream, repr(got[:40]))
                return
            stream.state = "open"
            self.seen["connected"] += 1
        if self.counting:
            self.seen["reads"] += 1
            stream.bytes += len(got)
        if not self.asked.opaque:
            self._scan(stream, stream.carry + got)
        if stream.stalls:
            stream.state = "stalled"
            self.selector.unregister(stream.sock)

    def _scan(self, stream: Stream, text: bytes) -> None:
        now = time.time_ns() // 1000
        cut = text.rfind(b"{", -HEAD)
        whole, stream.carry = (text, b"") if cut < 0 else (text[:cut], text[cut:])
        found = EVENT.findall(whole)
        for number, due in found:
            self._note(stream, int(number))
            if self.counting and stream.sampled:
                self.delays.append(max(now - int(due), 0))
        if self.counting:
            stream.events += len(found)

    def _note(self, stream: Stream, n: int) -> None:
        if stream.last >= 0:
            if n <= stream.last:
                self.seen["twice"] += 1
            elif n > stream.last + 1 and not self.asked.sparse:
                self.seen["lost"] += n - stream.last - 1
        stream.last = max(stream.last, n)
        if 0 <= self.asked.until <= n and not stream.resumed:
            stream.resumed = True
            self.seen["resumed"] += 1

    def _give_up(self, stream: Stream, why: str) -> None:
        opening = stream.state in ("connecting", "asked")
        self.seen["failed" if opening else "torn"] += 1
        self.why = self.why or why
        self.selector.unregister(stream.sock)
        stream.sock.close()
        stream.state = "closed"

    def _say_result(self, window: float, cpu: float, resumed_after: float) -> None:
        reading = [stream for stream in self.streams if stream.state == "open"]
        events = [stream.events for stream in reading] or [-1]
        last = [stream.last for stream in reading] or [0]
        delays = sorted(self.delays) or [0]
        counts = {
            name: self.seen[name]
            for name in ("connected", "failed", "torn", "reads", "lost", "twice")
        }
        _say(
            phase="result",
            **counts,
            stalled_torn=sum(map(_was_broken_off, self.streams)),
            why=self.why,
            window=window,
            client_cpu=cpu,
            events=sum(stream.events for stream in self.streams),
            bytes=sum(stream.bytes for stream in self.streams),
            stream_events_min=min(events),
            stream_events_max=max(events),
            stream_bytes_min=min((stream.bytes for stream in reading), default=-1),
            spread=max(last) - min(last),
            delays=len(self.delays),
            p50_us=delays[len(delays) // 2],
            p99_us=delays[len(delays) * 99 // 100],
            max_us=delays[-1],
            resumed=self.seen["resumed"],
            resumed_after=resumed_after,
        )


def _was_broken_off(stream: Stream) -> bool:
    if stream.state != "stalled":
        return False
    watcher = select.poll()
    watcher.register(stream.sock, 0)  # a hang-up and an error are told all the same
    return bool(watcher.poll(0))


def _values(asked: argparse.Namespace) -> list[tuple[str, int]]:
    """Return what fills the hole, and the number of the last event seen before."""
    if not asked.values:
        return []
    before = asked.first - 1
    lines = Path(asked.values).read_text().splitlines()
    split = [line.partition("\t") for line in lines]
    return [(value, int(number or before)) for value, _, number in split]


def _say(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="client.py", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--request-file", required=True)
    parser.add_argument("--values")
    for name in ("--opaque", "--sparse"):
        parser.add_argument(name, action="store_true")
    whole = {"port": 0, "streams": 1, "sample": 50, "parallel": 128, "stalled": 0}
    for name, default in {**whole, "first": -1, "until": -1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, seconds in {"warmup": 1, "window": 3, "connect-timeout": 60}.items():
        parser.add_argument(f"--{name}", type=float, default=seconds)
    return parser.parse_args(words)


def _raise_file_limit(streams: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = streams + 64
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    options = _options(sys.argv[1:])
    _raise_file_limit(options.streams)
    Client(options).run()
