"""Tasks that run beside the requests, or beside each other within one, each with an owner that ends it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog

from gateway.errors import GatewayError

Returned = TypeVar("Returned")


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


async def together(works: Sequence[Coroutine[Any, Any, Returned]]) -> list[Returned]:
    """Return what each of `works` returns, in their order.

    Raises:
        GatewayError: the first that one of them raised; the others were cancelled.
    """
    if len(works) == 1:
        return [await works[0]]
    try:
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(work) for work in works]
    except* GatewayError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in begun]


def _end_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().critical("bug", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
