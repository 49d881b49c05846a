"""`make image`: build the image with Docker or Podman, and try it as platforms do.

The build takes a copy of the checkout that only its owner can read. The container runs
with a read-only file system and an `http_proxy` that leads nowhere. If neither Docker
nor Podman answers, nothing is tried, and the exit status is 1.
"""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.harness import LOOPBACK, ROOT, Stream, free_port, until

IMAGE = "liveboard-trial"
PROGRAMS = ("docker", "podman")
FAREWELL = 5.0  # seconds from SIGTERM until the board has exited
PATHS = ("/readyz", "/api/openapi.json", "/static/board.css", "/static/page.js")
CHART = "/static/vendor/lightweight-charts.js"


def main() -> int:
    """Build and try the image; return the exit status."""
    engine = find_engine()
    if engine is None:
        print(
            "Neither Docker nor Podman answers here, so the image was not built. The "
            "tests run the steps of the Dockerfile without it: make test "
            'ARGS="tests/running/test_deploy.py"'
        )
        return 1
    try:
        build(engine, sys.argv[1:])
        try_image(engine)
    except (subprocess.CalledProcessError, AssertionError) as error:
        print(f"The image is not as it should be: {error}", file=sys.stderr)
        return 1
    print("The image is as it should be.")
    return 0


def try_image(engine: str) -> None:
    """Run the image and check it; AssertionError if something is wrong."""
    with running(engine) as (name, port):
        check_answers(port, chart="CHART=0" not in sys.argv)
        check_health(engine, name)
        check_user(engine, name)
        check_farewell(engine, name, port)
    run(engine, "image", "rm", "--force", IMAGE)


def find_engine() -> str | None:
    """Return the program whose engine answers; None if there is none."""
    for program in PROGRAMS:
        if shutil.which(program):
            done = subprocess.run([program, "info"], capture_output=True)
            if done.returncode == 0:
                return program
    return None


def build(engine: str, options: list[str]) -> None:
    """Build the image from a checkout made under a umask of 077."""
    print(f"Building {IMAGE} with {engine} ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="liveboard-") as name:
        checkout = Path(name)
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        ).stdout.decode()
        for path in filter(None, listed.split("\0")):
            target = checkout / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target)
        for each in checkout.rglob("*"):
            each.chmod(each.stat().st_mode & ~0o077)
        subprocess.run([engine, "build", *options, "-t", IMAGE, name], check=True)


@contextlib.contextmanager
def running(engine: str) -> Iterator[tuple[str, int]]:
    """Run a container; yield its name and its port here. It is removed at the end."""
    name, port = f"{IMAGE}-{os.getpid()}", free_port()
    options = ["--ulimit", "nofile=16384", "--read-only", "--tmpfs", "/tmp"]
    options += ["-e", "http_proxy=http://127.0.0.1:1", "-p", f"{LOOPBACK}:{port}:8000"]
    run(engine, "run", "--detach", "--name", name, *options, IMAGE)
    try:
        until(lambda: answers(port, "/readyz"), 60, "the board answers")
        yield name, port
    except BaseException:
        subprocess.run([engine, "logs", name], check=False)
        raise
    finally:
        run(engine, "rm", "--force", name)


def check_answers(port: int, chart: bool) -> None:
    """Check that all kinds of files are in the image, and readable."""
    for path in (*PATHS, CHART) if chart else PATHS:
        assert answers(port, path), f"{path} is missing"
        print(f"  {path} answers")


def check_health(engine: str, name: str) -> None:
    """Check that the engine's own health check passes, in spite of http_proxy."""
    form = "{{json .State}}"

    def healthy() -> bool:
        state = json.loads(run(engine, "inspect", "--format", form, name))
        health = state.get("Health") or state.get("Healthcheck") or {}
        return bool(health.get("Status") == "healthy")

    until(healthy, 60, "the container is healthy")
    print("  the health check passes")


def check_user(engine: str, name: str) -> None:
    """Check that the board runs as the user of the Dockerfile."""
    user = run(engine, "exec", name, "id", "-u").strip()
    assert user == "10001", f"it runs as {user}"
    print("  it runs as user 10001")


def check_farewell(engine: str, name: str, port: int) -> None:
    """Check that a stop ends streams with `bye` and the board in time."""
    with Stream(port, "/stream?events=price&symbols=NOBODY") as stream:
        assert stream.events(1)[0].event == "hello"
        begun = time.monotonic()
        run(engine, "stop", "--time", "20", name)
        took = time.monotonic() - begun
        assert [each.event for each in stream.read_all()][-1:] == ["bye"]
    status = run(engine, "inspect", "--format", "{{.State.ExitCode}}", name).strip()
    assert status == "0", f"it exited with {status}"
    assert took < FAREWELL, f"it took {took:.1f} s to stop"
    print(f"  it stops in {took:.1f} s, and streams get their bye")


def answers(port: int, path: str) -> bool:
    """Return whether the board answers a GET by 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def run(engine: str, *arguments: str) -> str:
    """Return the output of the engine; its errors are shown, and end the trial."""
    done = subprocess.run(
        [engine, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
