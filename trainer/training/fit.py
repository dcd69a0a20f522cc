"""Fitting a network's weights, phase by phase; it may be interrupted after any step, and goes on after any epoch."""

import csv
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import keras
import msgspec

from trainer.config import TrainingConfig
from trainer.data.dataset import Split
from trainer.errors import TrainingError
from trainer.measures.epoch import Epoch
from trainer.networks.transfer import freeze, thaw
from trainer.training.checkpoint import Checkpoint, best_epoch
from trainer.training.events import Ending
from trainer.training.filesystem import system_errors
from trainer.training.input import Batches, class_weights
from trainer.training.interruption import Interruption
from trainer.training.phases import Phase, phases
from trainer.training.runs import MEND, written
from trainer.untyped import KerasCallback, KerasModel, KerasOptimizer

_VALIDATION_BATCH = 32


@dataclass(frozen=True)
class Setting:
    """All that fitting needs beside the network."""

    config: TrainingConfig
    train: Split
    valid: Split
    batches: Batches
    checkpoint: Checkpoint
    interruption: Interruption
    logs: Path
    """The folder for `epochs.csv` and TensorBoard's event files."""
    on_epoch: Callable[[Epoch], None]


def fit(model: KerasModel, setting: Setting) -> tuple[tuple[Epoch, ...], Ending]:
    """Fit `model` in place, from the checkpoint on if there is one, and leave it with the weights of the best epoch.

    Returns:
        All epochs, those before the checkpoint included, and why there are no more.

    Raises:
        RunError: the checkpoint or the logs cannot be written.
        TrainingError: a loss is not finite, or the process was told to end before an epoch was done.
    """
    progress = _Progress(setting)
    resumed = len(progress.history)
    for phase in phases(setting.config):
        _prepare(model, phase, setting)
        if phase.first < resumed <= phase.end:
            setting.checkpoint.restore(model)  # into the phase that it was written in, whose optimiser it holds
        if len(progress.history) < phase.end and not progress.ended:
            _fit_phase(model, phase, setting, progress)
    if not progress.history:
        raise TrainingError(
            f"training was told to end before its first epoch was done; start it over with --resume {setting.logs}"
        )
    setting.checkpoint.restore_best(model)
    return progress.history, progress.ended or "epochs"


def _prepare(model: KerasModel, phase: Phase, setting: Setting) -> None:
    """Say which layers learn in a phase, and give them a new optimiser."""
    if setting.config.weights != "none":
        (freeze if phase.frozen else thaw)(model)
    _compile(model, setting.config, phase, setting.batches.steps)


def _fit_phase(model: KerasModel, phase: Phase, setting: Setting, progress: "_Progress") -> None:
    config, classes, targets = setting.config, model.output_shape[-1], setting.valid.targets
    devices = max(len(config.devices), 1)
    shared = len(targets) // devices * devices or len(targets)  # an image for each device in every step, or none
    with suppress(_InterruptedError), written(setting.logs, MEND), system_errors():
        model.fit(
            setting.batches.dataset(),
            shuffle=False,  # the pipeline has done it
            initial_epoch=len(progress.history),
            epochs=phase.end,
            validation_data=(setting.valid.images[:shared], keras.utils.to_categorical(targets[:shared], classes)),
            validation_batch_size=max(_VALIDATION_BATCH // devices, 1) * devices,
            class_weight=class_weights(setting.train.targets, classes) if config.class_weights else None,
            callbacks=[progress.callback(model), _tensorboard(setting.logs)],
            verbose=0,
        )


def _tensorboard(logs: Path) -> KerasCallback:
    return keras.callbacks.TensorBoard(logs / "tensorboard", write_graph=False)


def _compile(model: KerasModel, config: TrainingConfig, phase: Phase, steps: int) -> None:
    model.compile(
        _optimizer(config, phase, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy", keras.metrics.CategoricalCrossentropy(name="cross_entropy")],
    )


def _optimizer(config: TrainingConfig, phase: Phase, steps: int) -> KerasOptimizer:
    rate: float | keras.optimizers.schedules.LearningRateSchedule = phase.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(phase.learning_rate, steps * (phase.end - phase.first))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _InterruptedError(Exception):
    """The process was told to end."""


class _Progress:
    """Keeps the history, a checkpoint and `epochs.csv` after each epoch, and ends training in time."""

    def __init__(self, setting: Setting) -> None:
        self.history = setting.checkpoint.history()
        self.ended: Ending | None = None
        self._setting = setting
        self._started = 0.0
        self._end_in_time()  # killed after its last epoch, and resumed

    def callback(self, model: KerasModel) -> KerasCallback:
        """Return what Keras calls while it fits `model`."""
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, *_: self._begin(epoch, model),
            on_train_batch_end=lambda *_, **__: self._step(),
            on_epoch_end=lambda epoch, logs: self._end(epoch, logs, model),
        )

    def _begin(self, epoch: int, model: KerasModel) -> None:
        self._started = time.monotonic()
        self._setting.batches.begin(epoch, model)

    def _step(self) -> None:
        if self._setting.interruption.signal is not None:
            self.ended = "interrupted"
            raise _InterruptedError

    def _end(self, epoch: int, logs: dict[str, float], model: KerasModel) -> None:
        setting = self._setting
        self.history = (*self.history, _epoch(epoch, logs, time.monotonic() - self._started))
        setting.checkpoint.save(model, self.history)
        _write_csv(setting.logs / "epochs.csv", self.history)
        setting.on_epoch(self.history[-1])
        self._end_in_time()
        model.stop_training = self.ended is not None

    def _end_in_time(self) -> None:
        if self.history and len(self.history) - best_epoch(self.history).epoch >= self._setting.config.patience:
            self.ended = "patience"


def _epoch(index: int, logs: dict[str, float], seconds: float) -> Epoch:
    epoch = Epoch(
        epoch=index + 1,
        loss=round(float(logs["cross_entropy"]), 5),
        accuracy=round(float(logs["accuracy"]), 5),
        val_loss=round(float(logs["val_cross_entropy"]), 5),
        val_accuracy=round(float(logs["val_accuracy"]), 5),
        seconds=round(seconds, 3),
    )
    if not (math.isfinite(epoch.loss) and math.isfinite(epoch.val_loss)):
        raise TrainingError(
            f"the loss of epoch {epoch.epoch} is {epoch.loss}, on the validation split {epoch.val_loss}; train with a "
            "lower --learning-rate"
        )
    return epoch


def _write_csv(path: Path, history: tuple[Epoch, ...]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, Epoch.__struct_fields__)
        writer.writeheader()
        writer.writerows(map(msgspec.structs.asdict, history))
