"""What is told of drift."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry

from gateway.drift.stability import drift
from gateway.drift.tally import Tally
from gateway.exposition import StateGauge

_SHOWN = 32  # versions, the newest


class DriftMetrics:
    """How far the last images of each version, and its answers, are from what it was validated with."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.psi = StateGauge(
            "gateway_drift_psi",
            "Population stability index of what a version sees and answers; above 0.25 it is another population.",
            ["version", "feature"],
            registry,
        )
        self.images = StateGauge(
            "gateway_drift_images",
            "Images that this is told from, the last ones of a version.",
            ["version"],
            registry,
        )

    def show(self, compared: Sequence[tuple[Tally, Mapping[str, Sequence[int]]]]) -> None:
        """Show these from now on, the newest versions of them; what too few images tell of is left out.

        Args:
            compared: what was seen of each version, and the counts of each feature that are usual.
        """
        newest = sorted(compared, key=lambda pair: pair[0].version)[-_SHOWN:]
        indices = {
            (seen.version, feature): drift(counts, usual[feature])
            for seen, usual in newest
            for feature, counts in seen.counts.items()
        }
        self.images.show({(seen.version,): seen.images for seen, _ in newest})
        self.psi.show({labels: index for labels, index in indices.items() if index is not None})
