"""Decodes images in threads of its own, never on the event loop, and turns image errors into the gateway's."""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.abstention import look
from gateway.dicom import is_dicom, read_picture
from gateway.errors import (
    BadImage,
    CorruptImage,
    EmptyImage,
    InvalidDicom,
    TooManyPixels,
    TruncatedImage,
    UnsupportedDicom,
    UnsupportedFormat,
)
from gateway.imaging import ImageError, ImageSpec, Reason, decode, fit
from gateway.lanes import Lanes, Priority
from gateway.manifest import Manifest
from gateway.metrics import Metrics

Result = TypeVar("Result")

_ERRORS: dict[Reason, type[BadImage]] = {
    "empty": EmptyImage,
    "format": UnsupportedFormat,
    "truncated": TruncatedImage,
    "corrupt": CorruptImage,
    "pixels": TooManyPixels,
    "dicom-invalid": InvalidDicom,
    "dicom-unsupported": UnsupportedDicom,
}


_HANDED = 2
"""Images that the pool has for each thread: the one in hand and the next, for which no thread waits for a turn of the
event loop. What else waits is not handed over, and can still be overtaken."""


class Job(msgspec.Struct, frozen=True, eq=False):
    """Work on an image, which waits for a thread."""

    work: Callable[[], Any]
    done: "asyncio.Future[Any]"


class Statistics(msgspec.Struct, frozen=True):
    """What a decoder is doing, in images."""

    waiting: int
    handed: int
    """In hand, or the next one of a thread."""


class Decoder:
    """A pool of decoding threads. The C decoders and the resize release the GIL, so cores are used.

    But for the next one of each thread, images wait here, not in the pool, so that bulk does not hold up interactive
    traffic. One whose client has gone is not decoded, wherever it waits.
    """

    def __init__(self, threads: int, max_pixels: int, metrics: Metrics) -> None:
        """Prepare the pool; `threads` 0 is one for each core. Threads start with the first images."""
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="decode")
        self._max_pixels = max_pixels
        self._metrics = metrics
        self._waiting: Lanes[Job] = Lanes()
        self._handed: dict[Job, Future[Any]] = {}

    async def decode(self, body: bytes, spec: ImageSpec, priority: Priority = "interactive") -> NDArray[np.uint8]:
        """Return the image as `spec` wants it, uint8 `[height, width, channels]`; see `work`.

        Raises:
            BadImage: the body is not an image that is accepted.
        """
        return await self.work(partial(read_row, body, spec, self._max_pixels), priority)

    async def examine(
        self, body: bytes, manifest: Manifest, priority: Priority = "interactive"
    ) -> tuple[NDArray[np.uint8], Mapping[str, float]]:
        """Return the image as a version wants it, and what it looks like (`look`).

        Raises:
            BadImage: the body is not an image that is accepted.
        """
        return await self.work(partial(_examine, body, manifest, self._max_pixels), priority)

    async def work(self, work: Callable[[], Result], priority: Priority = "interactive") -> Result:
        """Return what `work` returns in a thread of the pool, when its turn has come.

        Cancelling the caller takes it out of the queue, and keeps it from beginning.

        Raises:
            BadImage: `work` raised an ImageError.
        """
        job = Job(work, asyncio.get_running_loop().create_future())
        self._waiting.add(job, priority)
        self._start()
        try:
            result: Result = await job.done
        except ImageError as error:
            message = str(error)
            if error.reason == "pixels":
                message += " (PULMO_MAX_PIXELS); send a smaller image"
            kind = _ERRORS[error.reason]
            self._metrics.image_rejects.labels(kind.name).inc()
            raise kind(message) from error
        else:
            return result
        finally:
            self._waiting.discard(job)
            if job in self._handed:
                self._handed[job].cancel()  # which does nothing to one that has begun

    def statistics(self) -> Statistics:
        """Return what waits and what is being decoded."""
        return Statistics(len(self._waiting), len(self._handed))

    def close(self) -> None:
        """Wait for the images in hand, and end the threads."""
        self._pool.shutdown()

    def _start(self) -> None:
        while self._waiting and len(self._handed) < self._threads * _HANDED:
            job = self._waiting.pop()
            self._handed[job] = self._pool.submit(job.work)
            asyncio.wrap_future(self._handed[job]).add_done_callback(partial(self._finish, job))

    def _finish(self, job: Job, work: "asyncio.Future[Any]") -> None:
        del self._handed[job]
        self._start()
        if work.cancelled():
            return
        error = work.exception()
        if job.done.done():
            return
        if error is None:
            job.done.set_result(work.result())
        else:
            job.done.set_exception(error)


def read_row(body: bytes, spec: ImageSpec, max_pixels: int) -> NDArray[np.uint8]:
    """Return what a posted file is to a model: a PNG or JPEG by the trainer's decoder, a DICOM file as its picture.

    Raises:
        ImageError: the file is none of them, or broken, or too large.
    """
    if is_dicom(body):
        return fit(read_picture(body, max_pixels), spec)
    return decode(body, spec, max_pixels)


def _examine(body: bytes, manifest: Manifest, max_pixels: int) -> tuple[NDArray[np.uint8], Mapping[str, float]]:
    image = read_row(body, manifest.image, max_pixels)
    return image, look(image, manifest)
