"""Boards of one's own as the server writes them: the HTML and the text, in any shape.

The application runs in this process, without a source, and events are published to its
feed. What the page's scripts do with the HTML is tested in `test_page_panels.py`.
"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from app import create_app
from feed.clock import now_ms
from feed.events.event import FORBIDDEN_IN_KEY, MAX_DEPTH, Event, gone, keyed, unkeyed
from feed.feed import Feed
from feed.settings import Settings
from tests.helpers.harness import ROOT
from tests.helpers.nasty import KEYS, LARGE, TEXTS
from web import panels

HTML = {"Accept": "text/html"}
MIB = 1 << 20
DESK = {
    "4711": {"subject": "Printer on fire", "status": "open", "waiting": 12.5},
    "4712": {"subject": "Can’t log in", "status": "solved", "waiting": 3},
    "4713": {"subject": "Invoice", "status": "on hold", "waiting": None, "by": "Mia"},
}
HOSTILE = (
    *TEXTS,
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://example.com/\u202egnp.exe",
    "{{ 7*7 }} {% raw %}",
    "' onmouseover='alert(1)",
    "\x1b]0;owned\x07\x1b[2J",
)
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x80-\x9f]")
ISOLATED = re.compile("\u2068([^\u2066-\u2069]*)\u2069")  # by the board, as a whole
UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NAMES = ("__proto__", "constructor", "", "at", "opened_at", "status", "1", "</td>", "x")


class Own:
    """An application whose board shows nothing but what the test publishes."""

    def __init__(self, **changes: Any) -> None:
        app = create_app(Settings(feed="published", **changes))
        self.feed: Feed = app.extensions["feed"]
        self.client: FlaskClient = app.test_client()

    def put(self, type: str, rows: dict[str, Any]) -> None:
        self.feed.publish([keyed(type, key, dump(rows[key])) for key in rows])

    def tell(self, type: str, *data: Any) -> None:
        self.feed.publish([unkeyed(type, dump(each)) for each in data])

    def page(self, path: str = "/", status: int = 200) -> "Page":
        answer = self.client.get(path, headers=HTML)
        assert answer.status_code == status, path
        return Page(answer.get_data(as_text=True))

    def text(self, path: str = "/", status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, path
        return answer.get_data(as_text=True)


class Page(HTMLParser):
    """A page as a browser without scripts reads it, with its templates left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.links: list[dict[str, str | None]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.boot: dict[str, Any] = {}
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._words.append(" ")
        if tag == "template":
            self._open.append(tag)
        if tag == "script":
            self._open.append(dict(attrs).get("id") or tag)
        if "template" not in self._open:
            self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "template"):
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self._words.append(data)
        elif self._open[-1] == "boot":
            self.boot = json.loads(data)

    @property
    def text(self) -> str:
        """The visible words, with single spaces."""
        return " ".join("".join(self._words).split())

    def with_attribute(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for _, attrs in self.tags if name in attrs]


@pytest.fixture
def own() -> Iterator[Own]:
    own = Own()
    yield own
    own.feed.close()


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def keys_of(page: Page) -> list[str | None]:
    return [attrs["data-key"] for attrs in page.with_attribute("data-key")]


def test_each_type_has_a_panel_with_its_rows_and_columns(own: Own) -> None:
    own.put("ticket", DESK)
    own.put("server", {"web-1": {"load": 0.5}})
    page = own.page()
    types = [it["data-type"] for it in page.with_attribute("data-columns")]
    assert types == ["server", "ticket"]
    assert keys_of(page) == ["web-1", *DESK]
    assert "Ticket Subject Status Waiting By Trend" in page.text
    assert "4711 Printer on fire open 12.5" in page.text
    assert "4712 Can’t log in solved 3.0" in page.text
    assert "4713 Invoice on hold none Mia" in page.text
    board = own.text()
    assert "4711    Printer on fire  open        12.5" in board
    assert board.endswith("stream?events=server,ticket'\n")
    tones = [it["data-tone"] for it in page.with_attribute("data-tone")]
    assert tones == ["amber", "green", "plain"]


def test_events_without_a_key_are_the_activity_newest_first(own: Own) -> None:
    own.tell("note", *({"text": f"Number {n}"} for n in range(60)))
    text = own.page().text
    first, *_, last = re.findall(r"\d\d:\d\d:\d\d Note Number (\d+)", text)
    assert (first, last) == ("59", "10")
    lines = own.text().split("Activity\n")[1].splitlines()
    assert [line.split()[-1] for line in lines[:50]] == [
        str(n) for n in reversed(range(10, 60))
    ]
    activity = own.page().boot["activity"]
    assert [it["data"]["text"] for it in activity] == [
        f"Number {n}" for n in range(10, 60)
    ]


def test_a_view_shows_one_type_or_the_activity_alone(own: Own) -> None:
    own.put("ticket", DESK)
    own.put("prices", {"a": 1})
    own.tell("note", "Hello")
    assert keys_of(own.page("/?view=ticket")) == [*DESK]
    assert keys_of(own.page("/?view=type:prices")) == ["a"]
    assert keys_of(own.page("/?view=prices")) == []
    activity = own.page("/?view=activity")
    assert keys_of(activity) == [] and "Note Hello" in activity.text
    assert "Note Hello" not in own.page("/?view=ticket").text
    assert "Printer" in own.text("/?view=ticket")
    assert "Printer" not in own.text("/?view=activity")
    assert [it["key"] for it in own.page("/?view=prices").boot["other"]] == ["a", *DESK]


def test_search_and_order_choose_the_rows(own: Own) -> None:
    cases = json.loads((ROOT / "tests/page/own_types.json").read_text())
    for case in cases["found"]:
        own.put("row", {case["key"]: case["data"]})
        found = own.page("/?" + urlencode({"q": case["q"]}))
        assert (case["key"] in keys_of(found)) == case["found"], case
        own.feed.publish([gone("row", case["key"], now_ms())])
    for case in cases["order"]:
        own.put("row", case["rows"])
        shown = keys_of(own.page("/?" + urlencode({"by": case["by"]})))
        named = case["by"].removeprefix("-").startswith("row:")
        assert shown == (case["keys"] if named else sorted(case["keys"])), case
        own.feed.publish([gone("row", key, now_ms()) for key in case["rows"]])


def test_the_columns_are_the_same_in_every_order(own: Own) -> None:
    own.put("row", {"a": {"x": 1, "y": 2}, "b": {"z": 3, "y": 1}})
    assert "Row X Y Z Trend" in own.page().text
    assert "Row X Y Z Trend" in own.page("/?by=row:y").text


def test_a_row_has_a_page_with_all_its_fields(own: Own) -> None:
    data = {f"f{n}": n for n in range(12)} | {
        "tags": ["a", {"b": 1}],
        "note": "x" * 500,
    }
    own.put("ticket", {"a/b ?": data})
    page = own.page("/k/ticket/a%2Fb%20%3F")
    assert "F11 11" in page.text and "x" * 500 in page.text
    assert '"b": 1' in page.text
    assert "F11" in own.text("/k/ticket/a%2Fb%20%3F")
    [row] = [it for it in page.with_attribute("href") if it.get("data-field") == "open"]
    assert row["href"] == "/k/ticket/a%2Fb%20%3F"


def test_the_page_of_a_missing_row_waits_for_it(own: Own) -> None:
    own.put("ticket", DESK)
    assert "Nothing about it yet" in own.page("/k/ticket/none", 404).text
    own.feed.publish([gone("ticket", "4711", now_ms())])
    assert "Nothing about it yet" in own.page("/k/ticket/4711", 404).text
    assert "Nothing has been published" in own.text("/k/ticket/4711", 404)
    for type in ("price", "hello", "Ticket", "x" * 65):
        own.page(f"/k/{type}/a", 404)


# The bounds


def test_ten_thousand_rows_make_a_small_page_that_counts_the_others(own: Own) -> None:
    rows = {f"r{n:05}": {"n": n, "status": "open"} for n in range(10_000)}
    own.put("row", rows)
    page = own.page()
    assert keys_of(page) == [*rows][:200]
    assert len(page.html) < 300_000
    assert "9,800 more" in page.text and "and 9,800 more" in own.text()
    assert len(page.boot["other"]) == 200 and page.boot["left_out"] == 9_800
    assert keys_of(own.page("/?by=-row:n")) == [*reversed(rows)][:200]
    assert keys_of(own.page("/?q=r0777")) == [f"r0777{n}" for n in range(10)]


def test_a_hundred_types_have_equal_shares_of_a_page(own: Own) -> None:
    for number in range(100):
        own.put(f"t{number:02}", {str(n): n for n in range(20)})
    page = own.page()
    assert len(keys_of(page)) == len(page.boot["other"]) == panels.ROWS_OF_ALL
    assert page.boot["left_out"] == 1500
    assert {it["event"] for it in page.boot["other"]} == {
        f"t{number:02}" for number in range(100)
    }


def test_rows_of_a_megabyte_are_left_out_when_they_are_too_many(own: Own) -> None:
    own.put("row", {str(n): json.loads(LARGE) for n in range(20)})
    own.tell("note", json.loads(LARGE))
    own.put("row", {"small": 1})
    page = own.page("/?by=row:value")
    assert "small" in keys_of(page) and 1 < len(keys_of(page)) < 20
    assert "more" in page.text
    assert [it["key"] for it in page.boot["other"]] == ["small"]
    assert page.boot["left_out"] == 20
    [line] = page.boot["activity"]
    assert len(line["data"]) == 121
    assert len(page.html) < MIB


@pytest.mark.parametrize(
    "rows",
    [
        {str(n): [*range(5)] * 1000 for n in range(300)},
        {
            ("😀" * 195) + f"{n:05}": {f"<{m}": "<" * 120 for m in range(8)}
            for n in range(1000)
        },
        {str(n): {f"{m}": "\"'&<>" * 24 for m in range(200)} for n in range(1000)},
    ],
    ids=["nested", "keys", "texts"],
)
def test_no_rows_make_a_large_page(rows: dict[str, Any], own: Own) -> None:
    for type in ("a", "b"):
        own.put(type, rows)
    for path in ("/", "/embed", "/?view=a&by=a:0"):
        assert len(own.page(path).html) < 4 * MIB
    assert len(own.text()) < MIB


@pytest.mark.parametrize(
    "data",
    [
        "&" * (MIB - 10),
        {str(n): 1 for n in range(80_000)},
        json.loads("[" * 60 + "1" + ",1" * 300_000 + "]" * 60),
    ],
    ids=["text", "fields", "nested"],
)
def test_the_page_of_a_large_row_is_not_larger_than_it_must_be(
    data: Any, own: Own
) -> None:
    own.put("row", {"a": data})
    assert len(own.page("/k/row/a").html) < 8 * MIB
    assert len(own.text("/k/row/a")) < 4 * MIB


# Whatever is published


@pytest.fixture(scope="module")
def any_board() -> Iterator[Own]:
    own = Own()
    yield own
    own.feed.close()


TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(10**11 - 2, 10**14 + 2),
    st.datetimes().map(lambda it: it.isoformat()),
    TEXT,
)
FIELDS = st.one_of(st.sampled_from(NAMES), TEXT)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=10)
    ),
    max_leaves=12,
)
TYPES = st.sampled_from(("ticket", "prices", "both", "constructor", "a.b-c_d"))
PUBLISHED_KEYS = st.one_of(
    st.sampled_from((*KEYS, "__proto__", ".", "..", "<b>", "javascript:alert(1)")),
    st.text(min_size=1, max_size=12).filter(lambda it: not FORBIDDEN_IN_KEY.search(it)),
)


@settings(max_examples=15)
@given(
    rows=st.lists(st.tuples(TYPES, PUBLISHED_KEYS, JSON), min_size=1, max_size=4),
    noted=JSON,
    field=FIELDS,
)
def test_hostile_data_is_shown_as_text(
    rows: list[tuple[str, str, Any]], noted: Any, field: str, any_board: Own
) -> None:
    published: list[Event] = [keyed(type, key, dump(it)) for type, key, it in rows]
    any_board.feed.publish([*published, unkeyed("note", dump(noted))])
    try:
        for path, status in paths_to(rows, field):
            check_harmless(any_board.page(path, status))
            text = ISOLATED.sub(r"\1", any_board.text(path, status))
            assert path.startswith("/embed") or not UNPRINTABLE.search(text)
        state = json.loads(any_board.text("/api/state?events=other"))
        newest = {(type, key): data for type, key, data in rows}
        assert {(it["event"], it["key"]): it["data"] for it in state["other"]} == newest
    finally:
        slots = {event.slot for event in published if event.slot}
        any_board.feed.publish([gone(*slot, now_ms()) for slot in slots])


def paths_to(rows: list[tuple[str, str, Any]], field: str) -> Iterator[tuple[str, int]]:
    type, key, _ = rows[-1]
    yield "/", 200
    yield f"/?{urlencode({'by': f'-{type}:{field}'[:201], 'q': key[:3]})}", 200
    yield f"/?{urlencode({'view': type, 'by': f'{type}:{field}'[:201]})}", 200
    yield f"/k/{type}/{quote(key, safe='')}", 200
    yield f"/embed?{urlencode({'view': f'type:{type}'})}", 200
    yield "/?view=activity", 200


def check_harmless(page: Page) -> None:
    """Check that a page has no element or address that a publisher could have made."""
    assert not CONTROLS.search(page.html)
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert all(it.get("src") or it.get("id") == "boot" for it in scripts)
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        assert tag != "img" or (attrs["src"] or "").startswith("/static/")
        href = attrs.get("href") or ""
        if tag == "a" and "out" in (attrs.get("class") or ""):
            assert re.match("https?://[A-Za-z0-9[]", href), href
            assert attrs["rel"] == "noopener noreferrer nofollow"
        elif tag == "a" and not href.startswith(("http://localhost/", "https://www.")):
            assert href.startswith(("/", "#")) and not href.startswith("//"), href


@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
def test_data_of_every_depth_is_shown(depth: int, any_board: Own) -> None:
    data = json.loads("[" * depth + "]" * depth)
    any_board.put("deep", {"a": {"x": data}, "b": data})
    check_harmless(any_board.page())
    assert "[" in any_board.page("/k/deep/a").text
    assert "[" in any_board.text("/k/deep/b")
