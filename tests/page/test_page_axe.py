"""The page's access, as axe-core sees it: no violation in any state, light or dark."""

from collections.abc import Iterator
from itertools import product
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.helpers.axe import load_axe, violations
from tests.helpers.chromium import ChromiumTab
from tests.helpers.harness import Board
from tests.helpers.pages import CUT
from tests.helpers.staged_answers import AnswerStage
from tests.page.states import ON_EMPTY_BOARDS, STATES

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 320)
PASSING = {"goal"}  # states that end by themselves before all is looked at


@pytest.fixture(scope="module")
def nothing() -> Iterator[Board]:
    with Board(FEED="published") as board:
        yield board


@pytest.fixture
def stage(
    board: Board, nothing: Board, state: str, page_errors: list[str]
) -> Iterator[AnswerStage]:
    page_errors.append(CUT)
    with AnswerStage(nothing if state in ON_EMPTY_BOARDS else board) as stage:
        yield stage


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(page: Page, stage: AnswerStage, state: str) -> None:
    found: dict[tuple[str, int], list[str]] = {}
    for scheme, width in product(SCHEMES, WIDTHS):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        if not found or state in PASSING:
            STATES[state](ChromiumTab(page), stage)
            load_axe(page)
        found[scheme, width] = violations(page)
    assert not any(found.values()), found
