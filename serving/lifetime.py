"""The life of the embedded server: load, open the ports, serve, drain, end."""

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from proto import tfserving_pb2 as pb
from serving.accounting import CountedLoads
from serving.configuration import Rules, one_model, read
from serving.errors import ServingError
from serving.metrics import Metrics
from serving.models import Models
from serving.monitoring import metrics_path
from serving.news import News
from serving.prediction import Model
from serving.settings import Settings
from serving.transports import listening_everywhere
from serving.watching import Watch

_LOG = logging.getLogger(__name__)
_GRACE = 10.0
"""Seconds that calls have to finish after a signal."""
_MICROSECOND = 1e-6

ServerNews = News[Literal["changed", "signal", "ended"]]


def catch_signals() -> ServerNews:
    """Return a queue which hears of SIGTERM and SIGINT from now on."""
    news: ServerNews = News()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: news.put("signal"))
    return news


def run(settings: Settings, load: Callable[[Path], Model], news: ServerNews, metrics: Metrics) -> int:
    """Serve until `news` of a signal, and return the exit status: 0, or 1 if the models could not be loaded.

    As with TensorFlow Serving, the ports open when every model serves. All is counted in `metrics`.

    Raises:
        SettingsError: the monitoring configuration cannot be used.
        OSError: an address is taken or not allowed.
    """
    page = metrics_path(settings.monitoring_config_file)
    with Watch(settings.file_system_poll_wait_seconds, lambda: news.put("ended")) as watch:
        models = Models(
            CountedLoads(load, metrics),
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
            watch.repeat(Rereading(models, settings), settings.model_config_file_poll_wait_seconds)
        with listening_everywhere(models, settings, metrics, page, grace=_GRACE):
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


def _await(models: Models, names: list[str], news: ServerNews) -> bool:
    """Return whether the models serve; False if a signal came first.

    Raises:
        ServingError: UNKNOWN, some of them failed for good.
    """
    while not models.settled(names):
        if news.get() != "changed":
            return False
    return True


class Rereading:
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
