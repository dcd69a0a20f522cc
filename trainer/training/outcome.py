"""The outcome of a training: its network calibrated, scored, described."""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainingConfig
from trainer.measures.abstention import abstention_threshold, appearances, usual_appearance
from trainer.measures.calibration import calibration_error, fit_temperature, reliability, scaled
from trainer.measures.curves import curves
from trainer.measures.drift_reference import drift_reference
from trainer.measures.epoch import Epoch
from trainer.measures.scores import Scores, score
from trainer.networks.predict import predict_model
from trainer.training.digest import model_digest
from trainer.training.manifest import describe_training
from trainer.training.material import Material
from trainer.training.runs import Run
from trainer.untyped import KerasModel

SAMPLE_SIZE = 64
"""Validation images that travel with a run, for the parity gate at export; 64 of 224x224x3 bytes are 9.6 MB."""


def outcome(model: KerasModel, config: TrainingConfig, material: Material, history: tuple[Epoch, ...]) -> Run:
    """Fit temperature and abstention on the validation split, and measure and describe the network with them."""
    valid, labels = material.valid, material.labels
    raw = predict_model(model, valid.images)
    temperature, scores, metrics = calibrate(raw, valid.targets, labels)
    answers, seen = scaled(raw, temperature), appearances(material.train.images)
    manifest = msgspec.structs.replace(
        describe_training(config, labels, material.spec, metrics, material.digest),
        temperature=temperature,
        abstention_threshold=abstention_threshold(answers, config.abstain),
        out_of_distribution=usual_appearance(seen),
        drift_reference=drift_reference(answers, seen),
        curves=curves(valid.targets, answers, scores),
        model_digest=model_digest(model, labels, material.spec, temperature),
    )
    return Run(model, manifest, history, _sample(valid.images), scores)


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


def _sample(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    places: Iterable[int] = np.linspace(0, len(images) - 1, min(SAMPLE_SIZE, len(images))).round().astype(int)
    return images[list(places)]
