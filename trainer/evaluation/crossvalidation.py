"""Cross-validation: each image is answered by a network that has seen none of its group, and was not chosen by it.

For each fold, the network trains on the other folds but one, which stops the training and fits the temperature as the
split `valid` does; the fold itself is the `test` split. The splits are folders of links, so training and evaluation are
the usual ones.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import msgspec
import numpy as np

from trainer.config import TrainingConfig
from trainer.data.folds import Member
from trainer.errors import TrainingError
from trainer.evaluation.evaluate import examine, of_run
from trainer.measures.findings import Answers, Crossvalidation, find
from trainer.training.events import Event
from trainer.training.train import train


def cross_validate(
    config: TrainingConfig,
    images: Sequence[Member],
    dealt: Sequence[int],
    work: Path,
    emit: Callable[[Event], None],
) -> tuple[Answers, tuple[Answers, ...]]:
    """Train and examine a network for each fold.

    Args:
        config: how to train; its data set is replaced by the folds.
        images: the images with their groups.
        dealt: a fold for each of `images`, 0 to K - 1; K is 3 or more.
        work: an empty folder, in which the folds' links and runs are put.
        emit: is told what happens.

    Returns:
        The answers to all images, and to those of each fold.

    Raises:
        TrainingError: SIGTERM or Ctrl-C came.
        TrainerError: as `train` and `examine`.
    """
    folds = max(dealt) + 1
    found: list[Answers] = []
    for fold in range(folds):
        data = link(images, dealt, fold, work / f"fold{fold}" / "data")
        run = work / f"fold{fold}" / "run"
        if train(msgspec.structs.replace(config, data=str(data)), run, emit).signal is not None:
            raise TrainingError(f"cross-validation was told to end in fold {fold + 1} of {folds}; nothing came out")
        found.append(examine(of_run(run), data, "test").answers)
        keras.utils.clear_session()
    pooled = Answers(
        np.concatenate([answers.targets for answers in found]),
        np.concatenate([answers.probabilities for answers in found]),
        found[0].labels,
        1.0,
    )
    return pooled, tuple(found)


def link(images: Sequence[Member], dealt: Sequence[int], fold: int, root: Path) -> Path:
    """Make a data set of links below `root`: the fold is `test`, the next one `valid`, and the others `train`."""
    folds = max(dealt) + 1
    for place, (image, number) in enumerate(zip(images, dealt, strict=True)):
        split = {fold: "test", (fold + 1) % folds: "valid"}.get(number, "train")
        folder = root / split / image.label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{place:06}{image.path.suffix}").symlink_to(image.path.resolve())
    return root


def judge(
    config: TrainingConfig,
    images: Sequence[Member],
    answers: tuple[Answers, tuple[Answers, ...]],
    seconds: float,
) -> Crossvalidation:
    """Score what `cross_validate` returned."""
    pooled, each = answers
    return Crossvalidation(
        images=len(pooled.targets),
        groups=len({image.group for image in images}),
        folds=tuple(map(find, each)),
        pooled=find(pooled),
        minutes=round(seconds / 60, 1),
        config=config,
    )
