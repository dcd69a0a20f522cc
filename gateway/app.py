"""Composes the application: routes, errors, instrumentation, and the services behind them."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from prometheus_client import CollectorRegistry

from gateway.access.access import Access
from gateway.docs.assets import find_assets
from gateway.docs.pages import doc_routes
from gateway.documentation import complete, configuration
from gateway.envelope.envelope import Envelope
from gateway.envelope.headers import CrossOrigin
from gateway.errors import GatewayError
from gateway.explain_routes import EXPLAIN_ROUTES
from gateway.feedback_routes import FEEDBACK_ROUTES
from gateway.gate import Gate
from gateway.history_routes import HISTORY_ROUTES
from gateway.instrumentation import Instrumentation
from gateway.job_routes import JOB_ROUTES
from gateway.metrics import Metrics
from gateway.model_routes import MODEL_ROUTES
from gateway.openinference.routes import V2_ROUTES
from gateway.problems import ProblemHandlers
from gateway.routes import ROUTES, provide_services
from gateway.services import run_services
from gateway.settings import Settings
from gateway.upload_routes import UPLOAD_ROUTES


def create_app(settings: Settings, metrics_folder: Path | None = None) -> Instrumentation:
    """Return the ASGI application. Nothing but the files of the metrics is opened before its lifespan begins.

    Args:
        settings: for this process.
        metrics_folder: where several processes keep their metrics for each other; None where there is one process.
    """
    metrics = Metrics(CollectorRegistry(), metrics_folder)
    problems = ProblemHandlers(metrics)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with run_services(settings, metrics) as services:
            app.state.services = services
            gc.collect()
            gc.freeze()  # what there is now, stays: looking through it for garbage stops everything for 70 ms
            yield

    app = Litestar(
        route_handlers=[
            *ROUTES,
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
    return Instrumentation(envelope, metrics)
