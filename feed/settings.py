"""The settings: environment variables, read once and checked at the start."""

import contextlib
import os
import random
import re
import stat
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T", int, float)

# As a browser sends it (RFC 6454, section 6.2): lower case, no path.
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?")

# What may stand after "Bearer" (RFC 6750, section 2.1).
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")

PREFIX = re.compile(r"[!-~]{1,64}")

HEARTBEAT = 10.0  # seconds; a fifth of the shortest idle limit, Heroku's 55 s


class InvalidSetting(ValueError):
    """A variable's value can't be used; the message names it and the remedy."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says; `docs/feed.md`, section 8, explains each."""

    host: str = "127.0.0.1"
    port: int = 8000
    feed: str = "simulator"
    recording: str = ""  # the file, with `replay`
    loop: bool = False
    seed: int = 0
    speed: float = 1.0
    web_concurrency: int = 1
    backlog: int = 20_000
    heartbeat: float = HEARTBEAT
    max_streams: int = 8000
    max_streams_per_client: int = 0
    max_stream_age: float = 0.0
    max_keys: int = 5000
    trusted_proxies: int = 0
    compress: bool = True
    allowed_origins: tuple[str, ...] = ()
    publish_tokens: tuple[str, ...] = ()
    redis_url: str = ""
    redis_prefix: str = "liveboard:"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Return the settings in force; InvalidSetting where one can't be used."""
        read = _Reader(environ)
        feed, recording, loop = read.feed("FEED")
        return cls(
            host=read.host(),
            port=read.whole("PORT", 8000, 1, 65_535),
            feed=feed,
            recording=recording,
            loop=loop,
            seed=read.whole("SEED", random.getrandbits(31), 0, 2**63 - 1),
            speed=read.number("SPEED", 1, 0 if feed == "replay" else 0.01, 1000),
            web_concurrency=read.whole("WEB_CONCURRENCY", 1, 1, 1000),
            backlog=read.whole("BACKLOG", 20_000, 10, 10_000_000),
            heartbeat=read.number("HEARTBEAT", HEARTBEAT, 0.1, 3600),
            max_streams=read.whole("MAX_STREAMS", 8000, 1, 1_000_000),
            max_streams_per_client=read.whole(
                "MAX_STREAMS_PER_CLIENT", 0, 0, 1_000_000
            ),
            max_stream_age=read.number("MAX_STREAM_AGE", 0, 0, 31_536_000),
            max_keys=read.whole("MAX_KEYS", 5000, 1, 10_000_000),
            trusted_proxies=read.whole("TRUSTED_PROXIES", 0, 0, 100),
            compress=read.choice("COMPRESS", "1", ("0", "1")) == "1",
            allowed_origins=read.origins("ALLOWED_ORIGINS"),
            publish_tokens=read.tokens("PUBLISH_TOKEN"),
            redis_url=read.redis_url("REDIS_URL"),
            redis_prefix=read.prefix("REDIS_PREFIX", "liveboard:"),
        )


class _Reader:
    """Takes values out of an environment; an empty one counts as not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name, "").strip() or default

    def host(self) -> str:
        hosted = "0.0.0.0"  # noqa: S104 - a platform that sets PORT must reach it
        host = self.text("HOST", hosted if self.text("PORT", "") else "127.0.0.1")
        numeric = not host.strip("0123456789.") or ":" in host
        try:
            fine = bool(ip_address(host)) if numeric else HOST_NAME.fullmatch(host)
        except ValueError:
            fine = False
        if not fine:
            raise InvalidSetting(
                f"HOST={host!r} is neither a host's name nor an address such as ::1"
            )
        return host

    def feed(self, name: str) -> tuple[str, str, bool]:
        """Return the source; with a replay its file, and whether it is looped."""
        text = self.text(name, "simulator")
        kind, _, rest = text.partition(":")
        if kind != "replay":
            kinds = ("simulator", "published", "replay:FILE")
            return self.choice(name, "simulator", kinds), "", False
        recording, _, option = rest.partition("?")
        if not recording or option not in ("", "loop=0", "loop=1"):
            raise InvalidSetting(
                f"{name}={text!r}: a replay is replay:FILE or replay:FILE?loop=1"
            )
        _check_readable(name, Path(recording).absolute())
        return kind, recording, option == "loop=1"

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        return self._number(name, default, low, high, int, "a whole number")

    def number(self, name: str, default: float, low: float, high: float) -> float:
        return self._number(name, default, low, high, float, "a number")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in choices:
            raise InvalidSetting(f"{name}={text!r} is none of {', '.join(choices)}")
        return text

    def origins(self, name: str) -> tuple[str, ...]:
        origins = tuple(part.strip() for part in self.text(name, "").split(","))
        for origin in origins:
            if origin not in ("", "*") and not ORIGIN.fullmatch(origin):
                raise InvalidSetting(
                    f"{name}: {origin!r} is neither * nor like https://example.org"
                )
        return tuple(filter(None, origins))

    def tokens(self, name: str) -> tuple[str, ...]:
        """Return the tokens, separated by commas; no message shows one."""
        tokens = [part.strip() for part in self.text(name, "").split(",")]
        found = tuple(filter(None, tokens))
        if not all(map(TOKEN.fullmatch, found)):
            raise InvalidSetting(f"{name}: a token has only A-Z a-z 0-9 - . _ ~ + / =")
        return found

    def redis_url(self, name: str) -> str:
        url = self.text(name, "")
        if url and not _is_redis_url(url):
            raise InvalidSetting(  # without the value: it may hold a password
                f"{name} is not like redis://:password@host:6379/0 (or rediss://, "
                "unix:///path)"
            )
        return url

    def prefix(self, name: str, default: str) -> str:
        prefix = self.text(name, default)
        if not PREFIX.fullmatch(prefix):
            raise InvalidSetting(
                f"{name}={prefix[:80]!r} is not 1 to 64 printable ASCII characters "
                "without a space"
            )
        return prefix

    def _number(
        self,
        name: str,
        default: T,
        low: float,
        high: float,
        convert: Callable[[str], T],
        what: str,
    ) -> T:
        text = self.text(name, "")
        if not text:
            return default
        value: T | None = None
        with contextlib.suppress(ValueError):
            value = convert(text)
        if value is None or not low <= value <= high:
            raise InvalidSetting(f"{name}={text!r} is not {what} from {low} to {high}")
        return value


def _check_readable(name: str, path: Path) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        if regular:
            path.open("rb").close()
    except OSError as error:
        raise InvalidSetting(f"{name}: {path}: {error.strerror}") from error
    if not regular:
        raise InvalidSetting(f"{name}: {path} is not a file with a recording")


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        database = parts.path.removeprefix("/")
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    if parts.scheme == "unix":
        return not parts.hostname and bool(database)
    numbered = not database or (database.isascii() and database.isdigit())
    return parts.scheme in ("redis", "rediss") and named and numbered


if __name__ == "__main__":
    # gunicorn reads WEB_CONCURRENCY before it reads our file: a bad one is said here.
    try:
        Settings.from_env()
    except InvalidSetting as error:
        sys.exit(f"liveboard: {error}")
