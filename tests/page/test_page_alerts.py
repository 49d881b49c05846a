"""Alerts: when they fire, how they notify, and that only the first asks permission."""

from playwright.sync_api import Page, expect

from tests.helpers.harness import until
from tests.helpers.pages import open_page, wait_until_live
from tests.helpers.samples import quote, score_of
from tests.helpers.staged import Stage

SPY = """
window.asked = 0; window.notes = []; window.tones = 0;
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.asked += 1; return this.permission = %s; }
  constructor(title, options) { window.notes.push([title, options.tag]); }
  addEventListener() {}
};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  window.tones += 1; return start.apply(this, when);
};
"""
"""The system's notifications can't be seen from a test; what is handed to them can."""


def test_a_price_alert_asks_once_is_told_once_and_is_kept(
    page: Page, stage: Stage
) -> None:
    page.add_init_script(SPY % "'denied'")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote("ACME", 100), f"{at}-1")
    wait_until_live(page)
    page.get_by_role("button", name="Alerts").first.click()
    assert page.evaluate("() => window.asked") == 0
    add_price_alert(page, "acme", "99")
    problem = page.locator("#alert-problem")
    expect(problem).to_have_text("ACME is above that already: it stands at 100.00.")
    add_price_alert(page, "NONE", "99")
    expect(problem).to_have_text("There is no symbol NONE on the board.")
    add_price_alert(page, "ACME", "much")
    expect(problem).to_contain_text("no number")
    assert page.evaluate("() => window.asked") == 0
    add_price_alert(page, "ACME", "101,5")
    expect(page.locator("#alert-list")).to_contain_text("ACME above 101.50")
    until(lambda: page.evaluate("() => window.asked") == 1, 15, "the first one asks")
    page.get_by_role("button", name="Close", exact=True).click()
    stage.send_event("price", quote("ACME", 101.5), f"{at}-2")
    stage.send_event("price", quote("ACME", 101.6), f"{at}-3")
    toast = page.locator(".toast")
    expect(toast).to_have_text("ACME is above 101.50: 101.60 ✕")
    stage.send_event("price", quote("ACME", 90), f"{at}-4")
    stage.send_event("price", quote("ACME", 120), f"{at}-5")
    expect(page.locator("[data-symbol=ACME] .price")).to_have_text("120.00")
    expect(toast).to_have_count(1)
    assert page.evaluate("() => [window.notes.length, window.tones]") == [0, 0]
    page.get_by_role("button", name="Close this message").click()
    expect(toast).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("ACME is above 101.50: 101.60")
    page.reload()
    page.get_by_role("button", name="Alerts").first.click()
    expect(page.locator("#alert-list")).to_contain_text("Reached")
    page.get_by_role("button", name="Remove the alert: ACME above 101.50").click()
    expect(page.get_by_text("No alerts yet")).to_be_visible()


def test_a_match_alert_tells_goals_half_time_and_full_time(
    page: Page, stage: Stage
) -> None:
    page.add_init_script(
        SPY % "'granted'"
        + "Object.defineProperty(Document.prototype, 'hidden', { get: () => true });"
    )
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    playing = {**score_of(0, 0), "status": "1H", "minute": 5}
    stage.send_event("score", playing, f"{at}-1")
    page.locator("[data-match=acton-burton]").click()
    page.get_by_role("button", name="Alert me").click()
    page.get_by_role("button", name="Add match alert").click()
    expect(page.locator("#alert-list")).to_contain_text("Acton v Burton")
    page.get_by_role("button", name="Add match alert").click()
    expect(page.locator("#alert-problem")).to_contain_text("already")
    page.keyboard.press("Escape")
    stage.send_event("score", {**playing, **score_of(1, 0), "status": "1H"}, f"{at}-2")
    stage.send_event("score", {**score_of(1, 0), "status": "HT"}, f"{at}-3")
    stage.send_event("score", {**score_of(0, 0), "status": "2H"}, f"{at}-4")
    stage.send_event("score", {**score_of(0, 0), "status": "FT"}, f"{at}-5")
    texts = [
        "Goal: Acton 1–0 Burton",
        "Half-time: Acton 1–0 Burton",
        "Goal cancelled: Acton 0–0 Burton",
        "Full time: Acton 0–0 Burton",
    ]
    expect(page.locator(".toast-text")).to_have_text(texts)
    notes = page.evaluate("() => window.notes")
    assert [title for title, _ in notes] == texts
    assert len({tag for _, tag in notes}) == 4


def test_sound_is_off_until_it_is_switched_on(page: Page, stage: Stage) -> None:
    page.add_init_script(SPY % "'denied'")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote("ACME", 100), f"{at}-1")
    wait_until_live(page)
    page.keyboard.press("m")
    expect(page.locator(".toast")).to_have_text("Sound on ✕")
    assert page.evaluate("() => window.tones") == 2
    page.locator("[data-symbol=ACME] .symbol").focus()
    page.keyboard.press("a")
    expect(page.locator("#alert-symbol")).to_have_value("ACME")
    page.get_by_label("Price", exact=True).fill("150")
    page.keyboard.press("Enter")
    expect(page.locator("#alert-list")).to_contain_text("ACME above 150.00")
    stage.send_event("price", quote("ACME", 151), f"{at}-2")
    until(lambda: page.evaluate("() => window.tones") == 4, 15, "it sounds")


def test_an_alert_about_what_is_opened_is_one_sentence_and_one_button(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage, "s/ACME")
    stage.send_hello(f"{at}-0")
    stage.send_event("price", quote("ACME", 71.9), f"{at}-1")
    wait_until_live(page)
    page.get_by_role("button", name="Alert me").click()
    dialog = page.get_by_role("dialog", name="Alerts")
    expect(dialog).to_contain_text("Tell me when ACME goes")
    expect(page.get_by_label("Price", exact=True)).to_be_focused()
    expect(page.get_by_label("Price", exact=True)).to_have_value("71.90")
    expect(page.locator("#alert-symbol")).to_be_hidden()
    expect(dialog.locator(".primary:visible")).to_have_count(1)
    expect(dialog.get_by_role("radio")).to_have_count(0)
    page.keyboard.type("80")
    page.keyboard.press("Enter")
    expect(page.locator("#alert-list")).to_contain_text("ACME above 80.00")


def test_the_dialog_of_alerts_has_one_form_at_a_time_in_one_column(
    page: Page, stage: Stage
) -> None:
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    for width in (320, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        page.locator("#open-alerts:visible, #alerts-tab:visible").click()
        dialog = page.get_by_role("dialog", name="Alerts")
        expect(page.locator("#alert-symbol")).to_be_focused()
        for kind, fields in (("A price", 3), ("A match", 1)):
            dialog.get_by_role("radio", name=kind).check(force=True)
            expect(dialog.locator(".primary:visible")).to_have_count(1)
            shown = dialog.locator("form :is(input, select, button):visible").all()
            boxes = [box for it in shown if (box := it.bounding_box())]
            assert len(boxes) == fields + 1
            assert {(round(it["x"]), round(it["width"])) for it in boxes} == {
                (round(boxes[0]["x"]), round(boxes[0]["width"]))
            }
        page.keyboard.press("Escape")


def test_a_dialog_that_cannot_be_loaded_says_so_and_opens_later(
    page: Page, stage: Stage, page_errors: list[str]
) -> None:
    page_errors.append("503")
    at = open_page(page, stage)
    stage.send_hello(f"{at}-0")
    wait_until_live(page)
    page.route("**/dialogs", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("The dialog can’t be loaded now.")).to_be_visible()
    page.unroute("**/dialogs")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    expect(page.get_by_label("Update speed")).to_be_focused()


def add_price_alert(page: Page, symbol: str, price: str) -> None:
    page.locator("#alert-symbol").fill(symbol)
    page.locator("#alert-symbol").blur()
    page.get_by_label("Price", exact=True).fill(price)
    page.get_by_role("button", name="Add price alert").click()
