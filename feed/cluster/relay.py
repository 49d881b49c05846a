"""The log of several processes: Redis orders the events, each process has its `Log`.

Strategy: publishing is one script in Redis (`relay.lua`), which gives the ids. Each
process has one reader that waits for what is new and appends it under these ids, so
all logs are one, and what a stream needs never leaves its process. A Redis that lost
its data is given back what the process with the newest log holds.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import redis
from redis.backoff import NoBackoff
from redis.lock import Lock
from redis.retry import Retry

from feed.events.event import Event, EventId
from feed.log import Log, LogSnapshot, Overtaken, Unavailable
from feed.publishing.idempotency import KeyReused, Once

SCRIPT = Path(__file__).with_name("relay.lua")
TABLES = ("events", "state", "retired", "meta", "once", "onces", "leader")
CONNECTIONS = 4  # a process has at most, beside its reader's; publishers take turns
TIMEOUT = 2.0  # seconds that Redis has to answer
CHECK = 1.0  # seconds after which the reader looks whether Redis still has its log
RETRY = 0.25  # seconds between two attempts to reach Redis
READ_BACK = 1.0  # seconds a publisher waits until its events came back
PAGE = 1000  # events asked for at once
RESTORED = 20_000  # retained events that are given back to a Redis that lost them

logger = logging.getLogger("liveboard.relay")


class Superseded(Exception):
    """Another process leads now: this one's source publishes nothing more."""


class Mandate(NamedTuple):
    """What a leader publishes under: its leadership's number, and a batch's.

    `place` is how far its source has come with that; none where the state says it.
    """

    fence: str
    batch: int
    place: bytes


class LogFollower(Protocol):
    """What the relay calls when the log in Redis has changed, or can't be read."""

    def append_events(self, events: Sequence[Event]) -> None:
        """Append events under the ids that they have."""

    def load_snapshot(self, snapshot: LogSnapshot) -> None:
        """Replace the log by a snapshot of the one in Redis."""

    def announce_away(self, away: bool) -> None:
        """Tell every stream whether the shared log is away."""


class Relay:
    """One process's connection to the log in Redis; `follow_log` is its reader."""

    def __init__(
        self,
        url: str,
        prefix: str,
        backlog: int,
        max_keys: int,
        log: Log,
        follower: LogFollower,
    ) -> None:
        self._log = log
        self._bounds = backlog, max_keys
        self._follower = follower
        self._tables = {name: prefix + name for name in TABLES}
        self._client = _client(url, CONNECTIONS)
        self._waiting = _client(url, 1)
        self._script = self._client.register_script(SCRIPT.read_text())
        self._closed = False
        self._begun = False  # whether the log is Redis's
        self._away: str | None = "Redis wasn't reached yet"
        self._published: Counter[str] = Counter()
        self._place = b""

    @property
    def away(self) -> str | None:
        """Why the shared log can't be followed now; None where it can."""
        return self._away

    @property
    def published(self) -> dict[str, int]:
        """How many events of each type were published from here."""
        return dict(self._published)

    @property
    def place(self) -> bytes:
        """How far the source of all has come, with the newest event of the log."""
        return self._place

    def publish(
        self,
        events: Sequence[Event],
        seen: EventId | None = None,
        once: Once | None = None,
        mandate: Mandate | None = None,
    ) -> list[EventId]:
        """Publish events, in order, all or none, and return the ids they were given.

        Overtaken where one of their keys has changed since the log's tail was `seen`,
        or there are too many now; Superseded under a `mandate` where another leads.
        Unavailable where Redis can't take them now, or its answer didn't come.
        """
        if self._away:
            raise Unavailable(self._away)
        under = mandate or ("", "", "")
        key = ("", "") if once is None else (once.key, once.fingerprint)
        fields = [field for event in events for field in _fields(event)]
        head = (*self._bounds, str(self._log.tail), str(seen or ""), *under, *key)
        answer = self._call("publish", *head, *fields)
        ids = _ids(answer)
        if answer[0] == b"ok":
            self._published.update(event.type for event in events)
        self._wait_for(ids[-1])
        return ids

    def recall(self, once: Once) -> list[EventId] | None:
        """Return the ids that were given under this key; None for a new one.

        KeyReused where it was given with another request.
        """
        if self._away:
            raise Unavailable(self._away)
        try:
            found = cast(Any, self._client.hget(self._tables["once"], once.key))
        except redis.RedisError as error:
            raise Unavailable(_reason(error)) from error
        if found is None:
            return None
        fingerprint, first, count = found.split(b" ")
        if fingerprint.decode() != once.fingerprint:
            raise KeyReused(f"the key {once.key!r} was used for another request")
        return _row(first, count)

    def is_ahead(self, cursor: EventId) -> bool:
        """Whether a cursor is the shared log's, though this one hasn't reached it.

        That is asked of Redis, and waited for: a reader that changed processes may be
        a moment ahead. One that Redis can't be asked about isn't another log's.
        """
        if cursor <= self._log.tail:
            return False
        if self._away:
            return True
        try:
            tail = cast(Any, self._client.hget(self._tables["meta"], "tail"))
        except redis.RedisError:
            return True
        if tail is None or cursor > _id(tail):
            return False
        return not self._wait_for(cursor)

    def leader_lock(self, seconds: float) -> Lock:
        """Return the lock that the leader holds, for so many seconds each time."""
        name = self._tables["leader"]
        return Lock(self._client, name, timeout=seconds, thread_local=False)

    def begin_leadership(self, token: bytes) -> str | None:
        """Begin a leadership and return its number, once this log has all before it.

        None where the lock isn't held under `token`, or the log is not up to date.
        """
        answer = self._call("lead", token)
        if answer[0] != b"ok":
            return None
        up_to_date = self._wait_for(EventId.parse(answer[2].decode()))
        return answer[1].decode() if up_to_date else None

    def follow_log(self) -> None:
        """Append to this process's log what Redis has, until `close`."""
        while not self._closed:
            try:
                self._follow()
            except Exception as error:  # one bad reply must not end the reader
                if self._closed:  # `close` took the connection away during a read
                    return
                self._mark_failed(error)
            if self._away:
                time.sleep(RETRY)

    def close(self) -> None:
        """Close all connections to Redis, which also ends the reader."""
        self._closed = True
        for client in (self._client, self._waiting):
            client.connection_pool.disconnect()

    def _mark_failed(self, error: Exception) -> None:
        """Note why the log can't be followed; log an error that isn't Redis's."""
        if isinstance(error, redis.RedisError):
            self._mark_away(_reason(error))
        elif isinstance(error, Unavailable):
            self._mark_away(str(error))
        else:
            logger.error(
                "Reading the shared log failed; the reader goes on", exc_info=error
            )
            self._mark_away("What Redis holds can't be read; the log says why")

    def _follow(self) -> None:
        """Compare the logs, then append what comes until they are to be compared."""
        status, tail, unsettled = self._call("compare", self._mine())
        if status == b"load":
            self._load()
        elif status == b"behind":
            self._restore(tail)
            return
        compared, known = time.monotonic(), EventId.parse(tail.decode())
        while time.monotonic() < compared + CHECK:
            if self._log.tail >= known and unsettled == b"0":
                self._mark_back()
            block = RETRY if self._away else CHECK
            if not self._read(round(1000 * block)) or (
                self._away and unsettled != b"0"
            ):
                return

    def _read(self, block: int) -> bool:
        """Take what comes within `block` ms; return whether it follows the log.

        Where what lies between was trimmed before it was read, it doesn't.
        """
        name = self._tables["events"]
        asked = {name: str(self._log.tail)}
        answer = cast(Any, self._waiting.xread(cast(Any, asked), PAGE, block))
        for _, entries in answer or ():
            if _id(entries[0][1][b"after"]) != self._log.tail:
                return False
            for _, fields in entries:
                self._place = fields.get(b"place", self._place)
            self._follower.append_events([_event(entry) for entry in entries])
        return True

    def _load(self) -> None:
        """Take Redis's log in this one's place.

        What is trimmed while it is read is left out in the end, so there is no hole.
        """
        tables = self._tables
        with self._client.pipeline(transaction=True) as together:
            together.hgetall(tables["state"])
            together.hgetall(tables["meta"])
            state, meta = together.execute()
        tail = meta[b"tail"].decode()
        retained = [*self._retained(tail)]
        floor = _id(cast(bytes, self._client.hget(tables["meta"], "floor")))
        newest = sorted(map(_newest, state.items()), key=lambda event: event.id)
        self._follower.load_snapshot(
            LogSnapshot(
                newest=newest,
                retained=[event for event in retained if event.id > floor],
                floor=floor,
                accountable=_id(meta[b"accountable"]),
                tail=EventId.parse(tail),
            )
        )
        self._place = meta.get(b"place", b"")
        self._begun = True
        logger.info("took the log from Redis: %d keys, up to %s", len(newest), tail)

    def _retained(self, tail: str) -> Iterator[Event]:
        start = "-"
        while True:
            page = cast(
                Any, self._client.xrange(self._tables["events"], start, tail, PAGE)
            )
            yield from map(_event, page)
            if len(page) < PAGE:
                return
            start = "(" + page[-1][0].decode()

    def _restore(self, expected: bytes) -> None:
        """Give Redis the log that it lost: the same events under the same ids.

        Whoever holds more of it does the same after, and nobody publishes until then.
        """
        snapshot = self._log.take_snapshot(RESTORED)
        events = [*snapshot.newest, *snapshot.retained]
        fields = [field for event in events for field in (event.id, *_fields(event))]
        head = (
            *(snapshot.tail, snapshot.floor, snapshot.accountable),
            *(self._place, len(snapshot.newest)),
        )
        self._mark_away("Redis lost its data, which it is being given back")
        answer = self._call("restore", expected, *map(_text, (*head, *fields)))
        if answer[0] == b"ok":
            logger.warning("Redis lost its data: gave it %d events", len(events))

    def _call(self, act: str, *arguments: Any) -> list[bytes]:
        try:
            keys = [*self._tables.values()]
            answer = self._script(keys=keys, args=[act, *arguments])
        except redis.RedisError as error:
            raise Unavailable(_reason(error)) from error
        return cast(list[bytes], answer)

    def _wait_for(self, id: EventId) -> bool:
        """Wait until the log has reached an id; return whether it has."""
        ends = time.monotonic() + READ_BACK
        while self._log.tail < id and time.monotonic() < ends:
            self._log.wait(self._log.tail, ends - time.monotonic())
        return self._log.tail >= id

    def _mine(self) -> str:
        return str(self._log.tail) if self._begun else ""

    def _mark_away(self, reason: str) -> None:
        before, self._away = self._away, reason
        if before is None and not self._closed:
            logger.warning("The shared log is away: %s", reason)
            self._follower.announce_away(True)

    def _mark_back(self) -> None:
        before, self._away = self._away, None
        if before is not None:
            logger.info("The shared log is here, up to %s", self._log.tail)
            self._follower.announce_away(False)


def _client(url: str, connections: int) -> redis.Redis:
    """Return a client that never tries again by itself: that might publish twice."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=TIMEOUT,
        socket_timeout=TIMEOUT + CHECK,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return redis.Redis(connection_pool=pool)


def _reason(error: Exception) -> str:
    return f"Redis can't be reached: {error}".rstrip(".")


def _ids(answer: list[bytes]) -> list[EventId]:
    """Return the ids that a script's answer tells; the error where it tells one."""
    if answer[0] == b"fenced":
        raise Superseded("another process leads")
    if answer[0] == b"overtaken":
        raise Overtaken
    if answer[0] == b"reused":
        raise KeyReused("the key was used for another request")
    if answer[0] not in (b"ok", b"seen"):
        raise Unavailable("Redis lost its data, which it is being given back")
    return _row(answer[1], answer[2])


def _row(first: bytes, count: bytes) -> list[EventId]:
    """Return the ids of one batch: they follow each other."""
    ms, seq = _id(first)
    return [EventId(ms, seq + n) for n in range(int(count))]


def _fields(event: Event) -> tuple[str | bytes, ...]:
    slot = "" if event.slot is None else event.slot[0]
    return event.type, slot, event.subject or "", event.data


def _event(entry: tuple[bytes, dict[bytes, bytes]]) -> Event:
    id, fields = entry
    subject = fields[b"subject"].decode() or None
    slot = fields[b"slot"].decode()
    return Event(
        type=fields[b"event"].decode(),
        data=fields[b"data"],
        slot=(slot, subject) if slot and subject else None,
        subject=subject,
        id=_id(id),
    )


def _newest(item: tuple[bytes, bytes]) -> Event:
    """Return the event that stands in the state."""
    type, key = item[0].decode().split("\0")
    id, name, data = item[1].split(b" ", 2)
    return Event(name.decode(), data, (type, key), key, _id(id))


def _id(id: bytes) -> EventId:
    return EventId.parse(id.decode())


def _text(value: object) -> str | bytes:
    return value if isinstance(value, bytes) else str(value)
