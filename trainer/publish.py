"""The model store: `<store>/<number>/`, TensorFlow Serving's layout. A version is there whole, or it is not there.

A version is written into `.<n>.partial`, which no server looks at, brought to the disk, and renamed to `<n>`, which is
atomic (rename(2)). Only the process that made `.<n>.partial` may rename it, and making a folder is atomic too: so two
publishers at once get two numbers. One that dies leaves its partial folder, which harms nobody and keeps its number.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from trainer.errors import RunError

_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")
"""What TensorFlow Serving takes for a version: a name that absl::SimpleAtoi parses."""
_PARTIAL = re.compile(r"\.([0-9]+)\.partial")


def publish(store: Path, write: Callable[[Path], None]) -> Path:
    """Publish a version.

    Args:
        store: the model's base path; it is made where it is missing.
        write: fills the empty folder that it is given, and raises when what it wrote is not fit to be served.

    Returns:
        The new version's folder.

    Raises:
        RunError: the store cannot be written.
    """
    number, partial = _claim(store)
    try:
        write(partial)
        _sync_tree(partial)
        version = partial.rename(store / str(number))
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(store)
    return version


def versions(store: Path) -> tuple[int, ...]:
    """Return the numbers of the versions in `store`, ascending; none where there is no store."""
    names = [path.name for path in store.iterdir()] if store.is_dir() else []
    return tuple(sorted({int(name) for name in names if _NUMBER.fullmatch(name)}))


def find_version(store: Path, number: int | None) -> Path:
    """Return the folder of a version, the newest unless `number` says else.

    Raises:
        RunError: there is no such version.
    """
    present = versions(store)
    if not present:
        raise RunError(f"{store} holds no version; publish one with `trainer publish`")
    if number is not None and number not in present:
        raise RunError(f"{store} holds no version {number}; there are {', '.join(map(str, present))}")
    return store / str(present[-1] if number is None else number)


def _claim(store: Path) -> tuple[int, Path]:
    """Make the partial folder of the next number, which is then nobody else's."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        while True:
            number = _next(store)
            partial = store / f".{number}.partial"
            try:
                partial.mkdir()
            except FileExistsError:
                continue  # another publisher was faster
            if number > max(versions(store), default=0):
                return number, partial
            partial.rmdir()  # another publisher finished this number between our look and our mkdir
    except OSError as error:
        raise RunError(f"{store} cannot be written: {error.strerror}; name a folder that can be") from error


def _next(store: Path) -> int:
    partials = [match for path in store.iterdir() if (match := _PARTIAL.fullmatch(path.name))]
    return 1 + max([0, *versions(store), *(int(match[1]) for match in partials)])


def _sync_tree(folder: Path) -> None:
    """Bring every file and folder below `folder`, and `folder` itself, to the disk."""
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    """Bring a file's or a folder's contents to the disk (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
