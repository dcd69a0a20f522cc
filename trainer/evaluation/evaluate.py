"""Evaluation: of a run's model in memory, or of a published version through the signature that is served."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.data.dataset import Split, SplitName, load_split
from trainer.data.twins import fingerprints, twins
from trainer.measures.calibration import scaled
from trainer.measures.epoch import Epoch
from trainer.measures.findings import Answers, Evaluation, find, find_without
from trainer.networks.predict import predict_model
from trainer.store.saved_model import can_explain, explain_version, load_version, predict_version, read_manifest
from trainer.store.signatures import explain_model
from trainer.store.versions import find_version
from trainer.training.manifest import Manifest
from trainer.training.runs import load_run


@dataclass(frozen=True)
class Subject:
    """What is evaluated."""

    name: str
    manifest: Manifest
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """uint8 `[N, H, W, C]` -> float32 `[N, K]`, calibrated."""
    explain: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None
    """uint8 `[N, H, W, C]` -> heat maps, float32 `[N, H, W]`, 0 to 1; None for a version that was published before
    there were any."""
    history: tuple[Epoch, ...] = ()
    """How it was trained; empty for a version, which does not know."""


@dataclass(frozen=True)
class Examined:
    """All that an evaluation saw and found."""

    subject: Subject
    read: Split
    answers: Answers
    evaluation: Evaluation


def of_run(folder: Path) -> Subject:
    """Return the Keras model of a run, with the run's temperature.

    Raises:
        RunError: the folder is no finished run.
    """
    run = load_run(folder)
    temperature = run.manifest.temperature
    return Subject(
        str(folder),
        run.manifest,
        lambda images: scaled(predict_model(run.model, images), temperature),
        lambda images: explain_model(run.model, temperature, run.manifest.image, images),
        run.history,
    )


def of_version(store: Path, number: int | None) -> Subject:
    """Return a published version, the newest unless `number` says else, as `serving_default` and `describe` show it.

    Raises:
        RunError: there is no such version.
    """
    folder = find_version(store, number)
    loaded = load_version(folder)
    return Subject(
        str(folder),
        read_manifest(loaded),
        lambda images: predict_version(loaded, images),
        (lambda images: explain_version(loaded, images)[0]) if can_explain(loaded) else None,
    )


def examine(subject: Subject, data: Path, split: SplitName) -> Examined:
    """Read a split as the subject's manifest says, and find out how good the subject's answers on it are.

    Raises:
        DataError: the split cannot be used, or holds a class that the subject does not know.
    """
    manifest = subject.manifest
    read = load_split(data, split, manifest.labels, manifest.image)
    answers = Answers(read.targets, subject.predict(read.images), manifest.labels, manifest.temperature)
    found = find_twins(read.paths, data / "train")
    evaluation = Evaluation(
        **msgspec.structs.asdict(find(answers)),
        subject=subject.name,
        split=split,
        temperature=manifest.temperature,
        skipped=len(read.skipped),
        twins=None if found is None else int(found.sum()),
        without_twins=None if found is None else find_without(answers, found),
    )
    return Examined(subject, read, answers, evaluation)


def find_twins(paths: tuple[Path, ...], train: Path) -> NDArray[np.bool_] | None:
    """Say which of the images at `paths` have a twin in the folder `train`, bool `[N]`; None if there is no folder."""
    if not train.is_dir():
        return None
    trained = sorted(path for path in train.glob("[!.]*/[!.]*") if path.is_file())
    return twins(list(fingerprints(paths)), list(fingerprints(trained)))
