"""`python -m feed live`: lines that can be recorded, replayed and published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.commands import Command
from tests.helpers.harness import Board, until
from tests.helpers.world_servers import EspnServer, KrakenServer
from tests.sources.test_live_scores import goal, match


@pytest.fixture(scope="module")
def lines() -> Iterator[bytes]:
    """Yield what the command writes of two sources, until one of them is gone."""
    with KrakenServer() as kraken, EspnServer() as espn:
        espn.matches["eng.1"] = [match("1-0", goal("37'"))]
        arguments = "--prices", "kraken:BTC/USD", "--scores", "espn:eng.1"
        with Command(
            *("-m", "feed", "live", *arguments),
            KRAKEN_URL=kraken.url,
            ESPN_URL=espn.url,
        ) as command:
            until(lambda: {"price", "score", "source"} <= types(command.out))
            kraken.__exit__()
            until(lambda: b'"status":"away"' in command.out)
            command.interrupt()
            assert command.wait() == 130
            assert "Kraken is away." in command.err
            yield command.out


def types(out: bytes) -> set[str]:
    return {line["event"] for line in read(out)}


def read(out: bytes) -> list[dict[str, Any]]:
    whole = out[: out.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


def sources(board: Board) -> dict[str, str]:
    found = json.loads(board.get("/api/state")[2])["sources"]
    return {each["source"]: each["status"] for each in found}


def test_each_line_is_an_event_with_an_id(lines: bytes) -> None:
    events = read(lines)
    ids = [tuple(map(int, event["id"].split("-"))) for event in events]
    assert ids == sorted({*ids})
    [incident] = [it["data"] for it in events if it["event"] == "incident"]
    assert (incident["kind"], incident["minute"]) == ("goal", 37)


def test_a_recording_of_it_is_replayed_with_what_its_sources_said(
    lines: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "world.ndjson"
    path.write_bytes(lines)
    with Board(FEED=f"replay:{path}", SPEED="0") as board:
        until(lambda: len(sources(board)) == 3)
        assert sources(board) == {"Kraken": "away", "ESPN": "live", "replay": "live"}


def test_it_can_be_published_to_a_running_board(lines: bytes, tmp_path: Path) -> None:
    path = tmp_path / "world.ndjson"
    path.write_bytes(lines)
    token = "0123456789abcdef"
    with Board(FEED="published", PUBLISH_TOKEN=token) as board:
        arguments = "publish", str(path), "--to", board.url, "--token", token
        with Command("-m", "feed", *arguments) as command:
            assert command.wait() == 0
        assert sources(board) == {"Kraken": "away", "ESPN": "live"}


def test_a_setting_that_cannot_be_used_is_named_with_its_remedy() -> None:
    with Command("-m", "feed", "live", "--prices", "kragen:BTC/USD") as command:
        assert command.wait() == 1
        assert "PRICES: 'kragen:BTC/USD' is none of kraken:" in command.err
