"""A network with faults: a TCP proxy that tests can switch in mid-stream.

One thread with an event loop of its own moves the bytes. The switches are plain
attributes that it reads for each piece, so that they act on open connections too.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Collection, Coroutine
from typing import Any, Literal, Self, TypeVar

from tests.helpers.harness import LOOPBACK, reset_on_close

Mode = Literal["pass", "mute", "refuse", "503"]

UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\nConnection: close\r\n\r\ncome again.\n"
)
CHUNKED = b"\r\nTransfer-Encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"
PIECE = 64 * 1024  # bytes that are moved at once
LATE = 0.3  # seconds of delay that a throttled connection may make up for
SMALL_BUFFER = 4096  # bytes; a throttled client must slow the server down

T = TypeVar("T")


class Proxy:
    """A proxy in front of the server on the port `target`; a context manager.

    `mode` is "pass"; "mute", which forwards requests and drops the responses; "refuse",
    which resets new connections; or "503", which answers new requests with 503. A
    request on a connection that was already open counts as new. `cut_after` cuts each
    connection after that many bytes of response. `throttle` is in bytes a second to
    each client, and is most exact on connections that were made after it was set.
    `holds` holds a stream back until it has so many bytes or has ended. `hangs_up`
    closes the connection at the end of a response, without announcing it. `target` may
    change; new connections go there. `accepted` counts all connections.
    """

    def __init__(self, target: int, mode: Mode = "pass") -> None:
        self.target = target
        self.mode: Mode = mode
        self.cut_after: int | None = None
        self.throttle: int | None = None
        self.holds = 0
        self.hangs_up = False
        self.accepted = 0
        self._open: set[asyncio.Task[Any]] = set()
        self._listener = socket.create_server((LOOPBACK, 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._serve())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        """The proxy's address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._open)

    def cut(self) -> int:
        """Reset all open connections (RST); return their number."""
        return self._call(self._cut())

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _serve(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, sock=self._listener, limit=SMALL_BUFFER
        )

    async def _close(self) -> None:
        self._server.close()
        await _cancel(asyncio.all_tasks() - {_this_task()})
        await self._server.wait_closed()

    async def _cut(self) -> int:
        tasks = set(self._open)
        await _cancel(tasks)
        return len(tasks)

    async def _accept(
        self, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        """Serve one connection from its first byte to its end."""
        self.accepted += 1
        task = _this_task()
        self._open.add(task)
        try:
            if self.mode == "refuse":
                raise ConnectionResetError("refused")
            request = await reader.read(PIECE)
            if request and not await self._was_refused(client):
                await self._relay(request, reader, client)
        except (OSError, asyncio.CancelledError):  # cancelled by cut(), which waits
            _reset(client)
        finally:
            client.close()
            with contextlib.suppress(OSError):
                await client.wait_closed()
            self._open.discard(task)

    async def _was_refused(self, client: asyncio.StreamWriter) -> bool:
        """Return whether the request was answered with 503; OSError if refused."""
        if self.mode == "refuse":
            raise ConnectionResetError("refused")
        if self.mode == "503":
            client.write(UNAVAILABLE)
            await client.drain()
        return self.mode == "503"

    async def _relay(
        self,
        request: bytes,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
    ) -> None:
        answers, server = await self._connect(client)
        there = asyncio.create_task(self._forward(request, reader, client, server))
        back = asyncio.create_task(self._answer(answers, client))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            _reset(server)
            raise
        finally:
            ends = await _cancel({there, back})
            failures = [end for end in ends if isinstance(end, OSError)]
            if failures:
                _reset(server)
            server.close()
            with contextlib.suppress(OSError):
                await server.wait_closed()
        if failures:
            raise failures[0]

    async def _connect(
        self, client: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        upstream = socket.socket()
        try:
            if self.throttle is not None:
                upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
                ours: socket.socket = client.get_extra_info("socket")
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
            upstream.setblocking(False)
            await self._loop.sock_connect(upstream, (LOOPBACK, self.target))
        except BaseException:
            upstream.close()
            raise
        answers, server = await asyncio.open_connection(
            sock=upstream, limit=SMALL_BUFFER
        )
        # With a limit of 0, drain() waits until the kernel has taken everything.
        server.transport.set_write_buffer_limits(0)
        client.transport.set_write_buffer_limits(0)
        return answers, server

    async def _forward(
        self,
        request: bytes,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
    ) -> None:
        """Forward the client's requests to the server until the client closes."""
        while request:
            server.write(request)
            await server.drain()
            request = await reader.read(PIECE)
            if request and await self._was_refused(client):
                return

    async def _answer(
        self, answers: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        """Forward the server's responses to the client, with the faults set."""
        sent, due = 0, 0.0
        chunked, held = False, b""
        while data := await answers.read(self._piece()):
            if self.mode == "mute":
                continue
            if data.startswith(b"HTTP/1.1 "):
                chunked = CHUNKED in data
            held += data
            ended = not chunked or held.endswith(LAST_CHUNK)
            if len(held) < self.holds and not ended:
                continue
            data, held = held, b""
            cut_after, throttle = self.cut_after, self.throttle  # may change meanwhile
            if cut_after is not None:
                data = data[: max(0, cut_after - sent)]
            client.write(data)
            await client.drain()
            sent += len(data)
            if cut_after is not None and sent >= cut_after:
                raise ConnectionResetError("cut")
            if self.hangs_up and ended:
                return
            if throttle is not None:
                # By the clock, so that a busy machine that wakes late makes up for it.
                due = max(due, time.monotonic() - LATE) + len(data) / throttle
                await asyncio.sleep(due - time.monotonic())

    def _piece(self) -> int:
        """Return how many bytes to move at once; with a throttle, those of 0.1 s."""
        throttle = self.throttle
        return PIECE if throttle is None else max(1, throttle // 10)


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("not in a task")
    return task


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> list[BaseException | None]:
    """Cancel the tasks; return the errors that they ended with, or None for each."""
    for task in tasks:
        task.cancel()
    ends: list[BaseException | None]
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    return ends


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST and drop the unsent bytes."""
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.fileno() >= 0:
        reset_on_close(connection)
    writer.transport.abort()
