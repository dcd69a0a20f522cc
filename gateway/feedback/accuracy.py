"""How often a version was right."""

import msgspec


class Accuracy(msgspec.Struct, frozen=True):
    """Of the predictions of a version, by what clients said of them."""

    images: int
    """Whose true label is known."""
    right: int

    @property
    def share(self) -> float:
        """Of them that were right."""
        return self.right / self.images
