"""The promotion gate: a run does not replace a version that answers clearly better.

Both answer the same images. The measure is macro F1, the mean of the classes' F1, each with the same weight: accuracy
and everything else that counts images would let a model pass that has given up on a class with few of them.
"""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.data.dataset import Split, load_split
from trainer.errors import DataError, PromotionError, RunError
from trainer.measures.scores import score
from trainer.networks.predict import predict_model
from trainer.store.saved_model import load_version, predict_version, read_manifest
from trainer.store.versions import find_version, versions
from trainer.training.manifest import Manifest
from trainer.training.runs import Run
from trainer.untyped import SavedModel


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What both scored on the evaluation set."""

    version: int
    """The number of the version that is served now."""
    images: int
    current: float
    """Its macro F1."""
    run: float
    """The run's macro F1."""


def check_promotion(run: Run, store: Path, margin: float, data: Path | None = None) -> Verdict | None:
    """Compare a run with the newest version of a store on one evaluation set.

    Args:
        run: what is to be published.
        store: where; an empty one, or none, needs no gate.
        margin: how much lower the run's macro F1 may be.
        data: the data set whose `valid` split both answer; the run's own, unless said.

    Returns:
        The figures, or None where there is nothing to replace.

    Raises:
        PromotionError: the run is worse by more than the margin, or the two cannot be compared.
    """
    if not versions(store):
        return None
    folder = find_version(store, None)
    current, manifest = _load(folder)
    if manifest.labels != run.manifest.labels:
        raise PromotionError(
            f"the run knows the classes {', '.join(run.manifest.labels)}, but {folder} {', '.join(manifest.labels)}; "
            "publish it into a store of its own, or say --force if clients expect the change"
        )
    seen = _evaluation_set(run, run.manifest, folder, data)
    verdict = Verdict(
        version=int(folder.name),
        images=len(seen.paths),
        current=_macro_f1(
            predict_version(current, _evaluation_set(run, manifest, folder, data).images), seen.targets, manifest
        ),
        run=_macro_f1(predict_model(run.model, seen.images), seen.targets, manifest),
    )
    _judge(verdict, folder, margin)
    return verdict


def _judge(verdict: Verdict, folder: Path, margin: float) -> None:
    if verdict.current - verdict.run > margin:
        raise PromotionError(
            f"the run is worse than {folder}, which it would replace: macro F1 {verdict.run:.3f} against "
            f"{verdict.current:.3f} on the same {verdict.images} images; the margin is {margin:g}. Nothing was "
            "published; train a better one, or raise --margin, or say --force"
        )


def _load(folder: Path) -> tuple[SavedModel, Manifest]:
    """Load the version that is served now."""
    try:
        loaded = load_version(folder)
        return loaded, read_manifest(loaded)
    except (RunError, OSError, KeyError, ValueError, msgspec.MsgspecError) as error:
        raise PromotionError(
            f"{folder}, which the run would replace, cannot be asked: {error}; retire it, or say --force"
        ) from error


def _evaluation_set(run: Run, manifest: Manifest, folder: Path, data: Path | None) -> Split:
    """Read the images as a manifest says."""
    root = data or Path(run.manifest.config.data)
    try:
        return load_split(root, "valid", manifest.labels, manifest.image)
    except DataError as error:
        raise PromotionError(
            f"the run cannot be compared with {folder}, which it would replace: {error}. Name a data set with --data, "
            "or say --force"
        ) from error


def _macro_f1(answers: NDArray[np.float32], targets: NDArray[np.int64], manifest: Manifest) -> float:
    """Return the mean F1 of the classes; answers float32 `[N, K]`, targets int64 `[N]`."""
    return score(targets, answers, manifest.labels).macro_f1
