"""Answers to images that are posted again: computed once for all who wait, and kept where that is asked for.

What is kept is what a version answered to a body, byte by byte; so a hit saves the decoding too. Only computed answers
are told to those who judge a version: a hit took no call, and the same image twice is no second opinion of it.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import msgspec

from gateway.answers import Scored
from gateway.cache.flights import Flights
from gateway.cache.results import Results
from gateway.errors import BadImage, DeadlineExceeded
from gateway.lanes import Priority
from gateway.manifest import ModelVersion
from gateway.metrics import Metrics
from gateway.passage import Passage
from gateway.router import Destination
from gateway.schemas import CacheOutcome

_INLINE = 512 * 1024  # bytes, hashed on the event loop in 0.3 ms; a thread and back costs 0.06 ms on an idle machine


class Key(msgspec.Struct, frozen=True, eq=False):
    """What an answer depends on: the version itself, for a number may come back as another model, and the bytes."""

    version: ModelVersion
    digest: bytes
    """SHA-256 of the body: clients are not trusted, so it must not be possible to make two with the same one."""

    def __eq__(self, other: object) -> bool:
        """Say whether both are of the same body and of one and the same version, not merely of an equal one."""
        return isinstance(other, Key) and self.version is other.version and self.digest == other.digest

    def __hash__(self) -> int:
        """Return a number that equal keys share."""
        return hash(self.digest)


class ResultCache:
    """At most `entries` answers, and the computations under way; 0 entries are no cache at all."""

    def __init__(self, entries: int, metrics: Metrics) -> None:
        self._entries = entries
        self._metrics = metrics
        self._results: Results[Key, Scored] = Results(entries)
        self._flights: Flights[tuple[Key, Priority], Scored] = Flights(
            lambda flight, scored: self._keep(flight[0], scored)
        )

    async def find(
        self, destination: Destination, passage: Passage, compute: Callable[[], Coroutine[Any, Any, Scored]]
    ) -> Scored:
        """Return the answer of a version to a body: the one that is kept, or under way, or else computed now.

        Args:
            destination: who is asked.
            passage: the caller's own. It leaves by itself when its deadline has passed; interactive images do not join
                what is computed for bulk; looking up counts as decode, which it saves, waiting for others as queue.
                What brings a row and no file is always computed.
            compute: asks the version; raises what it cannot answer, and nothing of that is kept.

        Raises:
            GatewayError: whatever `compute` raised, the caller's or that of the flight it joined. Only that somebody
                else's time is up is no reason to give up: then the caller computes on its own time.
        """
        if not self._entries or passage.row is not None:
            return await compute()
        key, stopwatch = Key(destination.version, await _digest(passage.body)), passage.stopwatch
        flight = key, passage.priority
        outcome: CacheOutcome = "miss"
        try:
            while True:
                stopwatch.lap("decode")
                if (kept := self._results.get(key)) is not None:
                    outcome = "hit"
                    return _again(kept, destination, outcome)
                outcome = "shared" if flight in self._flights else "miss"
                try:
                    scored = await self._flights.join(flight, compute)
                except DeadlineExceeded:
                    if outcome == "miss" or time.monotonic() >= passage.deadline:
                        raise
                    stopwatch.lap("queue")
                    continue
                if outcome == "shared":
                    stopwatch.lap("queue")
                    return _again(scored, destination, outcome)
                stopwatch.lap("backend")
                return msgspec.structs.replace(scored, cache=outcome)
        except BadImage as error:
            if outcome == "shared":  # the decoder counted it for whoever began
                self._metrics.image_rejects.labels(error.name).inc()
            raise
        finally:
            self._metrics.cache.requests.labels(outcome).inc()

    def retain(self, versions: Collection[ModelVersion]) -> None:
        """Forget what other versions than these have answered."""
        there = {id(version) for version in versions}
        self._forget(lambda key: id(key.version) in there)

    def clear(self) -> None:
        """Forget everything, so that versions are judged by what they do from now on."""
        self._forget(lambda _: False)

    async def close(self) -> None:
        """Return when nothing is under way; what nobody waits for was cancelled before."""
        await self._flights.close()

    def _forget(self, wanted: Callable[[Key], bool]) -> None:
        self._results.keep(wanted)
        self._flights.part(lambda flight: wanted(flight[0]))
        self._metrics.cache.entries.set(len(self._results))

    def _keep(self, key: Key, scored: Scored) -> None:
        own = scored.probabilities.copy()  # a row of a batch's array would keep the whole batch
        self._results.put(key, msgspec.structs.replace(scored, probabilities=own))
        self._metrics.cache.entries.set(len(self._results))


async def _digest(body: bytes) -> bytes:
    if len(body) <= _INLINE:
        return hashlib.sha256(body).digest()
    return await asyncio.to_thread(lambda: hashlib.sha256(body).digest())


def _again(scored: Scored, destination: Destination, outcome: CacheOutcome) -> Scored:
    """Return an answer as it is for someone who did not begin its computation."""
    return msgspec.structs.replace(scored, role=destination.role, cache=outcome, backend_s=0.0)
