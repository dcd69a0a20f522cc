"""Real parts that tests of several packages need, each started once in a session and only if a test asks for it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import toymodel
from tests.debian import ProgramMissing
from tests.gateways import Gateway, serving_gateway
from tests.modelserver import MODEL, ModelServer, serving
from tests.postgresql import Postgres, running_postgresql
from tests.processes import PYTHON, ROOT


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `make resilience` asks for."""
    parser.addoption("--resilience", action="store_true", help="also run the tests that are marked resilience")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes and was not asked for."""
    if config.getoption("resilience"):
        return
    left_out = [item for item in items if item.get_closest_marker("resilience") is not None]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item.get_closest_marker("resilience") is None]


@pytest.fixture(scope="session")
def toy_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with versions 1, 2 and 3 of the toy model, to be copied by `toymodel.copy` into other stores."""
    folder = tmp_path_factory.mktemp("toys")
    command = [PYTHON, "-m", "tests.toymodel", str(folder), "1", "2", "3"]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder


@pytest.fixture(scope="session")
def faulty_versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return version 1 of the toy model as it is with each of `toymodel.FAULTS`, to be copied like `toy_versions`."""
    folder = tmp_path_factory.mktemp("faulty")
    for fault in toymodel.FAULTS:
        command = [PYTHON, "-m", "tests.toymodel", str(folder / fault), "1", "--fault", fault]
        subprocess.run(command, check=True, cwd=ROOT)
    return {fault: folder / fault / "1" for fault in toymodel.FAULTS}


@pytest.fixture(scope="session")
def toy_store(toy_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a base path with version 1 of the toy model; not to be changed by tests."""
    store = tmp_path_factory.mktemp("store") / MODEL
    store.mkdir()
    toymodel.copy(toy_versions / "1", store, 1)
    return store


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `lung`, a store whose version 1 the command line has trained and published, to be copied by
    tests that change it, and `drawn`, the few images that it learned from.
    """
    folder = tmp_path_factory.mktemp("trained")
    places = ("--data", f"{folder}/drawn", "--run", f"{folder}/run", "--publish", f"{folder}/{MODEL}")
    for arguments in (
        ("phantoms", f"{folder}/drawn", "--per-class", "4"),
        ("train", *places, "--epochs", "1", "--image-size", "32"),
    ):
        subprocess.run([PYTHON, "-m", "trainer", *arguments], check=True, cwd=ROOT, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def model_server(toy_store: Path) -> Iterator[ModelServer]:
    """Return an embedded model server, a process of its own, that serves `toy_store`."""
    with serving(toy_store) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway in front of `model_server`; tests share it, and look at how its counters grow."""
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="session")
def gateway_url(gateway: Gateway) -> str:
    """Return the address of `gateway`."""
    return gateway.url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """Return a PostgreSQL server, a process of its own; a test that stops it starts it again."""
    try:
        with running_postgresql() as server:
            yield server
    except ProgramMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgresql"])
def history_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty history, in each of the databases that can hold one."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'history.db'}"
    server: Postgres = request.getfixturevalue("postgresql")
    return server.create()
