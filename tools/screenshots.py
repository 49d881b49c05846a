"""`make screenshots`: pictures of the page's states in each browser engine.

They are written to `screenshots/<engine>/`. ARGS="live chart firefox" selects states
and engines; README=1 makes the README's pictures instead.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.helpers.chromium import Chromium, ChromiumTab
from tests.helpers.firefox import Firefox
from tests.helpers.harness import ROOT, Board
from tests.helpers.pages import CHROMIUM
from tests.helpers.staged_answers import AnswerStage
from tests.helpers.tabs import Engine, Scheme, Size, Tab
from tests.helpers.webkit import WebKit
from tests.page.states import ON_EMPTY_BOARDS, STATES

SCREENSHOTS = ROOT / "screenshots"
README_PICTURE = ROOT / "docs/board.png"
README_SIZE: ViewportSize = {"width": 1280, "height": 640}
README_COLOURS = 64  # enough for letters and lines on one background
DESK_PICTURE = ROOT / "docs/desk.png"
DESK_SIZE: ViewportSize = {"width": 1440, "height": 530}
DESK_STEP = "0.4"  # seconds between two things that happen on the desk
DESK_IS_FULL = """() => {
  const texts = [...document.querySelectorAll("[data-type=ticket] .chip")];
  const states = new Set(texts.map((it) => it.textContent));
  return ["open", "pending", "solved"].every((it) => states.has(it)) &&
    document.querySelectorAll("[data-type=ticket][data-key]").length >= 7 &&
    document.querySelectorAll("[data-type=typing][data-key]").length >= 2 &&
    document.querySelectorAll(".happening").length >= 9;
}"""
PRINT = "print"  # the form in which the page is printed
FORMS: dict[str, Size] = {
    "wide": (1440, 900),
    "phone": (390, 844),
}
MORE_FORMS: dict[str, Size] = {  # in Chromium alone
    "laptop": (1265, 720),  # 1280 pixels with a scrollbar
    "tablet": (768, 1024),
    "tablet-on-its-side": (1024, 768),
    "phone-on-its-side": (844, 390),
    "narrow": (320, 640),
    "zoomed": (320, 256),  # 1280 by 1024 pixels at 400 %
    "wall": (3840, 2160),
    PRINT: (1440, 900),
}
MUCH_SEEN = ("live", "chart", "match")  # the states of which there are more forms
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
ENGINES: dict[str, type[Engine]] = {
    engine.name: engine for engine in (Chromium, Firefox, WebKit)
}


def main(words: list[str]) -> None:
    """Take the pictures of the named states in the named engines, or of all."""
    states = [word for word in words if word in STATES] or [*STATES]
    engines = [word for word in words if word in ENGINES] or [*ENGINES]
    unknown = {*words} - {*STATES, *ENGINES}
    if unknown:
        known = ", ".join([*STATES, *ENGINES])
        sys.exit(f"no such state or engine: {', '.join(unknown)}; there are {known}")
    with Board(SEED="7") as board, Board(FEED="published") as nothing:
        for name in engines:
            with ENGINES[name]() as engine:
                take_pictures(engine, states, board, nothing)
    print(f"The pictures are in {SCREENSHOTS.relative_to(ROOT)}/.")


def take_pictures(
    engine: Engine, states: list[str], board: Board, nothing: Board
) -> None:
    """Take pictures of the states in one engine, in each form and colour scheme."""
    folder = SCREENSHOTS / engine.name
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        with engine.profile(scheme=scheme) as profile:
            for state, (form, size) in all_forms(engine, states):
                with (
                    AnswerStage(
                        nothing if state in ON_EMPTY_BOARDS else board
                    ) as stage,
                    profile.open(size=size) as tab,
                ):
                    STATES[state](tab, stage)
                    path = folder / f"{state}-{form}-{scheme}.png"
                    path.write_bytes(picture_of(tab, form))


def all_forms(
    engine: Engine, states: list[str]
) -> Iterator[tuple[str, tuple[str, Size]]]:
    """Yield each state with the name and the size of each form."""
    for state in states:
        has_more = engine.name == "chromium" and state in MUCH_SEEN
        forms = FORMS | MORE_FORMS if has_more else FORMS
        yield from ((state, form) for form in forms.items())


def picture_of(tab: Tab, form: str) -> bytes:
    """Return a picture of a tab after its next frame is painted."""
    tab.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => drawn(0)))")
    if form == PRINT and isinstance(tab, ChromiumTab):
        return tab.picture_on_paper()
    return tab.picture()


def take_readme_pictures() -> None:
    """Take the pictures that the README shows."""
    with chromium() as browser, blank_page(browser, "light") as page:
        with Board(SEED="7") as board, AnswerStage(board) as stage:
            page.set_viewport_size(README_SIZE)
            STATES["live"](ChromiumTab(page), stage)
            save_small(page.screenshot(), README_PICTURE)
        with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
            page.set_viewport_size(DESK_SIZE)
            page.goto(board.url)
            with filling_desk(board):
                page.wait_for_function(DESK_IS_FULL)
                save_small(page.screenshot(), DESK_PICTURE)


@contextmanager
def filling_desk(board: Board) -> Iterator[None]:
    """Let the example fill the board with a support desk."""
    variables = {"BOARD": board.url, "PUBLISH_TOKEN": "secret", "SEED": "7"}
    command = [sys.executable, "examples/desk.py", DESK_STEP]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | variables) as filling:
        yield
        filling.terminate()


def save_small(picture: bytes, path: Path) -> None:
    """Save a screenshot with few colours, and print its size."""
    taken = Image.open(io.BytesIO(picture)).convert("RGB")
    taken.quantize(README_COLOURS).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)} has {path.stat().st_size / 1000:.0f} KB.")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the system's Chromium, or else Playwright's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        yield browser
        browser.close()


@contextmanager
def blank_page(browser: Browser, scheme: Scheme) -> Iterator[Page]:
    """Yield a blank page in a fresh profile with this colour scheme."""
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    yield context.new_page()
    context.close()


if __name__ == "__main__":
    if os.environ.get("README"):
        take_readme_pictures()
    else:
        main(sys.argv[1:])
