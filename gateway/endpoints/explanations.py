"""The endpoint that shows where the model looked."""

import time
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, post
from litestar.datastructures import ResponseHeader

from gateway.deadlines import budget
from gateway.disconnects import connected
from gateway.documentation import image_body, operation, problems
from gateway.endpoints.parameters import ROUTE_KEY, Timeout
from gateway.endpoints.refusals import BODY_ERRORS, IMAGE_ERRORS, MODEL_ERRORS
from gateway.errors import DeadlineExceeded, ExplainUnavailable, InvalidTimeout, Overloaded
from gateway.explanation import Explained
from gateway.services import Services
from gateway.uploads import BodyLimits, read_uploads

_TOLD = {
    "Pulmo-Prediction": "The label with the highest probability, percent-encoded where it is not plain ASCII.",
    "Pulmo-Confidence": "Its probability.",
    "Pulmo-Model-Version": "The version that answered, and explained itself.",
    "Pulmo-Abstain": "Why the prediction is none to rely on, as `abstain_reason`; absent where it is one.",
}
_ERRORS = (
    InvalidTimeout,
    Overloaded,
    *BODY_ERRORS,
    *IMAGE_ERRORS,
    *MODEL_ERRORS,
    ExplainUnavailable,
    DeadlineExceeded,
)
_PLAIN = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"


@post(
    "/explain",
    status_code=200,
    media_type="image/png",
    response_headers=[
        ResponseHeader(name=name, description=description, documentation_only=True)
        for name, description in _TOLD.items()
    ],
    responses=problems(*_ERRORS),
    operation_class=operation(
        body=image_body("file", "The image: as a file of a form, or as it is."), bytes_of="image/png"
    ),
)
async def explain(request: Request[Any, Any, Any], services: Services, allowed: Timeout = None) -> Response[bytes]:
    """Show where the model looked: the picture with a heat map over it. The form field `file`, or the raw body.

    It says where the model found what it answers with; not that the answer is right, nor where a tumour is. Nothing is
    recorded.
    """
    arrived, settings = time.monotonic(), services.settings
    limits = BodyLimits(settings.max_body_bytes, "PULMO_MAX_BODY_BYTES", settings.body_timeout_s, files=1)
    deadline = arrived + budget(allowed, settings.request_timeout_s)
    await services.router.current()  # without one the body is not worth reading
    with services.explainer.place():
        [upload] = await read_uploads(request, "file", limits, deadline)
        async with connected(request.receive):
            explained = await services.explainer.explain(upload.body, deadline, request.headers.get(ROUTE_KEY) or None)
    return Response(explained.png, media_type="image/png", headers=_headers(explained))


def _headers(explained: Explained) -> dict[str, str]:
    scored, abstention = explained.scored, explained.scored.abstention
    return {
        "Pulmo-Prediction": quote(scored.label, safe=_PLAIN),
        "Pulmo-Confidence": f"{scored.confidence:.6g}",
        "Pulmo-Model-Version": str(scored.version.number),
        "Cache-Control": "no-store",
        **({} if abstention is None else {"Pulmo-Abstain": abstention.reason}),
    }


EXPLAIN_ROUTES = [explain]
