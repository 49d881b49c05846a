"""Names written from right to left turn no words around them, wherever they stand.

The places aren't listed here: everything on the page that a person reads is looked at,
texts and attributes alike.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from feed.answers.answer import words_of
from feed.answers.piece import Piece
from feed.streams.text import printable
from feed.streams.written import isolated
from tests.helpers.harness import Board
from tests.helpers.keys import KeyClient, encode_slashes
from tests.helpers.pages import wait_until_live
from web.terminal import _width

HOME, AWAY, CUP, PLAYER = "מכבי (1)", "نادي 2", "דרבי 3", "כהן 4"
SYMBOL, COMPANY, MARKET, KEY = "טבע", "טבע 5", "תל 6", "קשר 7"
FIELD, VALUE, TITLE, BODY, MATCH = "שדה", "ערך 8", "שער 9", "גוף 10", "חיפה 11"
ISOLATES = "\u2068\u2069"
SAMPLES = {
    "Acton": "Acton",
    "Łódź – 東京 😀": "Łódź – 東京 😀",
    HOME: f"\u2068{HOME}\u2069",
    f"FC {AWAY}": f"\u2068FC {AWAY}\u2069",
    "\u202eotcA": "\u2068otcA\u2069",
    "a\u2069b\u2067\u200f": "\u2068ab\u2069",
    "\U0001e900": "\u2068\U0001e900\u2069",
    "": "",
}

# Every text and attribute of a document that would turn the words around it. One alone
# in a <bdi>, or in another element that has the direction of its text, turns nothing.
TURNED = r"""(root) => {
  const TURNS = /[\u0590-\u08ff]/;
  const ISOLATE = /\u2068[^\u2068\u2069]*\u2069/g;
  const READ = "aria-label aria-description title alt placeholder label".split(" ");
  const isBare = (text) => TURNS.test(text.replace(ISOLATE, ""));
  const isAlone = (element) => {
    const around = element?.closest("bdi, [dir=auto]");
    return around && !/[a-z–]/i.test(around.textContent);
  };
  const found = [];
  const { SHOW_ELEMENT, SHOW_TEXT } = NodeFilter;
  const walker = root.createTreeWalker(root, SHOW_ELEMENT | SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      const parent = node.parentElement;
      if (parent.closest("script, style, textarea, pre")) continue;
      if (isBare(node.data) && !isAlone(parent)) found.push(parent.outerHTML);
    } else for (const name of READ) {
      const text = node.getAttribute(name) ?? "";
      if (isBare(text)) found.push(`${node.localName} ${name}: ${text}`);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def eastern() -> Iterator[Board]:
    """Yield a board on which all names and texts are written from right to left."""
    with (
        Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="1") as board,
        closing(KeyClient(board.port)) as client,
    ):
        put(client, "prices", SYMBOL, {"price": 10, "name": COMPANY, "currency": "שח"})
        put(client, "prices", SYMBOL, {"price": 11, "name": COMPANY, "currency": "שח"})
        put(client, "scores", MATCH, score(1, 0))
        for key in (KEY, KEY + "2"):
            put(client, f"keys/{TYPE}", key, {FIELD: VALUE, "status": VALUE, "n": 1})
        lines = [
            {"event": "market", "data": {"market": MARKET, "status": "open"}},
            {"event": "notice", "data": {**NOTICE, "notice": "a"}},
            {"event": "notice", "data": {**NOTICE, "notice": "b", "level": "warning"}},
            {"event": TYPE, "data": {FIELD: VALUE, "n": 1}},
            {"event": TYPE, "data": {"text": VALUE}},
        ]
        for line in lines:
            status = client.send("POST", "/api/publish", json.dumps(line).encode())
            assert status == 201, client.body
        yield board


TYPE = "ticket"
NOTICE = {"title": TITLE, "body": BODY, "level": "info"}


def score(home: int, away: int) -> dict[str, object]:
    goal = {"kind": "goal", "team": "home", "player": PLAYER, "minute": 12}
    goal |= {"incident": "1", "home_score": 1, "away_score": 0}
    return {
        "competition": CUP,
        "home": {"name": HOME, "score": home},
        "away": {"name": AWAY, "score": away},
        "status": "1H",
        "minute": 20,
        "incidents": [goal],
    }


def put(client: KeyClient, kind: str, key: str, data: dict[str, object]) -> None:
    body = json.dumps(data).encode()
    path = f"/api/{kind}/{encode_slashes(key)}"
    assert client.send("PUT", path, body) == 201, client.body


@pytest.mark.parametrize(("text", "written"), SAMPLES.items())
def test_only_a_text_that_may_turn_others_is_isolated(text: str, written: str) -> None:
    assert isolated(text) == written
    assert isolated(written) == written
    assert "2–1" in printable(f"{written} 2–1")


def test_what_the_first_html_says_is_isolated(
    page: Page, eastern: Board, page_errors: list[str]
) -> None:
    page_errors.append("404")  # of the symbol that isn't there yet
    page.goto(f"{eastern.url}/healthz")
    paths = [
        "/",
        f"/?symbols={SYMBOL},X",
        f"/s/{SYMBOL}",
        "/s/" + SYMBOL + "x",
        f"/m/{MATCH}",
        f"/k/{TYPE}/{KEY}",
        "/embed",
        "/ask",
        *(f"/ask?q={q}" for q in ("goals", "scores", SYMBOL, HOME, TITLE)),
        f"/ask?q=how does it stand&about=match/{MATCH}",
        f"/ask?about=match/{MATCH}",
    ]
    found = page.evaluate(
        f"""async (paths) => {{
          const turned = {TURNED};
          const all = {{}};
          for (const path of paths) {{
            const answer = await fetch(path, {{ headers: {{ Accept: "text/html" }} }});
            const html = await answer.text();
            const document = new DOMParser().parseFromString(html, "text/html");
            if (!html.includes("מכבי")) all[path] = ["it shows no name"];
            else all[path] = turned(document);
          }}
          return all;
        }}""",
        paths,
    )
    assert found == {path: [] for path in paths}
    written = page.evaluate(
        """async (texts) => {
          const { isolated } = await import("/static/format.js");
          return texts.map(isolated);
        }""",
        list(SAMPLES),
    )
    assert written == list(SAMPLES.values())


def test_what_the_page_says_is_isolated_in_every_state(
    page: Page, eastern: Board
) -> None:
    page.goto(eastern.url)
    wait_until_live(page)
    check(page)
    with closing(KeyClient(eastern.port)) as client:
        page.locator("#open-alerts").click()
        page.locator("#alert-price").fill("12")
        page.locator("#alert-symbol").fill(SYMBOL)
        page.locator("#alert-price").fill("12")
        page.locator("#price-alert button").click()
        page.locator("#alert-kinds [data-kind=match]").click()
        page.locator("#match-alert button").click()
        page.locator("#alert-kinds [data-kind=own]").click()
        page.locator("#alert-test").select_option("new")
        page.locator("#own-alert button").click()
        expect(page.locator("#alert-list li")).to_have_count(3)
        check(page)
        page.keyboard.press("Escape")
        put(client, "scores", MATCH, score(2, 0))
        put(client, "prices", SYMBOL, {"price": 13, "name": COMPANY})
        put(client, "prices", SYMBOL + "2", {"price": 13, "name": COMPANY})
        put(client, f"keys/{TYPE}", KEY + "3", {FIELD: VALUE, "n": 1})
        expect(page.locator("#toasts .toast")).to_have_count(3)
        expect(page.locator("#status")).to_contain_text(re.compile("[א-ת]"))
    check(page)
    for row in ("[data-symbol] .symbol", "[data-match] .open", "[data-key] .symbol"):
        page.locator(f"#board {row}").first.press("Enter")
        expect(page.locator("#detail")).to_be_visible()
        page.locator("#detail-alert").click()
        expect(page.locator("#alerts")).to_have_attribute("open", "")
        check(page)
        page.keyboard.press("Escape")
        page.locator("#detail-close").click()
    page.locator("#open-ask").click()
    for question in ("goals", "scores", SYMBOL):
        page.locator("#ask-question").fill(question)
        page.locator("#ask-send").click()
        expect(page.locator("#ask-send")).to_have_attribute("data-act", "ask")
    check(page)


def test_a_terminal_gets_the_isolates_of_names_and_no_others(eastern: Board) -> None:
    table = eastern.get("/")[2].decode()
    stream = eastern.get("/stream.txt?once=1")[2].decode()
    for text in (table, stream):
        lines = text.split("\n")
        [match] = [it for it in lines if HOME in it]
        assert f"\u2068{HOME}\u2069" in match
        assert f"\u2068{AWAY}\u2069" in match
        for line in lines:
            left = re.sub("\u2068[^\u2068\u2069]*[א-ي][^\u2068\u2069]*\u2069", "", line)
            assert left.isprintable(), line
    assert _width(f"\u2068{HOME}\u2069") == len(HOME)
    hostile = f"\u2068{HOME}\u202e\u2069 \u2068\u2069 \u2067{HOME} \u2068{HOME}"
    tamed = printable(hostile)
    assert tamed == f"\u2068{HOME} \u2069     {HOME}  {HOME}"


def test_a_streamed_answer_keeps_an_isolated_name_in_one_word() -> None:
    pieces = [Piece(f"the goals of \u2068{HOME}\u2069.")]
    texts = ["".join(it.text for it in word) for word in words_of(pieces)]
    assert texts == ["the", " goals", " of", f" \u2068{HOME}\u2069."]


def check(page: Page) -> None:
    """Check that nothing on the page turns the words around it."""
    assert page.evaluate(f"() => ({TURNED})(document)") == []
