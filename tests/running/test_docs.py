"""The documents, compared with the code: types, names, defaults, URLs.

The tables and examples of the Markdown files are read as data. A name in them that
doesn't exist fails a test, and so does an existing name that isn't in them.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from playwright.sync_api import Page, expect

from app import create_app
from feed import history as past
from feed import log
from feed.answers import (
    answers,
    deltas,
    facts,
    limits,
    prompt,
    request,
    shelf,
    upstream,
)
from feed.answers.upstream import AnswerLimits
from feed.commands import publish as send
from feed.events import control, shapes
from feed.events.catalogue import CATALOGUE
from feed.events.control import CONTROLS, Cited
from feed.events.event import CONTROL_TYPES, MAX_TYPES, gone, unkeyed
from feed.events.shapes import Late, Notice, Quote, Team
from feed.events.wrapping import Wrapped
from feed.feed import Feed
from feed.publishing import batch as publishing
from feed.publishing import idempotency
from feed.settings import SLOWEST, InvalidSetting, Settings
from feed.sources import recording, replay
from feed.sources.replay import Replay
from feed.streams import catchup, framecache, stream
from feed.streams.slowness import BOUNDS, SMALL_FRAME
from feed.streams.view import View
from serving.figures import FiguresFolder
from serving.slots import SlotBounds
from tests.helpers.documents import (
    ASK,
    BOARDS,
    DEPLOY,
    DOCUMENTS,
    FEED,
    README,
    REPLAY,
    SECURITY,
    TOUR,
    Table,
    bare,
    blocks,
    defined_in,
    outside_blocks,
    settings_table,
    spans,
    table_headed,
    tables,
)
from tests.helpers.harness import ROOT, Board
from tests.helpers.sse import Parsed, Parser
from web import api, cells, guesses, panels
from web.ops import REFUSALS, SharedFigures
from web.query import (
    MATCH_PARAMETERS,
    MAX_NAMES,
    MAX_PACE,
    STATE_PARAMETERS,
    STREAM_PARAMETERS,
    InvalidParameter,
)

SHOWN_URL = "http://127.0.0.1:8000"  # of the board, in the documents


class Gone(msgspec.Struct):
    """The data of `gone`, which the code writes without a shape of its own."""

    event: str
    key: str
    at: int


SHAPES: dict[str, type[msgspec.Struct]] = {
    **{name: row.shape for name, row in CATALOGUE.items()},
    "gone": Gone,
    "other": Wrapped,
    **CONTROLS,
}
NESTED = {"team": Team, "late": Late, "cited": Cited}
# The sections of their tables.
NESTED_IN = {"team": "score", "late": "price", "cited": "end"}


# The events


def test_every_shape_has_a_section_of_the_feed_document() -> None:
    coded = {
        shape
        for module in (shapes, control)
        for shape in vars(module).values()
        if isinstance(shape, type)
        and issubclass(shape, msgspec.Struct)
        and shape.__module__ == module.__name__
    }
    assert coded | {Gone, Wrapped} == {*SHAPES.values(), *NESTED.values()}
    headings = {table.heading for table in tables(FEED) if table.head[0] == "field"}
    assert headings == {*SHAPES}


@pytest.mark.parametrize("name", [*SHAPES, *NESTED])
def test_every_field_stands_in_its_table_with_its_type(name: str) -> None:
    table = fields_table(name)
    kinds = zip(table.column(table.head[0]), table.column("type"), strict=True)
    assert [(bare(field), kind) for field, kind in kinds] == [
        (field.encode_name, words(field.type)) for field in fields_of(name)
    ]


@pytest.mark.parametrize("name", [*SHAPES, *NESTED])
def test_every_value_that_a_field_can_have_is_named_and_no_other(name: str) -> None:
    rows = fields_table(name).by_name()
    for field in fields_of(name):
        possible = values(field.type)
        if possible:
            own = [t for t in section_tables(name) if t.head[0] == field.encode_name]
            meaning = [rows[field.encode_name]["meaning"]]
            named = own[0].by_name() if own else spans(meaning)
            assert {*named} == possible, field.name


def test_every_type_is_listed_with_its_key() -> None:
    [events] = [t for t in tables(FEED) if t.head == ["type", "key", "meaning"]]
    [controls] = [t for t in tables(FEED) if t.head == ["type", "when"]]
    assert {*controls.by_name()} == CONTROL_TYPES
    assert {*events.by_name(), *CONTROL_TYPES} == {*SHAPES}


def test_a_gone_event_is_as_documented() -> None:
    assert roundtrip(gone("price", "ACME", 1).data, Gone)


def test_every_example_of_an_event_decodes_into_its_shape() -> None:
    examples = [*events_shown(FEED)]
    assert {example.event for example in examples} == {*SHAPES}
    for example in [*examples, *events_shown(README)]:
        assert roundtrip(example.data.encode(), SHAPES[example.event]), example


def test_an_example_has_an_id_where_the_real_one_has() -> None:
    for document in (FEED, README):
        text = "\n".join(blocks(document, "text") + blocks(document, "console"))
        for id, type in re.findall(r"(id: \S+\n)?event: (\w+)", text):
            assert bool(id) == (type not in CONTROL_TYPES - {"heartbeat"}), type


# Requests and parameters


def test_every_url_takes_the_parameters_that_its_row_names() -> None:
    taken = {
        bare(row["URL"]): spans([row["parameters"]])
        for table in tables(FEED)
        if "parameters" in table.head
        for row in table.by_name().values()
    }
    assert taken == {
        "GET /stream": [*STREAM_PARAMETERS],
        "GET /stream.ndjson": [*STREAM_PARAMETERS],
        "GET /stream.txt": [*STREAM_PARAMETERS],
        "GET /stream/matches/<match>": [*MATCH_PARAMETERS],
        "DELETE /stream/names/<stream>": [],
        "GET /": [],
        "GET /api/state": [*STATE_PARAMETERS],
        "GET /api/history/<symbol>": ["interval", "limit"],
        "GET /api/openapi.json": [],
    }


def test_every_parameter_has_a_row_with_its_bounds() -> None:
    of_streams, of_history = (t for t in tables(FEED) if t.head[0] == "parameter")
    assert [*of_streams.by_name()] == [*STREAM_PARAMETERS]
    assert of_streams.by_name()["pace"]["value"] == f"0 to {MAX_PACE:g}"
    interval, limit = of_history.by_name().values()
    assert interval["value"] == (
        f"{past.BASE} to {past.MAX_INTERVAL}, a multiple of {past.BASE}"
    )
    assert limit["value"] == f"1 to {api.MAX_LIMIT}"


def test_the_history_takes_the_parameters_of_its_table_with_its_defaults() -> None:
    table = [t for t in tables(FEED) if t.head[0] == "parameter"][1]
    defaults = {name: int(row["default"]) for name, row in table.by_name().items()}
    app = create_app(Settings(feed="published"))
    [shown] = [e for e in events_shown(FEED) if e.event == "price"]
    quote = msgspec.json.decode(shown.data, type=Quote)
    for minute in range(600):
        at = quote.at + minute * 60_000
        app.extensions["feed"].history.add_quote(msgspec.structs.replace(quote, at=at))
    with app.test_request_context("/api/history/ACME"):
        answer = json.loads(api.history("ACME").data)
        assert defaults == {
            "interval": answer["interval"],
            "limit": len(answer["candles"]),
        }
    with (
        app.test_request_context("/api/history/ACME?interva=60"),
        pytest.raises(InvalidParameter, match=f"there are {', '.join(defaults)}$"),
    ):
        api.history("ACME")


def test_every_url_that_is_named_is_routed() -> None:
    adapter = create_app(Settings()).url_map.bind("127.0.0.1")
    for document in DOCUMENTS:
        for path in paths_named(document):
            if not adapter.allowed_methods(path):
                pytest.fail(f"{document.name} names {path}, which is not routed")


def test_every_route_is_named() -> None:
    rules = create_app(Settings()).url_map.iter_rules()
    served = {re.sub("<key:", "<", r.rule) for r in rules if r.endpoint != "static"}
    named = {path for table in tables(FEED) for path in urls_of(table)}
    # The page has URLs of its own, which show a part of it and are no contract.
    assert named <= served
    assert {r for r in served if r.startswith(("/api", "/stream"))} <= named
    assert {"/", "/healthz", "/readyz", "/metrics"} <= named


def test_a_stream_has_the_headers_of_the_table(board: Board) -> None:
    [table] = [t for t in tables(FEED) if t.head == ["header", "value"]]
    paths = ("/stream", "/stream.ndjson", "/stream.txt")
    for path, kind in zip(
        paths, spans([table.by_name()["Content-Type"]["value"]]), strict=True
    ):
        with board.stream(path) as opened:
            shown = {name: bare(row["value"]) for name, row in table.by_name().items()}
            shown["Content-Type"] = kind
            for name, value in shown.items():
                assert opened.headers[name.lower()] == value


def test_the_state_has_the_members_of_its_table() -> None:
    feed = Feed(Settings(feed="published"), "1")
    feed.publish([Notice("n", "t", None, "info", None, None, 1).event()])
    members = [*json.loads(api.state_json(feed, View()))]
    assert [*table_headed("state").by_name()] == members
    example = json.loads(blocks(FEED, "json")[0])
    assert [*example] == members
    for notice in example["notices"]:
        assert roundtrip(json.dumps(notice).encode(), Notice)
    assert [tuple(other) for other in example["other"]] == [api.Other.__struct_fields__]


def test_the_history_has_the_members_of_its_table(board: Board) -> None:
    answer = json.loads(board.get("/api/history/ACME?interval=300&limit=3")[2])
    example = json.loads(blocks(FEED, "json")[1])
    assert [*answer] == [*example] == [*table_headed("history").by_name()]
    assert {len(c) for c in answer["candles"] + example["candles"]} == {
        len(get_args(past.Candle))
    }


def test_the_numbers_of_the_text_are_those_of_the_code() -> None:
    text = " ".join(FEED.read_text().split())
    for words in (
        "`retry:` line of {} to {} ms".format(*stream.DEFAULT_RETRY),
        f"at most {catchup.MOST_MILESTONES * catchup.MILESTONES.far} in a catch-up",
        f"more than {BOUNDS.behind} events to come",
        f"more than {BOUNDS.behind_slow} if the reader is slow",
        f"had to wait over {BOUNDS.slow_write} s",
        f"longer than {BOUNDS.fresh_for:g} s",
        f"its last {log.RETIREMENTS:_} retirements".replace("_", " "),
        f"{past.MAX_CANDLES:_} candles of {past.BASE} seconds".replace("_", " "),
    ):
        assert words in text


def test_the_numbers_of_recording_and_replaying_are_those_of_the_code() -> None:
    text = " ".join(REPLAY.read_text().split())
    for words in (
        f"up to {replay.EVENTS} events or {replay.BYTES >> 10} KiB of the recording",
        f"with its number, up to {replay.REPORTS} of them",
        f"more than {MAX_TYPES} types of your own",
        f"A line has up to {recording.LONGEST >> 20} MiB",
        f"up to {publishing.MAX_EVENTS} events or {send.BATCH_BYTES >> 10} KiB",
    ):
        assert words in text


def test_the_numbers_of_boards_of_your_own_are_those_of_the_code() -> None:
    text = " ".join(BOARDS.read_text().split())
    for words in (
        f"{panels.ROWS_OF_TYPE} rows of each type and {panels.ROWS_OF_ALL} in all",
        f"newest {panels.ACTIVITY} of them",
        f"cut after {cells.LONGEST_TEXT} characters",
        f"up to {MAX_TYPES} types of your own and `MAX_KEYS` keys",
        f"One request publishes up to {publishing.MAX_EVENTS} events",
    ):
        assert words in text
    [table] = [t for t in tables(BOARDS) if t.head == ["field", "on the page"]]
    chips = spans([row[1] for row in table.rows if "chip" in row[1]])
    assert {*chips} <= {*cells.TONES}


def test_every_farewell_has_a_row_with_its_waits() -> None:
    table = table_headed("`reason`")
    assert {
        name: row["`retry_ms`, at random"] for name, row in table.by_name().items()
    } == {
        reason: f"{low} to {high}"
        for reason, (low, high) in stream.FAREWELL_RETRY.items()
    }


def test_every_way_to_resume_has_a_row() -> None:
    assert {*table_headed("`resume`").by_name()} == values(
        msgspec.inspect.type_info(control.Resume)
    )


# Figures and settings


def test_every_metric_has_a_row_with_its_labels(tmp_path: Path) -> None:
    feed = Feed(Settings(feed="published"), "1")
    feed.publish([unkeyed("note", b"1")])
    registry = SharedFigures(feed, FiguresFolder(tmp_path)).combine()
    emitted = {
        family.name
        if family.type == "histogram"
        else sample.name + "{" * bool(labels) + ",".join(labels) + "}" * bool(labels)
        for family in registry.collect()
        for sample in family.samples
        for labels in [[*sample.labels]]
        if sample.name.startswith("liveboard_")
    }
    rows = table_headed("metric").by_name()
    assert {*rows} == emitted
    refused = rows["liveboard_streams_refused_total{reason}"]["meaning"]
    assert {*REFUSALS} <= {*spans([refused])}


class Asked(dict[str, str]):
    """An environment that notes which variables were looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    environ = Asked()
    Settings.from_env(environ)
    assert {*settings_table(FEED)} == environ.names
    assert {*settings_table(README)} <= environ.names


@pytest.mark.parametrize("document", [README, FEED], ids=["README", "feed"])
def test_the_default_of_a_setting_is_the_one_in_its_row(document: Path) -> None:
    settings = Settings.from_env({})
    for name, row in settings_table(document).items():
        shown, value = bare(row["default"]), getattr(settings, name.lower(), None)
        if name == "HOST":
            hosted = Settings.from_env({"PORT": "80"}).host
            assert spans([row["default"]]) == [value, hosted, "PORT"]
        elif name == "SEED":
            assert shown == "random"
        elif name in ("PRICES", "SCORES"):
            assert row["default"] == "by `FEED`"
        elif isinstance(value, int | float):
            assert float(shown) == value, name
        else:
            assert shown == (value or "none"), name


def test_the_bounds_of_a_setting_are_those_of_its_type() -> None:
    rows = settings_table(FEED)
    bounds = {}
    for field in msgspec.structs.fields(Settings):
        info = msgspec.inspect.type_info(field.type)
        if isinstance(info, msgspec.inspect.IntType | msgspec.inspect.FloatType):
            bounds[field.name.upper()] = f"{info.ge} to {info.le}"
    assert bounds.pop("SEED") == f"0 to {2**63 - 1}"
    # The rest of the sentence in its row is about a replay, which may be slower.
    assert bounds.pop("SPEED") == "0 to 1000"
    assert rows["SPEED"]["values"] == f"{SLOWEST} to 1000"
    assert len(bounds) >= 9
    assert {name: rows[name]["values"] for name in bounds} == bounds


def test_a_setting_takes_the_values_of_its_row_and_none_beyond() -> None:
    bounded = []
    for name, row in settings_table(FEED).items():
        bounds = re.fullmatch(r"([\d.]+) to ([\d.]+)", row["values"])
        if not bounds:
            continue
        bounded.append(name)
        step = 0.001 if isinstance(getattr(Settings(), name.lower()), float) else 1
        low, high = map(float, bounds.groups())
        for inside in bounds.groups():
            Settings.from_env({name: inside})
        for outside in (low - step, high + step):
            with pytest.raises(InvalidSetting, match=name):
                Settings.from_env({name: f"{outside:.15g}"})
    assert len(bounded) >= 10


def test_the_sources_are_those_that_can_be_set(tmp_path: Path) -> None:
    recording = tmp_path / "day.ndjson"
    recording.touch()
    values = spans([settings_table(FEED)["FEED"]["values"]])
    sources = {value: value.partition(":")[0] for value in values}
    named = spans([fields_table("hello").by_name()["source"]["meaning"]])
    assert {*sources.values()} == {*named}
    for value, source in sources.items():
        given = {"FEED": value.replace("FILE", str(recording))}
        feed = Feed(Settings.from_env(given), "1")
        assert feed.source.name == source
        if isinstance(feed.source, Replay):
            feed.source.close()


def test_the_board_takes_the_open_files_that_the_document_says() -> None:
    conf = (ROOT / "gunicorn.conf.py").read_text()
    short = re.search(r"^SHORT_REQUESTS = (\d+)", conf, re.M)
    spare = re.search(r"wanted = worker_connections \+ (\d+)", conf)
    assert short and spare
    more = int(short[1]) + int(spare[1])
    text = " ".join(DEPLOY.read_text().split())
    total = Settings().max_streams + more
    assert f"`MAX_STREAMS` and {more} more: {total} by default" in text


# Commands in the documents


def test_the_commands_for_a_terminal_work(board: Board, tmp_path: Path) -> None:
    """They run unchanged; `.curlrc` ends them and makes them print the status."""
    assert shutil.which("curl"), "curl is missing; the documents are for who has it"
    for name, seconds in (("stream", 3), ("answer", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".curlrc").write_text(
            f"silent\nmax-time = {seconds}\n"
            'output = /dev/null\nwrite-out = "%{http_code}"\n'
        )
    commands = [*commands_shown(README), *commands_shown(ASK)]
    assert len(commands) >= 11
    running = [
        subprocess.Popen(
            command.replace(SHOWN_URL, board.url),
            shell=True,
            env=os.environ
            | {
                "CURL_HOME": str(tmp_path / ("stream" if "-N" in command else "answer"))
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    for command, process in zip(commands, running, strict=True):
        status, _ = process.communicate(timeout=60)
        assert status == ("201" if "-X P" in command else "200"), command
        # A stream runs until curl gives up (28); all other responses end by themselves.
        assert process.returncode == (28 if "-N" in command else 0), command


def test_the_commands_for_a_board_of_your_own_work(tmp_path: Path) -> None:
    """They run unchanged, except that what would never end is ended."""
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
    tokens = {"PUBLISH_TOKEN": "secret", "VIEW_TOKEN": "view"}
    setting, *commands = blocks(BOARDS, "sh")
    assert "PUBLISH_TOKEN=secret" in setting
    endless = {"sleep 5": "sleep 0.1", 'curl -N "$BOARD/stream?': "timeout 1 \\g<0>"}
    with Board(FEED="published", PUBLISH_TOKEN="secret") as board:
        env = os.environ | tokens | {"CURL_HOME": str(tmp_path), "BOARD": board.url}
        for command in commands:
            for shown, run in endless.items():
                command = re.sub(re.escape(shown), run, command)
            loops = command.startswith("while")
            done = subprocess.run(
                ["timeout", "1" if loops else "60", "bash", "-ec", command],
                env=env,
                capture_output=True,
                text=True,
            )
            assert done.returncode in (0, 124), command + done.stdout + done.stderr
            assert done.stdout, command
        state = json.loads(board.get("/api/state")[2])
        lines = board.get("/")[2]
    shown_keys = {(it["event"], it["key"]) for it in state["other"]}
    assert shown_keys >= {("ticket", "4711"), ("ticket", "4713"), ("build", "main")}
    assert ("ticket", "4712") not in shown_keys
    assert {event for event, _ in shown_keys} >= {"server", "ticket", "build"}
    assert b"Note  Mia took ticket 4711" in lines
    assert [it["title"] for it in state["notices"]] == ["Ticket 4711 waits too long"]


def test_the_script_for_a_browser_works(board: Board, page: Page) -> None:
    [script] = blocks(README, "js")
    assert len(script.splitlines()) <= 10
    page.goto(board.url + "/healthz")
    with page.expect_console_message(
        lambda message: bool(re.fullmatch(r"30 symbols [\d.]+", message.text))
    ):
        page.evaluate("() => {" + script + "}")


def test_the_script_that_asks_works(board: Board, page: Page) -> None:
    [script] = blocks(ASK, "js")
    assert len(script.splitlines()) == 6
    page.goto(board.url + "/healthz")
    page.evaluate("() => {" + script + "}")
    expect(page.locator("body")).to_contain_text("ACME")


# A model behind the board


def test_the_limits_of_a_model_are_those_of_the_code() -> None:
    limits = AnswerLimits()
    values = (
        *(limits.connect, limits.first_token, limits.between_tokens, limits.whole),
        *(limits.characters, 1 / limits.between_pieces, answers.MOST_CALLS),
        *(answers.COSTLY_QUESTIONS_A_MINUTE, answers.UNREAD),
    )
    rows = table_headed("limit", ASK).column("value")
    shown = [row.replace(" 000", "000").split()[0] for row in rows]
    assert shown == [f"{value:g}" for value in values]
    text = " ".join(ASK.read_text().split())
    for words in (
        f"8 000 tokens' worth ({prompt.STATE_BYTES:_} bytes".replace("_", " "),
        f"A row of more than {prompt.ROW_BYTES:_} bytes".replace("_", " "),
        f"A whole number below {facts.SMALL} appears",
    ):
        assert words in text
    assert (prompt.TOKENS, prompt.TURNS, shelf.KEPT_FOR) == (8000, 3, 30 * 60)


def test_every_sentence_about_a_model_is_listed() -> None:
    modules = (deltas, request, upstream)
    sentences = {
        value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and value.endswith(".")
    }
    sentences |= {*deltas.UNFINISHED.values(), *request.STATUS_FAULTS.values()}
    assert len(sentences) > 20
    assert {*table_headed("sentence", ASK).column("sentence")} == sentences


# Files and links


def test_every_promise_of_security_names_tests_that_exist() -> None:
    [table] = [it for it in tables(SECURITY) if it.head == ["promise", "file", "test"]]
    assert len(table.rows) > 15
    for _, file, tests in table.rows:
        [path], names = spans([file]), spans([tests])
        assert names
        assert {*names} <= defined_in(ROOT / path), path


def test_the_bounds_of_security_are_those_of_the_code() -> None:
    text = " ".join(SECURITY.read_text().split())
    slots, settings = SlotBounds(), Settings()
    for words in (
        f"`MAX_STREAMS`, {settings.max_streams} by default",
        f"`BACKLOG`, {settings.backlog:_} by default".replace("_", " "),
        f"`BACKLOG_BYTES`, {settings.backlog_bytes >> 20} MiB",
        f"`MAX_KEYS`, {settings.max_keys} by default",
        f"`MAX_KEYS_BYTES`, {settings.max_keys_bytes >> 20} MiB",
        f"`MAX_CONNECTIONS_PER_CLIENT`, {settings.max_connections_per_client} by",
        f"a frame of a catch-up | {catchup.FRAME_BYTES >> 10} KiB",
        f"reads ahead | {stream.MOST_READ}, of",
        f"being sent | {catchup.MADE_BYTES >> 20} MiB in all",
        f"have up to {SMALL_FRAME + catchup.LARGE_FOR_SMALL >> 10} KiB",
        f"the newest {slots.idle}, for",
        f"without a request | {slots.first_request:g} s",
        f"that isn't read | {slots.answer:g} s",
        f"names in a filter | {MAX_NAMES}, and",
        f"moment | {framecache.MOMENT_BYTES >> 20} MiB each",
        f"idempotency keys | {idempotency.REMEMBERED:_} ".replace("_", " "),
        f"{settings.max_answers} at once, {answers.MOST_CALLS} by a model",
        f"{shelf.MOST_KEPT} that have ended, with up to {shelf.MOST_BYTES >> 20} MiB",
        f"{limits.MOST_ADDRESSES:_} that asked".replace("_", " "),
        f"{guesses.MOST_CLIENTS} that sent a wrong token",
    ):
        assert words in text
    assert framecache.MOMENT_BYTES == catchup.CATCH_UP_BYTES


def test_every_file_of_the_table_to_change_something_exists() -> None:
    table = table_headed("to change", TOUR)
    files = spans(table.column("open"))
    assert len(files) > 20
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_every_module_is_in_the_table() -> None:
    files = {*spans(table_headed("to change", TOUR).column("open"))}
    modules = {
        str(path.relative_to(ROOT))
        for folder in ("feed", "serving", "web")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert modules <= files


def test_every_function_of_the_tour_is_in_the_file_named_beside_it() -> None:
    passed = re.findall(r"`([\w.]+)`\s+\(`([\w./]+)`\)", TOUR.read_text())
    assert len(passed) > 40
    assert [stop for stop in passed if stop[0] not in defined_in(ROOT / stop[1])] == []


def test_the_drawing_shows_folders_and_files_that_exist() -> None:
    [drawing] = blocks(README, "")
    rooms = re.findall(r"(?<![/\w])[a-z]+/(?!\w)|[a-z/]+\.(?:py|js)", drawing)
    assert len(rooms) > 8
    folders = (ROOT, ROOT / "feed")
    lost = [it for it in rooms if not any((at / it).exists() for at in folders)]
    assert lost == []


def test_every_relative_link_leads_somewhere() -> None:
    for document in (README, ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
            if link.startswith(("http:", "https:")):
                continue
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            assert target.is_file(), f"{document.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


def test_every_make_goal_that_is_named_exists() -> None:
    goals = {*re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)}
    named = {g for d in DOCUMENTS for g in re.findall(r"\bmake (\w+)`", d.read_text())}
    named |= {*re.findall(r"^make (\w+)", README.read_text(), re.M)}
    assert {"run", "test", "check"} <= named <= goals


# Reading the documents


def section_tables(name: str) -> list[Table]:
    heading = NESTED_IN.get(name, name)
    return [table for table in tables(FEED) if table.heading == heading]


def fields_table(name: str) -> Table:
    head = name if name in NESTED else "field"
    [table] = [table for table in section_tables(name) if table.head[0] == head]
    return table


def events_shown(document: Path) -> Iterator[Parsed]:
    for block in blocks(document, "text") + blocks(document, "console"):
        yield from Parser().feed(block.encode() + b"\n\n")


def commands_shown(document: Path) -> Iterator[str]:
    for block in blocks(document, "sh") + blocks(document, "console"):
        for line in block.splitlines():
            command = line.removeprefix("$ ")
            if command.startswith("curl "):
                yield command


def paths_named(document: Path) -> set[str]:
    """Return the paths on the board that a document names, without their queries."""
    prose = spans([*outside_blocks(document)])
    named = {METHOD.sub("", span) for span in prose}
    text = document.read_text()
    named |= {*re.findall(re.escape(SHOWN_URL) + r"(/[^\s'`;]*)", text)}
    named |= {*re.findall(r"(?<=\s)/\S*", "\n".join(blocks(document, "")))}
    return {path.partition("?")[0] for path in named if path.startswith("/")}


METHOD = re.compile("^(GET|POST|PUT|DELETE) ")


def urls_of(table: Table) -> list[str]:
    if table.head[0] != "URL":
        return []
    return [METHOD.sub("", url) for url in table.by_name()]


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings."""
    headings = [line for line in outside_blocks(document) if line.startswith("#")]
    kept = (re.sub(r"[^\w\- ]", "", h.lstrip("# ").lower()) for h in headings)
    return {text.strip().replace(" ", "-") for text in kept}


# Reading the code


def fields_of(name: str) -> tuple[msgspec.inspect.Field, ...]:
    info = msgspec.inspect.type_info({**SHAPES, **NESTED}[name])
    assert isinstance(info, msgspec.inspect.StructType)
    return info.fields


def words(type: msgspec.inspect.Type) -> str:
    """Return how the documents write a type."""
    match type:
        case msgspec.inspect.UnionType():
            return " or ".join(words(each) for each in type.types)
        case msgspec.inspect.StructType():
            return type.cls.__name__.lower()
        case msgspec.inspect.LiteralType() | msgspec.inspect.StrType():
            return "string"
        case msgspec.inspect.IntType():
            return "integer"
        case msgspec.inspect.FloatType():
            return "number"
        case msgspec.inspect.ListType():
            return "array"
        case msgspec.inspect.NoneType():
            return "null"
        case msgspec.inspect.RawType():
            return "any"
    raise AssertionError(f"no word for {type}")


def values(type: msgspec.inspect.Type) -> set[str]:
    """Return the values that a type is limited to; nothing if it isn't limited."""
    parts = type.types if isinstance(type, msgspec.inspect.UnionType) else (type,)
    return {
        str(value)
        for part in parts
        if isinstance(part, msgspec.inspect.LiteralType)
        for value in part.values
    }


def roundtrip(data: bytes, shape: type[msgspec.Struct]) -> bool:
    """Whether JSON has exactly the fields of a shape, at every depth, and its types."""
    decoded = msgspec.json.decode(data, type=shape)
    return bool(json.loads(msgspec.json.encode(decoded)) == json.loads(data))
