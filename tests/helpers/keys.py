"""Keys that are hard to put into a URL, and checks that each URL names the very key."""

import http.client
import json
from urllib.parse import quote

from feed.events.event import KEY_LENGTH
from tests.helpers.harness import LOOPBACK, Stream

BEARER = {"Authorization": "Bearer secret"}
ODD_KEYS = (
    "/ES",
    "//ES",
    "ES/",
    "/",
    "//",
    "a//b",
    ".",
    "..",
    "../..",
    "a/../b",
    "./a/.",
    "%2F",
    "%2FES",
    "%",
    "%%20",
    "BTC/USDT",
    "BRK.B",
    "?",
    "a?b=c",
    "#",
    "a#b",
    ";",
    "a;b",
    "a&b=c+d",
    "+",
    "C:\\x",
    "http://x/y",
    " ",
    "  both ends  ",
    "a,b",
    "'\"<&>",
    "[x]{y}",
    "\ufffd",
    "\u00e9 is e\u0301",
    "😀" * KEY_LENGTH,
)
SCORE = b'{"home":{"name":"A"},"away":{"name":"B"},"status":"1H"}'


def encode_slashes(key: str) -> str:
    """Return a key as encodeURIComponent and most libraries write it."""
    return quote(key, safe="")


def encode_little(key: str) -> str:
    """Return a key with everything as it is that a path may hold (RFC 3986, 3.3)."""
    return quote(key, safe="/;:@!$&'()*+,=")


def encode_all(key: str) -> str:
    """Return a key with each byte encoded."""
    return "".join(f"%{byte:02X}" for byte in key.encode())


ENCODINGS = (encode_slashes, encode_little, encode_all)


class KeyClient:
    """Requests to a board on one connection, with each path written as it is given.

    Most clients merge, decode or shorten what is odd in a path; http.client doesn't. A
    redirect is an AssertionError: a client that followed it would reach another key.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)

    def send(self, method: str, path: str, body: bytes = b"") -> int:
        """Return the status; the body of the response is in `body`."""
        self._connection.request(method, path, body, BEARER)
        answer = self._connection.getresponse()
        self.body = answer.read()
        assert not 300 <= answer.status < 400, (path, answer.headers["Location"])
        return answer.status

    def get(self, path: str) -> bytes:
        """Return the body of a response with status 200."""
        assert self.send("GET", path) == 200, (path, self.body)
        return self.body

    def keys(self, section: str, field: str) -> list[str]:
        """Return the keys in a section of `/api/state`."""
        return [it[field] for it in json.loads(self.get("/api/state"))[section]]

    def close(self) -> None:
        self._connection.close()


def check_symbol(client: KeyClient, key: str, part: str) -> None:
    """Check that `part` is `key` in each URL of a symbol; retire the key in the end."""
    assert client.send("PUT", f"/api/prices/{part}", b"1") == 201, client.body
    assert client.send("PUT", f"/api/prices/{part}", b"2.5") == 201
    [quote] = json.loads(client.get("/api/state"))["prices"]
    assert (quote["symbol"], quote["price"]) == (key, 2.5)
    history = json.loads(client.get(f"/api/history/{part}?limit=1"))
    assert (history["symbol"], history["candles"][0][4]) == (key, 2.5)
    assert "2.50" in client.get(f"/s/{part}").decode()
    assert client.send("DELETE", f"/api/prices/{part}") == 200
    assert client.keys("prices", "symbol") == []
    for path in (f"/api/history/{part}", f"/s/{part}"):
        assert client.send("GET", path) == 404
    assert client.send("DELETE", f"/api/prices/{part}") == 404


def check_match(client: KeyClient, key: str, part: str) -> None:
    """Check that `part` is `key` in each URL of a match; retire the key in the end."""
    assert client.send("PUT", f"/api/scores/{part}", SCORE) == 201, client.body
    assert client.keys("scores", "match") == [key]
    with Stream(client.port, f"/stream/matches/{part}") as stream:
        _, score = stream.events(2)
    assert json.loads(score.data)["match"] == key
    assert client.get(f"/m/{part}")
    assert client.send("DELETE", f"/api/scores/{part}") == 200
    assert client.keys("scores", "match") == []
    for path in (f"/stream/matches/{part}", f"/m/{part}"):
        assert client.send("GET", path) == 404


def check_own(client: KeyClient, key: str, part: str) -> None:
    """Check that `part` is `key` in the URLs of a type of one's own; then retire it."""
    path = f"/api/keys/own.type/{part}"
    for n in (1, 2):
        assert client.send("PUT", path, b'{"n":%d}' % n) == 201, client.body
        [it] = json.loads(client.get("/api/state"))["other"]
        assert (it["event"], it["key"], it["data"]) == ("own.type", key, {"n": n})
    assert client.send("DELETE", path) == 200
    assert client.keys("other", "key") == []
    assert client.send("DELETE", path) == 404


def publish_key(client: KeyClient, type: str, key: str, data: dict[str, int]) -> None:
    line = {"event": type, "key": key, "data": data}
    assert client.send("POST", "/api/publish", json.dumps(line).encode()) == 201
