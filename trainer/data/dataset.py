"""A data set: `<root>/{train,valid,test}/<class>/<image>`, read by the one decoder, `gateway.imaging`.

A class folder may carry a suffix after an underscore, as the public set's do:
`normal` and `normal_left` are both `normal`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.imaging import ImageSpec
from trainer.data.cache import decode_all
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
    """One split, decoded; row i of `images` and `targets` came from `paths[i]`."""

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


def load_split(
    root: Path, split: SplitName, labels: tuple[str, ...], spec: ImageSpec, cache: Path | None = None
) -> Split:
    """Decode every image of a split, in the order of the sorted paths; unreadable ones are skipped and reported.

    Args:
        root: the data set.
        split: which part of it.
        labels: the classes that may occur; a row's target is a place in this list.
        spec: the array that the model takes.
        cache: a folder where decoded images are kept; None keeps them in memory.

    Raises:
        DataError: the split is missing, holds a class that is not in `labels`, or a class without a readable image; or
            the cache cannot be used.
    """
    return _load(_class_folders(root, split), labels, spec, cache)


def load_folders(folder: Path, labels: tuple[str, ...], spec: ImageSpec, cache: Path | None = None) -> Split:
    """Decode the images of `folder/<class>/`, as `load_split` does."""
    return _load(
        _visible_folders(folder, f"{folder} holds no class folder; it needs <class>/<image>.png"), labels, spec, cache
    )


def joined(splits: Sequence[Split]) -> Split:
    """Return the rows of several splits as one, in order; a single one is returned as it is."""
    if len(splits) == 1:
        return splits[0]
    return Split(
        np.concatenate([split.images for split in splits]),
        np.concatenate([split.targets for split in splits]),
        tuple(path for split in splits for path in split.paths),
        tuple(skipped for split in splits for skipped in split.skipped),
    )


def digest(root: Path, additions: Sequence[Path] = ()) -> str:
    """Return `sha256:<hex>` over the sorted relative paths and the contents of all files in the splits.

    The files of `additions`, folders with class folders, count too; where those lie, and their order, does not.
    """
    splits = [split for split in SPLITS if (root / split).is_dir()]
    files = [path for split in splits for folder in _class_folders(root, split) for path in files_of(folder)]
    total = hashlib.sha256(_listing(root, files))
    for listing in sorted(_listing(folder, folder.glob("[!.]*/[!.]*")) for folder in additions):
        total.update(f"additions/{hashlib.sha256(listing).hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _listing(root: Path, files: Iterable[Path]) -> bytes:
    """Return a line for each file, sorted: its path below `root`, and the SHA-256 of its content."""
    named = sorted((path.relative_to(root).as_posix(), path) for path in files)
    return "".join(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for name, path in named).encode()


def _load(folders: list[Path], labels: tuple[str, ...], spec: ImageSpec, cache: Path | None) -> Split:
    files = [(path, _target(folder, labels)) for folder in folders for path in files_of(folder)]
    paths = [path for path, _ in files]
    decoded = decode_all(paths, spec, cache)
    filled = {paths[place].parent for place in decoded.kept}
    for folder in folders:
        if folder not in filled:
            raise DataError(f"{folder} holds no readable image; put PNG or JPEG files there, or remove the folder")
    return Split(
        decoded.images,
        np.asarray([files[place][1] for place in decoded.kept], np.int64),
        tuple(paths[place] for place in decoded.kept),
        tuple(Skipped(paths[place], reason) for place, reason in decoded.refused.items()),
    )


def _class_folders(root: Path, split: SplitName) -> list[Path]:
    folder = root / split
    if not folder.is_dir():
        raise DataError(f"{folder} is missing; a data set holds {split}/<class>/<image>.png (see data/README.md)")
    return _visible_folders(folder, f"{folder} is empty; put a folder for each class there, named after the class")


def _visible_folders(folder: Path, refusal: str) -> list[Path]:
    """Return the folders in `folder`, sorted; `refusal` is said where there is none."""
    found = folder.iterdir() if folder.is_dir() else ()
    folders = sorted(path for path in found if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise DataError(refusal)
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
