"""What becomes of a call that fails: a refused batch is parted, a lost one is sent once more.

A row never fails its neighbours: a batch that the model refuses (INVALID_ARGUMENT) is halved until single images are
refused alone. A call whose connection was lost (UNAVAILABLE) is sent again, once and at once, so that it reaches
another server, or a new connection to the same one. It does not wait for a server to come back: one that starts needs
longer to load its model than a client should be kept waiting, and is told by 503 and Retry-After. RESOURCE_EXHAUSTED
and DEADLINE_EXCEEDED are never sent again: that would add load where there is too much of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.batching.entries import Answer, Row
from gateway.errors import DeadlineExceeded, GatewayError, ModelBusy, ModelRefused, ModelUnavailable, VersionGone
from gateway.metrics import Metrics

_PARTS = 4  # calls at one time with parts of refused batches: few beside a model server's threads (4 x cores)
_CALLS_PER_RETRY = 10
_RESERVE = 10  # retries that may go out at once; more than calls are under way, so that each of them may be lost


class Backend(Protocol):
    """What is asked: `gateway.servers.Servers.predict`."""

    def __call__(self, version: int, images: Sequence[Row], timeout_s: float, /) -> Awaitable[NDArray[np.float32]]:
        """Return `[N, K]` probabilities, or raise a GatewayError for all of them."""


class RetryBudget:
    """How many retries may still go out: a tenth of the calls, and a reserve.

    Retries must not multiply the load of a server that is failing because of load. A token bucket, as in gRPC's
    retryThrottling (https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs)
    and Finagle's RetryBudget (https://twitter.github.io/finagle/guide/Clients.html#retries): each call pays in a tenth
    of what a retry costs; what is saved is bounded by the reserve. Counted in whole tenths, so that nothing is rounded.
    """

    def __init__(self, reserve: int = _RESERVE) -> None:
        self._most = self._saved = reserve * _CALLS_PER_RETRY

    def pay_in(self) -> None:
        """Note a call that is no retry."""
        self._saved = min(self._saved + 1, self._most)

    def withdraw(self) -> bool:
        """Take what a retry costs, and return True; False where less than that is saved."""
        if self._saved < _CALLS_PER_RETRY:
            return False
        self._saved -= _CALLS_PER_RETRY
        return True


class _Part(msgspec.Struct, frozen=True):
    """Images that are asked for in one call."""

    version: int
    images: Sequence[Row]
    deadline: float
    """On the clock of the recovery, seconds."""

    def halves(self) -> tuple["_Part", "_Part"]:
        middle = len(self.images) // 2
        return (
            msgspec.structs.replace(self, images=self.images[:middle]),
            msgspec.structs.replace(self, images=self.images[middle:]),
        )


class Recovery:
    """Asks the model for batches, and has an outcome for each image of them."""

    def __init__(
        self,
        backend: Backend,
        metrics: Metrics,
        budget: RetryBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._metrics = metrics
        self._budget = budget or RetryBudget()
        self._clock = clock
        self._parts = asyncio.Semaphore(_PARTS)

    async def __call__(self, version: int, images: Sequence[Row], timeout_s: float, /) -> list[Answer]:
        """Ask one version for a batch, and for parts of it where that is refused, within `timeout_s` seconds.

        Args:
            version: the version that must answer.
            images: uint8 `[H, W, C]` each, all of one shape.
            timeout_s: seconds until the answers are of no use; the server is told.

        Returns:
            One outcome for each image, in order: float32 `[K]`, or the error that this image gets. Nothing is raised
            but cancellation, which cancels the calls that are under way.
        """
        whole = _Part(version, images, self._clock() + timeout_s)
        try:
            return await self._ask(whole)
        except ModelRefused as error:
            return await self._divide(whole, error)
        except GatewayError as error:
            return [error] * len(images)

    async def _divide(self, part: _Part, error: ModelRefused) -> list[Answer]:
        """Ask for both halves of a part that was refused."""
        if len(part.images) == 1:
            return [error]
        self._metrics.bisections.inc()
        async with asyncio.TaskGroup() as group:
            first, second = (group.create_task(self._answer(half)) for half in part.halves())
        return [*first.result(), *second.result()]

    async def _answer(self, part: _Part) -> list[Answer]:
        try:
            async with self._parts:
                return await self._ask(part)
        except ModelRefused as error:
            refused = error
        except GatewayError as error:
            return [error] * len(part.images)
        return await self._divide(part, refused)

    async def _ask(self, part: _Part) -> list[Answer]:
        """Ask, and once more where the connection was lost."""
        self._budget.pay_in()
        try:
            return await self._call(part)
        except ModelUnavailable as error:
            if isinstance(error, ModelBusy | VersionGone):
                raise
            if not self._budget.withdraw():
                self._metrics.retries.labels("over_budget").inc()
                raise
        return await self._retry(part)

    async def _retry(self, part: _Part) -> list[Answer]:
        try:
            answers = await self._call(part)
        except (GatewayError, asyncio.CancelledError):  # also where nobody waits for it any more: it was a call
            self._metrics.retries.labels("failed").inc()
            raise
        self._metrics.retries.labels("answered").inc()
        return answers

    async def _call(self, part: _Part) -> list[Answer]:
        remaining_s = part.deadline - self._clock()
        if remaining_s <= 0:
            raise DeadlineExceeded("the time was up before the model could be asked again")
        return list(await self._backend(part.version, part.images, remaining_s))
