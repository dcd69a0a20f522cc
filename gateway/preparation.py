"""Makes a version ready to answer: it describes itself, and is tried before clients depend on it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Literal, TypeVar

import msgspec
import numpy as np
import structlog

from gateway import tasks
from gateway.answers import check
from gateway.errors import GatewayError, ModelFailed, ModelUnavailable
from gateway.manifest import Manifest, ModelVersion
from gateway.metrics import Metrics
from gateway.servers import Servers

Result = TypeVar("Result")

_PROBE_TIMEOUT_S = 30.0  # a first call may build and optimise a graph
_LONGEST_PAUSE_S = 30.0


class PreparationLimits(msgspec.Struct, frozen=True):
    """What bounds the preparation of a version."""

    pause_s: float
    """Seconds between two attempts at first."""
    max_batch: int
    """Images in the largest batch that it is tried with."""


class Preparation:
    """The way of one AVAILABLE version to its first client. Owns a task from `start` to `cancel`.

    What fails is tried again for as long as the version is there: ever more rarely where the version is to blame.
    """

    def __init__(
        self,
        number: int,
        backend: Servers,
        limits: PreparationLimits,
        metrics: Metrics,
        changed: Callable[[], None],
    ) -> None:
        self.version: ModelVersion | None = None
        """The version as it describes itself; None until it has."""
        self.tried = False
        """Whether it answered for each batch size, or was needed before it could be asked."""
        self.problem = ""
        """Why it cannot be used; empty where it can, or where nothing is known against it."""
        self.attempted = False
        """Whether it was asked to describe itself, whatever came of it."""
        self._number = number
        self._backend = backend
        self._limits = limits
        self._metrics = metrics
        self._changed = changed
        self._log = structlog.get_logger()
        self._task: asyncio.Task[None] | None = None

    def start(self, *, needed: bool) -> None:
        """Begin; a version that is needed, because no other can answer, is used as soon as it has described itself."""
        self._task = tasks.start(self._run(needed=needed))

    async def cancel(self) -> None:
        """End the task, and return when it has ended."""
        if self._task is not None:
            await tasks.end(self._task)

    async def _run(self, *, needed: bool) -> None:
        version = self.version = await self._insist("describe", self._describe)
        if not needed:
            self._changed()
            await self._insist("probe", lambda: self._probe(version.manifest))
        self.tried = True
        self._changed()

    async def _describe(self) -> ModelVersion:
        return ModelVersion(self._number, await self._backend.describe(self._number))

    async def _probe(self, manifest: Manifest) -> None:
        for size in probe_sizes(self._limits.max_batch):
            images = [np.zeros(manifest.image.shape, np.uint8)] * size
            begin = time.perf_counter()
            for answers in await self._backend.probe(self._number, images, _PROBE_TIMEOUT_S):
                for probabilities in answers:
                    check(probabilities, manifest)
            self._metrics.probe_duration.observe(time.perf_counter() - begin)

    async def _insist(self, stage: Literal["describe", "probe"], attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `attempt` returns at last."""
        pause = self._limits.pause_s
        while True:
            try:
                result = await attempt()
            except ModelUnavailable:
                pause = self._limits.pause_s  # it is busy, or away, or leaving: nothing is said against the version
            except GatewayError as error:
                self._blame(stage, error)
                pause = min(2 * pause, _LONGEST_PAUSE_S) if isinstance(error, ModelFailed) else self._limits.pause_s
            else:
                self.problem = ""
                return result
            finally:
                self.attempted = True
            self._changed()
            await asyncio.sleep(pause)

    def _blame(self, stage: Literal["describe", "probe"], error: GatewayError) -> None:
        if not self.problem:
            self._metrics.version_failures.labels(stage).inc()
            self._log.error(
                "version unusable", version=self._number, stage=stage, reason=error.detail, internals=error.internals
            )
        self.problem = f"{error.detail}: {error.internals}" if error.internals else error.detail


def probe_sizes(max_batch: int) -> Iterator[int]:
    """Return the batch sizes that a version is tried with: the powers of two below `max_batch`, and that."""
    size = 1
    while size < max_batch:
        yield size
        size *= 2
    yield max_batch
