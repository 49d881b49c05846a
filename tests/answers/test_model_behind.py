"""A model behind a real board: it answers, is stopped, and is replaced if it fails."""

import contextlib
import itertools
import json
import threading
from typing import Any

from feed.answers.answers import INSTEAD
from tests.answers.test_answer_streams import ends_of, text_of
from tests.helpers.harness import Board
from tests.helpers.model_server import Answering, ModelServer, answer, reply

JSON = {"Content-Type": "application/json"}
STOPPED_WITHIN = 1.0  # seconds in which the model's connection is closed
MORE_THAN_BUFFERED = 27  # parts of a flood, 8 MB in all: the kernel buffers 6 at most
flooded = threading.Event()


def goes_on(it: Answering) -> None:
    """Say something, and go on until the board closes the connection."""
    it.begin()
    it.say("ACME", " is at")
    it.wait_closed(STOPPED_WITHIN + 30)


def floods(it: Answering) -> None:
    """Send comments as fast as the board takes them, until it closes the connection."""
    it.begin()
    with contextlib.suppress(ConnectionError):
        for part in itertools.count(1):
            it.write(b": \n" * 100_000)
            if part == MORE_THAN_BUFFERED:
                flooded.set()


def ask(board: Board) -> Any:
    body = json.dumps({"question": "How is ACME?", "pace": 0}).encode()
    status, _, begun = board.request("POST", "/api/answers", JSON, body)
    assert status == 201
    return json.loads(begun)


def test_a_model_answers_is_stopped_and_is_replaced_by_the_rules() -> None:
    with (
        ModelServer(answer("id: 1-1", "."), goes_on, floods, reply("500 Oh")) as server,
        Board(
            FEED="published", HEARTBEAT="1", ASK_URL=server.url, ASK_MODEL="tiny"
        ) as board,
    ):
        begun = ask(board)
        assert begun["by"] == "tiny"
        with board.stream(begun["stream"]) as stream:
            events = stream.read_all()
        assert text_of(events) == "id: 1-1."
        assert ends_of(events)[0]["reason"] == "complete"
        # In bare words, what looks like the id of an event is a part of the text.
        resumed = {"Accept": "*/*", "Last-Event-ID": f"0-1@{begun['answer']}"}
        assert board.get("/ask?q=x", resumed)[2] == b"id: 1-1.\n"
        server.wait_ended()

        begun = ask(board)
        with board.stream(begun["stream"]) as stream:
            events = stream.events(2)
            path = f"/api/answers/{begun['answer']}"
            stopped = json.loads(board.request("DELETE", path)[2])
            server.wait_ended(STOPPED_WITHIN)  # the model's end sees it
            events += stream.read_all()
        assert text_of(events).startswith("ACME")
        assert stopped["end"] == ends_of(events)[0]
        assert stopped["end"]["reason"] == "stopped"

        path = f"/api/answers/{ask(board)['answer']}"
        assert flooded.wait(30)
        assert board.get("/healthz")[0] == 200  # although there is always more to read
        assert json.loads(board.request("DELETE", path)[2])["end"]
        server.wait_ended(STOPPED_WITHIN)

        begun = ask(board)
        with board.stream(begun["stream"]) as stream:
            events = stream.read_all()
        said, _, rest = text_of(events).partition(INSTEAD.removeprefix("{}"))
        assert said
        assert rest
        assert ends_of(events)[0]["reason"] == "complete"
        path = f"/api/answers/{begun['answer']}"
        assert json.loads(board.get(path)[2])["by"] == "rules"
        figures = board.get("/metrics")[2].decode()
        assert 'liveboard_answers_total{by="tiny",reason="stopped"} 2.0' in figures
        assert 'liveboard_answers_total{by="rules",reason="complete"} 1.0' in figures
