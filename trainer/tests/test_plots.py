"""The plots. What they look like is for people to judge; that they are drawn, whole and the same each time, is not."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from trainer import plots
from trainer.measures.calibration import reliability
from trainer.measures.epoch import Epoch
from trainer.measures.scores import score

LABELS = ("adeno.carcinoma", "normal", "$x^{$")
TARGETS = np.array([0, 0, 1, 1], np.int64)
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1]], np.float32)
EPOCHS = tuple(
    Epoch(epoch=n, loss=1 / n, accuracy=0.5, val_loss=abs(n - 2) + 1, val_accuracy=0.4, seconds=1) for n in (1, 2, 3)
)


def drawn() -> dict[str, bytes]:
    """Return each plot once; the third class has no image, and a name that is a broken formula."""
    scores = score(TARGETS, PROBABILITIES, LABELS)
    return {
        "history": plots.training_history(EPOCHS),
        "confusion": plots.confusion_matrix(scores),
        "roc": plots.roc(TARGETS, PROBABILITIES, scores),
        "reliability": plots.reliability(scores.reliability, reliability(TARGETS, PROBABILITIES)),
    }


def test_every_plot_is_a_picture_and_always_the_same() -> None:
    """
    Plots are PNG files with something on them, equal to the byte when drawn again, whatever a class is called.
    """
    first, again = drawn(), drawn()

    assert first == again
    for png in first.values():
        picture = np.asarray(Image.open(BytesIO(png)).convert("L"))
        assert min(picture.shape) > 400
        assert np.ptp(picture) > 200


@pytest.mark.parametrize("count", [2, 12])
def test_a_confusion_matrix_has_room_for_its_classes(count: int) -> None:
    """
    Two classes or a dozen: the picture grows with them.
    """
    targets = np.arange(count)
    scores = score(targets, np.eye(count, dtype=np.float32), tuple(f"class {n}" for n in range(count)))
    width, height = Image.open(BytesIO(plots.confusion_matrix(scores))).size

    assert min(width, height) > 100 * count


def test_the_diagonal_is_dark_where_the_answers_are_right() -> None:
    """
    A flawless matrix is dark on its diagonal and light beside it: rows are not columns, and shares are not counts.
    """
    scores = score(np.array([0, 1]), np.eye(2, dtype=np.float32), ("a", "b"))
    wrong = score(np.array([0, 1]), np.eye(2, dtype=np.float32)[::-1], ("a", "b"))
    right_side, wrong_side = (
        np.asarray(Image.open(BytesIO(plots.confusion_matrix(one))).convert("L")) for one in (scores, wrong)
    )
    middle, left = right_side.shape[0] // 3, right_side.shape[1] // 3

    assert right_side[middle, left] < 100
    assert wrong_side[middle, left] > 200
