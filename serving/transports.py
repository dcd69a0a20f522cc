"""The ways into the server, all around one servicer: gRPC, and HTTP where it is asked for."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from serving.accounting import Calls, TimedModel
from serving.errors import ServingError
from serving.exposition import CONTENT_TYPE, exposed
from serving.metrics import Metrics, ModelState, ModelStates
from serving.models import Models
from serving.prediction import Model
from serving.rest import Reply, RestApi
from serving.rest_server import listening_http
from serving.server import listening
from serving.services import Servicer
from serving.settings import Settings

_LOG = logging.getLogger(__name__)
_MILLISECOND = 1e-3


@contextmanager
def listening_everywhere(
    models: Models, settings: Settings, metrics: Metrics, page: str | None, *, grace: float
) -> Iterator[None]:
    """Serve `models` on the addresses in `settings`, until the end of the context and what runs within `grace` seconds.

    Metrics are shown at the path `page` of the HTTP port, if there are both.

    Raises:
        OSError: an address is taken or not allowed.
    """

    def timed(name: str, model: Model) -> Model:
        return TimedModel(model, metrics, name)

    calls = Calls(metrics, models.knows)
    servicer = Servicer(models, as_content=settings.enable_serialization_as_tensor_content, timed=timed)
    drain: Callable[[], None] | None = None
    with ExitStack() as stack:
        if settings.rest_api_port:
            http = listening_http(
                RestApi(servicer, calls),
                _pages(models, metrics, page),
                (settings.rest_api_host, settings.rest_api_port),
                threads=settings.rest_api_num_threads,
                timeout=settings.rest_api_timeout_in_ms * _MILLISECOND,
                grace=grace,
            )
            port, drain = stack.enter_context(http)
            _LOG.info("listening http=%s:%d metrics=%s", settings.rest_api_host, port, page)
        elif page:
            _LOG.warning("metrics are not shown: --monitoring_config_file needs --rest_api_port")
        grpc = listening(
            servicer,
            settings.addresses,
            calls,
            threads=settings.grpc_max_threads,
            grace=grace,
            health=settings.enable_grpc_healthcheck_service,
        )
        stack.enter_context(grpc)
        _LOG.info("listening addresses=%s", ",".join(settings.addresses))
        if drain:
            stack.callback(drain)  # both drain at the same time, so that the end takes one grace and not two
        yield


def _pages(models: Models, metrics: Metrics, page: str | None) -> dict[str, Callable[[], Reply]]:
    if page is None:
        return {}
    metrics.registry.register(ModelStates(lambda: _states(models)))
    return {page: lambda: Reply(200, exposed(metrics.registry).encode(), CONTENT_TYPE)}


def _states(models: Models) -> Iterator[ModelState]:
    for model in models.statistics():
        try:
            statuses = models.statuses(model.name)
        except ServingError:
            statuses = []  # none was ever seen
        yield ModelState(model.name, statuses, model.failing, model.seconds_since_look, model.calls)
