"""The images that a client sends: read from where they lie, and packed into requests of a bounded size."""

import os
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")

Source = bytes | str | os.PathLike[str]
"""An image's bytes, or the path of its file."""


class Image(msgspec.Struct, frozen=True):
    """An image that was read."""

    body: bytes
    filename: str | None = None


class Limits(msgspec.Struct, frozen=True):
    """How much goes into one request."""

    files: int = 32
    size: int = 16 * 1024 * 1024
    """Bytes; an image that is larger goes alone."""


def load(source: Source) -> Image:
    """Return an image from where it is.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return Image(source)
    path = Path(source)
    return Image(path.read_bytes(), path.name)


class Packer(Generic[Item]):
    """Puts items into requests, in their order."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: list[Item] = []
        self._size = 0

    def add(self, item: Item, size: int) -> list[Item]:
        """Take an item of `size` bytes; return those of a request that is full without it, else none."""
        full = len(self._waiting) >= self._limits.files or self._size + size > self._limits.size
        ready = self.rest() if full else []
        self._waiting.append(item)
        self._size += size
        return ready

    def rest(self) -> list[Item]:
        """Return what waits, and forget it."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        return waiting
