"""A store of toys for tests that publish one version after the other."""

from pathlib import Path

from tests import toymodel
from tests.brokenversions import REFUSED_BY_GATEWAY, REFUSED_BY_SERVER, publish_broken
from tests.modelserver import MODEL

TOYS = (1, 2, 3)


def toy_of(version: int) -> int:
    """Return the version of `toy_versions` that a version of a store is a copy of."""
    return TOYS[version % len(TOYS)]


class Store:
    """A store whose versions are copies of toys; neighbours answer otherwise, so an answer proves its version."""

    def __init__(self, folder: Path, toys: Path) -> None:
        self.path = folder / MODEL
        self.path.mkdir()
        self.newest = 0
        self._toys = toys

    def publish(self) -> int:
        """Publish the next version, and return its number."""
        self.newest += 1
        toymodel.copy(self._toys / str(toy_of(self.newest)), self.path, self.newest)
        return self.newest

    def publish_broken(self, spoil: str) -> int:
        """Publish the next version, spoiled, and return its number."""
        self.newest += 1
        kinds = REFUSED_BY_SERVER | REFUSED_BY_GATEWAY
        publish_broken(self._toys / str(toy_of(self.newest)), self.path, self.newest, kinds[spoil])
        return self.newest
