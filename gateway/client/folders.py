"""Has many files classified: several requests at a time, the answers in the order of the files, in bounded memory."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import msgspec

from gateway.client.asynchronous import AsyncClient
from gateway.client.failures import GatewayProblem, Unreachable
from gateway.client.images import Image, Limits, Packer, load
from gateway.client.messages import BatchEntry
from gateway.client.rows import Row, failed

_NOT_ALLOWED = {401, 403}


class _Read(msgspec.Struct, frozen=True):
    """A file that was read, or why it was not."""

    file: Path
    image: Image | None
    failure: BatchEntry | None = None


async def classify(
    client: AsyncClient, files: Iterable[Path], *, concurrency: int, limits: Limits
) -> AsyncGenerator[Row, None]:
    """Yield a row for each file, in their order. A file that cannot be read or classified is a row with its error.

    No more than `concurrency` requests are under way, and no more images are held than they and one more have.

    Raises:
        Unreachable, NotUnderstood: nothing, or no gateway, answers.
        GatewayProblem: the key is missing, wrong or not for this.
    """
    under_way: deque[asyncio.Task[list[Row]]] = deque()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, under_way)
        groups = await stack.enter_async_context(aclosing(_groups(files, limits)))
        async for group in groups:
            if len(under_way) == concurrency:
                for row in await under_way.popleft():
                    yield row
            under_way.append(asyncio.create_task(_ask(client, group)))
        while under_way:
            for row in await under_way.popleft():
                yield row


async def _end(tasks: Iterable[asyncio.Task[list[Row]]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)  # that of the first one is told


async def _groups(files: Iterable[Path], limits: Limits) -> AsyncGenerator[list[_Read], None]:
    """Read files into groups whose images fit into a request; those that cannot be read stay in their places."""
    packer = Packer[_Read](limits)
    for file in files:
        read = await asyncio.to_thread(_read, file)
        group = packer.add(read, 0 if read.image is None else len(read.image.body))
        if group:
            yield group
    if group := packer.rest():
        yield group


def _read(file: Path) -> _Read:
    try:
        return _Read(file, load(file))
    except OSError as error:
        return _Read(file, None, failed("The file cannot be read", error.strerror or str(error)))


async def _ask(client: AsyncClient, group: list[_Read]) -> list[Row]:
    images = [read.image for read in group if read.image is not None]
    try:
        answers = iter(await client.predict_images(images))
    except GatewayProblem as problem:
        if problem.status in _NOT_ALLOWED:
            raise
        answers = iter([BatchEntry(error=problem.document)] * len(images))
    except Unreachable as error:
        await client.health()  # it raises where the gateway is away, and not these images are the reason
        answers = iter([failed("There was no answer", str(error))] * len(images))
    return [Row(read.file, read.failure or next(answers)) for read in group]
