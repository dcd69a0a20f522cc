"""Decodes images in threads of its own, never on the event loop, and turns image errors into the gateway's."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gateway.errors import BadImage, CorruptImage, EmptyImage, TooManyPixels, TruncatedImage, UnsupportedFormat
from gateway.imaging import ImageError, ImageSpec, Reason, decode
from gateway.metrics import Metrics

_ERRORS: dict[Reason, type[BadImage]] = {
    "empty": EmptyImage,
    "format": UnsupportedFormat,
    "truncated": TruncatedImage,
    "corrupt": CorruptImage,
    "pixels": TooManyPixels,
}


class Decoder:
    """A pool of decoding threads. The C decoders and the resize release the GIL, so cores are used."""

    def __init__(self, threads: int, max_pixels: int, metrics: Metrics) -> None:
        """Prepare the pool; `threads` 0 is one for each core. Threads start with the first images."""
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="decode")
        self._max_pixels = max_pixels
        self._metrics = metrics

    async def decode(self, body: bytes, spec: ImageSpec) -> NDArray[np.uint8]:
        """Return the image as `spec` wants it, uint8 `[height, width, channels]`.

        Raises:
            BadImage: the body is not an image that is accepted.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, decode, body, spec, self._max_pixels)
        except ImageError as error:
            message = str(error)
            if error.reason == "pixels":
                message += " (PULMO_MAX_PIXELS); send a smaller image"
            kind = _ERRORS[error.reason]
            self._metrics.image_rejects.labels(kind.name).inc()
            raise kind(message) from error

    def close(self) -> None:
        """Wait for the images in hand, and end the threads."""
        self._pool.shutdown()
