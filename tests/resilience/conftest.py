"""A store and a folder for each scenario."""

from pathlib import Path

import pytest

from tests.toystore import Store


@pytest.fixture
def store(toy_versions: Path, tmp_path: Path) -> Store:
    """Return a store with one version."""
    store = Store(tmp_path, toy_versions)
    store.publish()
    return store
