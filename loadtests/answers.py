"""What an answer of `POST /predict` means for a load test."""

import json
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

REFUSED_STATUSES: Final = frozenset({429, 503})


class Outcome(Enum):
    """What the gateway did with an image."""

    ANSWERED = auto()
    """It gave a prediction."""
    REFUSED = auto()
    """It was at its limit, and said when to come again."""


class WrongAnswer(ValueError):
    """The gateway answered something that it never should."""


def read_outcome(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Tell what an answer means.

    Raises:
        WrongAnswer: it is neither a complete prediction nor a refusal that says when to come again.
    """
    if status in REFUSED_STATUSES:
        if "Retry-After" not in headers:
            raise WrongAnswer(f"status {status} without Retry-After")
        return Outcome.REFUSED
    if status != 200:
        raise WrongAnswer(f"status {status}: {body[:200].decode(errors='replace')}")
    _check_prediction(body)
    return Outcome.ANSWERED


def _check_prediction(body: bytes) -> None:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise WrongAnswer(f"the answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise WrongAnswer("the answer is no JSON object")
    label, confidence, version = (answer.get(name) for name in ("prediction", "confidence", "model_version"))
    if not isinstance(label, str) or not label:
        raise WrongAnswer(f"prediction is {label!r}, which is no class")
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise WrongAnswer(f"confidence is {confidence!r}, which is not from 0 to 1")
    if not isinstance(version, int):
        raise WrongAnswer(f"model_version is {version!r}, which is no number")
