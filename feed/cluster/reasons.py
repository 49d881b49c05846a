"""Why Redis can't be used now, in words for those who operate a board."""

import re

import msgspec
import redis
from redis.exceptions import AskError, ClusterError

from feed.streams.text import printable

LONGEST_REASON = 500  # characters of what others wrote, in a line of the log


class Trouble(msgspec.Struct, frozen=True):
    """Why the shared log can't be used, as a sentence without its full stop.

    `public` is for everybody. `detail`, for the log, may name the address of Redis or
    say that Redis refuses the login.
    """

    public: str
    private: str = ""

    @property
    def detail(self) -> str:
        """The reason for those who operate the board."""
        return self.private or self.public

    def __str__(self) -> str:
        return self.public


# What Redis writes in its errors, of each version that is supported, and what it means.
# The first that matches counts. redis-py leaves out the code at the start of some.
REASONS = {
    r"read only replica|master -> replica": (
        "Redis is a read-only replica now (READONLY); the board looks for its master "
        "at the same address"
    ),
    r"maxmemory": (
        "Redis has no memory left and refuses to write (OOM): raise its maxmemory"
    ),
    r"MISCONF.* AOF file": (
        "Redis can't write its append-only file and refuses to write (MISCONF): look "
        "for a full disk on its machine"
    ),
    r"MISCONF": (
        "Redis can't save a snapshot and refuses to write (MISCONF): look for a full "
        "disk or a missing folder on its machine"
    ),
    r"NOREPLICAS|good replicas": (
        "Redis has too few replicas and refuses to write (NOREPLICAS): see its "
        "min-replicas-to-write"
    ),
    r"permission|can't run this command": (
        "Redis refuses {command}: its user in REDIS_URL lacks a right (NOPERM)"
    ),
    r"loading the dataset": "Redis is still loading its data",
    r"Link with MASTER": "Redis is a replica that has lost its master (MASTERDOWN)",
    r"^BUSY": "Redis is busy with a script (BUSY)",
    r"WRONGTYPE|wrong kind of value": (
        "A key in Redis isn't one of this board: give it a REDIS_PREFIX of its own"
    ),
    r"hash to the same slot|cluster support disabled": (
        "Redis is a cluster, which isn't supported"
    ),
    r"No connection available": "All connections to Redis are in use",
}
LOGIN = "Redis can't be used; the server's log has the reason"
# The reasons that are for the log only.
LOGIN_REASONS = {
    r"NOAUTH|Authentication required|unauthenticated": (
        "Redis requires a password, and REDIS_URL has none"
    ),
    r"without any password|no password is set": (
        "Redis has no password, and REDIS_URL has one: remove it"
    ),
    r"WRONGPASS|invalid username-password|invalid password": (
        "Redis refuses the user or the password in REDIS_URL"
    ),
}


def explain(error: redis.RedisError) -> Trouble:
    """Return the reason for an error of Redis."""
    if isinstance(error, ClusterError | AskError):
        return Trouble("Redis is a cluster, which isn't supported")
    if isinstance(error, redis.ResponseError):
        return _explain_reply(str(error), "a command")
    return _find_reason(str(error)) or _quote("Redis can't be reached", str(error))


def explain_refusal(command: bytes, error: bytes) -> Trouble:
    """Return the reason why Redis refuses a command of the script."""
    texts = (text.decode(errors="replace") for text in (error, command))
    return _explain_reply(*texts)


def printable_reason(text: str) -> str:
    """Return what others wrote as a part of a line of the log."""
    return printable(" ".join(text.split()))[:LONGEST_REASON].rstrip(".")


def _explain_reply(text: str, command: str) -> Trouble:
    named = re.search(r"the '([A-Za-z_|]{1,40})' command", text)
    command = named[1].upper() if named else command
    found = _find_reason(text)
    if found is None:
        return _quote(f"Redis refuses {command}", text)
    return msgspec.structs.replace(
        found, public=found.public.replace("{command}", command)
    )


def _find_reason(text: str) -> Trouble | None:
    for pattern, reason in REASONS.items():
        if re.search(pattern, text):
            return Trouble(reason)
    for pattern, reason in LOGIN_REASONS.items():
        if re.search(pattern, text):
            return Trouble(LOGIN, reason)
    return None


def _quote(problem: str, text: str) -> Trouble:
    """Return a problem with what others wrote of it, which is for the log only."""
    return Trouble(problem, f"{problem}: {printable_reason(text)}")
