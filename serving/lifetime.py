"""The life of the embedded server: load, open the ports, serve, drain, end."""

import logging
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Literal

from proto import tfserving_pb2 as pb
from serving.prediction import Model
from serving.server import Servicer, listening
from serving.settings import Settings
from serving.versions import Versions

_LOG = logging.getLogger(__name__)
_GRACE = 10.0
"""Seconds that calls have to finish after a signal."""
_MICROSECOND = 1e-6

News = SimpleQueue[Literal["settled", "signal", "ended"]]
"""What the main thread waits for. A SimpleQueue, because a signal handler may put into it at any moment."""


def catch_signals() -> News:
    """Return a queue which hears of SIGTERM and SIGINT from now on."""
    news: News = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: news.put("signal"))
    return news


def run(settings: Settings, load: Callable[[Path], Model], news: News) -> int:
    """Serve until `news` of a signal, and return the exit status: 0, or 1 if the first version could not be loaded.

    As with TensorFlow Serving, the ports open when the model has become available for the first time.

    Raises:
        OSError: an address is taken or not allowed.
    """
    versions = Versions(
        settings.model_name,
        Path(settings.model_base_path),
        load,
        retries=settings.max_num_load_retries,
        retry_interval=settings.load_retry_interval_micros * _MICROSECOND,
    )
    with _watching(versions, settings.file_system_poll_wait_seconds, news):
        if news.get() != "settled":
            return 0
        if not _is_available(versions):
            _LOG.error("1 servable(s) did not become available: %s", settings.model_name)
            return 1
        servicer = Servicer(versions, as_content=settings.enable_serialization_as_tensor_content)
        with listening(servicer, settings.addresses, threads=settings.grpc_max_threads, grace=_GRACE):
            _LOG.info("listening addresses=%s", ",".join(settings.addresses))
            news.get()
    _LOG.info("stopped")
    return 0


@contextmanager
def _watching(versions: Versions, interval: float, news: News) -> Iterator[None]:
    """Own the thread that watches the store; what it dies of is raised at the end."""
    stop = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="versions") as pool:
        watch = pool.submit(_watch, versions, interval, stop, news)
        watch.add_done_callback(lambda _: news.put("ended"))
        try:
            yield
        finally:
            stop.set()
    watch.result()


def _watch(versions: Versions, interval: float, stop: Event, news: News) -> None:
    settled = False
    while not stop.is_set():
        versions.refresh()
        if not settled and (_is_available(versions) or _has_failed(versions)):
            settled = True
            news.put("settled")
        stop.wait(interval)


def _is_available(versions: Versions) -> bool:
    return any(status.state == pb.ModelVersionStatus.AVAILABLE for status in versions.statuses())


def _has_failed(versions: Versions) -> bool:
    return any(status.status.error_code for status in versions.statuses())
