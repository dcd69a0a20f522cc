"""What is batched, what comes of it, and who answers."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.errors import GatewayError

Row = NDArray[np.uint8]
Answer = NDArray[np.float32] | GatewayError
"""What an image gets: probabilities `[K]`, or its error."""


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


class Model(Protocol):
    """What answers a batch: `gateway.recovery.Recovery`."""

    def __call__(self, version: int, images: Sequence[Row], timeout_s: float, /) -> Awaitable[list[Answer]]:
        """Return what each image gets, in order."""
