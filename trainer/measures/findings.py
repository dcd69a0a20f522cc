"""What `trainer evaluate` finds out about a model: its scores, how far they can be trusted, and its worst mistakes."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainingConfig
from trainer.data.dataset import SplitName
from trainer.measures.bootstrap import Intervals, intervals
from trainer.measures.calibration import calibration_error, reliability, scaled
from trainer.measures.scores import Scores, score


class Findings(Scores, frozen=True, kw_only=True):
    """The scores of a model on some images, with their uncertainty."""

    ece_uncalibrated: float
    """`ece` as it would be at temperature 1."""
    intervals: Intervals


class Evaluation(Findings, frozen=True, kw_only=True):
    """The findings on a whole split, and on those of its images that training has not seen in another guise."""

    subject: str
    """The run or the version that was evaluated."""
    split: SplitName
    temperature: float
    skipped: int
    """Files of the split that could not be read."""
    twins: int | None
    """Images of the split that have a twin in the `train` split of the same data set; None where there is no such
    split."""
    without_twins: Findings | None
    """The findings on the rest; None where there is no twin, or nothing but twins."""


class Crossvalidation(msgspec.Struct, frozen=True, kw_only=True):
    """What cross-validation found of a configuration."""

    images: int
    groups: int
    folds: tuple[Findings, ...]
    """Each fold's images, answered by the networks that have not seen them."""
    pooled: Findings
    """All images together."""
    minutes: float
    config: TrainingConfig


@dataclass(frozen=True)
class Answers:
    """What a model said about some images, and the truth."""

    targets: NDArray[np.int64]
    """int64 `[N]`, places in `labels`."""
    probabilities: NDArray[np.float32]
    """float32 `[N, K]`, calibrated."""
    labels: tuple[str, ...]
    temperature: float
    """What the logits behind `probabilities` were divided by."""

    def part(self, kept: NDArray[np.bool_]) -> "Answers":
        """Return the answers on the images that are marked in `kept`, bool `[N]`."""
        return Answers(self.targets[kept], self.probabilities[kept], self.labels, self.temperature)

    def worst(self, count: int) -> NDArray[np.int64]:
        """Return the rows of the wrong answers, the most confident first, int64 `[at most count]`."""
        wrong = np.flatnonzero(self.probabilities.argmax(axis=1) != self.targets)
        order = np.argsort(-self.probabilities.max(axis=1)[wrong], kind="stable")
        return wrong[order][:count]


def find(answers: Answers) -> Findings:
    """Score answers, with intervals."""
    scores = score(answers.targets, answers.probabilities, answers.labels)
    raw = scaled(answers.probabilities, 1 / answers.temperature)
    return Findings(
        **msgspec.structs.asdict(scores),
        ece_uncalibrated=calibration_error(reliability(answers.targets, raw)),
        intervals=intervals(answers.targets, answers.probabilities, answers.labels),
    )


def find_without(answers: Answers, twins: NDArray[np.bool_]) -> Findings | None:
    """Score the answers on the images that are no `twins`, bool `[N]`; None where that is all images, or none."""
    return None if twins.all() or not twins.any() else find(answers.part(~twins))
