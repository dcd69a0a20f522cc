"""A data set: `<root>/{train,valid,test}/<class>/<image>`, read into memory by the one decoder, `gateway.imaging`.

A class folder may carry a suffix after an underscore, as the public set's do:
`normal` and `normal_left` are both `normal`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.imaging import ImageError, ImageSpec, decode
from trainer.config import MAX_PIXELS
from trainer.errors import DataError

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")

_MIN_CLASSES = 2


class Skipped(NamedTuple):
    """A file of the data set that is not an image we accept."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Split:
    """One split in memory; row i of `images` and `targets` came from `paths[i]`."""

    images: NDArray[np.uint8]
    """uint8 `[N, height, width, channels]`."""
    targets: NDArray[np.int64]
    """int64 `[N]`: places in the list of labels."""
    paths: tuple[Path, ...]
    skipped: tuple[Skipped, ...]


def class_name(folder: str) -> str:
    """Return the class that a folder is named after: what stands before the first underscore."""
    return folder.split("_", 1)[0]


def find_labels(root: Path) -> tuple[str, ...]:
    """Return the classes that `root/train` holds, sorted.

    Raises:
        DataError: there is no `train`, or it holds fewer than two classes.
    """
    labels = tuple(sorted({class_name(folder.name) for folder in _class_folders(root, "train")}))
    if len(labels) < _MIN_CLASSES:
        found = labels[0] if labels else "none"
        raise DataError(
            f"{root / 'train'} holds {len(labels)} class ({found}); put at least {_MIN_CLASSES} class folders there"
        )
    return labels


def load_split(root: Path, split: SplitName, labels: tuple[str, ...], spec: ImageSpec) -> Split:
    """Decode every image of a split, in the order of the sorted paths; unreadable ones are skipped and reported.

    Args:
        root: the data set.
        split: which part of it.
        labels: the classes that may occur; a row's target is a place in this list.
        spec: the array that the model takes.

    Raises:
        DataError: the split is missing, holds a class that is not in `labels`, or a class without a readable image.
    """
    images: list[NDArray[np.uint8]] = []
    targets: list[int] = []
    paths: list[Path] = []
    skipped: list[Skipped] = []
    for folder in _class_folders(root, split):
        target = _target(folder, labels)
        before = len(paths)
        for path in files_of(folder):
            try:
                images.append(decode(path.read_bytes(), spec, MAX_PIXELS))
            except ImageError as error:
                skipped.append(Skipped(path, str(error)))
            else:
                targets.append(target)
                paths.append(path)
        if len(paths) == before:
            raise DataError(f"{folder} holds no readable image; put PNG or JPEG files there, or remove the folder")
    return Split(np.stack(images), np.asarray(targets, np.int64), tuple(paths), tuple(skipped))


def digest(root: Path) -> str:
    """Return `sha256:<hex>` over the sorted relative paths and the contents of all files in the splits."""
    total = hashlib.sha256()
    splits = [split for split in SPLITS if (root / split).is_dir()]
    files = [path for split in splits for folder in _class_folders(root, split) for path in files_of(folder)]
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _class_folders(root: Path, split: SplitName) -> list[Path]:
    folder = root / split
    if not folder.is_dir():
        raise DataError(f"{folder} is missing; a data set holds {split}/<class>/<image>.png (see data/README.md)")
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise DataError(f"{folder} is empty; put a folder for each class there, named after the class")
    return folders


def _target(folder: Path, labels: tuple[str, ...]) -> int:
    name = class_name(folder.name)
    if name not in labels:
        raise DataError(
            f"{folder} is of class {name}, which was not trained; the classes are {', '.join(labels)}: "
            "rename or remove the folder, or add the class to train"
        )
    return labels.index(name)


def files_of(folder: Path) -> list[Path]:
    """Return the files of a class folder that count, sorted; hidden ones do not."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
