"""`make screenshots`: pictures of the page's states, wide, on a tablet and on a phone.

They are written to `screenshots/`. ARGS="live chart" selects states; README=1 makes the
README's pictures instead.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.helpers.harness import ROOT, Board
from tests.helpers.pages import CHROMIUM
from tests.helpers.staged_answers import AnswerStage
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
FORMS: dict[str, ViewportSize] = {
    "wide": {"width": 1440, "height": 900},
    "tablet": {"width": 768, "height": 1024},
    "phone": {"width": 390, "height": 844},
}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PRINT = "print"  # the live state as it is printed


def main(names: list[str]) -> None:
    """Take the pictures of the named states, or of all."""
    unknown = {*names} - {*STATES, PRINT}
    if unknown:
        sys.exit(f"no such state: {', '.join(unknown)}; there are {', '.join(STATES)}")
    with (
        Board(SEED="7") as board,
        Board(FEED="published") as nothing,
        chromium() as browser,
    ):
        for name in names or [*STATES, PRINT]:
            for scheme in SCHEMES:
                with (
                    AnswerStage(nothing if name in ON_EMPTY_BOARDS else board) as stage,
                    blank_page(browser, scheme) as page,
                ):
                    take_pictures(page, stage, name, scheme)
    print(f"The pictures are in {SCREENSHOTS.relative_to(ROOT)}/.")


def take_pictures(page: Page, stage: AnswerStage, name: str, scheme: Scheme) -> None:
    """Bring the page into a state, and take its picture in each form."""
    STATES["live" if name == PRINT else name](page, stage)
    page.emulate_media(media="print" if name == PRINT else "screen")
    for form, size in FORMS.items():
        page.set_viewport_size(size)
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(drawn))")
        path = SCREENSHOTS / f"{name}-{form}-{scheme}.png"
        page.screenshot(path=path, full_page=name == PRINT)


def take_readme_pictures() -> None:
    """Take the pictures that the README shows."""
    with chromium() as browser, blank_page(browser, "light") as page:
        with Board(SEED="7") as board, AnswerStage(board) as stage:
            page.set_viewport_size(README_SIZE)
            STATES["live"](page, stage)
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
