"""`make faults`: how many events 1000 streams lose when a part of the system fails.

Four boards share a log over one Redis, each through a connection that can be cut. A
publisher numbers its events. The readers reconnect as a page does, but to the next
board each time, and count each number that they receive. A published number that a
reader didn't receive was lost; one that it received more than once was duplicated.
"""

import contextlib
import http.client
import json
import os
import re
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Self

import msgspec

from tests.helpers.harness import LOOPBACK, ROOT, Board, until
from tests.helpers.redis_server import RedisServer
from tests.helpers.redis_wire import RedisWire

RATE = 10  # numbered events a second
HURRY = 10  # times as soon as usual a reader in a hurry comes back
AFTER = 20  # numbered events that must follow a fault
HEARTBEAT = 1.0  # seconds; the boards'
PATIENCE = 3.0  # seconds without a byte after which a reader tries another board
SETTLED = 45.0  # seconds until every reader must have every event
TOKEN = {"Authorization": "Bearer secret"}
TABLE = re.compile(r"^\| fault \|.*\n(\|.*\n)+", re.M)
DOCUMENT = ROOT / "docs/reliability.md"


class Row(msgspec.Struct, frozen=True):
    """The effect of one fault.

    `silence` is the longest time in which a reader received no event, and `prices` the
    longest in which the source published none, in seconds.
    """

    fault: str
    streams: int
    published: int
    received: int
    lost: int
    twice: int
    silence: float
    prices: float


class NumberReader:
    """A client that counts the numbers it receives, and reconnects with its cursor."""

    def __init__(self, ports: list[int], turn: int, view: str, hurry: bool) -> None:
        self.seen: dict[int, int] = {}
        self.heard = self.got = time.monotonic()
        self.silence = 0.0
        self.pause = 0.0  # the longest time between the ids of two prices
        self.due = 0.0  # when it connects next
        self.sock: socket.socket | None = None
        self._ports = ports
        self._turn = turn
        self._view = view
        self._haste = HURRY if hurry else 1
        self._cursor = ""
        self._retry = 2.0
        self._left = b""
        self._headed = False
        self._last_price_ms = 0  # when the last price was published

    def set_next_board(self, turn: int) -> None:
        """Choose the board that it connects to next."""
        self._turn = turn - 1

    def connect(self) -> bool:
        """Connect to the next board; return whether that succeeded."""
        self._turn += 1
        port = self._ports[self._turn % len(self._ports)]
        cursor = f"Last-Event-ID: {self._cursor}\r\n" if self._cursor else ""
        asked = f"GET /stream?{self._view} HTTP/1.0\r\nHost: board\r\n{cursor}\r\n"
        self._left, self._headed = b"", False
        self.heard = time.monotonic()
        try:
            self.sock = socket.create_connection((LOOPBACK, port), 5)
            self.sock.sendall(asked.encode())
            self.sock.setblocking(False)
        except OSError:
            self.hang_up()
            return False
        return True

    def hang_up(self, wait: float | None = None) -> None:
        """Close the connection, and set when to connect again."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        if wait is None:
            wait = self._retry / self._haste
        self.due = time.monotonic() + wait

    def read(self) -> bool:
        """Read what has arrived; return whether the stream is still open."""
        if self.sock is None:
            return False
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.heard = time.monotonic()
        self._left += data
        if not self._headed:
            _, found, rest = self._left.partition(b"\r\n\r\n")
            if not found:
                return bool(data)
            self._headed, self._left = True, rest
        *blocks, self._left = self._left.split(b"\n\n")
        for block in blocks:
            self._add(block)
        return bool(data)

    def _add(self, block: bytes) -> None:
        fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
        if b"retry" in fields:
            self._retry = int(fields[b"retry"]) / 1000
        if b"id" in fields:
            self._cursor = fields[b"id"].decode()
        if fields[b"event"] in (b"note", b"price"):
            now = time.monotonic()
            self.silence = max(self.silence, now - self.got)
            self.got = now
        if fields[b"event"] == b"price":
            before, self._last_price_ms = self._last_price_ms, _ms(self._cursor)
            passed = self._last_price_ms - (before or self._last_price_ms)
            self.pause = max(self.pause, passed / 1000)
        if fields[b"event"] == b"note":
            number = int(fields[b"data"])
            self.seen[number] = self.seen.get(number, 0) + 1


class BackgroundTask:
    """A loop in a thread of its own; a context manager that ends it on exit."""

    def __init__(self) -> None:
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        """Loop until `_ends` is set."""
        raise NotImplementedError


class Crowd(BackgroundTask):
    """All readers, and the loop that serves them; a context manager.

    With `hop`, all readers move to the next board each `hop` seconds. `spread`
    distributes them once evenly over the boards.
    """

    def __init__(self, ports: list[int], streams: int, hurry: bool) -> None:
        super().__init__()
        self.readers = [
            NumberReader(ports, n, "events=note", hurry) for n in range(streams)
        ]
        self.watcher = NumberReader(ports, 0, "events=price", hurry)
        self.hop = 0.0
        self.spread = False
        self._selector = selectors.DefaultSelector()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for reader in (*self.readers, self.watcher):
            reader.hang_up()
        self._selector.close()

    def _run(self) -> None:
        looked = hopped = 0.0
        while not self._ends.is_set():
            for key, _ in self._selector.select(0.05):
                if not key.data.read():
                    self._disconnect(key.data)
            now = time.monotonic()
            if now < looked + 0.1:
                continue
            looked = now
            if self.spread:
                self._spread()
            hops = self.hop and now > hopped + self.hop
            hopped = now if hops else hopped
            for reader in (*self.readers, self.watcher):
                self._update(reader, now, bool(hops))

    def _spread(self) -> None:
        for n, reader in enumerate(self.readers):
            self._disconnect(reader, 0.0)
            reader.set_next_board(n)
        self.spread = False

    def _update(self, reader: NumberReader, now: float, hops: bool) -> None:
        if reader.sock is None:
            if now >= reader.due and reader.connect():
                self._selector.register(reader.sock or 0, selectors.EVENT_READ, reader)
        elif hops or now > reader.heard + PATIENCE:
            self._disconnect(reader, 0.0)

    def _disconnect(self, reader: NumberReader, wait: float | None = None) -> None:
        if reader.sock is not None:
            self._selector.unregister(reader.sock)
        reader.hang_up(wait)


class Publisher(BackgroundTask):
    """Publishes numbers, and retries each until a board confirms it.

    No request is under way while another thread has acquired `resting`.
    """

    def __init__(self, ports: list[int], hurry: bool) -> None:
        super().__init__()
        self.published = 0
        self.resting = threading.Lock()
        self._ports = ports
        self._pause = (0.5 if hurry else 1) / RATE
        self._turn = 0

    def _run(self) -> None:
        while not self._ends.wait(self._pause):
            with self.resting:
                self._publish_surely(self.published)

    def _publish_surely(self, number: int) -> None:
        while not self._publish(number, self._ports[self._turn % len(self._ports)]):
            self._turn += 1
            if self._ends.wait(0.2):
                return
        self.published += 1

    def _publish(self, number: int, port: int) -> bool:
        headers = {**TOKEN, "Idempotency-Key": f"number-{number}"}
        body = json.dumps({"event": "note", "data": number})
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=4)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("POST", "/api/publish", body, headers)
            return connection.getresponse().status == 201
        return False


class Scene:
    """Boards, Redis and readers, and the faults that can happen to them.

    A context manager, which starts and ends all of them.
    """

    def __init__(self, streams: int, boards: int, hurry: bool) -> None:
        self.streams = streams
        self._hurry = hurry
        self.boards: list[Board] = []
        self._count = boards
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        try:
            self.redis = enter(RedisServer())
            count = range(self._count)
            self.wires = [enter(RedisWire(self.redis.port)) for _ in count]
            for wire in self.wires:
                board = _board(wire)
                self._stack.callback(board.stop)
                self.boards.append(board.start())
            ports = [board.port for board in self.boards]
            for board in self.boards:
                board.wait_ready(30)
            self.crowd = enter(Crowd(ports, self.streams, self._hurry))
            self.publisher = enter(Publisher(ports, self._hurry))
            until(lambda: all(reader.seen for reader in self.crowd.readers), SETTLED)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(self, fault: str, act: Callable[[], None]) -> Row:
        """Cause a fault, wait until all readers recovered, and return its effect."""
        readers, watcher = self.crowd.readers, self.crowd.watcher
        self.crowd.spread = True
        until(lambda: not self.crowd.spread)
        self._all_have(1, self.publisher.published)
        first = self.publisher.published
        for reader in (*readers, watcher):
            reader.silence = reader.pause = 0.0
        act()
        last = self.publisher.published + AFTER
        until(lambda: self.publisher.published >= last, SETTLED, "it continues")
        until(lambda: watcher.got > time.monotonic() - 1, SETTLED, "prices continue")
        with contextlib.suppress(AssertionError):  # missing events are counted below
            self._all_have(last - first, first)
        counts = [[r.seen.get(n, 0) for n in range(first, last)] for r in readers]
        received = sum(min(count, 1) for each in counts for count in each)
        silence = max(reader.silence for reader in readers)
        return Row(
            fault=fault,
            streams=len(readers),
            published=last - first,
            received=received,
            lost=len(readers) * (last - first) - received,
            twice=sum(map(sum, counts)) - received,
            silence=round(silence, 1),
            prices=round(watcher.pause, 1),
        )

    def leader(self) -> int:
        """Return the index of the board that leads; -1 if none does."""
        token = self.redis.ask("GET", "liveboard:leader")
        pid = int(token.split()[1]) if token else 0
        for n, board in enumerate(self.boards):
            if pid in board.worker_pids():
                return n
        return -1

    def kill_a_worker(self) -> None:
        """Kill the worker of a board that doesn't lead."""
        led = until(lambda: self.leader() + 1) - 1
        self._kill((led + 1) % self._count)

    def kill_the_leader(self) -> None:
        """Kill the worker of the board that leads."""
        self._kill(until(lambda: self.leader() + 1) - 1)

    def hang_the_leader(self, seconds: float) -> None:
        """Stop the leader for so long, and until another board leads."""
        led = until(lambda: self.leader() + 1) - 1
        (pid,) = self.boards[led].worker_pids()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        until(lambda: self.leader() not in (-1, led), SETTLED, "another leads")
        with contextlib.suppress(ProcessLookupError):  # gunicorn gives up after 30 s
            os.kill(pid, signal.SIGCONT)

    def restart_all(self) -> None:
        """Restart the boards one after the other."""
        for board in self.boards:
            board.term()
            board.wait_exit()
            board.start()
            board.wait_ready(30)

    def kill_redis(self, erasing: bool) -> None:
        """Kill Redis and start it again, with its data or without."""
        # An event that only Redis has is lost with its data; no guarantee covers it.
        with self.publisher.resting if erasing else contextlib.nullcontext():
            self.redis.kill()
        if erasing:
            self.redis.erase()
        time.sleep(1)
        self.redis.start()
        self.redis.wait_ready()

    def cut_leader_off(self, seconds: float) -> None:
        """Close the connections between the leader and Redis, and refuse new ones."""
        wire = self.wires[until(lambda: self.leader() + 1) - 1]
        wire.cut()
        time.sleep(seconds)
        wire.restore()

    def lose_the_route(self, seconds: float, *, led: bool) -> None:
        """Let no bytes pass between Redis and the leader, or another board."""
        which = until(lambda: self.leader() + 1) - 1
        wire = self.wires[which if led else (which + 1) % self._count]
        wire.block()
        time.sleep(seconds)
        wire.restore()

    def fail_over(self, lag: float) -> None:
        """Replace Redis by a replica that lacks the last `lag` seconds."""
        replica = self._stack.enter_context(RedisServer())
        way = self._stack.enter_context(RedisWire(self.redis.port))
        replica.ask("REPLICAOF", LOOPBACK, way.port)
        until(lambda: replica.ask("INFO", "replication")["master_link_status"] == "up")
        way.block()
        time.sleep(lag)
        self.redis.kill()
        replica.ask("REPLICAOF", "NO", "ONE")
        for wire in self.wires:
            wire.target = replica.port
            wire.cut()
            wire.restore()
        self.redis = replica

    def hop(self, seconds: float) -> None:
        """Let all readers move from board to board for so long."""
        # Connecting takes time too: a thousand streams need four seconds for it.
        self.crowd.hop = max(1.0, self.streams / 250)
        time.sleep(seconds)
        self.crowd.hop = 0.0

    def _kill(self, which: int) -> None:
        (pid,) = self.boards[which].worker_pids()
        os.kill(pid, signal.SIGKILL)

    def _all_have(self, count: int, first: int = 0) -> None:
        numbers = range(first, first + count)
        until(
            lambda: all(n in r.seen for r in self.crowd.readers for n in numbers),
            SETTLED,
            "every reader has everything",
        )


def _board(wire: RedisWire) -> Board:
    return Board(
        REDIS_URL=f"redis://{LOOPBACK}:{wire.port}",
        PUBLISH_TOKEN="secret",
        HEARTBEAT=str(HEARTBEAT),
        SEED="7",
    )


def _ms(id: str) -> int:
    return int(id.partition("-")[0])


def rows(
    streams: int, boards: int, long: float, short: float, hurry: bool = False
) -> Generator[Row]:
    """Yield the effect of each fault: long ones last `long` seconds, others `short`."""
    with Scene(streams, boards, hurry) as scene:
        acts: dict[str, Callable[[], None]] = {
            "`kill -9` of a worker": scene.kill_a_worker,
            "`kill -9` of the leader": scene.kill_the_leader,
            "`SIGSTOP` of the leader": lambda: scene.hang_the_leader(long),
            "a rolling restart": scene.restart_all,
            "`kill -9` of Redis, its data kept": lambda: scene.kill_redis(False),
            "`kill -9` of Redis, its data lost": lambda: scene.kill_redis(True),
            "the leader cut off from Redis": lambda: scene.cut_leader_off(short),
            "every request to another worker": lambda: scene.hop(2 * short),
            "no packet between the leader and Redis": (
                lambda: scene.lose_the_route(short, led=True)
            ),
            "no packet between another worker and Redis": (
                lambda: scene.lose_the_route(short, led=False)
            ),
            "a replica that lacks a second takes over": lambda: scene.fail_over(1.0),
        }
        for fault, act in acts.items():
            yield scene.measure(fault, act)


def table(found: list[Row]) -> str:
    """Return the rows as the table of the document."""
    heads = "fault|streams|published|received|lost|twice|longest silence|source silent"
    lines = [heads.replace("|", " | "), " | ".join(["---"] * 8)]
    for row in found:
        *counts, silence, prices = msgspec.structs.astuple(row)
        lines.append(" | ".join(map(str, (*counts, f"{silence} s", f"{prices} s"))))
    return "\n".join(f"| {line} |" for line in lines)


def main() -> int:
    """Measure, print, and write the table into the document."""
    found = []
    for row in rows(1000, 4, 30, 8):
        print(table([row]).splitlines()[-1], flush=True)
        found.append(row)
    DOCUMENT.write_text(TABLE.sub(table(found) + "\n", DOCUMENT.read_text()))
    return int(any(row.lost or row.twice for row in found))


if __name__ == "__main__":
    sys.exit(main())
