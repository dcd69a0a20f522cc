"""The life of the embedded server: load, open the ports, serve, drain, end."""

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

from proto import tfserving_pb2 as pb
from serving.configuration import Rules, one_model, read
from serving.errors import ServingError
from serving.models import Models
from serving.prediction import Model
from serving.server import listening
from serving.services import Servicer
from serving.settings import Settings
from serving.watching import Watch

_LOG = logging.getLogger(__name__)
_GRACE = 10.0
"""Seconds that calls have to finish after a signal."""
_MICROSECOND = 1e-6

News = SimpleQueue[Literal["changed", "signal", "ended"]]
"""What the main thread waits for. A SimpleQueue, because a signal handler may put into it at any moment."""


def catch_signals() -> News:
    """Return a queue which hears of SIGTERM and SIGINT from now on."""
    news: News = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: news.put("signal"))
    return news


def run(settings: Settings, load: Callable[[Path], Model], news: News) -> int:
    """Serve until `news` of a signal, and return the exit status: 0, or 1 if the models could not be loaded.

    As with TensorFlow Serving, the ports open when every model serves.

    Raises:
        OSError: an address is taken or not allowed.
    """
    with Watch(settings.file_system_poll_wait_seconds, lambda: news.put("ended")) as watch:
        models = Models(
            load,
            _rules(settings),
            start=watch.add,
            changed=lambda: news.put("changed"),
            label_unavailable=settings.allow_version_labels_for_unavailable_models,
        )
        try:
            if not _await(models, models.configure(_configuration(settings)), news):
                return 0
        except ServingError as error:
            _LOG.error("Failed to start server. Error: %s: %s", error.code.name, error)
            return 1
        if settings.model_config_file_poll_wait_seconds:
            watch.repeat(_Rereading(models, settings), settings.model_config_file_poll_wait_seconds)
        servicer = Servicer(models, as_content=settings.enable_serialization_as_tensor_content)
        with listening(
            servicer,
            settings.addresses,
            threads=settings.grpc_max_threads,
            grace=_GRACE,
            health=settings.enable_grpc_healthcheck_service,
        ):
            _LOG.info("listening addresses=%s", ",".join(settings.addresses))
            while news.get() == "changed":
                pass
    _LOG.info("stopped")
    return 0


def _rules(settings: Settings) -> Rules:
    return Rules(
        retries=settings.max_num_load_retries,
        retry_interval=settings.load_retry_interval_micros * _MICROSECOND,
        fall_back=settings.fall_back_to_older_versions,
        retry_changed=settings.retry_changed_versions,
        always_present=settings.servable_versions_always_present,
    )


def _configuration(settings: Settings) -> pb.ModelServerConfig:
    if settings.model_config_file:
        return read(Path(settings.model_config_file))
    return one_model(settings.model_name, settings.model_base_path)


def _await(models: Models, names: list[str], news: News) -> bool:
    """Return whether the models serve; False if a signal came first.

    Raises:
        ServingError: UNKNOWN, some of them failed for good.
    """
    while not models.settled(names):
        if news.get() != "changed":
            return False
    return True


class _Rereading:
    """Reads the configuration file again and again; what is wrong with it is logged once."""

    def __init__(self, models: Models, settings: Settings) -> None:
        self._models = models
        self._settings = settings
        self._error = ""

    def __call__(self) -> None:
        """Configure what the file says now; if that cannot be, what is configured stays."""
        try:
            self._models.configure(_configuration(self._settings))
        except ServingError as error:
            if str(error) != self._error:
                _LOG.error("configuration refused code=%s error=%s", error.code.name, error)
            self._error = str(error)
        else:
            self._error = ""
