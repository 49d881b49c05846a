"""Times on the page: in UTC by the server, then by the script in the reader's zone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from feed.clock import now_ms
from tests.helpers.harness import Board, until
from tests.helpers.pages import wait_until_live
from tests.helpers.samples import EVENING, match
from web.times import iso_time, write_time

HOUR = 3_600_000  # ms
DAY = 24 * HOUR
BEYOND = 253_402_300_800_000  # the year 10000
NIGHT = int(datetime(2026, 3, 5, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)
CASES = [
    # at, now, clock, hours, date
    (EVENING, EVENING, "19:45:07", "19:45", "Thu 5 Mar 2026, 19:45"),
    (NIGHT, EVENING, "23:59:59", "23:59", "Thu 5 Mar 2026, 23:59"),
    (NIGHT + 1000, EVENING, "Fri 00:00", "Fri 00:00", "Fri 6 Mar 2026, 00:00"),
    (NIGHT, NIGHT + 1000, "Thu 23:59", "Thu 23:59", "Thu 5 Mar 2026, 23:59"),
    (
        *(EVENING - 6 * DAY, EVENING),
        *("Fri 19:45", "Fri 19:45", "Fri 27 Feb 2026, 19:45"),
    ),
    (
        *(EVENING - 7 * DAY, EVENING),
        *("26 Feb 19:45", "26 Feb 19:45", "Thu 26 Feb 2026, 19:45"),
    ),
    (
        *(EVENING + 365 * DAY, EVENING),
        *("5 Mar 2027 19:45", "5 Mar 2027 19:45", "Fri 5 Mar 2027, 19:45"),
    ),
    (
        *(0, EVENING),
        *("1 Jan 1970 00:00", "1 Jan 1970 00:00", "Thu 1 Jan 1970, 00:00"),
    ),
    (
        *(-62135596800000, EVENING),
        *("1 Jan 0001 00:00", "1 Jan 0001 00:00", "Mon 1 Jan 0001, 00:00"),
    ),
    (
        *(BEYOND - 1, EVENING),
        *("31 Dec 9999 23:59", "31 Dec 9999 23:59", "Fri 31 Dec 9999, 23:59"),
    ),
    (BEYOND, EVENING, "–", "–", "–"),
    (8_640_000_000_000_000, EVENING, "–", "–", "–"),
    (None, EVENING, "–", "–", "–"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_time_that_is_not_todays_has_its_date(case: Any) -> None:
    at, now, clock, hours, date = case
    forms = [write_time(at, form, now) for form in ("clock", "hours", "date")]
    assert forms == [clock, hours, date]
    if hours != "–":
        assert write_time(at, "until", now) == f"until {hours}"


def test_the_script_writes_every_time_so(page: Page, board: Board) -> None:
    page.goto(board.url)
    written = page.evaluate(
        """async (cases) => {
          const t = await import("/static/times.js");
          return cases.map(([at, now]) => [
            t.clock(at, now), t.hours(at, now), t.date(at),
          ]);
        }""",
        [case[:2] for case in CASES],
    )
    assert written == [[*texts] for _, _, *texts in CASES]


def test_an_element_has_its_instant() -> None:
    assert iso_time(EVENING) == "2026-03-05T19:45:07Z"
    assert iso_time(-62135596800000) == "0001-01-01T00:00:00Z"
    assert iso_time(BEYOND) == ""


SHOWN = """
() => [...document.querySelectorAll("time[datetime][data-form]")].map((it) => [
  it.getAttribute("datetime"), it.dataset.form, it.textContent,
])
"""
PLACES = """
() => [...document.querySelectorAll("h1, h2, .tag, .tools, .team-name, .notice strong")]
  .map((it) => [it.textContent, JSON.stringify(it.getBoundingClientRect())])
"""
INDIA = 11 * HOUR // 2  # its distance from UTC, in ms


@pytest.fixture(scope="module")
def calendar() -> Iterator[Board]:
    """Yield a board with times of several days, near and far."""
    now = now_ms()
    starts = (now + HOUR, now + 20 * HOUR, now + 60 * DAY, now - 400 * DAY)
    lines = [
        {"event": "price", "data": {"symbol": "ACME", "price": 1.5}},
        *(
            {"event": "score", "data": match("NS", match=f"m{at}", kick_off=at)}
            for at in starts
        ),
        {"event": "market", "data": closed(now + 18 * HOUR)},
        {"event": "notice", "data": {"notice": "n", "title": "News", "level": "info"}},
        {"event": "ticket", "key": "1", "data": {"opened_at": now - 30 * HOUR}},
        {"event": "visit", "data": {"text": "Somebody came"}},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    kind = {"Content-Type": "application/x-ndjson", "Authorization": "Bearer secret"}
    with Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="1") as board:
        status, _, answer = board.request("POST", "/api/publish", kind, body)
        assert status == 201, answer
        yield board


def closed(until: int) -> dict[str, Any]:
    return {"market": "MAIN", "status": "closed", "until": until}


@pytest.fixture
def abroad(browser: Browser, calendar: Board) -> Iterator[Page]:
    """Yield the page as a reader in India sees it, whose language is no language."""
    with browser.new_context(timezone_id="Asia/Kolkata", locale="en-GB") as context:
        context.add_init_script(
            "Object.defineProperty(navigator, 'language', { value: 'C' })"
        )
        page = context.new_page()
        page.goto(calendar.url)
        yield page


def test_without_a_script_the_page_says_utc(browser: Browser, calendar: Board) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(calendar.url)
        expect_times(page, 0)
        expect(page.locator(".as-of")).to_contain_text("UTC")


def test_each_time_of_the_page_is_the_readers(abroad: Page) -> None:
    wait_until_live(abroad)
    expect(abroad.locator("[data-zone]")).to_have_text("UTC+5:30")
    expect_times(abroad, INDIA)
    forms = {form for _, form, _ in abroad.evaluate(SHOWN)}
    assert forms == {"clock", "hours", "until", "date"}
    expect(abroad.locator(".market time")).to_have_count(1)
    expect(abroad.locator(".happening time")).to_have_count(1)
    expect(abroad.locator("tr[data-type=ticket] time")).to_have_count(1)
    for chip in abroad.locator(".chip[data-kick-off]").all():
        at = epoch_ms(str(chip.get_attribute("data-kick-off"))) + INDIA
        assert chip.get_attribute("title") == f"Kick-off {write_time(at, 'date', 0)}"


def test_a_reader_may_choose_utc_in_all_tabs(abroad: Page, calendar: Board) -> None:
    other = abroad.context.new_page()
    other.goto(calendar.url)
    expect(other.locator("[data-zone]")).to_have_text("UTC+5:30")
    abroad.get_by_role("button", name="Settings").click()
    abroad.get_by_label("Times").select_option("UTC")
    for page in (abroad, other):
        expect(page.locator("[data-zone]")).to_have_text("UTC")
        expect_times(page, 0)
    abroad.reload()
    wait_until_live(abroad)
    expect_times(abroad, 0)


def test_nothing_moves_when_the_script_writes_the_times(
    browser: Browser, calendar: Board
) -> None:
    places = []
    for zone in ("UTC", "Asia/Kolkata", "America/St_Johns"):
        with browser.new_context(timezone_id=zone, locale="en-GB") as context:
            page = context.new_page()
            page.goto(calendar.url)
            wait_until_live(page)
            expect(page.locator("[data-zone]")).to_contain_text("UTC")
            places.append(page.evaluate(PLACES))
    assert len(places[0]) > 10
    assert places[0] == places[1] == places[2]


@pytest.mark.parametrize("language", ["fa-IR", "ar-EG", "en-US"])
def test_words_and_digits_are_english_in_every_language(
    browser: Browser, calendar: Board, language: str
) -> None:
    with browser.new_context(timezone_id="Asia/Tehran", locale=language) as context:
        page = context.new_page()
        page.goto(calendar.url)
        expect(page.locator("[data-zone]")).to_have_text("UTC+3:30")
        times = [text for _, _, text in page.evaluate(SHOWN)]
        assert times and all(map(str.isascii, times))
        dated = write_time(now_ms() + 60 * DAY + HOUR * 7 // 2, "hours", 0)
        day, month = dated.split()[:2]
        found = page.get_by_text(f"{day} {month}", exact=False)
        other = page.get_by_text(f"{month} {day}", exact=False)
        expect(found).to_have_count(0 if language != "ar-EG" else 1)
        expect(other).to_have_count(1 if language != "ar-EG" else 0)


def expect_times(page: Page, offset: int) -> None:
    """Expect each time of the page as it is written with this distance from UTC."""

    def are_written() -> bool:
        shown = page.evaluate(SHOWN)
        now = now_ms() + offset
        return len(shown) > 8 and all(
            text == write_time(epoch_ms(datetime) + offset, form, now)
            for datetime, form, text in shown
        )

    until(are_written, 15, f"all times are {offset} ms from UTC")


def epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000
