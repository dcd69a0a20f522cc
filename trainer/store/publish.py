"""Publishing: a version is in the store whole, or it is not there.

A version is written into `.<n>.partial`, which no server looks at, brought to the disk, and renamed to `<n>`, which is
atomic (rename(2)). Only the process that made `.<n>.partial` may rename it, and making a folder is atomic too: so two
publishers at once get two numbers. Its maker holds a lock on the folder, which the kernel takes away from the dead: the
next publisher removes the folders that nobody holds. (flock(2) works on local file systems; on NFS it wants a file.)
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.store.versions import own, partials, refusals, sync, taken


def publish(store: Path, write: Callable[[Path], None]) -> Path:
    """Publish a version.

    Args:
        store: the model's base path; it is made where it is missing.
        write: fills the empty folder that it is given, and raises when what it wrote is not fit to be served.

    Returns:
        The new version's folder.

    Raises:
        RunError: the store cannot be written, or its disk is full; it is as it was.
    """
    with refusals(store):
        store.mkdir(parents=True, exist_ok=True)
        _remove_dead(store)
        with _claim(store) as (number, partial):
            try:
                write(partial)
                _sync_tree(partial)
                version = partial.rename(store / str(number))
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        sync(store)
        return version


@contextmanager
def _claim(store: Path) -> Iterator[tuple[int, Path]]:
    """Make the partial folder of the next number, which is then nobody else's, and hold it."""
    while True:
        number = 1 + max([0, *taken(store), *partials(store)])
        partial = store / f".{number}.partial"
        try:
            partial.mkdir()
        except FileExistsError:
            continue  # another publisher was faster
        descriptor = own(partial)
        if descriptor is None:
            continue  # another took it for a dead one's before we had the lock, and removes it
        try:
            if number > max(taken(store), default=0):
                yield number, partial
                return
            partial.rmdir()  # another publisher finished this number between our look and our mkdir
        finally:
            os.close(descriptor)


def _remove_dead(store: Path) -> None:
    """Remove the partial folders whose publishers are dead; their numbers were never published."""
    for partial in partials(store).values():
        descriptor = own(partial)
        if descriptor is None:
            continue  # its publisher lives
        try:
            shutil.rmtree(partial)
        finally:
            os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    """Bring every file and folder below `folder`, and `folder` itself, to the disk."""
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))
