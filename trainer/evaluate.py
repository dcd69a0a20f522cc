"""Evaluation: of a run's model in memory, or of a published version through the signature that is served."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Split, SplitName, load_split
from trainer.manifest import Manifest
from trainer.predict import load_version, predict_model, predict_version, read_manifest
from trainer.publish import find_version
from trainer.runs import load_run
from trainer.scores import Scores, score


@dataclass(frozen=True)
class Subject:
    """What is evaluated."""

    name: str
    manifest: Manifest
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """uint8 `[N, H, W, C]` -> float32 `[N, K]`."""


def of_run(folder: Path) -> Subject:
    """Return the Keras model of a run.

    Raises:
        RunError: the folder is no finished run.
    """
    run = load_run(folder)
    return Subject(str(folder), run.manifest, lambda images: predict_model(run.model, images))


def of_version(store: Path, number: int | None) -> Subject:
    """Return a published version, the newest unless `number` says else, as `serving_default` and `describe` show it.

    Raises:
        RunError: there is no such version.
    """
    folder = find_version(store, number)
    loaded = load_version(folder)
    return Subject(str(folder), read_manifest(loaded), lambda images: predict_version(loaded, images))


def evaluate(subject: Subject, data: Path, split: SplitName) -> tuple[Split, Scores]:
    """Read a split as the subject's manifest says, and score the subject's answers on it.

    Raises:
        DataError: the split cannot be used, or holds a class that the subject does not know.
    """
    labels = subject.manifest.labels
    read = load_split(data, split, labels, subject.manifest.image)
    return read, score(read.targets, subject.predict(read.images), labels)
