"""The set-up as its users meet it: on a fresh machine, on a platform, in a clone."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.boards import status
from tests.helpers.harness import ROOT, Process, clean_environment, free_port, until

SET_UP = ROOT / "scripts/set-up"
# As they are, these words would be found in this file too.
PRIVATE_PATH = re.compile(r"(?<![\w.$}*-])/(?:roo[t]|wor[k]|hom[e])/[\w.]")
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
VENDORED = "static/vendor/"
NOTHING_TO_BE_HAD = {"npm_config_registry": "http://127.0.0.1:1", "PIP_NO_INDEX": "1"}
REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "package.json",
    "package-lock.json",
)


def test_the_procfile_starts_the_app_by_gunicorn() -> None:
    assert (ROOT / "Procfile").read_text() == "web: gunicorn app:app\n"


def test_the_requirements_ask_for_gunicorn_with_what_its_gevent_worker_imports() -> (
    None
):
    assert "gunicorn[gevent]" in (ROOT / "requirements.txt").read_text()


def test_a_platform_starts_the_board_from_the_requirements_alone(
    tmp_path: Path,
) -> None:
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    # The pip of these tests installs into it: a pip of its own would take seconds.
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin/python")]
    options = ["--disable-pip-version-check", "-q", "-r", "requirements.txt"]
    run(*pip, "install", *options)
    port = free_port()
    env = clean_environment(PORT=str(port))
    env["PATH"] = f"{venv / 'bin'}:{env['PATH']}"
    honcho = [sys.executable, "-m", "honcho", "--no-prefix", "start", "web"]
    with Process(honcho, env) as platform:
        # Not 127.0.0.1: only what listens on every address answers on this one.
        address = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
        url = f"http://{address}:{port}/healthz"
        until(lambda: status(url) == 200, 60, f"{url} answers")
        platform.send(signal.SIGINT)
        platform.wait_exit(10)


def test_make_run_serves_until_ctrl_c() -> None:
    port = free_port()
    with Process(["make", "run"], clean_environment(PORT=str(port))) as running:
        url = f"http://127.0.0.1:{port}/healthz"
        until(lambda: status(url) == 200, 60, f"{url} answers")
        os.killpg(running.pid, signal.SIGINT)  # what a terminal does
        running.wait_exit(10)


def test_ci_runs_the_tests_then_the_checks() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert "set -euo pipefail" in lines
    assert [line for line in lines if line.startswith("make")] == [
        "make test",
        "make check",
    ]


def test_a_finished_set_up_asks_nobody_anything(project: Path) -> None:
    finish_set_up(project)
    (project / "requirements.txt").touch()
    answer = set_up(project, PATH="/usr/bin:/bin", PIP_INDEX_URL="http://127.0.0.1:1")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_changed_requirements_are_installed_at_the_next_start(project: Path) -> None:
    finish_set_up(project)
    (project / "requirements.txt").write_text("no-such-package-here\n")
    answer = set_up(project, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert answer.returncode != 0
    assert "Making .venv" not in answer.stderr
    assert "Could not install requirements.txt" in answer.stderr


def test_a_half_made_venv_is_made_anew(project: Path) -> None:
    half = project / ".venv/lib/half"
    half.parent.mkdir(parents=True)
    half.touch()
    (project / "requirements.txt").write_text("")
    assert "Making .venv" in set_up(project, **NOTHING_TO_BE_HAD).stderr
    assert not half.exists()
    assert (project / ".venv/requirements.txt.done").exists()


def test_the_chart_library_is_the_one_of_the_lock_file_with_its_licence() -> None:
    """`scripts/set-up test` has installed it here; this checks its files."""
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    version = locked["node_modules/lightweight-charts"]["version"]
    vendor = ROOT / VENDORED
    module = (vendor / "lightweight-charts.js").read_text()
    assert f"Lightweight Charts™ v{version}" in module
    assert not re.search(r"""(?:from|import\()\s*["']""", module), "it stands alone"
    assert "Apache License" in (vendor / "lightweight-charts.LICENSE.txt").read_text()


def test_without_npm_or_network_the_board_starts_and_says_what_it_lacks(
    project: Path,
) -> None:
    finish_set_up(project)
    (project / ".cache/chart/package-lock.json.done").unlink()
    answer = set_up(project, **NOTHING_TO_BE_HAD)
    assert answer.returncode == 0
    asked, lacks = answer.stderr.splitlines()
    assert asked == "Getting the chart library ..."
    assert lacks.endswith("the page draws its own line.")
    assert (project / ".cache/chart.log").read_text()


def test_who_asks_for_the_chart_library_alone_is_told_that_it_failed(
    project: Path,
) -> None:
    answer = set_up(project, "chart", npm_config_fetch_retries="0", **NOTHING_TO_BE_HAD)
    assert answer.returncode == 1
    assert "The chart library could not be installed" in answer.stderr


def test_the_lock_file_names_no_host_and_holds_every_package_to_its_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_no_dependency_of_the_lock_file_floats() -> None:
    """A tag such as `latest` would be looked up again, despite the lock file."""
    wanted = json.loads((ROOT / "package.json").read_text())
    overridden = {name for names in wanted["overrides"].values() for name in names}
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    tagged = {
        name
        for package in packages.values()
        for name, range in package.get("dependencies", {}).items()
        if range.isalpha()
    }
    assert tagged <= overridden


def test_the_headless_shell_is_tried_once_and_not_needed(project: Path) -> None:
    finish_set_up(project)
    for name in (
        "node_modules/package-lock.json.done",
        ".venv/requirements-dev.txt.done",
    ):
        path = project / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(project / path.name.removesuffix(".done"), path)
    asked = project / "asked"
    tools = fake_tools(project / "bin", asked)
    for _ in range(2):
        answer = set_up(project, "audit", PATH=str(tools))
        assert answer.returncode == 0, answer.stderr
    on_debian = Path("/etc/debian_version").exists()
    commands = asked.read_text().splitlines() if asked.exists() else []
    tried = [line for line in commands if "chromium-headless-shell" in line]
    assert len(tried) == on_debian


def test_without_a_fitting_python_the_set_up_says_what_to_install(
    project: Path,
) -> None:
    answer = set_up(project, PYTHON="no-such-python")
    assert answer.returncode == 1
    assert "Liveboard needs Python 3.11 or newer" in answer.stderr
    assert "apt install python3 python3-venv" in answer.stderr


def test_make_by_itself_says_what_there_is_to_do() -> None:
    said = run("make", "--no-print-directory")
    for goal in ("run", "test", "check", "format", "clean"):
        assert f"make {goal} " in said


def test_no_file_names_a_private_path_or_is_unfinished() -> None:
    found = [
        f"{path}: {match.group()}"
        for path in tracked_files()
        for match in [
            *PRIVATE_PATH.finditer(text(path)),
            *UNFINISHED.finditer(text(path)),
        ]
    ]
    assert not found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with nothing but the set-up and the requirements."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SET_UP, tmp_path / "scripts")
    for name in REQUIREMENTS:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def finish_set_up(project: Path) -> None:
    """Make the files of a finished set-up, with the packages of these tests."""
    python = project / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = project / ".venv/requirements.txt.done"
    shutil.copy(project / "requirements.txt", done)
    for name in (
        ".cache/chart/package-lock.json.done",
        "static/vendor/lightweight-charts.js",
    ):
        (project / name).parent.mkdir(parents=True)
        shutil.copy(project / "package-lock.json", project / name)


def fake_tools(folder: Path, asked: Path) -> Path:
    """Make a folder for PATH: of root, and with a package manager that has nothing."""
    folder.mkdir()
    for name in ("dirname", "cmp", "mkdir", "cat", "cp"):
        (folder / name).symlink_to(shutil.which(name) or "")
    scripts = dict.fromkeys(("npm", "node", "chromium"), "exit 0")
    scripts |= {"apt-get": f'echo "$@" >>{asked}; exit 100', "id": "echo 0"}
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def set_up(
    project: Path, what: str = "run", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the set-up of `make run` there, away from this project's own .venv."""
    return subprocess.run(
        [str(project / "scripts/set-up"), what],
        env=os.environ | env,
        capture_output=True,
        text=True,
    )


def tracked_files() -> list[str]:
    """Return the project's own files, as git sees them."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z").split("\0")
    return [
        path
        for path in listed
        if path and not path.startswith(VENDORED) and (ROOT / path).is_file()
    ]


def text(path: str) -> str:
    return (ROOT / path).read_bytes().decode(errors="replace")


def run(*command: str) -> str:
    """Return the command's output; AssertionError with its errors if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
