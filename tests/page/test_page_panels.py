"""Publishers' own types on the page: their tables, and their events without a key."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.harness import ROOT, Board, until
from tests.helpers.pages import wait_until_live

# As in JavaScript, where every number is a double.
OWN_TYPES = json.loads(
    (ROOT / "tests/page/own_types.json").read_text(), parse_int=float
)
RULES = """
async (text) => {
  const cases = JSON.parse(text);
  const cells = await import("/static/panels/cells.js");
  const { OwnTypes } = await import("/static/board/own-types.js");
  const { Tables } = await import("/static/panels/tables.js");
  const { chooseRows, isFound } = await import("/static/panels/order.js");
  const { wordsOf } = await import("/static/controls/address.js");
  const address = await import("/static/controls/address.js");
  const { headOf } = await import("/static/format.js");
  const rowsOf = (rows) => rows.map(([key, data]) => ({ event: "row", key, data }));
  const typeOf = (rows) => {
    const own = new OwnTypes(rowsOf(rows), []);
    return new Tables({ own, rebuilds: 0, watch() {} }).of("row");
  };
  const written = ({ name, value }) => {
    const { kind, text, tone, at } = cells.cell(name, value, cases.now);
    const age = at === undefined ? {} : { age: cells.ageText(at, cases.now) };
    return { name, value, kind, text, ...(tone && { tone }), ...age };
  };
  const columns = ({ rows }) => {
    const own = typeOf(rows.map((data, i) => [String(i), data]));
    const all = [...(own?.columns.values() ?? [])];
    return {
      rows,
      columns: all.map(({ name }) => name),
      trend: own?.trend ?? null,
      decimals: Object.fromEntries(
        all.filter((it) => it.isNumeric).map((it) => [it.name, it.decimals]),
      ),
    };
  };
  const opened = (type, key) => ({ kind: "own", type, key });
  const blank = address.readSelection(new URL(location.origin));
  return JSON.stringify({
    titles: cases.titles.map(([name]) => [name, headOf(name)]),
    heads: cases.heads.map(([name]) => [name, headOf(name)]),
    cells: cases.cells.map(written),
    cuts: cases.cuts.map((it) => {
      const { text } = cells.cell("x", it.repeat.repeat(it.times), cases.now);
      const cut = text === it.text.repeat(120) + "…";
      const isWhole = text === it.text.repeat(it.times);
      return { ...it, cut, text: cut || isWhole ? it.text : text };
    }),
    columns: cases.columns.map(columns),
    padded: cases.padded.map((it) => ({
      ...it,
      text: cells.number(it.value, it.decimals),
    })),
    activity: cases.activity.map(({ data }) => ({
      data,
      text: cells.activityText(data, cases.now),
    })),
    views: cases.views.map(([type]) => [type, address.viewOf(type)]),
    pages: cases.pages.map(([type, key]) => [
      type,
      key,
      address.writeUrl({ ...blank, opened: opened(type, key) }),
    ]),
    found: cases.found.map((it) => ({
      ...it,
      found: isFound(it, wordsOf(it.q)),
    })),
    order: cases.order.map(({ rows, by }) => ({
      rows,
      by,
      keys: chooseRows(typeOf(Object.entries(rows)), { ...blank, by }, () => false),
    })),
  });
}
"""


def test_the_page_follows_the_rules_that_it_shares_with_the_server(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    # As text, because Playwright would lose a field called __proto__.
    found = json.loads(page.evaluate(RULES, json.dumps(OWN_TYPES)), parse_int=float)
    for rule, cases in found.items():
        assert len(cases) == len(OWN_TYPES[rule])
        for case, expected in zip(cases, OWN_TYPES[rule], strict=True):
            assert case == expected, rule
    assert {*found} == {*OWN_TYPES} - {"rules", "now"}


DESK: dict[str, dict[str, Any]] = {
    "4711": {"subject": "Printer on fire", "status": "open", "waiting": 12},
    "4712": {"subject": "No mail", "status": "solved", "waiting": 3.5},
    "4713": {"subject": "Wrong invoice", "status": "breached", "waiting": None},
}
BEARER = {"Authorization": "Bearer secret"}
ROW = ".panel[data-type='{}'] tr[data-key='{}']"
PLACES = """
() => [...document.querySelectorAll(".panel:not([hidden])")].map((panel) => {
  const { x, y, width, height } = panel.getBoundingClientRect();
  return [panel.dataset.type ?? panel.id, x, y, width, height];
})
"""
KEYS = """
(type) => [...document.querySelectorAll(`.panel[data-type="${type}"] tr[data-key]`)]
  .map((row) => row.dataset.key)
"""


@pytest.fixture(scope="module")
def desk() -> Iterator[Board]:
    """Yield a board that has types of its own alone."""
    with Board(FEED="published", PUBLISH_TOKEN="secret", MAX_KEYS="20000") as board:
        yield board


@pytest.fixture
def tickets(desk: Board) -> Iterator[Board]:
    """Yield the board with nothing but the tickets."""
    put(desk, "ticket", DESK)
    yield desk
    rows = json.loads(desk.get("/api/state")[2])["other"]
    for start in range(0, len(rows), 1000):
        publish(desk, *map(gone, rows[start : start + 1000]))


def put(board: Board, type: str, rows: dict[str, Any]) -> None:
    publish(board, *({"event": type, "key": key, "data": rows[key]} for key in rows))


def retire(board: Board, type: str, key: str) -> None:
    publish(board, gone({"event": type, "key": key}))


def gone(row: dict[str, Any]) -> dict[str, Any]:
    """Return the event that retires a row."""
    return {"event": "gone", "data": {"event": row["event"], "key": row["key"]}}


def publish(board: Board, *events: dict[str, Any]) -> None:
    kind = {"Content-Type": "application/x-ndjson"}
    body = "\n".join(map(json.dumps, events)).encode()
    status, _, answer = board.request("POST", "/api/publish", BEARER | kind, body)
    assert status == 201, answer


def expect_keys(page: Page, keys: list[str]) -> None:
    """Wait until the tickets stand in this order."""
    found = page.locator(".panel[data-type=ticket] tr[data-key] [data-field=key]")
    expect(found).to_have_text(keys)


def open_desk(page: Page, board: Board, path: str = "/") -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(board.url + path)
    wait_until_live(page)
    page.wait_for_function("() => document.querySelector('[aria-rowcount]')")


def test_rows_and_types_come_change_and_go_and_nothing_else_moves(
    page: Page, tickets: Board
) -> None:
    open_desk(page, tickets)
    expect(page.locator(ROW.format("ticket", "4711"))).to_contain_text(
        "Printer on fire"
    )
    put(tickets, "typing", {"4711": {"agent": "Mia"}})
    typing = page.locator("#panel-typing")
    expect(typing).to_have_text("Typing")
    expect(page.locator("#views")).to_contain_text("Typing")
    expect(page.locator(ROW.format("typing", "4711"))).to_contain_text("Mia")
    publish(tickets, {"event": "note", "data": {"text": "Mia took 4711"}})
    expect(page.locator("#happenings li")).to_contain_text(["Mia took 4711"])
    places = page.evaluate(PLACES)
    put(tickets, "ticket", {"4714": {"subject": "New", "waiting": 1}})
    expect(page.locator(ROW.format("ticket", "4714"))).to_be_visible()
    retire(tickets, "ticket", "4714")
    retire(tickets, "typing", "4711")
    expect(page.locator(ROW.format("typing", "4711"))).to_have_count(0)
    expect(page.locator(ROW.format("ticket", "4714"))).to_have_count(0)
    expect(typing).to_be_visible()
    expect(page.locator("[data-type=typing] .none")).to_be_visible()
    # The new ticket's row made room that stays: nothing moved but what is below it.
    assert [place[:3] for place in page.evaluate(PLACES)][:2] == [
        place[:3] for place in places
    ][:2]
    for waiting in (13, 15, 14.25):
        put(tickets, "ticket", {"4711": DESK["4711"] | {"waiting": waiting}})
    row = page.locator(ROW.format("ticket", "4711"))
    expect(row.locator("[data-kind=number]")).to_have_text("14.25")
    points = row.locator("polyline").get_attribute("points") or ""
    assert len(points.split()) == 4
    other = page.locator(ROW.format("ticket", "4712"))
    expect(other.locator("[data-kind=number]")).to_have_text("3.50")
    expect(page).to_have_title("Ticket 3 · Liveboard")


def test_search_sort_pins_and_pause_work_as_for_prices(
    page: Page, tickets: Board
) -> None:
    open_desk(page, tickets)
    count = page.locator("[data-type=ticket] [data-field=count]")
    page.locator("#search").fill("mail")
    expect(count).to_have_text("1 of 3")
    assert page.evaluate(KEYS, "ticket") == ["4712"]
    page.locator("#search").fill("")
    expect(count).to_have_text("3")
    head = page.locator("[data-type=ticket] th", has_text="Waiting")
    for order, keys in (
        ("descending", ["4711", "4712", "4713"]),
        ("ascending", ["4712", "4711", "4713"]),
        ("none", ["4711", "4712", "4713"]),
    ):
        head.locator("a").click()
        expect(head).to_have_attribute("aria-sort", order)
        expect_keys(page, keys)
    assert "by=" not in page.url
    page.get_by_role("button", name="Pin 4713").click()
    until(lambda: page.evaluate(KEYS, "ticket")[0] == "4713", 15, "it is first")
    expect(page.get_by_role("button", name="Pin 4713")).to_have_text("★")
    page.locator("[data-filter=pinned]").click()
    expect(count).to_have_text("1 of 3")
    page.locator("[data-filter=pinned]").click()
    page.get_by_role("button", name="Pin 4713").click()
    page.locator("#views").get_by_role("link", name="Ticket").click()
    assert page.url.endswith("/?view=ticket")
    page.locator("#own-sort").select_option("Subject ↓")
    until(lambda: page.evaluate(KEYS, "ticket")[0] == "4713", 15, "Wrong is last")
    page.mouse.move(0, 0)
    page.get_by_role("button", name="Pause").click()
    put(tickets, "ticket", {"4711": DESK["4711"] | {"waiting": 99}})
    expect(page.locator("#paused")).to_contain_text("1 row changed")
    row = page.locator(ROW.format("ticket", "4711"))
    expect(row.locator("[data-kind=number]")).to_have_text("12.0")
    page.get_by_role("button", name="Resume").click()
    expect(row.locator("[data-kind=number]")).to_have_text("99.0")


def test_a_row_opens_its_detail_by_mouse_by_key_and_by_its_url(
    page: Page, tickets: Board
) -> None:
    deep = json.loads("[" * 60 + "1" + "]" * 60)
    long = "x" * 500_000
    put(tickets, "ticket", {"4714": {"subject": "Deep", "tags": deep, "log": long}})
    open_desk(page, tickets)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text("4712")
    expect(page.locator("#detail-subtitle")).to_have_text("Ticket")
    expect(page.locator("#own-fields")).to_contain_text("solved")
    assert page.url.endswith("/k/ticket/4712")
    put(tickets, "ticket", {"4712": DESK["4712"] | {"status": "open again"}})
    expect(page.locator("#own-fields")).to_contain_text("open again")
    page.get_by_role("button", name="Pin", exact=False).first.click()
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    page.goto(f"{tickets.url}/k/ticket/4714")
    fields = page.locator("#own-fields")
    more = fields.get_by_role("button", name="more").last
    expect(more).to_be_visible()
    shown = "() => document.getElementById('own-fields').textContent.length"
    assert page.evaluate(shown) < 15_000
    more.click()
    assert page.evaluate(shown) > 20_000
    expect(page.locator("#own-fields pre")).to_contain_text("[")
    retire(tickets, "ticket", "4714")
    expect(page.locator("#detail-waiting")).to_be_visible()


def test_of_many_rows_and_types_only_those_in_sight_are_drawn(
    page: Page, tickets: Board
) -> None:
    for start in range(0, 6000, 1000):
        rows = range(start, start + 1000)
        put(tickets, "row", {f"r{n:04}": {"n": n, "text": "some text"} for n in rows})
    types = ({"event": f"type-{n}", "key": "a", "data": n} for n in range(90))
    publish(tickets, *types)
    open_desk(page, tickets)
    expect(page.locator("[data-type=row] [data-field=count]")).to_have_text("6000")
    table = page.locator("[data-type=row] table")
    expect(table).to_have_attribute("aria-rowcount", "6001")
    drawn = "() => document.querySelectorAll('.panel tr[data-key]').length"
    until(lambda: 10 < page.evaluate(drawn) < 150, 15, "few rows are drawn")
    page.evaluate(
        "() => { document.querySelector('[data-type=row] .scroll').scrollTop = 1e7 }"
    )
    last = page.locator(ROW.format("row", "r5999"))
    expect(last).to_be_visible()
    expect(last).to_have_attribute("aria-rowindex", "6001")
    assert page.evaluate(drawn) < 150
    page.locator("#search").fill("r4321")
    expect(page.locator("[data-type=row] [data-field=count]")).to_have_text("1 of 6000")
    expect(page.locator(".panel:visible")).to_have_count(1)
    page.locator("#search").fill("")
    # A few panels come back in each frame, and each makes the page longer.
    expect(page.locator(".panel[data-type^=type-]:visible")).to_have_count(90)
    page.evaluate("() => scrollTo(0, 1e7)")
    expect(page.locator(ROW.format("type-89", "a"))).to_contain_text("89")
    assert page.evaluate(drawn) < 150


def test_hostile_names_keys_and_fields_are_shown_as_text(
    page: Page, tickets: Board
) -> None:
    markup = "<img src=x onerror='window.pwned = 1'><script>window.pwned = 1</script>"
    hostile = {
        markup: markup,
        "link": "javascript:window.pwned = 1",
        "\u202eright to left": "\u202egnp.exe",
        "__proto__": {"polluted": 1},
        "long": "y" * 30_000,
        "constructor": "https://example.com/?q='\"onmouseover=alert(1)",
    }
    names = ("__proto__", "constructor", "toString", markup, "javascript:alert(1)")
    for type in ("constructor", "tostring", "prices", "web.errors", "web-errors"):
        put(tickets, type, dict.fromkeys(names, hostile))
        publish(tickets, {"event": type, "data": {"text": markup}})
    open_desk(page, tickets)
    rows = page.locator(".panel tr[data-key]")
    expect(page.locator("[data-type=prices] tr[data-key]")).to_have_count(5)
    assert rows.count() >= 20
    expect(page.get_by_role("heading", name="Web errors")).to_have_count(2)
    page.locator("#views").get_by_role("link", name="Prices").last.click()
    assert "view=type%3Aprices" in page.url
    page.locator("[data-type=prices] .symbol").first.click()
    expect(page.locator("#own-fields")).to_contain_text("onerror")
    found = page.evaluate(
        """() => ({
          pwned: window.pwned ?? Object.prototype.polluted ?? null,
          images: document.querySelectorAll("main img, main script").length,
          links: [...document.querySelectorAll(".own a, #own-fields a")]
            .map((link) => new URL(link.href))
            .filter(({ origin }) => origin !== location.origin).length,
        })"""
    )
    assert found == {"pwned": None, "images": 0, "links": 0}


def test_alerts_notify_of_a_new_row_a_word_and_a_mark(
    page: Page, tickets: Board
) -> None:
    page.add_init_script("delete window.Notification")
    open_desk(page, tickets)
    page.get_by_role("button", name="Alerts").first.click()
    expect(page.locator("#price-alert")).to_be_hidden()
    add = page.get_by_role("button", name="Add alert")
    add.click()
    page.locator("#alert-test").select_option("above")
    add.click()
    expect(page.locator("#alert-problem")).to_contain_text("isn’t a number")
    page.locator("#alert-value").fill("20,5")
    add.click()
    page.locator("#alert-test").select_option("becomes")
    expect(page.locator("#alert-field")).to_have_value("status")
    page.locator("#alert-value").fill("Closed")
    page.locator("#alert-key").fill("4712")
    add.click()
    listed = ["A new Ticket", "Ticket: Waiting above 20.5"]
    listed.append("Ticket 4712: Status becomes Closed")
    expect(page.locator("#alert-list [data-field=text]")).to_have_text(listed)
    page.keyboard.press("Escape")
    put(tickets, "ticket", {"4720": {"subject": "New", "waiting": 1}})
    put(tickets, "ticket", {"4720": {"subject": "New", "waiting": 21}})
    for key in ("4711", "4712"):
        put(tickets, "ticket", {key: DESK[key] | {"status": "closed"}})
    toasts = [
        "Ticket 4720 is new",
        "Ticket 4720: Waiting is above 20.5: 21",
        "Ticket 4712: Status is closed",
    ]
    expect(page.locator(".toast-text")).to_have_text(toasts)
    page.reload()
    page.get_by_role("button", name="Alerts").first.click()
    expect(page.locator("#alert-list [data-field=text]")).to_have_text(listed)


@pytest.mark.parametrize("path", ["/", "/?view=ticket", "/k/ticket/4711"])
def test_no_board_of_own_types_scrolls_sideways(
    page: Page, tickets: Board, path: str
) -> None:
    long = {"a_field_with_a_long_name": "w" * 200, "status": "s" * 40, "b": 1e14}
    put(tickets, "a" * 60, {"k" * 200: long})
    open_desk(page, tickets, path)
    for width in (1440, 1024, 640, 390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
