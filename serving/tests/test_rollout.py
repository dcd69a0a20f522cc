"""Versions that come and go under a server that is a process of its own, while calls go on."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event

import grpc
import numpy as np
import pytest

from serving.tests.official import Official, connected, predict_request
from tests import toymodel
from tests.modelserver import MODEL, serving
from tests.processes import eventually

AVAILABLE, END = 30, 50
IMAGES = np.full((1, 32, 32, 1), 200, np.uint8)
DATA_LOSS = 15


class Store:
    """A base path to which a test adds versions, each with a number that was not there before."""

    def __init__(self, base_path: Path, toys: Path) -> None:
        self.base_path = base_path
        self._toys = toys
        self._numbers = count(1)

    def add(self, toy: int) -> int:
        """Publish a copy of a toy version, and return its number here."""
        return self.add_copy(self._toys / str(toy))

    def add_copy(self, folder: Path) -> int:
        """Publish a copy of `folder`, and return its number."""
        number = next(self._numbers)
        toymodel.copy(folder, self.base_path, number)
        return number

    def remove(self, version: int) -> None:
        shutil.rmtree((self.base_path / str(version)).rename(self.base_path / f".{version}.gone"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, toy_versions: Path) -> Store:
    base_path = tmp_path_factory.mktemp("rollout") / MODEL
    base_path.mkdir()
    store = Store(base_path, toy_versions)
    store.add(1)
    return store


@pytest.fixture(scope="module")
def client(store: Store, program: str) -> Iterator[Official]:
    """Return the client of a server which watches `store` and tries each load once."""
    flags = "--max_num_load_retries=0"
    with serving(store.base_path, flags, program=program) as server, connected(server.target) as client:
        yield client


def deploy(client: Official, store: Store, toy: int) -> int:
    """Publish a version and wait until it serves; return its number."""
    number = store.add(toy)
    eventually(lambda: _state(client, number) == AVAILABLE, within=60, what=f"version {number} serves")
    return number


def _state(client: Official, version: int) -> int | None:
    status = client.states().get(version)
    return None if status is None else status.state


def _ask_until(stop: Event, client: Official) -> list[tuple[int, list[float]]]:
    """Call without a version, again and again; any failure ends the test."""
    answers = []
    while not stop.is_set():
        version, rows = client.probabilities(IMAGES)
        answers.append((version, rows[0].tolist()))
    return answers


def test_a_new_version_takes_over_without_a_failed_call(client: Official, store: Store) -> None:
    old = deploy(client, store, 1)
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        calls = pool.submit(_ask_until, stop, client)
        try:
            new = deploy(client, store, 2)
            eventually(lambda: _state(client, old) == END, within=60, what="the old version has ended")
        finally:
            stop.set()
        answers = calls.result()

    assert [version for version, _ in answers] == sorted(version for version, _ in answers)
    assert {version for version, _ in answers} >= {old}
    for version, row in answers:
        toy = {old: 1, new: 2}[version]
        np.testing.assert_allclose(row, toymodel.expected(IMAGES[0], toy), atol=1e-5)
    assert client.probabilities(IMAGES)[0] == new


def test_the_old_number_is_not_found_after_a_rollout(client: Official, store: Store) -> None:
    old = deploy(client, store, 1)
    assert client.probabilities(IMAGES, old)[0] == old
    new = deploy(client, store, 2)
    eventually(lambda: _state(client, old) == END, within=60, what="the old version has ended")

    with pytest.raises(grpc.RpcError) as caught:
        client.predict(predict_request(IMAGES, old))

    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert client.probabilities(IMAGES, new)[0] == new


def _spoil_graph(version: Path) -> None:
    (version / "saved_model.pb").write_bytes(b"no graph")


def _spoil_variables(version: Path) -> None:
    for part in (version / "variables").iterdir():
        part.write_bytes(b"no variables")


def _spoil_warmup(version: Path) -> None:
    (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no record" * 10)


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        pytest.param(_spoil_graph, range(1, 17), id="its graph is garbage"),
        pytest.param(_spoil_variables, range(1, 17), id="its variables are garbage"),
        pytest.param(_spoil_warmup, [DATA_LOSS], id="its warm-up records are garbage"),
    ],
)
def test_a_version_does_not_replace_a_good_one_when(
    client: Official, store: Store, spoil: Callable[[Path], None], codes: Sequence[int], tmp_path: Path
) -> None:
    good = deploy(client, store, 1)
    shutil.copytree(store.base_path / str(good), tmp_path / "bad")
    spoil(tmp_path / "bad")
    bad = store.add_copy(tmp_path / "bad")
    eventually(lambda: _state(client, bad) == END, within=60, what="the broken version has ended")
    status = client.states()[bad].status
    store.remove(bad)

    assert status.error_code in codes
    assert status.error_message
    assert client.probabilities(IMAGES)[0] == good
    assert _state(client, good) == AVAILABLE


def test_deleting_the_newest_version_brings_the_lower_one_back(client: Official, store: Store) -> None:
    lower = deploy(client, store, 1)
    newest = deploy(client, store, 2)
    eventually(lambda: _state(client, lower) == END, within=60, what="the lower version has ended")
    store.remove(newest)
    eventually(lambda: _state(client, newest) == END, within=60, what="the deleted version has ended")

    version, rows = client.probabilities(IMAGES)

    assert version == lower
    np.testing.assert_allclose(rows[0], toymodel.expected(IMAGES[0], 1), atol=1e-5)


def test_a_version_that_is_still_being_written_is_not_looked_at(client: Official, store: Store) -> None:
    (store.base_path / ".999.partial").mkdir()
    number = deploy(client, store, 1)

    assert max(client.states()) == number
