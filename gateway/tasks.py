"""Tasks that run beside the requests, each with an owner that ends it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start `work` as a task whose caller keeps it, and ends it with `end`.

    A bug in it stops the process, like one anywhere else that would go unseen; whoever supervises it starts it anew.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_end_if_failed)
    return task


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task, and return when it has ended."""
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` for the length of a block."""
    task = start(work)
    try:
        yield
    finally:
        await end(task)


def _end_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().critical("bug", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
