"""Gathers images that wait for the model into batches.

The rule is work-conserving: an idle model gets at once what waits; while it computes, images gather, and only a full
batch goes ahead of the answer. So there is no waiting time to tune: an idle gateway adds none, a busy one batches by
itself. `due` and `take` are the rule, as pure functions; `Batcher` is the task around them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.errors import DeadlineExceeded, GatewayError, ModelUnavailable
from gateway.metrics import Metrics

Row = NDArray[np.uint8]
Answer = NDArray[np.float32] | GatewayError
"""What becomes of one image of a batch: `[K]` probabilities, or the error that it gets."""
Trigger = Literal["full", "idle", "drain"]


class Limits(msgspec.Struct, frozen=True):
    """What bounds a batch."""

    max_batch: int
    """Images in a call to the model."""
    max_in_flight: int
    """Calls at one time."""


class Scores(msgspec.Struct, frozen=True):
    """The model's answer to one image."""

    probabilities: NDArray[np.float32]
    """`[K]`"""
    queue_s: float
    """Seconds between arrival and the call."""
    backend_s: float
    """Seconds that the call took."""
    batch: int
    """Images in the call."""


class Entry(msgspec.Struct, frozen=True, eq=False):
    """An image that waits."""

    version: int
    row: Row
    deadline: float
    """On the batcher's clock, seconds."""
    arrived: float
    answer: asyncio.Future[Scores]


class Statistics(msgspec.Struct, frozen=True):
    """What a batcher is doing."""

    waiting: int
    in_flight: int


class Model(Protocol):
    """What answers a batch: `gateway.recovery.Recovery`."""

    def __call__(self, version: int, images: Sequence[Row], timeout_s: float, /) -> Awaitable[list[Answer]]:
        """Return one outcome for each image, in order."""


def due(waiting: int, in_flight: int, limits: Limits, *, draining: bool = False) -> Trigger | None:
    """Say whether a batch must go now, and why."""
    if not waiting or in_flight >= limits.max_in_flight:
        return None
    if waiting >= limits.max_batch:
        return "full"
    if draining:
        return "drain"
    return "idle" if in_flight == 0 else None


def take(waiting: deque[Entry], max_batch: int, now: float) -> tuple[list[Entry], list[Entry]]:
    """Take the next batch out of `waiting`, oldest first: images of one version for which somebody still waits.

    Returns:
        The batch, and the entries that were dropped because their client has gone or their deadline has passed. Images
        of other versions keep their place.
    """
    batch: list[Entry] = []
    dropped: list[Entry] = []
    kept: list[Entry] = []
    while waiting and len(batch) < max_batch:
        entry = waiting.popleft()
        if entry.answer.done() or entry.deadline <= now:
            dropped.append(entry)
        elif batch and entry.version != batch[0].version:
            kept.append(entry)
        else:
            batch.append(entry)
    waiting.extendleft(reversed(kept))
    return batch, dropped


class Batcher:
    """Answers images one by one by asking the model for batches. One event loop; no locks."""

    def __init__(
        self, model: Model, limits: Limits, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._waiting: deque[Entry] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._closing = False

    async def submit(self, version: int, row: Row, deadline: float) -> Scores:
        """Return the model's answer to one image.

        Cancelling the caller takes the image out of the queue; a call that is under way goes on for its neighbours.

        Args:
            version: the model version that must answer; a batch never mixes versions.
            row: uint8 `[H, W, C]`.
            deadline: when the answer is of no use any more, on the batcher's clock.

        Raises:
            GatewayError: whatever the model raised for the batch; DeadlineExceeded when the image waited too long.
        """
        if self._closing:
            raise ModelUnavailable("the gateway is shutting down; send the request again")
        answer: asyncio.Future[Scores] = asyncio.get_running_loop().create_future()
        self._waiting.append(Entry(version, row, deadline, self._clock(), answer))
        self._dispatch()
        return await answer

    def statistics(self) -> Statistics:
        """Return what waits and what is under way."""
        return Statistics(waiting=len(self._waiting), in_flight=len(self._calls))

    async def close(self) -> None:
        """Answer what waits, and take nothing more."""
        self._closing = True
        self._dispatch()
        while self._calls:
            await asyncio.wait(self._calls)

    def _dispatch(self) -> None:
        while trigger := due(len(self._waiting), len(self._calls), self._limits, draining=self._closing):
            batch, dropped = take(self._waiting, self._limits.max_batch, self._clock())
            self._drop(dropped)
            if batch:
                self._metrics.batches.labels(trigger).inc()
                self._metrics.batch_size.observe(len(batch))
                call = asyncio.create_task(self._call(batch))
                self._calls.add(call)
                call.add_done_callback(self._finish)
        self._metrics.queue_depth.set(len(self._waiting))

    def _drop(self, entries: Sequence[Entry]) -> None:
        self._metrics.dropped.inc(len(entries))
        for entry in entries:
            if not entry.answer.done():
                waited = self._clock() - entry.arrived
                entry.answer.set_exception(DeadlineExceeded(f"the image waited {waited:.1f} s for the model"))

    def _finish(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._dispatch()

    async def _call(self, batch: Sequence[Entry]) -> None:
        begin = self._clock()
        timeout = max(entry.deadline for entry in batch) - begin
        try:
            answers = await self._model(batch[0].version, [entry.row for entry in batch], timeout)
        except Exception as error:  # noqa: BLE001 - whatever it is, everyone who waits for this batch is told
            for entry in batch:
                if not entry.answer.done():
                    entry.answer.set_exception(error)
            return
        backend_s = self._clock() - begin
        for entry, answer in zip(batch, answers, strict=True):
            if entry.answer.done():
                continue
            if isinstance(answer, GatewayError):
                entry.answer.set_exception(answer)
            else:
                entry.answer.set_result(Scores(answer, begin - entry.arrived, backend_s, len(batch)))
