"""The page in Chromium, Firefox and WebKit, with one process an engine.

The checks are in `battery.py`. They are subtests of one test an engine, so that each
engine starts once, whichever way the tests are distributed.
"""

import pytest
from pytest import Subtests

from tests.helpers.chromium import Chromium
from tests.helpers.firefox import Firefox
from tests.helpers.harness import Board
from tests.helpers.tabs import Engine
from tests.helpers.watching import FAULT
from tests.helpers.webkit import WebKit
from tests.page.engines.battery import (
    EVERYDAY,
    SPECIAL,
    TOKEN,
    a_board_with_a_token_is_read_by_a_url_with_it,
)

APP = "tests.helpers.watched_app:app"


@pytest.mark.parametrize("kind", [Chromium, Firefox, WebKit])
def test_the_page_works_in(kind: type[Engine], subtests: Subtests) -> None:
    with (
        Board(APP, SEED="7", SPEED="2", HEARTBEAT="1", PUBLISH_TOKEN="secret") as board,
        Board(APP, SEED="7", HEARTBEAT="1", VIEW_TOKEN=TOKEN) as guarded,
        kind() as engine,
    ):
        with engine.profile() as profile:
            for check in EVERYDAY:
                with subtests.test(check.__name__):
                    check(profile, board)
        for special in SPECIAL:
            with subtests.test(special.__name__):
                special(engine, board)
        with subtests.test(a_board_with_a_token_is_read_by_a_url_with_it.__name__):
            a_board_with_a_token_is_read_by_a_url_with_it(engine, guarded)
        with subtests.test("no_page_has_a_fault"):
            lines = f"{board.log()}\n{guarded.log()}".splitlines()
            assert [line for line in lines if line.startswith(FAULT)] == []
