"""Real processes for tests: a board, a stream of it, an nginx.

Everything runs as its users run it, on loopback and on a port of its own. No process
outlives the tests: each one leads its own process group and dies with its parent.
"""

import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.helpers.response import Response
from tests.helpers.sse import Parsed, Parser

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
# These ports are below the ephemeral ports of Linux and macOS, so that no outgoing
# connection of the tests takes a port after it was chosen here and before the server
# binds it. For the same reason, each worker of pytest-xdist has ports of its own.
RUNNER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
RUNNERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
PORTS = range(20_000 + RUNNER, 32_000, RUNNERS)

T = TypeVar("T")
_ports_taken: set[int] = set()

# The child runs this before the program, so that it ends with the tests, however they
# end. The signal is SIGTERM, which a program passes on to its children.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() != parent:
    sys.exit("the tests are gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


def until(condition: Callable[[], T], seconds: float = 30, why: str = "") -> T:
    """Call `condition` until it returns something true, and return that.

    AssertionError with `why` and the last value after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {why or condition}: {value}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that no server uses and that wasn't returned before."""
    for port in random.sample(PORTS, len(PORTS)):
        if port not in _ports_taken and _can_listen(port):
            _ports_taken.add(port)
            return port
    raise AssertionError("no free port")


def clean_environment(**variables: str) -> dict[str, str]:
    """Return an environment in which only `variables` configure a program."""
    kept = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}
    return {name: os.environ[name] for name in kept & os.environ.keys()} | variables


class Process:
    """A program in a session of its own, whose output goes to a log file of its own.

    As a context manager it starts on entry and is killed, with its children, on exit.
    On Linux it also dies with the thread that started it.
    """

    def __init__(
        self, command: list[str], env: Mapping[str, str], cwd: Path = ROOT
    ) -> None:
        self._command = command
        self._env = env
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._last_log = ""
        self._folder = tempfile.TemporaryDirectory(prefix="liveboard-")
        self.folder = Path(self._folder.name)

    def start(self) -> Self:
        """Start the program, or start it again, without waiting until it is ready."""
        if self.alive:
            raise AssertionError("already started")
        wrapper = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*wrapper, *self._command],
                cwd=self._cwd,
                env=dict(self._env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        """The process id of the program itself."""
        return self._started.pid

    @property
    def alive(self) -> bool:
        """Whether the program was started and still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the program; None while it runs."""
        return self._started.poll()

    def log(self) -> str:
        """Return the program's output so far."""
        if not self._log_path.exists():
            return self._last_log
        return self._log_path.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program but not to its children, as a platform does."""
        self._started.send_signal(number)

    def term(self) -> None:
        """Ask the program to end (SIGTERM)."""
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the program and all its children (SIGKILL)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._started.wait()

    def wait_exit(self, seconds: float = 15) -> float:
        """Wait until the program has ended; return the seconds that this took."""
        began = time.monotonic()
        try:
            self._started.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running after {seconds} s:\n{self._tail()}"
            ) from None
        return time.monotonic() - began

    def stop(self) -> None:
        """End the program with SIGTERM, then SIGKILL, and delete its files."""
        if self.alive:
            self.term()
            with contextlib.suppress(AssertionError):
                self.wait_exit(8)
        if self._process is not None:
            self.kill()
        self._last_log = self.log()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._process is not None:
            error.add_note(f"{self._command}:\n{self._tail()}")
        self.stop()

    def _wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        def answers() -> bool:
            if not self.alive:
                raise AssertionError(
                    f"ended with {self.exit_code} before it was ready:\n{self._tail()}"
                )
            return condition()

        try:
            until(answers, seconds, f"{self._command} is ready")
        except AssertionError as error:
            error.add_note(self._tail())
            raise

    def _tail(self) -> str:
        return "\n".join(self.log().splitlines()[-40:])

    @property
    def _log_path(self) -> Path:
        return self.folder / "log"

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("not started")
        return self._process


class Server(Process):
    """A program that listens on a port; `with` waits until it is ready."""

    port: int

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers (Linux)."""
        pids: list[int] = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            pids += map(int, path.read_text().split())
        return sorted(pids)

    def wait_ready(self, seconds: float = 60) -> Self:
        """Wait until it is ready; AssertionError with its log if it isn't in time."""
        self._wait_for(self._is_ready, seconds)
        return self

    def _is_ready(self) -> bool:
        raise NotImplementedError


class Board(Server):
    """A real board as its users start it: `gunicorn app:app` in the project's root.

    Its only settings are `env`; the environment variables of the tests don't reach it.
    """

    def __init__(
        self, app: str = "app:app", port: int | None = None, **env: str
    ) -> None:
        self.port = port or free_port()
        settings = {"HOST": LOOPBACK, "PORT": str(self.port)} | env
        super().__init__(
            [sys.executable, "-m", "gunicorn", app], clean_environment(**settings)
        )

    def stop(self) -> None:
        """Kill the board and delete its files: an orderly end takes a second.

        A test of the orderly end calls `term` and `wait_exit` itself.
        """
        if self.alive:
            self.kill()
        super().stop()

    def get(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float = 30,
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers (lower-case names) and body of a GET."""
        return self.request("GET", path, headers, seconds=seconds)

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        seconds: float = 30,
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers (lower-case names) and body of the response."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=seconds)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            names = {name.lower() for name in answer.headers}
            found = {
                name: ", ".join(answer.headers.get_all(name, [])) for name in names
            }
            return answer.status, found, answer.read()

    def stream(
        self,
        path: str = "/stream",
        headers: Mapping[str, str] | None = None,
        *,
        rcvbuf: int | None = None,
        read_limit: int | None = None,
    ) -> "Stream":
        """Open a stream; see `Stream` for the options."""
        return Stream(self.port, path, headers, rcvbuf=rcvbuf, read_limit=read_limit)

    def _is_ready(self) -> bool:
        """Whether `/readyz` says 200."""
        try:
            return self.get("/readyz", seconds=2)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Stream:
    """An event stream read from a plain socket over HTTP/1.1.

    The constructor returns when the status and headers have arrived. `rcvbuf` is the
    socket's receive buffer in bytes. After `read_limit` bytes of the body the stream
    resets the connection, as a lost network would. A gzipped body is decompressed for
    the events, but not in `raw`. `last_id` is the id of the last event returned.
    """

    def __init__(
        self,
        port: int,
        path: str = "/stream",
        headers: Mapping[str, str] | None = None,
        *,
        host: str = LOOPBACK,
        method: str = "GET",
        rcvbuf: int | None = None,
        read_limit: int | None = None,
    ) -> None:
        self.last_id = ""
        self.ended = False
        self._raw = bytearray()
        self._read_limit = read_limit
        self._parser = Parser()
        self._waiting: list[Parsed] = []
        self._socket = socket.socket()
        try:
            if rcvbuf is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            self._socket.settimeout(30)
            self._socket.connect((host, port))
            fields = {"Host": f"{host}:{port}", "Accept": "text/event-stream"}
            fields |= headers or {}
            lines = [f"{method} {path} HTTP/1.1", *map(": ".join, fields.items())]
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            self._response = Response(method)
            body = self._read_head()
        except BaseException:
            self._socket.close()
            raise
        gzipped = self.headers.get("content-encoding") == "gzip"
        self._gzip = zlib.decompressobj(wbits=31) if gzipped else None
        self._add(body)

    def events(self, n: int, seconds: float = 30) -> list[Parsed]:
        """Return the next `n` events; AssertionError if they don't arrive in time."""
        deadline = time.monotonic() + seconds
        while len(self._waiting) < n:
            self._receive(deadline, f"{n} events")
        return self._pop_events(n)

    def read_until(
        self, predicate: Callable[[Parsed], bool], seconds: float = 30
    ) -> list[Parsed]:
        """Return the next events, up to the first for which `predicate` is true."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            while seen < len(self._waiting):
                seen += 1
                if predicate(self._waiting[seen - 1]):
                    return self._pop_events(seen)
            self._receive(deadline, "the expected event")

    def read_all(self, seconds: float = 30) -> list[Parsed]:
        """Return all events until the server ends the stream."""
        deadline = time.monotonic() + seconds
        while not self.ended:
            self._receive(deadline, "the stream's end")
        return self._pop_events(len(self._waiting))

    def read_for(self, seconds: float) -> list[Parsed]:
        """Return the events that arrive within `seconds` or until the stream ends."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while not self.ended and time.monotonic() < deadline:
                self._receive_once(deadline)
        return self._pop_events(len(self._waiting))

    @property
    def status(self) -> int:
        """The status of the response."""
        return self._response.status

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response, with lower-case names."""
        return self._response.headers

    @property
    def raw(self) -> bytes:
        """The bytes of the body so far, without chunk sizes but still compressed."""
        return bytes(self._raw)

    @property
    def retry(self) -> int | None:
        """The reconnection time that the server sent last, in milliseconds."""
        return self._parser.retry

    @property
    def comments(self) -> list[str]:
        """The stream's comment lines so far."""
        return self._parser.comments

    @property
    def complete(self) -> bool:
        """Whether the body arrived up to the end that HTTP announces."""
        return self._response.complete

    def close(self) -> None:
        """Close the connection with FIN."""
        self.ended = True
        self._socket.close()

    def abort(self) -> None:
        """Reset the connection (RST)."""
        if self._socket.fileno() >= 0:
            reset_on_close(self._socket)
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_head(self) -> bytes:
        """Read until the headers are complete; return the body's bytes after them."""
        body = b""
        while not self.status:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed before the headers' end")
            body = self._response.feed(data)
        return body

    def _receive(self, deadline: float, what: str) -> None:
        """Read once; AssertionError if the stream ended or `deadline` has passed."""
        if self.ended:
            raise AssertionError(f"the stream ended before {what}: {self._described()}")
        try:
            self._receive_once(deadline)
        except TimeoutError:
            raise AssertionError(
                f"{what} did not arrive: {self._described()}"
            ) from None

    def _receive_once(self, deadline: float) -> None:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            self.close()
            return
        if data:
            self._add(self._response.feed(data))
        else:
            self._response.close()
            self.close()

    def _add(self, body: bytes) -> None:
        if self._read_limit is not None:
            body = body[: self._read_limit - len(self._raw)]
        self._raw += body
        text = self._gzip.decompress(body) if self._gzip else body
        self._waiting += self._parser.feed(text)
        if self._read_limit is not None and len(self._raw) >= self._read_limit:
            self.abort()
        elif self.complete:
            self.close()

    def _pop_events(self, n: int) -> list[Parsed]:
        out, self._waiting = self._waiting[:n], self._waiting[n:]
        if out:
            self.last_id = out[-1].id
        return out

    def _described(self) -> str:
        names = [event.event for event in self._waiting]
        return f"{self.status}, waiting: {names[-50:]}, raw: {self.raw[-500:]!r}"


class Nginx(Server):
    """A real nginx with the `server` block given, on a free port.

    `http` is configuration that comes before that block, such as an `upstream`. In both
    texts, `@port@` is replaced by the port and `@name@` by the value of that name.
    """

    def __init__(self, server: str, http: str = "", **values: str) -> None:
        self.port = free_port()
        super().__init__([], clean_environment())
        values["port"] = str(self.port)
        for name, value in values.items():
            server = server.replace(f"@{name}@", value)
            http = http.replace(f"@{name}@", value)
        config = self.folder / "nginx.conf"
        config.write_text(self._config(http, server))
        prefix = ["-p", str(self.folder), "-e", "stderr"]
        self._command = [find_nginx(), *prefix, "-c", str(config)]

    def stream(
        self, path: str = "/stream", headers: Mapping[str, str] | None = None
    ) -> Stream:
        """Open a stream through this nginx."""
        return Stream(self.port, path, headers)

    def _is_ready(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 2).close()
        except OSError:
            return False
        return True

    def _config(self, http: str, server: str) -> str:
        return f"""
            {self._own_process()}
            worker_processes 1;
            events {{ worker_connections 512; }}
            http {{
            access_log off;
            {self._own_files()}
            {http}
            {server}
            }}
        """

    def _own_process(self) -> str:
        """Return the settings that keep nginx a child process of the tests."""
        user = "user root;" if os.geteuid() == 0 else ""
        return f"daemon off; {user} pid {self.folder}/pid;"

    def _own_files(self) -> str:
        """Return the settings that keep its files in a folder of its own."""
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        return "\n".join(f"{kind}_temp_path {self.folder};" for kind in kinds)


def find_nginx() -> str:
    """Return the path of nginx; AssertionError with the remedy if it is missing."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise AssertionError("nginx is missing: `make test` installs it, or says how")
    return path


def find_node() -> str:
    """Return the path of Node.js; AssertionError with the remedy if it is missing."""
    path = os.environ.get("PATH", "")
    found = shutil.which("node", path=f"{path}:{ROOT}/.cache/node/bin")
    if found is None:
        raise AssertionError("Node.js is missing: `make test` installs it")
    return found


def reset_on_close(connection: socket.socket) -> None:
    """Let this socket send RST when it is closed (SO_LINGER of 0 s)."""
    now = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
