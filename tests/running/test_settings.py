"""Settings are read once and checked: a bad one is named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from feed.askurl import Address, parse_address
from feed.settings import InvalidSetting, Settings
from tests.helpers.harness import ROOT, clean_environment


def test_a_laptop_keeps_to_itself_and_a_platform_is_reachable() -> None:
    at_home, hosted = Settings.from_env({}), Settings.from_env({"PORT": "5000"})
    assert (at_home.host, at_home.port) == ("127.0.0.1", 8000)
    assert (hosted.host, hosted.port) == ("0.0.0.0", 5000)


@pytest.mark.parametrize("host", ["localhost", "::", "::1", "0.0.0.0", "b-1.example"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert Settings.from_env({"HOST": host}).host == host


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = Settings.from_env({})
    assert (settings.feed, settings.speed, settings.backlog) == ("simulator", 1, 20_000)
    assert (settings.heartbeat, settings.max_streams) == (10, 8000)
    assert (settings.max_keys, settings.trusted_proxies) == (5000, 0)
    assert (settings.max_streams_per_client, settings.max_stream_age) == (0, 0)
    assert settings.allowed_origins == ()


def test_an_unset_seed_differs_from_start_to_start() -> None:
    assert len({Settings.from_env({}).seed for _ in range(20)}) > 1
    assert Settings.from_env({"SEED": "7"}).seed == 7
    assert Settings.from_env({"SEED": str(2**63 - 1)}).seed == 2**63 - 1


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({"PORT": "", "HEARTBEAT": " "}).port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "8e3"),
        ("PORT", "80.0"),
        ("PORT", "8 0"),
        ("PORT", "+80"),
        ("PORT", "0x50"),
        ("PORT", "\u0668\u0660"),  # 80 in Arabic digits
        ("PORT", "9" * 5000),
        ("PORT", "true"),
        ("PORT", "null"),
        ("COMPRESS", "2"),
        ("COMPRESS", "true"),
        ("FEED", "simulater"),
        ("FEED", "replay:no\nsuch.ndjson"),
        ("FEED", "replay:.\n/.."),
        ("FEED", "replay:/"),
        ("SEED", "-1"),
        ("SEED", str(2**63)),
        ("SPEED", "0"),
        ("SPEED", "nan"),
        ("SPEED", "0.0099"),
        ("SPEED", "-0"),
        ("SPEED", "1_0"),
        ("SPEED", "."),
        ("SPEED", "1e400"),
        ("SPEED", "fast"),
        ("WEB_CONCURRENCY", "0"),
        ("BACKLOG", "1e3"),
        ("HEARTBEAT", "0"),
        ("HEARTBEAT", "inf"),
        ("HEARTBEAT", "nan"),
        ("HEARTBEAT", "-inf"),
        ("HEARTBEAT", "1" + "0" * 400),
        ("MAX_STREAMS", "many"),
        ("MAX_STREAMS", "1_000"),
        ("MAX_STREAM_AGE", "-1"),
        ("MAX_STREAMS_PER_CLIENT", "-1"),
        ("MAX_KEYS", "0"),
        ("TRUSTED_PROXIES", "yes"),
        ("ALLOWED_ORIGINS", "example.org"),
        ("ALLOWED_ORIGINS", "https://example.org/path"),
        ("ALLOWED_ORIGINS", "https://*.example.org"),
        ("ALLOWED_ORIGINS", "https://"),
        ("HOST", "[::1]"),
        ("HOST", "999.1.1.1"),
        ("HOST", "a b"),
        ("ASK_URL", "localhost:11434"),
        ("ASK_URL", "api.example.com/v1"),
        ("ASK_URL", "ftp://localhost/v1"),
        ("ASK_URL", "http://"),
        ("ASK_URL", "http://:80/v1"),
        ("ASK_URL", "http://localhost:0/v1"),
        ("ASK_URL", "http://localhost:port/v1"),
        ("ASK_URL", "http://[::1/v1"),
        ("ASK_URL", "http://loc alhost/v1"),
        ("ASK_URL", "http://localhost/v1#there"),
        ("ASK_URL", "http://localhost/v1\r\nHost: other"),
        ("ASK_URL", "http://b\u00fccher.example/v1"),
        ("ASK_MODEL", "two words"),
        ("ASK_MODEL", "x" * 101),
        ("ASK_MODEL", "m\u00f6del"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://localhost:port"),
        ("REDIS_URL", "redis://localhost/one"),
        ("REDIS_URL", "unix://"),
        ("REDIS_URL", "redis://localhost?protocol=3"),
        ("REDIS_URL", "redis://localhost?decode_responses=True"),
        ("REDIS_URL", "redis://localhost?socket_timeout=1"),
        ("REDIS_URL", "redis://localhost?db=one"),
        ("REDIS_URL", "redis://localhost?client_name=two%20words"),
        ("REDIS_URL", "unix:///run/redis.sock?socket_keepalive=1"),
        ("REDIS_URL", "redis://localhost?ssl_cert_reqs=none"),
        ("REDIS_URL", "rediss://localhost?ssl_cert_reqs=never"),
        ("REDIS_URL", "rediss://localhost?ssl_check_hostname=perhaps"),
        ("REDIS_URL", "rediss://localhost?ssl_ca_certs=/no/such/file"),
        ("REDIS_URL", f"rediss://localhost?ssl_ca_certs={__file__}"),
        ("REDIS_URL", f"rediss://localhost?ssl_certfile={__file__}"),
        ("REDIS_URL", f"rediss://localhost?ssl_keyfile={__file__}"),
        ("REDIS_PREFIX", "two words"),
        ("REDIS_PREFIX", "x" * 65),
        ("PUBLISH_TOKEN", "two words"),
    ],
)
def test_a_bad_value_is_refused_by_name_on_one_line(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name}[=: ]") as refused:
        Settings.from_env({name: value})
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "8e3", "PORT='8e3' is not a whole number from 1 to 65535"),
        ("PORT", "8\n0", r"PORT='8\n0' is not a whole number from 1 to 65535"),
        ("HEARTBEAT", "0", "HEARTBEAT='0' is not a number from 0.1 to 3600"),
        ("SEED", "-1", f"SEED='-1' is not a whole number from 0 to {2**63 - 1}"),
        ("COMPRESS", "2", "COMPRESS='2' is none of 1, 0"),
        (
            "SPEED",
            "0",
            "SPEED='0' is less than 0.01, "
            "which only a replay can be (FEED=replay:FILE)",
        ),
        (
            "PUBLISH_TOKEN",
            "open sesame",
            "PUBLISH_TOKEN: a token has only A-Z a-z 0-9 - . _ ~ + / =",
        ),
    ],
)
def test_a_message_has_the_value_and_what_the_variable_takes(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(InvalidSetting) as refused:
        Settings.from_env({name: value})
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", " 80 ", 80),
        ("SEED", "007", 7),
        ("SPEED", ".5", 0.5),
        ("SPEED", "5.", 5.0),
        ("HEARTBEAT", "1e1", 10.0),
        ("MAX_STREAM_AGE", "-0", 0.0),
        ("COMPRESS", "0", False),
    ],
)
def test_a_number_may_be_written_as_people_write_it(
    name: str, text: str, value: float
) -> None:
    given = getattr(Settings.from_env({name: text}), name.lower())
    assert (given, type(given)) == (value, type(value))


def test_make_run_names_a_bad_web_concurrency_before_gunicorn_fails_at_it() -> None:
    done = subprocess.run(
        ["make", "-s", "run"],
        cwd=ROOT,
        env=clean_environment(WEB_CONCURRENCY="two"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    wrong = "WEB_CONCURRENCY='two' is not a whole number from 1 to 1000"
    assert said == [f"liveboard: {wrong}"]


def test_origins_are_a_list_or_a_star() -> None:
    origins = {"ALLOWED_ORIGINS": "https://a.example, http://localhost:3000"}
    allowed = Settings.from_env(origins).allowed_origins
    assert allowed == ("https://a.example", "http://localhost:3000")
    assert Settings.from_env({"ALLOWED_ORIGINS": "*"}).allowed_origins == ("*",)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "rediss://:secret@redis.example:6380/1?ssl_cert_reqs=none",
        "redis://user:secret@[::1]:6379",
        "unix:///run/redis.sock?db=1",
        "redis://localhost/2?client_name=board&username=me&password=open%20sesame",
        "rediss://localhost?ssl_check_hostname=False",
    ],
)
def test_redis_is_found_by_its_url(url: str) -> None:
    assert Settings.from_env({"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "redis://localhost?protocol=3",
            "REDIS_URL: protocol is none of the options that redis:// takes here: "
            "client_name, db, password, username",
        ),
        (
            "redis://localhost?ssl_cert_reqs=none",
            "REDIS_URL: its option ssl_cert_reqs needs rediss://",
        ),
        (
            "rediss://localhost?ssl_ca_certs=/no/such/file",
            "REDIS_URL: its ssl_ files can't be used: No such file or directory",
        ),
    ],
)
def test_an_option_that_can_not_work_is_refused_with_its_name(
    url: str, message: str
) -> None:
    with pytest.raises(InvalidSetting) as refused:
        Settings.from_env({"REDIS_URL": url})
    assert str(refused.value) == message


def test_an_option_that_can_not_work_stops_the_start_with_one_line() -> None:
    environ = clean_environment(REDIS_URL="redis://localhost?protocol=3")
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "app:app"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode
    (line,) = done.stderr.splitlines()
    assert line.startswith("liveboard: REDIS_URL: protocol is none of the options")


@pytest.mark.parametrize(
    "url",
    [
        "http://:opensesame@localhost",
        "redis://:opensesame@localhost?protocol=3",
        "redis://:op@en?sesame@localhost:6379/0",
        "redis://localhost?password=&opensesame",
    ],
)
def test_a_bad_url_of_redis_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        Settings.from_env({"REDIS_URL": url})
    assert "sesame" not in str(refused.value)


def test_a_model_is_named_by_its_url_and_has_a_default_name_and_no_key() -> None:
    assert Settings.from_env({}).ask_url == ""
    url = "http://localhost:11434/v1"
    settings = Settings.from_env({"ASK_URL": url})
    assert (settings.ask_url, settings.ask_model, settings.ask_key) == (
        url,
        "default",
        "",
    )
    named = {"ASK_URL": url, "ASK_MODEL": "org/tiny:1b", "ASK_KEY": "sk-1_2.3=="}
    settings = Settings.from_env(named)
    assert (settings.ask_model, settings.ask_key) == ("org/tiny:1b", "sk-1_2.3==")


@pytest.mark.parametrize(
    ("environ", "wrong"),
    [
        ({"ASK_KEY": "sk-secret"}, "ASK_KEY is set without ASK_URL, the address that"),
        ({"ASK_KEY": "sk-secret\nX: y", "ASK_URL": "http://a"}, "ASK_KEY: a key has"),
        ({"ASK_KEY": "sk secret", "ASK_URL": "http://a"}, "ASK_KEY: a key has 1"),
        ({"ASK_URL": "https://me:sk-secret@a/v1"}, "ASK_URL: it has a user or a passw"),
        ({"ASK_URL": "https://sk-secret@a/v1"}, "ASK_URL: it has a user or a password"),
        ({"ASK_URL": "sk-secret"}, "ASK_URL: it is not like https://api.example.com/v1"),
        ({"ASK_URL": "http://a/?k=sk-secret#b"}, r"ASK_URL: it has a fragment \(#\)"),
    ],
)  # fmt: skip
def test_a_key_or_an_address_never_stands_in_the_message(
    environ: dict[str, str], wrong: str
) -> None:
    with pytest.raises(InvalidSetting, match=wrong) as caught:
        Settings.from_env(environ)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost", (False, "localhost", 80, "/v1/chat/completions")),
        ("https://a.example/", (True, "a.example", 443, "/v1/chat/completions")),
        ("http://[::1]:8080/v1", (False, "::1", 8080, "/v1/chat/completions")),
        ("http://a/v1/", (False, "a", 80, "/v1/chat/completions")),
        ("https://a/v1/chat/completions", (True, "a", 443, "/v1/chat/completions")),
        ("https://a/x/y?v=1", (True, "a", 443, "/x/y/chat/completions?v=1")),
    ],
)
def test_the_url_of_a_model_may_leave_out_the_path_of_the_completions(
    url: str, address: tuple[bool, str, int, str]
) -> None:
    assert Settings.from_env({"ASK_URL": url}).ask_url == url
    assert parse_address(url) == Address(*address)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("simulator", "simulator", "simulator")),
        ({"FEED": "live"}, ("live", "kraken", "openligadb")),
        ({"FEED": "published"}, ("published", "", "")),
        ({"PRICES": "kraken"}, ("live", "kraken", "simulator")),
        ({"SCORES": "espn:eng.1 simulator"}, ("live", "simulator", "espn simulator")),
        ({"FEED": "published", "PRICES": "coinbase"}, ("live", "coinbase", "")),
        ({"FEED": "published", "PRICES": "simulator"}, ("live", "simulator", "")),
        ({"PRICES": "none"}, ("simulator", "", "simulator")),
        ({"FEED": "live", "SCORES": "none"}, ("live", "kraken", "")),
    ],
)
def test_prices_and_scores_are_by_feed_and_may_be_chosen_alone(
    environ: dict[str, str], expected: tuple[str, str, str]
) -> None:
    settings = Settings.from_env(environ)
    prices, scores = (
        " ".join(each.source for each in selected)
        for selected in (settings.prices, settings.scores)
    )
    assert (settings.feed, prices, scores) == expected


def test_a_source_is_asked_for_its_names_once_each() -> None:
    settings = Settings.from_env({"PRICES": "kraken:BTC/USD,ETH/EUR,BTC/USD,"})
    assert settings.prices[0].names == ("BTC/USD", "ETH/EUR")
    assert len(Settings.from_env({"FEED": "live"}).prices[0].names) == 13


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PRICES": "kragen:A"}, "PRICES: 'kragen:A' is none of kraken:BTC/USD"),
        ({"SCORES": "kraken"}, "SCORES: 'kraken' is none of openligadb:bl1,bl2"),
        ({"PRICES": "simulator:A"}, "PRICES: 'simulator:A' is none of"),
        ({"PRICES": "kraken:A kraken:B"}, "write its names as one list"),
        ({"PRICES": "kraken:A\x1bB"}, "is no name like BTC/USD"),
        ({"PRICES": "kraken:" + ",".join(f"A{n}" for n in range(101))}, "100 are"),
        ({"KRAKEN_URL": "https://ws.kraken.com"}, "KRAKEN_URL: it is not like wss://"),
        ({"ESPN_URL": "http://user:secret@h/"}, "ESPN_URL: it has more than a host"),
        ({"OPENLIGADB_URL": "https://h:0"}, "OPENLIGADB_URL: it is not like https://"),
    ],
)
def test_a_source_that_cannot_be_used_is_named_with_its_remedy(
    environ: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidSetting, match=re.escape(words)) as caught:
        Settings.from_env(environ)
    assert "secret" not in str(caught.value)


def test_a_replay_takes_no_other_source(tmp_path: Path) -> None:
    recording = tmp_path / "day.ndjson"
    recording.touch()
    replay = {"FEED": f"replay:{recording}"}
    assert Settings.from_env(replay).prices == ()
    with pytest.raises(InvalidSetting, match="unset PRICES or FEED"):
        Settings.from_env({**replay, "PRICES": "kraken"})
