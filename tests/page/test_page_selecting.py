"""Selecting and copying the text of rows, which open a detail when they are clicked."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.helpers.harness import until
from tests.helpers.pages import open_page, wait_until_live
from tests.helpers.samples import quote
from tests.helpers.staged import Stage

SELECTED = "() => getSelection().toString()"
IS_KEPT = "async () => (await import('/static/dom.js')).selected.write !== null"
COPY = """() => {
  const clipboardData = new DataTransfer();
  const options = { clipboardData, bubbles: true, cancelable: true };
  const event = new ClipboardEvent("copy", options);
  document.body.dispatchEvent(event);
  if (!event.defaultPrevented) return null;  // its script isn't there yet
  const html = clipboardData.getData("text/html");
  const page = new DOMParser().parseFromString(html, "text/html");
  const rows = [...page.querySelectorAll("tr")];
  const cells = rows.map((row) => [...row.cells].map((cell) => cell.textContent));
  return [clipboardData.getData("text/plain"), cells];
}"""


def test_a_drag_selects_the_text_of_a_row_and_a_click_opens_its_detail(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage, "?view=prices")
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.evaluate("() => document.fonts.ready")
    price = page.locator("[data-symbol=ACME] [data-field=price]")
    price.click(trial=True)  # once it stands still
    box = price.bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 1, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 4, height, steps=4)
    page.mouse.up()
    assert page.evaluate(SELECTED).strip() == price.inner_text()
    expect(page).to_have_url(f"{stage.url}/?view=prices")
    page.mouse.click(box["x"] + 4, height)
    expect(page).to_have_url(f"{stage.url}/s/ACME?view=prices")
    expect(page.locator("#chart-sentence")).to_contain_text("ACME")


def test_what_is_selected_in_the_detail_outlasts_a_quote(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage, "s/ACME")
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote("ACME", 71.92, at=at), f"{at}-1")
    price = page.locator("#detail-price [data-field=price]")
    expect(price).to_have_text("71.92")
    price.select_text()
    until(lambda: page.evaluate(IS_KEPT), 15, "the script of selections is loaded")
    stage.send_event("price", quote("ACME", 172.5, at=at), f"{at}-2")
    expect(price).to_have_text("172.50")
    assert page.evaluate(SELECTED) == "172.50"


def test_copied_rows_are_lines_with_tabs_and_numbers_that_a_spreadsheet_reads(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage, "?view=prices&q=stitch")
    stage.send_hello(f"{at}-0")
    for number, change in enumerate((-0.43, 1234.5)):
        values = {"change": change, "change_percent": change * 2, "low": 9, "high": 11}
        told = quote(f"S{number}", 1000 + number, name="Stitch", at=at, **values)
        stage.send_event("price", told, f"{at}-{number + 1}")
    expect(page.locator("#price-rows tr:not([hidden])")).to_have_count(2)
    table = "document.querySelector('.prices table')"
    page.evaluate(f"() => getSelection().selectAllChildren({table})")
    text, cells = copied(page)
    lines = [line.split("\t") for line in text.split("\n")]
    assert lines == cells
    heads = ["Symbol", "Name", "Last", "Change", "Low", "High"]
    assert [head for head in lines[0] if head in heads] == heads
    assert [line[:5] for line in lines[1:]] == [
        ["S0", "Stitch", "1,000.00", "-0.43", "-0.86%"],
        ["S1", "Stitch", "1,001.00", "+1,234.50", "+2,469.00%"],
    ]
    assert {len(line) for line in lines} == {len(lines[0])}


def copied(page: Page) -> Any:
    """Copy what is selected; return it as text, and as the cells of its table."""
    return page.wait_for_function(COPY).json_value()
