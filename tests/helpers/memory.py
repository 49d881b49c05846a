"""The memory of a process (Linux)."""

import re
from pathlib import Path


def memory(pid: int) -> int:
    """Return the bytes of memory that a process uses."""
    return _figure(pid, "VmRSS")


def peak(pid: int) -> int:
    """Return the most bytes of memory that a process has used."""
    return _figure(pid, "VmHWM")


def _figure(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.M)
    assert found
    return int(found[1]) * 1024
