"""What trusted proxies say of a request is believed only if it has the right form."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from feed.settings import InvalidSetting, Settings
from tests.helpers.documents import FEED, settings_table
from web.forwarded import Forwarded

PROXY = "127.0.0.1"


def seen(hops: int, **headers: str) -> dict[str, Any]:
    """Return what an application behind so many proxies sees of a request."""
    found: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: object) -> list[bytes]:
        found.update(environ)
        return []

    environ = {
        "REMOTE_ADDR": PROXY,
        "HTTP_HOST": "board.example",
        "wsgi.url_scheme": "http",
        **{f"HTTP_X_FORWARDED_{name}": value for name, value in headers.items()},
    }
    Forwarded(application, hops)(environ, lambda *_: lambda _: None)
    return found


@pytest.mark.parametrize(
    ("hops", "sent", "address"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6,203.0.113.9 , 10.0.0.1", "203.0.113.9"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "[2001:DB8::9]:443", "2001:db8::9"),
        (1, "2001:db8:0::9", "2001:db8::9"),
        # What is no address is the proxy's, and never an entry further to the left.
        (1, '6.6.6.6, "', PROXY),
        (1, '6.6.6.6, "203.0.113.9', PROXY),
        (2, '6.6.6.6, "x, 203.0.113.9, 10.0.0.1', "203.0.113.9"),
        (1, "6.6.6.6, unknown", PROXY),
        (1, "6.6.6.6,", PROXY),
        (1, "203.0.113.005", PROXY),
        (1, "<b>", PROXY),
        (1, "\x9b31m", PROXY),
        (2, "203.0.113.9", PROXY),
        (1, "", PROXY),
    ],
)
def test_the_client_is_the_address_that_the_outermost_trusted_proxy_saw(
    hops: int, sent: str, address: str
) -> None:
    assert seen(hops, FOR=sent)["REMOTE_ADDR"] == address


@pytest.mark.parametrize(
    ("sent", "scheme"),
    [
        *(("https", "https"), ("HTTPS", "https"), ("http", "http")),
        *(("javascript", "http"), ("ftp, https", "https"), ("https, ", "http")),
        *(("https\x9b", "http"), ("", "http")),
    ],
    ids=range(8),
)
def test_the_scheme_is_http_or_https(sent: str, scheme: str) -> None:
    assert seen(1, PROTO=sent)["wsgi.url_scheme"] == scheme


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        *(("live.example", "live.example"), ("live.example:8443", "live.example:8443")),
        *(("my_board:80", "my_board:80"), ("[2001:db8::1]:80", "[2001:db8::1]:80")),
        *(("evil.example, live.example", "live.example"), ("", "board.example")),
        *(("a b", "board.example"), ("a/b", "board.example"), ("u@a", "board.example")),
        *(("a:80:80", "board.example"), ("a:x", "board.example")),
        *(("$(id)", "board.example"), ("a\x9b", "board.example")),
        ("a" * 300, "board.example"),
    ],
    ids=range(14),
)
def test_the_host_has_the_form_of_one(sent: str, host: str) -> None:
    assert seen(1, HOST=sent)["HTTP_HOST"] == host


def test_without_such_headers_a_request_is_as_the_proxy_sent_it() -> None:
    found = seen(1)
    assert (found["REMOTE_ADDR"], found["HTTP_HOST"]) == (PROXY, "board.example")


# --- The board


@pytest.fixture
def behind_a_proxy() -> Iterator[FlaskClient]:
    app = create_app(Settings(feed="published", trusted_proxies=1))
    yield app.test_client()
    app.extensions["feed"].close()


def test_no_link_of_a_page_leads_where_a_client_says(
    behind_a_proxy: FlaskClient,
) -> None:
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Accept": "text/html",
    }
    for path in ("/", "/embed", "/s/ACME"):
        page = behind_a_proxy.get(path, headers=headers).text
        links = re.findall(r'(?:href|src|action)="([^"]*)"', page)
        assert links
        assert [it for it in links if "evil" in it or "javascript" in it] == []


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(
            ("live.example", 200),
            ("127.0.0.1:8000", 200),
            ("[::1]:8000", 200),
            ("", 200),
        ),
        *(("a b", 400), ("a/b", 400), ('x"><b>', 400), ("u@a", 400), ("a:b", 400)),
        *(("[::1", 400), ("$(id)", 400), ("a\x9b", 400)),
    ],
    ids=range(12),
)
def test_a_request_names_a_host_or_none(
    behind_a_proxy: FlaskClient, host: str, status: int
) -> None:
    answer = behind_a_proxy.get("/", headers={"Host": host})
    assert answer.status_code == status
    odd = {"Host": "live.example", "X-Forwarded-Host": host}
    assert behind_a_proxy.get("/", headers=odd).status_code == 200


def test_commands_name_the_public_url_whatever_a_client_requests() -> None:
    settings = Settings(feed="published", trusted_proxies=1, public_url="https://b.ex")
    app = create_app(settings)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    client = app.test_client()
    text = client.get("/", headers=headers).text
    page = client.get("/", headers=headers | {"Accept": "text/html"}).text
    app.extensions["feed"].close()
    assert "curl -N https://b.ex/stream.txt" in text
    assert "curl -N https://b.ex/stream.txt" in page
    assert "evil" not in text + page


@pytest.mark.parametrize(
    "url",
    [
        "board.example",
        "ftp://a",
        "https://a/path",
        "https://u:p@a",
        "https://a?x",
        "x y",
    ],
)
def test_a_public_url_is_a_scheme_and_a_host(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^PUBLIC_URL='.*like https://"):
        Settings.from_env({"PUBLIC_URL": url})


def test_a_public_url_may_end_with_a_slash() -> None:
    settings = Settings.from_env({"PUBLIC_URL": "https://Board.example:8443/"})
    assert settings.public_url == "https://board.example:8443"
    assert settings_table(FEED)["PUBLIC_URL"]["default"] == "none"
