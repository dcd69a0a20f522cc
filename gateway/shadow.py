"""Puts images to a version on trial after another has answered them, and compares; no client waits for it."""

import asyncio
import time
from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.abstention import look
from gateway.answers import Scored, check
from gateway.decoding import Decoder
from gateway.errors import DeadlineExceeded, GatewayError, ModelFailed
from gateway.manifest import ModelVersion
from gateway.metrics import Metrics
from gateway.observations import Observer, Outcome
from gateway.servers import Servers

CAPACITY = 16  # images that may wait, each as large as PULMO_MAX_BODY_BYTES in the worst case
_TIMEOUT_S = 10.0


class Copied(msgspec.Struct, frozen=True, eq=False):
    """An image that was answered, and is to be answered once more."""

    version: ModelVersion
    """The version on trial."""
    body: bytes
    """The file; empty where a row was posted instead."""
    image: NDArray[np.uint8]
    """The body, decoded for the version that answered: uint8 `[H, W, C]`."""
    answered: Scored

    @property
    def alike(self) -> bool:
        """Whether both versions take the same row."""
        return self.version.manifest.image == self.answered.version.manifest.image


class Comparison(msgspec.Struct, frozen=True):
    """How two answers to one image differ."""

    agree: bool
    """Whether they name the same class."""
    difference: float
    """The largest difference of a class's probability; a class that only one of them knows has 0 with the other."""


class ShadowTraffic:
    """A bounded queue, and one task that asks one image at a time, so that it takes little from those who wait."""

    def __init__(self, backend: Servers, decoder: Decoder, observe: Observer, metrics: Metrics) -> None:
        self._backend = backend
        self._decoder = decoder
        self._observe = observe
        self._metrics = metrics
        self._queue: asyncio.Queue[Copied] = asyncio.Queue(CAPACITY)

    def offer(self, copied: Copied) -> None:
        """Take a copy where there is room, else drop it; never waits. A row cannot be made into one of another kind."""
        if self._queue.full() or not (copied.body or copied.alike):
            self._metrics.shadow_comparisons.labels("dropped").inc()
            return
        if not copied.body:  # the row is a part of a request's body, all of which it would keep
            copied = msgspec.structs.replace(copied, image=copied.image.copy())
        self._queue.put_nowait(copied)

    async def run(self) -> None:
        """Compare what is offered, until cancelled."""
        while True:
            await self._compare(await self._queue.get())

    async def _compare(self, copied: Copied) -> None:
        begin = time.monotonic()
        try:
            image, seen = await self._decode(copied)
            begin = time.monotonic()
            [probabilities] = await self._backend.rehearse(copied.version.number, [image], _TIMEOUT_S)
            check(probabilities, copied.version.manifest)
        except GatewayError as error:
            self._metrics.shadow_comparisons.labels("failed").inc()
            if isinstance(error, ModelFailed | DeadlineExceeded):
                seconds = time.monotonic() - begin
                self._observe(Outcome(copied.version.number, "shadow", seconds, error=error.name))
            return
        shadow = msgspec.structs.replace(
            copied.answered,
            version=copied.version,
            role="shadow",
            probabilities=probabilities,
            backend_s=time.monotonic() - begin,
            batch=1,
            seen=seen,
        )
        self._tell(shadow, compare(copied.answered, shadow))

    async def _decode(self, copied: Copied) -> tuple[NDArray[np.uint8], Mapping[str, float]]:
        """Return the image as the version on trial wants it, and what it looks like."""
        wanted, image = copied.version.manifest, copied.image
        if wanted.image != copied.answered.version.manifest.image:
            return await self._decoder.examine(copied.body, wanted)
        return image, await self._decoder.work(lambda: look(image, wanted))

    def _tell(self, shadow: Scored, comparison: Comparison) -> None:
        self._metrics.shadow_comparisons.labels("agree" if comparison.agree else "disagree").inc()
        self._metrics.shadow_difference.observe(comparison.difference)
        self._observe(Outcome.of(shadow, disagreed=not comparison.agree))


def compare(one: Scored, other: Scored) -> Comparison:
    """Compare two answers to one image, class by class; the versions may list their classes otherwise."""
    ours, theirs = one.by_label(), other.by_label()
    differences = [abs(ours.get(label, 0.0) - theirs.get(label, 0.0)) for label in ours | theirs]
    return Comparison(one.label == other.label, max(differences))
