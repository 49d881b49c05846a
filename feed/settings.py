"""The settings: environment variables, read once and checked at the start.

Strategy: the struct declares each setting with its default and, for a number, its
bounds. The variable of a number has the name of its field, in upper case.
"""

import contextlib
import os
import random
import re
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.inspect import FloatType, IntType, type_info

from feed import askurl, redisurl, world

# As a browser sends it (RFC 6454, section 6.2): lower case, no path.
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?")

# A bearer token (RFC 6750, section 2.1).
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
SHORT_TOKEN = 16  # characters; shorter ones can be guessed

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")

KEY = re.compile(r"[!-~]{1,1000}")  # characters that a header can have

# Python reads more than this as a number: 1_000, for example, and digits of any script.
WHOLE = re.compile(r"-?[0-9]+")
DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([Ee][+-]?[0-9]+)?")

# The variables for the URLs of sources, and the schemes that each can have.
SOURCE_URLS = {
    "KRAKEN_URL": ("wss", "ws"),
    "COINBASE_URL": ("wss", "ws"),
    "ESPN_URL": ("https", "http"),
    "OPENLIGADB_URL": ("https", "http"),
}

HEARTBEAT = 10.0  # seconds; a fifth of the shortest idle limit, Heroku's 55 s
SLOWEST = 0.01  # seconds of the simulator's day per second; only a replay can be slower

Environment = Mapping[str, str]


class InvalidSetting(ValueError):
    """A variable has an unusable value; the message names it and gives the remedy."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force; `docs/feed.md`, section 8, explains each of them."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8000
    feed: str = "simulator"
    recording: str = ""  # the path of the file that `replay` plays
    loop: bool = False
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    speed: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    web_concurrency: Annotated[int, Meta(ge=1, le=1000)] = 1
    backlog: Annotated[int, Meta(ge=10, le=10_000_000)] = 20_000
    backlog_bytes: Annotated[int, Meta(ge=1 << 20, le=1 << 40)] = 64 << 20
    heartbeat: Annotated[float, Meta(ge=0.1, le=3600)] = HEARTBEAT
    max_streams: Annotated[int, Meta(ge=1, le=1_000_000)] = 8000
    max_streams_per_client: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    max_connections_per_client: Annotated[int, Meta(ge=0, le=1_000_000)] = 200
    limits_private: bool = False  # whether that limit was set, and so holds for all
    max_stream_age: Annotated[float, Meta(ge=0, le=31_536_000)] = 0.0
    max_answers: Annotated[int, Meta(ge=1, le=10_000)] = 100
    max_keys: Annotated[int, Meta(ge=1, le=10_000_000)] = 5000
    max_keys_bytes: Annotated[int, Meta(ge=1 << 20, le=1 << 40)] = 64 << 20
    public_url: str = ""
    trusted_proxies: Annotated[int, Meta(ge=0, le=100)] = 0
    compress: bool = True
    allowed_origins: tuple[str, ...] = ()
    publish_tokens: tuple[str, ...] = ()
    view_tokens: tuple[str, ...] = ()
    metrics_tokens: tuple[str, ...] = ()
    redis_url: str = ""
    redis_prefix: str = "liveboard:"
    ask_url: str = ""
    ask_model: str = "default"
    ask_key: str = ""
    prices: tuple[world.Selected, ...] = (world.Selected(world.SIMULATED),)
    scores: tuple[world.Selected, ...] = (world.Selected(world.SIMULATED),)
    kraken_url: str = "wss://ws.kraken.com/v2"
    coinbase_url: str = "wss://ws-feed.exchange.coinbase.com"
    espn_url: str = "https://site.api.espn.com/apis/site/v2/sports/soccer"
    openligadb_url: str = "https://api.openligadb.de"

    @classmethod
    def from_env(cls, environ: Environment = os.environ) -> "Settings":
        """Return the settings of an environment; InvalidSetting if one is unusable.

        An empty variable counts as not set.
        """
        feed, recording, loop = _read_feed(environ)
        prices = _read_selection(environ, "PRICES", feed, world.PRICE_SOURCES)
        scores = _read_selection(environ, "SCORES", feed, world.SCORE_SOURCES)
        if _shows_the_world(feed, *prices, *scores):
            feed = "live"
        numbers = {"seed": random.getrandbits(31), **_read_numbers(environ)}
        if feed != "replay" and numbers.get("speed", 1) < SLOWEST:
            raise InvalidSetting(
                f"SPEED={_read_text(environ, 'SPEED')!r} is less than {SLOWEST}, "
                "which only a replay can be (FEED=replay:FILE)"
            )
        return cls(
            host=_read_host(environ),
            feed=feed,
            recording=recording,
            loop=loop,
            limits_private=bool(_read_text(environ, "MAX_CONNECTIONS_PER_CLIENT")),
            compress=_read_choice(environ, "COMPRESS", ("1", "0")) == "1",
            public_url=_read_public_url(environ),
            allowed_origins=_read_origins(environ),
            publish_tokens=_read_tokens(environ, "PUBLISH_TOKEN"),
            view_tokens=_read_tokens(environ, "VIEW_TOKEN"),
            metrics_tokens=_read_tokens(environ, "METRICS_TOKEN"),
            redis_url=_read_url(environ, "REDIS_URL", redisurl.find_fault),
            redis_prefix=_read_name(environ, "REDIS_PREFIX", "liveboard:", 64),
            ask_url=_read_url(environ, "ASK_URL", askurl.find_fault),
            ask_model=_read_name(environ, "ASK_MODEL", "default", 100),
            ask_key=_read_ask_key(environ),
            prices=prices,
            scores=scores,
            **_read_source_urls(environ),
            **numbers,
        )

    def warnings(self) -> list[str]:
        """Return sentences about risky tokens; they contain no token."""
        tokens = {
            "PUBLISH_TOKEN": self.publish_tokens,
            "VIEW_TOKEN": self.view_tokens,
            "METRICS_TOKEN": self.metrics_tokens,
        }
        found = [
            f"{name} has fewer than {SHORT_TOKEN} characters, so it can be guessed: "
            "use a long random one"
            for name, values in tokens.items()
            if any(len(token) < SHORT_TOKEN for token in values)
        ]
        if {*self.publish_tokens} & {*self.view_tokens, *self.metrics_tokens}:
            found.append("a token for reading is also in PUBLISH_TOKEN: it publishes")
        return found


def _read_text(environ: Environment, name: str, default: str = "") -> str:
    return environ.get(name, "").strip() or default


def _read_numbers(environ: Environment) -> dict[str, Any]:
    """Return the numbers that are set, by the names of their fields."""
    numbers = {}
    for field in msgspec.structs.fields(Settings):
        bounds = type_info(field.type)
        if isinstance(bounds, IntType | FloatType):
            name = field.name.upper()
            if text := _read_text(environ, name):
                numbers[field.name] = _convert(name, text, field.type, bounds)
    return numbers


def _convert(name: str, text: str, type: Any, bounds: IntType | FloatType) -> Any:
    """Return a text as a number of a type; InvalidSetting if it isn't one."""
    try:
        return msgspec.convert(_parse_number(text), type)
    except msgspec.ValidationError as error:
        whole = "whole " if isinstance(bounds, IntType) else ""
        raise InvalidSetting(
            f"{name}={text!r} is not a {whole}number from {bounds.ge} to {bounds.le}"
        ) from error


def _parse_number(text: str) -> int | float | str:
    """Return the number that a text spells, or the text if it doesn't spell one.

    `msgspec.convert` could parse it (`strict=False`), but takes 8e3 for an integer and
    refuses .5 and 007.
    """
    if WHOLE.fullmatch(text):
        with contextlib.suppress(ValueError):  # more digits than Python converts
            return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text


def _read_choice(environ: Environment, name: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices, of which the first is the default."""
    text = _read_text(environ, name, choices[0])
    if text not in choices:
        raise InvalidSetting(f"{name}={text!r} is none of {', '.join(choices)}")
    return text


def _read_host(environ: Environment) -> str:
    hosted = "0.0.0.0"  # noqa: S104 - a platform that sets PORT must reach it
    default = hosted if _read_text(environ, "PORT") else "127.0.0.1"
    host = _read_text(environ, "HOST", default)
    if not _is_host(host):
        raise InvalidSetting(
            f"HOST={host!r} is neither a host's name nor an address such as ::1"
        )
    return host


def _is_host(host: str) -> bool:
    if host.strip("0123456789.") and ":" not in host:
        return bool(HOST_NAME.fullmatch(host))
    with contextlib.suppress(ValueError):
        ip_address(host)
        return True
    return False


def _read_feed(environ: Environment) -> tuple[str, str, bool]:
    """Return the source; for a replay also its file and whether it is looped."""
    text = _read_text(environ, "FEED", "simulator")
    kind, _, rest = text.partition(":")
    if kind != "replay":
        kinds = ("simulator", "published", "live", "replay:FILE")
        return _read_choice(environ, "FEED", kinds), "", False
    recording, _, option = rest.partition("?")
    if not recording or option not in ("", "loop=0", "loop=1"):
        raise InvalidSetting(
            f"FEED={text!r}: a replay is replay:FILE or replay:FILE?loop=1"
        )
    _check_readable("FEED", Path(recording).absolute())
    return kind, recording, option == "loop=1"


def _read_selection(
    environ: Environment, name: str, feed: str, known: dict[str, tuple[str, ...]]
) -> tuple[world.Selected, ...]:
    """Return what PRICES or SCORES selects; the default depends on FEED."""
    text = _read_text(environ, name)
    if feed == "replay":
        if text:
            raise InvalidSetting(
                f"{name} is set, and a replay shows only its recording: "
                f"unset {name} or FEED"
            )
        return ()
    default = world.DEFAULTS[name].get(feed, world.SIMULATED)
    try:
        return world.parse_selection(text or default, known)
    except ValueError as error:
        raise InvalidSetting(f"{name}: {error}") from error


def _shows_the_world(feed: str, *selected: world.Selected) -> bool:
    """Return whether a board shows more than FEED says, because of PRICES or SCORES."""
    if feed == "published":
        return bool(selected)
    return any(each.source != world.SIMULATED for each in selected)


def _read_source_urls(environ: Environment) -> dict[str, Any]:
    """Return the URLs of sources that are set, without a slash at the end."""
    found = {}
    for name, schemes in SOURCE_URLS.items():
        url = _read_url(environ, name, partial(world.find_fault, schemes=schemes))
        if url:
            found[name.lower()] = url.rstrip("/")
    return found


def _read_list(environ: Environment, name: str) -> tuple[str, ...]:
    """Return the values of a variable, which are separated by commas."""
    parts = (part.strip() for part in _read_text(environ, name).split(","))
    return tuple(filter(None, parts))


def _read_origins(environ: Environment) -> tuple[str, ...]:
    origins = _read_list(environ, "ALLOWED_ORIGINS")
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise InvalidSetting(
                f"ALLOWED_ORIGINS: {origin!r} is neither * nor like https://example.org"
            )
    return origins


def _read_public_url(environ: Environment) -> str:
    """Return the URL by which readers reach the board, without a slash at the end."""
    url = _read_text(environ, "PUBLIC_URL")
    if url and not ORIGIN.fullmatch(url.lower().removesuffix("/")):
        raise InvalidSetting(
            f"PUBLIC_URL={url[:200]!r} is not like https://board.example.org"
        )
    return url.lower().removesuffix("/")


def _read_tokens(environ: Environment, name: str) -> tuple[str, ...]:
    """Return the tokens of a variable; the message never contains one."""
    tokens = _read_list(environ, name)
    if not all(map(TOKEN.fullmatch, tokens)):
        raise InvalidSetting(f"{name}: a token has only A-Z a-z 0-9 - . _ ~ + / =")
    return tokens


def _read_url(
    environ: Environment, name: str, find_fault: Callable[[str], str | None]
) -> str:
    """Return the URL in a variable; the message contains no part of it."""
    url = _read_text(environ, name)
    fault = find_fault(url) if url else None
    if fault:
        raise InvalidSetting(f"{name}: {fault}")
    return url


def _read_name(environ: Environment, name: str, default: str, most: int) -> str:
    """Return a variable of 1 to `most` printable ASCII characters without a space."""
    text = _read_text(environ, name, default)
    if not re.fullmatch(rf"[!-~]{{1,{most}}}", text):
        raise InvalidSetting(
            f"{name}={text[:80]!r} is not 1 to {most} printable ASCII characters "
            "without a space"
        )
    return text


def _read_ask_key(environ: Environment) -> str:
    """Return the key for the model's server; the message doesn't contain it."""
    key = _read_text(environ, "ASK_KEY")
    if not key:
        return ""
    if not KEY.fullmatch(key):
        raise InvalidSetting(
            "ASK_KEY: a key has 1 to 1000 printable ASCII characters, no space"
        )
    if not _read_text(environ, "ASK_URL"):
        raise InvalidSetting(
            "ASK_KEY is set without ASK_URL, the address that it is for"
        )
    return key


def _check_readable(name: str, path: Path) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        if regular:
            path.open("rb").close()
    except OSError as error:
        raise InvalidSetting(f"{name}: {str(path)!r}: {error.strerror}") from error
    if not regular:
        raise InvalidSetting(f"{name}: {str(path)!r} is not a file with a recording")


if __name__ == "__main__":
    # `make run` calls this before gunicorn: gunicorn reads WEB_CONCURRENCY before it
    # reads gunicorn.conf.py, and reports a bad value with a traceback.
    try:
        Settings.from_env()
    except InvalidSetting as error:
        sys.exit(f"liveboard: {error}")
