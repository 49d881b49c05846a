"""WebKitGTK, the engine that Safari is made of, driven by its own WebKitWebDriver.

Selenium speaks the protocol. WebKitWebDriver, and MiniBrowser, which it starts, are in
Debian's package `webkit2gtk-driver`. Xvfb is the screen for its windows.
"""

import contextlib
import io
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Remote
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options

from tests.helpers.harness import (
    LOOPBACK,
    Process,
    Server,
    clean_environment,
    free_port,
)
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
    key_actions,
    pointer_actions,
)

COOKIES: dict[Cookies, str] = {
    "all": "always",
    "own": "no-third-party",
    "none": "never",
}
SCREEN = "1600x1200x24"
NARROWEST = 480  # CSS pixels; GTK makes no window much narrower
DISPLAY = re.compile(r"^(\d+)$", re.MULTILINE)
C_LOCALE = Path("/usr/lib/locale/C.utf8")
LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/libexec")
MINI_BROWSER = "**/webkit*gtk-*/MiniBrowser"
FRAMING = 800, 900  # the size of a window that has a narrow page in a frame
MAKE_FRAME = """(url, width, height) => new Promise((loaded) => {
  const frame = document.createElement("iframe");
  frame.style = "position: fixed; inset: 0 auto auto 0; border: 0; background: white";
  Object.assign(frame, { src: url, width, height, onload: () => loaded(true) });
  document.body.replaceChildren(frame);
})"""
CALL_BACK = """
const done = arguments[0];
SCRIPT.then((value) => done({ value }), (error) => done({ error: String(error) }));
"""


class WebKit(Engine):
    """A WebKitWebDriver, which starts a browser for each profile."""

    name = "webkit"

    def __init__(self) -> None:
        self._screen = Screen()
        self._driver: WebDriverProcess | None = None

    def start(self) -> None:
        with contextlib.ExitStack() as stack:
            screen = stack.enter_context(self._screen)
            self._driver = stack.enter_context(WebDriverProcess(screen.wait_display()))
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
        assert self._driver
        options = Options()
        options.binary_location = self._driver.browser_in(language, scheme)
        options.add_argument("--automation")
        options.add_argument(f"--cookies-policy={COOKIES[cookies]}")
        address = ClientConfig(self._driver.url)
        session = Remote(RemoteConnection(client_config=address), options=options)
        try:
            yield WebKitProfile(session)
        finally:
            session.quit()


class WebKitProfile(Profile):
    """A session of WebKitWebDriver, whose browser keeps nothing."""

    def __init__(self, session: WebDriver) -> None:
        self._windows = Windows(session)

    def open(self, url: str = BLANK, size: Size = LAPTOP) -> Tab:
        window = WebKitTab(self._windows, self._windows.open())
        if size[0] >= NARROWEST:
            window.resize(size)
            window.goto(url)
            return window
        phone = PhoneTab(self._windows, window)
        phone.resize(size)
        phone.goto(url)
        return phone


class Windows:
    """The windows of a session, which obeys commands for the selected one only."""

    def __init__(self, session: WebDriver) -> None:
        self._session = session
        self._selected: tuple[str, int | None] = session.current_window_handle, None
        # Windows without a page. The last one must stay: without it the session ends.
        self._blank = [session.current_window_handle]

    def open(self) -> str:
        """Return the handle of a window without a page."""
        if self._blank:
            return self._blank.pop()
        # A tab would open in the background, where no frame is painted.
        self._session.switch_to.new_window("window")
        self._selected = self._session.current_window_handle, None
        return self._selected[0]

    def select(self, handle: str, frame: int | None = None) -> WebDriver:
        """Return the session, with a window or a frame in it selected."""
        if self._selected != (handle, frame):
            self._session.switch_to.window(handle)
            if frame is not None:
                self._session.switch_to.frame(frame)
            self._selected = handle, frame
        return self._session

    def close(self, handle: str) -> None:
        """Close a window."""
        session = self.select(handle)
        if len(session.window_handles) == 1:
            session.get("about:blank")
            self._blank.append(handle)
            return
        session.close()
        self._selected = "", None


class WebKitTab(Tab):
    """A window with one page, or a frame in it."""

    def __init__(self, windows: Windows, handle: str, frame: int | None = None) -> None:
        self.handle = handle
        self._windows = windows
        self._frame = frame

    @property
    def _session(self) -> WebDriver:
        return self._windows.select(self.handle, self._frame)

    def goto(self, url: str) -> None:
        self._session.get(url)

    def reload(self) -> None:
        self._session.refresh()

    def travel(self, steps: int) -> None:
        for _ in range(abs(steps)):
            self._session.back() if steps < 0 else self._session.forward()

    def click_at(self, x: int, y: int) -> None:
        self._act(pointer_actions(x, y))

    def press(self, key: str) -> None:
        self._act(key_actions(key))

    def resize(self, size: Size) -> None:
        session = self._session
        inner = session.execute_script("return [innerWidth, innerHeight]")
        outer = session.get_window_size()
        wanted = [
            outer["width"] + size[0] - inner[0],
            outer["height"] + size[1] - inner[1],
        ]
        session.set_window_size(*wanted)

    def show(self) -> None:
        self._session.set_window_size(**self._session.get_window_size())

    def hide(self) -> None:
        self._session.minimize_window()

    def picture(self) -> bytes:
        return self._session.get_screenshot_as_png()

    def frame(self, index: int) -> Tab:
        return WebKitTab(self._windows, self.handle, index)

    def close(self) -> None:
        self._windows.close(self.handle)

    def _act(self, actions: list[dict[str, Any]]) -> None:
        self._session.execute(Command.W3C_ACTIONS, {"actions": actions})

    def _run(self, script: str) -> str:
        try:
            answer = self._session.execute_async_script(
                CALL_BACK.replace("SCRIPT", script)
            )
        except WebDriverException as error:
            raise BrowserError(error.msg) from error
        if "error" in answer:
            raise BrowserError(answer["error"])
        return str(answer["value"])


class PhoneTab(WebKitTab):
    """A page that is narrower than any window: it is in a frame of a blank page.

    The blank page is on the same server, since the board's pages may be framed by their
    own origin only.
    """

    def __init__(self, windows: Windows, window: WebKitTab) -> None:
        super().__init__(windows, window.handle, 0)
        self._window = window
        self._size = LAPTOP

    def goto(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.netloc:
            return
        self._window.goto(f"{parts.scheme}://{parts.netloc}/healthz")
        self._window.evaluate(MAKE_FRAME, url, *self._size)

    def resize(self, size: Size) -> None:
        self._size = size
        self._window.resize(FRAMING)

    def picture(self) -> bytes:
        width, height = self._size
        file = io.BytesIO()
        self._window.image().crop((0, 0, width, height)).save(file, "PNG")
        return file.getvalue()


class Screen(Process):
    """An Xvfb, which holds the windows in memory."""

    def __init__(self) -> None:
        command = [find("Xvfb"), "-displayfd", "1", "-screen", "0", SCREEN]
        super().__init__([*command, "-nolisten", "tcp"], clean_environment())

    def wait_display(self) -> str:
        """Return the display that programs have to use; Xvfb prints its number."""
        self._wait_for(lambda: DISPLAY.search(self.log()) is not None, 60)
        found = DISPLAY.search(self.log())
        assert found
        return f":{found[1]}"


class WebDriverProcess(Server):
    """A WebKitWebDriver."""

    def __init__(self, display: str) -> None:
        self.port = free_port()
        command = [find("WebKitWebDriver"), f"--port={self.port}", f"--host={LOOPBACK}"]
        super().__init__(command, {})
        runtime = self.folder / "runtime"
        runtime.mkdir(mode=0o700)
        self._env = clean_environment(
            DISPLAY=display,
            HOME=str(self.folder),
            XDG_RUNTIME_DIR=str(runtime),
            LIBGL_ALWAYS_SOFTWARE="1",
            GSETTINGS_BACKEND="memory",
            LOCPATH=str(self.folder / "locales"),
            # WebKit can't use its sandbox as root, and doesn't start with it.
            **(
                {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
                if os.geteuid() == 0
                else {}
            ),
        )
        (self.folder / "locales").mkdir()
        settings = self.folder / ".config/gtk-3.0/settings.ini"
        settings.parent.mkdir(parents=True)
        settings.write_text("[Settings]\ngtk-enable-animations=0\n")  # reduced motion

    def browser_in(self, language: str, scheme: Scheme) -> str:
        """Return the path of a program that starts the browser in a language.

        WebKit takes the language from the name of the locale. Only the name is that
        of the language: the locale itself is the C library's own, in UTF-8.
        """
        locale = "C.UTF-8" if language == "C" else f"{language.replace('-', '_')}.UTF-8"
        link = self.folder / "locales" / locale
        if not link.exists():
            link.symlink_to(C_LOCALE)
        program = self.folder / f"browser-{language}-{scheme}"
        theme = {"light": "Adwaita", "dark": "Adwaita:dark"}[scheme]
        program.write_text(
            f"#!/bin/sh\nLC_ALL={locale} GTK_THEME={theme} "
            f'exec {find_mini_browser()} "$@"\n'
        )
        program.chmod(0o700)
        return str(program)

    def _is_ready(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 2).close()
        except OSError:
            return False
        return True


def find(program: str) -> str:
    """Return the path of a program; AssertionError with the remedy if it is missing."""
    path = shutil.which(program)
    if path is None:
        raise AssertionError(
            f"{program} is missing: `make test` installs it, or says how"
        )
    return path


def find_mini_browser() -> str:
    """Return the path of the browser that WebKitWebDriver starts."""
    for folder in LIBRARIES:
        for path in sorted(Path(folder).glob(MINI_BROWSER)):
            return str(path)
    raise AssertionError("MiniBrowser is missing: `make test` installs it, or says how")
