"""The server and the page select the same for the same URL."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.helpers.harness import Board
from tests.helpers.samples import match, quote, team
from web.address import Selection

QUOTES = [
    quote("ACME", 100, change=1.0, change_percent=1.0, volume=None),
    quote("BOLT", 100, name="Boltwright", change=-1.0, change_percent=-1.0, volume=5),
    quote("KEEL", 7, name=None, change=None, change_percent=None, volume=9),
    quote("Zed", 8, name="bolt two", change=0.001, change_percent=3.0, volume=5),
]
SCORES = [
    match("1H", match="a", home=team("Acton"), away=team("Burton")),
    match("FT", match="b", home=team("Corby"), away=team("Derby"), competition=None),
    match("NS", match="c", home=team("Ely"), away=team("Frome"), kick_off=None),
    match("PST", match="d", home=team("Boltby"), away=team("Frome")),
    match("FT", match="e", home=team("Atlético Łódź"), away=team("A.C. İstanbul–Ost")),
    match("FT", match="f", home=team("Saint-Étienne"), away=team("Σίσυφος ﾌｯﾄ")),
]
FOUND = {  # the match that a search finds
    "atletico": "e",
    "ATLÉTICO lodz": "e",
    "istanbul": "e",
    "ISTANBUL": "e",
    "ıstanbul": "e",
    "ac istanbul ost": "e",
    "łódź a.c.": "e",
    "saint étienne": "f",
    "etienne saint": "f",
    "st-etienne": "",
    "σισυφος": "f",
    "ΣΙΣΥΦΟΣ": "f",
    "フット": "f",
    "\u2068Saint\u2069": "f",
}
QUERIES: list[dict[str, str]] = [
    {},
    {"view": "prices", "filter": "up"},
    {"filter": "down", "sort": "-price"},
    {"sort": "-change_percent"},
    {"sort": "change_percent", "q": "BOLT"},
    {"sort": "-volume"},
    {"sort": "name", "q": " bolt "},
    {"sort": "-symbol", "symbols": "ACME,Zed,NONE"},
    {"filter": "live"},
    {"filter": "finished", "q": "corby"},
    {"filter": "upcoming"},
    {"filter": "sideways", "sort": "colour", "view": "All", "symbols": ",,"},
    {"q": "x" * 300, "symbols": "a b,ü&=?#"},
    *({"q": search} for search in ("anvil acme", "ACME\u00a0 Anvil", ". ’", *FOUND)),
    {"view": "activity", "by": "ticket:"},
    {"view": "ticket", "by": "-ticket:waiting:max", "sort": "-price"},
    {"view": "type:prices", "by": f"prices:{'x' * 200}"},
    {"view": "type:ticket", "by": f"ticket:{'x' * 201}"},
    {"view": "price", "by": "price:at"},
    {"view": "heart.beat-2_", "by": "waiting"},
    {"view": "constructor", "by": "constructor:__proto__"},
]


def test_the_page_and_the_server_understand_a_url_in_the_same_way(
    page: Page, board: Board
) -> None:
    page.goto(board.url)
    theirs = page.evaluate(
        """async ([queries, quotes, scores]) => {
          const a = await import("/static/controls/address.js");
          return queries.map((asked) => {
            const url = new URL(location.origin);
            for (const [name, value] of Object.entries(asked)) {
              url.searchParams.set(name, value);
            }
            const selection = a.readSelection(url);
            return [
              a.chooseQuotes(quotes, selection, () => false).map((q) => q.symbol),
              a.chooseScores(scores, selection, () => false).map((s) => s.match).sort(),
              a.writeUrl(selection),
            ];
          });
        }""",
        [QUERIES, QUOTES, SCORES],
    )
    assert theirs == [chosen(asked) for asked in QUERIES]


@pytest.mark.parametrize(("search", "found"), FOUND.items())
def test_a_search_needs_no_accents_dots_dashes_or_order(
    search: str, found: str
) -> None:
    scores = Selection(q=search).scores(SCORES)
    assert [score["match"] for score in scores] == [*found]


def test_what_is_not_understood_counts_as_not_given() -> None:
    assert Selection.of({"view": "X", "sort": "-x", "filter": "x"}) == Selection()


def test_the_view_and_the_order_of_an_own_type_are_read_off_the_url() -> None:
    selection = Selection.of({"view": "type:scores", "by": "-scores:a:b"})
    assert selection.own_type == "scores"
    assert selection.order_of("scores") == ("a:b", True)
    assert selection.order_of("score") is None
    assert Selection.of({"view": "scores", "by": "ticket:"}).own_type is None
    assert Selection.of({"by": "ticket:"}).order_of("ticket") == ("", False)


def test_a_query_says_only_what_differs_and_can_be_changed() -> None:
    selection = Selection.of({"sort": "-price", "symbols": "A,B", "q": "é &"})
    assert selection.query() == "?symbols=A,B&sort=-price&q=%C3%A9%20%26"
    assert selection.query(sort="symbol", symbols=(), q="") == ""
    assert Selection.of({"q": "é &", "symbols": "A,B", "sort": "-price"}) == selection


def chosen(asked: dict[str, str]) -> list[Any]:
    selection = Selection.of(asked)
    return [
        [quote["symbol"] for quote in selection.prices(QUOTES)],
        sorted(score["match"] for score in selection.scores(SCORES)),
        "/" + selection.query(),
    ]
