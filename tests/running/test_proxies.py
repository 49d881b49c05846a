"""The proxies of deploy/ in front of a board: what they must pass on, and what hide."""

from collections.abc import Iterator
from contextlib import closing
from itertools import product

import pytest

from tests.helpers.harness import Board, Server
from tests.helpers.keys import (
    ENCODINGS,
    ODD_KEYS,
    KeyClient,
    check_match,
    check_symbol,
    encode_little,
)
from tests.helpers.proxies import (
    ShippedApache,
    ShippedCaddy,
    ShippedHaproxy,
    ShippedNginx,
    ShippedVarnish,
)

PROXIES = {
    "nginx": lambda board: ShippedNginx(board, board),
    "haproxy": lambda board: ShippedHaproxy(board, board),
    "caddy": lambda board: ShippedCaddy(board, board),
    "varnish": ShippedVarnish,
    "apache": ShippedApache,
}
ABOVE_THE_ROOT = "../.."  # this key leads above the root in /s/../..
REFUSALS = {"nginx": ENCODINGS, "apache": (encode_little,)}
"""How that key may be written so that a proxy refuses it."""


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    """Yield a board without keys; each test leaves it so."""
    with Board(FEED="published", PUBLISH_TOKEN="secret", TRUSTED_PROXIES="1") as board:
        yield board


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, board: Board) -> Iterator[Server]:
    with PROXIES[request.param](board) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Server) -> Iterator[KeyClient]:
    with closing(KeyClient(proxy.port)) as client:
        yield client


def test_a_proxy_passes_every_key_on_as_it_is(
    request: pytest.FixtureRequest, client: KeyClient
) -> None:
    refusals = REFUSALS.get(request.node.callspec.params["proxy"], ())
    for key, encode in product(ODD_KEYS, ENCODINGS):
        part = encode(key)
        if key == ABOVE_THE_ROOT and encode in refusals:
            assert client.send("GET", f"/s/{part}") == 400
        else:
            check_symbol(client, key, part)
            check_match(client, key, part)


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics?",
        "/metrics/",
        "//metrics",
        "///metrics?x",
        "/./metrics",
        "/s/../metrics",
        "/%2Fmetrics",
        "/%6Detrics",
        "/METRICS",
    ],
)
def test_no_spelling_of_the_path_of_the_figures_passes_a_proxy(
    client: KeyClient, path: str
) -> None:
    """Some proxies compare the path as it was sent, others as it would be decoded."""
    assert client.send("GET", path) in (403, 404)
