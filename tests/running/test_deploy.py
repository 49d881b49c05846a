"""The files that platforms read, tried as far as that goes without the platform.

nginx and the container's steps are run for real. The rest is read by real parsers and
compared with the shapes below, which have the keys that we use and no other: most
platforms ignore a key that they don't know without a warning.
"""

import configparser
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
import pytest

from feed.settings import Settings
from tests.helpers.boards import open_streams, status
from tests.helpers.client_state import age
from tests.helpers.confined import unit_values
from tests.helpers.documents import DEPLOY, FEED, blocks, settings_table
from tests.helpers.harness import (
    LOOPBACK,
    ROOT,
    Board,
    Nginx,
    Process,
    clean_environment,
    free_port,
    until,
)
from tests.helpers.proxies import BOARDS, MAIN_CONFIG, UPSTREAM, ShippedNginx
from tests.helpers.redis_server import RedisServer
from tests.helpers.sse import Parsed

DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "compose.yaml"
COMPOSE_UPSTREAM = ROOT / "deploy/boards-compose.conf"
UNIT = ROOT / "deploy/liveboard.service"
CONFINED = (sys.executable, "-m", "tests.helpers.confined", str(UNIT))
FAREWELL = 5  # seconds from SIGTERM until the board is gone
# One path for each kind of file that the image must have.
PATHS = (
    "/",
    "/readyz",
    "/api/openapi.json",
    "/static/board.css",
    "/static/page.js",
)
QUIET = "/stream?events=price&symbols=NOBODY"  # fills no buffer


# The files of platforms


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """A table of a platform's file, with the keys that we use."""


class Url(Shape):
    url: Literal["heroku/python"]


class Dyno(Shape):
    quantity: Literal[1]
    size: Literal["basic", "standard-1x", "standard-2x"]


class Formation(Shape):
    web: Dyno


class ConfigVar(Shape):
    description: str
    value: str = ""
    generator: Literal["", "secret"] = ""


class AppJson(Shape):
    """Heroku's app.json."""

    name: str
    description: str
    keywords: list[str]
    buildpacks: list[Url]
    formation: Formation
    env: dict[str, ConfigVar]


class EnvVar(Shape, rename="camel"):
    key: str
    value: str = ""
    generate_value: bool = False


class RenderService(Shape, rename="camel"):
    type: Literal["web"]
    name: str
    runtime: Literal["python"]
    plan: Literal["starter", "standard", "pro"]  # not free: it has no shutdown delay
    num_instances: Literal[1]
    build_command: str
    start_command: str
    health_check_path: str
    max_shutdown_delay_seconds: int
    env_vars: list[EnvVar]


class Blueprint(Shape):
    """Render's render.yaml."""

    services: list[RenderService]


class FlyBuild(Shape):
    dockerfile: str


class Concurrency(Shape):
    type: Literal["connections"]
    soft_limit: int
    hard_limit: int


class HttpOptions(Shape):
    idle_timeout: int


class Check(Shape):
    path: str
    interval: str
    timeout: str
    grace_period: str


class HttpService(Shape):
    internal_port: int
    force_https: bool
    auto_stop_machines: Literal["off"]
    auto_start_machines: Literal[False]
    concurrency: Concurrency
    http_options: HttpOptions
    checks: list[Check]


class Machine(Shape):
    size: str
    memory: str


class FlyToml(Shape):
    """Fly.io's fly.toml."""

    app: str
    kill_signal: Literal["SIGTERM"]
    kill_timeout: int
    build: FlyBuild
    env: dict[str, str]
    http_service: HttpService
    vm: list[Machine]


class RailwayBuild(Shape):
    builder: Literal["DOCKERFILE"]


class RailwayDeploy(Shape, rename="camel"):
    healthcheck_path: str
    draining_seconds: int  # a number: Railway refuses a string
    overlap_seconds: int


class RailwayJson(Shape):
    """Railway's railway.json, which docs/deploy.md shows."""

    schema: str = msgspec.field(name="$schema")
    build: RailwayBuild
    deploy: RailwayDeploy


def app_json() -> AppJson:
    text = (ROOT / "app.json").read_bytes()
    return msgspec.json.decode(text, type=AppJson, strict=True)


def blueprint() -> RenderService:
    text = (ROOT / "render.yaml").read_bytes()
    [service] = msgspec.yaml.decode(text, type=Blueprint, strict=True).services
    return service


def fly_toml() -> FlyToml:
    return msgspec.convert(tomllib.loads((ROOT / "fly.toml").read_text()), FlyToml)


def environments() -> dict[str, dict[str, str]]:
    """Return the board's environment in each file."""
    boards = [
        msgspec.yaml.decode(COMPOSE.read_text())["services"][name] for name in BOARDS
    ]
    unit = dict(pair.split("=", 1) for pair in unit_lines()["Environment"].split())
    [run] = re.findall(r"--set-env-vars=(\S+)", DEPLOY.read_text())
    documents = [msgspec.yaml.decode(block) for block in blocks(DEPLOY, "yaml")]
    shown = [it["services"][0] for it in documents if "services" in it]
    [app_spec] = [service for service in shown if "envs" in service]
    return {
        "app.json": {n: v.value for n, v in app_json().env.items() if not v.generator},
        "render.yaml": {v.key: v.value for v in blueprint().env_vars if v.value},
        "fly.toml": fly_toml().env,
        "compose.yaml": {n: default(v) for n, v in boards[0]["environment"].items()},
        "liveboard.service": unit,
        "Cloud Run": dict(pair.split("=", 1) for pair in run.split(",")),
        "DigitalOcean": {env["key"]: env["value"] for env in app_spec["envs"]},
    }


def default(value: str) -> str:
    """Return a value as compose expands it in an empty environment."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)


def test_every_variable_that_a_file_sets_is_a_setting_with_a_value_that_it_takes() -> (
    None
):
    known = {*settings_table(FEED)}
    found = environments()
    assert len(found) == 7
    for name, variables in found.items():
        assert {*variables} <= known, name
        assert variables["TRUSTED_PROXIES"] == "1", name
        Settings.from_env(variables)


def test_a_platform_waits_for_the_farewell_and_asks_whether_the_board_is_ready() -> (
    None
):
    render, fly = blueprint(), fly_toml()
    assert FAREWELL < render.max_shutdown_delay_seconds <= 300
    assert FAREWELL < fly.kill_timeout <= 300
    assert render.health_check_path == "/readyz"
    assert [check.path for check in fly.http_service.checks] == ["/readyz"]


def test_fly_lets_in_all_streams_that_the_board_takes_and_short_requests() -> None:
    service = fly_toml().http_service
    assert service.concurrency.soft_limit == Settings().max_streams
    assert service.concurrency.hard_limit == Settings().max_streams + short_requests()
    assert service.http_options.idle_timeout > 2 * Settings().heartbeat
    assert str(service.internal_port) == fly_toml().env["PORT"]


def test_the_platforms_start_what_the_procfile_starts() -> None:
    procfile = (ROOT / "Procfile").read_text().removeprefix("web: ").strip()
    assert blueprint().start_command == procfile
    assert " ".join(json.loads(instructions()[-1].text)) == procfile


def test_a_build_without_the_chart_library_goes_on(tmp_path: Path) -> None:
    """As on a machine that has neither npm nor a network."""
    (tmp_path / "scripts").mkdir()
    scratch = tmp_path / ".cache/npm"
    scratch.mkdir(parents=True)
    set_up = tmp_path / "scripts/set-up"
    set_up.write_text("#!/bin/sh\necho asked for $1\nexit 1\n")
    set_up.chmod(0o755)
    build = blueprint().build_command.replace("pip install -r requirements.txt", "true")
    for command in (str(ROOT / "bin/post_compile"), build):
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), command
        assert "asked for chart" in done.stdout
    assert not scratch.exists()


def test_what_the_document_shows_for_railway_is_json_with_a_farewell() -> None:
    [block] = blocks(DEPLOY, "json")
    deploy = msgspec.json.decode(block, type=RailwayJson, strict=True).deploy
    assert deploy.draining_seconds > FAREWELL
    assert deploy.healthcheck_path == "/readyz"


def test_the_sizing_takes_its_figures_from_the_measurements() -> None:
    measured = one_line(ROOT / "docs/performance.md")
    sizing = one_line(DEPLOY).partition("## Sizing")[2]
    for figure in ("101 000", "15 000 streams", "16.6 KB", "1050"):
        assert figure in sizing
        assert figure in measured


def short_requests() -> int:
    conf = (ROOT / "gunicorn.conf.py").read_text()
    [found] = re.findall(r"^SHORT_REQUESTS = (\d+)", conf, re.M)
    return int(found)


def needed_files() -> int:
    [found] = re.findall(r"and (\d+) more: \d+ by default", one_line(DEPLOY))
    return Settings().max_streams + int(found)


def one_line(document: Path) -> str:
    return " ".join(document.read_text().split())


# The container


@dataclass
class Instruction:
    """An instruction of the Dockerfile; `text` is what follows its name."""

    name: str
    text: str

    def words(self) -> list[str]:
        return [word for word in self.text.split() if not word.startswith("--")]


def instructions() -> list[Instruction]:
    """Return the Dockerfile's instructions, in order."""
    lines = [
        line
        for line in DOCKERFILE.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [Instruction(*line.split(" ", 1)) for line in joined]


def last_stage() -> list[Instruction]:
    every = instructions()
    starts = [at for at, each in enumerate(every) if each.name == "FROM"]
    return every[starts[-1] :]


def only(name: str) -> str:
    """Return the only such instruction in the stage that becomes the image."""
    [found] = [each.text for each in last_stage() if each.name == name]
    return found


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_image_is_pinned_small_healthy_and_not_roots() -> None:
    bases = [each.text.split()[0] for each in instructions() if each.name == "FROM"]
    assert all(re.fullmatch(r"(node|python):[\d.]+-[\w-]*slim.*", b) for b in bases)
    python = (ROOT / ".python-version").read_text().strip()
    assert bases[-1].startswith(f"python:{python}-slim")
    assert int(only("USER")) > 0
    assert only("HEALTHCHECK").endswith("]")
    assert json.loads(only("CMD")) == ["gunicorn", "app:app"]
    every = "\n".join(each.text for each in instructions() if each.name == "RUN")
    assert f"--uid {only('USER')} " in every
    for line in re.findall(r"pip install.*", every):
        assert "--no-cache-dir" in line
    assert "sudo" not in every and "apt" not in every


class Image:
    """The result of the Dockerfile, in a folder: each stage has a root of its own.

    The base image's Python is this one, in a new venv; users aren't made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = folder / "context"
        self.bin = folder / "venv/bin"
        self.env: dict[str, str] = {}
        self._arguments: dict[str, str] = {}
        self._stages: dict[str, Path] = {}
        self._root = folder
        self.workdir = folder

    def build(self) -> None:
        """Carry out every instruction up to the last that changes a file."""
        copy_context(self.context)
        hide_from_others(self.context)
        subprocess.run([sys.executable, "-m", "venv", self.bin.parent], check=True)
        for each in instructions():
            act = getattr(self, f"_{each.name.lower()}", None)
            if act:
                act(each)
        self.env |= {"PATH": f"{self.bin}:/usr/bin:/bin"}

    def _from(self, each: Instruction) -> None:
        _, _, name = each.text.partition(" AS ")
        self._root = self.folder / f"stage-{len(self._stages)}"
        self._root.mkdir()
        self._stages[name] = self._root
        self.env = {}
        self._arguments = {}

    def _arg(self, each: Instruction) -> None:
        name, default = each.text.split("=")
        self._arguments[name] = default

    def _workdir(self, each: Instruction) -> None:
        assert each.text.startswith("/")
        self.workdir = self._root / each.text.lstrip("/")
        self.workdir.mkdir(parents=True)

    def _env(self, each: Instruction) -> None:
        name, value = each.text.split("=")
        self.env[name] = value

    def _copy(self, each: Instruction) -> None:
        [*sources, target] = each.words()
        [stage] = re.findall(r"--from=(\w+)", each.text) or [""]
        root = self._stages[stage] if stage else self.context
        names = [name.strip("./") for name in sources]
        found = [p for n in names for p in (root.glob(n) if n else [root])]
        assert found, f"COPY {each.text}: there is nothing to copy"
        for path in found:
            # A folder's contents are copied, a file under its own name.
            to = self.workdir / target
            if path.is_dir():
                shutil.copytree(path, to, dirs_exist_ok=True)
            else:
                shutil.copy(path, to)

    def _run(self, each: Instruction) -> None:
        if each.text.startswith("useradd "):
            return
        env = clean_environment(HOME=str(self.folder)) | self._arguments
        env["PATH"] = f"{self.bin}:{env['PATH']}"
        done = subprocess.run(
            ["sh", "-c", each.text],
            cwd=self.workdir,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"RUN {each.text}:\n{done.stdout}{done.stderr}"


def copy_context(target: Path, checkout: Path = ROOT) -> None:
    """Copy the files of a checkout that `.dockerignore` doesn't exclude."""
    rules = [
        (not line.startswith("!"), ignore_pattern(line.lstrip("!")))
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    for path in walk(checkout):
        name = path.relative_to(checkout).as_posix()
        ignored = False
        for ignore, pattern in rules:  # the last one that matches decides
            if pattern.match(name):
                ignored = ignore
        if not ignored:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / name)


def hide_from_others(folder: Path) -> None:
    """Give the files the modes that a checkout under a umask of 077 gives them."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o077)


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, at any depth."""
    # With os.walk, which continues if another test removes a folder meanwhile.
    for parent, folders, names in os.walk(folder):
        folders[:] = {*folders} - {".venv", ".git", "node_modules"}
        yield from (Path(parent, name) for name in names)


def ignore_pattern(rule: str) -> re.Pattern[str]:
    """Return the pattern of a rule: the path itself, and everything inside it."""
    parts = [
        "(.*/)?" if part == "**" else one_name(part) + "/"
        for part in PurePosixPath(rule).parts
    ]
    return re.compile("".join(parts).removesuffix("/") + "(/|$)")


def one_name(part: str) -> str:
    return re.escape(part).replace(r"\*", "[^/]*")


def test_nothing_but_the_board_gets_into_the_image(tmp_path: Path) -> None:
    copy_context(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    folders = {"feed", "serving", "web", "static", "templates"}
    assert {"app.py", "LICENSE", *folders} <= names
    assert not names & {".git", ".venv", "tests", "tools", "bench", "docs", "deploy"}
    assert not [*tmp_path.rglob("__pycache__")]


def test_what_editors_desktops_and_secrets_leave_in_a_folder_stays_out_of_the_image(
    tmp_path: Path,
) -> None:
    checkout, context = tmp_path / "checkout", tmp_path / "context"
    kept = {".python-version", "app.py", "feed/log.py", "static/styles/base.css"}
    left = {
        ".env",
        "web/.env",
        "feed/streams/.env.local",
        "static/.DS_Store",
        "templates/.board.html.swp",
        "web/api.py~",
        "web/api.py.orig",
        "web/api.pyc",
        "web/__pycache__/api.cpython-311.pyc",
    }
    for name in kept | left:
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    copy_context(context, checkout)
    assert {str(path.relative_to(context)) for path in walk(context)} == kept


def test_the_steps_of_the_dockerfile_make_a_board_that_runs_as_nobody_special() -> None:
    with tempfile.TemporaryDirectory(prefix="liveboard-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        image = Image(folder)
        image.build()
        check_image(image)


def check_image(image: Image) -> None:
    for each in image.workdir.rglob("*"):
        needed = stat.S_IXOTH if each.is_dir() else stat.S_IROTH
        assert each.stat().st_mode & needed, each
    port = free_port()
    env = image.env | {"PORT": str(port)}
    command = [*as_user(only("USER")), *json.loads(only("CMD"))]
    url = f"http://127.0.0.1:{port}"
    with Process(command, env, image.workdir) as board:
        until(lambda: status(f"{url}/healthz") == 200, 60, "it answers")
        for path in PATHS:
            page = urllib.request.Request(url + path, headers={"Accept": "text/html"})
            with urllib.request.urlopen(page, timeout=10) as answer:
                assert answer.status == 200, path
        assert healthy(image, env)
        assert healthy(image, env | {"http_proxy": "http://127.0.0.1:1"})
        assert not healthy(image, env | {"PORT": str(free_port())})
        assert owner(board.pid) != 0
        board.term()
        assert board.wait_exit(10) < FAREWELL
        assert board.exit_code == 0
        assert "Permission denied" not in board.log()


def test_a_build_fails_without_the_chart_library_unless_it_is_told_to_do_so(
    tmp_path: Path,
) -> None:
    """A step that fails isn't cached, so the next build tries again."""
    [step] = [it.text for it in instructions() if "set-up" in it.text]
    (tmp_path / "scripts").mkdir()
    set_up = tmp_path / "scripts/set-up"
    set_up.write_text("#!/bin/sh\nexit 1\n")
    set_up.chmod(0o755)
    for chart, expected in (("1", 1), ("0", 0)):
        env = clean_environment(CHART=chart)
        done = subprocess.run(["sh", "-c", step], cwd=tmp_path, env=env)
        assert done.returncode == expected


def healthy(image: Image, env: dict[str, str]) -> bool:
    command = json.loads(only("HEALTHCHECK").partition("CMD ")[2])
    done = subprocess.run(
        command, cwd=image.workdir, env=env, capture_output=True, timeout=20
    )
    return done.returncode == 0


def as_user(number: str) -> list[str]:
    """Return the prefix that runs a command as this user, if that is possible."""
    if os.geteuid() != 0:
        return []
    base = Path(sys.base_prefix)
    hidden = any(not p.stat().st_mode & stat.S_IXOTH for p in [base, *base.parents])
    # To read a Python that is in root's own folder, and to write nothing.
    reading = "+dac_read_search"
    extra = [f"--inh-caps={reading}", f"--ambient-caps={reading}"] if hidden else []
    return [
        "setpriv",
        f"--reuid={number}",
        f"--regid={number}",
        "--clear-groups",
        *extra,
    ]


def owner(pid: int) -> int:
    [found] = re.findall(r"^Uid:\t(\d+)", status_of(pid), re.M)
    return int(found)


# Compose


def test_compose_fits_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema"]
    schema = ["--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*check, *schema, str(COMPOSE)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_starts_two_boards_on_one_log_behind_nginx() -> None:
    services = msgspec.yaml.decode(COMPOSE.read_text())["services"]
    assert {*services} == {*BOARDS, "redis", "nginx"}
    for name in BOARDS:
        board = services[name]
        assert board["environment"]["REDIS_URL"].startswith("redis://redis:")
        assert board["ulimits"]["nofile"] >= needed_files()
        assert int(board["stop_grace_period"].removesuffix("s")) > FAREWELL
        assert board["image"] == "liveboard"


def test_one_of_the_boards_builds_the_image_and_the_other_waits_for_it() -> None:
    services = msgspec.yaml.decode(COMPOSE.read_text())["services"]
    assert [name for name in services if "build" in services[name]] == ["board-1"]
    assert services["board-2"]["pull_policy"] == "never"


def test_every_container_is_confined_and_bounded() -> None:
    services = msgspec.yaml.decode(COMPOSE.read_text())["services"]
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert re.fullmatch(r"[12]g", service["mem_limit"]), name
    assert [name for name in services if "cap_add" in services[name]] == ["nginx"]
    assert {services[name]["tmpfs"] for name in BOARDS} == {"/tmp"}


def test_no_image_names_a_debian_with_which_its_tag_would_age() -> None:
    services = msgspec.yaml.decode(COMPOSE.read_text())["services"]
    images = {it["image"] for it in services.values()} - {"liveboard"}
    images |= {each.text.split()[0] for each in instructions() if each.name == "FROM"}
    assert len(images) == 4
    for image in images:
        assert re.search(r":(\d|stable$)", image), image
        assert not re.search("bullseye|bookworm|trixie|alpine", image), image


@pytest.mark.parametrize("upstream", [UPSTREAM, COMPOSE_UPSTREAM])
def test_nginx_knows_both_boards(upstream: Path) -> None:
    servers = re.findall(r"^    server (\S+):(\d+)[ ;]", upstream.read_text(), re.M)
    assert servers == [(name, dict_of_env()["PORT"]) for name in BOARDS]


def test_in_compose_nginx_looks_up_the_boards_again_and_is_otherwise_the_same() -> None:
    """A board that is stopped has no address; nginx would not start with its name."""
    body = COMPOSE_UPSTREAM.read_text().partition("upstream")[2]
    plain = body.replace(" resolve;", ";")
    assert body.count(" resolve;") == len(BOARDS)
    resolver = "    resolver 127.0.0.11 valid=2s;\n"  # Docker's
    assert plain.replace(resolver, "") == UPSTREAM.read_text().partition("upstream")[2]
    assert resolver in plain


def test_nginx_in_compose_has_its_files_and_room_for_all_streams() -> None:
    nginx = msgspec.yaml.decode(COMPOSE.read_text())["services"]["nginx"]
    mounted = dict(volume.split(":")[:2] for volume in nginx["volumes"])
    assert all((ROOT / path).is_file() for path in mounted)
    for name in ("boards-compose.conf", "liveboard.conf"):
        assert f"include {mounted[f'./deploy/{name}']};" in MAIN_CONFIG.read_text()
    [cut] = re.findall(r"worker_shutdown_timeout (\d+)s;", MAIN_CONFIG.read_text())
    assert int(cut) < int(nginx["stop_grace_period"].removesuffix("s"))
    [connections] = map(
        int, re.findall(r"worker_connections (\d+)", MAIN_CONFIG.read_text())
    )
    [files] = map(
        int, re.findall(r"worker_rlimit_nofile (\d+)", MAIN_CONFIG.read_text())
    )
    streams = len(BOARDS) * (Settings().max_streams + short_requests())
    assert connections >= 2 * streams
    assert connections < files <= nginx["ulimits"]["nofile"]


def dict_of_env() -> dict[str, str]:
    return dict(each.text.split("=") for each in last_stage() if each.name == "ENV")


# nginx


@pytest.fixture(scope="module")
def boards() -> Iterator[list[Board]]:
    """Yield two boards, each with a log of its own."""
    settings = {"TRUSTED_PROXIES": "1", "HEARTBEAT": "1", "SPEED": "5"}
    with (
        Board("app:app", None, SEED="1", **settings) as one,
        Board("app:app", None, SEED="2", **settings) as other,
    ):
        yield [one, other]


@pytest.fixture(scope="module")
def nginx(boards: list[Board]) -> Iterator[Nginx]:
    with ShippedNginx(*boards, read_timeout="3s") as nginx:
        yield nginx


def test_streams_flow_through_the_shipped_nginx_and_spread_over_both_boards(
    boards: list[Board], nginx: Nginx
) -> None:
    for board in boards:
        until(partial(is_empty, board), why="those of the tests before have gone")
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(nginx.stream()) for _ in range(12)]
        for stream in streams:
            assert stream.events(1)[0].event == "hello"
        assert [open_streams(board) for board in boards] == [6, 6]
        for stream in streams:
            assert stream.headers["cache-control"] == "no-cache, no-transform"
            stream.read_until(is_live, 10)
    for board in boards:
        until(partial(is_empty, board), why="all have gone")


def test_the_shipped_nginx_holds_nothing_back_and_lets_a_silent_stream_live(
    nginx: Nginx,
) -> None:
    with nginx.stream(QUIET) as stream:
        assert stream.events(1)[0].event == "hello"
        beats = stream.events(7, 30)  # more than its 3 s
        assert {event.event for event in beats} == {"heartbeat"}
        assert not stream.ended


def test_a_stream_that_the_board_compressed_passes_the_shipped_nginx(
    nginx: Nginx,
) -> None:
    with nginx.stream("/stream", {"Accept-Encoding": "gzip"}) as stream:
        assert stream.headers["content-encoding"] == "gzip"
        assert stream.read_until(is_live, 10)
    with nginx.stream() as stream:
        assert "content-encoding" not in stream.headers


def test_the_shipped_nginx_compresses_the_page_and_hides_the_figures(
    nginx: Nginx,
) -> None:
    for path in ("/", "/static/board.css", "/static/page.js", "/api/state"):
        asked = {"Accept-Encoding": "gzip", "Accept": "text/html, */*"}
        with nginx.stream(path, asked) as page:
            assert page.status == 200
            assert page.headers["content-encoding"] == "gzip", path
    for path, expected in (("/metrics", 403), ("/healthz", 200), ("/readyz", 200)):
        with nginx.stream(path) as answer:
            assert answer.status == expected, path


def test_behind_the_shipped_nginx_the_board_knows_its_address_and_its_clients(
    boards: list[Board], nginx: Nginx
) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example"}
    with contextlib.ExitStack() as stack:

        def all_have_one() -> bool:
            stack.enter_context(nginx.stream(QUIET, forged)).events(1)
            return all("for 127.0.0.1" in board.log() for board in boards)

        until(all_have_one, why="nginx gives each board a stream, as others are open")
    for _ in boards:
        with nginx.stream("/", {"Accept": "text/plain"} | forged) as table:
            table.read_all()
        assert f"curl -N {nginx.url}/stream" in table.raw.decode()
    assert not [board for board in boards if "203.0.113.9" in board.log()]


def test_a_body_over_the_boards_limit_is_refused_by_the_board_itself(
    nginx: Nginx,
) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, nginx.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", "/api/publish", bytes(1536 * 1024))
        answer = connection.getresponse()
        assert answer.headers["content-type"] == "application/problem+json"


def test_when_a_board_goes_its_streams_say_bye_and_the_other_takes_all() -> None:
    with (
        Board(TRUSTED_PROXIES="1") as one,
        Board(TRUSTED_PROXIES="1") as other,
        ShippedNginx(one, other) as nginx,
        contextlib.ExitStack() as stack,
    ):
        streams = [stack.enter_context(nginx.stream()) for _ in range(6)]
        for stream in streams:
            stream.events(1)
        one.term()
        one.wait_exit()
        said: list[list[Parsed]] = [[] for _ in streams]

        def half_have_ended() -> bool:
            for stream, events in zip(streams, said, strict=True):
                events += stream.read_for(0.05)
            return sum(stream.ended for stream in streams) == 3

        until(half_have_ended, why="nginx hands on what the board said last")
        for stream, events in zip(streams, said, strict=True):
            assert stream.ended == ("bye" in {event.event for event in events})
        again = [stack.enter_context(nginx.stream()) for _ in range(6)]
        assert [stream.events(1)[0].event for stream in again] == ["hello"] * 6
        assert open_streams(other) == 9


def test_a_board_that_has_just_started_gets_the_next_streams() -> None:
    with (
        Board(TRUSTED_PROXIES="1") as one,
        Board(TRUSTED_PROXIES="1") as other,
        ShippedNginx(one, other) as nginx,
        contextlib.ExitStack() as stack,
    ):
        one.kill()
        for _ in range(6):
            stack.enter_context(nginx.stream()).events(1)
        one.start().wait_ready()
        # nginx leaves a board that failed alone for 10 s.
        until(lambda: reaches(nginx, one), 40, "it is asked again")
        for _ in range(5):
            stack.enter_context(nginx.stream()).events(1)
        assert open_streams(one) == 5


def test_a_reload_or_a_stop_of_the_shipped_nginx_does_not_wait_for_streams(
    boards: list[Board],
) -> None:
    with ShippedNginx(*boards) as nginx, nginx.stream(QUIET) as stream:
        stream.events(1)
        old = {*nginx.worker_pids()}
        nginx.send(signal.SIGHUP)
        until(lambda: old.isdisjoint(nginx.worker_pids()), 10, "the workers have gone")
        stream.read_all()
        with nginx.stream(QUIET) as again:
            again.events(1)
            nginx.send(signal.SIGQUIT)
            assert nginx.wait_exit(10) < 5
            assert nginx.exit_code == 0


def reaches(nginx: Nginx, board: Board) -> bool:
    """Whether a stream through nginx is this board's; it is gone afterwards."""
    with nginx.stream() as stream:
        stream.events(1)
        reached = not is_empty(board)
    until(lambda: not reached or is_empty(board), why="it has gone")
    return reached


def is_empty(board: Board) -> bool:
    return open_streams(board) == 0


def is_live(event: Parsed) -> bool:
    return event.event == "price" and age(event) < 0.5


# systemd


class UnitParser(configparser.ConfigParser):
    """Reads a unit, whose names tell capitals from small letters."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit_lines() -> dict[str, str]:
    """Return the unit's `[Service]` section; a name that occurs twice is an error.

    Filters of system calls are left out: each line of them adds to those before it.
    """
    parser = UnitParser(interpolation=None, delimiters="=")
    parser.read_string(
        re.sub(r"^SystemCallFilter=.*\n", "", UNIT.read_text(), flags=re.M)
    )
    assert {*parser} == {"DEFAULT", "Unit", "Service", "Install"}
    return dict(parser["Service"])


class ConfinedBoard(Board):
    """A board under the filters of the systemd unit."""

    def __init__(self, **env: str) -> None:
        super().__init__("app:app", None, **env)
        self._command = [*CONFINED, *self._command]


def test_the_unit_gives_the_board_its_files_its_signal_and_its_farewell() -> None:
    service = unit_lines()
    assert int(service["LimitNOFILE"]) >= needed_files()
    assert int(service["TimeoutStopSec"]) > FAREWELL
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")
    assert service["ExecStart"].endswith("python -m gunicorn app:app")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(shutil.which("true") or "")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/srv/liveboard", str(tmp_path)))
    if sys.platform != "linux":
        return  # there is none elsewhere; what can be read was checked above
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_rates_the_exposure_of_the_unit_below_three() -> None:
    """The rating goes from 0 to 10, and the threshold from 0 to 100."""
    assert unit_values(UNIT.read_text(), "MemoryMax") == ["1G"]
    if sys.platform != "linux":
        return
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=29"]
    done = subprocess.run([*command, UNIT], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_a_board_needs_no_system_call_that_the_unit_forbids() -> None:
    """Here a forbidden call kills the process that makes it."""
    if sys.platform != "linux":
        return
    with (
        RedisServer() as redis,
        ConfinedBoard(REDIS_URL=redis.url, PUBLISH_TOKEN="s" * 16) as board,
    ):
        [worker] = board.worker_pids()
        assert re.search(r"^Seccomp:\t2$", status_of(worker), re.M)
        token = {"Authorization": f"Bearer {'s' * 16}"}
        with board.stream() as stream:
            put = board.request("PUT", "/api/prices/NEW", token, b"1.5")
            stream.read_until(lambda event: '"NEW"' in event.data)
        answer = board.get("/ask?q=price+of+NEW&pace=0", {"Accept": "text/plain"})
        page = board.get("/", {"Accept": "text/html"})
        figures = board.get("/metrics")
        statuses = [it[0] for it in (put, answer, page, figures)]
        assert statuses == [201, 200, 200, 200]
        assert b"1.5" in answer[2]
        assert board.worker_pids() == [worker]
        board.term()
        assert board.wait_exit(10) < FAREWELL
        assert board.exit_code == 0


@pytest.mark.parametrize(
    "forbidden",
    [
        "import os; os.chown('.', 0, 0)",
        "import os; os.setuid(0)",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
def test_the_unit_forbids_system_calls(forbidden: str) -> None:
    if sys.platform != "linux":
        return
    done = subprocess.run([*CONFINED, sys.executable, "-c", forbidden], cwd=ROOT)
    assert done.returncode == -signal.SIGSYS


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()
