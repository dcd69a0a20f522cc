"""Versions in memory, and the model servers that the contract is held against, with their official client.

The embedded server always; `tensorflow_model_server` where it is on the PATH; and a server that runs already where
`PULMO_TFS_ADDRESS` names its gRPC address, for the tests that change no store. That one must serve version 1 of the toy
model, and no other, as `lung`: `python -m tests.toymodel STORE 1`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.configuration import Rules
from serving.tests.memory import MemoryStore
from serving.tests.watched import Clock, model
from serving.versions import Versions
from tests.modelserver import EMBEDDED, REAL, ModelServer, serving

if TYPE_CHECKING:
    from serving.tests.official import Official

ADDRESS = "PULMO_TFS_ADDRESS"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a `program` with each program that is here, and what asks for `contracted` with each server."""
    programs = [EMBEDDED, *([REAL] if shutil.which(REAL) else [])]
    if "program" in metafunc.fixturenames:
        metafunc.parametrize("program", programs, scope="session")
    if "contracted" in metafunc.fixturenames:
        servers = [*programs, *([ADDRESS] if ADDRESS in os.environ else [])]
        metafunc.parametrize("contracted", servers, scope="session")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "lung")


@pytest.fixture
def versions(store: MemoryStore, clock: Clock) -> Versions:
    return Versions(model(store), store.load, Rules(retries=1, retry_interval=60), clock=clock)


@pytest.fixture(scope="session")
def official(contracted: str, toy_store: Path, request: pytest.FixtureRequest) -> Iterator["Official"]:
    """Return the official client of a server that serves version 1 of the toy model."""
    from serving.tests.official import connected  # noqa: PLC0415 - imports TensorFlow, which takes seconds

    with ExitStack() as stack:
        if contracted == EMBEDDED:
            server: ModelServer = request.getfixturevalue("model_server")  # shared with other tests
            target = server.target
        elif contracted == REAL:
            target = stack.enter_context(serving(toy_store, program=contracted)).target
        else:
            target = os.environ[ADDRESS]
        yield stack.enter_context(connected(target))
