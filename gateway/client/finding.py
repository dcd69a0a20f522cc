"""Finds the image files that a command line names."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm"})
"""Of the files that are taken from a folder; a file that is named itself is taken whatever it is called."""


def find(arguments: Iterable[Path]) -> Iterator[Path]:
    """Yield the files in the order of the arguments; those of a folder and of the folders in it by name.

    Links to folders are not followed. A folder that cannot be read is yielded itself: reading it will say why.
    """
    for argument in arguments:
        if argument.is_dir() and not argument.is_symlink():
            yield from _within(argument)
        else:
            yield argument


def _within(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _within(folder / entry.name)
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield folder / entry.name
