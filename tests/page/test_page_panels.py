"""Publishers' own types on the page: their tables, and their events without a key."""

import json

from playwright.sync_api import Page

from tests.helpers.harness import ROOT, Board

# As in JavaScript, where every number is a double.
OWN_TYPES = json.loads(
    (ROOT / "tests/page/own_types.json").read_text(), parse_int=float
)
RULES = """
async (text) => {
  const cases = JSON.parse(text);
  const cells = await import("/static/board/cells.js");
  const { OwnTypes } = await import("/static/board/own-types.js");
  const { chooseRows, isFound } = await import("/static/panels/order.js");
  const address = await import("/static/controls/address.js");
  const rowsOf = (rows) => rows.map(([key, data]) => ({ event: "row", key, data }));
  const typeOf = (rows) => new OwnTypes(rowsOf(rows), []).types.get("row");
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
    titles: cases.titles.map(([name]) => [name, cells.headOf(name)]),
    heads: cases.heads.map(([name]) => [name, cells.headOf(name)]),
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
      found: isFound(it, it.q.trim().toLowerCase()),
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
