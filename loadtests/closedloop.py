"""Closed-loop load: so many connections, each of which posts the next image as soon as it has its answer."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Generic, TypeVar

from loadtests.connection import Address, Connection, ConnectionLost
from loadtests.samples import NO_REPLY, Sample

Snapshot = TypeVar("Snapshot")
_PAUSE_S = 0.05
"""After a connection that was refused: a server that is down must not make the generator spin."""


@dataclass(frozen=True)
class Window(Generic[Snapshot]):
    """What was seen in the time that counts."""

    samples: Sequence[Sample]
    """Of the requests that ended in it."""
    seconds: float
    before: Snapshot
    """What was looked at when it began..."""
    after: Snapshot
    """... and when it ended."""

    @property
    def rate(self) -> float:
        """Predictions a second: the answers with status 200."""
        return sum(sample.status == 200 for sample in self.samples) / self.seconds


async def post_in_turn(
    address: Address,
    requests: Sequence[bytes],
    connections: int,
    *,
    seconds: float,
    warm_up: float,
    look: Callable[[], Snapshot],
) -> Window[Snapshot]:
    """Post `requests` in turn over `connections` that stay open, for `warm_up` and then for `seconds`.

    `look` is called at the beginning and at the end of the time that counts, without a pause in the load.
    """
    samples: list[Sample] = []
    turn = cycle(requests)
    workers = [asyncio.create_task(_work(address, turn, samples)) for _ in range(connections)]
    try:
        await asyncio.sleep(warm_up)
        before, begin, first = look(), time.monotonic(), len(samples)
        await asyncio.sleep(seconds)
        last, end, after = len(samples), time.monotonic(), look()
    finally:
        for worker in workers:
            worker.cancel()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome
    return Window(samples[first:last], end - begin, before, after)


async def _work(address: Address, turn: Iterator[bytes], samples: list[Sample]) -> None:
    connection: Connection | None = None
    try:
        while True:
            due, request = time.monotonic(), next(turn)
            try:
                if connection is None or not connection.is_open:
                    connection = await Connection.open(address)
                reply = await connection.exchange(request)
            except OSError as error:
                samples.append(Sample(due, time.monotonic() - due, NO_REPLY, str(error).encode()))
                if not isinstance(error, ConnectionLost):
                    await asyncio.sleep(_PAUSE_S)
                continue
            samples.append(Sample(due, connection.received - due, reply.status, reply.body))
    finally:
        if connection is not None:
            connection.close()
