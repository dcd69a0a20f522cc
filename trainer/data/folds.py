"""Folds for cross-validation, in which what belongs together stays so: copies, look-alikes, a patient's slices."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from gateway.imaging import ImageError
from trainer.data.dataset import SPLITS, class_name, files_of
from trainer.data.twins import fingerprint, groups
from trainer.errors import DataError


class Member(NamedTuple):
    """An image, and what it is drawn by."""

    path: Path
    label: str
    group: int
    """Images with one number are never parted."""


def members(root: Path, table: Path | None) -> tuple[Member, ...]:
    """Return the readable images of `train` and `valid` with their groups; `test` is left alone.

    Args:
        root: the data set.
        table: CSV with the columns `path`, below `root`, and `group`, a patient for instance; images that it does not
            name stand alone. Look-alikes are one group with or without it.

    Raises:
        DataError: there is no image, or the table cannot be read or names an image that is not there.
    """
    files = [
        path for split in SPLITS[:2] for folder in sorted((root / split).glob("[!.]*/")) for path in files_of(folder)
    ]
    readable = []
    for path in files:
        try:
            readable.append((path, fingerprint(path.read_bytes())))
        except ImageError:
            continue
    if not readable:
        raise DataError(f"{root} holds no image in train or valid; put <class>/<image>.png there")
    paths = [path for path, _ in readable]
    together = [[paths[place] for place in group] for group in groups([image for _, image in readable])]
    numbers = _united(paths, [*together, *_named(root, table)])
    return tuple(
        Member(path, class_name(path.parent.name), number) for path, number in zip(paths, numbers, strict=True)
    )


def deal(images: Sequence[Member], folds: int, seed: int) -> tuple[int, ...]:
    """Return a fold for each image, 0 to `folds` - 1, with each class spread as evenly as the groups allow.

    Raises:
        DataError: a class has fewer groups than there are folds.
    """
    for label in sorted({image.label for image in images}):
        count = len({image.group for image in images if image.label == label})
        if count < folds:
            raise DataError(f"{label} has only {count} groups of images; ask for at most --folds {count}")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    dealt = np.zeros(len(images), np.int64)
    labels, numbers = [image.label for image in images], [image.group for image in images]
    for fold, (_, held) in enumerate(splitter.split(np.zeros(len(images)), labels, numbers)):
        dealt[held] = fold
    return tuple(dealt.tolist())


def _named(root: Path, table: Path | None) -> list[list[Path]]:
    if table is None:
        return []
    named: dict[str, list[Path]] = {}
    try:
        with table.open(newline="") as file:
            for row in csv.DictReader(file):
                named.setdefault(row["group"], []).append(root / row["path"])
    except (OSError, KeyError, csv.Error) as error:
        raise DataError(f"{table} is no CSV file with the columns path and group: {error}") from error
    return list(named.values())


def _united(paths: Sequence[Path], together: Sequence[Sequence[Path]]) -> list[int]:
    """Return a number for each path, the same for paths that any of the lists holds together, directly or by others."""
    heads = {path: path for path in paths}

    def head(path: Path) -> Path:
        while heads[path] != path:
            path = heads[path]
        return path

    for group in together:
        known = [path for path in group if path in heads]
        for path in known[1:]:
            heads[head(path)] = head(known[0])
    numbers: dict[Path, int] = {}
    return [numbers.setdefault(head(path), len(numbers)) for path in paths]
