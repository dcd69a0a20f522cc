"""Clients that post for as long as a scenario needs them, as many as it says, and keep a ledger of what they saw."""

import asyncio
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from loadtests.connection import Address, Connection, ConnectionLost, build_requests
from loadtests.images import Image
from loadtests.loops import run
from loadtests.replies import Reply
from tests.resilience.ledger import OK, Answer, End, Entry

_PATIENCE_S = 40.0
"""A client waits so much longer than PULMO_REQUEST_TIMEOUT_S that only a request without any end is left."""
_PAUSE_S = 0.05
"""After a connection that nobody took."""
_LONGEST_PAUSE_S = 1.0
"""A client that was refused comes again when it was told to, but not later than this."""
_REFUSED = frozenset({429, 503})


class Crowd:
    """The clients. Each has a connection that it keeps, and posts the next image when it knows how the last one ended.

    They run on an event loop in a thread of their own.

    Args:
        url: the gateway's.
        bodies: PNG files, posted in turn.
        leaving: the share of the requests whose client goes away at a random point, 0..1: while it sends, or while it
            waits, before as much time has passed as the last answer took.
        seed: of what is random.
    """

    def __init__(self, url: str, bodies: Sequence[bytes], *, leaving: float = 0.0, seed: int = 1) -> None:
        self.entries: list[Entry] = []
        self._address = Address.parse(f"{url}/predict")
        self._bodies = bodies
        self._leaving = leaving
        self._usual_s = _PATIENCE_S
        self._random = random.Random(seed)
        self._names = (f"r{seed}-{number}" for number in itertools.count())
        self._turn = itertools.cycle(range(len(bodies)))
        self._wanted = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: run(self._gather()), name="crowd")

    def start(self) -> None:
        """Start the thread; there are no clients yet."""
        self._thread.start()
        self._ready.wait()

    def resize(self, count: int) -> None:
        """Let there be so many clients from now on; those that are too many end after their request."""
        self._wanted = count
        self._tell()

    def close(self) -> None:
        """Let all end after their request, and wait for them."""
        self._ended = True
        self.resize(0)
        self._thread.join()

    def answered(self) -> int:
        """Return how many predictions there were so far."""
        return sum(entry.is_answered for entry in self.entries[:])

    def _tell(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    async def _gather(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        async with asyncio.TaskGroup() as group:
            clients: list[asyncio.Event] = []
            while not self._ended:
                await self._changed.wait()
                self._changed.clear()
                while len(clients) < self._wanted:
                    clients.append(asyncio.Event())
                    group.create_task(self._work(clients[-1]))
                while len(clients) > self._wanted:
                    clients.pop().set()

    async def _work(self, dismissed: asyncio.Event) -> None:
        connection: Connection | None = None
        try:
            while not dismissed.is_set():
                connection, entry = await self._post(connection)
                self.entries.append(entry)
                await self._pause(entry)
        finally:
            if connection is not None:
                connection.close()

    async def _pause(self, entry: Entry) -> None:
        if entry.end is End.UNSENT:
            await asyncio.sleep(_PAUSE_S)
        if entry.status in _REFUSED:
            told = float(entry.retry_after) if entry.retry_after.isdecimal() else _LONGEST_PAUSE_S
            await asyncio.sleep(min(told, _LONGEST_PAUSE_S))

    async def _post(self, connection: Connection | None) -> tuple[Connection | None, Entry]:
        """Post one image, over the given connection where it can carry it, else over a new one."""
        begun = Entry(next(self._names), next(self._turn), time.monotonic(), 0.0, End.REPLIED)
        request = _request(self._address, begun.request, self._bodies[begun.image])
        leaves = self._random.random() < self._leaving
        try:
            if leaves and self._random.random() < 1 / 2:
                await self._send_a_part(request)
                return connection, replace(begun, ended=time.monotonic(), end=End.LEFT)
            if connection is None or not connection.is_open:
                connection = await Connection.open(self._address)
        except OSError:
            return None, replace(begun, ended=time.monotonic(), end=End.UNSENT)
        return connection, await self._exchange(connection, request, begun, leaves=leaves)

    async def _exchange(self, connection: Connection, request: bytes, begun: Entry, *, leaves: bool) -> Entry:
        """Send a request, and wait for its reply as long as this client does."""
        try:
            async with asyncio.timeout(self._random.uniform(0, self._usual_s) if leaves else _PATIENCE_S):
                reply = await connection.exchange(request)
        except TimeoutError:
            return replace(begun, ended=time.monotonic(), end=End.LEFT if leaves else End.HUNG)
        except ConnectionLost:
            return replace(begun, ended=time.monotonic(), end=End.LOST)
        entry = read(replace(begun, ended=connection.received), reply)
        if entry.is_answered:
            self._usual_s = entry.latency_s
        return entry

    async def _send_a_part(self, request: bytes) -> None:
        """Send the begin of a request over a connection of its own, and leave.

        Raises:
            OSError: nobody took it.
        """
        _, writer = await asyncio.open_connection(self._address.host, self._address.port)
        writer.write(request[: self._random.randrange(1, len(request))])
        with suppress(OSError):
            await writer.drain()
            writer.close()
            await writer.wait_closed()


def _request(address: Address, name: str, body: bytes) -> bytes:
    [request] = build_requests(address, [Image(name, "image/png", body)], f"X-Request-ID: {name}")
    return request


def read(begun: Entry, reply: Reply) -> Entry:
    """Return the entry of a request that got a reply."""
    document = json.loads(reply.body)
    told = replace(
        begun,
        status=reply.status,
        retry_after=reply.headers.get("retry-after", ""),
        named=reply.headers.get("x-request-id", ""),
    )
    if reply.status != OK:
        return replace(told, problem=str(document["type"]).rpartition("/")[2])
    answer = Answer(
        document["id"],
        document["model_version"],
        document["prediction"],
        document["probabilities"],
        recorded=document.get("recorded", True),
    )
    return replace(told, answer=answer)


@contextmanager
def crowd(
    url: str, bodies: Sequence[bytes], clients: int = 8, *, leaving: float = 0.0, seed: int = 1
) -> Iterator[Crowd]:
    """Let so many clients post until the block ends."""
    people = Crowd(url, bodies, leaving=leaving, seed=seed)
    people.start()
    try:
        people.resize(clients)
        yield people
    finally:
        people.close()
