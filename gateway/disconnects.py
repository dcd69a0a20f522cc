"""Notices that a client goes away while it waits for its answer, and ends the work for it.

A client that shuts down its sending side alone (`nc -N`) has gone too: Granian and uvicorn both close such a connection
without an answer. Behind a request that is pipelined after this one, Granian notices nothing before it has answered.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.errors import ClientGone

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


@asynccontextmanager
async def connected(receive: Receive) -> AsyncIterator[None]:
    """Run a block for as long as the client is there.

    What the block has handed to others, as a row to the history, may still come to pass after it was cancelled.

    Args:
        receive: of the ASGI connection, whose body was read whole; nobody else may receive meanwhile.

    Raises:
        ClientGone: the client closed the connection; the block was cancelled.
    """
    worker = asyncio.current_task()
    if worker is None:
        raise RuntimeError("there is no task to cancel. This is a bug.")
    cancelling, gone = worker.cancelling(), False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        worker.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError as error:
        if not gone or worker.uncancel() > cancelling:  # somebody else ends it
            raise
        traceback.clear_frames(error.__traceback__)  # a task group's refer to themselves, and would keep the images
        raise ClientGone("the client closed the connection before its answer was ready") from None
    finally:
        watcher.cancel()
        await asyncio.wait([watcher])
        if not watcher.cancelled():
            watcher.result()
