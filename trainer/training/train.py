"""Training: from a configuration to a run, a model with its manifest."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import msgspec
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.imaging import ImageSpec
from trainer.config import TrainingConfig
from trainer.data.additions import load_additions
from trainer.data.dataset import Split, digest, find_labels, joined, load_split
from trainer.errors import ConfigError
from trainer.measures.calibration import calibration_error, fit_temperature, reliability, scaled
from trainer.measures.epoch import Epoch
from trainer.measures.scores import Scores, score
from trainer.networks.predict import predict_model
from trainer.networks.registry import image_spec, plan
from trainer.networks.transfer import bring_weights
from trainer.training.checkpoint import Checkpoint
from trainer.training.devices import strategy
from trainer.training.digest import model_digest
from trainer.training.events import Calibrated, Ending, Event, Finished, Passed, Started
from trainer.training.fit import Setting, fit
from trainer.training.input import Batches
from trainer.training.interruption import heeded
from trainer.training.manifest import describe_training
from trainer.training.runs import Run, begin_run, finish_run, refuse_taken, reopen_run
from trainer.untyped import KerasModel, Strategy

SAMPLE_SIZE = 64
"""Validation images that travel with a run, for the parity gate at export; 64 of 224x224x3 bytes are 9.6 MB."""


@dataclass(frozen=True)
class _Data:
    """What is trained on."""

    labels: tuple[str, ...]
    spec: ImageSpec
    train: Split
    valid: Split
    digest: str


class Trained(msgspec.Struct, frozen=True):
    """A run that was written, and why its training ended."""

    run: Run
    ended: Ending
    signal: int | None
    """The number of the signal that ended it."""


def train(config: TrainingConfig, folder: Path, emit: Callable[[Event], None]) -> Trained:
    """Train a network until the validation loss stops falling, keep the weights of its lowest point, and calibrate it.

    The temperature is fitted on the validation split, on which the run's metrics are then measured: its calibration
    error after fitting flatters; `trainer evaluate` measures it on another split.

    Args:
        config: what to do.
        folder: where the run is written; new or empty.
        emit: is told what happens.

    Raises:
        ConfigError: the configuration cannot be followed here.
        DataError: the data set cannot be used.
        RunError: the folder holds something, or cannot be written.
        TrainingError: the loss is not finite, or SIGTERM came before an epoch was done.
    """
    spec = image_spec(config.architecture, config.image_size)
    settled = msgspec.structs.replace(config, image_size=spec.height)
    data = _read(settled, spec)
    refuse_taken(folder)
    scope, model = _built(settled, data, fresh=True)  # what is refused here leaves no folder behind
    begin_run(folder, settled, data.digest)
    return _train(settled, data, scope, model, folder, emit)


def resume(folder: Path, emit: Callable[[Event], None]) -> Trained:
    """Go on with a run that was interrupted, from its last whole epoch.

    The outcome is the same, bit by bit, as if it had not been interrupted.

    Raises:
        ConfigError: the data set has changed, or the configuration cannot be followed here.
        DataError: the data set cannot be used.
        RunError: the folder holds no unfinished run, or cannot be written.
        TrainingError: the loss is not finite, or SIGTERM came before an epoch was done.
    """
    config, data_digest = reopen_run(folder)
    data = _read(config, image_spec(config.architecture, config.image_size))
    if data.digest != data_digest:
        raise ConfigError(f"{config.data} has changed since {folder} was begun; train anew with `trainer train`")
    fresh = not Checkpoint(folder / "checkpoint").history()
    return _train(config, data, *_built(config, data, fresh=fresh), folder, emit)


def _built(config: TrainingConfig, data: _Data, *, fresh: bool) -> tuple[Strategy, KerasModel]:
    """Return the devices as one, and the network on them with the weights that it starts from."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(config.seed)
    chosen = strategy(config.devices, config.batch_size)
    with chosen.scope():
        return chosen, _build(config, data, fresh=fresh)


def _train(
    config: TrainingConfig,
    data: _Data,
    scope: Strategy,
    model: KerasModel,
    folder: Path,
    emit: Callable[[Event], None],
) -> Trained:
    checkpoint = Checkpoint(folder / "checkpoint")
    with heeded() as interruption, scope.scope():
        emit(_started(folder, config, data, len(checkpoint.history())))
        batches = Batches(data.train, data.spec, config, len(data.labels))
        setting = Setting(
            config, data.train, data.valid, batches, checkpoint, interruption, folder, _told(config, emit)
        )
        history, ended = fit(model, setting)
    run = _calibrated(_plain(model), config, data, history, emit)
    finish_run(folder, run, resumable=ended == "interrupted")
    if ended != "interrupted":
        checkpoint.remove()
    manifest = run.manifest
    emit(Finished(run=str(folder), ended=ended, metrics=manifest.metrics, model_digest=manifest.model_digest))
    return Trained(run, ended, interruption.signal if ended == "interrupted" else None)


def _read(config: TrainingConfig, spec: ImageSpec) -> _Data:
    root, cache = Path(config.data), Path(config.cache) if config.cache else None
    additions = tuple(map(Path, config.additions))
    labels = find_labels(root)
    train = load_split(root, "train", labels, spec, cache)
    valid = load_split(root, "valid", labels, spec, cache)
    if additions:
        measured = (*valid.paths, *(root / "test").glob("[!.]*/[!.]*"))
        train = joined([train, load_additions(additions, labels, spec, cache, measured)])
    return _Data(labels, spec, train, valid, digest(root, additions))


def _build(config: TrainingConfig, data: _Data, *, fresh: bool) -> KerasModel:
    """Build the network; one whose training goes on gets its weights from the checkpoint."""
    model = plan(config.architecture).build(data.spec.shape, len(data.labels))
    if fresh and config.weights != "none":
        bring_weights(model, config.weights)
    if fresh and config.initial is not None:
        _copy_weights(model, config.initial)
    return model


def _copy_weights(model: KerasModel, file: str) -> None:
    try:
        model.set_weights(keras.models.load_model(file, compile=False).get_weights())
    except (OSError, ValueError) as error:
        raise ConfigError(f"initial={file} gives no weights for {model.name}: {error}") from error


def _plain(model: KerasModel) -> KerasModel:
    """Return a copy that knows nothing of how it was trained: no optimiser, no devices."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _calibrated(
    model: KerasModel,
    config: TrainingConfig,
    data: _Data,
    history: tuple[Epoch, ...],
    emit: Callable[[Event], None],
) -> Run:
    temperature, scores, metrics = calibrate(predict_model(model, data.valid.images), data.valid.targets, data.labels)
    emit(Calibrated(temperature=temperature, metrics=metrics))
    manifest = describe_training(config, data.labels, data.spec, metrics, data.digest)
    digest = model_digest(model, data.labels, data.spec, temperature)
    manifest = msgspec.structs.replace(manifest, temperature=temperature, model_digest=digest)
    return Run(model, manifest, history, _sample(data.valid.images), scores)


def calibrate(
    raw: NDArray[np.float32], targets: NDArray[np.int64], labels: tuple[str, ...]
) -> tuple[float, Scores, dict[str, float]]:
    """Fit the temperature, and score the answers that come with it.

    Args:
        raw: the model's probabilities, float32 `[N, K]`.
        targets: int64 `[N]`.
        labels: the K classes.

    Returns:
        The temperature, the scores, and the manifest's metrics: those of the scores, and `ece_uncalibrated`.
    """
    temperature = fit_temperature(targets, raw)
    scores = score(targets, scaled(raw, temperature), labels)
    before = calibration_error(reliability(targets, raw))
    return temperature, scores, {**scores.metrics(), "ece_uncalibrated": round(before, 5)}


def _started(folder: Path, config: TrainingConfig, data: _Data, done: int) -> Started:
    return Started(
        run=str(folder),
        labels=data.labels,
        train=len(data.train.paths),
        valid=len(data.valid.paths),
        skipped=tuple((str(path), why) for split in (data.train, data.valid) for path, why in split.skipped),
        epochs=config.epochs,
        done=done,
        progress=done / config.epochs,
    )


def _told(config: TrainingConfig, emit: Callable[[Event], None]) -> Callable[[Epoch], None]:
    """Return what turns an epoch into an event."""
    return lambda epoch: emit(
        Passed(epochs=config.epochs, progress=epoch.epoch / config.epochs, **msgspec.structs.asdict(epoch))
    )


def _sample(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    places: Iterable[int] = np.linspace(0, len(images) - 1, min(SAMPLE_SIZE, len(images))).round().astype(int)
    return images[list(places)]
