"""Two versions on the same images: where they differ, and whether that could be chance.

McNemar's test (McNemar 1947, Psychometrika 12:153) looks at the images that only one of the two gets right: were both
equally good, each such image would fall to either with probability 1/2. With few such images the chi-square
approximation, even with Edwards's continuity correction (1948, Psychometrika 13:185), is rough; the binomial test that
it approximates is exact and as cheap.
"""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from trainer.data.dataset import Split, SplitName, load_split
from trainer.errors import RunError
from trainer.store.saved_model import load_version, predict_version, read_manifest
from trainer.store.versions import find_version
from trainer.training.manifest import Manifest


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """An image that the two versions answer differently."""

    file: str
    truth: str
    first: str
    """What the first version says."""
    second: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions' answers to one split."""

    versions: tuple[int, int]
    images: int
    accuracy: tuple[float, float]
    only_first_right: int
    only_second_right: int
    p_value: float
    """How probable a split of these images at least so uneven is, were both versions equally good; two-sided."""
    disagreements: tuple[Disagreement, ...]


def compare(store: Path, numbers: tuple[int, int], data: Path, split: SplitName) -> tuple[Comparison, Split]:
    """Ask two versions of a store about the same images, through `serving_default`.

    Returns:
        What came out, and the images as the first version sees them.

    Raises:
        DataError: the split cannot be used.
        RunError: a version is missing, or the two know different classes.
    """
    folders = [find_version(store, number) for number in numbers]
    loaded = [load_version(folder) for folder in folders]
    first, second = (read_manifest(version) for version in loaded)
    _refuse_other_labels(numbers, first, second)
    reads = [load_split(data, split, first.labels, manifest.image) for manifest in (first, second)]
    answers = [
        predict_version(version, read.images).argmax(axis=1) for version, read in zip(loaded, reads, strict=True)
    ]
    return judge(numbers, first.labels, reads[0], (answers[0], answers[1])), reads[0]


def judge(
    numbers: tuple[int, int],
    labels: tuple[str, ...],
    read: Split,
    answers: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Comparison:
    """Compare two versions' answers, int64 `[N]` each, with each other and with the truth."""
    first, second = answers
    right = first == read.targets, second == read.targets
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return Comparison(
        versions=numbers,
        images=len(read.paths),
        accuracy=(float(right[0].mean()), float(right[1].mean())),
        only_first_right=only[0],
        only_second_right=only[1],
        p_value=mcnemar(*only),
        disagreements=tuple(
            Disagreement(file=str(path), truth=labels[truth], first=labels[one], second=labels[other])
            for path, truth, one, other in zip(read.paths, read.targets, first, second, strict=True)
            if one != other
        ),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's exact test, two-sided.

    Args:
        only_first: images that only the first got right.
        only_second: images that only the second got right.
    """
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def _refuse_other_labels(numbers: tuple[int, int], first: Manifest, second: Manifest) -> None:
    if first.labels != second.labels:
        raise RunError(
            f"versions {numbers[0]} and {numbers[1]} know different classes, {', '.join(first.labels)} against "
            f"{', '.join(second.labels)}: their answers cannot be compared; name two versions with the same"
        )
