"""The log of several processes: Redis orders the events, each process has its `Log`.

Theory of operation: publishing is one call of a script in Redis (`relay.lua`), which
gives the events their ids. Each process has one reader, which waits for new events and
appends them under these ids. So all processes have the same log, and streams only ever
read the log of their own process.

Each second the reader compares its log with the one in Redis. If Redis has events that
the process missed and can't read one by one, the process loads a snapshot. If Redis
lost its data, the process with the newest log restores it, and until then nobody
publishes.

The comparison also rehearses every write of a publication, since a Redis that can be
read may refuse to write. While Redis can't be reached or refuses to write, the log is
"away": streams stay open, and publishers get `Unavailable`. After any error the reader
makes new connections, because the address may lead to another Redis by now.
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.lock import Lock
from redis.retry import Retry

from feed.cluster.door import UNREADABLE_ENTRY, Door, Entry, read_id
from feed.cluster.reasons import Trouble, explain, explain_refusal
from feed.events.event import GONE, Event, EventId, gone
from feed.log import Expired, Log, LogSnapshot, Overtaken, Unavailable
from feed.publishing.idempotency import Idempotency, KeyReused
from feed.streams.text import printable

SCRIPT = Path(__file__).with_name("relay.lua")
# The names stay, because processes of the previous version use the same tables.
TABLES = (
    *("events", "state", "retired", "meta", "once", "onces", "leader", "trial"),
    "expiries",
)
CONNECTIONS = 4  # per process, besides the reader's one; publishers take turns
TIMEOUT = 2.0  # seconds in which Redis must reply
CHECK = 1.0  # seconds between two comparisons of the log with the one in Redis
RECONNECT_WAIT = 0.25  # seconds between two attempts to reach Redis
READ_BACK = 1.0  # seconds that a publisher waits for its own events to come back
PAGE = 1000  # events read at once
RESTORED = 20_000  # at most so many retained events are restored to Redis

STARTING = Trouble("The log in Redis isn't loaded yet")
LOST = Trouble("Redis lost its data, which is being restored")
UNREADABLE_LOG = Trouble(
    "The data in Redis can't be read; the server's log has the error"
)

logger = logging.getLogger("liveboard.relay")


class Superseded(Exception):
    """Another process leads now, so this process's source must not publish."""


class Mandate(NamedTuple):
    """The leadership under which a leader publishes, and the number of the batch.

    `fence` is the number of the leadership. `place` is the position of the source after
    this batch; empty if the log's state is enough to continue from.
    """

    fence: str
    batch: int
    place: bytes


class LogFollower(Protocol):
    """What the relay calls when the log in Redis has changed, or can't be read."""

    def append_events(
        self, events: Sequence[Event], left_out: Sequence[EventId]
    ) -> None:
        """Append events under the ids that they have.

        `left_out` are the ids of events that can't be read.
        """

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
        max_keys: int,
        log: Log,
        follower: LogFollower,
        door: Door,
    ) -> None:
        self._log = log
        self._max_keys = max_keys
        self._follower = follower
        self._door = door
        self._misfit = b""  # the id of an entry that didn't follow the log's tail
        self._tables = {name: prefix + name for name in TABLES}
        self._client = connect(url, CONNECTIONS)
        self._reader_client = connect(url, 1)
        self._script = self._client.register_script(SCRIPT.read_text())
        self._closed = False
        self._has_log = False  # whether the log was loaded from Redis
        self._trouble: Trouble | None = STARTING  # why the reader can't work
        self._leader_trouble: Trouble | None = None
        self._compared_at = -math.inf
        self._has_been_here = False
        self._has_doubts = False  # whether the address may lead to another Redis now
        self._announced: bool | None = None  # the last `away` that was announced
        self._announcing = threading.Lock()
        self._published: Counter[str] = Counter()
        self._place = b""

    @property
    def away(self) -> Trouble | None:
        """The reason why the shared log can't be used now; None while it can."""
        return self._trouble or self._leader_trouble

    @property
    def trouble(self) -> Trouble | None:
        """The reason why Redis can't be read or written; None if the reader can."""
        return self._trouble

    @property
    def compared_at(self) -> float:
        """The instant (monotonic) of the last comparison that found no trouble."""
        return self._compared_at

    @property
    def published(self) -> dict[str, int]:
        """The number of events of each type that this process published."""
        return dict(self._published)

    @property
    def place(self) -> bytes:
        """The position of the leader's source at the newest event of the log."""
        return self._place

    def publish(
        self,
        events: Sequence[Event],
        seen: EventId | None = None,
        idempotency: Idempotency | None = None,
        mandate: Mandate | None = None,
    ) -> list[EventId]:
        """Publish all events or none, in order, and return their ids.

        Raise Overtaken if one of the keys changed after `seen`, or if there would be
        too many keys. Raise Superseded if the `mandate` is not the latest. Raise
        Unavailable if Redis can't take the events now, or didn't reply.
        """
        if self._trouble:
            raise Unavailable(self._trouble)
        under = mandate or ("", "", "")
        key = msgspec.structs.astuple(idempotency) if idempotency else ("", "")
        fields = [field for event in events for field in _fields_of(event)]
        bounds = self._log.room_for(events), self._max_keys
        head = (*bounds, str(self._log.tail), str(seen or ""), *under, *key)
        reply = self._run_script("publish", *head, *fields)
        ids = _read_ids(reply)
        if reply[0] == b"ok":
            self._published.update(event.type for event in events)
        self._read_back(ids)
        return ids

    def retire(self, expired: Sequence[Expired], fence: str, now: int) -> None:
        """Retire keys at `now` (epoch ms), except those that have a newer event.

        Raise Superseded if the leadership `fence` is not the latest, and Unavailable if
        Redis can't be reached or doesn't reply.
        """
        if self._trouble:
            raise Unavailable(self._trouble)
        events = [gone(*slot, now) for slot, _ in expired]
        fields = [
            field
            for event, (_, id) in zip(events, expired, strict=True)
            for field in (str(id), *_fields_of(event))
        ]
        head = self._log.room_for(events), str(self._log.tail), fence
        ids = _read_ids(self._run_script("retire", *head, *fields))
        self._published[GONE] += len(ids)
        self._read_back(ids)

    def recall(self, idempotency: Idempotency) -> list[EventId] | None:
        """Return the ids that an earlier request with this key got; None if it is new.

        Raise KeyReused if that request was a different one.
        """
        if self._trouble:
            raise Unavailable(self._trouble)
        try:
            table = self._tables["once"]
            found = cast(Any, self._client.hget(table, idempotency.key))
        except redis.RedisError as error:
            raise Unavailable(explain(error)) from error
        if found is None:
            return None
        try:
            fingerprint, first, count = found.split(b" ")
            ids = _number_batch(first, count)
        except UNREADABLE_ENTRY as error:
            self._door.leave_out("idempotency keys", error)
            return None
        if fingerprint.decode(errors="replace") != idempotency.fingerprint:
            raise KeyReused("the key was used for another request")
        return ids

    def is_ahead(self, cursor: EventId) -> bool:
        """Return whether the shared log has a cursor that is beyond this process's log.

        A client that changed processes may be a moment ahead of its new process, so
        this waits until the process has caught up. If Redis can't be reached, assume
        that the cursor is valid: the reader reports the same error.
        """
        if cursor <= self._log.tail:
            return False
        if self._trouble:
            return True
        try:
            tail = cast(Any, self._client.hget(self._tables["meta"], "tail"))
        except redis.RedisError:
            return True
        if tail is None or cursor > read_id(tail):
            return False
        return not self._wait_for(cursor)

    def leader_lock(self, seconds: float) -> Lock:
        """Return the leader's lock, which expires `seconds` after its last renewal."""
        name = self._tables["leader"]
        return Lock(self._client, name, timeout=seconds, thread_local=False)

    def read_leader(self) -> str:
        """Return the token of the leader's lock; empty if no process leads."""
        token = cast(bytes | None, self._client.get(self._tables["leader"]))
        return printable((token or b"").decode(errors="replace"))

    def begin_leadership(self, token: bytes) -> str | None:
        """Begin a leadership, and return its number once the log is up to date.

        Return None if `token` doesn't hold the lock, or if the log doesn't get up to
        date in time.
        """
        reply = self._run_script("lead", token)
        if reply[0] != b"ok":
            return None
        up_to_date = self._wait_for(EventId.parse(reply[2].decode()))
        return reply[1].decode() if up_to_date else None

    def follow_log(self) -> None:
        """Append the events in Redis to this process's log, until `close`."""
        while not self._closed:
            try:
                self._follow()
            except Exception as error:  # one bad reply must not end the reader
                if self._closed:  # `close` closed the connection during a read
                    return
                self._mark_failed(error)
            if self._trouble:
                self._has_doubts = True
                time.sleep(RECONNECT_WAIT)

    def report_leader(self, trouble: Trouble | None) -> None:
        """Record why this process's leader can't work; None if it can.

        The reader may see no reason, so the leader's failure makes the log away too.
        """
        if trouble != self._leader_trouble:
            self._leader_trouble = trouble
            self._announce()

    def close(self) -> None:
        """Close all connections to Redis, which also ends the reader."""
        self._closed = True
        for client in (self._client, self._reader_client):
            client.connection_pool.disconnect()

    def _mark_failed(self, error: Exception) -> None:
        """Mark the log as away, and log an error that is not one of Redis's, once."""
        if isinstance(error, redis.RedisError):
            self._report(explain(error))
        elif isinstance(error, Unavailable):
            self._report(trouble_of(error))
        else:
            if self._trouble != UNREADABLE_LOG:
                logger.error(
                    "Reading the shared log failed; the reader continues",
                    exc_info=error,
                )
            self._report(UNREADABLE_LOG)

    def _follow(self) -> None:
        """Compare the logs, then append new events until the next comparison."""
        if self._has_doubts:
            self._forget_connections()
        began = time.monotonic()
        # On the connection that reads: another one may lead to another Redis.
        reply = self._run_script("compare", self._own_tail(), by=self._reader_client)
        status, tail, unsettled, command, error = reply
        refusal = explain_refusal(command, error) if error else None
        trouble = refusal or self._trouble_of_settling(unsettled)
        if trouble:
            self._report(trouble)
        else:
            self._compared_at = began
        if status == b"load":
            self._load_log()
        elif status == b"behind":
            if not refusal:
                self._restore_log(tail)
            return
        ends, known = time.monotonic() + CHECK, EventId.parse(tail.decode())
        while (rest := ends - time.monotonic()) > 0:
            if self._log.tail >= known and not trouble:
                self._report(None)
            block = min(rest, RECONNECT_WAIT) if self._trouble else rest
            if not self._append_new(block) or trouble:
                return

    def _trouble_of_settling(self, unsettled: bytes) -> Trouble | None:
        """Return why nobody may publish yet, given for how many more ms; None if not.

        A new log settles like one that was lost.
        """
        if unsettled == b"0":
            return None
        return LOST if self._has_been_here else STARTING

    def _append_new(self, block: float) -> bool:
        """Append events that arrive in `block` seconds; return whether none is missing.

        Events are missing if Redis trimmed them before they were read. Then nothing is
        appended.
        """
        name = self._tables["events"]
        asked = {name: str(self._log.tail)}
        wait = max(round(1000 * block), 1)  # ms; 0 would wait for ever
        reply = cast(Any, self._reader_client.xread(cast(Any, asked), PAGE, wait))
        for _, entries in reply or ():
            if not self._follows(entries[0]):
                return False
            for _, fields in entries:
                self._place = fields.get(b"place", self._place)
            self._follower.append_events(*self._door.read_events(entries))
        return True

    def _follows(self, entry: Entry) -> bool:
        """Return whether no event is missing before an entry.

        An event is missing if Redis has trimmed it. The comparison that follows then
        finds that the log has to be loaded. If it doesn't, the entry is wrong.
        """
        id, fields = entry
        if fields.get(b"after") == str(self._log.tail).encode():
            return True
        is_wrong, self._misfit = self._misfit == id, id
        if is_wrong:
            fields.clear()  # so it's left out as unreadable
        return is_wrong

    def _load_log(self) -> None:
        """Replace this process's log by the one in Redis.

        It is read in several steps, and Redis may trim events between two of them. So
        events up to the floor after the last step are left out, and none is missing.
        """
        tables = self._tables
        with self._client.pipeline(transaction=True) as together:
            together.hgetall(tables["state"])
            together.hgetall(tables["meta"])
            together.hgetall(tables["expiries"])
            state, meta, expiries = together.execute()
        tail, door = read_id(meta[b"tail"]), self._door
        retained, left_out = self._read_retained(tail)
        last = cast(bytes | None, self._client.hget(tables["meta"], "floor"))
        floor = door.read_id_or({b"floor": last or b""}, b"floor", tail)
        newest = door.read_state(state, expiries, tail)
        self._follower.load_snapshot(
            LogSnapshot(
                newest=newest,
                retained=[event for event in retained if event.id > floor],
                floor=floor,
                accountable=door.read_id_or(meta, b"accountable", tail),
                tail=tail,
                left_out=left_out,
            )
        )
        self._place = meta.get(b"place", b"")
        self._has_log = True
        logger.info("Loaded the log from Redis: %d keys, up to %s", len(newest), tail)

    def _read_retained(self, tail: EventId) -> tuple[list[Event], list[EventId]]:
        """Return the retained events up to `tail`, and the ids of those left out."""
        retained, left_out = list[Event](), list[EventId]()
        start, table = "-", self._tables["events"]
        while True:
            page = cast(Any, self._client.xrange(table, start, str(tail), PAGE))
            events, unreadable = self._door.read_events(page)
            retained += events
            left_out += unreadable
            if len(page) < PAGE:
                return retained, left_out
            start = "(" + page[-1][0].decode()

    def _restore_log(self, expected: bytes) -> None:
        """Restore the log that Redis lost: the same events under the same ids.

        If another process has a longer log, it restores that one afterwards. The script
        accepts no events until all processes have had time to do so.
        """
        snapshot = self._log.take_snapshot(RESTORED)
        events = [*snapshot.newest, *snapshot.retained]
        fields = [field for event in events for field in (event.id, *_fields_of(event))]
        head = (
            *(snapshot.tail, snapshot.floor, snapshot.accountable),
            *(self._place, len(snapshot.newest)),
        )
        self._report(LOST)
        reply = self._run_script("restore", expected, *map(_to_text, (*head, *fields)))
        if reply[0] == b"ok":
            logger.warning("Redis had lost its data: restored %d events", len(events))

    def _run_script(
        self, act: str, *arguments: Any, by: redis.Redis | None = None
    ) -> list[bytes]:
        try:
            keys = [*self._tables.values()]
            reply = self._script(keys=keys, args=[act, *arguments], client=by)
        except redis.RedisError as error:
            self._has_doubts = True
            raise Unavailable(explain(error)) from error
        return cast(list[bytes], reply)

    def _wait_for(self, id: EventId) -> bool:
        """Wait up to `READ_BACK` for the log to reach an id; return whether it did."""
        ends = time.monotonic() + READ_BACK
        while self._log.tail < id and time.monotonic() < ends:
            self._log.wait(self._log.tail, ends - time.monotonic())
        return self._log.tail >= id

    def _read_back(self, ids: list[EventId]) -> None:
        """Wait until the log has events that were published, for some time."""
        if ids and not self._wait_for(ids[-1]):
            self._has_doubts = True  # the reader may read from another Redis

    def _own_tail(self) -> str:
        return str(self._log.tail) if self._has_log else ""

    def _report(self, trouble: Trouble | None) -> None:
        """Record why the reader can't work now; None if it can."""
        self._trouble = trouble
        self._has_been_here |= trouble is None
        if trouble != STARTING:
            self._announce()

    def _announce(self) -> None:
        """Log it and tell the streams if the shared log is away now or is back."""
        with self._announcing:
            reason = self.away
            if self._announced is (reason is not None):
                return
            self._announced = reason is not None
            if reason:
                logger.warning("The shared log is away: %s", reason.detail)
            else:
                logger.info("The shared log is here, up to %s", self._log.tail)
            self._follower.announce_away(self._announced)

    def _forget_connections(self) -> None:
        """Close the connections that nobody uses, so that the next ones are new.

        After a failover, an old connection may still lead to the former master.
        """
        self._has_doubts = False
        for client in (self._client, self._reader_client):
            client.connection_pool.disconnect(inuse_connections=False)


def trouble_of(error: Unavailable) -> Trouble:
    """Return the reason that an error was raised with."""
    [reason] = error.args
    return reason if isinstance(reason, Trouble) else Trouble(str(reason))


def connect(url: str, connections: int) -> redis.Redis:
    """Return a client that doesn't retry by itself, since that could publish twice."""
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


def _read_ids(reply: list[bytes]) -> list[EventId]:
    """Return the ids that the script replies with; raise the error that it reports."""
    if reply[0] == b"fenced":
        raise Superseded("another process leads now")
    if reply[0] == b"overtaken":
        raise Overtaken
    if reply[0] == b"reused":
        raise KeyReused("the key was used for another request")
    if reply[0] not in (b"ok", b"seen"):
        raise Unavailable(LOST)
    return _number_batch(reply[1], reply[2])


def _number_batch(first: bytes, count: bytes) -> list[EventId]:
    """Return the ids of one batch, which are consecutive."""
    ms, seq = read_id(first)
    return [EventId(ms, seq + n) for n in range(int(count))]


def _fields_of(event: Event) -> tuple[str | bytes, ...]:
    slot = "" if event.slot is None else event.slot[0]
    until = "" if event.until is None else str(event.until)
    return event.type, slot, event.subject or "", event.data, until


def _to_text(value: object) -> str | bytes:
    return value if isinstance(value, bytes) else str(value)
