"""What the examples share: requests to the board, and its reason if it refuses one.

`BOARD` is the address of the board, if it is not the one of `make run`. `PUBLISH_TOKEN`
is a token of the board; it is sent over https, and over http only to this machine.
"""

import json
import os
import sys
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
REFUSED = (400, 413, 422)  # statuses that refuse what is published, and nothing else

board = os.environ.get("BOARD", "http://127.0.0.1:8000").rstrip("/")
token = os.environ.get("PUBLISH_TOKEN", "").partition(",")[0].strip()
if not token:
    sys.exit("Set PUBLISH_TOKEN to a token of the board.")
if "@" in board:
    sys.exit("BOARD must not contain a password: PUBLISH_TOKEN is what authorizes.")
if "://" not in board:
    board = f"http://{board}"
address = urlsplit(board)
private = address.scheme == "https" or address.hostname in THIS_MACHINE
if not private and not os.environ.get("INSECURE"):
    sys.exit(
        f"The token would travel to {board} unencrypted: use https://, or set "
        "INSECURE=1 if you trust the network on the way."
    )


class Refused(ValueError):
    """The board refuses an event; the message is its own reason."""


def put_price(symbol: str, fields: dict[str, Any]) -> None:
    """Publish fields of a symbol's quote; raise Refused if the board refuses them."""
    _send("PUT", f"/api/prices/{quote(symbol, safe='')}", fields)


def publish(event: dict[str, Any]) -> None:
    """Publish `event`, `data`, perhaps `key` and `ttl`; Refused if that is refused."""
    _send("POST", "/api/publish", event)


def put(type: str, key: str, data: object, ttl: float | None = None) -> None:
    """Publish the state of a key. It is retired after `ttl` seconds, if given."""
    lifetime = "" if ttl is None else f"?ttl={ttl:g}"
    _send("PUT", _path(type, key) + lifetime, data)


def retire(type: str, key: str) -> None:
    """Retire a key. There may be no such key."""
    _send("DELETE", _path(type, key), None, (200, 404))


def explain(error: OSError | HTTPException) -> str:
    """Return why a request failed; if the board has given a reason, that one."""
    if isinstance(error, HTTPError):
        try:
            return str(json.load(error)["detail"])
        except (ValueError, LookupError, TypeError):
            return f"HTTP status {error.code} {error.reason}"
    return str(error.reason if isinstance(error, URLError) else error)


def _path(type: str, key: str) -> str:
    return f"/api/keys/{type}/{quote(key, safe='')}"


def _send(
    method: str, path: str, value: object, expected: tuple[int, ...] = (201,)
) -> None:
    """Send JSON; exit if the board can't be reached or refuses more than this."""
    body = None if method == "DELETE" else json.dumps(value).encode()
    request = Request(board + path, body, method=method)
    # urlopen follows redirects, but the token is only for this board.
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=60) as answer:
            if answer.status not in expected:
                sys.exit(f"{board}: published nothing; perhaps it is at {answer.url}")
    except HTTPError as error:
        if error.code in expected:
            return
        if error.code in REFUSED:
            raise Refused(explain(error)) from error
        sys.exit(f"{board}: {explain(error)}")
    except (OSError, HTTPException) as error:
        sys.exit(f"{board}: {explain(error)}")
