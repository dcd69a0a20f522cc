"""The run folder: what a training run leaves behind, all that publishing it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer import plots
from trainer.config import TrainingConfig
from trainer.errors import RunError
from trainer.measures.epoch import Epoch
from trainer.measures.scores import Scores
from trainer.training.manifest import Manifest
from trainer.untyped import KerasModel

_MODEL, _MANIFEST, _HISTORY, _SAMPLE = "model.keras", "manifest.json", "history.json", "sample.npy"
_BEGUN = "begun.json"
"""Is there as long as training may go on."""
MEND = "mend that, and go on with --resume"
"""What to do where a run that was begun cannot be written."""


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


class _Begun(msgspec.Struct, frozen=True):
    """What an unfinished run is known by: enough to go on with it."""

    config: TrainingConfig
    data_digest: str


def begin_run(folder: Path, config: TrainingConfig, data_digest: str) -> None:
    """Make a run's folder, and write down in config.json and begun.json what is to be done.

    Raises:
        RunError: the folder holds something already, or cannot be written.
    """
    refuse_taken(folder)
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / _BEGUN, _Begun(config, data_digest))  # first: from here on it can be resumed
        _write_json(folder / "config.json", config)


def refuse_taken(folder: Path) -> None:
    """See that a run's folder is new or empty.

    Raises:
        RunError: it holds something already, or cannot be read.
    """
    with written(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(
                f"{folder} is not an empty folder; go on with an unfinished run by --resume, or name another with --run"
            )


def reopen_run(folder: Path) -> tuple[TrainingConfig, str]:
    """Return the configuration and the data set's digest of an unfinished run.

    Raises:
        RunError: the folder holds no unfinished run.
    """
    try:
        begun = msgspec.json.decode((folder / _BEGUN).read_bytes(), type=_Begun)
    except FileNotFoundError as error:
        state = "is finished" if (folder / _MANIFEST).is_file() else "holds no run"
        raise RunError(f"{folder} {state}; begin one with `trainer train --data`") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(f"{folder} cannot be gone on with: {error}; begin a run with `trainer train --data`") from error
    return begun.config, begun.data_digest


def finish_run(folder: Path, run: Run, *, resumable: bool = False) -> None:
    """Write model.keras, sample.npy, history.json, two plots and, last, manifest.json.

    Args:
        folder: of a run that was begun.
        run: what training made.
        resumable: training was interrupted, and may go on.

    Raises:
        RunError: the folder cannot be written.
    """
    with written(folder, MEND):
        (folder / _MANIFEST).unlink(missing_ok=True)
        run.model.save(folder / _MODEL)
        np.save(folder / _SAMPLE, run.sample)
        (folder / "training_history.png").write_bytes(plots.training_history(run.history))
        if run.scores is not None:
            (folder / "confusion_matrix.png").write_bytes(plots.confusion_matrix(run.scores))
        _write_json(folder / _HISTORY, run.history)
        _write_json(folder / _MANIFEST, run.manifest)
        if not resumable:
            (folder / _BEGUN).unlink()


@contextmanager
def written(folder: Path, remedy: str = "name another with --run") -> Iterator[None]:
    """Turn what the file system refuses into a RunError that names the run's folder and the remedy."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror or error}; {remedy}") from error


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


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
