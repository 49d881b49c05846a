"""Run a command under the rules of the systemd unit as far as possible without systemd.

    python -m tests.helpers.confined deploy/liveboard.service COMMAND ...

systemd confines a service by the same means: it loads filters of system calls with
libseccomp, and all processes of the service inherit them. `systemd-analyze` expands
groups such as @system-service. This works without root.

A forbidden call ends the process here, so that a test notices it: under systemd the
call only fails. Rules about files, processes and memory (`ProtectSystem`, `MemoryMax`
and others) need root or a control group, so they are left out.
"""

import ctypes
import errno
import mmap
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

# Of linux/prctl.h, linux/sched.h and seccomp.h.
NO_NEW_PRIVILEGES = 38
KILL_PROCESS = 0x80000000
FAIL = 0x00050000  # plus the error number
ALLOW = 0x7FFF0000
EQUAL, MASKED_EQUAL = 4, 7
FAMILIES = 64  # more than there are address families


class Comparison(ctypes.Structure):
    """libseccomp's `scmp_arg_cmp`: a condition on one argument of a system call."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class Filter:
    """A filter of system calls with an action for each call that has no rule."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(default))

    def add(self, action: int, name: str, *conditions: Comparison) -> None:
        """Add a rule; a name that libseccomp doesn't know is skipped."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == -1:
            return
        count = len(conditions)
        array = (Comparison * count)(*conditions)
        done = self._library.seccomp_rule_add_array(
            self._filter, ctypes.c_uint(action), number, count, array
        )
        if done != 0:
            raise OSError(-done, f"no rule for {name}")

    def load(self) -> None:
        """Apply the filter to this process and its children, for good."""
        done = self._library.seccomp_load(self._filter)
        if done != 0:
            raise OSError(-done, "the filter can't be loaded")


def unit_values(unit: str, name: str) -> list[str]:
    """Return the values of a directive that may stand in a unit more than once."""
    return re.findall(rf"^{name}=(.*)$", unit, re.M)


def allowed_calls(unit: str) -> set[str]:
    """Return the system calls that the lines `SystemCallFilter=` of a unit allow."""
    allowed: set[str] = set()
    for line in unit_values(unit, "SystemCallFilter"):
        calls = {call for name in line.lstrip("~").split() for call in expand(name)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    # systemd adds these to every list: without them, it couldn't start the command.
    return allowed | {*expand("@default"), "execve"}


def expand(name: str) -> set[str]:
    """Return the system calls of a group such as @system-service."""
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    members = re.findall(r"^    (@?\w[\w-]*|@[\w-]+)$", done.stdout, re.M)
    return {call for member in members for call in expand(member)}


def confine(unit: str) -> None:
    """Apply the filters of a unit to this process and its children, for good."""
    calls = allowed_calls(unit)
    if ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
    deny_families(unit)
    deny_writable_code()
    filter_ = Filter(KILL_PROCESS)
    for call in calls:
        filter_.add(ALLOW, call)
    filter_.load()


def deny_families(unit: str) -> None:
    """Deny sockets beyond `RestrictAddressFamilies`, with systemd's error."""
    [line] = unit_values(unit, "RestrictAddressFamilies")
    allowed = {getattr(socket, name) for name in line.split()}
    filter_ = Filter(ALLOW)
    for family in {*range(FAMILIES)} - allowed:
        condition = Comparison(0, EQUAL, family, 0)
        filter_.add(FAIL | errno.EAFNOSUPPORT, "socket", condition)
    filter_.load()


def deny_writable_code() -> None:
    """Deny what `MemoryDenyWriteExecute` denies: memory that code is written to."""
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    filter_ = Filter(ALLOW)
    filter_.add(KILL_PROCESS, "mmap", Comparison(2, MASKED_EQUAL, both, both))
    code = Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC)
    filter_.add(KILL_PROCESS, "mprotect", code)
    filter_.add(KILL_PROCESS, "pkey_mprotect", code)
    filter_.load()


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text())
    os.execvp(sys.argv[2], sys.argv[2:])
