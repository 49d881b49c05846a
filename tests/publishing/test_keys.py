"""Keys on their way: whatever can be published has URLs that name it exactly."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.events.event import FORBIDDEN_IN_KEY, KEY_LENGTH
from tests.helpers.harness import Board
from tests.helpers.keys import (
    ENCODINGS,
    ODD_KEYS,
    SCORE,
    KeyClient,
    check_match,
    check_own,
    check_symbol,
    encode_slashes,
    publish_key,
)


@pytest.fixture(scope="module")
def empty() -> Iterator[Board]:
    """Yield a board without keys; each test leaves it so."""
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        yield board


@pytest.fixture
def client(empty: Board) -> Iterator[KeyClient]:
    with closing(KeyClient(empty.port)) as client:
        yield client


@pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
def test_every_url_of_a_symbol_names_that_symbol(client: KeyClient, key: str) -> None:
    for encode in ENCODINGS:
        check_symbol(client, key, encode(key))


@pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
def test_every_url_of_a_match_names_that_match(client: KeyClient, key: str) -> None:
    for encode in ENCODINGS:
        check_match(client, key, encode(key))


@pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
def test_every_url_of_a_key_of_an_own_type_names_that_key(
    client: KeyClient, key: str
) -> None:
    for encode in ENCODINGS:
        check_own(client, key, encode(key))


@pytest.mark.parametrize("type, section", [("price", "prices"), ("score", "scores")])
def test_a_price_or_a_score_is_retired_as_a_key_too(
    client: KeyClient, type: str, section: str
) -> None:
    for key in ("ES", "/ES"):
        path = f"/api/{section}/{encode_slashes(key)}"
        assert client.send("PUT", path, SCORE if type == "score" else b"1") == 201
        path = f"/api/keys/{type}/{encode_slashes(key)}"
        assert client.send("DELETE", path) == 200
        assert json.loads(client.get("/api/state"))[section] == []


pieces = st.sampled_from(["/", "..", ".", "%2F", "?", "#", ";", " ", "+", "\\", "😀"])
characters = st.characters(codec="utf-8").filter(
    lambda character: not FORBIDDEN_IN_KEY.search(character)
)
keys = (
    st.lists(pieces | characters, min_size=1, max_size=KEY_LENGTH)
    .map("".join)
    .map(lambda text: text[:KEY_LENGTH])
)


@settings(max_examples=100)
@given(keys, st.sampled_from(ENCODINGS))
def test_whatever_is_published_is_read_replaced_and_retired_under_its_url(
    empty: Board, key: str, encode: Callable[[str], str]
) -> None:
    with closing(KeyClient(empty.port)) as client:
        publish_key(client, "price", key, {"price": 7})
        check_symbol(client, key, encode(key))
        check_match(client, key, encode(key))
        check_own(client, key, encode(key))


@pytest.mark.parametrize(
    "path", ["/api/history/{}", "/s/{}", "/m/{}", "/api/prices/{}"]
)
def test_a_path_that_names_no_key_exactly_is_refused(
    client: KeyClient, path: str
) -> None:
    """Cut or decoded with replacements, such a path would name another key."""
    for key in ("A", "\ufffd"):
        publish_key(client, "price", key, {"price": 7})
    for part, word in (("A%23B", ""), ("A#B", "%23"), ("%FF", "UTF-8")):
        method = "DELETE" if path.startswith("/api/prices") else "GET"
        assert client.send(method, path.format(part)) == (400 if word else 404)
        assert word in client.body.decode()
    for key in ("A", "\ufffd"):
        client.send("DELETE", f"/api/prices/{encode_slashes(key)}")
