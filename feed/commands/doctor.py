"""`python -m feed doctor URL`: measure from outside how a stream arrives there.

Strategy: a view that selects nothing is silent, so every delay of its `hello` and its
heartbeats shows, and a proxy that cuts silent connections cuts it. The whole feed
shows whether events arrive one by one. A loaded machine can spoil a measurement, while
a proxy that delays does so each time. Therefore the best of several measurements
counts. Nothing is published.
"""

import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Literal, NamedTuple
from urllib.parse import SplitResult

import msgspec

from feed.commands.board import (
    CONNECTION_ERRORS,
    Rejected,
    board_name,
    check_secrecy,
    connect,
    parse_address,
    print_note,
)
from feed.commands.probe import Arrival, Probe
from feed.commands.record import STREAM_PATH
from feed.events.event import EventId
from feed.streams.text import printable

LIMIT = 30.0  # seconds for everything
FIRST = 5.0  # seconds in which a stream must begin
LATE = 0.15  # seconds; HAProxy and the kernel hold back what is little for 0.2
TRIES = 5  # how often a time is measured
TICKS = 4.0  # seconds of the whole feed
ENOUGH = 8  # live events of different milliseconds that show how they are spaced
BURSTS = 0.25  # seconds by which half of the events may be later than the promptest
PAUSES = (0.0, 0.005, 0.04)  # seconds between a stream's end and the next request
POSTS = 6  # requests after each of these pauses
POSTING = 6.0  # seconds for all of them
GATEWAY_ERRORS = frozenset({502, 503, 504})  # of a proxy whose connection was closed
CLOCK = 5.0  # seconds by which two clocks may differ
HEARTBEATS = 1.25  # of the time that `hello` names, until one is missing
IN_TIME = 1.0  # seconds by which a heartbeat may be late
ACCEPT_IDENTITY = {"Accept-Encoding": "identity"}
ACCEPT_GZIP = {"Accept-Encoding": "gzip"}

Mark = Literal["ok", "note", "trouble"]


class MeasuredHello(msgspec.Struct):
    """The fields of `hello` that are needed here."""

    resume: str
    after: str | None
    tail: str
    dropped: int | None
    heartbeat: float
    at: int


class Finding(NamedTuple):
    """What one check found, and what to change, in sentences."""

    check: str
    mark: Mark
    text: str


class Short(NamedTuple):
    """A short request: its round trip in seconds, and the board's clock less ours."""

    seconds: float
    ahead: float


def examine(text: str, insecure: bool = False) -> int:
    """Measure the streams of the board at an address; return 1 if there is trouble.

    `insecure` allows to send a password to another host without encryption.
    """
    url = parse_address(text)
    if url.username is not None:
        check_secrecy(url, "password", insecure)
    marks: list[Mark] = []
    try:
        for finding in Doctor(url).findings():
            line = f"{finding.mark:7}  {finding.check}: {finding.text}"
            print(printable(line), flush=True)
            marks.append(finding.mark)
    except KeyboardInterrupt:
        return 130
    except (Rejected, *CONNECTION_ERRORS) as error:
        reason = str(error) or type(error).__name__
        print_note(f"{board_name(url)}: {reason}")
        return 1
    trouble = marks.count("trouble")
    if trouble:
        print(f"{trouble} of {len(marks)} checks found trouble.")
        return 1
    print("No trouble found.")
    return 0


class Doctor:
    """The checks of one board's streams."""

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._base = STREAM_PATH.sub("", url.path).rstrip("/")
        self._nobody = f"doctor-{secrets.token_hex(4)}"  # no symbol has this name
        self._deadline = time.monotonic() + LIMIT
        self._coding = ACCEPT_GZIP  # what browsers ask for
        self._seen: list[str] = []  # the ids of the events that came after the cursor

    def findings(self) -> Iterator[Finding]:
        """Yield what each check finds; Rejected, OSError or HTTPException if none can.

        The check of the heartbeat comes last, because it waits longest.
        """
        shorts = [self._time_short_request() for _ in range(TRIES)]
        self._short = min(shorts)
        with self._probe(self._quiet(), ACCEPT_IDENTITY) as quiet:
            quiet.read_to("hello", self._left(FIRST))
            waiting = _Background(lambda: self._await_heartbeat(quiet))
            packing = self._judge_compression(quiet.first("hello") is not None)
            self._coding = ACCEPT_GZIP if packing.mark != "trouble" else ACCEPT_IDENTITY
            if quiet.headers:
                yield judge_headers(quiet.headers)
            else:
                text = "not known, because no response to a stream arrived."
                yield Finding("headers", "note", text)
            yield judge_clock(self._short.ahead)
            yield self._judge_first_byte(quiet, packing.mark != "trouble")
            yield packing
            yield self._judge_ticks()
            yield self._judge_resuming()
            yield self._judge_keeping()
            yield self._judge_heartbeat(quiet, waiting)

    # Requests

    def _probe(self, path: str, headers: Mapping[str, str]) -> Probe:
        return Probe(self._url, path, self._left(FIRST), headers)

    def _quiet(self, more: str = "") -> str:
        """Return the path of a stream of which only control events come."""
        return f"{self._base}/stream?events=price&symbols={self._nobody}{more}"

    def _left(self, seconds: float) -> float:
        """Return as much of these seconds as there is left; a moment at least."""
        return max(min(seconds, self._deadline - time.monotonic()), 0.1)

    def _time_short_request(self) -> Short:
        """Ask for a stream that ends at once; Rejected if the board admits none."""
        with self._probe(self._quiet("&once=1"), ACCEPT_IDENTITY) as probe:
            probe.read_for(self._left(FIRST))
        arrival = probe.first("hello")
        if arrival is None:
            raise Rejected(None, _without_hello(probe))
        hello = _hello(arrival)
        self._heartbeat, self._cursor = hello.heartbeat, hello.tail
        seconds = arrival.at - probe.asked
        middle = _wall_clock(probe.asked + seconds / 2)
        return Short(seconds, hello.at / 1000 - middle)

    # Checks

    def _judge_first_byte(self, quiet: Probe, packed: bool) -> Finding:
        hello = quiet.first("hello")
        if hello is None:
            return self._judge_nothing(quiet, packed)
        best = hello.at - quiet.asked
        for _ in range(TRIES - 1):
            if best - self._short.seconds > LATE:
                best = min(best, self._time_hello())
        late = max(best - self._short.seconds, 0)
        compared = (
            f"a stream begins {best:.3f} s after the request, a short response "
            f"after {self._short.seconds:.3f} s"
        )
        if late <= LATE:
            return Finding("first byte", "ok", f"{compared}.")
        text = (
            f"{compared}: something on the way waits for more before it passes on what "
            "there is. For HAProxy, set `option http-no-delay`."
        )
        return Finding("first byte", "trouble", text)

    def _time_hello(self) -> float:
        with self._probe(self._quiet(), ACCEPT_IDENTITY) as probe:
            hello = probe.read_to("hello", self._left(FIRST))
            return hello.at - probe.asked if hello else FIRST

    def _judge_nothing(self, quiet: Probe, packed: bool) -> Finding:
        if packed:
            text = (
                f"nothing arrived within {FIRST:.0f} s at a client that doesn't accept "
                "gzip, but it does at one that does: the proxy asks the board for gzip "
                "and unpacks it into a buffer. Set COMPRESS=0, or pipe /stream "
                "(Varnish: `return (pipe)`)."
            )
        elif quiet.end:
            text = f"the stream broke before its first event: {_how(quiet)}."
        else:
            text = (
                f"nothing of a stream arrived within {FIRST:.0f} s, though a short "
                f"response takes {self._short.seconds:.3f} s: the proxy buffers. For "
                "nginx, remove `proxy_ignore_headers X-Accel-Buffering`, or set "
                "`proxy_buffering off` for /stream."
            )
        return Finding("first byte", "trouble", text)

    def _judge_compression(self, plain: bool) -> Finding:
        with self._probe(self._quiet(), ACCEPT_GZIP) as packed:
            hello = packed.read_to("hello", self._left(FIRST))
        if packed.end == "garbled":
            text = (
                "the response says gzip but can't be unpacked: something on the way "
                "changes it. Exclude text/event-stream from the proxy's compression."
            )
            return Finding("compression", "trouble", text)
        coding = packed.headers.get("content-encoding", "")
        if hello is None:
            text = (
                f"a stream with gzip brings nothing within {FIRST:.0f} s"
                + (", one without it does" if plain else "")
                + ": the proxy buffers. Exclude text/event-stream from its compression."
            )
            return Finding("compression", "trouble", text)
        if not coding:
            text = (
                "the stream isn't compressed and takes about twice the bandwidth, "
                "because COMPRESS is 0 or the proxy removes Accept-Encoding."
            )
            return Finding("compression", "note", text)
        return Finding("compression", "ok", f"the stream arrives at once as {coding}.")

    def _judge_ticks(self) -> Finding:
        """Judge the spacing, twice if need be: a loaded machine has bursts too."""
        finding = self._judge_ticks_once()
        if finding.mark == "trouble" and self._left(LIMIT) > 2 * TICKS:
            return self._judge_ticks_once()
        return finding

    def _judge_ticks_once(self) -> Finding:
        with self._probe(f"{self._base}/stream", self._coding) as probe:
            hello = probe.read_to("hello", self._left(FIRST))
            probe.read_for(self._left(TICKS))
        live = _live(probe.arrivals, hello) if hello else []
        if probe.first("gap") is None and live:
            [self._cursor, *self._seen] = [str(each.id) for each in live]
        if probe.end and probe.first("bye") is None:
            text = (
                f"{_how(probe)}, and the board didn't say `bye`. Raise the proxy's "
                "limit on the length or the duration of a response."
            )
            return Finding("ticks", "trouble", text)
        if len({each.id.ms for each in live if each.id}) < ENOUGH:
            text = f"not known, because few events came in {TICKS:.0f} s."
            return Finding("ticks", "note", text)
        return _judge_spacing(live)

    def _judge_resuming(self) -> Finding:
        """Judge a client that was cut off and comes back, as EventSource does.

        All streams stay open, so that a balancer spreads them over all boards.
        """
        headers = self._coding | {"Last-Event-ID": self._cursor}
        with ExitStack() as opened:
            for _ in range(TRIES):
                probe = opened.enter_context(
                    self._probe(f"{self._base}/stream", headers)
                )
                arrival = probe.read_to("hello", self._left(FIRST))
                if arrival is None:
                    text = f"not known, because no stream began: {_how(probe)}."
                    return Finding("resuming", "note", text)
                if not self._goes_on(probe, _hello(arrival)):
                    return _judge_anew(_hello(arrival))
        text = f"{TRIES} streams out of {TRIES} went on after the cursor."
        return Finding("resuming", "ok", text)

    def _goes_on(self, probe: Probe, hello: MeasuredHello) -> bool:
        """Return whether a stream brings the events that came after the cursor before.

        The ids of another log may look alike, and only the events show the difference.
        """
        if hello.resume == "replayed" and hello.dropped == 0:
            ids = probe.read_ids(len(self._seen), self._left(FIRST))
            return ids == self._seen
        return hello.resume != "fresh"

    def _judge_keeping(self) -> Finding:
        """Judge the connection on which a stream has ended, by a POST.

        A proxy repeats a GET that was lost, and so hides it. `/stream` refuses a POST
        by 405, so nothing happens.
        """
        begun, done, lost = time.monotonic(), 0, 0
        with closing(connect(self._url, self._left(FIRST))) as connection:
            for pause in PAUSES * POSTS:
                if time.monotonic() - begun > self._left(POSTING):
                    break
                done += 1
                lost += not self._post_after_stream(connection, pause)
        if not lost:
            text = f"{done} requests out of {done} were answered after a stream's end."
            return Finding("keep-alive", "ok", text)
        text = (
            f"{lost} of {done} requests were lost right after the stream before them "
            "had ended: a connection was closed that had been promised to be kept. "
            "Update the board, or let the proxy not reuse its connections to it."
        )
        return Finding("keep-alive", "trouble", text)

    def _post_after_stream(self, connection: HTTPConnection, pause: float) -> bool:
        """Return whether a POST is answered after a stream on the same connection."""
        try:
            connection.request("GET", self._quiet("&once=1"), headers=ACCEPT_IDENTITY)
            connection.getresponse().read()
            time.sleep(pause)
            connection.request("POST", f"{self._base}/stream", b"")
            answer = connection.getresponse()
            answer.read()
        except CONNECTION_ERRORS:
            connection.close()
            return False
        return answer.status not in GATEWAY_ERRORS

    # The heartbeat

    def _await_heartbeat(self, quiet: Probe) -> None:
        patience = self._heartbeat * HEARTBEATS + IN_TIME
        if patience <= self._deadline - time.monotonic():
            quiet.read_to("heartbeat", patience)

    def _judge_heartbeat(self, quiet: Probe, waiting: "_Background") -> Finding:
        every = f"HEARTBEAT is {self._heartbeat:g} s"
        hello = quiet.first("hello")
        if hello is None:
            text = "not known, because the stream didn't begin."
            return Finding("heartbeat", "note", text)
        waiting.finish()
        beat = quiet.first("heartbeat")
        if beat is not None:
            return self._judge_beat(beat)
        if quiet.first("bye") is not None:
            return Finding("heartbeat", "note", "not known: the board said `bye`.")
        if quiet.end:
            silence = waiting.ended - hello.at
            text = (
                f"the connection was cut after {silence:.1f} s of silence, but {every}."
                " Raise the proxy's time-out for reading (nginx: proxy_read_timeout; "
                "HAProxy: timeout server), or set HEARTBEAT to half of it."
            )
            return Finding("heartbeat", "trouble", text)
        if waiting.ended - hello.at < self._heartbeat:
            text = f"{every}, which is longer than this command waits."
            return Finding("heartbeat", "note", text)
        text = f"none arrived, though {every}: the proxy buffers, as said above."
        return Finding("heartbeat", "trouble", text)

    def _judge_beat(self, beat: Arrival) -> Finding:
        arrived = _wall_clock(beat.at) + self._short.ahead
        late = max(arrived - beat.data["at"] / 1000, 0)
        text = (
            f"HEARTBEAT is {self._heartbeat:g} s, and a heartbeat arrived {late:.3f} s "
            "after it was sent."
        )
        return Finding("heartbeat", "ok" if late <= IN_TIME else "trouble", text)


class _Background:
    """Work in a thread of its own; `ended` is when it was done."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.ended = 0.0
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until it is done."""
        if self._thread.is_alive() and sys.stderr.isatty():
            print("Waiting for a heartbeat ...", file=sys.stderr)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self.ended = time.monotonic()


def _judge_anew(hello: MeasuredHello) -> Finding:
    """Judge a resumed stream that doesn't go on after its cursor."""
    if hello.after is None:
        text = (
            "a stream that was cut begins anew, because the header Last-Event-ID "
            "doesn't reach the board. Let the proxy pass it on."
        )
    else:
        text = (
            "a stream that was cut goes on with other events, because another board "
            "answers that has a log of its own. Give all boards the same REDIS_URL, "
            "or run only one."
        )
    return Finding("resuming", "trouble", text)


def judge_headers(headers: Mapping[str, str]) -> Finding:
    """Judge the headers of a stream that was asked for without gzip."""
    cache = headers.get("cache-control", "")
    lacking = [
        word for word in ("no-cache", "no-transform") if word not in cache.lower()
    ]
    if lacking:
        text = (
            f"Cache-Control is {cache!r} and lacks {' and '.join(lacking)}, so a "
            "cache or a compressor on the way may hold the stream back. Let the "
            "proxy pass the board's header on unchanged."
        )
        return Finding("headers", "trouble", text)
    if "content-encoding" in headers:
        text = (
            f"the stream comes as {headers['content-encoding']} to a client that "
            "doesn't accept it. Let the proxy pass Accept-Encoding on."
        )
        return Finding("headers", "trouble", text)
    age = headers.get("age", "")
    if age.isdecimal() and int(age) > 0:
        text = (
            f"the response is {age} s old, so it comes from a cache. "
            "Exclude /stream and /api from caching."
        )
        return Finding("headers", "trouble", text)
    return Finding("headers", "ok", "they arrive as the board sends them.")


def judge_clock(ahead: float) -> Finding:
    """Judge by how many seconds the board's clock is ahead of this one."""
    differ = f"{abs(ahead):.3f} s {'ahead of' if ahead > 0 else 'behind'} this one"
    if abs(ahead) <= CLOCK:
        return Finding("clock", "ok", f"the board's clock is {differ}.")
    text = f"the board's clock is {differ}. Set the wrong one by a time service."
    return Finding("clock", "trouble", text)


def _judge_spacing(live: list[Arrival]) -> Finding:
    """Judge how much later than the promptest event the others arrive."""
    delays = [each.at - each.id.ms / 1000 for each in live if each.id]
    spread = statistics.median(delays) - min(delays)
    text = (
        f"of {len(live)} events, half come over {spread:.3f} s later than the promptest"
    )
    if spread <= BURSTS:
        return Finding("ticks", "ok", f"{text}.")
    return Finding(
        "ticks",
        "trouble",
        f"{text}: they arrive in bursts, because the proxy buffers. For nginx, set "
        "`proxy_buffering off` for /stream.",
    )


def _live(arrivals: list[Arrival], hello: Arrival) -> list[Arrival]:
    """Return the events that happened while the stream was open."""
    tail = EventId.parse(hello.data["tail"])
    return [
        each
        for each in arrivals
        if each.id is not None and each.id > tail and each.type != "heartbeat"
    ]


def _hello(arrival: Arrival) -> MeasuredHello:
    try:
        return msgspec.convert(arrival.data, MeasuredHello)
    except msgspec.ValidationError as error:
        raise Rejected(200, "that is a stream, but not Liveboard's") from error


def _wall_clock(moment: float) -> float:
    """Return the seconds since the epoch at a moment of `time.monotonic`."""
    return time.time() - (time.monotonic() - moment)


def _how(probe: Probe) -> str:
    """Return in words how far a stream got."""
    size = f"{probe.size} bytes"
    if not probe.end:
        return f"{size} arrived"
    return f"the stream was {probe.end} after {size}"


def _without_hello(probe: Probe) -> str:
    """Return why a short stream had no `hello`."""
    bye = probe.first("bye")
    if bye is not None:
        return f"the board admits no streams now: bye ({bye.data['reason']})"
    return f"a short stream (`once=1`) brought no hello; {_how(probe)}"
