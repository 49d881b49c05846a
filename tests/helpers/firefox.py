"""Firefox, driven by WebDriver BiDi, which it speaks itself over a WebSocket.

No driver program is needed. With `--remote-allow-system-access` the preferences can be
set while Firefox runs, such as the one that blocks cookies, so one process is enough.
"""

import base64
import contextlib
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import websocket

from tests.helpers.harness import Process, clean_environment
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
    closing_tabs,
    key_actions,
    pointer_actions,
)

LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# The values of `network.cookie.cookieBehavior`; 5 is Firefox's default.
COOKIES: dict[Cookies, int] = {"all": 5, "own": 1, "none": 2}
SCHEME = "layout.css.prefers-color-scheme.content-override"
SCHEMES: dict[Scheme, int] = {"dark": 0, "light": 1}
PREFERENCES: dict[str, Any] = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "permissions.default.desktop-notification": 2,  # a question would stay for ever
    "remote.active-protocols": 1,  # WebDriver BiDi
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "ui.prefersReducedMotion": 1,
}


class Firefox(Engine):
    """A Firefox without windows on the screen."""

    name = "firefox"

    def __init__(self) -> None:
        self._process = FirefoxProcess()

    def start(self) -> None:
        self._process.start()
        try:
            self._link = BiDi(self._process.wait_address() + "/session")
            self._link.call("session.new", capabilities={})
            self._chrome = self._link.call(
                "browsingContext.getTree", **{"moz:scope": "chrome"}
            )["contexts"][0]["context"]
        except BaseException:
            self._process.stop()
            raise

    def stop(self) -> None:
        self._link.close()
        self._process.stop()

    @contextlib.contextmanager
    def profile(
        self,
        language: str = "en-US",
        cookies: Cookies = "all",
        scheme: Scheme = "light",
    ) -> Iterator[Profile]:
        self._set("setIntPref", "network.cookie.cookieBehavior", COOKIES[cookies])
        self._set("setStringPref", "intl.accept_languages", language)
        self._set("setIntPref", SCHEME, SCHEMES[scheme])
        user = self._link.call("browser.createUserContext")["userContext"]
        profile = FirefoxProfile(self._link, user, language)
        with closing_tabs(profile.tabs):
            yield profile
        self._link.call("browser.removeUserContext", userContext=user)

    def _set(self, method: str, name: str, value: int | str) -> None:
        self._link.evaluate(
            self._chrome,
            f"String(Services.prefs.{method}({json.dumps(name)}, {json.dumps(value)}))",
        )


class FirefoxProfile(Profile):
    """A container of Firefox, which has cookies and storage of its own."""

    def __init__(self, link: "BiDi", user: str, language: str) -> None:
        self.tabs: list[Tab] = []
        self._link = link
        self._user = user
        self._language = language

    def open(self, url: str = BLANK, size: Size = LAPTOP) -> Tab:
        created = self._link.call(
            "browsingContext.create", type="tab", userContext=self._user
        )
        tab = FirefoxTab(self._link, created["context"], self.tabs)
        # A language that is no tag can only be a preference.
        with contextlib.suppress(BrowserError):
            self._link.call(
                "emulation.setLocaleOverride",
                contexts=[created["context"]],
                locale=self._language,
            )
        tab.resize(size)
        tab.goto(url)
        return tab


class FirefoxTab(Tab):
    """A tab, which BiDi calls a browsing context."""

    def __init__(self, link: "BiDi", context: str, tabs: list[Tab]) -> None:
        self._link = link
        self._context = context
        self._tabs = tabs
        self._cover: str | None = None  # a tab that can be in front of this one
        tabs.append(self)

    def goto(self, url: str) -> None:
        self._call("browsingContext.navigate", url=url, wait="complete")

    def reload(self) -> None:
        self._call("browsingContext.reload", wait="complete")

    def travel(self, steps: int) -> None:
        self._call("browsingContext.traverseHistory", delta=steps)

    def click_at(self, x: int, y: int) -> None:
        self._call("input.performActions", actions=pointer_actions(x, y))

    def press(self, key: str) -> None:
        self._call("input.performActions", actions=key_actions(key))

    def resize(self, size: Size) -> None:
        viewport = {"width": size[0], "height": size[1]}
        self._call("browsingContext.setViewport", viewport=viewport)

    def hide(self) -> None:
        if self._cover is None:
            created = self._link.call("browsingContext.create", type="tab")
            self._cover = str(created["context"])
        self._link.call("browsingContext.activate", context=self._cover)

    def show(self) -> None:
        self._call("browsingContext.activate")

    def picture(self) -> bytes:
        answer = self._call("browsingContext.captureScreenshot", origin="viewport")
        return base64.b64decode(answer["data"])

    def frame(self, index: int) -> Tab:
        (tree,) = self._link.call("browsingContext.getTree", root=self._context)[
            "contexts"
        ]
        return FirefoxTab(self._link, tree["children"][index]["context"], [])

    def close(self) -> None:
        self._tabs.remove(self)
        if self._cover is not None:
            self._link.call("browsingContext.close", context=self._cover)
        self._call("browsingContext.close")

    def _run(self, script: str) -> str:
        return self._link.evaluate(self._context, script)

    def _call(self, method: str, **parameters: Any) -> Any:
        return self._link.call(method, context=self._context, **parameters)


class BiDi:
    """A connection that waits for the answer to each command (W3C WebDriver BiDi)."""

    def __init__(self, url: str) -> None:
        # Firefox refuses a WebSocket that has an origin, as a page's would.
        self._socket = websocket.create_connection(
            url, timeout=60, suppress_origin=True
        )
        self._ids = itertools.count(1)

    def call(self, method: str, **parameters: Any) -> Any:
        """Return the result of a command; BrowserError if it failed."""
        id = next(self._ids)
        command = {"id": id, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while (answer := json.loads(self._socket.recv())).get("id") != id:
            pass
        if answer["type"] != "success":
            raise BrowserError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    def evaluate(self, context: str, script: str) -> str:
        """Return the string of a script's promise; BrowserError if it throws."""
        answer = self.call(
            "script.evaluate",
            expression=script,
            target={"context": context},
            awaitPromise=True,
            userActivation=False,
        )
        if answer["type"] != "success":
            raise BrowserError(answer["exceptionDetails"]["text"])
        return str(answer["result"]["value"])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class FirefoxProcess(Process):
    """The program, with a profile folder of its own."""

    def __init__(self) -> None:
        super().__init__([], clean_environment())
        profile = self.folder / "profile"
        profile.mkdir()
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in PREFERENCES.items()
        ]
        (profile / "user.js").write_text("\n".join(lines))
        self._env = clean_environment(HOME=str(self.folder))
        self._command = [
            *(find_firefox(), "--headless", "--no-remote", "--profile", str(profile)),
            *("--remote-debugging-port", "0", "--remote-allow-system-access"),
        ]

    def wait_address(self) -> str:
        """Return the URL at which Firefox listens, as it prints it."""
        self._wait_for(lambda: LISTENING.search(self.log()) is not None, 60)
        found = LISTENING.search(self.log())
        assert found
        return found[1]


def find_firefox() -> str:
    """Return the path of Firefox; AssertionError with the remedy if it is missing."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        raise AssertionError("Firefox is missing: `make test` installs it, or says how")
    return path
