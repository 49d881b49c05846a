"""CPU time and memory of a process tree, and a description of the machine.

This works on Linux only: everything is read from /proc.
"""

import os
import platform
import resource
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

PROC = Path("/proc")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
FILES = 65_536  # file descriptors a server or client may want


@cache
def cores() -> tuple[int, int]:
    """Return the core of the server and the core of the load.

    On a machine with one core they are the same. Later calls return the result of the
    first one, which is made before this process restricts itself to the load's core.
    """
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def raise_file_limit() -> None:
    """Raise the limit of open files for this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FILES
    for limit in (hard if enough else FILES, hard):  # root can usually raise it
        wanted = FILES if limit == resource.RLIM_INFINITY else min(FILES, limit)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), limit))
            return


def tree(roots: list[int]) -> list[int]:
    """Return the processes in `roots` and all their descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [*roots]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return the sum of the user and system time of the processes.

    The source is the schedstat of each thread, in nanoseconds, or if the kernel lacks
    that, /proc/<pid>/stat, which has the same time in hundredths of a second.
    """
    return sum(_cpu_of(pid) for pid in pids)


def pss_bytes(pids: list[int]) -> int:
    """Return the sum of the proportional set sizes of the processes.

    Memory that several processes share counts once. The kernel's socket buffers don't
    count.
    """
    return sum(_kilobytes(PROC / str(pid) / "smaps_rollup", "Pss:") for pid in pids)


def socket_bytes() -> int:
    """Return the size of the kernel's buffers of all TCP sockets."""
    for line in (PROC / "net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * resource.getpagesize()
    return 0


def described() -> dict[str, str]:
    """Return a description of the machine: processor, cores, memory, versions, date."""
    server, load = cores()
    shared = " (one core for both: figures are not comparable)" * (server == load)
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count()}; server on {server}, load on {load}{shared}",
        "memory": f"{_kilobytes(PROC / 'meminfo', 'MemTotal:') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "load_before": f"{os.getloadavg()[0]:.2f}",
    }


def output_of(*command: str) -> str:
    """Return a command's output and errors; "" if there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip()


def _cpu_of(pid: int) -> float:
    try:
        threads = [*(PROC / str(pid) / "task").iterdir()]
        return sum(int((t / "schedstat").read_text().split()[0]) for t in threads) / 1e9
    except (OSError, IndexError):
        fields = _stat(pid) or ["0"] * 13
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the state on; [] if it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def _kilobytes(path: Path, name: str) -> int:
    """Return the bytes of a line like `Pss:  12 kB`; 0 if there is no such line."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith(name)]
    return int(found[0]) * 1024 if found else 0


def _processor() -> str:
    for line in (PROC / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
