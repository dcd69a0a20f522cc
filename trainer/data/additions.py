"""Images that are added to a data set's training split, such as those that clinicians have uploaded with a label.

What is measured must not be learned from: an image that has a twin in the validation or the test split is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gateway.imaging import ImageSpec
from trainer.data.dataset import Skipped, Split, joined, load_folders
from trainer.data.twins import fingerprints, twins

_REASON = "it is a copy of an image of the validation or the test split, on which the model is measured"


def load_additions(
    folders: Sequence[Path], labels: tuple[str, ...], spec: ImageSpec, cache: Path | None, measured: Iterable[Path]
) -> Split:
    """Decode the images of `<folder>/<class>/` for each folder, but for twins of what is measured, which are skipped.

    Args:
        folders: at least one.
        labels: the classes that may occur.
        spec: the array that the model takes.
        cache: a folder where decoded images are kept; None keeps them in memory.
        measured: files of the splits that a model is measured on.

    Raises:
        DataError: a folder holds no class folder, a class that is not in `labels`, or a class without a readable image.
    """
    read = joined([load_folders(folder, labels, spec, cache) for folder in folders])
    leaking = twins(list(fingerprints(read.paths)), list(fingerprints(measured)))
    if not leaking.any():
        return read
    kept = np.flatnonzero(~leaking).tolist()
    return replace(
        read,
        images=read.images[kept],
        targets=read.targets[kept],
        paths=tuple(read.paths[place] for place in kept),
        skipped=(*read.skipped, *(Skipped(read.paths[place], _REASON) for place in np.flatnonzero(leaking).tolist())),
    )
