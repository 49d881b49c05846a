"""Set up what the benchmark needs, under `.cache`: `python -m bench.set_up`.

It compiles the client and the floor, which are in C, and installs a virtual environment
with Liveboard and its Python peers, better-sse, and nginx's nchan module. Without a
compiler or the virtual environment there is no benchmark. A peer that can't be
installed is left out, and the benchmark says so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"
VENV = CACHE / "bench-venv"
PROGRAMS = CACHE / "bench-bin"
NODE = CACHE / "bench-node"
NCHAN = CACHE / "bench-nchan"
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "bench" / "requirements.txt")
SOURCES = (ROOT / "bench" / "client.c", ROOT / "bench" / "servers" / "floor.c")
BETTER_SSE = "better-sse@0.16"
NO_COMPILER = (
    "bench: the client that makes the load is written in C; there is no C compiler. "
    "Debian and Ubuntu, as root: apt install gcc libc6-dev; elsewhere: "
    "make bench CC=/path/to/cc"
)
SYSTEM_NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


def main() -> None:
    """Set up everything; exit with the remedy if something essential is missing."""
    CACHE.mkdir(exist_ok=True)
    compile_programs()
    if not python_packages():
        sys.exit("bench: pip says above what went wrong. Then try again.")
    better_sse()
    nchan()


def compile_programs() -> None:
    """Compile the client and the floor if they are older than their source."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    PROGRAMS.mkdir(exist_ok=True)
    for source in SOURCES:
        program = PROGRAMS / source.stem
        if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
            continue
        if not compiler:
            sys.exit(NO_COMPILER)
        if not run(compiler, "-O2", "-Wall", "-o", program, source, "-lm"):
            sys.exit(f"bench: {compiler} can't compile {source.relative_to(ROOT)}.")


def python_packages() -> bool:
    """Make the virtual environment, unless it exists and fits the requirements."""
    stamp = VENV / "requirements.done"
    wanted = "".join(path.read_text() for path in REQUIREMENTS)
    python = VENV / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted and run(python, "-c", ""):
        return True
    report_progress(
        "Installing Liveboard and its peers into .cache/bench-venv (once) ..."
    )
    if not (python.exists() and run(python, "-m", "pip", "--version")):
        shutil.rmtree(VENV, ignore_errors=True)
        if not run(sys.executable, "-m", "venv", VENV):
            return False
    quiet = ("-q", "--disable-pip-version-check")
    if not run(python, "-m", "pip", "install", *quiet, "-r", REQUIREMENTS[1]):
        return False
    stamp.write_text(wanted)
    return True


def better_sse() -> None:
    """Install better-sse if npm is there."""
    stamp = NODE / "packages.done"
    npm = shutil.which("npm")
    if not npm or (stamp.exists() and stamp.read_text() == BETTER_SSE):
        return
    report_progress(f"Installing {BETTER_SSE} into .cache/bench-node (once) ...")
    NODE.mkdir(exist_ok=True)
    quiet = ("--silent", "--no-audit", "--no-fund")
    if run(npm, "install", *quiet, "--prefix", NODE, BETTER_SSE):
        stamp.write_text(BETTER_SSE)


def nchan() -> None:
    """Unpack Debian's nchan module for the installed nginx, without installing it."""
    unpacked = any(NCHAN.glob("usr/lib/nginx/modules/*.so"))
    tools = [shutil.which(name) for name in ("nginx", "apt-get", "dpkg-deb")]
    if SYSTEM_NCHAN.exists() or unpacked or not all(tools):
        return
    report_progress("Unpacking nginx's nchan module into .cache/bench-nchan (once) ...")
    NCHAN.mkdir(exist_ok=True)
    # apt warns that its own user can't write here, but it downloads the package.
    run("apt-get", "-qq", "download", "libnginx-mod-nchan", cwd=NCHAN, quiet=True)
    for package in NCHAN.glob("*.deb"):
        run("dpkg-deb", "-x", package, NCHAN)
        package.unlink()


def run(*command: str | Path, cwd: Path = ROOT, quiet: bool = False) -> bool:
    """Run a command and return whether it succeeded."""
    words = [str(word) for word in command]
    errors = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.run(words, cwd=cwd, stderr=errors).returncode == 0
    except OSError:
        return False


def report_progress(text: str) -> None:
    """Print a line about the set-up's progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
