"""Where the model looked: its own `explain` signature, asked for one image, and laid over the picture.

An explanation holds the weights a second time and runs through gradients, so it is dear; few run at a time, and none in
the batches that predictions wait for. It is no prediction: nothing of it is in the history.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.answers import Scored, check
from gateway.decoding import Decoder
from gateway.errors import DeadlineExceeded, ModelFailed, Overloaded, VersionGone
from gateway.manifest import Manifest
from gateway.metrics import Metrics
from gateway.overlay import overlaid
from gateway.router import Router
from gateway.servers import Servers
from gateway.versions import Versions

_AT_A_TIME = 2  # calls to the model
_ATTEMPTS = 8  # versions that may vanish under one request
_SLACK = 0.01  # of heat, beyond 0 to 1


class Explained(msgspec.Struct, frozen=True):
    """An explanation, and the answer that it explains."""

    png: bytes
    """The picture with the heat map over it."""
    scored: Scored


class Explainer:
    """Asks the model where it looked. Bounded: `limit` requests in all, two calls at a time."""

    def __init__(
        self,
        *,
        limit: int,
        max_pixels: int,
        router: Router,
        versions: Versions,
        backend: Servers,
        decoder: Decoder,
        metrics: Metrics,
    ) -> None:
        self._limit = limit
        self._max_pixels = max_pixels
        self._router = router
        self._versions = versions
        self._backend = backend
        self._decoder = decoder
        self._metrics = metrics
        self._calls = asyncio.Semaphore(_AT_A_TIME)
        self._places = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for the length of a block.

        Raises:
            Overloaded: there is none; nothing was taken.
        """
        if self._places >= self._limit:
            raise Overloaded(
                f"{self._places} explanations are being made; PULMO_EXPLAIN_LIMIT gives this process {self._limit}"
            )
        self._places += 1
        try:
            yield
        finally:
            self._places -= 1

    async def explain(self, body: bytes, deadline: float, key: str | None) -> Explained:
        """Explain the answer to one image, by the version that the route has for it.

        Args:
            body: the file.
            deadline: when it is of no use any more, `time.monotonic` seconds.
            key: what the client wants to be treated alike by, where versions share the traffic.

        Raises:
            BadImage: the body is not an image that is accepted.
            ExplainUnavailable: the version cannot explain itself.
            ModelUnavailable, ModelFailed: the model cannot answer.
            DeadlineExceeded: it does not answer in time.
        """
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                scored, heat = await self._ask(body, deadline, key)
                png = await self._decoder.work(partial(overlaid, body, heat, self._max_pixels), "bulk")
        except TimeoutError as error:
            raise DeadlineExceeded("the explanation was not ready in time; ask again, or allow more time") from error
        return Explained(png, scored)

    async def _ask(self, body: bytes, deadline: float, key: str | None) -> tuple[Scored, NDArray[np.float32]]:
        for attempt in range(1, _ATTEMPTS + 1):
            destination = await self._router.choose(key)
            version = destination.version
            image, seen = await self._decoder.examine(body, version.manifest, "bulk")
            try:
                async with self._calls:
                    begin = time.monotonic()
                    heat, probabilities = await self._backend.explain(version.number, image, deadline - begin)
            except VersionGone:
                if attempt == _ATTEMPTS:
                    raise
                await self._versions.replace(version)
                continue
            elapsed = time.monotonic() - begin
            self._metrics.explanation.duration.observe(elapsed)
            check(probabilities, version.manifest)
            scored = Scored(version, destination.role, probabilities, elapsed, 1, seen)
            return scored, checked(heat, version.manifest)
        raise AssertionError("unreachable")


def checked(heat: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    """Return a heat map between 0 and 1, float32 `[H, W]`.

    Raises:
        ModelFailed: it is of another size than the version's images, or its values are no heat.
    """
    if heat.shape != manifest.image.shape[:2]:
        raise ModelFailed(f"the model explained with a map of {list(heat.shape)}; its images have another size")
    if not ((heat >= -_SLACK) & (heat <= 1 + _SLACK)).all():  # false for NaN
        raise ModelFailed("the model explained with values that do not lie between 0 and 1")
    return heat.clip(0, 1)
