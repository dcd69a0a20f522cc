"""What was counted of a version, and how the counts of several workers become one."""

from collections.abc import Iterable

import msgspec

from gateway.drift.reference import CLASS


class Tally(msgspec.Struct, frozen=True):
    """Images of a version in each bin of each feature."""

    version: int
    digest: str
    """The model's: under its number another one may have come back, of which a worker has not heard yet."""
    counts: dict[str, list[int]]

    @property
    def images(self) -> int:
        """All of them; each has one class."""
        return sum(self.counts[CLASS])

    def plus(self, others: Iterable["Tally"]) -> "Tally":
        """Return the sum with what others counted of the same version in the same bins, passing over all else."""
        counts = self.counts
        for other in others:
            if (other.version, other.digest, shape(other.counts)) == (self.version, self.digest, shape(counts)):
                counts = {
                    feature: [mine + theirs for mine, theirs in zip(bins, other.counts[feature], strict=True)]
                    for feature, bins in counts.items()
                }
        return Tally(self.version, self.digest, counts)


def shape(counts: dict[str, list[int]]) -> dict[str, int]:
    """Return how many bins each feature has."""
    return {feature: len(bins) for feature, bins in counts.items()}
