"""When the ports open, and with which status the server ends; with models in memory."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import httpx
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from proto.methods import PREDICT
from serving.configuration import Rules
from serving.lifetime import Rereading, ServerNews, run
from serving.metrics import Metrics
from serving.models import Models
from serving.news import News
from serving.settings import Settings
from serving.tests.memory import MemoryModel, MemoryStore, request
from serving.versions import Versions
from tests.processes import eventually, free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for a Unix socket."""
    with TemporaryDirectory(prefix="pulmo-") as name:
        (Path(name) / "lung").mkdir()
        yield Path(name)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def settings(folder: Path) -> Settings:
    return Settings(
        port=0,
        grpc_socket_path=str(folder / "s"),
        model_base_path=str(folder / "lung"),
        file_system_poll_wait_seconds=0.01,
        max_num_load_retries=0,
    )


def test_the_socket_appears_with_the_first_version_and_goes_with_the_server(
    settings: Settings, metrics: Metrics, folder: Path
) -> None:
    store = MemoryStore(folder / "lung")
    news: ServerNews = News()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(run, settings, store.load, news, metrics)
        assert not (folder / "s").exists()
        store.add(1)
        eventually((folder / "s").exists, within=30, what="the socket is there")
        news.put("signal")

        assert ended.result(30) == 0
        assert not (folder / "s").exists()


def test_a_first_version_that_cannot_be_loaded_ends_with_status_1(
    settings: Settings, metrics: Metrics, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore(folder / "lung")
    store.broken.add(1)
    store.add(1)

    assert run(settings, store.load, News(), metrics) == 1
    assert (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
        "{{{name: default version: 1} due to error: DATA_LOSS: version 1 is broken}, }"
    ) in caplog.text


def test_a_signal_ends_a_server_that_waits_for_its_first_version(
    settings: Settings, metrics: Metrics, folder: Path
) -> None:
    news: ServerNews = News()
    news.put("signal")

    assert run(settings, MemoryStore(folder / "lung").load, news, metrics) == 0


def test_a_bug_in_the_watching_thread_ends_the_server(settings: Settings, metrics: Metrics, folder: Path) -> None:
    store = MemoryStore(folder / "lung")
    store.add(1)

    def load(path: Path) -> MemoryModel:
        raise ZeroDivisionError(path)

    with pytest.raises(ZeroDivisionError):
        run(settings, load, News(), metrics)


def test_at_the_end_both_ways_in_close_at_once_and_running_calls_are_answered(
    settings: Settings, metrics: Metrics, folder: Path
) -> None:
    news: ServerNews = News()
    store, port = MemoryStore(folder / "lung"), free_port()
    store.add(1)
    settings = replace(settings, model_name="lung", rest_api_port=port)
    url = f"http://127.0.0.1:{port}/v1/models/lung:predict"
    with ThreadPoolExecutor(2) as pool, grpc.insecure_channel(f"unix:{folder / 's'}") as channel:
        ended = pool.submit(run, settings, store.load, news, metrics)
        eventually((folder / "s").exists, within=30, what="the socket is there")
        model = store.models[1]
        model.gate.clear()
        predict = channel.unary_unary(
            PREDICT.path,
            request_serializer=PREDICT.request.SerializeToString,
            response_deserializer=PREDICT.response.FromString,
        )
        by_grpc = predict.future(request(1), timeout=30, wait_for_ready=True)
        by_http = pool.submit(httpx.post, url, json={"inputs": [1]}, timeout=30)
        assert model.started.acquire(timeout=30)
        assert model.started.acquire(timeout=30)
        news.put("signal")
        eventually(lambda: not accepts(port), within=30, what="HTTP takes no new connections")
        refused = grpc.StatusCode.UNAVAILABLE
        eventually(lambda: predict.future(request(1)).code() == refused, within=30, what="gRPC takes no new calls")
        assert not by_grpc.done()
        assert not by_http.done()
        model.gate.set()

        assert list(by_grpc.result().outputs["double"].float_val) == [2]
        assert by_http.result(30).json() == {"outputs": {"double": [2.0], "half": [0.5]}}
        assert ended.result(30) == 0


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_mistake_in_the_configuration_file_is_logged_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = folder / "models.config"
    settings = Settings(model_config_file=str(file))
    models = Models(MemoryStore(folder / "lung").load, Rules(), start=Versions.refresh)
    reread = Rereading(models, settings)
    logged = []
    for text in ("model {", "model {", "model_config_list {}", "model {"):
        file.write_text(text)
        reread()
        logged.append(caplog.text.count("configuration refused"))

    assert logged == [1, 1, 1, 2]
