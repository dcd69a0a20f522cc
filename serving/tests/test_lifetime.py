"""When the ports open, and with which status the server ends; with models in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import pytest

from serving.lifetime import News, run
from serving.settings import Settings
from serving.tests.memory import MemoryModel, MemoryStore
from tests.processes import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for a Unix socket."""
    with TemporaryDirectory(prefix="pulmo-") as name:
        (Path(name) / "lung").mkdir()
        yield Path(name)


@pytest.fixture
def settings(folder: Path) -> Settings:
    return Settings(
        port=0,
        grpc_socket_path=str(folder / "s"),
        model_base_path=str(folder / "lung"),
        file_system_poll_wait_seconds=0.01,
        max_num_load_retries=0,
    )


def test_the_socket_appears_with_the_first_version_and_goes_with_the_server(settings: Settings, folder: Path) -> None:
    store = MemoryStore(folder / "lung")
    news: News = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(run, settings, store.load, news)
        assert not (folder / "s").exists()
        store.add(1)
        eventually((folder / "s").exists, within=30, what="the socket is there")
        news.put("signal")

        assert ended.result(30) == 0
        assert not (folder / "s").exists()


def test_a_first_version_that_cannot_be_loaded_ends_with_status_1(
    settings: Settings, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore(folder / "lung")
    store.broken.add(1)
    store.add(1)

    assert run(settings, store.load, SimpleQueue()) == 1
    assert (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
        "{{{name: default version: 1} due to error: DATA_LOSS: version 1 is broken}, }"
    ) in caplog.text


def test_a_signal_ends_a_server_that_waits_for_its_first_version(settings: Settings, folder: Path) -> None:
    news: News = SimpleQueue()
    news.put("signal")

    assert run(settings, MemoryStore(folder / "lung").load, news) == 0


def test_a_bug_in_the_watching_thread_ends_the_server(settings: Settings, folder: Path) -> None:
    store = MemoryStore(folder / "lung")
    store.add(1)

    def load(path: Path) -> MemoryModel:
        raise ZeroDivisionError(path)

    with pytest.raises(ZeroDivisionError):
        run(settings, load, SimpleQueue())
