"""Training: from a configuration to a run, a model with its manifest."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from trainer.config import TrainingConfig
from trainer.errors import ConfigError
from trainer.measures.epoch import Epoch
from trainer.networks.registry import image_spec
from trainer.training.checkpoint import Checkpoint
from trainer.training.events import Calibrated, Ending, Event, Finished, Passed, Started
from trainer.training.fit import Setting, fit
from trainer.training.input import Batches
from trainer.training.interruption import heeded
from trainer.training.material import Material, read_material
from trainer.training.network import plain_copy, start_network
from trainer.training.outcome import outcome
from trainer.training.runs import Run, begin_run, finish_run, refuse_taken, reopen_run
from trainer.untyped import KerasModel, Strategy


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
    data = read_material(settled, spec)
    refuse_taken(folder)
    scope, model = start_network(settled, data, fresh=True)  # what is refused here leaves no folder behind
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
    data = read_material(config, image_spec(config.architecture, config.image_size))
    if data.digest != data_digest:
        raise ConfigError(f"{config.data} has changed since {folder} was begun; train anew with `trainer train`")
    fresh = not Checkpoint(folder / "checkpoint").history()
    return _train(config, data, *start_network(config, data, fresh=fresh), folder, emit)


def _train(
    config: TrainingConfig,
    data: Material,
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
    run = outcome(plain_copy(model, config, data), config, data, history)
    emit(Calibrated(temperature=run.manifest.temperature, metrics=run.manifest.metrics))
    finish_run(folder, run, resumable=ended == "interrupted")
    if ended != "interrupted":
        checkpoint.remove()
    manifest = run.manifest
    emit(Finished(run=str(folder), ended=ended, metrics=manifest.metrics, model_digest=manifest.model_digest))
    return Trained(run, ended, interruption.signal if ended == "interrupted" else None)


def _started(folder: Path, config: TrainingConfig, data: Material, done: int) -> Started:
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
