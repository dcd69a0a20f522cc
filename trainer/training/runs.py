"""The run folder: what a training run leaves behind, all that publishing it needs."""

from dataclasses import dataclass
from pathlib import Path

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer import plots
from trainer.errors import RunError
from trainer.measures.epoch import Epoch
from trainer.measures.scores import Scores
from trainer.training.manifest import Manifest
from trainer.untyped import KerasModel

_MODEL, _MANIFEST, _HISTORY, _SAMPLE = "model.keras", "manifest.json", "history.json", "sample.npy"


@dataclass(frozen=True)
class Run:
    """What training made."""

    model: KerasModel
    manifest: Manifest
    history: tuple[Epoch, ...]
    sample: NDArray[np.uint8]
    """Validation images for the parity gate: uint8 `[n, H, W, C]`."""
    scores: Scores | None = None
    """On the validation split; None in a run that was read back, which has them in its manifest."""


def save_run(folder: Path, run: Run) -> None:
    """Write model.keras, sample.npy, config.json, history.json, two plots and, last, manifest.json.

    Raises:
        RunError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MANIFEST).unlink(missing_ok=True)
        run.model.save(folder / _MODEL)
        np.save(folder / _SAMPLE, run.sample)
        (folder / "training_history.png").write_bytes(plots.training_history(run.history))
        if run.scores is not None:
            (folder / "confusion_matrix.png").write_bytes(plots.confusion_matrix(run.scores))
        for name, value in (
            ("config.json", run.manifest.config),
            (_HISTORY, run.history),
            (_MANIFEST, run.manifest),
        ):
            (folder / name).write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}; name another with --run") from error


def load_run(folder: Path) -> Run:
    """Read a run.

    Raises:
        RunError: the folder is no finished run.
    """
    for name in (_MODEL, _MANIFEST, _HISTORY, _SAMPLE):
        if not (folder / name).is_file():
            raise RunError(f"{folder} is no finished run: {name} is missing; make one with `trainer train --run`")
    try:
        manifest = Manifest.from_json((folder / _MANIFEST).read_bytes())
        history = msgspec.json.decode((folder / _HISTORY).read_bytes(), type=tuple[Epoch, ...])
        model = keras.models.load_model(folder / _MODEL)
        sample = np.load(folder / _SAMPLE)
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        raise RunError(f"{folder} cannot be read: {error}; train again with `trainer train --run`") from error
    return Run(model, manifest, history, sample)
