"""Computations that several callers wait for together: single flight.

Nobody owns a flight. It goes on as long as one caller waits, whoever began it, and is cancelled when all have left.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from gateway.errors import ModelUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flight(Generic[V]):
    """A computation under way."""

    def __init__(self, task: asyncio.Task[V]) -> None:
        self.task = task
        self.waiting = 0
        """Callers that want its outcome."""


class Flights(Generic[K, V]):
    """At most one computation for each key that can be joined. One event loop; no locks."""

    def __init__(self, landed: Callable[[K, V], None]) -> None:
        """Call `landed` with each result, before those who wait for it go on; never with a failure."""
        self._landed = landed
        self._open: dict[K, Flight[V]] = {}
        self._tasks: set[asyncio.Task[V]] = set()

    def __contains__(self, key: K) -> bool:
        """Say whether there is a flight to join."""
        return key in self._open

    def __len__(self) -> int:
        """Return the number of computations under way, those included that nobody can join any more."""
        return len(self._tasks)

    async def join(self, key: K, compute: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the outcome of the flight under `key`; where there is none, begin one with `compute`.

        Cancelling the caller takes nothing from the others; when the last one leaves, the computation is cancelled.

        Raises:
            ModelUnavailable: the computation was cancelled from elsewhere.
            Exception: whatever the computation raised; all who wait get the same.
        """
        flight = self._open.get(key) or self._start(key, compute)
        flight.waiting += 1
        try:
            await asyncio.wait([flight.task])  # unlike `await task`, leaves the task alone when we are cancelled
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._close(key, flight)
                flight.task.cancel()
        if flight.task.cancelled():
            raise ModelUnavailable("the gateway is shutting down; send the request again")
        return flight.task.result()

    def part(self, wanted: Callable[[K], bool]) -> None:
        """Let nobody join the flights whose key is not `wanted`, and keep their results from `landed`.

        Those who wait already get theirs.
        """
        self._open = {key: flight for key, flight in self._open.items() if wanted(key)}

    async def close(self) -> None:
        """Return when nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, key: K, compute: Callable[[], Coroutine[Any, Any, V]]) -> Flight[V]:
        flight = self._open[key] = Flight(asyncio.create_task(compute()))
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda task: self._land(key, flight, task))
        return flight

    def _land(self, key: K, flight: Flight[V], task: asyncio.Task[V]) -> None:
        self._tasks.discard(task)
        joinable = self._close(key, flight)
        if not task.cancelled() and task.exception() is None and joinable:
            self._landed(key, task.result())

    def _close(self, key: K, flight: Flight[V]) -> bool:
        """Let nobody join any more; say whether one could until now."""
        if self._open.get(key) is not flight:
            return False
        del self._open[key]
        return True
