"""The URL of a model: its faults, and the parts that a request needs.

The board sends the key to this URL and to no other, so a URL that could be read in two
ways is refused at the start.
"""

import re
from urllib.parse import SplitResult, urlsplit

import msgspec

FORM = "it is not like https://api.example.com/v1/chat/completions"

COMPLETIONS = (
    "/chat/completions"  # what OpenAI's API and the servers like it add to /v1
)


class Address(msgspec.Struct, frozen=True):
    """The place that a request goes to; `target` is the path with its query."""

    tls: bool
    host: str
    port: int
    target: str


def find_fault(url: str) -> str | None:
    """Return why the board can't use a URL of a model; None if it can.

    The text contains no part of the URL, because a part may be a password.
    """
    parts = _split(url)
    if parts is None:
        return FORM
    if "@" in parts.netloc:
        return "it has a user or a password in it: the key goes into ASK_KEY"
    if "#" in url:
        return "it has a fragment (#), which is never sent"
    return None


def parse_address(url: str) -> Address:
    """Return the address of the chat completions that a URL without a fault names.

    Clients of OpenAI are given the URL without `/chat/completions`, so this path may be
    left out, and a host alone stands for its `/v1`.
    """
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    path = parts.path.rstrip("/") or "/v1"
    if not path.endswith(COMPLETIONS):
        path += COMPLETIONS
    target = f"{path}?{parts.query}" if parts.query else path
    return Address(
        tls, parts.hostname or "", parts.port or (443 if tls else 80), target
    )


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it isn't one of HTTP."""
    if not re.fullmatch("[!-~]{1,2000}", url):
        return None
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if named and parts.scheme in ("http", "https") else None
