"""Real programs, and a deployment that has seen everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.tests.deployment import deployed
from monitoring.tests.mixedload import Watched, run_through
from monitoring.tests.programs import program


@pytest.fixture(scope="session")
def promtool() -> Path:
    return program("promtool")


@pytest.fixture(scope="session")
def watched(toy_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Return a deployment after a mixed load, which Prometheus has seen from beginning to end."""
    with deployed(toy_versions, tmp_path_factory.mktemp("watched")) as deployment:
        yield run_through(deployment)
