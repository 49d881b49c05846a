"""What a board keeps for its readers and publishers is bounded by bytes.

The first part looks at the frames of a catch-up. The second attacks a real board, and
measures the memory of its worker.
"""

import contextlib
import gc
import json
import socket
import weakref
from collections.abc import Iterator

import pytest

from feed.events.event import Event, EventId, keyed, unkeyed
from feed.log import Log
from feed.streams import catchup
from feed.streams.catchup import FRAME_BYTES, LARGE, CatchUp
from feed.streams.slowness import SMALL_FRAME
from feed.streams.view import View
from tests.helpers.boards import a_board, open_streams
from tests.helpers.harness import LOOPBACK, Board, until
from tests.helpers.memory import memory
from tests.helpers.model import START

MIB = 1 << 20
AROUND = 200  # bytes around the data of an event

# --- The frames of a catch-up


def a_log(*sizes: int) -> tuple[Log, list[Event]]:
    """Return a log with an event of each size, and its events."""
    log = Log(10_000, START)
    log.append([keyed("own", str(n), b"1" * size) for n, size in enumerate(sizes)], 0)
    return log, log.state()


def test_a_frame_ends_after_a_number_of_bytes() -> None:
    log, events = a_log(*[LARGE - 1] * 20)
    catch_up, done, sizes = CatchUp(log), 0, []
    while done < len(events):
        frame = catch_up.shared(View(), True, events, done)
        done += frame.events
        sizes.append(len(frame.data))
    assert max(sizes) <= FRAME_BYTES + LARGE + 6 * AROUND
    assert len(sizes) < 10


def test_a_large_event_has_one_frame_for_all_views_of_a_wire_format() -> None:
    log, events = a_log(10, 2 * LARGE, 10)
    catch_up = CatchUp(log)
    views = [View(pace=float(n)) for n in range(5)]
    frames = [catch_up.shared(view, True, events, 1) for view in views]
    assert len({id(frame) for frame in frames}) == 1
    assert frames[0].events == 1
    assert catch_up.small(View(), True, events, 1, SMALL_FRAME) is frames[0]
    ndjson = catch_up.shared(View(wire="ndjson"), True, events, 1)
    assert ndjson is not frames[0]
    wrapped = catch_up.shared(View(events=frozenset({"other"})), True, events, 1)
    assert wrapped.data.startswith(frames[0].data[:4])
    assert wrapped.data != frames[0].data


def test_a_small_frame_is_small_whatever_follows() -> None:
    log, events = a_log(100, 100, LARGE, 100)
    catch_up = CatchUp(log)
    frame = catch_up.small(View(), True, events, 0, SMALL_FRAME)
    assert (frame.events, len(frame.data) < SMALL_FRAME) == (2, True)
    newer = log.append([keyed("own", "2", b"2" * LARGE)], START)[0]
    current = catch_up.small(View(), False, events, 2, SMALL_FRAME)
    assert b"2" * LARGE in current.data
    assert current.tail == events[2].id != newer
    exact = catch_up.small(View(), True, events, 2, SMALL_FRAME)
    assert b"1" * LARGE in exact.data


def test_while_many_frames_exist_further_ones_are_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catchup, "MADE_BYTES", 4 * FRAME_BYTES)
    monkeypatch.setattr(catchup, "CATCH_UP_BYTES", 0)
    log, events = a_log(*[2000] * 1000)
    catch_up = CatchUp(log)
    views = [View(pace=float(n)) for n in range(50)]
    frames = [catch_up.shared(view, True, events, 100) for view in views]
    large = [
        len(it.data) for it in frames if len(it.data) > SMALL_FRAME + 2000 + AROUND
    ]
    assert 0 < sum(large) <= 5 * (FRAME_BYTES + 1000 * AROUND)
    del frames
    gc.collect()
    assert len(catch_up.shared(View(pace=99), True, events, 100).data) > 2 * SMALL_FRAME


def test_frames_do_not_keep_their_catch_up_and_its_log_in_memory() -> None:
    log, events = a_log(10, 10)
    catch_up = CatchUp(log)
    assert catch_up.shared(View(), True, events, 0).events
    gone = weakref.ref(catch_up)
    del catch_up
    gc.collect()
    assert gone() is None


def test_bytes_that_wait_for_a_stream_are_counted_after_its_cursor() -> None:
    log = Log(10, START)
    ids = log.append([unkeyed("note", b"x" * size) for size in (1, 20, 300)], START)
    assert log.pending_bytes(EventId(START, -1)) == 321
    assert [log.pending_bytes(id) for id in ids] == [320, 300, 0]


# --- Attacks on a board

TOKEN = {"Authorization": "Bearer secret"}
BUDGETS = {"BACKLOG_BYTES": str(8 * MIB), "MAX_KEYS_BYTES": str(12 * MIB)}
UNREAD = 40  # clients that read nothing
NEARLY_MIB = json.dumps("x" * (MIB - 100)).encode()


@pytest.fixture(scope="module")
def heavy() -> Iterator[Board]:
    """Yield a board whose keys have as much data as they may."""
    with a_board(FEED="published", PUBLISH_TOKEN="secret", **BUDGETS) as board:
        statuses = [put(board, f"own-{n}") for n in range(14)]
        assert statuses == [201] * 12 + [507] * 2
        yield board


def put(board: Board, key: str) -> int:
    return board.request("PUT", f"/api/keys/own/{key}", TOKEN, NEARLY_MIB)[0]


@contextlib.contextmanager
def unread(board: Board, paths: list[str]) -> Iterator[None]:
    """Ask for each path, and read nothing."""
    with contextlib.ExitStack() as held:
        for path in paths:
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect((LOOPBACK, board.port))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: board\r\n\r\n".encode())
        assert board.get("/healthz", seconds=20)[0] == 200
        yield


def used(board: Board) -> int:
    return memory(board.worker_pids()[0])


def test_a_full_board_says_what_to_do(heavy: Board) -> None:
    status, _, body = heavy.request("PUT", "/api/keys/own/x", TOKEN, NEARLY_MIB)
    problem = json.loads(body)
    assert (status, problem["title"]) == (507, "The board is full")
    assert "MAX_KEYS_BYTES" in problem["detail"]
    assert heavy.get("/readyz")[0] == 200


def test_retained_events_take_no_more_memory_than_their_budget(heavy: Board) -> None:
    before = used(heavy)
    for _ in range(40):
        assert put(heavy, "own-1") == 201
    assert used(heavy) - before < 20 * MIB


@pytest.mark.parametrize("path", ["/stream?pace={}", "/stream?once=1&pace={}"])
def test_streams_of_large_data_that_nobody_reads_share_its_bytes(
    heavy: Board, path: str
) -> None:
    before = used(heavy)
    # Each has a view of its own, so that no frame of a view is shared.
    with unread(heavy, [path.format(n) for n in range(1, UNREAD + 1)]):
        until(lambda: open_streams(heavy) == UNREAD)
        assert used(heavy) - before < 20 * MIB
    until(lambda: open_streams(heavy) == 0)


def test_a_state_that_nobody_reads_is_not_copied_for_each_reader(heavy: Board) -> None:
    before = used(heavy)
    with unread(heavy, ["/api/state"] * UNREAD):
        assert used(heavy) - before < 20 * MIB


def test_a_whole_state_arrives_as_it_was_published(heavy: Board) -> None:
    _, headers, body = heavy.get("/api/state")
    assert int(headers["content-length"]) == len(body)
    others = json.loads(body)["other"]
    assert [each["data"] for each in others] == [json.loads(NEARLY_MIB)] * 12
    with heavy.stream("/stream?once=1") as stream:
        events = stream.read_all()
    assert [json.loads(it.data) for it in events if it.event == "own"] == [
        json.loads(NEARLY_MIB)
    ] * 12
