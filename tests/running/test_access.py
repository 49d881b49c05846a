"""Reading with a token: every URL but two needs it, and guessing it is slow."""

import base64
import hmac
import json
import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from flask.testing import FlaskClient

from app import create_app
from feed.settings import Settings
from feed.streams.clients import client_of
from tests.helpers.commands import Command
from tests.helpers.harness import LOOPBACK, Board, clean_environment, until
from web import access
from web.guesses import MOST, WINDOW, Guesses

VIEW, NEXT = "view-token-0123456789", "next-view-token-0123"
PUBLISH, METRICS = "publish-token-012345", "metrics-token-012345"
CHALLENGE = 'Basic realm="Liveboard", charset="UTF-8"'
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
HEALTH = ("/healthz", "/readyz")
PAGE = "https://page.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}


def basic(token: str, name: str = "") -> dict[str, str]:
    """Return the header of HTTP Basic."""
    pair = base64.b64encode(f"{name}:{token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    """Yield a client of a board with a token of each kind."""
    yield from client_with(view_tokens=(VIEW, NEXT), metrics_tokens=(METRICS,))


def client_with(**tuples: tuple[str, ...]) -> Iterator[FlaskClient]:
    """Yield a client of a board with PUBLISH and these settings."""
    settings = Settings(feed="published", publish_tokens=(PUBLISH,))
    app = create_app(msgspec.structs.replace(settings, **tuples))
    yield app.test_client()
    app.extensions["feed"].close()


def status(
    client: FlaskClient, path: str, headers: dict[str, str], method: str = "GET"
) -> int:
    with client.open(path, method=method, headers=headers) as response:
        return response.status_code


def paths(client: FlaskClient) -> list[str]:
    """Return a path of every route of the application, and one of none."""
    rules = [rule.rule for rule in client.application.url_map.iter_rules()]
    assert {"/", "/stream", "/static/<path:filename>", "/metrics"} <= {*rules}
    known = [re.sub("<[^>]+>", "A", rule) for rule in rules]
    return [*known, "/static/page.js", "/no/such/url"]


# --- Which URLs need a token


def test_nothing_but_the_health_checks_answers_without_a_token(
    client: FlaskClient,
) -> None:
    for path in paths(client):
        for method in METHODS:
            answered = method in ("GET", "HEAD", "OPTIONS") and path in HEALTH
            with client.open(path, method=method) as response:
                assert (response.status_code == 401) is not answered, (method, path)
                if answered:
                    assert response.status_code == 200
                    continue
                assert response.headers["WWW-Authenticate"] == CHALLENGE
                assert response.content_type == "application/problem+json"
                assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_every_url_answers_with_a_token(client: FlaskClient) -> None:
    for path in paths(client):
        for method in METHODS:
            assert status(client, path, bearer(PUBLISH), method) != 401, (method, path)
            if method in ("GET", "HEAD", "OPTIONS"):
                assert status(client, path, basic(VIEW), method) != 401, (method, path)


def test_without_a_view_token_all_is_public_as_before() -> None:
    for client in client_with():
        for path in paths(client):
            assert status(client, path, {}) != 401, path
            assert status(client, path, basic("wrong")) != 401, path


def test_a_metrics_token_protects_the_figures_even_if_all_else_is_public() -> None:
    for client in client_with(metrics_tokens=(METRICS,)):
        assert status(client, "/", {}) == 200
        assert status(client, "/metrics", {}) == 401
        assert status(client, "/metrics", bearer(METRICS)) == 200
        assert status(client, "/%6Detrics", {}) == 401


@pytest.mark.parametrize(
    "headers",
    [
        *(basic(VIEW), basic(NEXT), basic(PUBLISH), basic(VIEW, "any näme")),
        *(bearer(VIEW), bearer(NEXT), bearer(PUBLISH)),
        {"Authorization": f"BEARER   {VIEW} "},
        {"Authorization": basic(VIEW)["Authorization"].replace("Basic", "basic")},
    ],
    ids=range(9),
)
def test_a_token_reads_in_each_of_its_forms(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert status(client, "/api/state", headers) == 200
    assert status(client, "/metrics", headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        *(basic("wrong"), basic(METRICS), bearer(METRICS), basic("", VIEW)),
        *(basic(VIEW[:-1]), basic(f"{VIEW}x"), bearer(f"{VIEW},{NEXT}")),
        *(basic(f" {VIEW}"), bearer("wröng"), bearer(""), basic("")),
        {"Authorization": VIEW},
        {"Authorization": f"Digest {VIEW}"},
        {"Authorization": f"Basic {VIEW}"},
        {"Authorization": "Basic not/base64!"},
        {"Authorization": "Basic \xe4"},
        {"Authorization": "Basic /w=="},  # no UTF-8
        {"Authorization": "Bearer " + "x" * 8000},
        {"Cookie": f"token={VIEW}"},
        {"X-Authorization": f"Bearer {VIEW}"},
    ],
    ids=range(20),
)
def test_an_invalid_token_gets_401(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert status(client, "/api/state", headers) == 401
    assert status(client, f"/api/state?token={VIEW}", headers) == 401


def test_a_token_for_the_figures_reads_nothing_else(client: FlaskClient) -> None:
    assert status(client, "/metrics", basic(METRICS)) == 200
    assert status(client, "/metrics", bearer(METRICS)) == 200
    assert status(client, "/", bearer(METRICS)) == 401


def test_a_view_token_does_not_publish_and_a_password_never_does(
    client: FlaskClient,
) -> None:
    """A browser sends a password by itself, also with the form of another site."""

    def publish(headers: dict[str, str]) -> int:
        return client.put("/api/prices/A", data="1", headers=headers).status_code

    assert publish(bearer(VIEW)) == 401
    assert publish(basic(VIEW)) == 401
    assert publish(basic(PUBLISH)) == 401
    assert publish(bearer(PUBLISH)) == 201


def test_a_page_of_another_site_may_not_act_with_a_password(
    client: FlaskClient,
) -> None:
    for site, expected in (("cross-site", 403), ("same-site", 403), ("none", 401)):
        headers = basic(VIEW) | {"Sec-Fetch-Site": site}
        assert status(client, "/api/publish", headers, "POST") == expected
        assert status(client, "/api/state", headers) == 200
    headers = bearer(PUBLISH) | {"Sec-Fetch-Site": "cross-site"}
    assert status(client, "/api/publish", headers, "POST") == 400  # it has no body


def test_every_token_is_compared_whatever_is_given(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def counting(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return hmac.compare_digest(a, b)

    fake = type("hmac", (), {"compare_digest": staticmethod(counting)})
    monkeypatch.setattr(access, "hmac", fake)
    for given in (VIEW, PUBLISH, "wrong", "wröng"):
        compared.clear()
        status(client, "/", basic(given))
        assert compared == [VIEW.encode(), NEXT.encode(), PUBLISH.encode()]


# --- Pages of other origins


def test_a_preflight_needs_no_token_and_reveals_nothing_of_the_board() -> None:
    for client in client_with(view_tokens=(VIEW,), allowed_origins=(PAGE,)):
        for path in paths(client):
            response = client.options(path, headers=PREFLIGHT)
            if path not in HEALTH:
                assert (response.status_code, response.data) == (204, b""), path
                assert "Allow" not in response.headers
            allowed = response.headers["Access-Control-Allow-Headers"]
            assert "Authorization" in allowed
            assert response.headers["Access-Control-Allow-Origin"] == PAGE
        foreign = PREFLIGHT | {"Origin": "https://evil.example"}
        assert client.options("/", headers=foreign).status_code == 401
        assert client.options("/", headers={"Origin": PAGE}).status_code == 401
        refused = client.get("/stream", headers={"Origin": PAGE})
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Access-Control-Allow-Credentials" not in refused.headers


def test_a_preflight_needs_a_token_if_no_other_origin_may_read(
    client: FlaskClient,
) -> None:
    assert client.options("/stream", headers=PREFLIGHT).status_code == 401


# --- The description


def test_the_description_says_which_urls_need_a_token(client: FlaskClient) -> None:
    described = client.get("/api/openapi.json", headers=bearer(VIEW)).get_json()
    assert described["security"] == [{"token": []}, {"password": []}]
    assert {*described["components"]["securitySchemes"]} == {"token", "password"}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            public = path in HEALTH
            assert ({"401", "429"} <= {*operation["responses"]}) is not public
            assert (operation.get("security") == []) is public, (method, path)


# --- Guessing


def test_guessing_is_slow_counted_and_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [1000.0]
    caplog.set_level(logging.WARNING, "liveboard.access")
    for client in client_with(view_tokens=(VIEW,)):
        client.application.extensions["access"].clock = lambda: clock[0]
        guesses = [bearer(f"guess-{number}") for number in range(MOST + 5)]
        found = [status(client, "/", guess) for guess in guesses]
        assert found == [401] * MOST + [429] * 5
        clock[0] += 10
        refused = client.put("/api/prices/A", data="1", headers=bearer(PUBLISH))
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == str(int(WINDOW) - 10)
        assert refused.json and refused.json["detail"].endswith("in 50 s.")
        clock[0] += WINDOW - 10
        assert status(client, "/", guesses[0]) == 401
        assert status(client, "/metrics", bearer(PUBLISH)) == 200
        text = client.get("/metrics", headers=bearer(PUBLISH)).text
        assert f'liveboard_refused_total{{reason="token"}} {MOST + 1}.0' in text
        assert 'liveboard_refused_total{reason="guesses"} 6.0' in text
    logged = [record.getMessage() for record in caplog.records]
    assert [re.findall(r"\d+", line)[0] for line in logged] == ["1", str(MOST + 6)]
    assert all(line.endswith("from 127.0.0.1") for line in logged)
    assert "guess-" not in "".join(logged)


def test_publishing_is_guarded_in_the_same_way_on_a_public_board() -> None:
    for client in client_with():
        found = [
            client.put("/api/prices/A", data="1", headers=bearer(f"x{n}")).status_code
            for n in range(MOST + 1)
        ]
        assert found == [401] * MOST + [429]
        assert status(client, "/", bearer("anything")) == 200


def test_a_client_with_an_outdated_token_locks_no_other_out() -> None:
    """It repeats one wrong token, which is no guessing."""
    guesses = Guesses()
    for _ in range(1000):
        assert guesses.add_wrong("192.0.2.1", "outdated", 0) == 0
    assert guesses.wait("192.0.2.1", "right", 0) == 0


def test_a_guesser_stops_the_address_for_all_but_the_tokens_that_were_right() -> None:
    guesses = Guesses()
    guesses.add_right("192.0.2.1", "right")
    waits = [guesses.add_wrong("192.0.2.1", f"{n}", n) for n in range(MOST + 1)]
    assert waits == [0] * MOST + [50]
    assert guesses.wait("192.0.2.1", "right", 10) == 0
    assert guesses.wait("192.0.2.1", "right elsewhere", 10) == 50
    assert guesses.wait("192.0.2.2", "right elsewhere", 10) == 0
    assert guesses.wait("192.0.2.1", "right elsewhere", 59.9) == 1
    assert guesses.wait("192.0.2.1", "right elsewhere", WINDOW) == 0


def test_the_addresses_that_are_remembered_are_bounded() -> None:
    guesses = Guesses(most_clients=3)
    for number in range(5):
        for guess in range(MOST + 1):
            guesses.add_wrong(f"{number}", f"{guess}", 0)
        guesses.add_right(f"{number}", "right")
    assert [guesses.wait(f"{n}", "other", 1) for n in range(5)] == [0, 0, 59, 59, 59]
    guesses.add_wrong("5", "guess", 1)
    assert guesses.wait("2", "other", 1) == 0
    assert (guesses.wait("1", "right", 1), guesses.wait("4", "right", 1)) == (0, 0)


@pytest.mark.parametrize(
    "address, client",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::8", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("192.0.2.005", "unknown"),
        ("<b>", "unknown"),
        ("[192.0.2.1:4711", "unknown"),
        ("\x9b31m", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
    ids=range(15),
)
def test_a_client_is_an_address_or_the_network_of_a_subscriber(
    address: str | None, client: str
) -> None:
    assert client_of(address) == client


# --- Settings


def test_tokens_are_read_from_their_variables() -> None:
    settings = Settings.from_env(
        {"VIEW_TOKEN": f"{VIEW}, {NEXT}", "METRICS_TOKEN": METRICS}
    )
    assert settings.view_tokens == (VIEW, NEXT)
    assert settings.metrics_tokens == (METRICS,)
    assert settings.warnings() == []


@pytest.mark.parametrize("name", ["PUBLISH_TOKEN", "VIEW_TOKEN", "METRICS_TOKEN"])
def test_a_short_token_is_warned_of_without_being_shown(name: str) -> None:
    [warning] = Settings.from_env({name: f"{VIEW},a-short-token"}).warnings()
    assert warning.startswith(f"{name} has fewer than 16 characters")
    assert "a-short-token" not in warning


def test_a_token_that_reads_and_publishes_is_warned_of() -> None:
    [warning] = Settings.from_env(
        {"PUBLISH_TOKEN": VIEW, "VIEW_TOKEN": VIEW}
    ).warnings()
    assert "also in PUBLISH_TOKEN" in warning


# --- With a real server and real clients


@pytest.fixture(scope="module")
def guarded() -> Iterator[Board]:
    tokens = {"VIEW_TOKEN": VIEW, "METRICS_TOKEN": METRICS, "PUBLISH_TOKEN": "short"}
    with Board("app:app", None, SEED="7", HEARTBEAT="1", **tokens) as board:
        yield board


def curl(*arguments: str) -> tuple[int, str]:
    """Run curl; return the status of the response, and its body."""
    command = ["curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *arguments]
    found = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    body, _, status = found.stdout.rpartition("\n")
    return int(status), body


def test_curl_reads_with_the_token_in_either_form(guarded: Board) -> None:
    state = f"{guarded.url}/api/state"
    assert curl(state)[0] == 401
    assert curl("-u", f":{VIEW}", state)[0] == 200
    assert curl("-H", f"Authorization: Bearer {VIEW}", state)[0] == 200
    assert curl("-u", f":{VIEW}", f"{guarded.url}/stream.txt?once=1")[0] == 200
    assert curl("-I", "-u", f":{VIEW}", f"{guarded.url}/stream")[0] == 200
    assert curl("-0", "-u", f":{VIEW}", state)[0] == 200
    assert curl("-0", state)[0] == 401
    assert curl("-u", f":{METRICS}", f"{guarded.url}/metrics")[0] == 200


def test_the_board_in_a_terminal_shows_commands_that_work(guarded: Board) -> None:
    _, text = curl("-u", f":{VIEW}", f"{guarded.url}/")
    shown = re.search(r"curl -u \S+ -N \S+/stream.txt", text)
    assert shown
    command = f"{shown[0]}?once=1"
    env = clean_environment(VIEW_TOKEN=VIEW)
    found = subprocess.run(command, shell=True, env=env, capture_output=True)
    assert b"ACME" in found.stdout
    assert VIEW not in text


@pytest.mark.parametrize(
    "path",
    [
        *("//metrics", "/./metrics", "/metrics/", "/%2fmetrics", "/healthz/../metrics"),
        *("/healthz/", "/./healthz", "/HEALTHZ", "/healthz%00", "/healthz;/metrics"),
        *("/readyz/..%2fmetrics", "/static/../healthz", "http://x/metrics", "/%ff"),
    ],
    ids=range(14),
)
def test_no_spelling_of_a_path_gets_round_the_check(guarded: Board, path: str) -> None:
    assert guarded.get(path)[0] == 401


def test_health_checks_need_no_token(guarded: Board) -> None:
    for path in HEALTH:
        assert guarded.get(path)[0] == 200
        assert guarded.request("HEAD", path)[0] == 200
        assert guarded.get(path, bearer("wrong"))[0] == 200


def test_commands_read_with_the_token_in_the_url_and_never_show_it(
    guarded: Board, tmp_path: Path
) -> None:
    url = f"http://any:{VIEW}@{LOOPBACK}:{guarded.port}"
    output = tmp_path / "day.ndjson"
    with Command(
        "-m", "feed", "record", f"{url}/stream?once=1", "-o", str(output)
    ) as it:
        assert it.wait() == 0, it.err
        shown = it.out + it.err.encode()
    events = [json.loads(line)["event"] for line in output.read_text().splitlines()]
    assert "price" in events
    with Command("-m", "feed", "record", f"{guarded.url}/stream?once=1") as refused:
        assert refused.wait() == 1
        assert "This needs a token" in refused.err
    with Command("-m", "feed", "doctor", url) as doctor:
        until(lambda: doctor.out, why="it reads a stream and finds something")
        shown += doctor.out + doctor.err.encode()
    assert VIEW.encode() not in shown
    until(lambda: "PUBLISH_TOKEN has fewer than 16" in guarded.log())
    assert guarded.log().count("has fewer than 16") == 1
    assert VIEW not in guarded.log() + output.read_text()
