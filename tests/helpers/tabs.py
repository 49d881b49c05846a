"""One way to use three browser engines: Chromium, Firefox and WebKit.

An `Engine` is a running browser, a `Profile` has storage of its own, a `Tab` shows a
page. `chromium.py`, `firefox.py` and `webkit.py` beside this module implement them by
the protocol that each browser speaks. Whatever is the same for all is here, on top of
JavaScript, keys and clicks, so that a check runs in each engine unchanged.
"""

import contextlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self

from PIL import Image

from tests.helpers.harness import until

Cookies = Literal["all", "own", "none"]  # "own": blocked for the frames of other sites
Scheme = Literal["light", "dark"]
Size = tuple[int, int]  # width and height of the viewport in CSS pixels

BLANK = "about:blank"
LAPTOP: Size = (1280, 800)
PATIENCE = 20  # seconds for whatever has no bound of its own, on a busy machine
# The keys that have names, as the WebDriver standard codes them (section "Actions").
NAMED_KEYS = {
    "Backspace": "\ue003",
    "Tab": "\ue004",
    "Enter": "\ue006",
    "Escape": "\ue00c",
    "Space": " ",
    "ArrowUp": "\ue013",
    "ArrowDown": "\ue015",
}
# An element is in view if it has a box; its name is its label or its text.
FIND = """
  const nameOf = (it) => it.getAttribute("aria-label") || it.textContent;
  const isShown = (it) => it.checkVisibility({ visibilityProperty: true }) &&
    it.getClientRects().length > 0;
  const all = (selector, text) => [...document.querySelectorAll(selector)].filter(
    (it) => isShown(it) && (text === null || nameOf(it).includes(text)));
"""
LOCATE = f"""async (selector, text) => {{
  {FIND}
  const [it] = all(selector, text);
  if (!it) return null;
  it.scrollIntoView({{ block: "nearest", behavior: "instant" }});
  const before = it.getBoundingClientRect();
  await new Promise((passed) => setTimeout(passed, 30));
  const {{ left, top, width, height }} = it.getBoundingClientRect();
  if (left !== before.left || top !== before.top) return null; // it moves
  const [x, y] = [Math.floor(left + width / 2), Math.floor(top + height / 2)];
  const hit = document.elementFromPoint(x, y);
  if (!hit || !(it.contains(hit) || hit.contains(it))) return null;
  return [x, y];
}}"""


class BrowserError(AssertionError):
    """A browser's answer that says why it could not do what the test asked."""


class Tab(ABC):
    """A tab that its user sees, in front of all others of its browser."""

    @abstractmethod
    def goto(self, url: str) -> None:
        """Open a URL, and return when the page has loaded."""

    @abstractmethod
    def reload(self) -> None:
        """Load the page again."""

    @abstractmethod
    def travel(self, steps: int) -> None:
        """Go back (a negative number) or forward in the tab's history."""

    @abstractmethod
    def click_at(self, x: int, y: int) -> None:
        """Press and release the mouse at a point of the viewport."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press and release a key: a character, or one of `NAMED_KEYS`."""

    @abstractmethod
    def resize(self, size: Size) -> None:
        """Give the viewport this size."""

    def go_offline(self) -> None:
        """Let the browser report that it has no network."""
        self.evaluate(
            """() => {
              Object.defineProperty(navigator, "onLine", { get: () => false });
              dispatchEvent(new Event("offline"));
            }"""
        )

    @abstractmethod
    def show(self) -> None:
        """Bring the tab to the front, so that its page is visible."""

    @abstractmethod
    def hide(self) -> None:
        """Hide the page, as another tab in front of it does, until `show`."""

    @abstractmethod
    def picture(self) -> bytes:
        """Return a PNG of the viewport."""

    @abstractmethod
    def frame(self, index: int) -> "Tab":
        """Return a frame of the page, to look into it and to use it."""

    @abstractmethod
    def close(self) -> None:
        """Close the tab as its user does."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _run(self, script: str) -> str:
        """Return the string to which an expression's promise resolves."""

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function with JSON values; return its value as JSON.

        BrowserError if it throws or if the page goes away meanwhile.
        """
        called = f"({function})({', '.join(map(json.dumps, arguments))})"
        return json.loads(
            self._run(f"(async () => JSON.stringify((await {called}) ?? null))()")
        )

    def wait(
        self, function: str, *arguments: Any, seconds: float = PATIENCE, why: str = ""
    ) -> Any:
        """Call a function until it returns something true, and return that."""
        error: list[BrowserError] = []

        def value() -> Any:
            try:
                return self.evaluate(function, *arguments)
            except BrowserError as found:  # a page that is being replaced
                error[:] = [found]
                return None

        try:
            return until(value, seconds, why or f"{function} {arguments}")
        except AssertionError as failure:
            for found in error:
                failure.add_note(f"the last error: {found}")
            raise

    def wait_text(self, selector: str, text: str, seconds: float = PATIENCE) -> None:
        """Wait until an element of this selector is in view and contains a text."""
        self.wait(
            f"(selector, text) => {{ {FIND} return all(selector, null).some((it) => "
            "(it === document.body ? it.innerText : it.textContent).includes(text)); }",
            selector,
            text,
            seconds=seconds,
            why=f"{selector} says {text!r}",
        )

    def wait_state(self, state: str, seconds: float = PATIENCE) -> None:
        """Wait until the badge shows this state of the stream."""
        self.wait(
            "(state) => document.querySelector('#badge')?.dataset.state === state",
            state,
            seconds=seconds,
            why=f"the badge says {state}",
        )

    def wait_hidden(self, selector: str, seconds: float = PATIENCE) -> None:
        """Wait until no element of this selector is in view."""
        self.wait(
            f"(selector) => {{ {FIND} return all(selector, null).length === 0; }}",
            selector,
            seconds=seconds,
            why=f"{selector} is hidden",
        )

    def click(self, selector: str, text: str | None = None) -> None:
        """Click the first element in view of this selector, whose name contains a text.

        It waits until there is one that nothing covers.
        """
        x, y = self.wait(LOCATE, selector, text, why=f"{selector} can be clicked")
        self.click_at(x, y)

    def fill(self, selector: str, text: str) -> None:
        """Write a text into a field in place of what it has."""
        self.click(selector)
        self.evaluate("(it) => document.querySelector(it).select()", selector)
        self.press("Backspace")
        self.type(text)

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        for character in text:
            self.press(character)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list; a browser's own popup can't be clicked."""
        self.wait(
            """(selector, value) => {
              const it = document.querySelector(selector);
              it.value = value;
              it.dispatchEvent(new Event("input", { bubbles: true }));
              it.dispatchEvent(new Event("change", { bubbles: true }));
              return it.value === value;
            }""",
            selector,
            value,
        )

    def text(self, selector: str) -> str:
        """Return the text of the first element of this selector."""
        return str(
            self.wait("(it) => document.querySelector(it)?.textContent", selector)
        )

    def count(self, selector: str) -> int:
        """Return how many elements of this selector are in view."""
        found: int = self.evaluate(
            f"(selector) => {{ {FIND} return all(selector, null).length; }}", selector
        )
        return found

    def image(self) -> Image.Image:
        """Return the viewport as an image."""
        return Image.open(io.BytesIO(self.picture())).convert("RGB")


class Profile(ABC):
    """Storage of its own, as a person has it; its tabs share it."""

    caches_pages = True  # whether it has a back/forward cache

    @abstractmethod
    def open(self, url: str = BLANK, size: Size = LAPTOP) -> Tab:
        """Open a URL in a tab of its own, and show it."""


class Engine(ABC):
    """A running browser. It ends with the context manager."""

    name: str

    @abstractmethod
    def profile(
        self,
        language: str = "en-US",
        cookies: Cookies = "all",
        scheme: Scheme = "light",
    ) -> AbstractContextManager[Profile]:
        """Return a fresh profile, whose tabs close with the context manager.

        `language` is what the browser says of itself, which may be invalid. The system
        has the colour scheme `scheme`, and prefers less motion. Only one profile may be
        in use.
        """

    @abstractmethod
    def start(self) -> None:
        """Start the browser."""

    @abstractmethod
    def stop(self) -> None:
        """End the browser and delete its files."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def pointer_actions(x: int, y: int) -> list[dict[str, Any]]:
    """Return a click as WebDriver and WebDriver BiDi code it."""
    steps = [
        {"type": "pointerMove", "x": x, "y": y},
        {"type": "pointerDown", "button": 0},
        {"type": "pointerUp", "button": 0},
    ]
    parameters = {"pointerType": "mouse"}
    return [
        {"type": "pointer", "id": "mouse", "parameters": parameters, "actions": steps}
    ]


def key_actions(key: str) -> list[dict[str, Any]]:
    """Return a key as WebDriver and WebDriver BiDi code it."""
    value = NAMED_KEYS.get(key, key)
    steps = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
    return [{"type": "key", "id": "keys", "actions": steps}]


@contextlib.contextmanager
def closing_tabs(tabs: list[Tab]) -> Iterator[None]:
    """Close the tabs that are still in the list at the end."""
    try:
        yield
    finally:
        for tab in [*tabs]:
            tab.close()
