"""`make screenshots`: each state of the page, wide, on a tablet and on a phone.

They go to `screenshots/`. ARGS="live chart" names the states to be taken; README=1
makes the README's picture instead.
"""

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.helpers.harness import ROOT, Board
from tests.helpers.staged import Stage
from tests.page.states import STATES

SCREENSHOTS = ROOT / "screenshots"
README_PICTURE = ROOT / "docs/board.png"
README_SIZE: ViewportSize = {"width": 1280, "height": 640}
README_COLOURS = 64  # enough for letters and lines on one ground
FORMS: dict[str, ViewportSize] = {
    "wide": {"width": 1440, "height": 900},
    "tablet": {"width": 768, "height": 1024},
    "phone": {"width": 390, "height": 844},
}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PRINT = "print"  # a way to see a state, and no state of its own


def main(names: list[str]) -> None:
    """Take the pictures of the states that are named, else of all."""
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
                    Stage(nothing if name == "empty" else board) as stage,
                    a_page(browser, scheme) as page,
                ):
                    take(page, stage, name, scheme)
    print(f"The pictures are in {SCREENSHOTS.relative_to(ROOT)}/.")


def take(page: Page, stage: Stage, name: str, scheme: Scheme) -> None:
    """Bring a state about and take its picture in each form."""
    STATES["live" if name == PRINT else name](page, stage)
    page.emulate_media(media="print" if name == PRINT else "screen")
    for form, size in FORMS.items():
        page.set_viewport_size(size)
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(drawn))")
        path = SCREENSHOTS / f"{name}-{form}-{scheme}.png"
        page.screenshot(path=path, full_page=name == PRINT)


def take_for_readme() -> None:
    """Take the one picture that the README shows."""
    with (
        Board(SEED="7") as board,
        chromium() as browser,
        Stage(board) as stage,
        a_page(browser, "light") as page,
    ):
        page.set_viewport_size(README_SIZE)
        STATES["live"](page, stage)
        taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(README_COLOURS).save(README_PICTURE, optimize=True)
    size = README_PICTURE.stat().st_size / 1000
    print(f"{README_PICTURE.relative_to(ROOT)} has {size:.0f} KB.")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        yield browser
        browser.close()


@contextmanager
def a_page(browser: Browser, scheme: Scheme) -> Iterator[Page]:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    yield context.new_page()
    context.close()


if __name__ == "__main__":
    if os.environ.get("README"):
        take_for_readme()
    else:
        main(sys.argv[1:])
