"""What takes minutes in each browser engine, which `make browsers` runs.

A server refuses or is mute, a page is hidden, a window grows, and axe-core looks at
each state of the page.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from pytest import Subtests

from tests.helpers.axe import load_axe, violations
from tests.helpers.boards import open_streams
from tests.helpers.chromium import Chromium
from tests.helpers.firefox import Firefox
from tests.helpers.harness import Board, until
from tests.helpers.proxy import Proxy
from tests.helpers.staged_answers import AnswerStage
from tests.helpers.tabs import Engine, Profile, Tab
from tests.helpers.webkit import WebKit
from tests.page.engines.battery import wait_moving
from tests.page.states import ON_EMPTY_BOARDS, STATES

LONG = 90  # seconds
HIDDEN = 60  # seconds for which a hidden page keeps its stream
SMALL, LARGE = (1024, 500), (1280, 900)
PHONE = 390, 844
# Where the name of each row that is in view begins.
NAMES = """() => [...document.querySelectorAll("[data-symbol] .symbol")]
  .map((it) => it.getBoundingClientRect())
  .filter(({ top, bottom }) => top > 160 && bottom < innerHeight)
  .map(({ left, top, bottom }) => [left, top, bottom].map(Math.round))"""


@pytest.fixture(scope="module", params=[Chromium, Firefox, WebKit])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with request.param() as engine:
        yield engine


@pytest.fixture
def profile(engine: Engine) -> Iterator[Profile]:
    with engine.profile() as profile:
        yield profile


@pytest.fixture(scope="module")
def lively() -> Iterator[Board]:
    with Board(SEED="7", SPEED="2", HEARTBEAT="2") as board:
        yield board


@pytest.fixture(scope="module")
def nothing() -> Iterator[Board]:
    with Board(FEED="published") as board:
        yield board


def test_a_server_that_refuses_for_a_while_is_live_again(
    profile: Profile, lively: Board
) -> None:
    with Proxy(lively.port) as proxy, profile.open(proxy.url) as tab:
        tab.wait_state("live")
        proxy.mode = "503"
        proxy.cut()
        # A number of seconds: EventSource gave up, and the page waits by itself.
        tab.wait_text("#badge", "Reconnecting in")
        refused = proxy.accepted
        until(lambda: proxy.accepted > refused + 2, LONG, "the page tries again")
        proxy.mode = "pass"
        tab.wait_state("live", LONG)
        wait_moving(tab)


def test_a_mute_server_is_noticed_and_live_again_when_it_speaks(
    profile: Profile, lively: Board
) -> None:
    with profile.open(lively.url) as tab:
        tab.wait_state("live")
        os.killpg(lively.pid, signal.SIGSTOP)
        try:
            tab.wait_text("#badge", "No update for")
            tab.wait_state("reconnecting")
        finally:
            os.killpg(lively.pid, signal.SIGCONT)
        tab.wait_state("live", LONG)
        wait_moving(tab)


def test_a_hidden_page_gives_up_its_stream_and_is_live_when_it_is_seen(
    profile: Profile, lively: Board
) -> None:
    with profile.open(lively.url) as tab:
        tab.wait_state("live")
        tab.hide()
        tab.wait("() => document.hidden")
        until(lambda: open_streams(lively) == 0, HIDDEN + LONG, "the stream ends")
        tab.show()
        tab.wait_state("live")
        wait_moving(tab)


def test_rows_are_painted_where_they_are_when_the_window_has_grown(
    profile: Profile, lively: Board
) -> None:
    with profile.open(f"{lively.url}/?view=prices", SMALL) as tab:
        tab.wait_state("live")
        tab.click("#pause")
        tab.resize(LARGE)
        tab.wait(f"() => innerWidth === {LARGE[0]}")
        painted = first_ink(tab)
        assert len(painted) > 5
        assert all(-1 <= offset <= 4 for offset in painted), painted


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(
    engine: Engine, lively: Board, nothing: Board, scheme: str, subtests: Subtests
) -> None:
    with engine.profile(scheme="dark" if scheme == "dark" else "light") as profile:
        for state, show in STATES.items():
            board = nothing if state in ON_EMPTY_BOARDS else lively
            size = PHONE if scheme == "dark" else LARGE
            with (
                subtests.test(state),
                AnswerStage(board) as stage,
                profile.open(size=size) as tab,
            ):
                show(tab, stage)
                load_axe(tab)
                assert violations(tab) == []


def first_ink(tab: Tab) -> list[int]:
    """Return for each row how far from its name's box the first dark pixel is."""
    picture = tab.image().convert("L").point(lambda light: 255 if light < 140 else 0)
    found = []
    for left, top, bottom in tab.evaluate(NAMES):
        ink = picture.crop((left - 8, top, left + 40, bottom)).getbbox()
        assert ink, "a name is painted"
        found.append(int(ink[0]) - 8)
    return found
