"""The model store: `<store>/<number>/`, TensorFlow Serving's layout; the newest version is the one that is served.

TensorFlow Serving knows a version by its number alone: files that are replaced under a number that it has loaded are
never read (TFSERVING.md 1.1, FileSystemStoragePathSource), and who counts predictions by version would mix two models.
So a number is used once. A retired version leaves an empty folder `.<n>.retired`, which no server looks at, and whose
number counts when the next version is numbered.
"""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import RunError

_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")
"""What TensorFlow Serving takes for a version: a name that absl::SimpleAtoi parses."""
_PARTIAL = re.compile(r"\.([0-9]+)\.partial")
_RETIRED = re.compile(r"\.([0-9]+)\.retired")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def versions(store: Path) -> tuple[int, ...]:
    """Return the numbers of the versions in `store`, ascending; none where there is no store."""
    return tuple(sorted(_folders(store)))


def find_version(store: Path, number: int | None) -> Path:
    """Return the folder of a version, the newest unless `number` says else.

    Raises:
        RunError: there is no such version.
    """
    folders = _folders(store)
    if not folders:
        raise RunError(f"{store} holds no version; publish one with `trainer publish`")
    if number is not None and number not in folders:
        raise RunError(f"{store} holds no version {number}; there are {', '.join(map(str, sorted(folders)))}")
    return folders[max(folders) if number is None else number]


def taken(store: Path) -> tuple[int, ...]:
    """Return the numbers that were published once, retired ones included, ascending."""
    return tuple(sorted({*versions(store), *_numbers(store, _RETIRED)}))


def partials(store: Path) -> dict[int, Path]:
    """Return the folders in which versions are being written, or were when their publisher died."""
    return _numbers(store, _PARTIAL)


def retire(store: Path, number: int, *, force: bool = False) -> None:
    """Take a version out of the store: renamed to `.<n>.retired` at once, emptied after that.

    A server that has loaded it goes on with what it holds in memory until it looks at the store again.

    Args:
        store: the model's base path.
        number: the version's.
        force: retire even the last version, after which the server has nothing to serve.

    Raises:
        RunError: there is no such version, it is the last one, or the store cannot be written.
    """
    with refusals(store), _locked(store):
        folder = find_version(store, number)
        if len(versions(store)) == 1 and not force:
            raise RunError(
                f"version {number} is the last in {store}: without it the model server unloads the model and answers "
                "nothing; publish another first, or say --force"
            )
        folder.rename(store / f".{number}.retired")
        sync(store)
        _empty_retired(store)  # and what one that was killed has left


@contextmanager
def refusals(store: Path) -> Iterator[None]:
    """Turn what the file system refuses into a RunError that names the store and the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RunError(
                f"{store} is full ({error.strerror}) and as it was before; free space there, for instance with "
                "`trainer retire`, and try again"
            ) from error
        raise RunError(f"{store} cannot be written: {error.strerror}; name a folder that can be") from error


def own(folder: Path) -> int | None:
    """Lock a folder, as long as the returned descriptor is open or until the process dies (flock(2)).

    Returns:
        None where another process owns the folder, or it is gone.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(folder.stat(), os.fstat(descriptor)):  # else it was removed before we had the lock
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def sync(path: Path) -> None:
    """Bring a file's or a folder's contents to the disk (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folders(store: Path) -> dict[int, Path]:
    """Return the versions' folders; of two names for one number the later, as TensorFlow Serving does."""
    paths = sorted(store.iterdir()) if store.is_dir() else []
    return {int(path.name): path for path in paths if _NUMBER.fullmatch(path.name)}


def _numbers(store: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    paths = store.iterdir() if store.is_dir() else []
    return {int(match[1]): path for path in paths if (match := pattern.fullmatch(path.name))}


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """Keep others from retiring at the same time: two that take a version each could leave none."""
    if not store.is_dir():
        raise RunError(f"{store} holds no version; publish one with `trainer publish`")
    descriptor = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _empty_retired(store: Path) -> None:
    """Delete what is in retired versions; the empty folders stay and keep the numbers."""
    for folder in _numbers(store, _RETIRED).values():
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
