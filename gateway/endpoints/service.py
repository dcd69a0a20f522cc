"""The endpoints by which the service tells of itself: health, metrics, problems, and a small page."""

import asyncio
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.openapi.spec import Example
from litestar.params import Parameter
from prometheus_client.exposition import choose_encoder

from gateway.docs import examples, training_examples
from gateway.documentation import operation, problems
from gateway.envelope.headers import page_policy
from gateway.errors import HistoryUnavailable, ModelUnavailable, Overloaded, documented
from gateway.jobs.schemas import Measured, TrainingSession
from gateway.problems import document
from gateway.schemas import Health
from gateway.services import Services
from gateway.timestamps import now


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


SERVICE_ROUTES = [health, live, ready, metrics, problem, index]
