"""sse-starlette on uvicorn: a queue per subscriber, as its documentation shows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from bench.servers import ticks

subscribers: set["asyncio.Queue[ServerSentEvent]"] = set()


async def stream(request: Request) -> EventSourceResponse:
    """Stream every event to one subscriber."""
    return EventSourceResponse(events(), sep="\n")


async def events() -> AsyncIterator[ServerSentEvent]:
    """Yield one event after the other, until the subscriber leaves."""
    mine: asyncio.Queue[ServerSentEvent] = asyncio.Queue()
    subscribers.add(mine)
    try:
        yield ServerSentEvent(retry=2000)
        while True:
            yield await mine.get()
    finally:
        subscribers.discard(mine)


async def publish() -> None:
    """Put every event into every subscriber's queue."""
    loop = asyncio.get_running_loop()
    number = ticks.FIRST
    await loop.run_in_executor(None, ticks.wait_for_go)
    pauses: list[float] = []
    for due_us, count in ticks.rounds(sleep=pauses.append):
        await asyncio.sleep(pauses.pop() if pauses else 0)
        for tick in ticks.ticks(number, count, due_us):
            event = ServerSentEvent(tick.data, event="tick", id=tick.id, sep="\n")
            for subscriber in subscribers:
                subscriber.put_nowait(event)
        number += count


@asynccontextmanager
async def publishing(app: Starlette) -> AsyncIterator[None]:
    """Publish while the application runs."""
    task = asyncio.create_task(publish())
    yield
    task.cancel()


app = Starlette(routes=[Route("/stream", stream)], lifespan=publishing)
