"""Training: from a configuration to a run, a model with its manifest."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.imaging import ImageSpec
from trainer.config import TrainingConfig
from trainer.data.dataset import Split, digest, find_labels, load_split
from trainer.measures.calibration import calibration_error, fit_temperature, reliability, scaled
from trainer.measures.epoch import Epoch
from trainer.measures.scores import Scores, score
from trainer.networks.predict import predict_model
from trainer.networks.registry import plan
from trainer.reporting.console import Lines
from trainer.training.manifest import describe_training
from trainer.training.runs import Run
from trainer.untyped import KerasCallback, KerasModel

SAMPLE_SIZE = 64
"""Validation images that travel with a run, for the parity gate at export; 64 of 224x224x3 bytes are 9.6 MB."""


def train(config: TrainingConfig, reporter: Lines) -> Run:
    """Train a network until the validation loss stops falling, keep the weights of its lowest point, and calibrate it.

    The temperature is fitted on the validation split, on which the run's metrics are then measured: its calibration
    error after fitting flatters; `trainer evaluate` measures it on another split.

    Raises:
        DataError: the data set cannot be used.
    """
    root = Path(config.data)
    spec = ImageSpec(plan(config.architecture).mode, config.image_size, config.image_size, "bilinear")
    labels = find_labels(root)
    split = load_split(root, "train", labels, spec)
    valid = load_split(root, "valid", labels, spec)
    reporter.data(labels, split, valid)
    keras.utils.set_random_seed(config.seed)
    model = plan(config.architecture).build(spec.shape, len(labels))
    history = fit(model, config, split, valid, reporter.epoch)
    temperature, scores, metrics = calibrate(predict_model(model, valid.images), valid.targets, labels)
    reporter.calibration(temperature, metrics)
    manifest = describe_training(config, labels, spec, metrics, digest(root))
    manifest = msgspec.structs.replace(manifest, temperature=temperature)
    return Run(model, manifest, history, _sample(valid.images), scores)


def fit(
    model: KerasModel,
    config: TrainingConfig,
    split: Split,
    valid: Split,
    on_epoch: Callable[[Epoch], None],
) -> tuple[Epoch, ...]:
    """Fit `model` in place and return its epochs."""
    steps = -(-len(split.images) // config.batch_size)
    decay = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    model.compile(keras.optimizers.Adam(decay), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs: list[Epoch] = []
    stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.patience, restore_best_weights=True)
    model.fit(
        split.images,
        split.targets,
        batch_size=config.batch_size,
        epochs=config.epochs,
        validation_data=(valid.images, valid.targets),
        callbacks=[stopping, _recorder(epochs, on_epoch)],
        verbose=0,
    )
    return tuple(epochs)


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


def _recorder(epochs: list[Epoch], on_epoch: Callable[[Epoch], None]) -> KerasCallback:
    started = time.monotonic()

    def record(index: int, logs: dict[str, float]) -> None:
        nonlocal started
        figures = {key: round(float(logs[key]), 5) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
        now = time.monotonic()
        epochs.append(Epoch(epoch=index + 1, seconds=round(now - started, 3), **figures))
        started = now
        on_epoch(epochs[-1])

    return keras.callbacks.LambdaCallback(on_epoch_end=record)


def _sample(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    places: Iterable[int] = np.linspace(0, len(images) - 1, min(SAMPLE_SIZE, len(images))).round().astype(int)
    return images[list(places)]
