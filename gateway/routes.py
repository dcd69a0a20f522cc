"""The endpoints: what a request brings is read here, and the services answer it."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.openapi.spec import Example
from litestar.params import Parameter
from prometheus_client.exposition import choose_encoder

from gateway import tasks
from gateway.access.access import caller_of
from gateway.deadlines import HEADER, budget
from gateway.disconnects import connected
from gateway.docs import examples, training_examples
from gateway.documentation import image_body, operation, problems
from gateway.envelope.headers import page_policy
from gateway.errors import (
    BadImage,
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    CorruptImage,
    DeadlineExceeded,
    EmptyImage,
    HistoryUnavailable,
    InvalidDicom,
    InvalidTimeout,
    MalformedForm,
    MissingField,
    ModelBusy,
    ModelFailed,
    ModelUnavailable,
    Overloaded,
    TooManyFiles,
    TooManyPixels,
    TruncatedImage,
    UnsupportedDicom,
    UnsupportedFormat,
    documented,
)
from gateway.jobs.schemas import Measured, TrainingSession
from gateway.problems import document, to_problem
from gateway.schemas import (
    BatchEntry,
    BatchReply,
    Health,
    Prediction,
)
from gateway.services import Services
from gateway.timestamps import now
from gateway.uploads import BodyLimits, Upload, read_uploads

ROUTE_KEY = "Pulmo-Route-Key"
"""The header by which a client is treated alike while two versions share the traffic."""

Timeout = Annotated[
    str | None,
    Parameter(
        header=HEADER,
        description="Seconds in which the answer is of use, as 0.5; at most PULMO_REQUEST_TIMEOUT_S, which also holds "
        "without this header. Later there is a problem `deadline-exceeded`, and no work is done that would be late.",
    ),
]
"""The header by which a client says how long it waits; `gateway.deadlines` reads it."""


def provide_services(request: Request[Any, Any, Any]) -> Services:
    """Return the services that the lifespan started."""
    services: Services = request.app.state.services
    return services


SERVER_TIMING = ResponseHeader(
    name="Server-Timing",
    description="Milliseconds, as in `timings` of the answer; of a batch the total alone.",
    documentation_only=True,
)


IMAGE_ERRORS = (
    EmptyImage,
    UnsupportedFormat,
    TruncatedImage,
    CorruptImage,
    TooManyPixels,
    InvalidDicom,
    UnsupportedDicom,
)
"""What may be wrong with one image."""

BODY_ERRORS = (BodyTooLarge, BodyTimeout, ClientGone, MissingField, MalformedForm, TooManyFiles)
"""What may be wrong with a body that holds images."""

MODEL_ERRORS = (ModelUnavailable, ModelBusy, ModelFailed)
"""What may be wrong with the model."""

PREDICT_ERRORS = (InvalidTimeout, Overloaded, *BODY_ERRORS, *MODEL_ERRORS, DeadlineExceeded, HistoryUnavailable)
"""What may be wrong with a request for predictions, beside the images themselves."""


@post(
    "/predict",
    status_code=200,
    response_headers=[SERVER_TIMING],
    responses=problems(*PREDICT_ERRORS, *IMAGE_ERRORS),
    operation_class=operation(
        body=image_body("file", "The image: as a file of a form, or as it is."), example=examples.PREDICTION
    ),
)
async def predict(request: Request[Any, Any, Any], services: Services, allowed: Timeout = None) -> Response[Prediction]:
    """Classify one image: the form field `file`, or the raw body."""
    arrived, settings = time.monotonic(), services.settings
    limits = BodyLimits(settings.max_body_bytes, "PULMO_MAX_BODY_BYTES", settings.body_timeout_s, files=1)
    deadline = arrived + budget(allowed, settings.request_timeout_s)
    await services.router.current()  # without one the body is not worth reading
    with services.admission.places(deadline=deadline) as place:
        [upload] = await read_uploads(request, "file", limits, deadline, place)
        key = request.headers.get(ROUTE_KEY) or None
        async with connected(request.receive):
            prediction = await services.pipeline.classify(upload, arrived, deadline, key, caller=caller_of(request))
    return Response(prediction, headers={"Server-Timing": prediction.timings.server_timing()})


@post(
    "/predict-batch",
    status_code=200,
    response_headers=[SERVER_TIMING],
    responses=problems(*PREDICT_ERRORS),
    operation_class=operation(
        body=image_body("files", "The images, as files of a form; a raw body is a batch of one."),
        example=examples.BATCH,
    ),
)
async def predict_batch(
    request: Request[Any, Any, Any], services: Services, allowed: Timeout = None
) -> Response[BatchReply]:
    """Classify several images: the form field `files`, repeated. An image that is none is an error in its place."""
    arrived, settings = time.monotonic(), services.settings
    files = min(settings.max_batch_files, services.admission.bulk_limit)
    limits = BodyLimits(settings.max_batch_body_bytes, "PULMO_MAX_BATCH_BODY_BYTES", settings.body_timeout_s, files)
    deadline = arrived + budget(allowed, settings.request_timeout_s)
    await services.router.current()
    with services.admission.places(deadline=deadline, priority="bulk") as place:
        uploads = await read_uploads(request, "files", limits, deadline, place)
        with services.admission.places(len(uploads) - 1, deadline=deadline, priority="bulk"):
            key = request.headers.get(ROUTE_KEY) or uuid.uuid4().hex  # the images of a request are treated alike
            async with connected(request.receive):
                reply = BatchReply(await _classify_all(request, services, uploads, arrived, deadline, key))
    return Response(reply, headers={"Server-Timing": f"total;dur={(time.monotonic() - arrived) * 1000:.3f}"})


async def _classify_all(
    request: Request[Any, Any, Any],
    services: Services,
    uploads: Sequence[Upload],
    arrived: float,
    deadline: float,
    key: str,
) -> list[BatchEntry]:
    caller = caller_of(request)

    async def classify(upload: Upload) -> BatchEntry:
        try:
            prediction = await services.pipeline.classify(upload, arrived, deadline, key, "bulk", caller)
        except BadImage as error:
            return BatchEntry(upload.filename, error=to_problem(error))
        return BatchEntry.from_prediction(prediction)

    return await tasks.together([classify(upload) for upload in uploads])


@get("/health", responses=problems(), operation_class=operation(example=examples.HEALTH))
async def health(services: Services) -> Health:
    """Say how the gateway is; always 200 while it lives."""
    try:
        version, reason = (await services.router.current()).number, None
    except ModelUnavailable as error:
        version, reason = None, error.detail
    return Health(
        status="ok" if version is not None else "degraded",
        timestamp=now(),
        model_loaded=version is not None,
        model_version=version,
        reason=reason,
    )


@get("/health/live", media_type=MediaType.TEXT, responses=problems(), operation_class=operation(example="live"))
async def live() -> str:
    """Say that the process answers."""
    return "live"


@get(
    "/health/ready",
    media_type=MediaType.TEXT,
    responses=problems(ModelUnavailable),
    operation_class=operation(example="ready"),
)
async def ready(services: Services) -> str:
    """Say that a prediction can be answered, or 503 with the reason."""
    await services.router.current()
    return "ready"


@get(
    "/metrics",
    responses=problems(ModelUnavailable, HistoryUnavailable),
    operation_class=operation(
        example=training_examples.MEASURED,
        text={
            "text/plain": examples.EXPOSITION,
            "application/openmetrics-text": f"{examples.EXPOSITION}# EOF\n",
        },
    ),
)
async def metrics(request: Request[Any, Any, Any], services: Services) -> Response[Measured]:
    """Return Prometheus text where Accept asks for it, else what the trainer measured, and the retrainings."""
    accept = request.headers.get("accept", "")
    if "text/plain" in accept or "openmetrics" in accept:
        encode, media_type = choose_encoder(accept)
        text: Any = await asyncio.to_thread(encode, services.metrics.exposed)  # another type than documented above
        return Response(text, headers={"Content-Type": media_type})
    version = await services.router.current()
    manifest = version.manifest
    trainings = await services.jobs.page(50, None)
    return Response(
        Measured(
            model_version=version.number,
            architecture=manifest.architecture,
            created_at=manifest.created_at,
            digest=manifest.digest,
            data_digest=manifest.data_digest,
            labels=manifest.labels,
            metrics=manifest.metrics,
            training_history=[TrainingSession.of(job) for job in trainings.jobs],
        )
    )


@get(
    "/problems/{name:str}",
    media_type=MediaType.TEXT,
    responses=problems(HTTPStatus.NOT_FOUND),
    operation_class=operation(example=document(Overloaded)),
)
async def problem(
    name: Annotated[str, Parameter(description="The last part of the `type`.", examples=[Example(value="overloaded")])],
) -> str:
    """Explain a problem type."""
    kind = documented().get(name)
    if kind is None:
        raise NotFoundException(f"there is no problem type {name!r}")
    return document(kind)


@get("/", media_type=MediaType.HTML, include_in_schema=False)
async def index() -> Response[str]:
    """Show a page that uploads an image and shows the answer."""
    page = (files("gateway") / "index.html").read_text(encoding="utf-8")
    return Response(page, headers={"Content-Security-Policy": page_policy(page)})


ROUTES = [predict, predict_batch, health, live, ready, metrics, problem, index]
