"""Why Redis can't be used now, in words for those who operate a board."""

import re

import redis
from redis.exceptions import AskError, ClusterError

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
    r"NOAUTH|Authentication required|unauthenticated": (
        "Redis requires a password, and REDIS_URL has none"
    ),
    r"without any password|no password is set": (
        "Redis has no password, and REDIS_URL has one: remove it"
    ),
    r"WRONGPASS|invalid username-password|invalid password": (
        "Redis refuses the user or the password in REDIS_URL"
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


def explain(error: redis.RedisError) -> str:
    """Return the reason for an error of Redis, as a sentence without its full stop."""
    if isinstance(error, ClusterError | AskError):
        return "Redis is a cluster, which isn't supported"
    if isinstance(error, redis.ResponseError):
        return _explain_reply(str(error), "a command")
    return _find_reason(str(error)) or _quote("Redis can't be reached", str(error))


def explain_refusal(command: bytes, error: bytes) -> str:
    """Return the reason why Redis refuses a command of the script."""
    return _explain_reply(error.decode(), command.decode())


def _explain_reply(text: str, command: str) -> str:
    reason = _find_reason(text) or _quote("Redis refuses {command}", text)
    named = re.search(r"the '([^']+)' command", text)
    return reason.replace("{command}", named[1].upper() if named else command)


def _find_reason(text: str) -> str | None:
    return next(
        (reason for pattern, reason in REASONS.items() if re.search(pattern, text)),
        None,
    )


def _quote(problem: str, text: str) -> str:
    return f"{problem}: {' '.join(text.split())}".rstrip(".")
