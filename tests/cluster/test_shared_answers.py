"""Answers of several processes: read, resumed and stopped in any, whatever fails."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from feed.answers.answer import Answer, Opening
from feed.answers.keeping import Addition
from feed.answers.piece import Piece
from feed.cluster.door import Door
from feed.cluster.keeper import LOST_PROCESS, KeptInRedis
from feed.events.event import EventId
from feed.log import Unavailable
from feed.publishing.idempotency import Idempotency, KeyReused
from tests.helpers.harness import Board, until
from tests.helpers.redis_server import RedisServer
from tests.helpers.sse import Parsed

QUESTION = "How is ACME?"
JSON = {"Content-Type": "application/json"}
DEAD_WITHIN = 10.0  # seconds within which a reader hears that a process is gone


class Shared(NamedTuple):
    """Two boards that share a log, and their Redis."""

    redis: RedisServer
    one: Board
    other: Board


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    with RedisServer() as redis:
        boards = [Board(SEED="7", REDIS_URL=redis.url) for _ in range(2)]
        with boards[0] as one, boards[1] as other:
            yield Shared(redis, one, other)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as it:
        yield it


def ask(board: Board, key: str = "", **members: Any) -> Any:
    body = json.dumps({"question": QUESTION} | members).encode()
    headers = JSON | ({"Idempotency-Key": key} if key else {})
    status, _, begun = board.request("POST", "/api/answers", headers, body)
    assert status == 201
    return json.loads(begun)


def so_far(board: Board, begun: Any) -> Any:
    return json.loads(board.get(f"/api/answers/{begun['answer']}")[2])


def text_of(events: list[Parsed]) -> str:
    words = [json.loads(it.data)["text"] for it in events if it.event == "message"]
    return "".join(words)


def end_of(events: list[Parsed]) -> Any:
    [end] = [json.loads(it.data) for it in events if it.event == "end"]
    return end


def test_an_answer_is_read_and_resumed_in_any_process(shared: Shared) -> None:
    begun = ask(shared.one, pace=0.05)
    with shared.other.stream(begun["stream"]) as stream:
        first = stream.events(3)
    at = {"Last-Event-ID": stream.last_id}
    with shared.one.stream(begun["stream"], at) as stream:
        second = stream.events(3)
    at = {"Last-Event-ID": stream.last_id}
    with shared.other.stream(begun["stream"], at) as stream:
        events = [*first, *second, *stream.read_all()]
    assert end_of(events)["reason"] == "complete"
    known = so_far(shared.one, begun)
    assert known == so_far(shared.other, begun)
    assert text_of(events) == known["text"]
    end = {"Last-Event-ID": events[-1].id}
    assert {it.get(begun["stream"], end)[0] for it in shared[1:]} == {204}


def test_the_stream_of_ask_goes_on_in_any_process(shared: Shared) -> None:
    path = "/ask?q=How+is+ACME%3F&pace=0.05"
    with shared.one.stream(path) as stream:
        events = stream.events(3)
    with shared.other.stream(path, {"Last-Event-ID": stream.last_id}) as stream:
        events += stream.read_all()
    [id] = {it.id.partition("@")[2] for it in events if it.event == "message"}
    assert text_of(events) == so_far(shared.one, {"answer": id})["text"]
    assert end_of(events)["reason"] == "complete"


def test_an_answer_is_stopped_in_any_process(shared: Shared) -> None:
    begun = ask(shared.one, pace=1)
    with shared.one.stream(begun["stream"]) as stream:
        path = f"/api/answers/{begun['answer']}"
        stopped = json.loads(shared.other.request("DELETE", path)[2])
        events = stream.read_all()
    assert stopped["end"] == end_of(events)
    assert stopped["end"]["reason"] == "stopped"
    assert stopped["text"] == text_of(events)


def test_one_idempotency_key_is_one_answer_in_all_processes(shared: Shared) -> None:
    asked = [ask(board, key="once", pace=0) for board in shared[1:]]
    assert asked[0] == asked[1]


def test_a_process_that_ends_leaves_its_answers_whole(shared: Shared) -> None:
    begun = ask(shared.one, pace=1)
    with shared.other.stream(begun["stream"]) as stream:
        events = stream.events(2)
        shared.one.term()
        shared.one.wait_exit()
        events += stream.read_all()
    assert end_of(events)["reason"] == "complete"
    assert text_of(events) == so_far(shared.other, begun)["text"]
    shared.one.start().wait_ready()
    assert so_far(shared.one, begun) == so_far(shared.other, begun)


def test_a_reader_of_an_answer_of_a_dead_process_gets_an_incomplete_end(
    shared: Shared,
) -> None:
    begun = ask(shared.one, pace=1)
    with shared.other.stream(begun["stream"]) as stream:
        events = stream.events(2)
        died = time.monotonic()
        for pid in shared.one.worker_pids():
            os.kill(pid, signal.SIGKILL)
        events += stream.read_all(DEAD_WITHIN)
        assert time.monotonic() < died + DEAD_WITHIN
    end = end_of(events)
    assert (end["reason"], end["detail"]) == ("incomplete", LOST_PROCESS)
    shared.one.wait_ready()
    with shared.one.stream(begun["stream"], {"Last-Event-ID": events[-2].id}) as again:
        assert end_of(again.read_all()) == end
    assert so_far(shared.one, begun)["text"] == text_of(events)


def test_without_redis_questions_are_refused_and_what_is_said_goes_on(
    shared: Shared,
) -> None:
    begun = ask(shared.one, pace=0.1)
    with shared.one.stream(begun["stream"]) as stream:
        events = stream.events(2)
        shared.redis.kill()
        until(lambda: refused(shared.one), why="new questions are refused")
        events += stream.read_all()
    assert end_of(events)["reason"] == "complete"
    shared.redis.start().wait_ready()
    for board in shared[1:]:
        board.wait_ready()
    until(lambda: "end" in so_far(shared.other, begun), why="it is written again")
    until(lambda: so_far(shared.other, begun)["end"], why="its end is written, too")
    assert so_far(shared.other, begun) == so_far(shared.one, begun)
    assert text_of(events) == so_far(shared.other, begun)["text"]


def refused(board: Board) -> bool:
    body = json.dumps({"question": QUESTION, "pace": 0}).encode()
    status, headers, _ = board.request("POST", "/api/answers", JSON, body)
    assert status == 201 or (status == 503 and headers["retry-after"])
    return status == 503


# The keeper alone


def begin(keeper: KeptInRedis, id: str, key: str = "", mark: str = "f") -> Answer:
    opening = Opening(id, QUESTION, EventId(1, 0), 1000)
    answer = Answer(opening, "rules", time.monotonic)
    return keeper.begin(answer, Idempotency(key, mark) if key else None)


def add(keeper: KeptInRedis, answer: Answer, text: str, last: bool = False) -> None:
    events = answer.prepare([Piece(text)], 1000)
    end = answer.make_end("complete", None, 1001) if last else None
    keeper.add([Addition(answer, events, end)])
    answer.append(events)
    if end is not None:
        answer.end(end)


def keepers(redis: RedisServer) -> tuple[KeptInRedis, KeptInRedis]:
    one, other = (KeptInRedis(redis.url, "a:", Door()) for _ in range(2))
    return one, other


def test_what_cannot_be_read_of_an_answer_is_left_out_and_ends_no_loop(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = keepers(redis)
    answer = begin(one, "8" * 32, key="q")
    redis.ask("SET", "a:answer-key:junk", b"\xff junk of a key")
    assert other.recall(Idempotency("junk", "f")) is None
    redis.ask("XADD", f"a:answer:{'9' * 32}", "1-0", "opening", "{", "by", "x")
    assert other.find("9" * 32) is None
    found = other.find(answer.id)
    assert found
    ending = threading.Event()
    loop = threading.Thread(target=other.run, args=(lambda it: None, ending))
    loop.start()
    name = f"a:answer:{answer.id}"
    for wrong in (
        ("data", '{"text":"forged"}\n\nevent: bye'),
        ("data", "\xff"),
        ("data", "[1]"),
        ("end", "{"),
        ("other", "1"),
    ):
        redis.ask("XADD", name, "*", *wrong)
    until(lambda: other._door.unreadable >= 7, why="all of it is left out")
    assert loop.is_alive()
    tail = found.outlet.log.tail
    assert found.outlet.log.read(tail).resume == "replayed"
    word = json.dumps({"text": "It rose."})
    redis.ask("XADD", name, "*", "data", word)
    redis.ask("XADD", name, "*", "end", json.dumps({"reason": "complete"}), "by", "x")
    until(lambda: found.ending, why="it ends")
    assert found.text == "It rose."
    ending.set()
    loop.join()
    said = [it for it in caplog.records if it.name == "liveboard.door"]
    assert len(said) == 1


def test_an_answer_that_redis_lost_is_written_again_as_a_whole(
    redis: RedisServer,
) -> None:
    one, other = keepers(redis)
    answer = begin(one, "0" * 32)
    add(one, answer, "It")
    redis.ask("FLUSHALL")
    assert other.find(answer.id) is None
    add(one, answer, " rose")
    assert other.find(answer.id) is None  # a part of it would be wrong
    add(one, answer, " today.", last=True)
    found = other.find(answer.id)
    assert found
    assert (found.text, found.ending) == ("It rose today.", answer.ending)
    assert redis.ask("TTL", f"a:answer:{answer.id}") > 1790


def test_an_answer_that_ended_while_redis_refused_is_written_later(
    redis: RedisServer,
) -> None:
    one, other = keepers(redis)
    answer = begin(one, "1" * 32)
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    add(one, answer, "All.", last=True)
    with pytest.raises(Unavailable):
        begin(one, "2" * 32)
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    ending = threading.Event()
    loop = threading.Thread(target=one.run, args=(lambda it: None, ending))
    loop.start()
    until(lambda: not one._away)
    ending.set()
    loop.join()
    one.add([])
    found = other.find(answer.id)
    assert found
    assert (found.text, found.ending) == ("All.", answer.ending)


def test_the_first_of_two_processes_with_one_key_answers(redis: RedisServer) -> None:
    one, other = keepers(redis)
    first = begin(one, "3" * 32, key="k")
    second = begin(other, "4" * 32, key="k")
    assert second.id == first.id
    assert other.find("4" * 32) is None
    with pytest.raises(KeyReused):
        other.recall(Idempotency("k", "other"))
    assert other.recall(Idempotency("new", "f")) is None


def test_only_an_id_of_an_answer_is_looked_up(redis: RedisServer) -> None:
    one, _ = keepers(redis)
    redis.ask("SET", "a:answer:x", "not a stream")
    assert one.find("x") is None
    one.forget([begin(one, "5" * 32)])
    assert one.find("5" * 32) is None
