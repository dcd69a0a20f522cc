"""Several images and what became of them: in which portions they are sent, and as a table."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from dashboard.client.messages import Prediction, Refusal

IMAGE_MB: Final = 10
"""Of one image; the gateway reads no more by default."""
_PORTION: Final = 8  # images: few enough that the progress moves, many enough for a batch of the model
_PORTION_BYTES: Final = 32_000_000
"""Below what the gateway reads of a batch by default."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection
_COLUMNS: Final = ("file", "class", "confidence", "abstain", "model_version", "total_ms", "id", "problem")


class Image(msgspec.Struct, frozen=True):
    """An image that a visitor has uploaded."""

    key: str
    """Of this upload: the same file uploaded again has another one."""
    name: str
    body: bytes


class Answered(msgspec.Struct, frozen=True):
    """An image, and what became of it."""

    image: Image
    outcome: Prediction | Refusal


Portioned = TypeVar("Portioned", bound=Image)


def portions(images: Sequence[Portioned], most: int = _PORTION) -> Iterator[list[Portioned]]:
    """Part images into what is sent at a time, in their order, at most so many of them."""
    portion: list[Portioned] = []
    for image in images:
        size = sum(len(one.body) for one in portion) + len(image.body)
        if portion and (len(portion) == most or size > _PORTION_BYTES):
            yield portion
            portion = []
        portion.append(image)
    if portion:
        yield portion


def summary(answers: Sequence[Answered]) -> str:
    """Say how many there are of each class, and what is not to be relied on."""
    predictions = [one.outcome for one in answers if isinstance(one.outcome, Prediction)]
    classes = Counter(prediction.prediction for prediction in predictions)
    parts = [f"{count} {label}" for label, count in classes.most_common()]
    doubtful = sum(prediction.abstain for prediction in predictions)
    refused = len(answers) - len(predictions)
    parts += [f"{refused} refused"] if refused else []
    said = f"{len(answers)} images: {', '.join(parts)}."
    return f"{said} The model would not rely on {doubtful} of its answers." if doubtful else said


def to_csv(answers: Sequence[Answered]) -> str:
    """Return the answers as a file for a spreadsheet, which runs nothing of what a file may be called."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows([_harmless(cell) for cell in _row(one)] for one in answers)
    return text.getvalue()


def _row(answered: Answered) -> list[object]:
    name, outcome = answered.image.name, answered.outcome
    if isinstance(outcome, Refusal):
        return [name, *[""] * 6, f"{outcome.title}: {outcome.detail}"]
    return [
        *(name, outcome.prediction, outcome.confidence, str(outcome.abstain).lower()),
        *(outcome.model_version, outcome.timings.total, outcome.id, ""),
    ]


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
