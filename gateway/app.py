"""Composes the application: routes, errors, instrumentation, and the services behind them."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException
from prometheus_client import CollectorRegistry

from gateway.access.access import Access
from gateway.docs.assets import find_assets
from gateway.docs.pages import doc_routes
from gateway.documentation import complete, configuration
from gateway.endings import Endings
from gateway.endpoints.explanations import EXPLAIN_ROUTES
from gateway.endpoints.feedback import FEEDBACK_ROUTES
from gateway.endpoints.history import HISTORY_ROUTES
from gateway.endpoints.jobs import JOB_ROUTES
from gateway.endpoints.models import MODEL_ROUTES
from gateway.endpoints.predictions import PREDICTION_ROUTES
from gateway.endpoints.service import SERVICE_ROUTES
from gateway.endpoints.uploads import UPLOAD_ROUTES
from gateway.envelope.envelope import Envelope
from gateway.envelope.headers import CrossOrigin
from gateway.errors import GatewayError
from gateway.gate import Gate
from gateway.instrumentation import Instrumentation
from gateway.metrics import Metrics
from gateway.openinference.routes import V2_ROUTES
from gateway.problems import ProblemHandlers
from gateway.services import Services, run_services
from gateway.settings import Settings


def create_app(settings: Settings, metrics_folder: Path | None = None) -> Endings:
    """Return the ASGI application. Nothing but the files of the metrics is opened before its lifespan begins.

    Args:
        settings: for this process.
        metrics_folder: where several processes keep their metrics for each other; None where there is one process.
    """
    metrics = Metrics(CollectorRegistry(), metrics_folder)
    problems = ProblemHandlers(metrics)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with run_services(settings, metrics, metrics_folder) as services:
            app.state.services = services
            gc.collect()
            gc.freeze()  # what there is now, stays: looking through it for garbage stops everything for 70 ms
            yield

    app = Litestar(
        route_handlers=[
            *PREDICTION_ROUTES,
            *SERVICE_ROUTES,
            *EXPLAIN_ROUTES,
            *HISTORY_ROUTES,
            *MODEL_ROUTES,
            *JOB_ROUTES,
            *UPLOAD_ROUTES,
            *FEEDBACK_ROUTES,
            *V2_ROUTES,
            *doc_routes(find_assets()),
        ],
        dependencies={"services": Provide(provide_services, sync_to_thread=False)},
        exception_handlers={
            GatewayError: problems.gateway_error,
            HTTPException: problems.http_exception,
            Exception: problems.bug,
        },
        lifespan=[lifespan],
        openapi_config=configuration("0.1.0", closed=settings.has_keys),
        request_max_body_size=None,  # gateway.uploads has limits of its own, with clearer errors
        logging_config=None,
    )
    complete(app.openapi_schema)
    access = Access.from_settings(settings, metrics.access)
    envelope = Envelope(Gate(app, access, problems), CrossOrigin(settings.origins()))
    return Endings(Instrumentation(envelope, metrics))


def provide_services(request: Request[Any, Any, Any]) -> Services:
    """Return the services that the lifespan started."""
    services: Services = request.app.state.services
    return services
