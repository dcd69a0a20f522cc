"""The endpoints of retraining: start one, follow it, see what became of it, cancel it."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, delete, get, post
from litestar.openapi import ResponseSpec

from gateway.docs import training_examples as examples
from gateway.documentation import json_body, operation, problems
from gateway.endpoints.parameters import Following, PageSize
from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    HistoryUnavailable,
    InvalidParameters,
    RetrainingUnavailable,
    SessionEnded,
    SessionUnknown,
)
from gateway.jobs.schemas import RetrainReply, TrainingSession, TrainingSessions, TrainingStatus
from gateway.jobs.trainer import Parameters
from gateway.services import Services
from gateway.uploads import BodyLimits, read_body

_DOCUMENT_BYTES = 16_384
_BODY_ERRORS = (BodyTooLarge, BodyTimeout, ClientGone)
_PARAMETERS = {"type": "object"}  # `GET /retrain/parameters` has the rest, which the trainer knows

_Scalar = bool | int | float | str | None
_Document = dict[str, _Scalar | dict[str, _Scalar]]
"""Typed, so that a deeply nested one is refused before it is built."""


@post(
    "/retrain",
    status_code=202,
    responses={
        **problems(InvalidParameters, RetrainingUnavailable, *_BODY_ERRORS, HistoryUnavailable),
        200: ResponseSpec(RetrainReply, generate_examples=False, description="One runs already."),
    },
    operation_class=operation(
        body=json_body(_PARAMETERS, examples=examples.PARAMETERS, required=False), example=examples.RETRAINING
    ),
)
async def retrain(request: Request[Any, Any, Any], services: Services) -> Response[RetrainReply]:
    """Retrain the newest version with the labelled uploads; 200 and the running session where one runs already.

    A body is not needed; a JSON object may set what `GET /retrain/parameters` describes. A version that passes the
    trainer's gate is published, and rolls out by itself.
    """
    limits = BodyLimits(_DOCUMENT_BYTES, "the size of the parameters", services.settings.body_timeout_s, files=0)
    parameters = read_parameters(await read_body(request, limits))
    job, is_new = await services.jobs.start(parameters)
    message = "retraining has started" if is_new else "a retraining runs already"
    return Response(RetrainReply(f"{message}; GET /status follows it", job.id), status_code=202 if is_new else 200)


@get(
    "/retrain/parameters",
    responses=problems(RetrainingUnavailable),
    operation_class=operation(example=examples.PARAMETER_SCHEMA),
)
async def parameters(services: Services) -> dict[str, Any]:
    """Return the JSON schema of what `POST /retrain` may set."""
    return await services.jobs.parameters()


@delete(
    "/retrain/{session_id:str}",
    status_code=202,
    responses=problems(SessionUnknown, SessionEnded, HistoryUnavailable),
    operation_class=operation(example=examples.SESSION),
)
async def cancel(services: Services, session_id: str) -> TrainingSession:
    """Cancel a retraining: it is told to end, and is ended where it has not within 15 s."""
    return TrainingSession.of(await services.jobs.cancel(session_id))


@get("/status", responses=problems(HistoryUnavailable), operation_class=operation(example=examples.STATUS))
async def status(services: Services) -> TrainingStatus:
    """Return how the retraining is doing that runs, or how the last one ended."""
    return TrainingStatus.of(await services.jobs.newest())


@get("/training-sessions", responses=problems(HistoryUnavailable), operation_class=operation(example=examples.SESSIONS))
async def sessions(
    services: Services,
    limit: PageSize = 50,
    after: Following = None,
) -> TrainingSessions:
    """Return all retrainings, newest first; `after` is the `next` of the page before."""
    page = await services.jobs.page(limit, after)
    return TrainingSessions([TrainingSession.of(job) for job in page.jobs], page.next)


@get(
    "/training-sessions/{session_id:str}",
    responses=problems(SessionUnknown, HistoryUnavailable),
    operation_class=operation(example=examples.SESSION),
)
async def session(services: Services, session_id: str) -> TrainingSession:
    """Return a retraining, and its outcome."""
    return TrainingSession.of(await services.jobs.get(session_id))


@get(
    "/training-sessions/{session_id:str}/log",
    media_type=MediaType.TEXT,
    responses=problems(SessionUnknown, HistoryUnavailable),
    operation_class=operation(text={"text/plain": examples.LOG}),
)
async def log(services: Services, session_id: str) -> bytes:
    """Return the last 64 KiB of a retraining's events, one JSON object a line, and the last 64 KiB of its errors."""
    return await services.jobs.log(session_id)


def read_parameters(document: bytes) -> Parameters:
    """Return the parameters in a body; none in an empty one.

    Raises:
        InvalidParameters: it is no JSON object of scalars and of objects of scalars.
    """
    try:
        return dict(msgspec.json.decode(document or b"{}", type=_Document))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidParameters(
            f"the body is no JSON object of parameters: {error}; leave it out, or mend it"
        ) from error


JOB_ROUTES = [retrain, parameters, cancel, status, sessions, session, log]
