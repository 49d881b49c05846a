"""A lost connection shows wherever a value does, also where the bar is covered."""

from playwright.sync_api import Page, expect

from tests.helpers.pages import badge, open_page, wait_for_state
from tests.helpers.staged import Stage

HEAD = """(selector) =>
  getComputedStyle(document.querySelector(selector), "::after").content"""


def test_the_detail_on_a_phone_and_the_dialogs_repeat_a_badge_that_they_cover(
    page: Page, stage: Stage, page_errors: list[str]
) -> None:
    page_errors.append("Failed to load resource")
    page.set_viewport_size({"width": 390, "height": 844})
    at = open_page(page, stage, "s/ACME")
    stage.send_hello(f"{at}-0")
    wait_for_state(page, "live")
    assert page.evaluate(HEAD, ".detail-head") == "none"
    stage.refuse_streams()
    wait_for_state(page, "reconnecting")
    assert "↻ Reconnecting" in page.evaluate(HEAD, ".detail-head")
    price, muted = page.locator(".detail-last"), page.locator("#detail-subtitle")
    assert colour(page, price.element_handle()) == colour(page, muted.element_handle())
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert "↻ Reconnecting" in page.evaluate(HEAD, "#help .dialog-head")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1024, "height": 768})
    expect(badge(page)).to_be_visible()
    assert page.evaluate(HEAD, ".detail-head") == "none"


def test_a_paused_page_says_that_the_connection_is_lost(
    page: Page, stage: Stage, page_errors: list[str]
) -> None:
    page_errors.append("Failed to load resource")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_for_state(page, "live")
    page.get_by_role("button", name="Pause").click()
    expect(badge(page)).to_be_hidden()
    stage.refuse_streams()
    wait_for_state(page, "reconnecting")
    expect(badge(page)).to_be_visible()
    expect(badge(page)).to_contain_text("Reconnecting")


def colour(page: Page, element: object) -> str:
    """Return the colour of an element's text."""
    found: str = page.evaluate("(it) => getComputedStyle(it).color", element)
    return found
