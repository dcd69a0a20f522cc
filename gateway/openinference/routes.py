"""The endpoints of the Open Inference Protocol: the same versions, places and pipeline as everywhere else."""

import asyncio
import re
import time
from contextlib import ExitStack
from importlib.metadata import version as version_of
from typing import Any, cast

import msgspec
from litestar import Request, Response, get, post

from gateway.access.access import caller_of
from gateway.deadlines import budget
from gateway.disconnects import connected
from gateway.documentation import json_body, operation, problems, schema_of
from gateway.endpoints.parameters import ROUTE_KEY, SERVER_TIMING, Timeout
from gateway.endpoints.refusals import IMAGE_ERRORS, MODEL_ERRORS
from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    DeadlineExceeded,
    HistoryUnavailable,
    InvalidInference,
    InvalidTimeout,
    ModelUnavailable,
    ModelUnknown,
    Overloaded,
)
from gateway.manifest import ModelVersion
from gateway.openinference import examples, paths
from gateway.openinference.messages import (
    IndexEntry,
    IndexRequest,
    InferenceResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from gateway.openinference.metadata import EXTENSIONS, index_entry, model_metadata
from gateway.openinference.questions import Bounds, Question, read
from gateway.openinference.replies import Reply, check_wanted, reply
from gateway.passage import Passage
from gateway.places import Place
from gateway.services import Services
from gateway.stopwatch import Stopwatch
from gateway.uploads import BodyLimits, read_body

JSON_LENGTH = "Inference-Header-Content-Length"
"""The header that tells where the JSON ends and the binary data begins."""

_INLINE = 65_536  # bytes that are read on the event loop: less than what handing them to a thread takes
_INDEX_BYTES = 16_384
_FINDING = (ModelUnknown, ModelUnavailable)
_INFERRING = (
    InvalidTimeout,
    InvalidInference,
    ModelUnknown,
    Overloaded,
    BodyTooLarge,
    BodyTimeout,
    ClientGone,
    *IMAGE_ERRORS,
    *MODEL_ERRORS,
    DeadlineExceeded,
    HistoryUnavailable,
)
_INFERENCE = operation(
    body=json_body({"type": "object", "required": ["inputs"]}, examples=examples.QUESTIONS),
    example=examples.ANSWER,
    bytes_of="application/octet-stream",
)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


@get(paths.ROOT, responses=problems(), operation_class=operation(example=examples.SERVER))
async def server() -> ServerMetadata:
    """Say what serves, and which extensions of the protocol it has."""
    return ServerMetadata("pulmo", version_of("pulmo"), EXTENSIONS)


@get("/v2/health/live", responses=problems(), operation_class=operation(example=examples.LIVE))
async def server_live() -> ServerLive:
    """Say that the process answers."""
    return ServerLive()


@get("/v2/health/ready", responses=problems(ModelUnavailable), operation_class=operation(example=examples.READY))
async def server_ready(services: Services) -> ServerReady:
    """Say that a prediction can be answered, or 503 with the reason."""
    await services.router.current()
    return ServerReady()


@get("/v2/models/{model:str}", responses=problems(*_FINDING), operation_class=operation(example=examples.METADATA))
async def metadata(services: Services, model: str) -> ModelMetadata:
    """Return what the version that answers now takes and gives."""
    return model_metadata(model, await _find(services, model), services.versions.usable())


@get(
    "/v2/models/{model:str}/versions/{version:str}",
    responses=problems(*_FINDING),
    operation_class=operation(example=examples.METADATA),
)
async def version_metadata(services: Services, model: str, version: str) -> ModelMetadata:
    """Return what one version takes and gives."""
    return model_metadata(model, await _find(services, model, version), services.versions.usable())


@get(
    "/v2/models/{model:str}/ready",
    responses=problems(*_FINDING),
    operation_class=operation(example=examples.MODEL_READY),
)
async def model_ready(services: Services, model: str) -> ModelReady:
    """Say that a version of the model can answer, or 503 with the reason."""
    await _find(services, model)
    return ModelReady(model)


@get(
    "/v2/models/{model:str}/versions/{version:str}/ready",
    responses=problems(*_FINDING),
    operation_class=operation(example=examples.MODEL_READY),
)
async def version_ready(services: Services, model: str, version: str) -> ModelReady:
    """Say that one version can answer, or 503 with the reason."""
    await _find(services, model, version)
    return ModelReady(model)


@post(
    "/v2/repository/index",
    status_code=200,
    responses=problems(InvalidInference, BodyTooLarge, BodyTimeout, ClientGone),
    operation_class=operation(
        body=json_body(schema_of(IndexRequest), examples={"those that can answer": {"ready": True}}, required=False),
        example=examples.INDEX,
    ),
)
async def repository_index(request: Request[Any, Any, Any], services: Services) -> list[IndexEntry]:
    """Return the versions that the model server knows, or those that can answer for `{"ready": true}`."""
    limits = BodyLimits(_INDEX_BYTES, "an index request's size", services.settings.body_timeout_s, files=0)
    body = await read_body(request, limits) or b"{}"
    try:
        wanted = msgspec.json.decode(body, type=IndexRequest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInference(f'the body is no index request: {error}; send {{"ready": true}}, or nothing') from error
    entries = [index_entry(services.settings.model, report) for report in services.versions.reports()]
    return [entry for entry in entries if not wanted.ready or entry.state == "READY"]


@post(
    paths.INFER.replace("{model}", "{model:str}"),
    status_code=200,
    response_headers=[SERVER_TIMING],
    responses=problems(*_INFERRING),
    operation_class=_INFERENCE,
)
async def infer(
    request: Request[Any, Any, Any], services: Services, model: str, allowed: Timeout = None
) -> Response[InferenceResponse]:
    """Classify the images of a tensor, all by one version, which the route chooses."""
    return await _infer(request, services, model, None, allowed)


@post(
    paths.INFER_VERSION.replace("{model}", "{model:str}").replace("{version}", "{version:str}"),
    status_code=200,
    response_headers=[SERVER_TIMING],
    responses=problems(*_INFERRING),
    operation_class=_INFERENCE,
)
async def infer_version(
    request: Request[Any, Any, Any], services: Services, model: str, version: str, allowed: Timeout = None
) -> Response[InferenceResponse]:
    """Classify the images of a tensor by exactly this version, whatever the route says."""
    return await _infer(request, services, model, version, allowed)


async def _infer(
    request: Request[Any, Any, Any], services: Services, model: str, version: str | None, allowed: str | None
) -> Response[Any]:
    arrived, settings = time.monotonic(), services.settings
    limits = BodyLimits(settings.max_batch_body_bytes, "PULMO_MAX_BATCH_BODY_BYTES", settings.body_timeout_s, files=0)
    deadline = arrived + budget(allowed, settings.request_timeout_s)
    await _find(services, model, version)  # without it the body is not worth reading
    with ExitStack() as places:
        place = places.enter_context(services.admission.places(deadline=deadline))
        question = await _read(request, services, limits, deadline, place)
        rows = len(question.images)
        if rows > 1:  # it is bulk, as is known only now
            places.close()
            places.enter_context(services.admission.places(rows, deadline=deadline, priority="bulk"))
        passages = _passages(question, request, arrived, deadline, version)
        async with connected(request.receive):
            predictions = await services.pipeline.classify_together(passages)
    return _respond(reply(model, question.request, predictions), arrived)


async def _find(services: Services, model: str, version: str | None = None) -> ModelVersion:
    """Return the version that a path names, or that answers where it names none.

    Raises:
        ModelUnknown: there is no such model, or no such version of it.
        ModelUnavailable: it cannot answer now.
    """
    if model != services.settings.model:
        raise ModelUnknown(f"there is no model {model[:64]!r}; {services.settings.model!r} is served")
    if version is None:
        return await services.router.current()
    if not _NUMBER.fullmatch(version):
        raise ModelUnknown(f"there is no version {version[:40]!r}; a version is a number, see GET /models")
    return await services.versions.find(int(version))


async def _read(
    request: Request[Any, Any, Any], services: Services, limits: BodyLimits, deadline: float, place: Place
) -> Question:
    settings = services.settings
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise InvalidInference(f"the body is encoded as {encoding[:40]!r}; send it as it is, without Content-Encoding")
    body = await read_body(request, limits, deadline, place)
    json_length = request.headers.get(JSON_LENGTH)
    bounds = Bounds(min(settings.max_batch_files, services.admission.bulk_limit), settings.max_body_bytes)
    if len(body) <= _INLINE:
        question = read(body, json_length, bounds)
    else:
        question = await asyncio.to_thread(read, body, json_length, bounds)
    check_wanted(question.request)
    return question


def _passages(
    question: Question, request: Request[Any, Any, Any], arrived: float, deadline: float, version: str | None
) -> list[Passage]:
    key, caller, several = request.headers.get(ROUTE_KEY) or None, caller_of(request), len(question.images) > 1
    return [
        Passage(
            body=image if isinstance(image, bytes) else b"",
            deadline=deadline,
            key=key,
            priority="bulk" if several else "interactive",
            stopwatch=Stopwatch(arrived),
            caller=caller,
            row=None if isinstance(image, bytes) else image,
            version=None if version is None else int(version),
            index=index,
        )
        for index, image in enumerate(question.images)
    ]


def _respond(answer: Reply, arrived: float) -> Response[Any]:
    headers = {"Server-Timing": f"total;dur={(time.monotonic() - arrived) * 1000:.3f}"}
    kind = "application/json"
    if answer.json_length is not None:
        headers[JSON_LENGTH] = str(answer.json_length)
        kind = "application/octet-stream"
    return cast("Response[InferenceResponse]", Response(answer.body, media_type=kind, headers=headers))


V2_ROUTES = [
    server,
    server_live,
    server_ready,
    metadata,
    version_metadata,
    model_ready,
    version_ready,
    repository_index,
    infer,
    infer_version,
]
