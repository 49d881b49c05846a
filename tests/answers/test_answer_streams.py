"""Answers over HTTP, at a real board: asked, streamed, cut, resumed, stopped."""

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest

from app import create_app
from feed.answers.answers import QUESTIONS_A_MINUTE
from feed.answers.limits import TooManyAnswers
from feed.settings import Settings
from tests.helpers.harness import Board, Stream, clean_environment, until
from tests.helpers.sse import Parsed, Parser
from web.answers import LONGEST_QUESTION, LOST_ANSWER

QUESTION = "How is ACME?"
SECRET = "Zanzibar"  # a word of questions that nothing may log
JSON = {"Content-Type": "application/json"}
CUTS = 50
Reply = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    """Yield a board with an access log, to which each question has its own address."""
    with Board(
        SEED="7",
        HEARTBEAT="1",
        TRUSTED_PROXIES="1",
        GUNICORN_CMD_ARGS="--access-logfile -",
    ) as it:
        yield it


def anyone() -> dict[str, str]:
    """Return the header of an address that has asked nothing yet."""
    return {"X-Forwarded-For": ".".join(map(str, (10, *random.randbytes(3))))}


def ask(board: Board, question: str = QUESTION, **members: Any) -> Reply:
    headers = JSON | anyone()
    if key := members.pop("key", None):
        headers["Idempotency-Key"] = key
    body = json.dumps({"question": question} | members).encode()
    status, found, answer = board.request("POST", "/api/answers", headers, body)
    return status, found, json.loads(answer)


def so_far(board: Board, id: str) -> Any:
    status, _, body = board.get(f"/api/answers/{id}")
    assert status == 200
    return json.loads(body)


def text_of(events: list[Parsed]) -> str:
    words = [json.loads(it.data)["text"] for it in events if it.event == "message"]
    return "".join(words)


def ends_of(events: list[Parsed]) -> list[Any]:
    return [json.loads(it.data) for it in events if it.event == "end"]


# The interface


def test_a_question_begins_an_answer_and_its_stream_ends_with_it(board: Board) -> None:
    status, headers, begun = ask(board)
    assert status == 201
    assert headers["location"] == begun["stream"]
    assert (len(begun["answer"]), begun["by"]) == (32, "rules")
    with board.stream(begun["stream"]) as stream:
        events = stream.read_all()
    assert [it.event for it in events[:2]] == ["hello", "message"]
    assert b"event: message" not in stream.raw
    [end] = ends_of(events)
    assert (end["reason"], end["detail"]) == ("complete", None)
    assert {"event": "price", "key": "ACME"}.items() <= end["sources"][0].items()
    known = so_far(board, begun["answer"])
    assert (known["text"], known["end"]) == (text_of(events), end)
    assert "ACME" in known["text"] or "Acme" in known["text"]
    assert begun.items() <= known.items()
    assert known["id"] == events[-2].id
    assert stream.headers["cache-control"] == "no-cache, no-transform"
    assert stream.headers["x-accel-buffering"] == "no"


def test_a_bare_question_is_a_question(board: Board) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"} | anyone()
    path = "/api/answers?pace=0&about=price/BOLT"
    status, _, body = board.request("POST", path, headers, b"How is ACME?")
    assert status == 201
    assert so_far(board, json.loads(body)["answer"])["end"]["reason"] == "complete"


def test_the_three_wire_formats_have_the_same_words(board: Board) -> None:
    begun = ask(board, pace=0)[2]
    text = so_far(board, begun["answer"])["text"]
    path = begun["stream"]
    with board.stream(path) as stream:
        events = stream.read_all()
    lines = board.get(path, {"Accept": "application/x-ndjson"})[2].splitlines()
    read = [json.loads(line) for line in lines]
    assert [it["event"] for it in read] == [it.event for it in events]
    words = [it for it in read if it["event"] == "message"]
    assert [it["id"] for it in words] == [
        it.id for it in events if it.event == "message"
    ]
    assert "".join(it["data"]["text"] for it in words) == text == text_of(events)
    assert board.get(path, {"Accept": "text/plain"})[2].decode() == f"{text}\n"


def test_an_answer_that_was_stopped_says_so_and_keeps_its_words(
    board: Board,
) -> None:
    begun = ask(board, pace=1)[2]
    with board.stream(begun["stream"]) as stream:
        first = stream.events(2)
        status, _, body = board.request("DELETE", f"/api/answers/{begun['answer']}")
        assert status == 200
        events = first + stream.read_all()
    [end] = ends_of(events)
    assert end["reason"] == "stopped"
    assert end["detail"]
    assert json.loads(body)["end"] == end
    assert json.loads(body)["text"] == text_of(events) != ""
    words = board.get(begun["stream"], {"Accept": "text/plain"})[2].decode()
    assert words == f"{text_of(events)}\n{end['detail']}\n"


def test_an_end_is_204_and_what_is_not_there_404(board: Board) -> None:
    begun = ask(board, pace=0)[2]
    word = so_far(board, begun["answer"])["id"]
    with board.stream(begun["stream"], {"Last-Event-ID": word}) as stream:
        [hello, end] = stream.read_all()
    assert (hello.event, end.event) == ("hello", "end")
    last = end.id
    for path in (f"?after={last}", f"?lastEventId={last}"):
        assert board.get(begun["stream"] + path)[0] == 204
    assert board.get(begun["stream"], {"Last-Event-ID": last})[0] == 204
    for id in ("0" * 32, "x", "*"):
        assert board.get(f"/stream/answers/{id}")[0] == 404
        assert board.get(f"/api/answers/{id}")[0] == 404
        assert board.request("DELETE", f"/api/answers/{id}")[0] == 404


def test_a_page_that_is_opened_in_mid_answer_has_all_of_it(board: Board) -> None:
    begun = ask(board, pace=0.05)[2]
    with board.stream(begun["stream"]) as stream, board.stream(begun["stream"]) as two:
        stream.events(3)
        stream.close()
        with board.stream(begun["stream"]) as again:
            events = again.read_all()
        assert text_of(two.read_all()) == text_of(events)
    assert json.loads(events[0].data)["resume"] == "fresh"
    assert text_of(events) == so_far(board, begun["answer"])["text"]


# Cuts


def test_after_a_cut_anywhere_the_words_are_whole_and_none_comes_twice(
    board: Board,
) -> None:
    begun = ask(board, pace=0)[2]
    with board.stream(begun["stream"]) as stream:
        whole = text_of(stream.read_all())
    for cut in cuts_of(stream.raw):
        read = read_with_cut(board, begun["stream"], cut)
        assert text_of(read) == whole, cut
        assert len(ends_of(read)) == 1, cut


def test_after_a_cut_anywhere_ask_goes_on_with_the_same_answer(board: Board) -> None:
    path = "/ask?q=How+is+ACME%3F&pace=0.003"
    with board.stream(path, anyone()) as stream:
        stream.read_all()
    given = answers_begun(board)
    cuts = cuts_of(stream.raw)
    for cut in cuts:
        read = read_with_cut(board, path, cut, anyone())
        [end] = ends_of(read)
        assert end["reason"] == "complete"
        ids = {it.id.partition("@")[2] for it in read if it.event == "message"}
        assert len(ids) == 1, cut
        assert text_of(read) == so_far(board, ids.pop())["text"], cut
    assert answers_begun(board) == given + len(cuts)


def cuts_of(raw: bytes) -> list[int]:
    """Return every boundary of events in a stream, and as many bytes at random.

    A client that was cut before its first id asks anew, so the cuts begin after that.
    """
    first = raw.index(b"\n\n", raw.index(b"\nid: ")) + 2
    bounds = [
        at + 2 for at in range(first - 2, len(raw)) if raw[at : at + 2] == b"\n\n"
    ]
    last = bounds.pop()  # the end arrived
    return bounds + random.Random(7).sample(range(first, last), CUTS)


def read_with_cut(
    board: Board, path: str, cut: int, headers: dict[str, str] | None = None
) -> list[Parsed]:
    """Return the events of a client whose connection is cut, and that comes back."""
    with board.stream(path, headers, read_limit=cut) as stream:
        read = stream.read_all()
    parser = Parser()
    parser.feed(stream.raw)
    sent = {"Last-Event-ID": parser.last_event_id} | (headers or {})
    with board.stream(path, sent) as again:
        return [*read, *again.read_all()]


def answers_begun(board: Board) -> int:
    return board.log().count("an answer ended")


# /ask


def test_curl_shows_the_words_one_by_one(board: Board) -> None:
    address = [f"{name}: {value}" for name, value in anyone().items()]
    process = subprocess.Popen(
        ["curl", "-sN", "-H", *address, f"{board.url}/ask?q=How+is+ACME%3F&pace=0.1"],
        stdout=subprocess.PIPE,
        env=clean_environment(),
    )
    with process as curl:
        assert curl.stdout
        output = curl.stdout.fileno()
        parts = [*iter(lambda: os.read(output, 4096), b"")]
    text = b"".join(parts).decode()
    assert text.endswith(".\n")
    assert "ACME" in text
    assert len(parts) > 3
    assert not parts[1].strip().count(b" ")  # the second part is one word


def test_a_browser_gets_a_page_that_has_the_answer(board: Board) -> None:
    status, headers, body = board.get(
        "/ask?q=How+is+ACME%3F&utm=1", {"Accept": "text/html", **anyone()}
    )
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b'href="/s/ACME' in body
    assert "default-src 'none'" in headers["content-security-policy"]


def test_head_asks_nothing(board: Board) -> None:
    given = answers_begun(board)
    stream = Stream(board.port, "/ask?q=How+is+ACME%3F&pace=0", anyone(), method="HEAD")
    assert (stream.status, answers_begun(board)) == (200, given)
    assert stream.headers["content-type"].startswith("text/event-stream")


def test_a_lost_answer_is_not_followed_by_a_second_one(board: Board) -> None:
    lost = {"Last-Event-ID": f"1-0@{'0' * 32}"} | anyone()
    with board.stream("/ask?q=How+is+ACME%3F", lost) as stream:
        events = stream.read_all()
    [end] = ends_of(events)
    assert (end["reason"], end["detail"]) == ("incomplete", LOST_ANSWER)
    assert text_of(events) == ""
    words = board.get("/ask?q=How+is+ACME%3F", {"Accept": "*/*", **lost})[2].decode()
    assert words == f"\n{LOST_ANSWER}\n"


def test_a_forged_id_of_an_answer_stays_out_of_a_stream(board: Board) -> None:
    forged = quote_plus("1-0@x\nevent: price\ndata: {}\n\nid: 1-1")
    path = f"/ask?q=How+is+ACME%3F&pace=0&lastEventId={forged}"
    with board.stream(path, anyone()) as stream:
        events = stream.read_all()
    assert ends_of(events)[0]["reason"] == "complete"
    assert {it.event for it in events} == {"hello", "message", "end"}


# Retries, refusals and privacy


def test_a_question_that_is_posted_twice_with_one_key_is_one_answer(
    board: Board,
) -> None:
    first, second = (ask(board, key="once", pace=0.5) for _ in range(2))
    assert first[0] == second[0] == 201
    assert first[2] == second[2]
    status, headers, refused = ask(board, "How is BOLT?", key="once")
    assert (status, refused["place"]) == (422, "Idempotency-Key")
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"question": " "}, "$.question"),
        ({"question": "x" * (LONGEST_QUESTION + 1)}, "$.question"),
        ({}, "$"),
        ({"question": 1}, "$.question"),
        ({"question": "?", "abuot": "price/ACME"}, "$"),
        ({"question": "?", "about": "ACME"}, "about"),
        ({"question": "?", "pace": 2}, "$.pace"),
        ({"question": "?", "symbols": ["a\nb"]}, "$.symbols[0]"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_question_that_is_invalid_is_refused_with_its_place(
    board: Board, body: Any, place: str
) -> None:
    sent = json.dumps(body).encode()
    status, _, refused = board.request("POST", "/api/answers", JSON | anyone(), sent)
    assert (status, json.loads(refused)["place"]) == (422, place)


def test_a_malformed_question_is_refused(board: Board) -> None:
    assert board.request("POST", "/api/answers", JSON | anyone(), b"{")[0] == 400
    text = {"Content-Type": "text/plain"} | anyone()
    assert board.request("POST", "/api/answers", text, b"\xff")[0] == 422
    assert board.request("POST", "/api/answers?qq=1", text, b"?")[0] == 400
    for query, status in (
        ("", 422),
        ("?q=", 422),
        ("?q=a&q=b", 400),
        ("?q=a&x=1", 400),
    ):
        assert board.get(f"/ask{query}", anyone())[0] == status, query
    assert board.get("/ask?q=a&pace=9", anyone())[0] == 400
    assert board.get("/ask?q=a&about=x", anyone())[0] == 422


def test_an_address_that_asks_too_often_gets_a_time_to_retry(
    board: Board,
) -> None:
    address = anyone()
    path = "/ask?q=How+is+ACME%3F&pace=0"
    statuses = [board.get(path, address)[0] for _ in range(QUESTIONS_A_MINUTE)]
    assert {*statuses} == {200}
    status, headers, body = board.get(path, address)
    assert status == 429
    assert 0 < int(headers["retry-after"]) <= 60
    assert json.loads(body)["title"] == "Asked too often"
    assert board.get(path, anyone())[0] == 200


def test_pages_and_panels_of_ask_are_counted_apart_from_questions(
    board: Board,
) -> None:
    address = anyone()
    page = address | {"Accept": "text/html"}
    paths = ["/ask?q=How+is+ACME%3F", "/ask/panel"] * (QUESTIONS_A_MINUTE // 2)
    assert {board.get(path, page)[0] for path in paths} == {200}
    for path in paths[:2]:
        status, headers, _ = board.get(path, page)
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 60
    assert board.get("/ask?q=How+is+ACME%3F&pace=0", address)[0] == 200


def test_too_many_answers_are_refused_with_a_time_to_come_back() -> None:
    app = create_app(Settings(feed="published", max_answers=1))
    feed = app.extensions["feed"]
    with app.test_client() as client:
        feed.start()
        sent = {"question": "a b c d", "pace": 1}
        assert client.post("/api/answers", json=sent).status_code == 201
        refused = client.post("/api/answers", json=sent)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json
    assert refused.json["detail"] == str(TooManyAnswers(1))
    feed.close()


def test_a_page_of_another_site_asks_no_model() -> None:
    url = "http://127.0.0.1:9/v1/chat/completions"
    cross = {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example"}
    for allowed, status in (((), 403), (("https://a.example",), 201)):
        app = create_app(
            Settings(feed="published", ask_url=url, allowed_origins=allowed)
        )
        with app.test_client() as client:
            answer = client.post("/api/answers", json={"question": "?"}, headers=cross)
            assert answer.status_code == status
        app.extensions["feed"].close()
    free = create_app(Settings(feed="published")).test_client()
    assert free.get("/ask?q=?&pace=0", headers=cross).status_code == 200


def test_nothing_of_a_question_is_logged_or_shown_to_others(board: Board) -> None:
    question = f"How is {SECRET}?"
    begun = ask(board, question, pace=0)[2]
    asked = f"/ask?q=How+is+{SECRET}%3F&pace=0"
    for accept in ("*/*", "text/event-stream", "text/html"):
        assert board.get(asked, {"Accept": accept, **anyone()})[0] == 200
    assert board.get(f"/ask?q={SECRET}&nonsense={SECRET}", anyone())[0] == 400
    until(lambda: "GET /ask HTTP/1.1" in board.log(), why="the access log has it")
    assert SECRET not in board.log()
    state = board.get("/api/state")[2] + board.get("/stream?once=1")[2]
    assert SECRET.encode() not in state
    assert begun["answer"].encode() not in state


def test_answers_are_counted(board: Board) -> None:
    ask(board, pace=0)
    figures = board.get("/metrics")[2].decode()
    assert 'liveboard_answers_total{by="rules",reason="complete"} ' in figures
    assert "# TYPE liveboard_answer_first_word_seconds histogram" in figures
    assert 'liveboard_answer_first_word_seconds_bucket{le="0.3"} ' in figures
    assert "\nliveboard_answers " in figures


# The end of a process. These tests end the worker, so they come last.


def test_answers_of_a_dead_worker_are_lost_and_their_readers_get_an_end(
    board: Board,
) -> None:
    begun = ask(board, pace=1)[2]
    path = "/ask?q=How+is+ACME%3F&pace=1"
    with board.stream(path, anyone()) as stream:
        stream.events(2)
        [worker] = board.worker_pids()
        os.kill(worker, signal.SIGKILL)
        assert ends_of(stream.read_all()) == []
    board.wait_ready()
    with board.stream(path, {"Last-Event-ID": stream.last_id} | anyone()) as again:
        [end] = ends_of(again.read_all())
    assert (end["reason"], end["detail"]) == ("incomplete", LOST_ANSWER)
    assert board.get(begun["stream"])[0] == 404


def test_when_a_process_ends_the_rest_of_an_answer_comes_at_once() -> None:
    with Board(SEED="7", HEARTBEAT="3600") as board:
        begun = ask(board, pace=1)[2]
        with board.stream(begun["stream"]) as stream:
            first = stream.events(2)
            board.term()
            events = first + stream.read_all()
        board.wait_exit()
    [end] = ends_of(events)
    assert end["reason"] == "complete"
    assert [it for it in events if it.event == "bye"] == []
    assert "Traceback" not in board.log()
