"""Nothing covers the table that it belongs to, whatever is shown, on any window."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.harness import Board
from tests.helpers.pages import wait_until_live
from tests.helpers.samples import match, quote

WIDTHS = (640, 768, 1024, 1280, 1440, 1680, 1920, 2560, 3840)
BEARER = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
# In each view, with prices, scores or both hidden as by a search: the parts of the board
# that lie under the panel. An open detail covers the whole window only on a phone.
COVERED = """
() => {
  const found = [];
  const panel = [...document.querySelectorAll(".detail")].find((it) => !it.hidden);
  const parts = [".prices", ".scores", ".own"].map((it) => document.querySelector(it));
  for (const view of ["both", "prices", "scores", "ticket"]) {
    document.documentElement.dataset.view = view;
    for (const hidden of [[], [0], [1], [0, 1]]) {
      parts.slice(0, 2).forEach((part, i) => (part.hidden = hidden.includes(i)));
      const over = panel.getBoundingClientRect();
      for (const part of parts) {
        const under = part.getBoundingClientRect();
        const across = Math.min(over.right, under.right) - Math.max(over.x, under.x);
        const down = Math.min(over.bottom, under.bottom) - Math.max(over.y, under.y);
        if (across < 0.5 || down < 0.5) continue;
        found.push(`${view} without ${hidden}: ${part.className} by ${across} px`);
      }
    }
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def crowded() -> Iterator[Board]:
    """Yield a board with a price, a match, and a row of a publisher's own type."""
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        publish(board, "prices/ACME", quote())
        publish(board, "scores/acton-burton", match())
        publish(board, "keys/ticket/4711", {"subject": "Printer on fire"})
        yield board


@pytest.mark.parametrize(
    "path", ["/s/ACME", "/m/acton-burton", "/k/ticket/4711", "/ask"]
)
def test_no_detail_covers_the_table_beside_it(
    page: Page, crowded: Board, path: str
) -> None:
    page.goto(crowded.url + path)
    wait_until_live(page)
    expect(page.locator(".detail:not([hidden])")).to_be_visible()
    expect(page.locator(".own .panel").first).to_be_attached()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(COVERED) == [], width


def publish(board: Board, path: str, data: Any) -> None:
    body = json.dumps(data).encode()
    status, _, answer = board.request("PUT", f"/api/{path}", BEARER, body)
    assert status == 201, answer
