"""A link to the board, as chats and home screens show it."""

import json
import re
import struct
from html import unescape

from flask.testing import FlaskClient

from app import create_app
from feed.events.event import keyed
from feed.settings import Settings
from tests.helpers.harness import ROOT
from tests.helpers.samples import HOSTILE, match, quote, team

MARKUP = HOSTILE.replace("\u2028", "")  # which no key may have
PNG = b"\x89PNG\r\n\x1a\n"
SCORE = match("2H", home=team("Acton", 2), away=team("Burton", 1))


def board_of(public_url: str = "") -> FlaskClient:
    """Return a client of a board that shows a few quotes and a match."""
    app = create_app(Settings(feed="published", public_url=public_url))
    quotes = (
        quote("KEEL", 71.92, change=1.12, change_percent=1.58),
        quote("NEW", 5, change=None, change_percent=None),
        quote("a/b", 1),
        quote(MARKUP, 1),
    )
    events = [keyed("price", it["symbol"], json.dumps(it).encode()) for it in quotes]
    events.append(keyed("score", SCORE["match"], json.dumps(SCORE).encode()))
    app.extensions["feed"].publish(events)
    return app.test_client()


def tags_of(client: FlaskClient, path: str) -> dict[str, str]:
    """Return the Open Graph tags of a page, by name."""
    html = client.get(path, headers={"Accept": "text/html"}).get_data(as_text=True)
    found = re.findall(r'property="og:([\w:]+)" content="([^"]*)"', html)
    return {name: unescape(content) for name, content in found}


def test_a_link_to_a_detail_shows_its_price_or_score() -> None:
    client = board_of()
    titles = {
        path: tags_of(client, path)["title"] for path in ("/", "/s/KEEL", "/s/NEW")
    }
    assert titles == {
        "/": "Prices and match scores, live",
        "/s/KEEL": "KEEL 71.92 ▲ +1.58%",
        "/s/NEW": "NEW 5.00",
    }
    assert tags_of(client, "/m/acton-burton")["title"] == "Acton 2–1 Burton"
    assert tags_of(client, "/s/none")["title"] == "none"


def test_its_addresses_are_those_by_which_the_board_is_reached() -> None:
    tags = tags_of(board_of(), "/s/a%2Fb?sort=-price")
    assert tags["url"] == "http://localhost/s/a%2Fb"
    assert tags["image"] == "http://localhost/static/icons/card.png"
    tags = tags_of(board_of(public_url="https://board.example"), "/m/acton-burton")
    assert tags["url"] == "https://board.example/m/acton-burton"
    assert tags["image"] == "https://board.example/static/icons/card.png"


def test_a_published_name_stays_text_in_a_tag() -> None:
    client = board_of()
    html = client.get("/", headers={"Accept": "text/html"}).get_data(as_text=True)
    [path] = {it for it in re.findall(r'href="(/s/[^"]+)"', html) if "onerror" in it}
    assert tags_of(client, path)["title"].startswith("<img src=x onerror=alert(1)>")


def test_the_manifest_names_icons_of_their_sizes() -> None:
    client = board_of()
    answer = client.get("/static/manifest.webmanifest")
    assert answer.content_type == "application/manifest+json"
    manifest = json.loads(answer.data)
    assert manifest["start_url"] == manifest["id"] == "/"
    icons = {icon["src"]: icon["sizes"] for icon in manifest["icons"]}
    pictures = icons | {"icons/touch.png": "180x180", "icons/card.png": "1200x630"}
    assert pictures.pop("icon.svg") == "any"
    for name, size in pictures.items():
        picture = client.get(f"/static/{name}").data
        assert picture.startswith(PNG) and len(picture) < 16_000, name
        assert "x".join(map(str, struct.unpack(">II", picture[16:24]))) == size
    assert {*pictures} == {
        f"icons/{it.name}" for it in (ROOT / "static/icons").iterdir()
    }
