"""The answers of all processes of a board, in Redis: each is a Redis stream of its own.

Theory of operation: the process that gives an answer writes each word to Redis first,
under the id that the word then gets in its own log. So every cursor that a client has
is known to Redis, and any other process can continue there. Such a process follows the
stream while it has readers for it.

A process that gives answers renews a key each second. If that key has expired, its
unfinished answers are incomplete, and a process that follows them writes the end.

While Redis is away, new questions are refused. A running answer continues for readers
of its own process. Once Redis is back, the whole answer is written again, because Redis
lacks a part of it.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakValueDictionary

import msgspec
import redis

from feed.answers.answer import ANSWER_ID, Answer, Opening, id_after, pieces_of
from feed.answers.keeping import Addition
from feed.answers.piece import Piece
from feed.answers.shelf import KEPT_FOR
from feed.clock import now_ms
from feed.cluster.door import UNREADABLE_ENTRY, Door, Entry, read_id
from feed.cluster.reasons import Trouble, explain
from feed.cluster.relay import connect
from feed.events.control import End
from feed.events.event import MESSAGE, Event, EventId, checked_data
from feed.log import Unavailable
from feed.publishing.idempotency import Idempotency, KeyReused

ANSWER_CONNECTIONS = 3  # per process, for answers
FOLLOW = 0.05  # seconds between two reads of the answers of other processes
LOOK = 0.25  # seconds between two checks for the wishes of other processes
ALIVE = 5  # seconds without a sign of life after which a process counts as dead
ASKED_FOR = 60  # seconds for which another process's wish to stop is kept
READ_FOR = 10  # seconds for which another process's reader counts
REWRITTEN = 20  # answers that are written again in one step
EXPIRES = round(KEPT_FOR)
LOST_PROCESS = "The server that gave this answer is gone."

logger = logging.getLogger("liveboard.keeper")


class KeptInRedis:
    """A `Keeper` for several processes; `run` is its loop."""

    def __init__(self, url: str, prefix: str, door: Door) -> None:
        self._client = connect(url, ANSWER_CONNECTIONS)
        self._prefix = prefix
        self._process = secrets.token_hex(8)
        self._door = door
        self._away: Trouble | None = None
        self._has_failed = False  # whether `run` has logged an unexpected error
        self._given: dict[str, Answer] = {}  # those that this process is giving
        self._behind: dict[str, Answer] = {}  # those that Redis lacks a part of
        self._followed: WeakValueDictionary[str, Answer] = WeakValueDictionary()
        self._following = threading.Lock()
        self._looked_at = 0.0

    def recall(self, idempotency: Idempotency) -> Answer | None:
        """Return the answer to an earlier request with this key; None if it is new.

        Raise KeyReused if that request was a different one, and Unavailable if Redis
        can't be asked.
        """
        found = cast(bytes | None, self._ask("get", self._key_of(idempotency)))
        if found is None:
            return None
        try:
            fingerprint, id = found.decode().split()
        except ValueError as error:
            self._door.leave_out("answers", error)
            return None
        if fingerprint != idempotency.fingerprint:
            raise KeyReused("the key was used for another request")
        return self.find(id)

    def begin(self, answer: Answer, idempotency: Idempotency | None) -> Answer:
        """Keep an answer that begins, and return it.

        If another process has just begun one for the same idempotency key, return that
        one. Raise Unavailable if Redis can't keep it.
        """
        if self._away:
            raise Unavailable(self._away)
        with self._client.pipeline(transaction=True) as together:
            self._write_begin(together, answer)
            together.set(self._name("answerer", self._process), "", ex=ALIVE)
            if idempotency is not None:
                known = f"{idempotency.fingerprint} {answer.id}"
                key = self._key_of(idempotency)
                together.set(key, known, nx=True, ex=EXPIRES)
            try:
                replies = together.execute()
            except redis.RedisError as error:
                raise self._unavailable(error) from error
        if idempotency is not None and not replies[-1]:
            self.forget([answer])
            return self.recall(idempotency) or answer
        self._given[answer.id] = answer
        return answer

    def add(self, additions: list[Addition]) -> None:
        """Write additions that are about to be appended to answers of this process."""
        behind = [it for it in additions if it.answer.id in self._behind]
        if not self._away:
            self._write_again(behind)
            self._write([it for it in additions if it not in behind])
        else:
            self._behind.update((it.answer.id, it.answer) for it in additions)
        for answer, _, ending in additions:
            if ending is not None:
                self._given.pop(answer.id, None)

    def find(self, id: str) -> Answer | None:
        """Return an answer that another process gives or has given."""
        if not ANSWER_ID.fullmatch(id):
            return None
        with self._following:
            known = self._followed.get(id)
            if known is not None:
                self._read_on([known])
                return known
            entries = cast(Any, self._ask("xrange", self._name("answer", id)))
            if not entries:
                return None
            try:
                answer = _read_begin(id, entries[0][1])
            except UNREADABLE_ENTRY as error:
                self._door.leave_out("answers", error)
                return None
            self._apply(answer, entries[1:])
            if answer.ending is None:
                self._followed[id] = answer
            return answer

    def stop(self, answer: Answer) -> None:
        """Ask the process that gives an answer to stop it."""
        self._ask("set", self._name("answer-stop", answer.id), "", ex=ASKED_FOR)

    def forget(self, answers: list[Answer]) -> None:
        """Delete answers of this process; if Redis is away, they expire there."""
        for answer in answers:
            self._behind.pop(answer.id, None)
        if answers and not self._away:
            names = [self._name("answer", answer.id) for answer in answers]
            try:
                self._client.delete(*names)
            except redis.RedisError as error:
                self._note_trouble(error)

    def run(self, stop: Callable[[Answer], None], ending: threading.Event) -> None:
        """Follow other processes, and `stop` what they ask, until `ending` is set."""
        while not ending.wait(FOLLOW if self._followed else LOOK):
            try:
                if time.monotonic() >= self._looked_at + LOOK:
                    self._looked_at = time.monotonic()
                    self._look(stop)
                with self._following:
                    self._read_on([*self._followed.values()])
            except redis.RedisError as error:
                self._note_trouble(error)
            except Unavailable:  # `_note_trouble` was called
                continue
            except Exception:  # one bad reply must not end the loop; it is logged once
                if not self._has_failed:
                    logger.exception("Following answers failed; it continues")
                self._has_failed = True

    def close(self) -> None:
        """Close the connections to Redis."""
        self._client.connection_pool.disconnect()

    def _look(self, stop: Callable[[Answer], None]) -> None:
        """Renew the sign of life, stop answers on request, end those of the dead."""
        given = [*self._given.values()]
        followed = [*self._followed.values()]
        with self._client.pipeline(transaction=False) as together:
            together.set(self._name("answerer", self._process), "", ex=ALIVE)
            for answer in given:
                together.exists(self._name("answer-stop", answer.id))
                together.exists(self._name("answer-read", answer.id))
            for answer in followed:
                together.set(self._name("answer-read", answer.id), "", ex=READ_FOR)
                together.exists(self._name("answerer", answer.process))
            replies = together.execute()[1:]
        self._away = None
        asked, found = replies[: 2 * len(given)], replies[2 * len(given) :]
        for answer, stopped, read in zip(given, asked[::2], asked[1::2], strict=True):
            if read:
                answer.read_at = answer.clock()
            if stopped:
                stop(answer)
        alive = found[1::2]
        for answer, is_alive in zip(followed, alive, strict=True):
            if not is_alive:
                self._end_for_dead(answer)

    def _end_for_dead(self, answer: Answer) -> None:
        """Write the end of an answer whose process is gone; the first end counts."""
        ending = answer.make_end("incomplete", LOST_PROCESS, now_ms())
        fields: Any = {"end": msgspec.json.encode(ending), "by": answer.by}
        name = self._name("answer", answer.id)
        self._client.xadd(name, fields, nomkstream=True)
        self._client.expire(name, EXPIRES)

    def _read_on(self, answers: list[Answer]) -> None:
        """Append the events that other processes have written since the last read."""
        running = {
            self._name("answer", answer.id): answer
            for answer in answers
            if answer.ending is None
        }
        if running:
            asked: Any = {name: str(it.outlet.log.tail) for name, it in running.items()}
            for name, entries in cast(Any, self._ask("xread", asked)) or ():
                answer = running[name.decode()]
                self._apply(answer, entries)
                if answer.ending is not None:
                    del self._followed[answer.id]

    def _apply(self, answer: Answer, entries: list[Entry]) -> None:
        """Append entries that were read to an answer, up to its first end.

        What can't be read is left out.
        """
        events, pieces, left_out = list[Event](), list[Piece](), list[EventId]()
        by_and_end: tuple[str, End] | None = None
        for id, fields in entries:
            try:
                if b"end" in fields:
                    end = msgspec.json.decode(fields[b"end"], type=End)
                    by_and_end = fields[b"by"].decode(), end
                    break
                event, found = _read_word(id, fields)
            except UNREADABLE_ENTRY as error:
                self._door.leave_out("answers", error)
                left_out.append(read_id(id))
            else:
                events.append(event)
                pieces += found
        answer.cite(pieces)
        answer.append(events)
        answer.outlet.log.extend([], left_out)
        if by_and_end is not None:
            answer.by, end = by_and_end
            answer.end(end)

    def _write(self, additions: list[Addition]) -> None:
        """Write additions; note the answers for which this fails as behind."""
        if not additions:
            return
        writers: list[Answer] = []
        with self._client.pipeline(transaction=False) as together:
            for answer, events, ending in additions:
                self._write_events(together, answer, events)
                writers += [answer] * len(events)
                if ending is not None:
                    tail = events[-1].id if events else answer.outlet.log.tail
                    self._write_end(together, answer, ending, tail)
                    writers += [answer] * 2
            try:
                replies = together.execute(raise_on_error=False)
            except redis.RedisError as error:
                self._note_trouble(error)
                replies = [None] * len(writers)
        for answer, reply in zip(writers, replies, strict=True):
            if not reply or isinstance(reply, Exception):
                self._behind[answer.id] = answer

    def _write_again(self, additions: list[Addition]) -> None:
        """Write the answers that are behind again as a whole, with their additions."""
        added = {it.answer.id: it for it in additions}
        for id, answer in [*self._behind.items()][:REWRITTEN]:
            addition = added.pop(id, Addition(answer, [], answer.ending))
            events = [*answer.outlet.log.state(), *addition.events]
            with self._client.pipeline(transaction=True) as together:
                together.delete(self._name("answer", id))
                self._write_begin(together, answer)
                self._write_events(together, answer, events)
                if addition.ending is not None:
                    tail = events[-1].id if events else answer.outlet.log.tail
                    self._write_end(together, answer, addition.ending, tail)
                try:
                    together.execute()
                except redis.RedisError as error:
                    self._note_trouble(error)
                    return
            del self._behind[id]

    def _write_begin(self, together: Any, answer: Answer) -> None:
        name, opening = self._name("answer", answer.id), answer.opening
        fields = {
            "opening": msgspec.json.encode(opening),
            "by": answer.by,
            "process": self._process,
        }
        together.xadd(name, fields, id=f"{opening.at}-0")
        together.expire(name, EXPIRES)

    def _write_events(self, together: Any, answer: Answer, events: list[Event]) -> None:
        name = self._name("answer", answer.id)
        for event in events:
            fields = {"data": event.data}
            together.xadd(name, fields, id=str(event.id), nomkstream=True)

    def _write_end(
        self, together: Any, answer: Answer, ending: End, tail: EventId
    ) -> None:
        name = self._name("answer", answer.id)
        fields = {"end": msgspec.json.encode(ending), "by": answer.by}
        together.xadd(name, fields, id=str(id_after(tail)), nomkstream=True)
        together.expire(name, EXPIRES)

    def _ask(self, command: str, *arguments: Any, **options: Any) -> object:
        """Return the reply to a command; Unavailable if there is none."""
        if self._away:
            raise Unavailable(self._away)
        try:
            return cast(object, getattr(self._client, command)(*arguments, **options))
        except redis.RedisError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: redis.RedisError) -> Unavailable:
        self._note_trouble(error)
        return Unavailable(explain(error))

    def _note_trouble(self, error: redis.RedisError) -> None:
        """Ask Redis nothing until the loop reaches it again, by new connections."""
        self._away = explain(error)
        self._client.connection_pool.disconnect(inuse_connections=False)

    def _key_of(self, idempotency: Idempotency) -> str:
        return self._name("answer-key", idempotency.key)

    def _name(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"


def _read_begin(id: str, fields: dict[bytes, bytes]) -> Answer:
    opening = msgspec.json.decode(fields[b"opening"], type=Opening)
    process = fields[b"process"].decode()
    return Answer(opening, fields[b"by"].decode(), time.monotonic, process)


def _read_word(id: bytes, fields: dict[bytes, bytes]) -> tuple[Event, list[Piece]]:
    """Return an event of an answer, and the piece that it has."""
    event = Event(MESSAGE, checked_data(fields[b"data"]), id=read_id(id))
    return event, pieces_of([event])
