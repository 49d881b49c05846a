"""`make screenshots`: pictures of the page's states, wide, on a tablet and on a phone.

They are written to `screenshots/`. ARGS="live chart" selects states; README=1 makes the
README's picture instead.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.helpers.harness import ROOT, Board
from tests.helpers.pages import CHROMIUM
from tests.helpers.staged import Stage
from tests.page.states import STATES

SCREENSHOTS = ROOT / "screenshots"
README_PICTURE = ROOT / "docs/board.png"
README_SIZE: ViewportSize = {"width": 1280, "height": 640}
README_COLOURS = 64  # enough for letters and lines on one background
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
                    Stage(nothing if name == "empty" else board) as stage,
                    blank_page(browser, scheme) as page,
                ):
                    take_pictures(page, stage, name, scheme)
    print(f"The pictures are in {SCREENSHOTS.relative_to(ROOT)}/.")


def take_pictures(page: Page, stage: Stage, name: str, scheme: Scheme) -> None:
    """Bring the page into a state, and take its picture in each form."""
    STATES["live" if name == PRINT else name](page, stage)
    page.emulate_media(media="print" if name == PRINT else "screen")
    for form, size in FORMS.items():
        page.set_viewport_size(size)
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(drawn))")
        path = SCREENSHOTS / f"{name}-{form}-{scheme}.png"
        page.screenshot(path=path, full_page=name == PRINT)


def take_readme_picture() -> None:
    """Take the picture that the README shows."""
    with (
        Board(SEED="7") as board,
        chromium() as browser,
        Stage(board) as stage,
        blank_page(browser, "light") as page,
    ):
        page.set_viewport_size(README_SIZE)
        STATES["live"](page, stage)
        taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(README_COLOURS).save(README_PICTURE, optimize=True)
    size = README_PICTURE.stat().st_size / 1000
    print(f"{README_PICTURE.relative_to(ROOT)} has {size:.0f} KB.")


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
        take_readme_picture()
    else:
        main(sys.argv[1:])
