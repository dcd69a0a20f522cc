"""Follows which versions of the model can answer, and what each says of itself."""

import asyncio

import msgspec
import structlog

from gateway.backend import Backend, VersionStatus
from gateway.errors import DeadlineExceeded, GatewayError, ModelBusy, ModelUnavailable
from gateway.manifest import Manifest
from gateway.metrics import Metrics

_AVAILABLE = "AVAILABLE"


class ModelVersion(msgspec.Struct, frozen=True):
    """A version that can answer."""

    number: int
    manifest: Manifest


class Versions:
    """The versions of one model, as the model server last told them."""

    def __init__(self, backend: Backend, poll_s: float, metrics: Metrics) -> None:
        self._backend = backend
        self._poll_s = poll_s
        self._metrics = metrics
        self._log = structlog.get_logger()
        self._refreshing = asyncio.Lock()
        self._manifests: dict[int, Manifest] = {}
        self._statuses: list[VersionStatus] = []
        self._current: ModelVersion | None = None
        self._reason = "the model server has not been asked yet"

    def current(self) -> ModelVersion:
        """Return the newest version that can answer.

        Raises:
            ModelUnavailable: there is none; the message says why.
        """
        if self._current is None:
            raise ModelUnavailable(self._reason)
        return self._current

    def statuses(self) -> list[VersionStatus]:
        """Return all versions that the model server knew when it was last asked, newest first."""
        return list(self._statuses)

    async def follow(self) -> None:
        """Ask the model server again and again, until cancelled. It offers no event to wait for."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._poll_s)

    async def refresh(self) -> None:
        """Ask the model server now. What it cannot answer is remembered as the reason, not raised."""
        async with self._refreshing:
            await self._ask()

    async def replace(self, gone: ModelVersion) -> None:
        """Ask the model server what took the place of a version that has gone, once for all who noticed."""
        async with self._refreshing:
            if self._current == gone:
                await self._ask()

    async def _ask(self) -> None:
        try:
            self._statuses = await self._backend.status()
            self._choose(await self._newest())
        except (DeadlineExceeded, ModelBusy) as error:  # no answer is no news: the version may well be computing
            self._log.warning("no word of the model server", reason=error.detail)
        except GatewayError as error:
            self._manifests.clear()  # whoever comes back under the same number may be another
            self._statuses = []
            self._lose(error.detail, error.internals)

    async def _newest(self) -> ModelVersion | None:
        numbers = [status.version for status in self._statuses if status.state == _AVAILABLE]
        self._manifests = {number: self._manifests[number] for number in numbers if number in self._manifests}
        if not numbers:
            return None
        newest = max(numbers)
        if newest not in self._manifests:
            self._manifests[newest] = await self._backend.describe(newest)
        return ModelVersion(newest, self._manifests[newest])

    def _choose(self, version: ModelVersion | None) -> None:
        if version is None:
            self._lose("the model server has no version that is AVAILABLE")
        elif version != self._current:
            self._current, self._reason = version, ""
            self._metrics.backend_ready.set(1)
            self._metrics.model_info.clear()
            self._metrics.model_info.labels(version.number, version.manifest.digest).set(1)
            self._log.info("version available", version=version.number, digest=version.manifest.digest)

    def _lose(self, reason: str, internals: str = "") -> None:
        if reason != self._reason:
            self._log.warning("no version available", reason=reason, internals=internals)
        self._current, self._reason = None, reason
        self._metrics.backend_ready.set(0)
        self._metrics.model_info.clear()
