"""Access: the criteria of WCAG 2.2 that a machine can see, and the keyboard alone."""

import time
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.helpers.harness import Board, until
from tests.helpers.pages import open_page, wait_until_live
from tests.helpers.samples import quote, score_of
from tests.helpers.staged import Stage

COUNT_FLASHES = """
() => {
  window.flashes = new Map();
  new MutationObserver((records) => {
    for (const { target, oldValue } of records) {
      if (!target.dataset.flash || oldValue) continue;
      const row = target.closest("[data-symbol]").dataset.symbol;
      window.flashes.set(row, [...(window.flashes.get(row) ?? []), performance.now()]);
    }
  }).observe(document, {
    subtree: true, attributeFilter: ["data-flash"], attributeOldValue: true,
  });
}
"""


def test_2_3_1_no_cell_flashes_more_than_twice_a_second(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    page.evaluate(COUNT_FLASHES)
    wait_until_live(page)
    for n in range(1, 60):
        stage.send_event("price", quote("ACME", 100 + n), f"{at}-{n}")
        page.wait_for_timeout(40)
    begun = page.evaluate("() => window.flashes.get('ACME')")
    assert len(begun) >= 3
    for start in begun:
        assert sum(start <= other < start + 990 for other in begun) <= 2


def test_reduced_motion_has_neither_flash_nor_slide(page: Page, board: Board) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(board.url)
    wait_until_live(page)
    page.evaluate(
        """() => { document.querySelector("[data-symbol=ACME] .price")
          .dataset.flash = "up"; }"""
    )
    style = page.evaluate(
        """() => {
          const cell = document.querySelector("[data-symbol=ACME] .price");
          const it = getComputedStyle(cell);
          return [it.backgroundColor, it.transitionDuration];
        }"""
    )
    assert style == ["rgba(0, 0, 0, 0)", "0s"]


def test_4_1_3_the_status_region_speaks_at_most_each_five_seconds(
    page: Page, stage: Stage
) -> None:
    page.clock.install()
    at = open_page(page, stage)
    page.clock.pause_at(time.time() + 1)  # from now on only this test moves it
    assert page.locator("[aria-live], [role=alert], [role=log]").count() == 0
    assert page.locator("[role=status]").count() == 1
    page.evaluate(
        """() => {
          window.said = [];
          const region = document.querySelector("[role=status]");
          new MutationObserver(() => window.said.push([Date.now(), region.textContent]))
            .observe(region, { childList: true, characterData: true, subtree: true });
        }"""
    )
    stage.send_hello(f"{at}-0")
    stage.send_event("score", score_of(0, 0), f"{at}-1")
    for goals in range(1, 9):
        stage.send_event("score", score_of(goals, 0), f"{at}-{goals + 1}")
        row = page.locator("[data-match=acton-burton] [data-field=home-score]")
        until(partial(_shows, page, row, str(goals)), 15, "it is painted")
        page.clock.run_for(1700)
    page.clock.run_for(6000)
    said = page.evaluate("() => window.said")
    assert 2 <= len(said) <= 4
    assert said[-1][1] == "Goal: Acton 8–0 Burton"
    times = [when for when, _ in said]
    assert all(later - before >= 4990 for before, later in pairwise(times))


def test_2_1_4_keys_can_be_switched_off_and_are_kept_out_of_fields(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("z?3")
    expect(page.get_by_role("searchbox")).to_have_value("z?3")
    expect(page.locator("#paused")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    page.keyboard.press("Control+z")
    expect(page.locator("#paused")).to_be_hidden()
    page.keyboard.press("z")
    expect(page.locator("#paused")).to_be_visible()
    page.keyboard.press("z")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator("#paused")).to_be_hidden()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    for key in ("z", "?", "/", "3"):
        page.keyboard.press(key)
    expect(page.locator("#paused")).to_be_hidden()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.get_by_role("searchbox")).not_to_be_focused()


def test_every_key_does_what_the_list_says(page: Page, board: Board) -> None:
    page.goto(board.url)
    wait_until_live(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-symbol=ALBT] .symbol")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-symbol=ALBT] .symbol")).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Pin ALBT")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Alerts")).to_be_visible()
    expect(page.locator("#alert-symbol")).to_have_value("ALBT")
    page.keyboard.press("Escape")
    expect(page.locator("[data-symbol=ALBT] .symbol")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator("[data-symbol=ALBT] .symbol")).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#sort")).to_have_value("-change_percent")
    page.keyboard.press("3")
    expect(page.get_by_role("heading", name="Prices")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Scores")).to_be_hidden()
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Scores")).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("m")
    expect(page.locator(".toast", has_text="Sound on")).to_be_visible()


def test_the_tab_key_reaches_everything_in_the_order_that_is_seen(
    page: Page, board: Board
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{board.url}/?symbols=ACME,BOLT")
    wait_until_live(page)
    seen: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, is_seen = page.evaluate(
            """() => {
              const it = document.activeElement;
              const ring = getComputedStyle(it).outlineStyle !== "none";
              const row = it.closest("tr, li.match");
              const rowRing = row && getComputedStyle(row).outlineStyle !== "none";
              const next = it.nextElementSibling;
              const nextRing = next && getComputedStyle(next).outlineStyle !== "none";
              return [it.getAttribute("aria-label") || it.name || it.textContent.trim(),
                Boolean(ring || rowRing || nextRing)];
            }"""
        )
        if page.evaluate("() => document.activeElement === document.body"):
            break
        assert is_seen, f"the focus on {name!r} can't be seen"
        seen.append(name)
    wanted = [
        "Skip to the board",
        "Liveboard",
        "About",
        "Pause",
        "Alerts",
        "Settings",
        "Both",
    ]
    wanted += ["Prices", "Scores", "q", "Pinned", "Show all", "up", "down", "sort"]
    wanted += [
        "Symbol",
        "Last",
        "Pin ACME",
        "ACME",
        "Pin BOLT",
        "BOLT",
        "For developers",
        "Keys",
    ]
    places = [
        next(i for i, name in enumerate(seen) if name.endswith(w)) for w in wanted
    ]
    assert places == sorted(places), seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_keep_every_state_in_sight(
    page: Page, board: Board, scheme: Any
) -> None:
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    page.goto(f"{board.url}/?filter=up")
    wait_until_live(page)
    borders = page.evaluate(
        """() => [".filter[aria-current]", "#views [aria-current]", ".chip"]
          .map((it) => getComputedStyle(document.querySelector(it)).borderTopWidth)"""
    )
    assert borders == ["1px", "1px", "1px"]
    row = page.locator("#price-rows tr:not([hidden])").first
    expect(row.locator(".arrow")).to_have_text("▲")


def test_no_choice_of_colours_is_the_only_sign(page: Page, board: Board) -> None:
    page.goto(board.url)
    wait_until_live(page)
    colour = """() => [...document.querySelectorAll("[data-direction=up] .change")]
      .map((cell) => getComputedStyle(cell).color)[0]"""
    seen = set()
    for colours in ("green", "red", "blue"):
        page.evaluate(
            "(it) => { document.documentElement.dataset.colours = it; }", colours
        )
        seen.add(page.evaluate(colour))
        for row in page.locator("[data-direction=up] .change").all_text_contents():
            assert "▲" in row and "+" in row
    assert len(seen) == 3


def _shows(page: Page, row: Locator, text: str) -> bool:
    """Advance the page's clock a little; return whether the row says this."""
    page.clock.run_for(20)
    return row.count() > 0 and row.text_content() == text
