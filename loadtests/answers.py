"""What an answer of the gateway means for a load test."""

import json
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final

REFUSED_STATUSES: Final = frozenset({429, 503})
_TOLD_NOTHING_S: Final = 1.0


class Outcome(Enum):
    """What the gateway did with a request."""

    ANSWERED = auto()
    """It did what was asked."""
    REFUSED = auto()
    """It was at its limit, and said when to come again."""


class WrongAnswer(ValueError):
    """The gateway answered something that it never should."""


def read_outcome(
    status: int, headers: Mapping[str, str], body: bytes, check: Callable[[Mapping[str, Any]], object]
) -> Outcome:
    """Tell what an answer means.

    Args:
        status: of HTTP.
        headers: their names in any case, as HTTP libraries have them.
        body: as it came.
        check: raises `WrongAnswer` where the JSON object of an answer with status 200 is not what was asked for.

    Raises:
        WrongAnswer: it is neither a complete answer nor a refusal that says when to come again.
    """
    if status in REFUSED_STATUSES:
        if "Retry-After" not in headers:
            raise WrongAnswer(f"status {status} without Retry-After")
        return Outcome.REFUSED
    if status != 200:
        raise WrongAnswer(f"status {status}: {body[:200].decode(errors='replace')}")
    check(_read_object(body))
    return Outcome.ANSWERED


def told_to_wait_s(headers: Mapping[str, str]) -> float:
    """Return the seconds of a refusal's Retry-After (RFC 9110, section 10.2.3); 1 where it is a date or missing."""
    told = headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else _TOLD_NOTHING_S


def check_prediction(answer: Mapping[str, Any]) -> None:
    """Check the answer to one image.

    Raises:
        WrongAnswer: class, confidence or version are missing or impossible.
    """
    label, confidence, version = (answer.get(name) for name in ("prediction", "confidence", "model_version"))
    if not isinstance(label, str) or not label:
        raise WrongAnswer(f"prediction is {label!r}, which is no class")
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise WrongAnswer(f"confidence is {confidence!r}, which is not from 0 to 1")
    if not isinstance(version, int):
        raise WrongAnswer(f"model_version is {version!r}, which is no number")


def check_batch(answer: Mapping[str, Any], images: int) -> None:
    """Check the answer to so many images.

    Raises:
        WrongAnswer: an image has no prediction, or there are more.
    """
    entries = answer.get("predictions")
    if not isinstance(entries, list) or len(entries) != images:
        raise WrongAnswer(f"predictions is {str(entries)[:100]}, which is no list of {images}")
    for entry in entries:
        check_prediction(entry)


def check_page(answer: Mapping[str, Any], limit: int) -> None:
    """Check a page of the history.

    Raises:
        WrongAnswer: it holds more than `limit` rows, or does not say where the next page begins.
    """
    rows, following = answer.get("history"), answer.get("next", "missing")
    if not isinstance(rows, list) or len(rows) > limit:
        raise WrongAnswer(f"history is {str(rows)[:100]}, which is no list of {limit} at most")
    if following is not None and not isinstance(following, int):
        raise WrongAnswer(f"next is {following!r}, which is neither a number nor null")


def check_health(answer: Mapping[str, Any]) -> None:
    """Check what the gateway tells of itself.

    Raises:
        WrongAnswer: it cannot classify images.
    """
    if answer.get("status") != "ok":
        raise WrongAnswer(f"status is {answer.get('status')!r}: {answer.get('reason')}")


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise WrongAnswer(f"the answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise WrongAnswer("the answer is no JSON object")
    return answer
