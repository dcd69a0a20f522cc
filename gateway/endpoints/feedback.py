"""The endpoints of feedback."""

from typing import Any

import msgspec
from litestar import Request, get, post

from gateway.docs import training_examples as examples
from gateway.documentation import json_body, operation, problems, schema_of
from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    HistoryUnavailable,
    InvalidFeedback,
    InvalidLabels,
    PredictionUnknown,
)
from gateway.feedback.schemas import AccuracyReply, FeedbackDocument, FeedbackReply, VersionAccuracy
from gateway.services import Services
from gateway.uploads import BodyLimits, read_body

_DOCUMENT_BYTES = 4096
_REMEDY = 'send {"prediction_id": "...", "label": "..."}'


@post(
    "/feedback",
    status_code=201,
    responses=problems(
        InvalidFeedback,
        InvalidLabels,
        PredictionUnknown,
        BodyTooLarge,
        BodyTimeout,
        ClientGone,
        HistoryUnavailable,
    ),
    operation_class=operation(
        body=json_body(schema_of(FeedbackDocument), examples=examples.TRUTH), example=examples.FEEDBACK
    ),
)
async def feedback(request: Request[Any, Any, Any], services: Services) -> FeedbackReply:
    """Take the true label of a prediction: `{"prediction_id": "...", "label": "..."}`. A later one counts instead."""
    limits = BodyLimits(_DOCUMENT_BYTES, "the size of feedback", services.settings.body_timeout_s, files=0)
    given = read_feedback(await read_body(request, limits))
    answered = await services.feedback.take(given.prediction_id, given.label)
    return FeedbackReply(
        prediction_id=answered.id,
        prediction=answered.prediction,
        label=given.label,
        correct=given.label == answered.prediction,
        model_version=answered.model_version,
    )


@get("/feedback/accuracy", responses=problems(HistoryUnavailable), operation_class=operation(example=examples.ACCURACY))
async def accuracy(services: Services) -> AccuracyReply:
    """Return how often each version was right, of the predictions whose true label is known."""
    accuracies = await services.feedback.accuracies()
    return AccuracyReply(
        [
            VersionAccuracy(version, accuracies[version].images, round(accuracies[version].share, 6))
            for version in sorted(accuracies, reverse=True)
        ]
    )


def read_feedback(document: bytes) -> FeedbackDocument:
    """Return the feedback in a body.

    Raises:
        InvalidFeedback: there is none; the message names the field.
    """
    try:
        return msgspec.json.decode(document, type=FeedbackDocument)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidFeedback(f"the body is no feedback: {error}; {_REMEDY}") from error


FEEDBACK_ROUTES = [feedback, accuracy]
