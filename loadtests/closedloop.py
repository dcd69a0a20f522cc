"""Closed-loop load: so many connections, each of which posts the next image as soon as it has its answer."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Generic, TypeVar

from loadtests.answers import REFUSED_STATUSES
from loadtests.connection import Address, Connection, ConnectionLost
from loadtests.replies import Reply
from loadtests.samples import NO_REPLY, Sample

Snapshot = TypeVar("Snapshot")
_PAUSE_S = 0.05
"""After a connection that was refused: a server that is down must not make the generator spin."""
_LONGEST_PAUSE_S = 1.0
"""A client that was refused comes again when it was told to, but not later than this."""
_TURNS = 3
"""How often each connection should be answered in the time that counts, on average..."""
_EXTENSION = 4
"""... for which that time may become so many times longer."""


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

    The time that counts is longer where the answers are so slow that it would hold too few of them. A client that is
    refused waits as it is told. `look` is called at both ends of the time that counts, without a pause in the load.
    """
    samples: list[Sample] = []
    turn = cycle(requests)
    workers = [asyncio.create_task(_work(address, turn, samples)) for _ in range(connections)]
    try:
        await asyncio.sleep(warm_up)
        before, begin, first = look(), time.monotonic(), len(samples)
        await asyncio.sleep(seconds)
        for _ in range(10 * (_EXTENSION - 1)):
            if len(samples) - first >= _TURNS * connections:
                break
            await asyncio.sleep(seconds / 10)
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
            if reply.status in REFUSED_STATUSES:
                await asyncio.sleep(_told_to_wait(reply))
    finally:
        if connection is not None:
            connection.close()


def _told_to_wait(reply: Reply) -> float:
    told = reply.headers.get("retry-after", "")
    return min(float(told), _LONGEST_PAUSE_S) if told.isdecimal() else _LONGEST_PAUSE_S
