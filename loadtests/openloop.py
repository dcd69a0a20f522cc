"""Open-loop load: requests go out when they are due, whether or not earlier ones were answered.

A closed loop slows down with the server and hides its worst moments (coordinated omission); here a latency counts from
the moment at which the request was due. https://www.scylladb.com/2021/04/22/on-coordinated-omission/
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from itertools import count, cycle, takewhile

from loadtests.connection import Address, Connection, ConnectionLost, build_requests
from loadtests.images import Image
from loadtests.samples import NO_REPLY, UNSENT, Sample

_TIMEOUT_S = 30.0


def steady(rate: float) -> Iterator[float]:
    """Return when requests are due that come at even distances, `rate` a second: seconds from the beginning."""
    return (number / rate for number in count())


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Return when requests are due that know nothing of each other, `rate` a second: seconds from the beginning."""
    source = random.Random(seed)  # noqa: S311 - a schedule, no secret
    due = 0.0
    while True:
        due += source.expovariate(rate)
        yield due


def lasting(seconds: float, schedule: Iterator[float]) -> Iterator[float]:
    """Cut a schedule off after `seconds`."""
    return takewhile(lambda due: due < seconds, schedule)


async def post_steadily(url: str, images: Sequence[Image], rate: float, stop: asyncio.Event) -> list[Sample]:
    """Post `rate` images a second, in turn, until `stop` is set; then wait for the answers.

    Returns:
        A sample for each request, in the order in which they were due.
    """
    address = Address.parse(url)
    return await post_on_schedule(address, build_requests(address, images), steady(rate), stop=stop)


async def post_on_schedule(
    address: Address,
    requests: Sequence[bytes],
    schedule: Iterator[float],
    *,
    connections: int = 4096,
    stop: asyncio.Event | None = None,
) -> list[Sample]:
    """Post `requests` in turn when they are due, until the schedule ends or `stop` is set; then wait for the answers.

    A request that is due while `connections` are busy is not sent, and counted as `UNSENT`.

    Returns:
        A sample for each request, in the order in which they were due.
    """
    pool = _Pool(address, connections)
    tasks: list[asyncio.Task[Sample]] = []
    try:
        async with asyncio.TaskGroup() as group:
            begin = time.monotonic()
            for offset, request in zip(schedule, cycle(requests), strict=False):
                if (wait := begin + offset - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                if stop is not None and stop.is_set():
                    break
                tasks.append(group.create_task(pool.post(request, begin + offset)))
    finally:
        pool.close()
    return [task.result() for task in tasks]


class _Pool:
    """Connections to one address: as many as are busy at one time, within a bound."""

    def __init__(self, address: Address, bound: int) -> None:
        self._address = address
        self._bound = bound
        self._busy = 0
        self._idle: list[Connection] = []

    async def post(self, request: bytes, due: float) -> Sample:
        """Send a request at once, or not at all where all connections are busy."""
        late = time.monotonic() - due
        if self._busy >= self._bound:
            return Sample(due, late, UNSENT, f"{self._bound} connections were busy".encode(), late)
        self._busy += 1
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._exchange(request, due, late)
        except (OSError, TimeoutError) as error:
            return Sample(due, time.monotonic() - due, NO_REPLY, repr(error).encode(), late)
        finally:
            self._busy -= 1

    async def _exchange(self, request: bytes, due: float, late: float) -> Sample:
        connection = self._take() or await Connection.open(self._address)
        reused = connection.used
        try:
            reply = await connection.exchange(request)
        except ConnectionLost:
            if not reused:
                raise
            connection = await Connection.open(self._address)  # it may have been closed as we took it: RFC 9112, 9.3.1
            reply = await connection.exchange(request)
        if connection.is_open:
            self._idle.append(connection)
        return Sample(due, connection.received - due, reply.status, reply.body, late)

    def _take(self) -> Connection | None:
        """Return the connection that was used last and is still open, so that as few as possible stay open."""
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        return None

    def close(self) -> None:
        """Close what is idle; nothing is busy any more, or its task was cancelled."""
        for connection in self._idle:
            connection.close()
