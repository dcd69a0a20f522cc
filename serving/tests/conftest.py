"""What several tests of the model server need."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.modelserver import ModelServer

if TYPE_CHECKING:
    from serving.tests.official import Official


@pytest.fixture(scope="session")
def official(model_server: ModelServer) -> Iterator["Official"]:
    """Return the official client of the session's model server."""
    from serving.tests.official import connected  # noqa: PLC0415 - imports TensorFlow, which takes seconds

    with connected(model_server.target) as client:
        yield client
