"""Two versions of Liveboard over one Redis, as in a rolling deployment."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.client_state import CONTROL, id_of
from tests.helpers.harness import ROOT, Board, Stream, until
from tests.helpers.redis_server import RedisServer
from tests.helpers.sse import Parsed
from tests.helpers.versions import (
    ADDED,
    ADDED_VALUE,
    NEW_STATUS,
    NEW_TYPE,
    REMOVED,
    VersionBoard,
    newer_version,
    older_version,
)

PREFIX = "versions:"
TOKEN = {"Authorization": "Bearer secret"}


class Subscriber:
    """Reads the whole stream of a board, and resumes at another when it ends."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.events: list[Parsed] = []
        self.controls: list[Parsed] = []
        self._last_id = ""
        self._stream: Stream | None = None

    def read(self) -> None:
        """Read what is there, and resume at `board` if the stream has ended."""
        if self._stream is None or self._stream.ended:
            sent = {"Last-Event-ID": self._last_id} if self._last_id else {}
            self._stream = self.board.stream("/stream", sent)
        for event in self._stream.read_for(0.05):
            self._last_id = event.id or self._last_id
            (self.controls if event.event in CONTROL else self.events).append(event)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def data_by_id(self) -> dict[str, str]:
        return {event.id: event.data for event in self.events}


class Deployment:
    """Boards of two versions over one Redis, and a subscriber on each of two."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.boards: list[Board] = []
        self.subscribers: list[Subscriber] = []
        self.unready: list[str] = []

    def add(self, root: Path) -> Board:
        board = VersionBoard(
            root,
            REDIS_URL=self.server.url,
            REDIS_PREFIX=PREFIX,
            PUBLISH_TOKEN="secret",
            HEARTBEAT="0.2",
            SPEED="5",
        )
        self.boards.append(board)
        return board

    def watch(self, condition: Callable[[], object], why: str) -> None:
        """Read all streams and ask for readiness until `condition` is true."""

        def met() -> object:
            for subscriber in self.subscribers:
                subscriber.read()
                status, _, body = subscriber.board.get("/readyz")
                if status != 200:
                    self.unready.append(body.decode())
            return condition()

        until(met, 30, why)

    def count(self, events: int) -> None:
        """Read until each subscriber has that many more events."""
        wanted = [len(each.events) + events for each in self.subscribers]
        self.watch(
            lambda: all(
                len(each.events) >= most
                for each, most in zip(self.subscribers, wanted, strict=True)
            ),
            f"{events} more events",
        )

    def leader(self) -> int:
        token = self.server.ask("GET", PREFIX + "leader")
        return int(token.split()[1]) if token else 0

    def replace(self, board: Board, other: Board) -> None:
        """End `board`, after which `other` leads and has both subscribers."""
        for subscriber in self.subscribers:
            subscriber.board = other
        board.term()
        [worker] = other.worker_pids()
        self.watch(lambda: self.leader() == worker, "the other board leads")
        board.wait_exit()
        self.count(60)

    def logged_events(self) -> list[str]:
        """Return the ids of all events that Redis retains."""
        entries = self.server.ask("XRANGE", PREFIX + "events", "-", "+")
        return [id.decode() for id, _ in entries]


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with RedisServer() as server, contextlib.ExitStack() as stack:
        it = Deployment(server)

        def end() -> None:
            for subscriber in it.subscribers:
                subscriber.close()
            for board in it.boards:
                board.stop()

        stack.callback(end)
        yield it


def publish(board: Board, type: str, key: str, **data: Any) -> int:
    body = json.dumps({"event": type, "key": key, "data": data}).encode()
    status, _, answer = board.request("POST", "/api/publish", TOKEN, body)
    assert status in (201, 422), answer
    return status


@pytest.mark.parametrize("newer_first", [False, True], ids=["update", "rollback"])
def test_a_rolling_deployment_loses_nothing_and_is_never_away(
    deployment: Deployment, tmp_path: Path, newer_first: bool
) -> None:
    newer = newer_version(tmp_path)
    roots = [newer, ROOT] if newer_first else [ROOT, newer]
    first, second = (deployment.add(root) for root in roots)
    with first, second:
        deployment.subscribers = [Subscriber(first), Subscriber(second)]
        deployment.count(60)
        publish_everywhere(first, second)
        deployment.count(60)
        deployment.replace(first, second)
        third = deployment.add(roots[0])
        with third:
            publish_everywhere(second, third)
            deployment.count(60)
            deployment.replace(second, third)
            check_versions(deployment)
            third.kill()


def test_keys_expire_beside_a_version_that_does_not_know_it(
    deployment: Deployment, tmp_path: Path
) -> None:
    """The older version leads at first, and passes everything on."""
    old, new = (deployment.add(root) for root in (older_version(tmp_path), ROOT))
    with old:
        [worker] = old.worker_pids()
        until(lambda: deployment.leader() == worker, 30, "the older one leads")
        with new:
            for key, ttl in (("goes", 0.1), ("kept", 0.1), ("later", 600)):
                put(new, f"/api/keys/typing/{key}?ttl={ttl}")
            until(lambda: others(old).keys() == {"goes", "kept", "later"})
            put(old, "/api/keys/typing/kept")
            old.term()
            until(lambda: others(new).keys() == {"kept", "later"}, 30, "it is retired")
            late = deployment.add(ROOT)
            with late:
                assert others(late) == others(new)
                assert others(late)["kept"]["until"] is None
                assert others(late)["later"]["until"] is not None


def put(board: Board, path: str) -> None:
    status, _, answer = board.request("PUT", path, TOKEN, b"{}")
    assert status == 201, answer


def others(board: Board) -> dict[str, Any]:
    """Return the keys of types of one's own."""
    state = json.loads(board.get("/api/state")[2])
    return {each["key"]: each for each in state["other"]}


def publish_everywhere(one: Board, other: Board) -> None:
    """Publish on both boards: under the same keys, and types that one doesn't know."""
    for board in (one, other, one):
        assert publish(board, "price", "BOTH", price=5) == 201
        assert publish(board, "price", "ACME", price=100) == 201
        assert publish(board, "note", "n", text="hi") == 201
        weather = {"degrees": 21, "place": "here", "at": 10**12}
        assert publish(board, NEW_TYPE, "here", **weather) == 201
        sides = {"home": {"name": "A"}, "away": {"name": "B"}}
        publish(board, "score", "var", status=NEW_STATUS, **sides)
        assert publish(board, "score", "var-2", status="1H", **sides) == 201


def check_versions(deployment: Deployment) -> None:
    logged = deployment.logged_events()
    for subscriber in deployment.subscribers:
        check_nothing_is_missing(subscriber, logged)
    one, other = (each.data_by_id() for each in deployment.subscribers)
    shared = one.keys() & other.keys()
    assert len(shared) > 150
    assert all(one[id] == other[id] for id in shared), "the bytes are the same"
    events = deployment.subscribers[0].events
    quotes = [json.loads(each.data) for each in events if each.event == "price"]
    scores = [json.loads(each.data) for each in events if each.event == "score"]
    assert {each.get(ADDED) for each in quotes} == {None, ADDED_VALUE}
    assert {REMOVED in each for each in quotes} == {True, False}
    assert NEW_STATUS in {each["status"] for each in scores}
    assert deployment.unready == []
    for board in deployment.boards:
        log = board.log()
        assert not [word for word in ("is away", "Traceback", "failed") if word in log]


def check_nothing_is_missing(subscriber: Subscriber, logged: list[str]) -> None:
    first, *resumed = (
        json.loads(each.data) for each in subscriber.controls if each.event == "hello"
    )
    ids = [event.id for event in subscriber.events]
    assert len(ids) == len({*ids}), "nothing comes twice"
    tail = id_of(first["tail"])
    after = [id for id in logged if id_of(id) > tail]
    shown = [id for id in ids if id_of(id) > tail]
    assert len(shown) > 150
    assert shown == after[: len(shown)], "nothing is lost"
    assert resumed
    for hello in resumed:
        assert (hello["resume"], hello["dropped"], hello["lost"]) == ("replayed", 0, 0)
    assert {event.event for event in subscriber.controls} <= {
        "hello",
        "heartbeat",
        "bye",
    }
    assert not [each for each in subscriber.controls if "away" in each.data]
