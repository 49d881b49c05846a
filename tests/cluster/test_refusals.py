"""A Redis that can be read and refuses to write, one that was replaced, a bad start."""

import contextlib
import json
import re
import resource
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import pytest
import redis

from feed.cluster.reasons import LOGIN
from feed.cluster.relay import Relay
from feed.feed import Feed
from feed.log import Unavailable
from feed.settings import Settings
from tests.helpers.harness import LOOPBACK, ROOT, Board, Stream, free_port, until
from tests.helpers.redis_server import RedisServer, bundled, find_redis
from tests.helpers.redis_wire import RedisWire
from tests.helpers.sse import Parsed

TOKEN = {"Authorization": "Bearer secret"}
JSON = {"Content-Type": "application/json"}
PROGRAMS = {"the system's": find_redis(), **{n: str(p) for n, p in bundled().items()}}
PROMPT = 2.0  # seconds in which a board says that something has failed, or is back
AWAY = "The shared log is away"
HERE = "The shared log is here"


class Refusal(NamedTuple):
    """A way to make Redis refuse to write, its end, and what the board says."""

    begin: Callable[[RedisServer], object]
    end: Callable[[RedisServer], object]
    reason: str


def configured(name: str, bad: object, good: object, reason: str) -> Refusal:
    return Refusal(
        lambda server: server.ask("CONFIG", "SET", name, bad),
        lambda server: server.ask("CONFIG", "SET", name, good),
        reason,
    )


def without_right(command: str) -> Refusal:
    return Refusal(
        lambda server: server.ask("ACL", "SETUSER", "default", f"-{command}"),
        lambda server: server.ask("ACL", "SETUSER", "default", f"+{command}"),
        f"Redis refuses {command.upper()}: its user in REDIS_URL lacks a right",
    )


def limit_files(server: RedisServer, most: int) -> None:
    """Let Redis write files of at most so many bytes, as on a disk that is full."""
    limits = (most, resource.RLIM_INFINITY)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


def fail_snapshot(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "appendonly", "no")
    server.ask("CONFIG", "SET", "save", "3600 1")
    limit_files(server, 0)
    save_snapshot(server, "err")


def mend_snapshot(server: RedisServer) -> None:
    limit_files(server, resource.RLIM_INFINITY)
    save_snapshot(server, "ok")
    server.ask("CONFIG", "SET", "save", "")
    server.ask("CONFIG", "SET", "appendonly", "yes")


def save_snapshot(server: RedisServer, status: str) -> None:
    server.ask("BGSAVE")

    def ended() -> bool:
        state = server.ask("INFO", "persistence")
        saved: bool = state["rdb_last_bgsave_status"] == status
        return saved and not state["rdb_bgsave_in_progress"]

    until(ended, why=f"the snapshot is {status}")


REFUSALS = {
    "READONLY": Refusal(
        lambda server: server.ask("REPLICAOF", LOOPBACK, free_port()),
        lambda server: server.ask("REPLICAOF", "NO", "ONE"),
        "Redis is a read-only replica now",
    ),
    "OOM": configured("maxmemory", 1, 0, "Redis has no memory left"),
    "NOREPLICAS": configured(
        "min-replicas-to-write", 1, 0, "Redis has too few replicas"
    ),
    "a full disk": Refusal(
        lambda server: limit_files(server, 0),
        lambda server: limit_files(server, resource.RLIM_INFINITY),
        "Redis can't write its append-only file",
    ),
    "no snapshot": Refusal(fail_snapshot, mend_snapshot, "Redis can't save a snapshot"),
    "no right to publish": without_right("xadd"),
    "no right to lead": without_right("pexpire"),
    "no right to retire": without_right("zpopmin"),
    "no right to the time": without_right("time"),
}


ON_EVERY_SERVER = ("READONLY", "OOM", "NOREPLICAS", "no right to publish")
FEEDS = ("simulator", "published")


@pytest.fixture(scope="module")
def boards() -> Iterator[Callable[[str], tuple[RedisServer, list[Board]]]]:
    """Yield a function that returns a server by its name, and two boards with it.

    The leader of one board publishes all the time, that of the other doesn't. Their
    heartbeats are so rare that none of them says by chance what it must say promptly.
    """
    with contextlib.ExitStack() as stack:

        @cache
        def start(program: str) -> tuple[RedisServer, list[Board]]:
            server = stack.enter_context(RedisServer(PROGRAMS[program]))
            settings = [shared(server.url, f"{feed}:", FEED=feed) for feed in FEEDS]
            boards = [Board("app:app", None, **each) for each in settings]
            return server, [stack.enter_context(board) for board in boards]

        yield start


def shared(url: str, prefix: str, **others: str) -> dict[str, str]:
    return {
        "REDIS_URL": url,
        "REDIS_PREFIX": prefix,
        "PUBLISH_TOKEN": "secret",
        "HEARTBEAT": "60",
    } | others


@pytest.mark.parametrize(
    ("program", "name"),
    [("the system's", name) for name in REFUSALS]
    + [(name, each) for name in bundled() for each in ON_EVERY_SERVER],
)
def test_a_redis_that_refuses_to_write_is_away_until_it_writes_again(
    boards: Callable[[str], tuple[RedisServer, list[Board]]], program: str, name: str
) -> None:
    server, both = boards(program)
    refusal = REFUSALS[name]
    before = [board.log() for board in both]
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(board.stream()) for board in both]
        for stream in streams:
            stream.events(1)
        refusal.begin(server)
        try:
            for board, stream in zip(both, streams, strict=True):
                until_away(board, stream, refusal.reason)
                assert put_price(board) == 503
            time.sleep(1.5)  # in which nothing else is logged
        finally:
            refusal.end(server)
        until(lambda: accepts_writes(server), why="Redis writes again")
        for board, stream in zip(both, streams, strict=True):
            until_back(board, stream)
            assert put_price(board) == 201
    said = [lines(board, log) for board, log in zip(both, before, strict=True)]
    assert said == [[f"{AWAY}: {refusal.reason}", HERE]] * 2


def until_away(board: Board, stream: Stream, reason: str) -> None:
    """Wait until the board is unready and its stream says so, for `PROMPT` seconds."""
    began = time.monotonic()
    until(lambda: reason in unready(board), PROMPT, f"it is unready: {reason}")
    stream.read_until(says_away, began + PROMPT - time.monotonic())


def until_back(board: Board, stream: Stream) -> None:
    began = time.monotonic()
    until(lambda: not unready(board), PROMPT, "it is ready")
    left = began + PROMPT - time.monotonic()
    stream.read_until(lambda e: e.event == "heartbeat" and not says_away(e), left)


def says_away(event: Parsed) -> bool:
    return event.event == "heartbeat" and '"feed":"away"' in event.data


def unready(board: Board) -> str:
    status, _, body = board.get("/readyz")
    return str(json.loads(body)["detail"]) if status == 503 else ""


def put_price(board: Board) -> int:
    return board.request("PUT", "/api/prices/ACME", TOKEN, b"101.5")[0]


def accepts_writes(server: RedisServer) -> bool:
    try:
        server.ask("SET", "x", "x")
    except redis.ResponseError:
        return False
    return True


def lines(board: Board, before: str) -> list[str]:
    """Return what the log says of the shared log since `before`, up to the details."""
    new = board.log().removeprefix(before)
    said = re.findall(rf"{AWAY}: .*|{HERE}", new)
    return [re.sub(r" (and refuses|\().*", "", each) for each in said]


def demote(former: RedisServer) -> None:
    """Make it a replica that doesn't reach its master, so that it closes nothing."""
    former.ask("REPLICAOF", LOOPBACK, free_port())


def isolate(former: RedisServer) -> None:
    former.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    until(lambda: not accepts_writes(former), why="it misses its replica")


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("fence", [demote, isolate])
def test_a_board_finds_the_new_master_although_its_connections_stay_open(
    fence: Callable[[RedisServer], None], feed: str
) -> None:
    with (
        RedisServer() as first,
        RedisServer() as replica,
        RedisWire(first.port) as wire,
        Board("app:app", None, **shared(wire.url, "x:", FEED=feed)) as board,
        board.stream("/stream?events=price") as stream,
    ):
        replica.ask("REPLICAOF", LOOPBACK, first.port)
        until(lambda: replica.ask("INFO", "replication")["master_link_status"] == "up")
        assert put_price(board) == 201
        wire.target = replica.port
        replica.ask("REPLICAOF", "NO", "ONE")
        fence(first)
        began = time.monotonic()
        until(lambda: put_price(board) == 201, 5, "it publishes")
        until(lambda: not unready(board), began + 5 - time.monotonic(), "it is ready")
        (id, _), *_ = replica.ask("XREVRANGE", "x:events", "+", "-", "COUNT", 1)
        stream.read_until(lambda e: e.event == "price" and e.id >= id.decode(), 5)
        assert not stream.ended


@contextlib.contextmanager
def unready_board(**env: str) -> Iterator[Board]:
    """Run a board without waiting until it is ready."""
    board = Board("app:app", None, **env)
    try:
        board.start()
        until(lambda: answers(board), 15, "it answers")
        yield board
    finally:
        board.stop()


def answers(board: Board) -> bool:
    with contextlib.suppress(OSError):
        return board.get("/healthz")[0] == 200
    return False


@pytest.mark.parametrize(
    ("url", "public", "reason"),
    [
        ("nowhere", "Redis can't be reached", "Redis can't be reached: Error 111"),
        ("wrong", LOGIN, "Redis refuses the user or the password in REDIS_URL"),
        ("none", LOGIN, "Redis requires a password, and REDIS_URL has none"),
        (
            "/99",
            "Redis refuses a command",
            "Redis refuses a command: DB index is out of range",
        ),
    ],
)
def test_a_redis_that_can_not_be_used_from_the_start_is_reported_at_once(
    url: str, public: str, reason: str
) -> None:
    with RedisServer(password="right") as server:
        urls = {
            "nowhere": f"redis://{LOOPBACK}:{free_port()}",
            "wrong": server.url.replace("right", "wrong"),
            "none": server.url.replace(":right@", ""),
            "/99": server.url.removesuffix("/0") + "/99",
        }
        with unready_board(**shared(urls[url], "x:")) as board:
            with board.stream() as stream:
                until_away(board, stream, public)
            assert unready(board) == f"{public}."
            public_text = everything_public(board)
            port = urls[url].removesuffix("/99").removesuffix("/0").rpartition(":")[2]
            secrets = [
                f":{port}",
                LOOPBACK,
                "right",
                "Error 111",
                "DB index",
                "WRONGPASS",
            ]
            assert not [it for it in secrets if it in public_text]
            assert "password" not in unready(board)
            time.sleep(2)
            assert board.log().count(AWAY) == 1
            assert f"{AWAY}: {reason}" in board.log()
            assert "right" not in board.log()


def everything_public(board: Board) -> str:
    """Return the answers of all endpoints, without the address of the board itself."""
    gets = [
        *("/", "/?rows=all", "/s/A", "/m/x", "/k/own/A", "/embed", "/ask", "/ask?q=up"),
        *("/api/state", "/api/history/A", "/api/answers/x", "/api/openapi.json"),
        *("/stream?once=1", "/stream.txt?once=1", "/stream/matches/x", "/healthz"),
        *("/readyz", "/metrics", f"/stream/answers/{'0' * 32}", "/ask?match=x", "/x"),
        *("/ask/panel", f"/api/answers/{'0' * 32}"),
    ]
    html = {"Accept": "text/html"}
    asked = json.dumps({"question": "What is up?"}).encode()
    idempotent = {**TOKEN, "Idempotency-Key": "k"}
    answers = [
        *(board.get(path, headers) for path in gets for headers in ({}, html)),
        board.request("PUT", "/api/prices/A", idempotent, b"1"),
        board.request("DELETE", "/api/prices/A", idempotent),
        board.request("POST", "/api/publish", TOKEN, b'{"event":"own","data":1}'),
        board.request("POST", "/api/answers", JSON, asked),
    ]
    assert {status for status, _, _ in answers} >= {200, 404, 503}
    own = f"{LOOPBACK}:{board.port}"
    text = "\n".join(f"{headers} {body.decode()}" for _, headers, body in answers)
    return text.replace(own, "").replace(own.replace(":", "%3A"), "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_rights_in_the_documents_are_enough(program: str) -> None:
    document = (ROOT / "docs/deploy.md").read_text()
    (rule,) = re.findall(r"^ACL SETUSER .*", document, re.MULTILINE)
    with RedisServer(PROGRAMS[program]) as server:
        server.ask(*rule.split())
        url = server.url.replace("redis://", "redis://liveboard:secret@")
        with Board("app:app", None, **shared(url, "liveboard:")) as board:
            assert put_price(board) == 201
            time.sleep(1.5)  # in which it compares the logs, and renews its lock
            assert unready(board) == ""
            assert AWAY not in board.log()
            assert server.ask("ACL", "LOG") == []


def test_a_leader_that_fails_for_a_reason_that_its_reader_does_not_see_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("The leader is refused")

    caplog.set_level("INFO")
    monkeypatch.setattr(Relay, "begin_leadership", fail)
    with RedisServer() as server:
        feed = Feed(Settings(feed="published", redis_url=server.url), "1")
        feed.start()
        try:
            until(lambda: feed.unready == "The leader is refused.")
            until(lambda: feed.streams.fanout.is_away)
            time.sleep(1.5)
            assert caplog.text.count(f"{AWAY}: The leader is refused") == 1
            monkeypatch.undo()
            until(lambda: feed.unready is None, PROMPT)
            until(lambda: not feed.streams.fanout.is_away)
            assert caplog.text.count(AWAY) == 1
        finally:
            feed.close()
