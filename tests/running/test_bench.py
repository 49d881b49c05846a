"""The board that the benchmark loads publishes the events that the clients count."""

import json

import pytest

from bench.servers.ticks import FIRST
from tests.helpers.client_state import of_the_log
from tests.helpers.harness import Board

APP = "bench.servers.liveboard_app:app"


@pytest.mark.parametrize(
    ("settings", "type"), [({}, "tick"), ({"SYMBOLS": "3"}, "price")]
)
def test_the_benchmarks_board_numbers_its_events(
    settings: dict[str, str], type: str
) -> None:
    common = {"FEED": "published", "RATE": "50", "PREFILL": "5"}
    with Board(APP, None, **common | settings) as board:
        with board.stream("/stream?after=0-0") as stream:
            events = of_the_log(stream.events(20))
        cursors = json.loads(board.get("/bench/cursors")[2])
    live = [json.loads(event.data) for event in events if event.event == type]
    numbers = [data["n"] for data in live]
    assert len(numbers) > 5
    assert numbers == sorted({*numbers})
    assert all(data["us"] > 0 for data in live)
    assert cursors["numbers"][:3] == [FIRST, FIRST + 1, FIRST + 2]
