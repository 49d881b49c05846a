"""Chromium, driven by Playwright, as a `tabs.Engine`."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Error, Frame, Page, sync_playwright

from tests.helpers.pages import CHROMIUM
from tests.helpers.tabs import (
    BLANK,
    LAPTOP,
    BrowserError,
    Cookies,
    Engine,
    Profile,
    Scheme,
    Size,
    Tab,
)

# Settings of Chromium, as its file of preferences has them; 2 blocks all site data.
BLOCKING: dict[Cookies, dict[str, Any]] = {
    "own": {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}},
    "none": {"profile": {"default_content_setting_values": {"cookies": 2}}},
}
SAY_LANGUAGE = """
Object.defineProperty(Navigator.prototype, "language", { get: () => LANGUAGE });
Object.defineProperty(Navigator.prototype, "languages", { get: () => [LANGUAGE] });
"""


class Chromium(Engine):
    """A Chromium without windows on the screen."""

    name = "chromium"

    def start(self) -> None:
        with contextlib.ExitStack() as stack:
            self._playwright = stack.enter_context(sync_playwright())
            self._browser = self._playwright.chromium.launch(**CHROMIUM)
            stack.callback(self._browser.close)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def profile(
        self,
        language: str = "en-US",
        cookies: Cookies = "all",
        scheme: Scheme = "light",
    ) -> Iterator[Profile]:
        with self._context(cookies, scheme) as context:
            # Playwright sets a language only if it is a valid tag.
            said = SAY_LANGUAGE.replace("LANGUAGE", json.dumps(language))
            context.add_init_script(said)
            yield ChromiumProfile(context)

    @contextlib.contextmanager
    def _context(self, cookies: Cookies, scheme: Scheme) -> Iterator[BrowserContext]:
        looks: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce"}
        if cookies == "all":
            with self._browser.new_context(**looks) as context:
                yield context
            return
        with tempfile.TemporaryDirectory(prefix="liveboard-") as folder:
            preferences = Path(folder, "Default/Preferences")
            preferences.parent.mkdir()
            preferences.write_text(json.dumps(BLOCKING[cookies]))
            with self._playwright.chromium.launch_persistent_context(
                folder, **looks, **CHROMIUM
            ) as context:
                yield context


class ChromiumProfile(Profile):
    """A context of Playwright."""

    caches_pages = False  # Playwright switches the back/forward cache off

    def __init__(self, context: BrowserContext) -> None:
        self._context = context

    def open(self, url: str = BLANK, size: Size = LAPTOP) -> Tab:
        tab = ChromiumTab(self._context.new_page())
        tab.resize(size)
        tab.goto(url)
        return tab


class ChromiumTab(Tab):
    """A page of Playwright, or one of its frames."""

    def __init__(self, page: Page, frame: Frame | None = None) -> None:
        self._page = page
        self._frame = frame or page.main_frame

    def goto(self, url: str) -> None:
        self._page.goto(url)

    def reload(self) -> None:
        self._page.reload()

    def travel(self, steps: int) -> None:
        # With a delay, because the answer to this call would be lost with the page.
        self._page.evaluate("(it) => { setTimeout(() => history.go(it)); }", steps)

    def click_at(self, x: int, y: int) -> None:
        self._page.mouse.click(x, y)

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)

    def resize(self, size: Size) -> None:
        self._page.set_viewport_size({"width": size[0], "height": size[1]})

    def go_offline(self) -> None:
        self._page.context.set_offline(True)

    def hide(self) -> None:
        # No tab of a browser without windows is behind another one.
        self._set_hidden(True)

    def _set_hidden(self, is_hidden: bool) -> None:
        self._page.evaluate(
            """(isHidden) => {
              const state = isHidden ? "hidden" : "visible";
              const define = (name, value) => Object.defineProperty(
                document, name, { get: () => value, configurable: true });
              define("hidden", isHidden);
              define("visibilityState", state);
              document.dispatchEvent(new Event("visibilitychange"));
            }""",
            is_hidden,
        )

    def show(self) -> None:
        self._page.bring_to_front()
        if self._page.evaluate("() => document.hidden"):
            self._set_hidden(False)

    def picture(self) -> bytes:
        return self._page.screenshot()

    def frame(self, index: int) -> Tab:
        return ChromiumTab(self._page, self._page.main_frame.child_frames[index])

    def picture_on_paper(self) -> bytes:
        """Return a PNG of the whole page as it is printed."""
        self._page.emulate_media(media="print")
        return self._page.screenshot(full_page=True)

    def close(self) -> None:
        self._page.close()

    def _run(self, script: str) -> str:
        try:
            return str(self._frame.evaluate(script))
        except Error as error:
            raise BrowserError(error.message) from error
