"""The endpoints that classify images."""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, post

from gateway import tasks
from gateway.access.access import caller_of
from gateway.deadlines import budget
from gateway.disconnects import connected
from gateway.docs import examples
from gateway.documentation import image_body, operation, problems
from gateway.endpoints.parameters import ROUTE_KEY, SERVER_TIMING, Timeout
from gateway.endpoints.refusals import IMAGE_ERRORS, PREDICT_ERRORS
from gateway.errors import BadImage
from gateway.problems import to_problem
from gateway.schemas import BatchEntry, BatchReply, Prediction
from gateway.services import Services
from gateway.uploads import BodyLimits, Upload, read_uploads


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


PREDICTION_ROUTES = [predict, predict_batch]
