"""Decoded images on disk: a data set is decoded once for an image spec, and read as a memory map after that.

A file's name is a digest of all that its content depends on: the images' bytes in their order, the spec, and the
versions of the libraries that decode and resize. So nothing is ever stale, and all of it can be deleted at any time.
"""

import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import astuple
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.imaging import ImageError, ImageSpec, decode
from trainer.config import MAX_PIXELS
from trainer.errors import DataError

_DECODERS = ("imagecodecs", "simplejpeg", "pillow-simd", "pillow")


class _Index(msgspec.Struct, frozen=True):
    """What stands beside the array: which of the files have a row in it, in order, and why the others have none."""

    kept: tuple[int, ...]
    refused: dict[int, str]


class Decoded(msgspec.Struct, frozen=True):
    """Images in memory, or in a file that is read as they are asked for."""

    images: NDArray[np.uint8]
    """uint8 `[N, height, width, channels]`; row i is the file at `kept[i]`."""
    kept: tuple[int, ...]
    """Ascending places in the sequence of files."""
    refused: dict[int, str]
    """The other places, with the reason."""


def decode_all(paths: Sequence[Path], spec: ImageSpec, folder: Path | None) -> Decoded:
    """Decode files into one array, or take the array from the cache.

    Args:
        paths: the files.
        spec: the array wanted of each.
        folder: the cache, which is made where it is missing; None decodes into memory.

    Raises:
        DataError: the cache cannot be written.
    """
    if folder is None or not paths:
        images = np.empty((len(paths), *spec.shape), np.uint8)
        index = _decode(paths, spec, images.__setitem__)
        return Decoded(images[: len(index.kept)], index.kept, index.refused)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / _key(paths, spec)
        if not all(stem.with_suffix(suffix).is_file() for suffix in (".json", ".npy")):
            _write(stem, paths, spec)
        index = msgspec.json.decode(stem.with_suffix(".json").read_bytes(), type=_Index)
        images = np.load(stem.with_suffix(".npy"), mmap_mode="r")
    except OSError as error:
        raise DataError(f"the cache {folder} cannot be used: {error.strerror}; name another, or none") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise DataError(f"the cache {folder} is broken: {error}; remove its files") from error
    return Decoded(images[: len(index.kept)], index.kept, index.refused)


def _write(stem: Path, paths: Sequence[Path], spec: ImageSpec) -> None:
    """Write array and index under other names and rename them, the index last: whoever sees it sees a whole array."""
    descriptor, partial = tempfile.mkstemp(dir=stem.parent, prefix=".", suffix=".partial")
    try:
        with os.fdopen(descriptor, "wb") as file:  # not a memory map, in which a full disk is a bus error
            shape = (len(paths), *spec.shape)
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            end = file.tell() + math.prod(shape)
            index = _decode(paths, spec, lambda _, image: file.write(image.tobytes()))
            file.truncate(end)
        Path(partial).replace(stem.with_suffix(".npy"))
        Path(partial).write_bytes(msgspec.json.encode(index))
        Path(partial).replace(stem.with_suffix(".json"))
    finally:
        with suppress(FileNotFoundError):
            Path(partial).unlink()


def _decode(paths: Sequence[Path], spec: ImageSpec, put: Callable[[int, NDArray[np.uint8]], object]) -> _Index:
    """Decode files one by one, and hand each row over with its number."""
    kept: list[int] = []
    refused: dict[int, str] = {}
    for place, path in enumerate(paths):
        try:
            image = decode(path.read_bytes(), spec, MAX_PIXELS)
        except ImageError as error:
            refused[place] = str(error)
        else:
            put(len(kept), image)
            kept.append(place)
    return _Index(tuple(kept), refused)


def _key(paths: Sequence[Path], spec: ImageSpec) -> str:
    total = hashlib.sha256(repr((astuple(spec), MAX_PIXELS, *map(_version, _DECODERS))).encode())
    for path in paths:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
