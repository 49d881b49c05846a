"""The examples that need nothing but a shell and curl, run as they stand."""

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from tests.helpers.client_state import of_the_log
from tests.helpers.harness import ROOT, Board, until

DESK = ROOT / "examples/desk/desk.sh"
CHAT = ROOT / "examples/chat/chat.sh"


@pytest.fixture(scope="module")
def empty() -> Iterator[Board]:
    """Yield a board that shows nothing but the events of the examples."""
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        yield board


def run(board: Board, *command: object, said: str = "", **env: str) -> str:
    variables = {"BOARD": board.url, "PUBLISH_TOKEN": "secret"} | env
    done = subprocess.run(
        [*map(str, command)],
        input=said,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise AssertionError(f"{done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def tickets(board: Board) -> dict[str, str]:
    listed = json.loads(board.get("/api/state?events=ticket")[2])["other"]
    return {ticket["key"]: ticket["data"]["update"] for ticket in listed}


def test_a_ticket_is_one_row_however_often_it_is_updated(empty: Board) -> None:
    run(empty, DESK, "update", "4711", "We look into it")
    text = 'It is the "\\" in the\nname; <b>mended</b> soon'
    run(empty, DESK, "update", "4711", text)
    run(empty, DESK, "update", "4712", "Another")
    assert tickets(empty) == {"4711": text.replace("\n", " "), "4712": "Another"}
    run(empty, DESK, "resolve", "4712")
    assert [*tickets(empty)] == ["4711"]
    run(empty, DESK, "resolve", "4711")
    assert tickets(empty) == {}


def test_typing_goes_by_itself(empty: Board) -> None:
    with empty.stream("/stream?events=typing") as stream:
        run(empty, DESK, "typing", "4713", TYPING="0.5")
        said, gone = of_the_log(stream.read_until(lambda event: event.event == "gone"))
    assert json.loads(said.data) == {"who": "An agent is typing…"}
    assert json.loads(gone.data)["key"] == "4713"


def test_both_show_why_the_board_refuses(empty: Board) -> None:
    for command in (DESK, "resolve", "none"), (CHAT,):
        with pytest.raises(AssertionError, match="Authorization: Bearer"):
            run(empty, *command, said="Hello", PUBLISH_TOKEN="wrong")


def test_the_desk_can_be_followed_in_a_terminal(empty: Board) -> None:
    following = subprocess.Popen(
        [str(DESK), "follow"],
        env=os.environ | {"BOARD": empty.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout
        assert following.stdout.readline().startswith("hello")
        run(empty, DESK, "update", "4714", "Solved")
        lines = islice(following.stdout, 5)  # after a heartbeat, if that took long
        assert any('"update":"Solved"' in line for line in lines)
        run(empty, DESK, "resolve", "4714")
    finally:
        following.kill()
        following.communicate()


def test_a_ticket_that_there_is_not_or_a_wrong_token_is_told(empty: Board) -> None:
    with pytest.raises(AssertionError, match="there is no ticket of the key"):
        run(empty, DESK, "resolve", "0")
    with pytest.raises(AssertionError, match="401"):
        run(empty, DESK, "typing", "1", PUBLISH_TOKEN="wrong")
    with pytest.raises(AssertionError, match="usage"):
        run(empty, DESK, "upgrade", "1")


def test_an_answer_comes_word_by_word_and_none_is_lost(empty: Board) -> None:
    words = 'He said "yes\\no",\n  naïvely:   <i>42</i> 🙂'
    curl = subprocess.Popen(
        ["curl", "-sN", f"{empty.url}/stream?events=token"], stdout=subprocess.PIPE
    )
    try:
        assert curl.stdout
        until(lambda: curl.stdout and b"hello" in curl.stdout.readline())
        run(empty, CHAT, said=words, PACE="0")
        tokens: list[dict[str, Any]] = []
        while not tokens or "end" not in tokens[-1]:
            line = curl.stdout.readline().decode()
            if line.startswith("data: {") and "answer" in line:
                tokens.append(json.loads(line.removeprefix("data: ")))
    finally:
        curl.kill()
        curl.communicate()
    *said, end = tokens
    assert "".join(token["text"] for token in said).split() == words.split()
    assert [token["n"] for token in said] == [*range(1, len(said) + 1)]
    assert {token["answer"] for token in tokens} == {end["answer"]}
